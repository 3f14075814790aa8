"""Runs the cases of a check, from basic to subtle. Each case tests one thing, and its message points to the likely mistake."""
from __future__ import annotations

from collections.abc import Callable, Sequence

from ..exercises import report_result, timed

Case = tuple[tuple, object, str]  # arguments, expected result, hint


def run_cases(fn: Callable, cases: Sequence[Case]) -> None:
    """Run the cases and print the result; AssertionError for a wrong answer. NotImplementedError counts as not started."""
    report_result(fn.__name__, False)
    try:
        for arguments, expected, hint in cases:
            call = f"{fn.__name__}({', '.join(map(repr, arguments))})"
            result = _result(fn, arguments, call, hint)
            result = result.tolist() if hasattr(result, "tolist") else result  # NumPy numbers and arrays are accepted
            assert result is not None or expected is None, f"{call} gave None. Is there a return statement?"
            assert expected is not None or result is None, f"{call} gave {result!r}, expected None. {hint}"
            assert type(result) in (type(expected), int if isinstance(expected, float) else type(expected)), (
                f"{call} gave {result!r}, a {type(result).__name__}; return a {type(expected).__name__}.")
            assert _same(result, expected), f"{call} gave {result!r}, expected {expected!r}. {hint}"
    except NotImplementedError:
        print(f"{fn.__name__}: to do. You can continue the notebook without it.")
        return
    report_result(fn.__name__, True)
    _, milliseconds = timed(fn, *cases[-1][0])
    print(f"{fn.__name__}: solved, {len(cases)} of {len(cases)} cases. {milliseconds:.3f} ms a call on this machine.")


def _result(fn: Callable, arguments: tuple, call: str, hint: str) -> object:
    """What the call returns; an error inside it becomes an AssertionError with the call and the hint."""
    try:
        return fn(*arguments)
    except NotImplementedError:
        raise
    except Exception as error:
        raise AssertionError(f"{call} raised {type(error).__name__}: {error}. {hint}") from error


def _same(result: object, expected: object) -> bool:
    if isinstance(expected, float) and isinstance(result, (int, float)) and not isinstance(result, bool):
        return abs(result - expected) < 1e-9
    return type(result) is type(expected) and result == expected
