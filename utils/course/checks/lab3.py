"""Checks of lab 3's exercises."""
from __future__ import annotations

from collections.abc import Callable

from .harness import run_cases


def check_token_f1(fn: Callable) -> None:
    """Exercise: token F1 of an answer against one accepted answer."""
    run_cases(fn, [
        (("5 minutes", "5 minutes"), 1.0, "The same tokens: precision and recall are 1."),
        (("12 hours", "5 minutes"), 0.0, "No token in common: F1 is 0, and nothing is divided by zero."),
        (("it is 5 minutes", "5 minutes"), 2 / 3, "Two of four tokens are right, both accepted ones are found."),
        (("5 Minutes", "5 minutes"), 1.0, "Capitals do not matter."),
        (("5 5 5 5", "5 minutes"), 1 / 3, "A token repeated in the answer counts only as often as the accepted one has it."),
        (("5 5 6", "5 5 7"), 2 / 3, "A token that both have twice counts twice: are they counted, not collected in a set?"),
        (("", "5 minutes"), 0.0, "An empty answer has no precision to divide by."),
    ])


def check_cluster_mean(fn: Callable) -> None:
    """Exercise: mean of one bootstrap resample in which whole clusters were drawn."""
    values, clusters = [1.0, 0.0, 1.0, 1.0], ["a", "a", "b", "c"]
    run_cases(fn, [
        ((values, clusters, ["a", "b", "c"]), 0.75, "Every cluster once: the plain mean."),
        ((values, clusters, ["b", "c"]), 1.0, "Only questions of drawn clusters count."),
        ((values, clusters, ["a", "a", "b"]), 0.6, "A cluster drawn twice counts twice, with all of its questions."),
        ((values, clusters, ["a", "b"]), 2 / 3, "Is it the mean over questions, not the mean of cluster means?"),
        (([0.5, 0.1], ["x", "y"], ["y", "y", "y"]), 0.1, "One cluster three times is its own mean."),
    ])


def check_read_result(fn: Callable) -> None:
    """Exercise: what an interval of a difference allows to say."""
    run_cases(fn, [
        ((0.10, 0.30, 0.05), "better", "The whole interval lies above zero."),
        ((-0.30, -0.10, 0.05), "worse", "The whole interval lies below zero."),
        ((-0.20, 0.30, 0.05), "inconclusive", "Zero is inside, and so are differences that would matter."),
        ((-0.02, 0.03, 0.05), "no difference that matters", "The whole interval is nearer to zero than what is worth having."),
        ((-0.02, 0.08, 0.05), "inconclusive", "A gain worth having is still possible: more questions would tell."),
        ((0.01, 0.03, 0.05), "better", "Small, but certainly above zero: is that asked first?"),
        ((0.00, 0.20, 0.05), "inconclusive", "An interval that touches zero does not exclude it."),
    ])


def check_cost_per_correct(fn: Callable) -> None:
    """Exercise: what a right answer costs, fixed cost included."""
    run_cases(fn, [
        ((0.0, 0.01, 1000, 1.0), 0.01, "Nothing fixed, all right: the price of a question."),
        ((0.0, 0.01, 1000, 0.5), 0.02, "Half of the answers are right, so each right one carries two questions."),
        ((100.0, 0.0, 1000, 0.5), 0.2, "The fixed cost is spread over right answers, not over questions."),
        ((100.0, 0.01, 1000, 0.5), 0.22, "Fixed and variable cost together."),
        ((100.0, 0.01, 1000, 0.0), None, "None is right: there is no such cost. Return None, not zero and not infinity."),
        ((100.0, 0.01, 0, 0.5), None, "Nobody asks: no right answers either."),
    ])


def check_break_even(fn: Callable) -> None:
    """Exercise: from how many questions on the second option is cheaper."""
    run_cases(fn, [
        ((0.0, 0.10, 100.0, 0.05), 2000.0, "The saving of 5 cents a question pays 100 back after 2000 questions."),
        ((50.0, 0.10, 100.0, 0.05), 1000.0, "Is it the difference of the fixed costs that has to be paid back?"),
        ((0.0, 0.05, 100.0, 0.10), None, "Dearer to build and dearer to use: never."),
        ((0.0, 0.05, 100.0, 0.05), None, "The same price a question: never, and nothing is divided by zero."),
        ((100.0, 0.10, 0.0, 0.05), 0.0, "Cheaper in both: from the first question on, so 0."),
        ((100.0, 0.05, 50.0, 0.10), None, "Cheaper to build, dearer to use: cheaper for few questions, not from some number on."),
        ((100.0, 0.05, 100.0, 0.05), 0.0, "Equal in both: it costs no more from the first question on."),
    ])


def gain(a: float = 1.0, b: float = 1.0, c: float = 1.0) -> float:
    """A small function for the tornado's check: 10·a − b², c does nothing."""
    return 10 * a - b**2 + 0 * c


def check_swings(fn: Callable) -> None:
    """Exercise: a tornado's bars: how far each assumption alone moves the result, widest first."""
    run_cases(fn, [
        ((gain, {"a": (0.0, 2.0)}), [("a", -1.0, 19.0)], "Result at the low end, then at the high end."),
        ((gain, {"b": (0.0, 2.0)}), [("b", 10.0, 6.0)], "A rise may lower the result: keep the order low end, high end."),
        ((gain, {"b": (0.0, 2.0), "a": (0.0, 2.0)}), [("a", -1.0, 19.0), ("b", 10.0, 6.0)],
         "Are they sorted by swing, widest first?"),
        ((gain, {"a": (0.0, 2.0), "b": (1.0, 1.0)}), [("a", -1.0, 19.0), ("b", 9.0, 9.0)],
         "Each assumption moves alone: do the others go back to where they were?"),
        ((gain, {"c": (0.0, 9.0), "b": (0.0, 3.0)}), [("b", 10.0, 1.0), ("c", 9.0, 9.0)],
         "Is the swing taken without its sign? A fall is as important as a rise."),
    ])


def check_expected_regret(fn: Callable) -> None:
    """Exercise: what each option costs on average against knowing which is best."""
    run_cases(fn, [
        (([[3.0, 1.0]],), [0.0, 2.0], "In one draw: the best option's value minus each one's."),
        (([[3.0, 1.0], [1.0, 2.0]],), [0.5, 1.0], "The mean over draws, with the best of each draw."),
        (([[5.0, 5.0]],), [0.0, 0.0], "Equal options: nothing to regret."),
        (([[-1.0, -4.0], [-2.0, -1.0]],), [0.5, 1.5], "Losses: the best is the smallest loss."),
        (([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]],), [1.0, 1.0, 1.0], "Never best is not worst: every option has its regret."),
    ])
