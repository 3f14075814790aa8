"""How well an answer matches the accepted ones, and whether it abstains."""
from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Collection, Sequence

SINGLE_ANSWER_TASKS = ("fact", "error", "routing")  # one short answer; any one evidence document suffices
JUDGED_TASKS = (*SINGLE_ANSWER_TASKS, "unanswerable")  # short enough for a person or a judge to compare two answers
TASKS = (*SINGLE_ANSWER_TASKS, "multi_doc", "summary", "unanswerable")
ABSTENTION = "not in the documentation"  # what a model says when the passages do not hold the answer
LONGEST_ANSWER = 15  # words: a longer reply does not count as correct, and is not committed as text
ARTICLES = frozenset(("a", "an", "the"))


def normalise(text: str) -> str:
    """Lower case, thousands commas, punctuation and articles removed, spaces joined (after SQuAD's script).

    >>> normalise("The maximum is 1,024 bytes.")
    'maximum is 1024 bytes'
    """
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text.lower())
    kept = "".join(" " if c in string.punctuation.replace("-", "") else c for c in text)
    return " ".join(word.strip("-") if not word[1:].isdigit() else word for word in kept.split() if word not in ARTICLES)


def exact_match(answer: str, golds: Sequence[str]) -> float:
    """1 if the normalised answer equals a normalised gold answer."""
    return float(normalise(answer) in [normalise(gold) for gold in golds])


def contains(answer: str, golds: Sequence[str]) -> float:
    """1 if a gold answer occurs in the answer as a run of whole words."""
    padded = f" {normalise(answer)} "
    return float(any(f" {normalise(gold)} " in padded for gold in golds if normalise(gold)))


def token_f1(answer: str, golds: Sequence[str]) -> float:
    """Best F1 between the answer's words and a gold answer's words, counted as bags."""
    return max((_f1(normalise(answer).split(), normalise(gold).split()) for gold in golds), default=0.0)


def _f1(found: list[str], wanted: list[str]) -> float:
    shared = sum((Counter(found) & Counter(wanted)).values())
    return 2 * shared / (len(found) + len(wanted)) if shared else 0.0


def parse_set(text: str) -> list[str]:
    """Names listed in a text: split at commas, semicolons, line breaks and "and"; bullets and numbering cut."""
    parts = re.split(r"[,;\n]|\band\b", text)
    names = (re.sub(r"^\s*(?:[-*•]|\d+[.)])\s*", "", part).strip(" .`'\"") for part in parts)
    return list(dict.fromkeys(name for name in names if name))


def set_f1(found: Collection[str], wanted: Collection[str]) -> float:
    """F1 between two sets of names, compared normalised."""
    a, b = {normalise(name) for name in found}, {normalise(name) for name in wanted}
    return 2 * len(a & b) / (len(a) + len(b)) if a & b else 0.0


def rouge_l(answer: str, reference: str) -> float:
    """ROUGE-L F1 with stemming, from the package `rouge-score` (Lin, 2004)."""
    return _scorer().score(reference, answer)["rougeL"].fmeasure


def _scorer():
    from rouge_score import rouge_scorer

    if not hasattr(_scorer, "made"):
        _scorer.made = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=True)
    return _scorer.made


def abstains(answer: str) -> bool:
    """True when the answer says, in the agreed words, that the documentation does not hold it."""
    return normalise(ABSTENTION) in normalise(answer)


def abstention_table(abstained: Sequence[bool], answerable: Sequence[bool]) -> dict[str, int]:
    """The 2×2 table: answered or abstained, on answerable and on unanswerable questions."""
    cells = Counter(zip(abstained, answerable, strict=True))
    return {
        "answered_answerable": cells[False, True],
        "abstained_answerable": cells[True, True],
        "answered_unanswerable": cells[False, False],
        "abstained_unanswerable": cells[True, False],
    }


def answer_scores(task: str, answer: str, abstained: bool, answers: Sequence[str], answer_set: Sequence[str],
                  reference: str = "") -> dict[str, float]:
    """Every answer score of one question. `score` is the task's headline metric:

    exact match (fact, error, routing), set F1 (multi_doc), ROUGE-L (summary), abstained (unanswerable).
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
    found = {
        "exact_match": exact_match(answer, answers),
        "token_f1": token_f1(answer, answers),
        "contains": contains(answer, answers),
    }
    return {**scores, **found, "score": found["exact_match"]}
