"""Checks of the exercises: from basic to subtle, one mechanism a case, each message asks about the likely slip.

A check prints "to do" for an unsolved exercise and raises AssertionError for a wrong one. It never shows a solution.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence

from . import learner

Case = tuple[tuple, object, str]


def _check(fn: Callable, cases: Sequence[Case]) -> None:
    """Run the cases; NotImplementedError means to do. Solved prints the time on this machine."""
    learner.report(fn.__name__, False)
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
    learner.report(fn.__name__, True)
    _, milliseconds = learner.timed(fn, *cases[-1][0])
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


def check_identifier_words(fn: Callable) -> None:
    """Exercise: split an identifier into the words a person would say."""
    _check(fn, [
        (("send",), ["send"], "One word stays one word."),
        (("SendMessage",), ["send", "message"], "Does a new word begin at each capital letter, and is it put in lower case?"),
        (("getItem",), ["get", "item"], "The first word may begin in lower case."),
        (("max_results",), ["max", "results"], "An underscore separates words and is none itself."),
        (("KMSKey",), ["kms", "key"], "A run of capitals is one word: is its last capital given to the word that follows?"),
        (("ListSMS",), ["list", "sms"], "A run of capitals at the end is one word, not letters."),
        (("SHA256",), ["sha", "256"], "Digits are a word of their own."),
        (("md5OfBody",), ["md", "5", "of", "body"], "Digits are a word of their own after small letters too."),
    ])


def check_reciprocal_rank_fusion(fn: Callable) -> None:
    """Exercise: merge rankings by the reciprocals of their ranks."""
    _check(fn, [
        (([["a", "b", "c"]], 60), ["a", "b", "c"], "One ranking stays as it is."),
        (([["a", "b"], ["b", "c"]], 60), ["b", "a", "c"], "b is in both lists: are the scores added up?"),
        (([["a", "b", "c"], ["c", "a"]], 60), ["a", "c", "b"], "Does a better rank give more than a worse one?"),
        (([["q", "x", "y"], ["b"], ["y"]], 60), ["y", "q", "b", "x"],
         "An id missing from a list gets nothing there; ties keep the order in which the ids first appeared."),
        (([["x", "y"], ["u", "v", "y"]], 1), ["y", "x", "u", "v"], "Are ranks counted from 1 before k is added?"),
        (([["x", "y"], ["u", "v", "y"]], 0), ["x", "u", "y", "v"], "Is the k of the call used, and not a fixed 60?"),
        (([[], ["a"]], 60), ["a"], "An empty ranking changes nothing."),
    ])


def check_precision_and_recall(fn: Callable) -> None:
    """Exercise: precision and recall of extracted triples."""
    _check(fn, [
        (({1, 2}, {1, 2}), (1.0, 1.0), "All right and nothing missed."),
        (({1, 2, 3, 4}, {1, 2}), (0.5, 1.0), "Half of what was found is right: is precision divided by what was *found*?"),
        (({1}, {1, 2, 3, 4}), (1.0, 0.25), "Is recall divided by what was *wanted*?"),
        (({1, 2, 9}, {1, 2, 3, 4}), (2 / 3, 0.5), "Is precision first, recall second?"),
        ((set(), {1}), (0.0, 0.0), "Nothing found: say 0, do not divide by zero."),
        (({1}, set()), (0.0, 0.0), "Nothing wanted: say 0, do not divide by zero."),
    ])


def check_only_first(fn: Callable) -> None:
    """Exercise: what one operation has and the other lacks, by walking the graph."""
    edges = [("A", "raises", "x"), ("A", "raises", "y"), ("B", "raises", "y"), ("A", "takes", "z"), ("B", "takes", "x"),
             ("C", "raises", "w"), ("A", "raises", "b"), ("A", "raises", "b")]
    _check(fn, [
        (([("A", "raises", "x")], "A", "B", "raises"), ["x"], "B has nothing, so all of A's is left."),
        ((edges[:3], "A", "B", "raises"), ["x"], "y is raised by both: is B's taken away?"),
        ((edges[:3], "B", "A", "raises"), [], "Everything B raises, A raises too: does the direction matter in your answer?"),
        ((edges[:5], "A", "B", "raises"), ["x"], "B *takes* x but does not raise it: do you compare the same relation only?"),
        ((edges[:6], "A", "B", "raises"), ["x"], "w belongs to C: do you look at the subject of the edge?"),
        ((edges, "A", "B", "raises"), ["b", "x"], "Sorted, and each name once."),
    ])
