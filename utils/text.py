"""Words and sentences: language, stems, stop words, identifiers as plain words, sentence boundaries."""
from __future__ import annotations

import functools
import re
from collections.abc import Iterable

import regex

STOPWORDS = frozenset(
    "a about after all am an and any are as at be been before but by can can't could did do does doesn't don't for "
    "from get give gives go had has have how i i'd i'm if in into is isn't it it's its just let like long many may me "
    "might more most much my need no not of off on one only or our out own set so some such than that the their them "
    "then there these they this those to too up us use used want was way we what what's when where which who whose why "
    "will with without won't would you your".split()
)
LANGUAGES = {"ar": "arabic", "da": "danish", "de": "german", "es": "spanish", "fi": "finnish", "fr": "french", "hu": "hungarian",
             "it": "italian", "nl": "dutch", "no": "norwegian", "nb": "norwegian", "pt": "portuguese", "ro": "romanian",
             "ru": "russian", "sv": "swedish"}  # languages with a Snowball stemmer; English has Porter's
UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
BOUNDARY = r"""(?<=[.!?…])(?<!e\.g\.)(?<!i\.e\.)\s+(?=[\p{Lu}0-9("'`“«¿¡])|(?<=[。！？])(?![」』”])"""


def detect_language(texts: Iterable[str]) -> str:
    """ISO 639 code of the language that most of these texts' first 20,000 characters are in; `en` for an empty text."""
    import py3langid

    sample = " ".join(texts)[:20_000]
    return py3langid.classify(sample)[0] if re.search(r"[^\W\d_]", sample) else "en"


def stems(text: str, language: str = "en") -> list[str]:
    """Lower-case stems of the words, with `CamelCase` identifiers split, so that forms of a word match.

    language: an ISO 639 code; one without a stemmer keeps its words whole. Scripts without spaces give characters and pairs.
    """
    split_text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text.replace("’", "'"))
    words = re.findall(r"[^\W_](?:[^\W_]|\B[\u0300-\u036f]|')*", split_text.lower())
    return [stem for word in words for stem in (_pairs(word) if is_unspaced(word) else [_stem(word, language)])]


@functools.cache
def _stem(word: str, language: str) -> str:
    return _stemmer(language).stem(word) if word.isascii() or language in LANGUAGES else word


@functools.cache
def _stemmer(language: str):
    from nltk.stem import PorterStemmer, SnowballStemmer

    return SnowballStemmer(LANGUAGES[language]) if language in LANGUAGES else PorterStemmer()


def is_unspaced(text: str) -> bool:
    """True if the text has a letter of a script that is written without spaces, such as Chinese or Thai."""
    return not text.isascii() and bool(regex.search(UNSPACED, text))


def _pairs(word: str) -> list[str]:
    """Characters and pairs of neighbours: the usual tokens for search in scripts without spaces."""
    return [*word, *(word[i : i + 2] for i in range(len(word) - 1))]


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
    """Sentences of each line: split after `.`, `!` or `?` before a capital letter, digit, quote or bracket, and after `。`."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    return [part.strip() for line in lines for part in regex.split(BOUNDARY, line) if part.strip()]
