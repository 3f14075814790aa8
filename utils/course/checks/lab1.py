"""Checks of lab 1's exercises: random arguments, then cases (`harness.Case`)."""
from __future__ import annotations

from functools import partial

from .harness import run_cases


def windows(text: str) -> list[list[str]]:
    """Windows of one-letter tokens, written as words."""
    return [list(word) for word in text.split()]


check_split_tokens = partial(
    run_cases, "split_tokens", lambda r: (r.choices("abc", k=r.randint(0, 9)), size := r.randint(1, 5), r.randrange(size)), [
    ((list("abcd"), 2, 0), windows("ab cd"), "Without overlap, each window starts where the one before ends, up to the end.",
     ("Does each window hold `size` tokens?", windows("a c"))),
    ((list("abcde"), 2, 0), windows("ab cd e"), "Is the last, shorter window kept as it is, not dropped, moved or padded?"),
    ((list("abcdef"), 3, 1), windows("abc cde ef"), "Does each window begin size - overlap tokens after the one before?",
     ("Does each window hold `size` tokens, the overlap included?", windows("abc cdef"), windows("abcd def"))),
    ((list("abcde"), 3, 1), windows("abc cde"), "Is there a last window that only repeats the overlap? Leave it out."),
    ((list("abcde"), 4, 3), windows("abcd bcde"), "More than one window at the end can hold no new token."),
    ((list("ab"), 5, 1), windows("ab"), "A text shorter than one window gives one window."),
    ((list("ab"), 3, 2), windows("ab"), "A text not longer than the overlap still gives one window."),
    ((list("bbcb"), 2, 1), windows("bb bc cb"), "A token can come again: do you decide by position, not by what it says?"),
    (([], 3, 1), [], "No tokens give no windows.")])
ABC, LARGER = list("abc"), "k can be larger than the ranking."
EVERY = "Do you look at every one of the first k documents? A `return` in the loop may end it too early."
check_recall_at_k = partial(
    run_cases, "recall_at_k", lambda r: (r.sample("abcdef", r.randint(0, 6)), {*r.sample("abcdef", 2)}, r.randint(1, 8)), [
    ((ABC, {"a"}, 1), 1.0, "The first document is evidence, so recall at k = 1 is 1: does rank k itself count?",
     ("Do you divide by the length of the ranking? One hit gives the full score 1.0.", 1 / 3)),
    ((ABC, {"b"}, 3), 1.0, "Do you divide by k? One hit gives the full score 1.0, not 1/k.", (EVERY, 0.0),
     ("Does the score fall with the rank? 1/rank is another metric (MRR); here one hit gives the full score.", 0.5)),
    ((ABC, {"c"}, 2), 0.0, "Do you look at the first k documents only?"),
    ((ABC, {"a", "b"}, 3), 1.0, EVERY, ("Two hits still give 1.0: do you count them, or divide?", 2.0, 2 / 3)),
    ((["a", "b"], {"b", "x"}, 2), 1.0, "One evidence document is enough: do you divide by how many there are?"),
    ((["a", "b"], {"a"}, 10), 1.0, LARGER), ((["a", "b"], {"x"}, 10), 0.0, LARGER)])
check_passages_that_fit = partial(
    run_cases, "passages_that_fit", lambda r: (r.choices([10, 50, 100, 250, 600], k=r.randint(0, 6)), r.randint(1, 7), 300), [
    (([100, 100, 100], 3, 480), 3, "All three fit: is the last one counted, and may there be k of them?",
     ("Return how many passages go in, not their tokens.", 300)),
    (([100, 100, 100], 2, 480), 2, "Use at most k passages, however large the budget is."),
    (([200, 200, 200], 3, 450), 2, "The third would exceed the budget: do you add up all tokens, and those of the first, too?"),
    (([50, 300, 200], 3, 450), 2, "Passages differ in length: do you add up their own tokens, in the given order?"),
    (([200, 250, 100], 3, 450), 2, "Exactly filling the budget is allowed.", ("Does the first passage count, too?", 3)),
    (([60, 50], 2, 100), 1, "Do you use the budget of the call?"),
    (([300, 300, 10], 3, 450), 1, "Stop at the first that does not fit: does a worse one take its place?"),
    (([900, 10], 3, 450), 1, "Always include the best passage, even over budget: do not leave the prompt without any.",
     ("Does the first passage count towards the budget, even when it exceeds it?", 2)),
    (([], 3, 450), 0, "Without passages, the count is 0.")])
check_identifier_words = partial(
    run_cases, "identifier_words", lambda r: ("".join(r.choices(["send", "Key", "KMS", "_", "25", "x", "A"], k=3)),), [
    (("send",), ["send"], "A single word can begin with a small letter, and stays as it is, in lower case."),
    (("SendMessage",), ["send", "message"], "Does each capital begin a new word, and do you return it in lower case?",
     ("Do the words stay in their order?", ["message", "send"])),
    (("max_results",), ["max", "results"], "An underscore separates words and is not part of any word."),
    (("_maxKey_",), ["max", "key"], "Underscores only separate: do you return an empty word at the end or the beginning?"),
    (("xAxis",), ["x", "axis"], "One letter can be a word, too."),
    (("KMSKey",), ["kms", "key"], "A run of capitals is one word: does its last capital start the next word?"),
    (("ListSMS",), ["list", "sms"], "A run of capitals at the end is one word, not separate letters."),
    (("SHA256",), ["sha", "256"], "A run of digits is a word of its own."),
    (("md5OfBody",), ["md", "5", "of", "body"], "Digits are a separate word after small letters, too."),
    (("sha256sum",), ["sha", "256", "sum"], "Digits are a separate word before small letters, too."),
    (("keyToKey",), ["key", "to", "key"], "A word that occurs twice is returned twice.")])
LONG, FROM_1 = [list("xabcy"), list("defghy")], "Are ranks counted from 1 before k is added?"  # y passes x for large k
check_reciprocal_rank_fusion = partial(
    run_cases, "reciprocal_rank_fusion", lambda r: ([r.sample("abcdef", r.randint(0, 6)) for _ in "12"], r.choice([10, 60])), [
    (([ABC], 60), ABC, "A single ranking stays as it is, best first.",
     ("Best first: does a better rank give a higher score? Mind the brackets in 1 / (k + rank).", ["c", "b", "a"])),
    (([["a", "b"], ["b", "c"]], 60), ["b", "a", "c"], "b is in both lists: are its scores added up (and divided with /, not //)?",
     ("Is the score a sum of reciprocals, 1 / (k + rank), not a sum of ranks?", ["a", "c", "b"]),
     ("Do you go through every list?", ["a", "b"]), ("Each id comes once, with its score added up.", ["a", "b", "b", "c"]),
     ("Keep the ids that are missing from a list: they get no score for it.", ["b"])),
    (([["q", "x", "y"], ["b"], ["y"]], 60), ["y", "q", "b", "x"], "An id missing from a list gets no score for it.",
     ("Do ties keep the order of first appearance?", ["y", "b", "q", "x"]), ("Does the rank count?", ["y", "q", "x", "b"])),
    ((LONG, 60), list("yxdaebfcgh"), "Is each score 1 / (k + rank), with the k of the call?"),
    ((LONG, 1), list("xdaeybfcgh"), "Do you use the k of the call, not a fixed 60?", (FROM_1, list("xdyaebfcgh"))),
    ((LONG, 4), list("yxdaebfcgh"), FROM_1)])
check_precision_and_recall = partial(
    run_cases, "precision_and_recall", lambda r: tuple({*r.choices(range(8), k=r.randint(0, 6))} for _ in "12"), [
    (({1, 2}, {1, 2}), (1.0, 1.0), "Both are shares, not percent. All that was found is correct, and nothing is missing."),
    (({1, 2, 3, 9}, {1, 2, 5, 6, 7}), (0.5, 0.4), "Half of `found` is correct, and two of the five in `wanted` were found.",
     ("Do you return precision first and recall second?", (0.4, 0.5)),
     ("Do you divide recall by the size of `wanted`?", (0.5, 0.5), (0.5, 2 / 7)),
     ("Do you divide precision by the size of `found`, not by `wanted` or the union?", (0.4, 0.4), (2 / 7, 2 / 7), (2 / 7, 0.4)),
     ("Recall is the share that was found, not the share that is missing or wrong.", (0.5, 0.6)),
     ("Do you count what both sets share, not how large they are?", (1.0, 0.8))),
    ((set(), {1}), (0.0, 0.0), "If nothing was found, both are 0.0: do not divide by zero."),
    (({1}, set()), (0.0, 0.0), "If nothing was wanted, both are 0.0: do not divide by zero."),
    ((set(), set()), (0.0, 0.0), "If both are empty, both shares are 0.0.")])
AX, AY, AZ, AB = ("A", "raises", "x"), ("A", "raises", "y"), ("A", "takes", "z"), ("A", "raises", "b")
BY, BX, BB = ("B", "raises", "y"), ("B", "takes", "x"), ("B", "raises", "b")
ORDER = "Both raise y: do you remove what B raises, wherever its edge stands? Edges come in any order."
check_only_first = partial(
    run_cases, "only_first", lambda r: (r.choices([AX, AY, AZ, AB, BY, BX, BB], k=6), *r.sample("AB", 2), "raises"), [
    (([AX], "A", "B", "raises"), ["x"], "B has no edges, so every object that A raises stays."),
    (([BY, AX, AY], "A", "B", "raises"), ["x"], ORDER), (([AX, AY, BY], "A", "B", "raises"), ["x"], ORDER),
    (([AX, AY, BY], "B", "A", "raises"), [], "A raises everything that B raises: does your answer depend on the direction?"),
    (([AZ, AX, BY], "A", "B", "takes"), ["z"], "Do you use the relation of the call, on both sides?"),
    (([AX, AY, BY, BX], "A", "B", "raises"), ["x"], "B takes x but does not raise it: do you compare the same relation only?"),
    (([AX, BY, ("C", "raises", "w")], "A", "B", "raises"), ["x"], "C raises w: do you check the subject of the edge?"),
    (([AX, BY, ("C", "raises", "x")], "A", "B", "raises"), ["x"], "C raises x, too: do you remove only b's, not anybody's?"),
    (([AX, BY, ("A2", "raises", "w")], "A", "B", "raises"), ["x"], "A2 is another operation: do you compare the whole name?"),
    (([AX, AB, AB], "A", "B", "raises"), ["b", "x"], "Is the result sorted, with each name once?"),
    (([AX, AB, AB, BB], "A", "B", "raises"), ["x"], "Edges can repeat: does B's b remove all copies of A's b?")])
