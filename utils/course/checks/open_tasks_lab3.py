"""Checks of lab 3's tasks with many right answers: two designs and two repairs."""
from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from ...metrics import MeanInterval
from .harness import run_cases
from .open_tasks import print_problems

TOSSES = 200


def check_difference_interval(fn: Callable) -> None:
    """Exercise: an interval for a paired difference, by a method of your own."""
    many, few = [str(n) for n in range(100)], [str(n) for n in range(12)]
    half, third = [n % 2 for n in range(100)], [float(n % 3 == 0) for n in range(12)]
    uneven = [name for n, name in enumerate("abcdefghijklmnopqrst") for _ in range(9 if n % 2 else 1)]
    gaps = [float((ord(name) - ord("a")) % 2) for name in uneven]
    hard = [n / 100 for n in range(100)]

    def width(low_high) -> float:
        low, high = low_high
        return high - low

    run_cases("difference_interval", None, [
        (([0.0, 0.5, 1.0], [0.5, 1.0, 1.5], ["a", "a", "b"]), lambda r: len(r) == 2 and abs(r[0] - 0.5) + abs(r[1] - 0.5) < 1e-6,
         "Every question gains 0.5: do pairs stay together, and are both ends 0.5?"),
        ((hard, [x - 0.25 for x in hard], many), lambda r: abs(r[0] + 0.25) + abs(r[1] + 0.25) < 1e-6,
         "Is it second minus first? Here every question loses 0.25."),
        (([0.0] * 100, half, many), lambda r: r[0] < 0.5 < r[1], "Does it hold the mean difference, here 0.5, low end first?"),
        (([0.0] * 100, half, many), lambda r: 0.155 < width(r) < 0.255,
         "Do 95 of 100 means lie within? A fortieth of them lies beyond each end; it is no range and no standard error."),
        (([0.0] * 120, third * 10, few * 10), lambda r: 0.38 < width(r) < 0.75,
         "Each question was asked ten times: do you draw operations, not questions? Copies teach nothing new."),
        (([0.0] * 100, gaps, uneven), lambda r: r[0] > 0.65,
         "Most questions belong to large operations: is the mean over questions, not over means of operations?"),
    ], fn)


@dataclass(frozen=True)
class SecondOption:
    """The second option of a check: gives its reply, and counts how often it was asked."""

    reply: dict
    times: list = field(default_factory=list, compare=False)

    def __call__(self) -> dict:
        """Its reply, a new dictionary at each call."""
        self.times.append(1)
        return dict(self.reply)

    def __repr__(self) -> str:
        return f"lambda: {self.reply}"

    def __deepcopy__(self, memo: dict) -> SecondOption:
        return self


def check_ask_twice(fn: Callable) -> None:
    """Exercise: an agent that may ask a second option, by a rule of your own."""
    cites, silent = {"answer": "5", "cited": ["a"], "seconds": 1.0}, {"answer": "", "cited": [], "seconds": 1.0}
    bare = {**cites, "cited": []}

    def case(first: dict, second: dict, given: tuple[str, ...], times: set[int], question: str) -> tuple:
        option = SecondOption({**second, "seconds": 2.0})

        def acceptable(result: object) -> bool:
            who, seconds = result
            return who in given and len(option.times) in times and abs(seconds - 1 - 2 * len(option.times)) < 1e-9

        return (first, option), acceptable, question

    either = ("first", "second")
    run_cases("ask_twice", None, [
        case(cites, cites, ("first",), {0}, "The first answers and cites: is it given at once, without asking the second?"),
        case(silent, cites, ("second",), {1}, "The first abstains: is the second asked, once, its answer given, and both their "
                                              "seconds added?"),
        case(silent, silent, ("first",), {1}, "Both abstain: is it \"first\", with the seconds of both?"),
        case(silent, bare, either, {1}, "The second answers without a citation: either reply may be given, and both took time."),
        case(bare, cites, either, {0, 1}, "The first cites nothing: ask or do not, but add seconds only of what was asked."),
        case(bare, silent, ("first",), {0, 1}, "The first answers and the second abstains: is there a reason to give nothing?"),
    ], fn)


JUDGED = (  # reply, accepted answers, whether it is correct, the problem if that is not said
    ("15 minutes", ("5 minutes", "5"), False, "“15 minutes” passes where “5 minutes” is accepted"),
    ("It is 5 or 10, or 15, or 20, or 25, or 30, or 60 minutes, or perhaps an hour or a day.", ("5",), False,
     "a reply of 23 words passes because the answer is somewhere in it"),
    ("It is 5 minutes.", ("5 minutes", "5"), True, "“It is 5 minutes.” is refused where “5 minutes” is accepted"),
    ("sendmessage", ("SendMessage",), True, "letter case should not matter"),
    ("300 seconds", ("5 minutes", "300 seconds"), True, "every accepted answer counts, not only the first"),
    ("one two three four five six seven eight nine ten eleven twelve thirteen minutes 5", ("5",), True,
     "fifteen words are still short enough"),
)


def check_judge(judge: Callable[[str, tuple[str, ...]], bool]) -> None:
    """Repair: print what a judge of replies still gets wrong, or that it is mended."""
    print_problems([problem for reply, answers, right, problem in JUDGED if bool(judge(reply, answers)) is not right])


def check_interval(interval_of: Callable[[list[float], list[str]], MeanInterval], gaps: list[float],
                   operations: list[str]) -> None:
    """Repair: print how often an interval misses zero where coins took every difference away, or that it is honest."""
    generator, missed = random.Random(0), 0
    for _ in range(TOSSES):
        side = {name: generator.choice((-1, 1)) for name in sorted(set(operations))}
        interval = interval_of([side[name] * gap for name, gap in zip(operations, gaps, strict=True)], list(operations))
        missed += not interval.low <= 0 <= interval.high
    print(f"Of {TOSSES} intervals where there is no difference, {missed} miss zero; about {TOSSES // 20} should.")
    print_problems(["it misses zero too often"] if missed > TOSSES / 10 else ["it is too wide"] if missed < TOSSES / 100 else [])
