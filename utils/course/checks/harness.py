"""How a check works: cases from basic to subtle, one mechanism a case, each message asks about the likely slip."""
from __future__ import annotations

from collections.abc import Callable, Sequence

from ..exercises import report_result, timed

Case = tuple[tuple, object, str]


def run_cases(fn: Callable, cases: Sequence[Case]) -> None:
    """Run the cases; NotImplementedError means to do. Solved prints the time on this machine."""
    report_result(fn.__name__, False)
    try:
        for arguments, expected, slip in cases:
            shown = ", ".join(repr(argument) for argument in arguments)
            found = _called(fn, arguments, shown, slip)
            found = found.tolist() if hasattr(found, "tolist") else found  # NumPy's numbers and arrays are right as well
            assert found is not None or expected is None, f"{fn.__name__}({shown}) gave None. Is there a return statement?"
            assert expected is not None or found is None, f"{fn.__name__}({shown}) gave {found!r}, expected None. {slip}"
            assert type(found) in (type(expected), int if isinstance(expected, float) else type(expected)), (
                f"{fn.__name__}({shown}) gave {found!r}, a {type(found).__name__}; return a {type(expected).__name__}.")
            assert _same(found, expected), f"{fn.__name__}({shown}) gave {found!r}, expected {expected!r}. {slip}"
    except NotImplementedError:
        print(f"{fn.__name__}: to do. The notebook goes on without it.")
        return
    report_result(fn.__name__, True)
    _, milliseconds = timed(fn, *cases[-1][0])
    print(f"{fn.__name__}: solved, {len(cases)} of {len(cases)} cases. {milliseconds:.3f} ms a call on this machine.")


def _called(fn: Callable, arguments: tuple, shown: str, slip: str) -> object:
    """What the call gives; an error inside the answer is told with the call that caused it and what that case is about."""
    try:
        return fn(*arguments)
    except NotImplementedError:
        raise
    except Exception as error:
        raise AssertionError(f"{fn.__name__}({shown}) raised {type(error).__name__}: {error}. {slip}") from error


def _same(found: object, expected: object) -> bool:
    if isinstance(expected, float) and isinstance(found, (int, float)) and not isinstance(found, bool):
        return abs(found - expected) < 1e-9
    return type(found) is type(expected) and found == expected
