"""Checks of the exercises: from basic to subtle, one mechanism a case, each message asks about the likely slip.

A check prints "to do" for an unsolved exercise and raises AssertionError for a wrong one. It never shows a solution.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence

from . import learner

Case = tuple[tuple, object, str]


def _check(fn: Callable, cases: Sequence[Case]) -> None:
    """Run the cases; only NotImplementedError is caught. Solved prints the time on this machine."""
    learner.report(fn.__name__, False)
    try:
        for arguments, expected, slip in cases:
            found = fn(*arguments)
            shown = ", ".join(repr(argument) for argument in arguments)
            assert found is not None, f"{fn.__name__}({shown}) gave None. Is there a return statement?"
            assert type(found) in (type(expected), int if isinstance(expected, float) else type(expected)), (
                f"{fn.__name__}({shown}) gave {found!r}, a {type(found).__name__}; return a {type(expected).__name__}.")
            assert _same(found, expected), f"{fn.__name__}({shown}) gave {found!r}, expected {expected!r}. {slip}"
    except NotImplementedError:
        print(f"{fn.__name__}: to do. The notebook goes on without it.")
        return
    learner.report(fn.__name__, True)
    _, milliseconds = learner.timed(fn, *cases[-1][0])
    print(f"{fn.__name__}: solved, {len(cases)} of {len(cases)} cases. {milliseconds:.3f} ms a call on this machine.")


def _same(found: object, expected: object) -> bool:
    if isinstance(expected, float) and isinstance(found, (int, float)) and not isinstance(found, bool):
        return abs(found - expected) < 1e-9
    return type(found) is type(expected) and found == expected


def check_split_tokens(fn: Callable) -> None:
    """Exercise: cut a list of tokens into overlapping windows."""
    letters = list("abcdefgh")
    _check(fn, [
        ((letters[:4], 2, 0), [["a", "b"], ["c", "d"]], "Without overlap the windows lie end to end."),
        ((letters[:5], 2, 0), [["a", "b"], ["c", "d"], ["e"]], "Is the last, shorter window kept?"),
        ((letters[:6], 3, 1), [["a", "b", "c"], ["c", "d", "e"], ["e", "f"]],
         "Does each window begin size - overlap tokens after the one before?"),
        ((letters[:5], 3, 1), [["a", "b", "c"], ["c", "d", "e"]],
         "Is there a last window that only repeats the overlap? It holds nothing new."),
        ((letters[:2], 5, 1), [["a", "b"]], "A text shorter than one window is one window."),
        (([], 3, 1), [], "No tokens, no windows."),
        ((letters, 4, 2), [list("abcd"), list("cdef"), list("efgh")], "Is overlap counted in tokens, not in windows?"),
    ])


def check_recall_at_k(fn: Callable) -> None:
    """Exercise: Recall@k for questions that any one of several documents answers."""
    _check(fn, [
        ((["a", "b", "c"], {"a"}, 1), 1.0, "The first document is evidence, so k = 1 is enough."),
        ((["a", "b", "c"], {"c"}, 2), 0.0, "Do you look at the first k documents only?"),
        ((["a", "b", "c"], {"c"}, 3), 1.0, "Does rank k itself still count, and is one hit worth a full 1, not 1/k?"),
        ((["a", "b", "c"], {"b", "c"}, 3), 1.0, "Two of two found is still 1: is the score counted twice?"),
        ((["a", "b"], {"b", "x"}, 2), 1.0, "Any one document answers the question: do you divide by how many there are?"),
        ((["a", "b"], {"x"}, 10), 0.0, "k may be larger than the ranking."),
        (([], {"x"}, 5), 0.0, "An empty ranking finds nothing."),
    ])


def check_passages_that_fit(fn: Callable) -> None:
    """Exercise: how many of the best passages fit the prompt's token budget."""
    _check(fn, [
        (([100, 100, 100], 3, 480), 3, "All three fit."),
        (([100, 100, 100], 2, 480), 2, "At most k passages go in, however large the budget."),
        (([200, 200, 200], 3, 450), 2, "The third would exceed the budget."),
        (([200, 250, 10], 3, 450), 2, "Exactly filling the budget is allowed."),
        (([300, 300, 10], 3, 450), 1, "Stop at the first that does not fit: is a worse passage put in its place?"),
        (([900, 10], 3, 450), 1, "The best passage always goes in: an empty context would be a closed-book question."),
        (([], 3, 450), 0, "No passages, none used."),
    ])
