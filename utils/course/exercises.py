"""The learner's progress through the exercises of one notebook; the reference solution stands in for an unsolved one."""
from __future__ import annotations

import copy
import functools
import math
from collections.abc import Callable
from numbers import Real

from .reference_solutions import reference_solution

_checked: dict[str, tuple[Callable, bool]] = {}


def record_check(name: str, answer: Callable, solved: bool) -> None:
    """Store whether the learner's function for the exercise `name` passed its check (called by `checks`)."""
    _checked[name] = answer, solved


def use_design(answer: Callable) -> Callable:
    """The learner's function if it passed its check, else the reference solution; prints which one."""
    name = _name(answer)
    passed = _checked.get(name) == (answer, True)
    print(f"Used below: your {name}." if passed else
          f"Used below: the course's {name}, because yours has not passed its check yet.")
    return answer if passed else reference_solution(name)


def _name(answer: Callable) -> str:
    return next((name for name, (checked, _) in _checked.items() if checked is answer), answer.__name__)


def use_mine_or_reference(answer: Callable) -> Callable:
    """As `use_design`, but the reference runs beside the learner's function at every call.

    Where they differ, this is said once and the reference's result used, so that an answer which passed its check cannot stop
    the notebook later.
    """
    name, differences = _name(answer), []
    reference = reference_solution(name)
    if use_design(answer) is not answer:
        return reference

    @functools.wraps(answer)
    def compared(*arguments: object, **named: object) -> object:
        expected = reference(*arguments, **named)
        try:
            result = plain_result(answer(*copy.deepcopy(arguments), **named))
            difference = "" if same_result(result, expected, 1e-6) else "gives another result"
        except Exception as error:
            difference = f"raises {type(error).__name__} ({error})"
        if difference and not differences:
            differences.append(difference)
            print(f"Your {name} {difference} here, on data that its check did not try; the course's result is used.")
        return expected

    return compared


def exercise_progress() -> str:
    """How many of the exercises checked so far are solved, as a sentence part."""
    return f"{sum(solved for _, solved in _checked.values())} of {len(_checked)} exercises solved in this run"


def plain_result(value: object) -> object:
    """The value with numbers and arrays of NumPy, pandas or torch as Python's own, at any depth of lists and tuples."""
    value = value.tolist() if hasattr(value, "tolist") else value
    return (tuple if isinstance(value, tuple) else list)(map(plain_result, value)) if isinstance(value, (list, tuple)) else value


def same_result(result: object, expected: object, tolerance: float = 1e-9) -> bool:
    """Whether two plain results are equal: floats up to the tolerance; lists and tuples may stand for one another."""
    if isinstance(expected, (list, tuple)):
        return isinstance(result, (list, tuple)) and len(result) == len(expected) and all(
            same_result(a, b, tolerance) for a, b in zip(result, expected, strict=True))
    if isinstance(expected, float) and isinstance(result, Real) and not isinstance(result, bool):
        return math.isclose(result, expected, rel_tol=tolerance, abs_tol=tolerance)
    return type(result) is type(expected) and result == expected
