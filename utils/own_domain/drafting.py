"""Drafts of questions about your documents, for you to review: a start, not a benchmark."""
from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path

from .. import corpus, evaluation, settings, training
from ..text import sentences
from ..types import Document

REVIEW = "draft, review me"


def draft_questions(documents: Sequence[Document], limit: int, seed: int = 0) -> list[dict]:
    """At most `limit` fact questions as rows, spread over the documents. Raises ValueError if no sentence states a value."""
    draw, facts = random.Random(seed), {}
    for document in documents:
        pairs = dict.fromkeys((sentence, value) for section in document.sections
                              for sentence in sentences(section.text) if (value := training.value_in(sentence)))
        if pairs:
            facts[document.id] = draw.sample(list(pairs), len(pairs))
    if not facts:
        raise ValueError("no sentence of these documents states a limit, default or other value; write the questions by hand")
    drafts, seen, order = [], set(), draw.sample(sorted(facts), len(facts))
    for round_ in range(max(map(len, facts.values()))):
        for name in order:
            if round_ < len(facts[name]) and len(drafts) < limit and facts[name][round_][0] not in seen:
                sentence, value = facts[name][round_]
                seen.add(sentence)
                text = training.word_question("value", sentence, value, draw)
                drafts.append({"id": f"draft-{len(drafts) + 1:03d}", "task": "fact", "question": text, "answers": [value],
                               "answer_set": [], "evidence": [name], "note": REVIEW})
    return drafts


def write_drafts(documents: Sequence[Document], out: Path, limit: int, seed: int = 0) -> int:
    """Write drafts as JSON lines and return their number. Raises ValueError if the file exists; it never replaces one."""
    if out.exists():
        raise ValueError(f"{out}: already exists and may hold reviewed questions; give another name")
    drafts = draft_questions(documents, limit, seed)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in drafts), "utf-8")
    return len(drafts)


def draft_command(options: argparse.Namespace, prepare: evaluation.Prepare) -> int:
    """Draft questions for review."""
    if options.many < 1:
        raise ValueError(f"--many {options.many} is too small: give at least 1")
    documents, reading = corpus.read_folder(options.corpus)
    for note in evaluation.language_notes(documents, (), settings.load()):
        print(note, file=sys.stderr)
    drafts = write_drafts(documents, Path(options.out), options.many)
    print(f"{drafts} drafts in {options.out}, each marked {REVIEW!r}: reword them, add other accepted answers and "
          "delete drafts that are not real questions")
    if drafts < options.many:
        print(f"{options.many - drafts} fewer than asked for: no more sentences of these documents state a value")
    return evaluation.close_command(Path(options.out), reading)
