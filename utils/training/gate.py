"""The gate: compares a candidate adapter with the adapter in use on dev, and promotes or refuses it."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .. import evaluation, metrics
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

    candidate, present: records of one model each; those of a `+distractor` arm count as unanswerable, because their passages do
    not contain the answer. perplexity: (candidate, present) on general text. The candidate is promoted when a training goal
    improved (correct abstention, citation or exact match: interval above zero), exact match and correct abstention fell by at
    most `most_lost`, needless abstention rose by at most `most_lost`, and perplexity grew at most `most_forgotten` times.
    Raises ValueError when the two sets of records share no answerable or no unanswerable question.
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
    def key(record: Record) -> tuple[str, bool]:
        return record.question_id, evaluation.parse_arm(record.arm).context.name == "distractor"

    def belongs(record: Record) -> bool:
        return record.task in metrics.JUDGED_TASKS and (record.task != "unanswerable" and not key(record)[1]) == answerable

    before = {key(record): record for record in present}
    shared = [record for record in candidate if belongs(record) and key(record) in before]
    if not shared:
        raise ValueError(f"the gate needs {'answerable' if answerable else 'unanswerable'} questions that both arms answered: "
                         "run both on the same dev questions")

    def value(record: Record) -> float:
        return float(record.abstained if measure == "abstained" else record.scores.get(measure, 0.0))

    return metrics.paired_difference([value(before[key(record)]) for record in shared], [value(record) for record in shared],
                                     [record.cluster for record in shared])
