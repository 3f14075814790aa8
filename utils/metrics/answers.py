"""Scores of one answer against the accepted ones, and whether it abstains."""
from __future__ import annotations

import functools
import re
import string
from collections import Counter
from collections.abc import Collection, Sequence

SINGLE_ANSWER_TASKS = ("fact", "error", "routing")  # one short answer; any one evidence document suffices
JUDGED_TASKS = (*SINGLE_ANSWER_TASKS, "unanswerable")  # short enough for a person or a judge to compare two answers
TASKS = (*SINGLE_ANSWER_TASKS, "multi_doc", "summary", "unanswerable")
ABSTENTION = "not in the documentation"  # the reply of a model that abstains
LONGEST_ANSWER = 15  # words; a longer reply does not count as correct, and its text is not committed
ARTICLES = frozenset(("a", "an", "the"))


def normalise(text: str) -> str:
    """Lower-cased text without thousands commas, punctuation, articles or repeated spaces (after SQuAD's script).

    >>> normalise("The maximum is 1,024 bytes.")
    'maximum is 1024 bytes'
    """
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text.lower())
    words = "".join(" " if c in string.punctuation.replace("-", "") else c for c in text).split()
    return " ".join(word.strip("-") if not word[1:].isdigit() else word for word in words if word not in ARTICLES)


def exact_match(answer: str, golds: Sequence[str]) -> float:
    """1 if the normalised answer equals a normalised gold answer."""
    return float(normalise(answer) in [normalise(gold) for gold in golds])


def contains(answer: str, golds: Sequence[str]) -> float:
    """1 if a gold answer occurs in the answer as a sequence of whole words."""
    padded = f" {normalise(answer)} "
    return float(any(f" {normalise(gold)} " in padded for gold in golds if normalise(gold)))


def token_f1(answer: str, golds: Sequence[str]) -> float:
    """Best F1 between the answer's words and a gold answer's words, counted as bags."""
    return max((_f1(normalise(answer).split(), normalise(gold).split()) for gold in golds), default=0.0)


def _f1(answer_words: list[str], gold_words: list[str]) -> float:
    shared = sum((Counter(answer_words) & Counter(gold_words)).values())
    return 2 * shared / (len(answer_words) + len(gold_words)) if shared else 0.0


def parse_set(text: str) -> list[str]:
    """Names listed in a text, split at commas, semicolons, line breaks and "and", without bullets and numbering."""
    parts = re.split(r"[,;\n]|\band\b", text)
    names = (re.sub(r"^\s*(?:[-*•]|\d+[.)])\s*", "", part).strip(" .`'\"") for part in parts)
    return list(dict.fromkeys(name for name in names if name))


def set_f1(names: Collection[str], golds: Collection[str]) -> float:
    """F1 between two sets of names, compared after normalising."""
    a, b = {normalise(name) for name in names}, {normalise(gold) for gold in golds}
    return 2 * len(a & b) / (len(a) + len(b)) if a & b else 0.0


def rouge_l(answer: str, reference: str) -> float:
    """ROUGE-L F1 with stemming, by the package `rouge-score` (Lin, 2004)."""
    return _scorer().score(reference, answer)["rougeL"].fmeasure


@functools.cache
def _scorer():
    from rouge_score import rouge_scorer

    return rouge_scorer.RougeScorer(["rougeL"], use_stemmer=True)


def abstains(answer: str) -> bool:
    """True when the answer contains the phrase `ABSTENTION`."""
    return normalise(ABSTENTION) in normalise(answer)


def abstention_table(abstained: Sequence[bool], answerable: Sequence[bool]) -> dict[str, int]:
    """The 2×2 table: answered or abstained, on answerable and on unanswerable questions."""
    cells = Counter(zip(abstained, answerable, strict=True))
    return {"answered_answerable": cells[False, True], "abstained_answerable": cells[True, True],
            "answered_unanswerable": cells[False, False], "abstained_unanswerable": cells[True, False]}


def answer_scores(task: str, answer: str, abstained: bool, answers: Sequence[str], answer_set: Sequence[str],
                  reference: str = "") -> dict[str, float]:
    """All answer scores of one question; `score` is the task's headline metric.

    Headline metrics: exact match (fact, error, routing), set F1 (multi_doc), ROUGE-L (summary), abstained (unanswerable).
    """
    scores = {"words": float(len(answer.split())), "abstained": float(abstained)}
    if task == "unanswerable":
        return {**scores, "score": float(abstained)}
    if task == "summary":
        value = rouge_l(answer, reference)
        return {**scores, "rouge_l": value, "score": value}
    if task == "multi_doc":
        value = 0.0 if abstained else set_f1(parse_set(answer), answer_set)
        return {**scores, "set_f1": value, "score": value}
    exact = exact_match(answer, answers)
    return {**scores, "exact_match": exact, "token_f1": token_f1(answer, answers), "contains": contains(answer, answers),
            "score": exact}
