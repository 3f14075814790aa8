"""Reference solutions of every exercise: what a lab goes on with where one is still blank. A look in here gives them away.

Names and signatures are those of the exercises; `exercises.use_mine_or_reference` finds a solution by its name.
"""
from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Sequence

from .. import metrics
from ..text import plain_words


def split_tokens(tokens: Sequence[str], size: int, overlap: int) -> list[list[str]]:
    """Windows of `size` tokens, each `size - overlap` after the one before."""
    starts = range(0, len(tokens), size - overlap)
    return [list(tokens[start : start + size]) for start in starts if not start or len(tokens) - start > overlap]


def recall_at_k(ranking: Sequence[str], evidence: Collection[str], k: int) -> float:
    """1 if any evidence document is among the first k."""
    return metrics.success_at_k(ranking, evidence, k)


def passages_that_fit(token_counts: Sequence[int], k: int, budget: int) -> int:
    """How many of the best passages fit the budget, at least one."""
    fitting = [n for n in range(1, len(token_counts[:k]) + 1) if n == 1 or sum(token_counts[:n]) <= budget]
    return next((n for n in range(1, k + 1) if n not in fitting), k + 1) - 1 if fitting else 0


def identifier_words(name: str) -> list[str]:
    """The words of an identifier."""
    return plain_words(name).split()


def reciprocal_rank_fusion(rankings: Sequence[Sequence[str]], k: int = 60) -> list[str]:
    """One ranking of several by the sum of 1 / (k + rank)."""
    scores = Counter()
    for ranking in rankings:
        scores.update({id_: 1 / (k + rank) for rank, id_ in enumerate(ranking, 1)})
    return [id_ for id_, _ in scores.most_common()]


def precision_and_recall(found: set, wanted: set) -> tuple[float, float]:
    """Precision and recall of found against wanted items, 0 where there is nothing to divide by."""
    shared = len(found & wanted)
    return shared / max(1, len(found)), shared / max(1, len(wanted))


def only_first(edges: Sequence[tuple[str, str, str]], a: str, b: str, relation: str) -> list[str]:
    """What a has and b lacks under one relation, sorted."""
    objects = {node: {o for subject, r, o in edges if (subject, r) == (node, relation)} for node in (a, b)}
    return sorted(objects[a] - objects[b])


def raft_example(distractors: Sequence[str], right: str | None, position: int, answer: str) -> tuple[list[str], str]:
    """(passages, completion) with the answering passage at a position, or the abstention without one."""
    if right is None:
        return list(distractors), metrics.ABSTENTION
    place = min(position, len(distractors))
    return [*distractors[:place], right, *distractors[place:]], f"{answer} [{place + 1}]"


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


def cohen_kappa(first: Sequence[str], second: Sequence[str]) -> float:
    """Agreement beyond chance of two labellers."""
    return metrics.cohen_kappa(first, second)


def dpo_loss(chosen: float, rejected: float, chosen_reference: float, rejected_reference: float, beta: float) -> float:
    """The DPO loss of one pair of log-probabilities."""
    margin = (chosen - chosen_reference) - (rejected - rejected_reference)
    return math.log1p(math.exp(-beta * margin))


def may_promote(goal_low: float, exact_match_change: float, new_silence: float, perplexity_ratio: float) -> bool:
    """A goal certainly better, and nothing lost beyond the margins."""
    return goal_low > 0 and exact_match_change >= -0.03 and new_silence <= 0.03 and perplexity_ratio <= 1.05


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


def read_result(low: float, high: float, worth: float) -> str:
    """What an interval of a difference allows to say."""
    return metrics.read_result(low, high, worth)


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
