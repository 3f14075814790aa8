"""Checks of lab 3's exercises, written as in `lab1`."""
from __future__ import annotations

from functools import partial

from .harness import run_cases

HARMONIC = "F1 is 2 · precision · recall / (precision + recall), the harmonic mean, not a plain mean, a product or the union."
BAG, LEAST = "Do you use a set? A repeated token counts in its own text.", "A repeated token counts as often as both have it."
check_token_f1 = partial(
    run_cases, "token_f1", lambda r: tuple(" ".join(r.choices(["a", "b", "B", "c"], k=r.randint(1, 5))) for _ in "12"), [
    (("it is 5 minutes", "about 5 minutes"), 4 / 7, "Precision is 2/4, recall is 2/3: shared tokens by tokens, between 0 and 1.",
     ("Is recall in it, too? Precision alone is 2/4.", 0.5), ("Is precision in it, too? Recall alone is 2/3.", 2 / 3),
     (HARMONIC, 7 / 12, 1 / 3, 3**-0.5, 0.4), ("Is the factor 2 missing?", 2 / 7), ("That is a count: divide.", 2.0),
     ("They share two tokens, in whatever order or place: partly right counts partly.", 0.0)),
    (("12 hours", "5 minutes"), 0.0, "With no token in common, F1 is 0.0: do not divide by zero."),
    (("5 Minutes a", "5 minutes A"), 1.0, "Do you compare in lower case, the accepted answer too?"),
    (("5 minutes", "15 minutes"), 0.5, "5 is not 15: do you compare whole tokens?"),
    (("5 minutes.", "5 minutes"), 0.5, "Punctuation stays where it is: tokens are split at spaces only."),
    (("5 5 5 5", "5 minutes"), 1 / 3, LEAST, (BAG, 2 / 3)),
    (("the queue", "the queue of the queue"), 4 / 7, LEAST, (BAG, 0.8)),
    (("5 5 6", "5 5 7"), 2 / 3, "A token that occurs twice in both counts twice: do you count tokens, not use a set?"),
    (("", "5 minutes"), 0.0, "An empty answer has an F1 of 0.0: do not divide by zero.")], rule=HARMONIC)
VALUES, AABC, TWICE = [1.0, 0.1, 0.2, 0.4], list("aabc"), "A cluster drawn twice counts twice, with all its questions."
EVERY, COUNT = "Does a drawn cluster bring all its questions?", "Do you divide by the number of questions that were drawn?"
MEDIAN, MEANS = "Is that the median? Take the mean.", "Do you average over questions, not over cluster means?"
check_cluster_mean = partial(
    run_cases, "cluster_mean", lambda r: (r.choices([0.0, 0.3, 0.7, 1.0], k=6), r.sample("aaabbc", 6), r.choices("abc", k=4)), [
    ((VALUES, AABC, ["a", "b", "c"]), 0.425, "With every cluster drawn once, it is the plain mean, not a sum.", (MEDIAN, 0.3),
     (COUNT, 1.7 / 3), (MEANS, 1.15 / 3), (EVERY, 0.7 / 3, 1.6 / 3), ("Do all drawn clusters count?", 0.55, 1.0)),
    ((VALUES, AABC, ["a", "b"]), 1.3 / 3, "Do you use only the questions of the drawn clusters, all of them?", (MEDIAN, 0.2),
     (MEANS, 0.375), (EVERY, 0.15, 0.6), (COUNT, 0.65, 0.325)),
    ((VALUES, AABC, ["a", "a", "b"]), 0.48, TWICE, (COUNT, 0.8, 1.2, 0.6)),
    ((VALUES, list("abac"), ["a"]), 0.6, "The questions of a cluster need not stand next to each other.")], rule=TWICE)
NONE, ENDS = "no difference that matters", "Do both ends lie within -worth and worth? The width or the middle does not decide."
SMALL = "The difference is small, but the interval excludes zero: check zero first."
ZERO, WORTH = "An interval that ends exactly at zero does not exclude it.", "Do you use the `worth` of the call?"
WORDS = ("Is it spelled as in the docstring?", lambda got: got not in ("better", "worse", NONE, "inconclusive"))
check_read_result = partial(
    run_cases, "read_result", lambda r: (*sorted(r.randint(-30, 30) / 100 + 0.005 for _ in "12"), r.choice([0.05, 0.1])), [
    ((0.10, 0.30, 0.05), "better", "The whole interval is above zero: do you ask about zero first?", WORDS),
    ((-0.30, -0.10, 0.05), "worse", "The whole interval is below zero: do you ask about zero first?", WORDS),
    ((-0.20, 0.30, 0.05), "inconclusive", f"It also holds differences that matter. {ENDS}", WORDS,
     ("Is the whole interval above or below zero? It contains zero, so neither is shown.", "better", "worse")),
    ((-0.02, 0.03, 0.05), NONE, "It lies between -worth and worth: it holds zero, and nothing that matters.", WORDS),
    ((-0.04, 0.04, 0.05), NONE, ENDS), ((-0.30, 0.30, 0.05), "inconclusive", ENDS),
    ((-0.02, 0.08, 0.05), "inconclusive", f"A gain that matters is still possible. {ENDS}"),
    ((-0.08, 0.02, 0.05), "inconclusive", f"A loss that matters is still possible at the low end. {ENDS}"),
    ((0.01, 0.03, 0.05), "better", SMALL), ((-0.03, -0.01, 0.05), "worse", SMALL),
    ((0.00, 0.20, 0.05), "inconclusive", ZERO), ((-0.20, 0.00, 0.05), "inconclusive", ZERO),
    ((-0.10, 0.15, 0.20), NONE, WORTH)], rule=ENDS)
ABSENT, WHOLE = "return None, not zero or infinity, and do not divide.", "Do you divide the whole cost by the correct answers?"
ADDED, SHARE = "Is the variable cost in it, per_question for every question?", "Are questions · right correct, a share?"
CUT = "The number of correct answers is an expected one: do you cut it to a whole number (int, round, //, max)?"
check_cost_per_correct = partial(
    run_cases, "cost_per_correct", lambda r: (*r.choices([0.0, 0.3, 9.0], k=2), r.choice([0, 7]), r.choice([0.0, 0.3, 1.0])), [
    ((0.0, 0.01, 1000, 1.0), 0.01, "Without fixed cost and with every answer correct, it is the price of a question.",
     (WHOLE, 10.0), (SHARE, 1.0), (ADDED, 1e-5, 0.0)),
    ((100.0, 0.01, 1000, 0.5), 0.22, "Do you add both costs, and divide by the correct answers?", (ADDED, 0.2, 0.20002),
     ("Divide by correct answers, not by questions.", 0.11), ("Divide the fixed cost by them, too.", 0.12, 0.02),
     (WHOLE, 110.0, 55.0, 0.055), (SHARE, 22.0),
     ("Each correct answer pays for two questions: is the variable cost divided by the correct answers, too?", 0.21)),
    ((100.0, 0.0123, 700, 0.3), 108.61 / 210, CUT), ((10.0, 0.01, 3, 0.25), 10.03 / 0.75, CUT),
    ((0.0, 0.0, 1000, 0.5), 0.0, "What is free costs 0.0, not None."),
    ((100.0, 0.01, 1000, 0.0), None, f"Without correct answers there is no such cost: {ABSENT}"),
    ((100.0, 0.01, 0, 0.5), None, f"Without questions there are no correct answers: {ABSENT}")], rule=WHOLE)
PAID, SAVING = "Do you pay back the difference of the fixed costs?", "Do you divide by the saving, each_a - each_b?"
ROUND, START = "Do you round? Return it as it is.", "wins from the start: return 0.0, do not divide."
check_break_even = partial(
    run_cases, "break_even", lambda r: (r.choice([0.0, 5.0]), r.choice([0.1, 0.3]), r.choice([0.0, 9.0]), r.choice([0.1, 0.4])), [
    ((50.0, 0.10, 100.0, 0.06), 1250.0, "Saving 0.04 per question pays back 50 after 1250 questions; from there b costs no more.",
     (PAID, 2500.0, 3750.0), (SAVING, 500.0, 50 / 0.06, 312.5), (ROUND, 1249.0),
     ("Is the sign right? b costs more to build and less to use.", -1250.0)),
    ((0.0, 0.10, 100.0, 0.07), 100 / 0.03, ROUND),
    ((0.0, 0.05, 100.0, 0.10), None, "Option b costs more to build and more to use, so it never breaks even: return None."),
    ((0.0, 0.05, 100.0, 0.05), None, "At the same price per question, b never breaks even: return None without dividing."),
    ((100.0, 0.10, 0.0, 0.05), 0.0, f"Cheaper in both, b {START}"),
    ((100.0, 0.05, 50.0, 0.10), None, "Option b is cheaper only for few questions, so it does not stay so: return None."),
    ((100.0, 0.05, 100.0, 0.05), 0.0, f"Both cost the same: b {START}"),
    ((100.0, 0.10, 100.0, 0.05), 0.0, f"The same to build and cheaper to use, b {START}")])


def gain(a: float = 1.0, b: float = 1.0, c: float = 1.0) -> float:
    "lambda a=1.0, b=1.0, c=1.0: 10 * a - b**2 + 0 * c"  # shown as the argument of the call, to be tried out
    return 10 * a - b**2 + 0 * c


LOW_HIGH = "Return three things: the name, the result at the low end, then the result at the high end, each from a call."
ALONE = "Each assumption moves alone: do you leave the others where they are, with `result`'s own defaults?"
APART = "Do you sort by how far apart the two results are, not by the larger, the distance from today or the assumption's width?"
check_swings = partial(
    run_cases, "swings", lambda r: (gain, {name: (r.uniform(-3, 1), r.uniform(1, 5)) for name in r.sample("abc", 2)}), [
    ((gain, {"a": (0.0, 2.0)}), [("a", -1.0, 19.0)], LOW_HIGH,
     ("Return the results, not the change, minus today's.", [("a", -10.0, 10.0)])),
    ((gain, {"b": (0.0, 2.0)}), [("b", 10.0, 6.0)], "A larger value can lower the result: keep the order low end, high end.",
     ("Do you give each value by name?", [("b", -1.0, 19.0)])),
    ((gain, {"a": (0.8, 1.0), "b": (0.0, 2.0)}), [("b", 10.0, 6.0), ("a", 7.0, 9.0)], "Sort by the absolute swing, widest first.",
     ("Is every assumption there, widest first?", lambda got: len(got) != 2),
     (ALONE, lambda got: sorted(got) != [("a", 7.0, 9.0), ("b", 10.0, 6.0)])),
    ((gain, {"a": (0.0, 2.0), "b": (1.0, 1.0)}), [("a", -1.0, 19.0), ("b", 9.0, 9.0)], f"b has no effect but stays. {ALONE}"),
    ((gain, {"b": (0.0, 3.0), "a": (0.5, 1.5)}), [("a", 4.0, 14.0), ("b", 10.0, 1.0)], APART),
    ((gain, {"a": (2.0, 3.0), "b": (0.0, 4.0)}), [("b", 10.0, -6.0), ("a", 19.0, 29.0)], APART)], rule=APART)
EACH = "Do you take the mean over the draws, against the best option of each draw, not the best on average or of all?"
PER, OFTEN = "Is there one number for each option, not for each draw?", "How often an option is best is not how much it is worse."
check_expected_regret = partial(
    run_cases, "expected_regret", lambda r: ([r.choices(range(-9, 9), k=n) for n in r.randint(1, 4) * [r.randint(1, 4)]],), [
    (([[5.0, 1.0, 1.0]],), [0.0, 4.0, 4.0], "For one draw, regret is the best value minus the option's own value.",
     ("Is the sign right? Regret is the best value minus the own.", [0.0, -4.0, -4.0]), ("Is it squared?", [0.0, 16.0, 16.0]),
     ("Divide by the number of draws, not of options.", [0.0, 4 / 3, 4 / 3]), ("Is it relative?", [0.0, 0.8, 0.8]),
     (OFTEN, [1.0, 0.0, 0.0], [0.0, 1.0, 1.0]), (PER, lambda got: len(got) != 3), ("Is that the best?", [4.0, 0.0, 0.0])),
    (([[3.0, 1.0], [1.0, 2.0], [6.0, 1.0]],), [1 / 3, 7 / 3], EACH,
     (f"Is that the median, or the best on average? {EACH}", [0.0, 2.0]),
     ("That is the sum over draws: take the average.", [1.0, 7.0]), ("That is the worst draw: take the mean.", [1.0, 5.0]),
     ("That is the best draw: take the mean.", [0.0, 0.0]), (PER, lambda got: len(got) != 2)),
    (([[-1.0, -4.0], [-2.0, -1.0]],), [0.5, 1.5], "With losses, the best option is the one with the smallest loss."),
    (([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]],), [1.0] * 3, f"Option 2 is never best, but all regrets are equal. {EACH}")], rule=EACH)
