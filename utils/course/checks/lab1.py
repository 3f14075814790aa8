"""Checks of lab 1's exercises."""
from __future__ import annotations

from collections.abc import Callable

from .harness import run_cases


def check_split_tokens(fn: Callable) -> None:
    """Exercise: cut a list of tokens into overlapping windows."""
    letters = list("abcdefgh")
    run_cases(fn, [
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
    run_cases(fn, [
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
    run_cases(fn, [
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
    run_cases(fn, [
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
    run_cases(fn, [
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
    run_cases(fn, [
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
    run_cases(fn, [
        (([("A", "raises", "x")], "A", "B", "raises"), ["x"], "B has nothing, so all of A's is left."),
        ((edges[:3], "A", "B", "raises"), ["x"], "y is raised by both: is B's taken away?"),
        ((edges[:3], "B", "A", "raises"), [], "Everything B raises, A raises too: does the direction matter in your answer?"),
        ((edges[:5], "A", "B", "raises"), ["x"], "B *takes* x but does not raise it: do you compare the same relation only?"),
        ((edges[:6], "A", "B", "raises"), ["x"], "w belongs to C: do you look at the subject of the edge?"),
        ((edges, "A", "B", "raises"), ["b", "x"], "Sorted, and each name once."),
    ])
