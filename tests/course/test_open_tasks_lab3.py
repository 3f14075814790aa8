"""Lab 3's designs and repairs: every right way passes, each slip is named, and a starter alone is no answer."""
from __future__ import annotations

import math
import random
import statistics

import pytest

from utils import course, metrics
from utils.course.checks import open_tasks_lab3
from utils.course.reference_solutions import blank_exercise, reference_solution


def pairs(first, second):
    return [b - a for a, b in zip(first, second, strict=True)]


def package(first, second, clusters):
    found = metrics.paired_difference(first, second, clusters)
    return found.low, found.high


def by_formula(first, second, clusters):
    """The cluster-robust standard error."""
    gaps, names = pairs(first, second), sorted(set(clusters))
    mean, sums = statistics.fmean(gaps), dict.fromkeys(names, 0.0)
    for gap, name in zip(gaps, clusters, strict=True):
        sums[name] += gap - mean
    error = math.sqrt(sum(x * x for x in sums.values()) * len(names) / (len(names) - 1)) / len(gaps)
    return mean - 1.96 * error, mean + 1.96 * error


def middle(means, ends=(25, 974)):
    return tuple(sorted(means)[end] for end in ends)


def resampled(gaps, clusters, ends=(25, 974)):
    draw, names = random.Random(1), sorted(set(clusters))
    of = {name: [gap for gap, own in zip(gaps, clusters, strict=True) if own == name] for name in names}
    return middle([statistics.fmean([gap for name in draw.choices(names, k=len(names)) for gap in of[name]])
                   for _ in range(1000)], ends)


def rows_alone(first, second, clusters):
    return resampled(pairs(first, second), [str(n) for n in range(len(first))])


def means_of_operations(first, second, clusters):
    names, gaps = sorted(set(clusters)), pairs(first, second)
    return resampled([statistics.fmean(g for g, c in zip(gaps, clusters, strict=True) if c == name) for name in names], names)


def unpaired(first, second, clusters):
    one, two = (resampled(values, clusters) for values in (first, second))
    return two[0] - one[1], two[1] - one[0]


def trusting(first, ask_second):
    if first["answer"]:
        return "first", first["seconds"]
    second = ask_second()
    return ("second" if second["answer"] else "first"), first["seconds"] + second["seconds"]


def curious(first, ask_second):
    if first["answer"] and first["cited"]:
        return ["first", first["seconds"]]
    second = ask_second()
    return ["second" if second["cited"] else "first", first["seconds"] + second["seconds"]]


RIGHT = [("difference_interval", package), ("difference_interval", by_formula), ("ask_twice", trusting), ("ask_twice", curious)]
WRONG = [
    ("difference_interval", unpaired, "pairs stay together"),
    ("difference_interval", lambda a, b, c: package(b, a, c), "both ends 0.5|second minus first"),
    ("difference_interval", rows_alone, "asked ten times"),
    ("difference_interval", means_of_operations, "not over means of operations"),
    ("difference_interval", lambda a, b, c: resampled(pairs(a, b), c, (0, 999)), "Do 95 of 100"),
    ("difference_interval", lambda a, b, c: resampled(pairs(a, b), c, (158, 841)), "Do 95 of 100"),
    ("difference_interval", lambda a, b, c: (statistics.fmean(pairs(a, b)),) * 2, "Does it hold the mean"),
    ("difference_interval", lambda a, b, c: package(a, b, c)[::-1], "low end first"),
    ("ask_twice", lambda first, ask: ("first", first["seconds"] + ask()["seconds"]), "given at once"),
    ("ask_twice", lambda first, ask: ("first", first["seconds"]), "is the second asked"),
    ("ask_twice", lambda first, ask: (trusting(first, ask)[0], first["seconds"]), "both their seconds"),
    ("ask_twice", lambda first, ask: trusting(first, ask) if first["answer"] else ("second", ask()["seconds"] + 1),
     "Both abstain"),
    ("ask_twice", lambda first, ask: trusting(first, ask) if ask() else None, "given at once"),
    ("ask_twice", lambda first, ask: trusting(first, ask)[0], "ValueError"),
]


@pytest.mark.parametrize(("name", "design"), [*RIGHT, *((name, reference_solution(name)) for name in ("difference_interval",
                                                                                                    "ask_twice"))])
def test_a_design_that_keeps_its_promises_is_used_as_it_is(name, design, capsys):
    design.__name__ = name
    getattr(course, f"check_{name}")(design)
    assert course.use_design(design) is design and "solved" in capsys.readouterr().out


@pytest.mark.parametrize(("name", "design", "slip"), WRONG)
def test_a_design_that_breaks_a_promise_is_refused_by_name(name, design, slip):
    design.__name__ = name
    with pytest.raises(AssertionError, match=slip):
        getattr(course, f"check_{name}")(design)
    assert course.use_design(design) is reference_solution(name)


@pytest.mark.parametrize("name", ["fuse_scores", "pack_passages", "difference_interval", "ask_twice"])
def test_a_starter_alone_is_still_to_do(name, capsys):
    getattr(course, f"check_{name}")(blank_exercise(name))
    assert f"{name}: to do" in capsys.readouterr().out


@pytest.mark.parametrize(("judge", "told"), [
    (lambda reply, answers: any(answer.lower() in reply.lower() for answer in answers), "“15 minutes” passes"),
    (metrics.contains, "23 words"),
    (lambda reply, answers: any(f" {answer.lower()} " in f" {reply.lower()} " for answer in answers), "23 words"),
    (lambda reply, answers: reply in answers, "“It is 5 minutes.” is refused"),
    (lambda reply, answers: len(reply.split()) < 15 and metrics.contains(reply, answers), "fifteen words"),
    (lambda reply, answers: len(reply.split()) <= 15 and metrics.contains(reply, answers[:1]), "every accepted answer"),
    (lambda reply, answers: len(reply.split()) <= metrics.LONGEST_ANSWER and metrics.contains(reply, answers), "Mended."),
])
def test_a_judge_is_told_what_it_still_gets_wrong(judge, told, capsys):
    course.check_judge(judge)
    assert told in capsys.readouterr().out


def test_an_interval_is_judged_by_how_often_it_misses_zero(capsys, monkeypatch):
    monkeypatch.setattr(open_tasks_lab3, "TOSSES", 100)
    operations = [str(n // 10) for n in range(300)]
    gaps = [float(n // 10 % 3 == 0) for n in range(300)]
    course.check_interval(lambda gaps, operations: metrics.mean_interval(gaps, [*map(str, range(300))], resamples=200),
                          gaps, operations)
    course.check_interval(lambda gaps, operations: metrics.MeanInterval(0.0, -1.0, 1.0, 300, 30), gaps, operations)
    course.check_interval(lambda gaps, operations: metrics.mean_interval(gaps, operations, resamples=200), gaps, operations)
    told = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("Of 100")]
    assert told == ["Not mended yet: it misses zero too often.", "Not mended yet: it is too wide.", "Mended."]
