"""What labs 2 and 3 go on with where an exercise is still blank; a look in here gives the exercises away.

Signatures are those of the exercises. The checks are tested against these functions.
"""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence


def lora_parameters(shapes: Sequence[tuple[int, int]], rank: int) -> int:
    """Trained numbers of LoRA on layers of these (inputs, outputs)."""
    return sum(rank * (inputs + outputs) for inputs, outputs in shapes)


def labels_for(prompt: list[int], completion: list[int], end: int) -> tuple[list[int], list[int]]:
    """(token ids, labels) with the prompt masked."""
    return [*prompt, *completion, end], [-100] * len(prompt) + [*completion, end]


def risk_coverage(confidence: Sequence[float], correct: Sequence[bool]) -> list[tuple[float, float]]:
    """(share answered, share of those right) at each threshold, strictest first."""
    points, total = [], len(confidence)
    for threshold in sorted(set(confidence), reverse=True):
        answered = [right for sure, right in zip(confidence, correct, strict=True) if sure >= threshold]
        points.append((len(answered) / total, sum(answered) / len(answered)))
    return points


def token_f1(answer: str, accepted: str) -> float:
    """F1 over lower-case tokens, each counted as often as both have it."""
    a, b = answer.lower().split(), accepted.lower().split()
    shared = sum((Counter(a) & Counter(b)).values())
    return 2 * shared / (len(a) + len(b)) if shared else 0.0


def cluster_mean(values: Sequence[float], clusters: Sequence[str], drawn: Sequence[str]) -> float:
    """Mean over the questions of one resample of operations."""
    of: dict[str, list[float]] = {}
    for value, name in zip(values, clusters, strict=True):
        of.setdefault(name, []).append(value)
    taken = [value for name in drawn for value in of[name]]
    return sum(taken) / len(taken)


def cost_per_correct(fixed: float, per_question: float, questions: int, right: float) -> float | None:
    """Cost of one right answer, None when none is right."""
    return (fixed + per_question * questions) / (questions * right) if questions * right else None


def break_even(fixed_a: float, each_a: float, fixed_b: float, each_b: float) -> float | None:
    """Number of questions from which on b costs no more than a, None for never."""
    if fixed_b <= fixed_a and each_b <= each_a:
        return 0.0
    return (fixed_b - fixed_a) / (each_a - each_b) if each_a > each_b else None


def swings(result: Callable[..., float], ranges: dict[str, tuple[float, float]]) -> list[tuple[str, float, float]]:
    """(name, result at the low end, result at the high end), widest swing first."""
    found = [(name, result(**{name: low}), result(**{name: high})) for name, (low, high) in ranges.items()]
    return sorted(found, key=lambda row: -abs(row[2] - row[1]))


def expected_regret(values: Sequence[Sequence[float]]) -> list[float]:
    """Mean regret of each option over the draws."""
    return [sum(max(row) - row[i] for row in values) / len(values) for i in range(len(values[0]))]
