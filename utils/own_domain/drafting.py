"""Drafts of questions about anyone's documents, to be reviewed by a person: a start, not a benchmark."""
from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

from .. import training
from ..text import sentences
from ..types import Document

REVIEW = "draft, review me"


def draft_questions(documents: Sequence[Document], many: int, seed: int = 0) -> list[dict]:
    """At most `many` fact questions, no more than one for each sentence, drawn evenly over the documents.

    Each has the fields of a questions file and a `note`. Raises ValueError when no sentence states a value.
    """
    draw = random.Random(seed)
    found = {}
    for document in documents:
        stated = dict.fromkeys((sentence, value) for section in document.sections
                               for sentence in sentences(section.text) if (value := training.value_in(sentence)))
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
                text = training.word_question("value", sentence, value, draw)
                made.append({"id": f"draft-{len(made) + 1:03d}", "task": "fact", "question": text, "answers": [value],
                             "answer_set": [], "evidence": [name], "note": REVIEW})
    return made


def write_drafts(documents: Sequence[Document], out: Path, many: int, seed: int = 0) -> int:
    """Write drafts as JSON lines; a file that is there is never replaced. Returns how many. Raises ValueError if it exists."""
    if out.exists():
        raise ValueError(f"{out}: is there already and may hold reviewed questions; give another name")
    made = draft_questions(documents, many, seed)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in made), "utf-8")
    return len(made)
