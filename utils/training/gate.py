"""The gate: compares a candidate adapter with the present one on dev, and may refuse it."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .. import evaluation, metrics
from ..types import Record


@dataclass(frozen=True)
class GateResult:
    """Whether the gate lets a candidate pass, and why, check by check."""

    promoted: bool
    checks: tuple[tuple[str, bool, str], ...]  # (name, passed, the numbers)

    def __str__(self) -> str:
        lines = [f"{'pass' if passed else 'FAIL'}  {name}: {numbers}" for name, passed, numbers in self.checks]
        return "\n".join([("promoted" if self.promoted else "refused"), *lines])


def promotion_gate(candidate: Sequence[Record], present: Sequence[Record], perplexity: tuple[float, float],
                   most_lost: float = 0.03, most_forgotten: float = 1.05) -> GateResult:
    """May the candidate take the present adapter's place? Both are judged on the same dev questions, pair by pair.

    candidate, present: records of one model each; those of a `+distractor` arm count as questions whose passages do not hold
    the answer, beside the unanswerable ones. perplexity: (candidate's, present's) on general text. Promoted when one goal of
    the training improved (abstention where it should, citation, or exact match: interval above zero), exact match on
    answerable questions and abstention where it should did not fall by more than `most_lost`, abstention on answerable
    questions did not rise by more than `most_lost`, and perplexity rose to at most `most_forgotten` times.
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
    """What the gate says of each candidate, from records with the search's passages and with distractors only."""
    arms = {record.arm: evaluation.parse_arm(record.arm) for record in records}
    compared = [record for record in records if arms[record.arm].context.name in ("advanced_rag", "distractor")]
    own = {name: [record for record in compared if arms[record.arm].adapter == name] for name in (*names, present)}
    return {name: promotion_gate(own[name], own[present], (perplexity[name], perplexity[present])) for name in names}


def _change(candidate: Sequence[Record], present: Sequence[Record], answerable: bool, measure: str) -> metrics.PairedDifference:
    """Paired difference of one measure over the questions whose passages may hold the answer, or over those that cannot."""
    def key(record: Record) -> tuple[str, bool]:
        return record.question_id, evaluation.parse_arm(record.arm).context.name == "distractor"

    def belongs(record: Record) -> bool:
        return record.task in metrics.JUDGED_TASKS and (record.task != "unanswerable" and not key(record)[1]) == answerable

    before = {key(record): record for record in present}
    shared = [record for record in candidate if belongs(record) and key(record) in before]
    if not shared:
        raise ValueError(f"the gate needs {'answerable' if answerable else 'unanswerable'} questions that both arms answered; "
                         "run both on the same dev questions")

    def value(record: Record) -> float:
        return float(record.abstained if measure == "abstained" else record.scores.get(measure, 0.0))

    return metrics.paired_difference([value(before[key(record)]) for record in shared], [value(record) for record in shared],
                                     [record.cluster for record in shared])
