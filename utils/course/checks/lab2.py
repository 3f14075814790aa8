"""Checks of lab 2's exercises."""
from __future__ import annotations

import math
from collections.abc import Callable

from ... import metrics
from .harness import run_cases


def check_raft_example(fn: Callable) -> None:
    """Exercise: place the passage with the answer among distractors and write the completion."""
    absent = metrics.ABSTENTION
    run_cases(fn, [
        (([], "r", 0, "5"), (["r"], "5 [1]"), "The answer cites the only passage: is the completion `answer [number]`?"),
        ((["x", "y"], "r", 0, "5"), (["r", "x", "y"], "5 [1]"), "Position 0 is the first place: do citation numbers start at 1?"),
        ((["x", "y"], "r", 1, "5"), (["x", "r", "y"], "5 [2]"), "Does the citation number match the new place of `right`?"),
        ((["x", "y"], "r", 7, "a b"), (["x", "y", "r"], "a b [3]"),
         "A position beyond the end means last: do you take the number from the final list, not from the argument?"),
        ((["x", "y"], None, 0, "5"), (["x", "y"], absent),
         "No passage contains the answer: is the completion `metrics.ABSTENTION`, without a number?"),
        ((["x"], None, 3, ""), (["x"], absent), "When `right` is None, do not insert anything."),
    ])


def check_lora_parameters(fn: Callable) -> None:
    """Exercise: number of trainable LoRA parameters for a list of linear layers."""
    run_cases(fn, [
        (([(10, 10)], 1), 20, "Matrix A has rank × inputs parameters, matrix B has outputs × rank."),
        (([(10, 30)], 1), 40, "Inputs and outputs can differ: do you use their sum, not twice one of them?"),
        (([(10, 30)], 4), 160, "Both matrices grow with the rank."),
        (([(10, 30), (5, 5)], 2), 100, "Every layer has its own pair of matrices."),
        (([], 8), 0, "Without layers there are no parameters."),
        (([(576, 1536)], 16), 33_792, "Do you leave out the frozen weight (inputs × outputs)? It is not trained."),
    ])


def check_labels_for(fn: Callable) -> None:
    """Exercise: token ids and labels of one training row, with loss on the completion only."""
    run_cases(fn, [
        (([7, 8], [5], 2), ([7, 8, 5, 2], [-100, -100, 5, 2]), "Prompt tokens have the label -100, which the loss ignores."),
        (([7], [5, 6], 2), ([7, 5, 6, 2], [-100, 5, 6, 2]), "Does the end token keep its label? Otherwise it never stops."),
        (([7, 5], [5], 2), ([7, 5, 5, 2], [-100, -100, 5, 2]),
         "Token 5 is in the prompt and in the completion: do you mask by position, not by value?"),
        (([7, 8, 9], [], 2), ([7, 8, 9, 2], [-100, -100, -100, 2]), "An empty completion teaches the model to stop immediately."),
        (([2, 7], [5], 2), ([2, 7, 5, 2], [-100, -100, 5, 2]), "Mask an end token in the prompt like the rest of the prompt."),
    ])


def check_risk_coverage(fn: Callable) -> None:
    """Exercise: share answered, and share correct among the answered, as the confidence threshold falls."""
    run_cases(fn, [
        (([0.9, 0.1], [True, False]), [(0.5, 1.0), (1.0, 0.5)], "The first point is the most confident answer, then both."),
        (([0.1, 0.9], [True, False]), [(0.5, 0.0), (1.0, 0.5)], "Do you start with the most confident answer?"),
        (([0.5, 0.9, 0.1], [True, True, False]), [(1 / 3, 1.0), (2 / 3, 1.0), (1.0, 2 / 3)],
         "Do you divide accuracy by the answered questions, not by all questions?"),
        (([-2.0, -0.5], [False, True]), [(0.5, 1.0), (1.0, 0.5)], "Log-probabilities are negative: larger is more confident."),
        (([0.5, 0.5], [True, False]), [(1.0, 0.5)], "No threshold separates equal confidences, so they form one point."),
        (([], []), [], "Without answers, the curve is empty."),
    ])


def check_cohen_kappa(fn: Callable) -> None:
    """Exercise: agreement of two labellers beyond chance."""
    run_cases(fn, [
        ((list("abab"), list("abab")), 1.0, "Full agreement has a kappa of 1."),
        ((list("aabb"), list("abab")), 0.0, "Agreement at chance level has a kappa of 0, not 0.5."),
        ((list("abab"), list("baba")), -1.0, "Constant disagreement on two labels has a kappa of -1."),
        ((list("aaab"), list("aabb")), 0.5, "Do you compute chance from each labeller's own label shares?"),
        ((["a", "a", "b", "tie"], ["a", "tie", "b", "tie"]), 7 / 11, "Does chance agreement include all three labels?"),
        ((["a", "a"], ["a", "a"]), 1.0, "With a single label, chance is 1 as well: return 1.0 and do not divide by zero."),
    ])


def check_dpo_loss(fn: Callable) -> None:
    """Exercise: the DPO loss of one pair from four log-probabilities."""
    def loss(margin: float) -> float:
        return math.log1p(math.exp(-margin))

    run_cases(fn, [
        ((-1.0, -1.0, -1.0, -1.0, 0.1), loss(0.0), "If the policy equals the reference, the loss is log 2."),
        ((-1.0, -3.0, -2.0, -2.0, 1.0), loss(2.0), "The chosen answer gained 1 and the rejected one lost 1: the margin is 2."),
        ((-3.0, -1.0, -2.0, -2.0, 1.0), loss(-2.0), "Is the margin chosen minus rejected? Here the loss must be large."),
        ((-1.0, -5.0, -1.0, -5.0, 1.0), loss(0.0), "The reference has the same gap: do you subtract the reference?"),
        ((-1.0, -3.0, -2.0, -2.0, 0.5), loss(1.0), "Do you multiply the margin by beta?"),
        ((-2.0, -2.0, -1.0, -4.0, 1.0), loss(-3.0), "Do you subtract from each answer its own reference?"),
    ])


def check_may_promote(fn: Callable) -> None:
    """Exercise: a promotion rule that can refuse."""
    run_cases(fn, [
        ((0.10, 0.00, 0.00, 1.00), True, "The goal clearly improved and nothing got worse: promote."),
        ((-0.01, 0.05, 0.00, 1.00), False, "The interval reaches below zero, so the gain is not certain, whatever its mean."),
        ((0.00, 0.00, 0.00, 1.00), False, "The lower end must be above zero, not equal to it."),
        ((0.10, -0.05, 0.00, 1.00), False, "Exact match fell by more than three points."),
        ((0.10, -0.03, 0.00, 1.00), True, "A loss of exactly three points is allowed."),
        ((0.10, 0.00, 0.04, 1.00), False, "Abstention on answerable questions rose by more than three points."),
        ((0.10, 0.00, 0.00, 1.06), False, "Perplexity on general text rose by more than five percent: the model forgot."),
        ((0.10, 0.10, -0.20, 0.90), True, "Improving everywhere is no reason to refuse."),
    ])
