"""Scores of one answer against the accepted ones, and whether it abstains."""
from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Collection, Sequence

from ..text import detect_language, is_unspaced, stems
from .normalisation import Token, answer_tokens, normalise

SINGLE_ANSWER_TASKS = ("fact", "error", "routing")  # one short answer; any one evidence document suffices
JUDGED_TASKS = (*SINGLE_ANSWER_TASKS, "unanswerable")  # short enough for a person or a judge to compare two answers
TASKS = (*SINGLE_ANSWER_TASKS, "multi_doc", "summary", "unanswerable")
ABSTENTION = "not in the documentation"  # the reply of a model that abstains
LONGEST_ANSWER = 15  # words; a longer reply does not count as correct, and its text is not committed
# A comma inside a number separates nothing; words that other languages use for "and" count only between two words.
SEPARATOR = re.compile(r"(?<!\d),|,(?!\d)|[;\n，、；،]|\band\b|(?<=\w )(?:und|et|y|e|och|og|и)(?= \w)")


def exact_match(answer: str, golds: Sequence[str]) -> float:
    """1 if the answer's tokens agree with those of a gold answer."""
    own = answer_tokens(answer)
    return float(any(_agree(own, tokens) for tokens in map(answer_tokens, golds) if len(tokens) == len(own) > 0))


def contains(answer: str, golds: Sequence[str]) -> float:
    """1 if the tokens of a gold answer occur in the answer one after the other: 3.5 contains no 5."""
    return _holds(answer_tokens(answer), golds)


def stated_in(passage: str, golds: Sequence[str]) -> float:
    """As `contains`, for a passage: "between 1 and 28" states 28, which as an answer is not the range."""
    return _holds(answer_tokens(passage), golds) or _holds(answer_tokens(passage, ranges=False), golds)


def _holds(own: Sequence[Token], golds: Sequence[str]) -> float:
    return float(any(_agree(own[i : i + len(tokens)], tokens) for tokens in map(answer_tokens, golds) if tokens
                     for i in range(len(own) - len(tokens) + 1)))


def _agree(tokens: Sequence[Token], others: Sequence[Token]) -> bool:
    return all(token.agrees(other) for token, other in zip(tokens, others, strict=True))


def token_f1(answer: str, golds: Sequence[str]) -> float:
    """Best F1 between the answer's tokens and a gold answer's tokens, counted as bags."""
    return max((_f1(normalise(answer).split(), normalise(gold).split()) for gold in golds), default=0.0)


def _f1(answer_words: Collection[str], gold_words: Collection[str]) -> float:
    shared = sum((Counter(answer_words) & Counter(gold_words)).values())
    return 2 * shared / (len(answer_words) + len(gold_words)) if shared else 0.0


def parse_set(text: str, known: Sequence[str] = ()) -> list[str]:
    """Names listed in a text, without bullets and numbering. known: names that stay whole even if they hold a separator."""
    whole = sorted((name for name in known if SEPARATOR.search(name)), key=len, reverse=True)
    for number, name in enumerate(whole):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", f"\0{number}\0", text, flags=re.IGNORECASE)
    names = (re.sub(r"^\s*(?:[-*•]|\d+[.)])\s*", "", part).strip(" .`'\"") for part in SEPARATOR.split(text))
    names = (re.sub(r"\0(\d+)\0", lambda match: whole[int(match[1])], name) for name in names)
    return list(dict.fromkeys(name for name in names if name))


def set_f1(names: Collection[str], golds: Collection[str]) -> float:
    """F1 between two sets of names, compared after normalising."""
    return _f1({normalise(name) for name in names}, {normalise(gold) for gold in golds})


def rouge_l(answer: str, reference: str) -> float:
    """ROUGE-L F1 of stems, by the package `rouge-score` (Lin, 2004); stems are those of the reference's language."""
    language = "" if (answer + reference).isascii() else detect_language([reference])
    return _scorer(language).score(reference, answer)["rougeL"].fmeasure


@functools.cache
def _scorer(language: str):
    from rouge_score import rouge_scorer
    from rouge_score.tokenizers import Tokenizer

    class Stems(Tokenizer):
        def tokenize(self, text: str) -> list[str]:
            return stems(text, language)

    return rouge_scorer.RougeScorer(["rougeL"], use_stemmer=True, tokenizer=Stems() if language else None)


def abstains(answer: str) -> bool:
    """True when the answer contains the phrase `ABSTENTION`."""
    return bool(contains(answer, [ABSTENTION]))


def word_count(text: str) -> int:
    """Number of words; in scripts without spaces, two characters count as a word."""
    return len(text.split()) + sum(is_unspaced(character) for character in text) // 2


def answer_scores(task: str, answer: str, abstained: bool, answers: Sequence[str], answer_set: Sequence[str],
                  reference: str = "") -> dict[str, float]:
    """All answer scores; `score` is the headline: exact match, set F1 (multi_doc), ROUGE-L (summary) or abstained."""
    scores = {"words": float(word_count(answer)), "abstained": float(abstained)}
    if task == "unanswerable":
        return {**scores, "score": float(abstained)}
    if task == "summary":
        value = rouge_l(answer, reference)
        return {**scores, "rouge_l": value, "score": value}
    if task == "multi_doc":
        value = 0.0 if abstained else set_f1(parse_set(answer, answer_set), answer_set)
        return {**scores, "set_f1": value, "score": value}
    exact = exact_match(answer, answers)
    return {**scores, "exact_match": exact, "token_f1": token_f1(answer, answers), "contains": contains(answer, answers),
            "score": exact}
