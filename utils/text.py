"""Words and sentences: stems, stop words, identifiers as plain words, sentence boundaries."""
from __future__ import annotations

import functools
import re

STOPWORDS = frozenset(
    "a about after all am an and any are as at be been before but by can can't could did do does doesn't don't for "
    "from get give gives go had has have how i i'd i'm if in into is isn't it it's its just let like long many may me "
    "might more most much my need no not of off on one only or our out own set so some such than that the their them "
    "then there these they this those to too up us use used want was way we what what's when where which who whose why "
    "will with without won't would you your".split()
)


def stems(text: str) -> list[str]:
    """Lower-case Porter stems of the words, with `CamelCase` identifiers split, so that forms of a word match."""
    split_text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text.replace("’", "'"))
    return [_stem(word) for word in re.findall(r"[a-z0-9][a-z0-9']*", split_text.lower())]


@functools.cache
def _stem(word: str) -> str:
    return _stemmer().stem(word)


@functools.cache
def _stemmer():
    from nltk.stem import PorterStemmer

    return PorterStemmer()


def content_words(text: str) -> set[str]:
    """Stems of the words of `text` that are not stop words."""
    return set(stems(text)) - stop_stems()


@functools.cache
def stop_stems() -> frozenset[str]:
    """Stems of the stop words."""
    return frozenset(stem for word in STOPWORDS for stem in stems(word))


def split_identifiers(text: str) -> str:
    """The text with a space at every word boundary inside an identifier.

    >>> split_identifiers("parameter MD5OfBody of PurgeQueue")
    'parameter MD 5 Of Body of Purge Queue'
    """
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])|_+", " ", text)


def plain_words(identifier: str) -> str:
    """An identifier as lower-case words without punctuation.

    >>> plain_words("SendMessageBatch"), plain_words("KMSDisabledException"), plain_words("ttl_seconds")
    ('send message batch', 'kms disabled exception', 'ttl seconds')
    """
    return " ".join(re.findall(r"[^\W_]+", split_identifiers(identifier))).lower()


def sentences(text: str) -> list[str]:
    """Sentences of each line: it is split after `.`, `!` or `?` before a capital letter, digit, quote or bracket."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    return [part for line in lines for part in re.split(r"(?<=[.!?])(?<!e\.g\.)(?<!i\.e\.)\s+(?=[A-Z0-9(\"'`])", line)]
