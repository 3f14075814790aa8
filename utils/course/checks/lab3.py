"""Checks of lab 3's exercises."""
from __future__ import annotations

from collections.abc import Callable

from .harness import run_cases


def check_token_f1(fn: Callable) -> None:
    """Exercise: token F1 of an answer against one accepted answer."""
    run_cases(fn, [
        (("5 minutes", "5 minutes"), 1.0, "The tokens are the same, so precision and recall are 1."),
        (("12 hours", "5 minutes"), 0.0, "With no token in common, F1 is 0.0: do not divide by zero."),
        (("it is 5 minutes", "5 minutes"), 2 / 3, "Precision is 2/4 and recall is 2/2."),
        (("5 Minutes", "5 minutes"), 1.0, "Do you compare in lower case?"),
        (("5 5 5 5", "5 minutes"), 1 / 3, "A repeated token counts only as often as it occurs in the accepted answer."),
        (("5 5 6", "5 5 7"), 2 / 3, "A token that occurs twice in both counts twice: do you count tokens, not use a set?"),
        (("", "5 minutes"), 0.0, "An empty answer has an F1 of 0.0: do not divide by zero."),
    ])


def check_cluster_mean(fn: Callable) -> None:
    """Exercise: mean of one bootstrap resample of whole clusters."""
    values, clusters = [1.0, 0.0, 1.0, 1.0], ["a", "a", "b", "c"]
    run_cases(fn, [
        ((values, clusters, ["a", "b", "c"]), 0.75, "With every cluster drawn once, the result is the plain mean."),
        ((values, clusters, ["b", "c"]), 1.0, "Do you use only the questions of the drawn clusters?"),
        ((values, clusters, ["a", "a", "b"]), 0.6, "A cluster drawn twice counts twice, with all its questions."),
        ((values, clusters, ["a", "b"]), 2 / 3, "Do you average over questions, not over cluster means?"),
        (([0.5, 0.1], ["x", "y"], ["y", "y", "y"]), 0.1, "One cluster drawn three times gives the mean of that cluster."),
    ])


def check_read_result(fn: Callable) -> None:
    """Exercise: what we can conclude from the interval of a difference."""
    run_cases(fn, [
        ((0.10, 0.30, 0.05), "better", "The whole interval is above zero."),
        ((-0.30, -0.10, 0.05), "worse", "The whole interval is below zero."),
        ((-0.20, 0.30, 0.05), "inconclusive", "The interval contains zero and also differences that matter."),
        ((-0.02, 0.03, 0.05), "no difference that matters", "The whole interval is between -worth and worth."),
        ((-0.02, 0.08, 0.05), "inconclusive", "A gain that matters is still possible: more questions would settle it."),
        ((0.01, 0.03, 0.05), "better", "The difference is small, but the interval excludes zero: do you check that first?"),
        ((0.00, 0.20, 0.05), "inconclusive", "An interval that ends exactly at zero does not exclude it."),
    ])


def check_cost_per_correct(fn: Callable) -> None:
    """Exercise: cost of a correct answer, including fixed cost."""
    run_cases(fn, [
        ((0.0, 0.01, 1000, 1.0), 0.01, "Without fixed cost and with every answer correct, it is the price of a question."),
        ((0.0, 0.01, 1000, 0.5), 0.02, "Half of the answers are correct, so each correct one pays for two questions."),
        ((100.0, 0.0, 1000, 0.5), 0.2, "Do you divide the fixed cost by correct answers, not by questions?"),
        ((100.0, 0.01, 1000, 0.5), 0.22, "Do you add fixed and variable cost?"),
        ((100.0, 0.01, 1000, 0.0), None, "Without correct answers there is no such cost: return None, not zero or infinity."),
        ((100.0, 0.01, 0, 0.5), None, "Without questions there are no correct answers: return None."),
    ])


def check_break_even(fn: Callable) -> None:
    """Exercise: number of questions from which the second option costs no more than the first."""
    run_cases(fn, [
        ((0.0, 0.10, 100.0, 0.05), 2000.0, "Saving 0.05 per question pays back 100 after 2000 questions."),
        ((50.0, 0.10, 100.0, 0.05), 1000.0, "Do you pay back the difference of the fixed costs?"),
        ((0.0, 0.05, 100.0, 0.10), None, "Option b costs more to build and more to use, so it never breaks even: return None."),
        ((0.0, 0.05, 100.0, 0.05), None, "At the same price per question, b never breaks even: return None without dividing."),
        ((100.0, 0.10, 0.0, 0.05), 0.0, "Option b is cheaper in both, so it wins from the start: return 0.0."),
        ((100.0, 0.05, 50.0, 0.10), None, "Option b is cheaper only for few questions, so it does not stay so: return None."),
        ((100.0, 0.05, 100.0, 0.05), 0.0, "Both cost the same, so b costs no more from the start: return 0.0."),
    ])


def gain(a: float = 1.0, b: float = 1.0, c: float = 1.0) -> float:
    """Test function of `check_swings`: 10·a − b²; c has no effect."""
    return 10 * a - b**2 + 0 * c


def check_swings(fn: Callable) -> None:
    """Exercise: bars of a tornado chart: how far each assumption alone moves the result, widest first."""
    run_cases(fn, [
        ((gain, {"a": (0.0, 2.0)}), [("a", -1.0, 19.0)], "Return the result at the low end, then at the high end."),
        ((gain, {"b": (0.0, 2.0)}), [("b", 10.0, 6.0)], "A larger value can lower the result: keep the order low end, high end."),
        ((gain, {"b": (0.0, 2.0), "a": (0.0, 2.0)}), [("a", -1.0, 19.0), ("b", 10.0, 6.0)],
         "Do you sort by swing, widest first?"),
        ((gain, {"a": (0.0, 2.0), "b": (1.0, 1.0)}), [("a", -1.0, 19.0), ("b", 9.0, 9.0)],
         "Each assumption moves alone: do you leave the others at their defaults?"),
        ((gain, {"c": (0.0, 9.0), "b": (0.0, 3.0)}), [("b", 10.0, 1.0), ("c", 9.0, 9.0)],
         "Do you sort by the absolute swing? A fall matters as much as a rise."),
    ])


def check_expected_regret(fn: Callable) -> None:
    """Exercise: mean loss of each option compared with the best option of each draw."""
    run_cases(fn, [
        (([[3.0, 1.0]],), [0.0, 2.0], "For one draw, regret is the best value minus the option's own value."),
        (([[3.0, 1.0], [1.0, 2.0]],), [0.5, 1.0], "Do you average over draws, with the best option of each draw?"),
        (([[5.0, 5.0]],), [0.0, 0.0], "Equal options have no regret."),
        (([[-1.0, -4.0], [-2.0, -1.0]],), [0.5, 1.5], "With losses, the best option is the one with the smallest loss."),
        (([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]],), [1.0, 1.0, 1.0], "Option 2 is never the best, but all mean regrets are equal."),
    ])
