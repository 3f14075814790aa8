"""Runs the cases of a check, from basic to subtle, then random ones. The first that fails becomes a card with its question."""
from __future__ import annotations

import contextlib
import copy
import html
import inspect
import io
import random
import sys
import time
import traceback
from collections.abc import Callable

from ..exercises import plain_result, record_check, same_result
from ..reference_solutions import blank_exercise, reference_solution

LEFT_OVER = "Your code still runs into that line: delete it and return your result."
Case = tuple  # arguments, expected result or a test of it, question; then slips: a question, and results or tests that raise it


class WrongAnswer(AssertionError):
    """The first call that went wrong, what was expected, and a question that names the slip; IPython shows it in one line."""

    def __init__(self, name: str, call: str, outcome: str, expected: object, question: str) -> None:
        told = {} if callable(expected) else {"expected": _short(expected)}
        super().__init__(f"{call} {outcome}{''.join(f', expected {text}' for text in told.values())}. {question}")
        self.title, self.question = f"{name} is not solved yet", question
        self.rows = {"your call": call, "what came": outcome, **told}

    def _render_traceback_(self) -> list[str]:
        return [f"WrongAnswer: {self}"]

    def card(self) -> dict[str, str]:
        """The card as text and as HTML, by media type."""
        left, rows = "style='text-align:left'", self.rows.items()
        table = "".join(f"<tr><th {left}>{label}<td {left}><code>{html.escape(text)}</code>" for label, text in rows)
        return {"text/plain": "\n".join([self.title, *(f"  {label:9}  {text}" for label, text in rows), self.question]),
                "text/html": f"<div style='border-left:4px solid #d55e00;padding-left:1em'><b>{self.title}</b>"
                             f"<table>{table}</table><b>{html.escape(self.question)}</b></div>"}


def run_cases(name: str, draw: Callable[[random.Random], tuple] | None, cases: list[Case], fn: Callable, *,
              tolerance: float = 1e-9, rule: str = "Which rule of the docstring does this call break?") -> None:
    """Print "to do" for an untouched exercise, "solved" for a right answer; show a card and raise WrongAnswer for a wrong one.

    draw: arguments of a random call, compared with the reference's result; None for a design with many right answers.
    rule: the question where they differ.
    """
    record_check(name, fn, solved=False)
    own, blank = getattr(fn, "__code__", None), blank_exercise(name).__code__
    if own is not None and (own.co_code, own.co_varnames) == (blank.co_code, blank.co_varnames):
        print(f"{name}: to do. You can continue the notebook without it.")
        return
    generator, reference = random.Random(0), reference_solution(name)
    drawn = sorted((draw(generator) for _ in range(200 if draw else 0)), key=lambda arguments: len(repr(arguments)))
    for case in [*cases, *((arguments, reference(*copy.deepcopy(arguments)), rule) for arguments in drawn)]:
        if problem := _problem(name, fn, case, list(inspect.signature(reference).parameters), tolerance):
            if "IPython" in sys.modules and sys.modules["IPython"].get_ipython():
                sys.modules["IPython"].display.display(problem.card(), raw=True)
            raise problem
    arguments, begin = copy.deepcopy(cases[0][0]), time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        fn(*arguments)
    milliseconds = (time.perf_counter() - begin) * 1000
    record_check(name, fn, solved=True)
    told = f", {len(cases)} cases and {len(drawn)} random ones. {milliseconds:.3f} ms a call on this machine."
    design = f". It is right in all {len(cases)} cases; the next cell puts it to use."
    print(f"{name}: solved{told if draw else design}")


def _problem(name: str, fn: Callable, case: Case, parameters: list[str], tolerance: float) -> WrongAnswer | None:
    """What is wrong with the answer in this case; None when it is right, twice, and leaves its arguments alone."""
    arguments, expected, question, *slips = case
    given, printed = copy.deepcopy(arguments), io.StringIO()

    def wrong(outcome: str, question: str, expected: object = expected) -> WrongAnswer:
        return WrongAnswer(name, f"{name}({', '.join(map(_short, arguments))})", outcome, expected, question)

    try:
        with contextlib.redirect_stdout(printed):
            result = plain_result(fn(*given))
            right = expected(result) if callable(expected) else same_result(result, expected, tolerance)
            again = plain_result(fn(*copy.deepcopy(arguments))) if right and not callable(expected) else expected
    except NotImplementedError:
        return wrong("raised NotImplementedError", LEFT_OVER)
    except Exception as error:
        broken = not callable(expected) and isinstance(error, (NameError, AttributeError, TypeError, ImportError))
        own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.name == getattr(fn, "__name__", "")]
        where = f" in line {own[-1].lineno}, {own[-1].line}".rstrip(", ") if own else ""
        return wrong(f"raised {type(error).__name__}: {error}{where}", "Python cannot run that line." if broken else question)
    if result is None and expected is not None:
        return wrong("gave None", "Do you print the result? Return it instead." if printed.getvalue()
                     else f"{question} (A path without a `return` gives None, too.)")
    if not right:
        own = (text for text, *results in slips for slip in results
               if (slip(result) if callable(slip) else same_result(result, slip, tolerance)))
        with contextlib.suppress(LookupError, TypeError, ValueError):  # a test of a slip may not fit what came
            question = next(own, "Do you round? Return the number as it is." if _rounded(result, expected) else question)
        return wrong(f"gave {_short(result)}", _misplaced_type(result, expected) or question)
    if not same_result(again, expected, tolerance):
        return wrong(f"gave {_short(again)} in a second call", "Does a list outside the function grow, or does chance decide?")
    for parameter, before, after in zip(parameters, arguments, given, strict=False):
        if before != after:
            return wrong(f"changed `{parameter}` to {_short(after)}",
                         f"The result is right, but your function changes its argument `{parameter}`: work on a copy.", before)
    return None


def _misplaced_type(result: object, expected: object) -> str:
    """A sentence on the first value of a type that its place does not allow; empty when there is none."""
    if result is None or expected is None or callable(expected) or same_result(result, expected):
        return ""
    sequence = isinstance(expected, (list, tuple))
    allowed = (list, tuple) if sequence else (int, float) if isinstance(expected, float) else type(expected)
    if not isinstance(result, allowed) or isinstance(result, bool) != isinstance(expected, bool):
        return f"There is a {type(result).__name__} where a {type(expected).__name__} belongs."
    return next(filter(None, map(_misplaced_type, result, expected)), "") if sequence else ""


def _rounded(result: object, expected: object) -> bool:
    """Whether the result is the expected one with two to five digits after the point."""
    if isinstance(expected, (list, tuple)):
        return len(result) == len(expected) and all(map(_rounded, result, expected))
    return result == expected or isinstance(expected, float) and result is not None and any(
        result == round(result, digits) and abs(result - expected) < 0.51 * 10**-digits for digits in range(2, 6))


def _short(value: object) -> str:
    text = value.__doc__ if inspect.isfunction(value) else repr(value)
    return text if len(text) <= 200 else f"{text[:150]} … {text[-40:]}"
