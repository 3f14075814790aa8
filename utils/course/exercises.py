"""The learner's progress through the exercises of one notebook, and the reference where one is still to do."""
from __future__ import annotations

import time
from collections.abc import Callable

from .reference_solutions import reference_solution

_solved: dict[str, bool] = {}


def report_result(name: str, solved: bool) -> None:
    """Remember whether the exercise `name` passed its check (called by `checks`)."""
    _solved[name] = solved


def use_mine_or_reference(mine: Callable) -> Callable:
    """The learner's function when it passed its check, else the reference solution of the same name; says which."""
    if _solved.get(mine.__name__):
        print(f"Used below: your {mine.__name__}.")
        return mine
    print(f"Used below: the course's {mine.__name__}, since yours has not passed its check yet.")
    return reference_solution(mine.__name__, getattr(mine, "__globals__", {}))


def exercise_progress() -> str:
    """How many of the exercises checked so far are solved."""
    return f"{sum(_solved.values())} of {len(_solved)} exercises solved in this run"


def timed(fn: Callable, *arguments: object, repeats: int = 5) -> tuple[object, float]:
    """(result, median milliseconds on this machine) of calling fn."""
    milliseconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        result = fn(*arguments)
        milliseconds.append((time.perf_counter() - begun) * 1000)
    return result, sorted(milliseconds)[repeats // 2]
