"""Questions that code words from a sentence: for draft questions, reading practice and training on changed facts."""
from __future__ import annotations

import random
import re

from ..text import STOPWORDS, plain_words

DROPPED = 0.15  # share of content words that a question leaves out
UNITS = r"seconds|minutes|hours|days|weeks|months|years|characters|bytes|KB|MB|GB|TB|KiB|MiB|GiB|percent"
VALUE = re.compile(r"\b(?:up to|maximum of|default(?: value)? is|default of|limit of|at most|at least|minimum of|within|for|"
                   rf"after|every|last|than|is) (\d+(?:,\d{{3}})*(?:\.\d+)?(?: (?:{UNITS}))?)(?=[\s.,;)])")
NAMED = re.compile(r"\b(?:default(?: value)? is|set to|set|must be|must use|must specify|specify|use|using|value of|value is|"
                   r"returns|status is|state is|either) ([A-Z][A-Z_]{3,}|[A-Z][a-z]+[A-Z]\w+|[a-z]+[A-Z]\w+)(?=[\s.,;)])")
TIMES = re.compile(r"seconds|minutes|hours|days|weeks|months|years")
SIZES = re.compile(r"bytes|KB|MB|GB|TB|KiB|MiB|GiB")


def value_in(sentence: str) -> str:
    """The value a sentence states, or "" when it states none or several, or is too short or too long to ask about."""
    values = [*VALUE.findall(sentence), *NAMED.findall(sentence)]
    plain = len(values) == 1 and 8 <= len(sentence.split()) <= 40 and sentence.count(values[0]) == 1
    return values[0] if plain else ""


def word_question(kind: str, sentence: str, answer: str, draw: random.Random) -> str:
    """A terse question from the sentence's content words without the answer; some words are dropped at random."""
    names = re.findall(r"[A-Za-z][A-Za-z'-]+", sentence.replace(answer, " ", 1))
    content = [plain_words(name) if name[1:].lower() != name[1:] else name.lower() for name in names
               if name.lower() not in STOPWORDS]
    words = [word for word in content if draw.random() > DROPPED]
    text = " ".join((words if len(words) > 2 else content)[:14])
    if kind == "error":
        return draw.choice((text, f"failed: {text}", f"{text}, which error?", f"exception when {text}"))
    if kind == "routing":
        return draw.choice((f"which call {text}?", f"how do I {text}", text, f"want to {text}"))
    if kind == "member" or not answer[0].isdigit():
        return draw.choice((f"{text}: which one?", f"which value {text}", f"what {text}?", f"{text} is set to what?"))
    how = "how long" if TIMES.search(answer) else "how large" if SIZES.search(answer) else "how many"
    return draw.choice((f"{how} {text}?", f"{text}: {how}?", f"{how} {text}", f"what is the limit: {text}"))
