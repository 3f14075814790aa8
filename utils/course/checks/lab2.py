"""Checks of lab 2's exercises, written as in `lab1`."""
from __future__ import annotations

import math
from functools import partial

from ... import metrics
from .harness import run_cases

XY, PLACE = ["x", "y"], "Does `right` go in at `position`, counted from 0?"
NUMBER, INSERT = "Is the number the new place of `right`, counted from 1?", "Does `right` replace a distractor? Insert it."
check_raft_example = partial(
    run_cases, "raft_example", lambda r: (r.sample("uvwxyz", r.randint(0, 5)), r.choice(["r", None]), r.randint(0, 6), "5"), [
    (([], "r", 0, "5"), (["r"], "5 [1]"), "Is `right` inserted, and is the completion `answer [number]`, with a space between?",
     ("Do the numbers start at 1?", (["r"], "5 [0]"))),
    ((XY, None, 0, "5"), (XY, metrics.ABSTENTION), "No passage answers: the distractors stay as they are, do not insert any, "
     "and the completion is `metrics.ABSTENTION`, without a number."),
    ((XY, "r", 0, "5"), (["r", *XY], "5 [1]"), PLACE, (INSERT, (["r", "y"], "5 [1]")), (NUMBER, lambda got: got[0][0] == "r")),
    ((XY, "r", 1, "5"), (["x", "r", "y"], "5 [2]"), PLACE, (NUMBER, lambda got: got[0] == ["x", "r", "y"])),
    ((XY, "r", 7, "a b"), ([*XY, "r"], "a b [3]"), "A position beyond the end means last: is the number that of the final list?"),
    ((["r", "x"], "r", 1, "5"), (["r", "r", "x"], "5 [2]"), "A distractor can have the same text: do you number by place?")])
BOTH = "Matrix A has rank × inputs parameters, matrix B has outputs × rank: are both matrices counted?"
check_lora_parameters = partial(
    run_cases, "lora_parameters", lambda r: ([(r.randint(1, 9), r.randint(1, 9)) for _ in range(3)], r.randint(1, 9)), [
    (([(10, 40)], 3), 150, BOTH, ("Both matrices grow with the rank: do you multiply by it?", 50, 70, 130),
     ("Do you leave out the frozen weight (inputs × outputs)? The matrices add up, each rank × one side.", 400, 550, 1200, 3600),
     ("Inputs and outputs can differ: do you use their sum, not twice one of them?", 60, 240),
     ("Do you multiply by the rank once only?", 450), ("LoRA has two matrices and no bias.", 153, 190)),
    (([(10, 30), (5, 5)], 2), 100, "Every layer has its own pair of matrices: do you add up all layers?"),
    (([(5, 5), (5, 5), (5, 5)], 2), 60, "Equal layers count each: does every layer have its own pair?"),
    (([], 8), 0, "Without layers there are no parameters.")], rule=BOTH)
IDS, STOPS = [7, 8, 5, 2], "Is the end token learned, with a label of its own? Without it the model never stops."
check_labels_for = partial(
    run_cases, "labels_for", lambda r: (r.choices(range(6), k=r.randint(0, 5)), r.choices(range(6), k=r.randint(0, 4)), 2), [
    (([7, 8], [5], 2), (IDS, [-100, -100, 5, 2]), "The prompt gets the label -100, which the loss ignores; the rest is learned.",
     ("Are the labels a list of their own, or the ids again?", lambda got: got[0] == got[1] and -100 in got[0]),
     ("Do the ids come first, then the labels?", lambda got: -100 in got[0]), ("Is the prompt missing?", ([5, 2], [5, 2])),
     ("Does the row end with the end token, in ids and labels alike, once, after the completion?", lambda got: got[0] != IDS),
     (STOPS, (IDS, [-100, -100, 5, -100]), (IDS, [-100, -100, 5]), (IDS, [-100, -100, 5, 0])),
     ("Is there one label for each token?", lambda got: len(got[1]) != 4),
     ("Do you shift the labels? Each stands at its own token; the library shifts them itself.", (IDS, [-100, 5, 2, -100]))),
    (([7, 5], [5], 2), ([7, 5, 5, 2], [-100, -100, 5, 2]), "5 is in the prompt, too: do you mask by position, not by value?"),
    (([7], [5, 2], 2), ([7, 5, 2, 2], [-100, 5, 2, 2]), "A token of the completion equal to `end` stays, and `end` follows."),
    (([7, 8, 9], [], 2), ([7, 8, 9, 2], [-100, -100, -100, 2]), "An empty completion teaches the model to stop immediately."),
    (([], [5], 2), ([5, 2], [5, 2]), "Without a prompt, nothing is masked.")])
SURE, T = "Do you start with the most confident answer, and does each confidence keep its own `correct`?", 1 / 3
REACHED = "Is a question answered when its confidence is at least as high as the threshold (>=)?"
check_risk_coverage = partial(
    run_cases, "risk_coverage", lambda r: (r.choices([-0.5, 0.1, 0.3, 0.6, 0.9], k=5), r.choices([True, False], k=5)), [
    (([0.9, 0.5, 0.1], [True, True, False]), [(T, 1.0), (2 * T, 1.0), (1.0, 2 * T)], REACHED,
     ("Do you divide accuracy by the answered only?", *([(T, x), (2 * T, 2 * T), (1.0, 2 * T)] for x in (T, 2 * T))),
     ("Is that the risk, the share wrong? Return the share right.", [(T, 0.0), (2 * T, 0.0), (1.0, T)]),
     ("Does the share answered come first, then the share right?", [(1.0, T), (1.0, 2 * T), (2 * T, 1.0)]),
     ("Do you begin with the strictest threshold, the highest?", [(1.0, 2 * T), (2 * T, 1.0), (T, 1.0)]),
     (SURE, [(T, 0.0), (2 * T, 0.5), (1.0, 2 * T)]), ("Does the last threshold answer all?", [(T, 1.0), (2 * T, 1.0)]),
     ("Are both numbers of a point shares, not counts?", lambda got: max(map(max, got)) > 1),
     ("Is there one point (share answered, share right) for each confidence that occurs, no more?", lambda got: len(got) != 3),
     ("Is the first number the share answered?", lambda got: 0.4 < got[0][0] < 0.9 or got[0][0] < got[2][0] + 0.1 < 1)),
    (([0.1, 0.9], [True, False]), [(0.5, 0.0), (1.0, 0.5)], SURE),
    (([-2.0, -0.5], [False, True]), [(0.5, 1.0), (1.0, 0.5)], "Log-probabilities are negative: larger is more confident."),
    (([0.5, 0.5], [True, False]), [(1.0, 0.5)], "No threshold separates equal confidences, so they form one point."),
    (([], []), [], "Without answers, the curve is empty.")], rule=REACHED)
OWN, BEYOND = "Is chance the sum of both labellers' shares of each label, multiplied?", "Do you take only what is beyond chance?"
RATIO = "Kappa is (agreement - chance) / (1 - chance): do you subtract, then divide by 1 - chance?"
check_cohen_kappa = partial(
    run_cases, "cohen_kappa", lambda r: (r.choices("aabc", k=5), r.choices("aabc", k=5)), [
    ((list("abab"), list("abab")), 1.0, "Full agreement has a kappa of 1.", (RATIO, 0.5, 2.0)),
    ((list("aabbbbb"), list("abaabbb")), 2 / 23, f"{OWN} Every label once?", (BEYOND, 4 / 7),
     (RATIO, 2 / 49, 2 / 21, 14 / 13, 4 / 7 - 26 / 23), ("Chance is not one half: take each one's shares.", 1 / 7),
     ("Compare pair by pair.", 16 / 23), ("Is chance divided by n**2?", 22 / 19), ("Do not pool the labels.", 1 / 15)),
    ((list("aabb"), list("abab")), 0.0, "Agreement at chance level has a kappa of 0.", (BEYOND, 0.5)),
    ((list("abab"), list("baba")), -1.0, "Less agreement than chance is negative, down to -1."),
    ((["a", "a", "b", "tie"], ["a", "tie", "b", "tie"]), 7 / 11, "Do chance and agreement include all three labels?"),
    ((["a", "a"], ["a", "a"]), 1.0, "With one and the same label throughout, return 1.0 and do not divide by zero."),
    ((["a", "a"], ["b", "b"]), 0.0, "Each uses only one label, but not the same: that is no agreement, so 0.0.")], rule=OWN)


def loss(margin: float) -> float:
    """The DPO loss of a margin that beta has multiplied."""
    return math.log1p(math.exp(-margin))


LOG = "Is it the log of the sigmoid, -log σ(margin) = log(1 + exp(-margin)), with the natural logarithm?"
BRACKETS = "Mind the brackets: (chosen - its own reference) - (rejected - its own reference), all of it times beta."
S = math.exp(-loss(0.625))  # the sigmoid of the first case's margin
check_dpo_loss = partial(
    run_cases, "dpo_loss", lambda r: (*(r.randint(-40, 0) / 8 for _ in range(4)), r.choice([0.1, 0.5, 1.0])), [
    ((-1.0, -3.0, -2.0, -2.75, 0.5), loss(0.625),
     "Chosen gained 1, rejected lost 0.25, so the margin is 0.5 · 1.25; all four are log-probabilities already: subtract.",
     ("Is the margin chosen minus rejected, with a minus sign in the exponent?", loss(-0.625), loss(0.375), loss(-0.375)),
     ("Is the sign right: minus, log, sigmoid?", -loss(0.625), -loss(-0.625)), ("Do you subtract the reference?", loss(1.0)),
     ("Do you multiply the whole margin by beta, once, inside the sigmoid?", loss(1.25), loss(1.25) / 2, loss(2.5)),
     ("Is the rejected answer in it, too?", loss(0.5)), (BRACKETS, loss(0.25), loss(1.625), loss(1.375), loss(3.375)),
     (LOG, S, -S, 1 - S, -0.625, 0.625, math.exp(-0.625), 0.375, loss(0.625) / math.log(2), loss(0.625) / math.log(10))),
    ((-1.0, -1.0, -1.0, -1.0, 0.1), loss(0.0), "If the policy equals the reference, the loss is log 2.")],
    tolerance=1e-6, rule=BRACKETS)
check_may_promote = partial(
    run_cases, "may_promote", lambda r: (r.choice([-0.1, 0.1]), *r.choices([-0.1, 0.0, 0.1], k=2), r.choice([1.0, 1.2])), [
    ((0.10, 0.00, 0.00, 1.00), True, "The goal clearly improved and nothing got worse: which condition does not promote?"),
    ((-0.01, 0.05, 0.00, 1.00), False, "The lower end is below zero, so the gain is not certain: must every condition hold?"),
    ((0.00, 0.00, 0.00, 1.00), False, "The lower end must be above zero, not equal to it."),
    ((0.01, 0.00, 0.00, 1.00), True, "A lower end just above zero is enough."),
    ((0.10, -0.05, 0.00, 1.00), False, "Exact match fell by more than three points (0.03): must every condition hold?"),
    ((0.10, -0.03, 0.00, 1.00), True, "A loss of exactly three points of exact match is allowed."),
    ((0.10, 0.10, 0.00, 1.00), True, "A gain in exact match is no reason to refuse: do you limit losses only?"),
    ((0.10, 0.00, 0.04, 1.00), False, "Abstention on answerable questions rose by more than three points (0.03)."),
    ((0.10, 0.00, 0.03, 1.00), True, "A rise of abstention by exactly three points is allowed."),
    ((0.10, 0.00, -0.20, 1.00), True, "Fewer abstentions are no reason to refuse: do you limit the rise only?"),
    ((0.10, 0.00, 0.00, 1.06), False, "Perplexity on general text rose by more than five percent: the model forgot."),
    ((0.10, 0.00, 0.00, 1.05), True, "A perplexity ratio of exactly 1.05 is allowed; to a computer, 1.05 - 1 is more than 0.05."),
    ((0.10, 0.00, 0.00, 0.50), True, "A lower perplexity is no reason to refuse: do you limit the rise only?"),
    ((0.10, -0.02, 0.02, 1.04), True, "Each limit stands for itself: do you add up small losses?")])
