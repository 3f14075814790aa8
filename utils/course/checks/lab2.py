"""Checks of lab 2's exercises."""
from __future__ import annotations

import math
from collections.abc import Callable

from ... import metrics
from .harness import run_cases


def check_raft_example(fn: Callable) -> None:
    """Exercise: place the right passage among distractors and say what the model should answer."""
    absent = metrics.ABSTENTION
    run_cases(fn, [
        (([], "r", 0, "5"), (["r"], "5 [1]"), "One passage, and the answer names it: is the completion `answer [number]`?"),
        ((["x", "y"], "r", 0, "5"), (["r", "x", "y"], "5 [1]"), "Position 0 is the first place; are numbers counted from 1?"),
        ((["x", "y"], "r", 1, "5"), (["x", "r", "y"], "5 [2]"), "Is the number the place where the right passage stands now?"),
        ((["x", "y"], "r", 7, "a b"), (["x", "y", "r"], "a b [3]"),
         "A position beyond the end is the last place: is the number that of the list, not of the argument?"),
        ((["x", "y"], None, 0, "5"), (["x", "y"], absent),
         "Without a right passage the answer is not there: is the completion the abstention phrase, without a number?"),
        ((["x"], None, 3, ""), (["x"], absent), "Without a right passage nothing is inserted."),
    ])


def check_lora_parameters(fn: Callable) -> None:
    """Exercise: trainable parameters of LoRA on a list of linear layers."""
    run_cases(fn, [
        (([(10, 10)], 1), 20, "A is rank × inputs, B is outputs × rank."),
        (([(10, 30)], 1), 40, "Inputs and outputs may differ: is it their sum that counts, not twice one of them?"),
        (([(10, 30)], 4), 160, "Both matrices grow with the rank."),
        (([(10, 30), (5, 5)], 2), 100, "Every layer has its own pair of matrices."),
        (([], 8), 0, "No layers, no parameters."),
        (([(576, 1536)], 16), 33_792, "Is the frozen weight (inputs × outputs) left out? It is not trained."),
    ])


def check_labels_for(fn: Callable) -> None:
    """Exercise: token ids and labels of one training row, the loss on the completion only."""
    run_cases(fn, [
        (([7, 8], [5], 2), ([7, 8, 5, 2], [-100, -100, 5, 2]), "Labels of the prompt are -100, which the loss skips."),
        (([7], [5, 6], 2), ([7, 5, 6, 2], [-100, 5, 6, 2]), "Is the end token learned? Without it the model never stops."),
        (([7, 5], [5], 2), ([7, 5, 5, 2], [-100, -100, 5, 2]),
         "A token of the prompt that also occurs in the completion is still not learned: do you mask by place?"),
        (([7, 8, 9], [], 2), ([7, 8, 9, 2], [-100, -100, -100, 2]), "An empty completion teaches to stop at once."),
        (([2, 7], [5], 2), ([2, 7, 5, 2], [-100, -100, 5, 2]), "An end token inside the prompt is masked like the rest of it."),
    ])


def check_risk_coverage(fn: Callable) -> None:
    """Exercise: share answered and share right among them as the confidence threshold falls."""
    run_cases(fn, [
        (([0.9, 0.1], [True, False]), [(0.5, 1.0), (1.0, 0.5)], "First the surest answer alone, then both."),
        (([0.1, 0.9], [True, False]), [(0.5, 0.0), (1.0, 0.5)], "Are answers taken from the surest down?"),
        (([0.5, 0.9, 0.1], [True, True, False]), [(1 / 3, 1.0), (2 / 3, 1.0), (1.0, 2 / 3)],
         "Is accuracy counted among the answered ones, not among all?"),
        (([-2.0, -0.5], [False, True]), [(0.5, 1.0), (1.0, 0.5)], "Log-probabilities are negative: the larger is the surer."),
        (([0.5, 0.5], [True, False]), [(1.0, 0.5)], "Equal confidence: no threshold separates them, so they come together."),
        (([], []), [], "No answers, no curve."),
    ])


def check_cohen_kappa(fn: Callable) -> None:
    """Exercise: agreement beyond chance of two labellers."""
    run_cases(fn, [
        ((list("abab"), list("abab")), 1.0, "Full agreement is 1."),
        ((list("aabb"), list("abab")), 0.0, "Agreeing as often as chance would is 0, not one half."),
        ((list("abab"), list("baba")), -1.0, "Always the opposite is -1."),
        ((list("aaab"), list("aabb")), 0.5, "Is chance taken from both labellers' own shares of each label?"),
        ((["a", "a", "b", "tie"], ["a", "tie", "b", "tie"]), 7 / 11, "Three labels: does every label count towards chance?"),
        ((["a", "a"], ["a", "a"]), 1.0, "One label only: chance is 1 as well; say 1 and do not divide by zero."),
    ])


def check_dpo_loss(fn: Callable) -> None:
    """Exercise: the DPO loss of one pair from four log-probabilities."""
    def loss(margin: float) -> float:
        return math.log1p(math.exp(-margin))

    run_cases(fn, [
        ((-1.0, -1.0, -1.0, -1.0, 0.1), loss(0.0), "Where nothing has moved, the loss is log 2."),
        ((-1.0, -3.0, -2.0, -2.0, 1.0), loss(2.0), "Chosen went up by 1 and rejected down by 1: the margin is 2."),
        ((-3.0, -1.0, -2.0, -2.0, 1.0), loss(-2.0), "The other way round the loss is large: chosen minus rejected."),
        ((-1.0, -5.0, -1.0, -5.0, 1.0), loss(0.0), "A gap the reference had already earns nothing: is it taken away?"),
        ((-1.0, -3.0, -2.0, -2.0, 0.5), loss(1.0), "Is the margin multiplied by beta?"),
        ((-2.0, -2.0, -1.0, -4.0, 1.0), loss(-3.0), "Each answer is compared with its own reference."),
    ])


def check_may_promote(fn: Callable) -> None:
    """Exercise: a promotion rule that can refuse."""
    run_cases(fn, [
        ((0.10, 0.00, 0.00, 1.00), True, "A goal certainly better, nothing lost: promote."),
        ((-0.01, 0.05, 0.00, 1.00), False, "The interval reaches below zero: not certain, however large the mean."),
        ((0.00, 0.00, 0.00, 1.00), False, "Touching zero is not above it."),
        ((0.10, -0.05, 0.00, 1.00), False, "Exact match fell by more than three points."),
        ((0.10, -0.03, 0.00, 1.00), True, "Three points lost are still allowed."),
        ((0.10, 0.00, 0.04, 1.00), False, "Silence where an answer exists rose by more than three points."),
        ((0.10, 0.00, 0.00, 1.06), False, "General text surprises it over five percent more: it forgot."),
        ((0.10, 0.10, -0.20, 0.90), True, "Getting better in everything is no reason to refuse."),
    ])
