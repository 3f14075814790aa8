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
    (("5 5 6", "5 5 7"), 2 / 3, "A token that occurs twice in both counts twice: do you use a set? Count how often each occurs."),
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
