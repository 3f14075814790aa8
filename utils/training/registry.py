"""The gate, which compares a candidate adapter with the one in use on dev, and the local registry of adapters."""
from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import evaluation, metrics, models
from ..types import Record


@dataclass(frozen=True)
class GateResult:
    """The gate's decision on a candidate and the checks behind it."""

    promoted: bool
    checks: tuple[tuple[str, bool, str], ...]  # (name, passed, the numbers)

    def __str__(self) -> str:
        lines = [f"{'pass' if passed else 'FAIL'}  {name}: {numbers}" for name, passed, numbers in self.checks]
        return "\n".join([("promoted" if self.promoted else "refused"), *lines])


def promotion_gate(candidate: Sequence[Record], present: Sequence[Record], perplexity: tuple[float, float],
                   most_lost: float = 0.03, most_forgotten: float = 1.05) -> GateResult:
    """Decides whether the candidate replaces the adapter in use (`present`), from paired results on the same dev questions.

    Records of a `+distractor` arm count as unanswerable. perplexity: (candidate, present). It is promoted if a goal improved
    (abstention, citation or exact match: interval above zero), nothing fell and needless abstention rose by at most `most_lost`,
    and perplexity grew at most `most_forgotten` times. Raises ValueError if the records share too few questions.
    """
    goals = {"abstains where it should": _change(candidate, present, False, "abstained"),
             "cites a right passage": _change(candidate, present, True, "cited_right"),
             "exact match": _change(candidate, present, True, "exact_match")}
    exact_match, abstention = goals["exact match"], goals["abstains where it should"]
    needless = _change(candidate, present, True, "abstained")
    ratio = perplexity[0] / perplexity[1]
    improved = [name for name, change in goals.items() if change.low > 0]
    checks = (
        ("something got better", bool(improved), "; ".join(f"{name} {change}" for name, change in goals.items())),
        ("exact match kept", exact_match.difference >= -most_lost, str(exact_match)),
        ("right silence kept", abstention.difference >= -most_lost, str(abstention)),
        ("no new silence", needless.difference <= most_lost, str(needless)),
        ("little forgotten", ratio <= most_forgotten, f"perplexity × {ratio:.3f}"),
    )
    return GateResult(all(passed for _, passed, _ in checks), checks)


def gate_results(records: Sequence[Record], perplexity: Mapping[str, float], names: Sequence[str],
                 present: str = "raft") -> dict[str, GateResult]:
    """The gate's decision on each candidate, from records with retrieved passages and with distractors only."""
    arms = {record.arm: evaluation.parse_arm(record.arm) for record in records}
    compared = [record for record in records if arms[record.arm].context.name in ("advanced_rag", "distractor")]
    own = {name: [record for record in compared if arms[record.arm].adapter == name] for name in (*names, present)}
    return {name: promotion_gate(own[name], own[present], (perplexity[name], perplexity[present])) for name in names}


def _change(candidate: Sequence[Record], present: Sequence[Record], answerable: bool, measure: str) -> metrics.PairedDifference:
    """Paired difference of one measure over questions that can be answered, or over those that cannot."""
    def measured(records: Sequence[Record]) -> dict[tuple[str, bool], tuple[float, str]]:
        """(question, with distractors only) → value and cluster."""
        rows = {(record.question_id, evaluation.parse_arm(record.arm).context.name == "distractor"): record for record in records}
        return {key: (float(record.abstained if measure == "abstained" else record.scores.get(measure, 0.0)), record.cluster)
                for key, record in rows.items() if record.task in metrics.JUDGED_TASKS
                and (record.task != "unanswerable" and not key[1]) == answerable}

    before, after = measured(present), measured(candidate)
    shared = [key for key in after if key in before]
    if not shared:
        raise ValueError(f"the gate needs {'answerable' if answerable else 'unanswerable'} questions that both arms answered: "
                         "run both on the same dev questions")
    values = [[rows[key][0] for key in shared] for rows in (before, after)]
    return metrics.paired_difference(*values, [after[key][1] for key in shared])


def register_adapter(adapter: Path, name: str, parent: str = "", metrics: dict | None = None) -> Path:
    """Copy an adapter into the local registry with its parent and metrics. Raises ValueError for an invalid or used name."""
    if not re.fullmatch(r"[a-z0-9_@-]+", name):
        raise ValueError(f"{name!r} is not a valid adapter name: use small letters, digits, _, - and @")
    target = models.local_registry() / name
    if target.exists():
        raise ValueError(f"the registry holds {name} already: choose another name for the new adapter")
    partial = models.local_registry() / f".{name}.part"
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(adapter, partial)
    provenance = {**models.adapter_provenance(f"adapter:{adapter}"), "parent": parent, "metrics": metrics or {}}
    (partial / "provenance.json").write_text(json.dumps(provenance, indent=1) + "\n", "utf-8")
    partial.replace(target)
    return target


def unused_name(name: str) -> str:
    """The name if the local registry does not have it yet, else the name with the smallest free number appended."""
    names = {path.name for path in models.local_registry().iterdir()}
    return next(free for n in range(1, len(names) + 2) if (free := name if n == 1 else f"{name}_{n}") not in names)


def promoted_names() -> list[str]:
    """Promoted adapters, oldest first; the last is the adapter in use."""
    path = models.local_registry() / "promoted.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else []


def promote(name: str, result: GateResult) -> str:
    """Put a registered adapter in use if the gate promoted it; returns the name of the adapter in use."""
    models.adapter_folder(name)
    if result.promoted:
        _write_promoted([*promoted_names(), name])
    return promoted_names()[-1] if promoted_names() else ""


def rollback() -> str:
    """Undo the last promotion; returns the name of the adapter in use. Raises ValueError when no earlier one exists."""
    if len(promoted_names()) < 2:
        raise ValueError("there is no earlier adapter to go back to: promote a second adapter first")
    _write_promoted(promoted_names()[:-1])
    return promoted_names()[-1]


def _write_promoted(names: list[str]) -> None:
    part = models.local_registry() / "promoted.part"
    part.write_text(json.dumps(names) + "\n", "utf-8")
    part.replace(models.local_registry() / "promoted.json")


def lineage() -> list[dict]:
    """One row per adapter of the local registry: name, parent, recipe, labels, metrics, digest, in use."""
    in_use = (promoted_names() or [""])[-1]
    rows = []
    for path in sorted(path for path in models.local_registry().iterdir() if (path / "adapter_model.safetensors").exists()):
        provenance = models.adapter_provenance(path.name)
        run = provenance.get("settings", {})
        rows.append({"name": path.name, "parent": provenance.get("parent", ""), "recipe": run.get("recipe", ""),
                     "labels": run.get("labels", ""), **provenance.get("metrics", {}),
                     "sha256": models.adapter_digest(path.name)[:8], "in_use": path.name == in_use})
    return rows
