"""Drafts of questions about anyone's documents, to be reviewed by a person: a start, not a benchmark.

Wording is made from the document's own words, which flatters BM25, and whether another document answers too is not looked at.
"""
from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

from . import chunking, reading
from .corpus import Document

REVIEW = "draft, review me"


def make(documents: Sequence[Document], many: int, seed: int = 0) -> list[dict]:
    """At most `many` fact questions, no more than one for each sentence, drawn evenly over the documents.

    Each has the fields of a questions file and a `note`. Raises ValueError when no sentence states a value.
    """
    draw = random.Random(seed)
    found = {}
    for document in documents:
        stated = dict.fromkeys((sentence, value) for section in document.sections
                               for sentence in chunking.sentences(section.text) if (value := reading.value_in(sentence)))
        if stated:
            found[document.id] = draw.sample(list(stated), len(stated))
    if not found:
        raise ValueError("no sentence of these documents states a limit, default or other value: write the questions by hand")
    made, seen, order = [], set(), draw.sample(sorted(found), len(found))
    for round_ in range(max(map(len, found.values()))):
        for name in order:
            if round_ < len(found[name]) and len(made) < many and found[name][round_][0] not in seen:
                sentence, value = found[name][round_]
                seen.add(sentence)
                made.append({"id": f"draft-{len(made) + 1:03d}", "task": "fact", "answers": [value], "answer_set": [],
                             "question": reading.worded("value", sentence, value, draw), "evidence": [name], "note": REVIEW})
    return made


def write(documents: Sequence[Document], out: Path, many: int, seed: int = 0) -> int:
    """Write drafts as JSON lines; a file that is there is never replaced. Returns how many. Raises ValueError if it exists."""
    if out.exists():
        raise ValueError(f"{out}: is there already and may hold reviewed questions; give another name")
    made = make(documents, many, seed)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in made), "utf-8")
    return len(made)
