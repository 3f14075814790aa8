"""Adapters by name: shipped ones in `data/checkpoints/`, the learner's own in an ignored local folder, with lineage.

A new adapter becomes the promoted one only through `promote`, which compares it with the present one and may refuse.
"""
from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import settings, stats

CHECKPOINTS = settings.DATA / "checkpoints"


def local() -> Path:
    """The learner's registry: an ignored folder in the cache."""
    path = settings.cache() / "registry"
    path.mkdir(exist_ok=True)
    return path


def folder(name: str) -> Path:
    """Where an arm's adapter lies: `adapter:FOLDER`, a shipped name, or a name (with @SEED) of the local registry.

    Raises ValueError naming what to do when it is not there.
    """
    if name.startswith("adapter:"):
        path = Path(name.removeprefix("adapter:")).expanduser()
        if not (path / "adapter_model.safetensors").exists():
            raise ValueError(f"{name}: the folder holds no adapter_model.safetensors; give the folder of a LoRA adapter")
        return path
    for path in (CHECKPOINTS / name.removesuffix("@0"), local() / name):
        if (path / "adapter_model.safetensors").exists():
            return path
    raise ValueError(f"the adapter {name} is not on this machine: make it with `python3 -m utils rebuild lab2`")


def fingerprint(name: str) -> str:
    """Digest of an adapter's weights."""
    return hashlib.sha256((folder(name) / "adapter_model.safetensors").read_bytes()).hexdigest()


def provenance(name: str) -> dict:
    """What is known of an adapter: settings, data, parent, metrics. Empty where nothing was kept."""
    path = folder(name) / "provenance.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


@dataclass(frozen=True)
class Decision:
    """What the gate said of a candidate, and why, check by check."""

    promoted: bool
    checks: tuple[tuple[str, bool, str], ...]  # (name, passed, the numbers)

    def __str__(self) -> str:
        lines = [f"{'pass' if passed else 'FAIL'}  {name}: {numbers}" for name, passed, numbers in self.checks]
        return "\n".join([("promoted" if self.promoted else "refused"), *lines])


def gate(candidate: Sequence[dict], present: Sequence[dict], perplexity: tuple[float, float], most_lost: float = 0.03,
         most_forgotten: float = 1.05) -> Decision:
    """May the candidate take the present adapter's place? Both are judged on the same dev questions, pair by pair.

    candidate, present: records of one model each; those of a `+distractor` arm count as questions whose passages do not hold
    the answer, beside the unanswerable ones. perplexity: (candidate's, present's) on general text. Promoted when something it
    was trained for got better for certain (abstention where it should, or citation, or exact match: interval above zero),
    exact match on answerable questions and abstention where it should did not fall by more than `most_lost`, abstention on
    answerable questions did not rise by more than `most_lost`, and perplexity rose to at most `most_forgotten` times.
    """
    goals = {"abstains where it should": _paired(candidate, present, "unanswerable", "abstained"),
             "cites a right passage": _paired(candidate, present, "answerable", "cited_right"),
             "exact match": _paired(candidate, present, "answerable", "exact_match")}
    kept, quiet = goals["exact match"], goals["abstains where it should"]
    silent = _paired(candidate, present, "answerable", "abstained")
    ratio = perplexity[0] / perplexity[1]
    better = [name for name, change in goals.items() if change.low > 0]
    checks = (
        ("something got better", bool(better), "; ".join(f"{name} {change}" for name, change in goals.items())),
        ("exact match kept", kept.difference >= -most_lost, str(kept)),
        ("right silence kept", quiet.difference >= -most_lost, str(quiet)),
        ("no new silence", silent.difference <= most_lost, str(silent)),
        ("little forgotten", ratio <= most_forgotten, f"perplexity × {ratio:.3f}"),
    )
    return Decision(all(passed for _, passed, _ in checks), checks)


def _paired(candidate: Sequence[dict], present: Sequence[dict], which: str, what: str) -> stats.Comparison:
    """Difference of one measure between two arms on the same questions, with its cluster-bootstrap interval."""
    def key(record: dict) -> tuple[str, bool]:
        return record["question_id"], record.get("arm", "").endswith("distractor")

    def wanted(record: dict) -> bool:
        if record["task"] not in ("fact", "error", "routing", "unanswerable"):
            return False
        return (record["task"] == "unanswerable" or key(record)[1]) == (which == "unanswerable")

    before = {key(record): record for record in present}
    asked = [record for record in candidate if wanted(record) and key(record) in before]
    if not asked:
        raise ValueError(f"the gate needs {which} questions that both arms answered; run both on the same dev questions")

    def value(record: dict) -> float:
        return float(record["abstained"] if what == "abstained" else record["scores"].get(what, 0.0))

    return stats.paired([value(before[key(r)]) for r in asked], [value(r) for r in asked],
                        [r["cluster"] for r in asked])


def register(adapter: Path, name: str, parent: str = "", metrics: dict | None = None) -> Path:
    """Copy an adapter into the local registry under a new name, with its parent and metrics; names are never reused."""
    if not re.fullmatch(r"[a-z0-9_@-]+", name):
        raise ValueError(f"{name!r}: use small letters, digits, _, - and @ for an adapter's name")
    target = local() / name
    if target.exists():
        raise ValueError(f"the registry holds {name} already: give the new adapter another name")
    partial = local() / f".{name}.part"
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(adapter, partial)
    told = {**provenance(f"adapter:{adapter}"), "parent": parent, "metrics": metrics or {}}
    (partial / "provenance.json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    partial.replace(target)
    return target


def free(name: str) -> str:
    """The name itself, or with the smallest number behind it that the local registry does not hold yet."""
    taken = {path.name for path in local().iterdir()}
    return next(each for n in range(1, len(taken) + 2) if (each := name if n == 1 else f"{name}_{n}") not in taken)


def promoted() -> list[str]:
    """Names that were promoted, oldest first; the last is the one in use."""
    path = local() / "promoted.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else []


def promote(name: str, decision: Decision) -> str:
    """Put a registered adapter in use if the gate said yes; returns the name in use afterwards."""
    folder(name)
    if decision.promoted:
        _keep([*promoted(), name])
    return promoted()[-1] if promoted() else ""


def rollback() -> str:
    """Take the last promotion back; returns the name in use afterwards. Raises ValueError when there is none before it."""
    if len(promoted()) < 2:
        raise ValueError("there is no earlier adapter to go back to")
    _keep(promoted()[:-1])
    return promoted()[-1]


def _keep(names: list[str]) -> None:
    part = local() / "promoted.part"
    part.write_text(json.dumps(names) + "\n", "utf-8")
    part.replace(local() / "promoted.json")


def lineage() -> list[dict]:
    """One row for each adapter of the local registry: name, parent, recipe, labels, metrics, digest, in use."""
    now = promoted()[-1:] or [""]
    found = []
    for path in sorted(path for path in local().iterdir() if (path / "adapter_model.safetensors").exists()):
        told = provenance(path.name)
        chosen = told.get("settings", {})
        found.append({"name": path.name, "parent": told.get("parent", ""), "recipe": chosen.get("recipe", ""),
                      "labels": chosen.get("labels", ""), **told.get("metrics", {}),
                      "sha256": fingerprint(path.name)[:8], "in_use": path.name == now[0]})
    return found
