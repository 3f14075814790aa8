"""Lab 2's checks: each passes the reference, and rejects at least two named wrong answers."""
from __future__ import annotations

import math
from collections import Counter

import pytest

from tests.solved import SOLVED
from utils import course, metrics
from utils.course.checks import lab2


def raft_example(distractors, right, position, answer):
    if right is None:
        return distractors, metrics.ABSTENTION
    passages = [*distractors[:position], right, *distractors[position:]]
    return passages, f"{answer} [{passages.index(right) + 1}]"


def numbers_from_zero(distractors, right, position, answer):
    passages, completion = raft_example(distractors, right, position, answer)
    return passages, completion if right is None else f"{answer} [{passages.index(right)}]"


def number_of_the_argument(distractors, right, position, answer):
    passages, completion = raft_example(distractors, right, position, answer)
    return passages, completion if right is None else f"{answer} [{position + 1}]"


def answers_without_a_passage(distractors, right, position, answer):
    return raft_example(distractors, right, position, answer) if right else (distractors, answer)


def counts_the_frozen_weight(shapes, rank):
    return sum(inputs * outputs for inputs, outputs in shapes)


def twice_the_inputs(shapes, rank):
    return sum(2 * rank * inputs for inputs, _ in shapes)


def never_stops(prompt, completion, end):
    return [*prompt, *completion, end], [-100] * len(prompt) + [*completion, -100]


def learns_the_prompt(prompt, completion, end):
    return [*prompt, *completion, end], [*prompt, *completion, end]


def masks_by_value(prompt, completion, end):
    ids = [*prompt, *completion, end]
    return ids, [-100 if id_ in prompt else id_ for id_ in ids]


def in_the_order_given(confidence, correct):
    return [(n / len(correct), sum(correct[:n]) / n) for n in range(1, len(correct) + 1)]


def correct_among_all(confidence, correct):
    return [(coverage, coverage * accuracy) for coverage, accuracy in SOLVED.risk_coverage(confidence, correct)]


def splits_ties(confidence, correct):
    order = [is_correct for _, is_correct in sorted(zip(confidence, correct, strict=True), key=lambda pair: -pair[0])]
    return in_the_order_given(confidence, order)


def cohen_kappa(first, second):
    n, a, b = len(first), Counter(first), Counter(second)
    agreed = sum(x == y for x, y in zip(first, second, strict=True)) / n
    chance = sum(a[label] * b[label] for label in a) / n**2
    return 1.0 if chance == 1 else (agreed - chance) / (1 - chance)


def plain_agreement(first, second):
    return sum(x == y for x, y in zip(first, second, strict=True)) / len(first)


def chance_is_one_half(first, second):
    return (plain_agreement(first, second) - 0.5) / 0.5


def dpo_loss(chosen, rejected, reference_chosen, reference_rejected, beta):
    margin = beta * ((chosen - reference_chosen) - (rejected - reference_rejected))
    return math.log1p(math.exp(-margin))


def no_reference(chosen, rejected, reference_chosen, reference_rejected, beta):
    return math.log1p(math.exp(-beta * (chosen - rejected)))


def other_way_round(chosen, rejected, reference_chosen, reference_rejected, beta):
    return dpo_loss(rejected, chosen, reference_rejected, reference_chosen, beta)


def no_beta(chosen, rejected, reference_chosen, reference_rejected, beta):
    return dpo_loss(chosen, rejected, reference_chosen, reference_rejected, 1.0)


def may_promote(goal_low, exact_match_change, silence_change, perplexity_ratio):
    return goal_low > 0 and exact_match_change >= -0.03 and silence_change <= 0.03 and perplexity_ratio <= 1.05


def promotes_on_the_mean(goal_low, exact_match_change, silence_change, perplexity_ratio):
    return exact_match_change >= -0.03 and silence_change <= 0.03 and perplexity_ratio <= 1.05


def ignores_abstention(goal_low, exact_match_change, silence_change, perplexity_ratio):
    return goal_low > 0 and exact_match_change >= -0.03 and perplexity_ratio <= 1.05


REFERENCES = [raft_example, SOLVED.lora_parameters, SOLVED.labels_for,
         SOLVED.risk_coverage, cohen_kappa, dpo_loss, may_promote]
WRONG = {
    "raft_example": [numbers_from_zero, number_of_the_argument, answers_without_a_passage],
    "lora_parameters": [counts_the_frozen_weight, twice_the_inputs],
    "labels_for": [never_stops, learns_the_prompt, masks_by_value],
    "risk_coverage": [in_the_order_given, correct_among_all, splits_ties],
    "cohen_kappa": [plain_agreement, chance_is_one_half],
    "dpo_loss": [no_reference, other_way_round, no_beta],
    "may_promote": [promotes_on_the_mean, ignores_abstention],
}


@pytest.mark.parametrize("reference", REFERENCES, ids=lambda fn: fn.__name__)
def test_the_reference_passes_and_is_marked_as_solved(reference, capsys):
    getattr(lab2, f"check_{reference.__name__}")(reference)
    assert "solved" in capsys.readouterr().out
    assert course.use_mine_or_reference(reference) is reference


@pytest.mark.parametrize(("name", "wrong"), [(name, fn) for name, fns in WRONG.items() for fn in fns],
                         ids=lambda value: getattr(value, "__name__", value))
def test_wrong_answers_are_rejected_with_a_hint(name, wrong):
    with pytest.raises(AssertionError, match=r"expected|gave|raised"):
        getattr(lab2, f"check_{name}")(wrong)


def test_kappa_of_the_exercise_is_scikit_learns():
    first, second = list("aabbatbbat"), list("abbbatbaat")
    assert cohen_kappa(first, second) == pytest.approx(metrics.cohen_kappa(first, second))
