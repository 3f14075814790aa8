"""Checks of lab 1's exercises."""
from __future__ import annotations

from collections.abc import Callable

from .harness import run_cases


def check_split_tokens(fn: Callable) -> None:
    """Exercise: cut a list of tokens into overlapping windows."""
    letters = list("abcdefgh")
    run_cases(fn, [
        ((letters[:4], 2, 0), [["a", "b"], ["c", "d"]], "Without overlap, each window starts where the one before ends."),
        ((letters[:5], 2, 0), [["a", "b"], ["c", "d"], ["e"]], "Is the last, shorter window kept?"),
        ((letters[:6], 3, 1), [["a", "b", "c"], ["c", "d", "e"], ["e", "f"]],
         "Does each window begin size - overlap tokens after the one before?"),
        ((letters[:5], 3, 1), [["a", "b", "c"], ["c", "d", "e"]],
         "Is there a last window that only repeats the overlap? Leave it out: it contains no new token."),
        ((letters[:2], 5, 1), [["a", "b"]], "A text shorter than one window gives one window."),
        (([], 3, 1), [], "No tokens give no windows."),
        ((letters, 4, 2), [list("abcd"), list("cdef"), list("efgh")], "Is overlap counted in tokens, not in windows?"),
    ])


def check_recall_at_k(fn: Callable) -> None:
    """Exercise: Recall@k for questions that any one of several documents answers."""
    run_cases(fn, [
        ((["a", "b", "c"], {"a"}, 1), 1.0, "The first document is evidence, so recall at k = 1 is 1."),
        ((["a", "b", "c"], {"c"}, 2), 0.0, "Do you look at the first k documents only?"),
        ((["a", "b", "c"], {"c"}, 3), 1.0, "Does rank k itself count, and does one hit give the full score 1.0, not 1/k?"),
        ((["a", "b", "c"], {"b", "c"}, 3), 1.0, "Two evidence documents still give 1.0: do you count the score twice?"),
        ((["a", "b"], {"b", "x"}, 2), 1.0, "One evidence document is enough: do you divide by how many there are?"),
        ((["a", "b"], {"x"}, 10), 0.0, "k can be larger than the length of the ranking."),
        (([], {"x"}, 5), 0.0, "An empty ranking has a recall of 0."),
    ])


def check_passages_that_fit(fn: Callable) -> None:
    """Exercise: how many of the best passages fit into the prompt's token budget."""
    run_cases(fn, [
        (([100, 100, 100], 3, 480), 3, "All three fit."),
        (([100, 100, 100], 2, 480), 2, "Use at most k passages, however large the budget is."),
        (([200, 200, 200], 3, 450), 2, "The third passage would exceed the budget."),
        (([200, 250, 10], 3, 450), 2, "Exactly filling the budget is allowed."),
        (([300, 300, 10], 3, 450), 1, "Stop at the first passage that does not fit: do you put a worse one in its place?"),
        (([900, 10], 3, 450), 1, "Always include the best passage, even over budget: do not leave the prompt without any."),
        (([], 3, 450), 0, "Without passages, the count is 0."),
    ])


def check_identifier_words(fn: Callable) -> None:
    """Exercise: split an identifier into lower-case words."""
    run_cases(fn, [
        (("send",), ["send"], "A single word stays as it is."),
        (("SendMessage",), ["send", "message"], "Does each capital letter begin a new word, and do you return it in lower case?"),
        (("getItem",), ["get", "item"], "The first word can begin with a small letter."),
        (("max_results",), ["max", "results"], "An underscore separates words and is not part of any word."),
        (("KMSKey",), ["kms", "key"], "A run of capitals is one word: does its last capital start the next word?"),
        (("ListSMS",), ["list", "sms"], "A run of capitals at the end is one word, not separate letters."),
        (("SHA256",), ["sha", "256"], "Digits are a separate word."),
        (("md5OfBody",), ["md", "5", "of", "body"], "Digits are a separate word after small letters, too."),
    ])


def check_reciprocal_rank_fusion(fn: Callable) -> None:
    """Exercise: merge rankings by the reciprocals of their ranks."""
    run_cases(fn, [
        (([["a", "b", "c"]], 60), ["a", "b", "c"], "A single ranking stays as it is."),
        (([["a", "b"], ["b", "c"]], 60), ["b", "a", "c"], "b is in both lists: are its scores added up?"),
        (([["a", "b", "c"], ["c", "a"]], 60), ["a", "c", "b"], "Does a better rank give a higher score?"),
        (([["q", "x", "y"], ["b"], ["y"]], 60), ["y", "q", "b", "x"],
         "An id that is missing from a list gets no score for it, and ties keep the order in which the ids first appeared."),
        (([["x", "y"], ["u", "v", "y"]], 1), ["y", "x", "u", "v"], "Are ranks counted from 1 before k is added?"),
        (([["x", "y"], ["u", "v", "y"]], 0), ["x", "u", "y", "v"], "Do you use the k of the call, not a fixed 60?"),
        (([[], ["a"]], 60), ["a"], "An empty ranking changes nothing."),
    ])


def check_precision_and_recall(fn: Callable) -> None:
    """Exercise: precision and recall of extracted triples."""
    run_cases(fn, [
        (({1, 2}, {1, 2}), (1.0, 1.0), "Everything found is correct and nothing is missing, so both are 1.0."),
        (({1, 2, 3, 4}, {1, 2}), (0.5, 1.0), "Half of `found` is correct: do you divide precision by the size of `found`?"),
        (({1}, {1, 2, 3, 4}), (1.0, 0.25), "Do you divide recall by the size of `wanted`?"),
        (({1, 2, 9}, {1, 2, 3, 4}), (2 / 3, 0.5), "Do you return precision first and recall second?"),
        ((set(), {1}), (0.0, 0.0), "If nothing was found, return 0.0 and do not divide by zero."),
        (({1}, set()), (0.0, 0.0), "If nothing was wanted, return 0.0 and do not divide by zero."),
    ])


def check_only_first(fn: Callable) -> None:
    """Exercise: what one operation has and another lacks, from the edges of the graph."""
    edges = [("A", "raises", "x"), ("A", "raises", "y"), ("B", "raises", "y"), ("A", "takes", "z"), ("B", "takes", "x"),
             ("C", "raises", "w"), ("A", "raises", "b"), ("A", "raises", "b")]
    run_cases(fn, [
        (([("A", "raises", "x")], "A", "B", "raises"), ["x"], "B has no edges, so everything A raises stays."),
        ((edges[:3], "A", "B", "raises"), ["x"], "Both raise y: do you remove what B raises?"),
        ((edges[:3], "B", "A", "raises"), [], "A raises everything that B raises: does your answer depend on the direction?"),
        ((edges[:5], "A", "B", "raises"), ["x"], "B takes x but does not raise it: do you compare the same relation only?"),
        ((edges[:6], "A", "B", "raises"), ["x"], "C raises w: do you check the subject of the edge?"),
        ((edges, "A", "B", "raises"), ["b", "x"], "Is the result sorted, with each name once?"),
    ])
