"""Checks of tasks with many right answers, in labs 1 and 2: designs, tested by properties, and repairs."""
from __future__ import annotations

import copy
import math
from collections.abc import Callable

from ... import metrics, training
from ...types import Example, PreferencePair, Question
from .harness import run_cases


def check_fuse_scores(fn: Callable) -> None:
    """Exercise: a fusion of two scored rankings of your own."""
    dense, words = [("a", 0.9), ("b", 0.6), ("c", 0.5), ("d", 0.1)], [("b", 21.0), ("e", 20.0), ("a", 3.0), ("d", 1.0)]
    far, near = [("a", 0.9), ("b", 0.3), ("c", 0.1)], [("b", 0.9), ("a", 0.88), ("c", 0.1)]
    once = _plain(fn, dense, words)
    run_cases("fuse_scores", None, [
        ((dense, []), lambda r: r == list("abcd"), "One ranking alone: does it keep its order, whatever the other one lacks?"),
        (([], words), lambda r: r == list("bead"), "One ranking alone: does it keep its order, whatever the other one lacks?"),
        (([("a", -0.1), ("b", -0.3)], []), lambda r: r == ["a", "b"],
         "Scores can be negative: does one ranking alone still keep its order?"),
        ((dense, words), lambda r: sorted(r) == list("abcde"), "Is every id of either ranking there, exactly once?"),
        ((dense, words), lambda r: r.index("a") < r.index("d") and r.index("b") < r.index("d"),
         "a and b are before d in both rankings: are they before d in yours?"),
        (([("a", 1.0), ("b", 0.9), ("c", 0.0)], [("c", 2.0), ("a", 1.0)]), lambda r: r.index("a") < r.index("b"),
         "b is behind a in one ranking and missing from the other: does missing count as behind all that are there?"),
        ((dense, [(id_, score / 1000) for id_, score in words]), lambda r: r == once,
         "The unit of BM25 must not matter: does its score count less when it is a thousand times smaller?"),
        (([(id_, 1000 * score) for id_, score in dense], words), lambda r: r == once,
         "The unit of the cosine must not matter either."),
        ((far, near), lambda r: r[0] == "a", "a leads by far in one ranking and trails by a hair in the other: do gaps count?"),
        ((near, far), lambda r: r[0] == "a", "The same with the rankings exchanged: do gaps count in both?"),
        (([("a", 0.5), ("b", 0.5)], [("a", 2.0)]), lambda r: sorted(r) == ["a", "b"],
         "All scores of a ranking can be equal: do you divide by zero?"),
    ], fn)


def check_pack_passages(fn: Callable) -> None:
    """Exercise: which passages go into the prompt, by a rule of your own."""
    twins = [("a", "x", 100), ("b", "x", 100), ("c", "y", 100)]
    crowd = [("a", f"text {n}", 50) for n in range(4)] + [("b", "other", 50)]
    run_cases("pack_passages", None, [
        (([("a", "x", 100), ("b", "y", 100)], 200), lambda r: r == [0, 1], "Both fit: exactly filling the budget is allowed."),
        (([("a", "x", 100), ("b", "y", 101)], 200), lambda r: r == [0], "Do the tokens together stay within the budget?"),
        (([("a", "x", 900), ("b", "y", 10)], 200), lambda r: r == [0], "The best passage goes in even when it is too long; then "
                                                                       "nothing else does."),
        (([], 200), lambda r: r == [], "Without passages, the list is empty."),
        ((twins, 200), lambda r: r == [0, 2], "b repeats the text of a: does it take the place of c?"),
        ((crowd, 200), lambda r: r == [0, 1, 4], "Do you take at most two passages of one document?"),
        (([("a", "x", 150), ("b", "y", 100), ("c", "z", 50)], 200), lambda r: r == [0, 2],
         "c would still fit behind a: is room wasted?"),
        (([("a", "x", 40), ("b", "y", 40), ("c", "z", 40)], 100), lambda r: r == sorted(r) and r[0] == 0 and len(r) == 2,
         "Do the positions stay in order, best first?"),
    ], fn)


def check_answer_confidence(fn: Callable) -> None:
    """Exercise: a confidence of your own, by which the model abstains."""
    usual = (-0.3, -0.6, 3.0)
    surer = {"log_probability": (-0.1, -0.6, 3.0), "log_probability_abstention": (-0.3, -0.8, 3.0),
             "search_score": (-0.3, -0.6, 3.9)}  # each moved by about its standard deviation on dev
    once, *moved = (_plain(fn, *arguments) for arguments in (usual, *surer.values()))
    known = all(isinstance(value, float) for value in (once, *moved))  # if not, the first case tells
    gains = {name: value - once for name, value in zip(surer, moved, strict=True)} if known else dict.fromkeys(surer, 0.0)
    weakest, strongest = min(gains, key=gains.get), max(gains, key=gains.get)
    alone = "One number is extremely good, two are bad: is that less certain than three usual ones? Limit what each adds."
    run_cases("answer_confidence", None, [
        (usual, lambda r: isinstance(r, float) and math.isfinite(r), "Is the result one finite float?"),
        (surer["log_probability"], lambda r: r >= once, "A likelier answer must not be less certain: is the sign right?"),
        (surer["log_probability_abstention"], lambda r: r >= once,
         "An abstention that is less likely must not make the answer less certain: is the sign right?"),
        (surer["search_score"], lambda r: r >= once, "A better search score must not make the answer less certain."),
        (usual, lambda r: 0 < gains[strongest] <= 4 * gains[weakest],
         f"Each moved by its usual spread, {weakest} adds less than a quarter of what {strongest} adds: how do you weigh them?"),
        ((0.0, -0.01, 0.0), lambda r: r < once, alone),
        ((-3.0, -500.0, 0.0), lambda r: r < once, alone),
        ((-3.0, -0.01, 1000.0), lambda r: r < once, alone),
        ((-3.0, 0.0, 0.0), lambda r: isinstance(r, float) and math.isfinite(r), "Zeros occur: do you divide, or take a log?"),
    ], fn)


def check_choose_pairs(fn: Callable) -> None:
    """Exercise: which preference pairs to train on."""
    def pair(tokens: int, winner: str, loser: str) -> tuple:
        return tokens, winner, loser, "a"

    no, tie = metrics.ABSTENTION, (5, "x [1]", metrics.ABSTENTION, "tie")
    wins, loses = [pair(n, no, "x [1]") for n in (90, 50, 70)], [pair(n, "x [1]", no) for n in (80, 60)]
    plain = [pair(n, "x [1]", "y [2]") for n in (40, 30, 20)]
    mirrored = [(tokens, loser, winner, "b") for tokens, winner, loser, _ in [*wins, *loses, *plain]]
    run_cases("choose_pairs", None, [
        ((plain, 9), lambda r: r == [0, 1, 2], "All three have a winner and fit: do you take them all, in ascending order?"),
        (([tie, plain[0]], 9), lambda r: r == [1], "A tie has no winner to learn from: is it left out?"),
        ((plain, 2), lambda r: len(r) == 2, "Do you take at most `most` pairs, and no fewer than fit?"),
        ((plain, 2), lambda r: r == [1, 2], "Among pairs of one kind, do short prompts go first?"),
        ((wins, 9), lambda r: r == [], "Abstaining wins all of these and loses none: it would learn to abstain always."),
        ((loses, 9), lambda r: r == [], "Abstaining loses all of these and wins none: is that balanced?"),
        (([*wins, *loses], 9), lambda r: r == [1, 2, 3, 4], "Does abstaining win as often as it loses, short prompts first?"),
        (([*wins, *loses, *plain], 9), lambda r: r == [1, 2, 3, 4, 5, 6, 7], "Are balanced pairs and the others all taken?"),
        ((mirrored, 9), lambda r: r == [1, 2, 3, 4, 5, 6, 7], "With the label b the second answer won: do you read the label?"),
        (([*wins, *loses, *plain], 3), lambda r: len(r) == 3 and sum(n < 3 for n in r) == sum(3 <= n < 5 for n in r),
         "With little room, is it filled, and abstaining still balanced?"),
        (([], 9), lambda r: r == [], "Without pairs, the list is empty."),
    ], fn)


def _plain(fn: Callable, *arguments: object) -> object:
    try:
        return fn(*copy.deepcopy(arguments))
    except Exception:  # the cases tell
        return None


def check_prompt(build: Callable[[str, list[str]], str]) -> None:
    """Repair: print what is still wrong with a prompt of numbered passages, or that it is mended."""
    text = build("Why?", ["first passage", "second passage"])
    problems = {
        "a reply that cites [1] must point to the first passage": "[1] first passage" in text and "[2] second passage" in text,
        "the question is missing, or stands before the passages": text.rfind("Why?") > text.find("second passage"),
        f"an abstention is recognised only by the words “{metrics.ABSTENTION}”": metrics.ABSTENTION in text,
    }
    print_problems([problem for problem, mended in problems.items() if not mended])


def check_split(split: Callable[[list[Question]], tuple[list, list]], questions: list[Question]) -> None:
    """Repair: print how many operations a split leaves on both sides, or that it is mended."""
    train, test = split(list(questions))
    both = {question.cluster for question in train} & {question.cluster for question in test}
    problems = [f"{len(both)} operations have questions on both sides, {min(both)} for one"] if both else []
    if sorted(q.id for q in [*train, *test]) != sorted(q.id for q in questions):
        problems.append("every question must be on one side, once")
    if not 0.5 <= len(train) / len(questions) <= 0.7:
        problems.append(f"{len(train) / len(questions):.0%} of the questions are for training; about 60 % are wanted")
    print_problems(problems)


def check_training_data(keep: Callable[[list[Example]], list[Example]], spoiled: list[Example],
                        questions: list[Question]) -> None:
    """Repair: print the first leak that the filter lets through, or how many sound examples it drops, or that it is mended."""
    kept = keep(list(spoiled))
    problems = training.find_leaks(kept, questions)
    leaky = {leak.split()[0] for leak in training.find_leaks(spoiled, questions)}
    sound = [example for example in spoiled if example.question_id not in leaky]
    if dropped := sum(example not in kept for example in sound):
        problems.append(f"{dropped} of {len(sound)} sound examples are dropped, too")
    print_problems(problems)


def check_ask_in_both_orders(label: Callable[[Callable[[PreferencePair], str], PreferencePair], str]) -> None:
    """Repair: print how a label still depends on the places of the two answers, or that it no longer does."""
    pair = PreferencePair("1", "q", (), "a long answer", "short")

    def reads(pair: PreferencePair) -> str:
        return "a" if len(pair.a) > len(pair.b) else "b"

    problems = {
        "a judge that always names the left answer still decides: make its label a tie": label(lambda _: "a", pair) == "tie",
        "so does one that always names the right answer": label(lambda _: "b", pair) == "tie",
        "a judge that reads, and prefers the longer answer, is not believed": label(reads, pair) == "a",
        "in the other order the same judge must prefer the same answer": label(reads, pair.swapped()) == "b",
    }
    print_problems([problem for problem, mended in problems.items() if not mended])


def print_problems(problems: list[str]) -> None:
    """Print the first problem of a repair, or that none is left."""
    print("Mended." if not problems else f"Not mended yet: {problems[0]}.")
