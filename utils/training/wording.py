"""Questions worded by code from a sentence that states a value: for drafts and for training on changed facts."""
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
    """The one value that a sentence states, or "" where it states none, several, or is too short or long to ask about."""
    values = [*VALUE.findall(sentence), *NAMED.findall(sentence)]
    plain = len(values) == 1 and 8 <= len(sentence.split()) <= 40 and sentence.count(values[0]) == 1
    return values[0] if plain else ""


def word_question(kind: str, sentence: str, answer: str, draw: random.Random) -> str:
    """A terse question from the sentence's content words, some dropped, the answer cut out."""
    rest = sentence.replace(answer, " ", 1)
    names = re.findall(r"[A-Za-z][A-Za-z'-]+", rest)
    content = [plain_words(name) if name[1:].lower() != name[1:] else name.lower() for name in names
               if name.lower() not in STOPWORDS]
    kept = [word for word in content if draw.random() > DROPPED]
    kept = kept if len(kept) > 2 else content
    said = " ".join(kept[:14])
    if kind == "error":
        return draw.choice((said, f"failed: {said}", f"{said}, which error?", f"exception when {said}"))
    if kind == "routing":
        return draw.choice((f"which call {said}?", f"how do I {said}", said, f"want to {said}"))
    if kind == "member" or not answer[0].isdigit():
        return draw.choice((f"{said}: which one?", f"which value {said}", f"what {said}?", f"{said} is set to what?"))
    how = "how long" if TIMES.search(answer) else "how large" if SIZES.search(answer) else "how many"
    return draw.choice((f"{how} {said}?", f"{said}: {how}?", f"{how} {said}", f"what is the limit: {said}"))
