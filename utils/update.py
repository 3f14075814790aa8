"""When documents change: which answers go stale, how fast that happens, and what a patched document looks like.

The real change is the same eight services in an older botocore, which `setup` unpacks and never installs.
"""
from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from . import chunking, corpus, metrics, rag, reading, settings, wheels
from .benchmark import Question
from .corpus import Document
from .examples import Example

RELEASED = {"1.40.0": date(2025, 7, 31), "1.44.5": date(2026, 11, 17)}  # dates of the files inside the two wheels


def older() -> Path:
    """The data folder of the older botocore."""
    return wheels.unpack(settings.OLDER_BOTOCORE)


def documents_before() -> list[Document]:
    """The course's documents as the older botocore has them."""
    return corpus.load(settings.COURSE_SERVICES, older())


def weeks() -> float:
    """Weeks between the two releases."""
    first, last = RELEASED.values()
    return (last - first).days / 7


def changes(before: Mapping[str, Document], after: Mapping[str, Document]) -> dict[str, list[str]]:
    """Ids of documents that were added, removed or reworded."""
    return {"added": sorted(set(after) - set(before)), "removed": sorted(set(before) - set(after)),
            "reworded": sorted(id_ for id_ in set(before) & set(after) if before[id_].text != after[id_].text)}


def stale(questions: Sequence[Question], before: Mapping[str, Document], after: Mapping[str, Document]) -> list[Question]:
    """Questions on facts, errors and routing whose answer stands in their evidence now, and in none of it before.

    A routing question goes stale when its operation did not exist. Whoever learned the older documents answers these wrongly
    or not at all.
    """
    def holds(documents: Mapping[str, Document], question: Question) -> bool:
        there = [documents[id_] for id_ in question.evidence if id_ in documents]
        return bool(there) if question.task == "routing" else any(
            metrics.contains(document.text, question.answers) for document in there)

    asked = [q for q in questions if q.task in ("fact", "error", "routing")]
    return [q for q in asked if holds(after, q) and not holds(before, q)]


def stale_per_week(gone: int, asked: int) -> float:
    """Share of the answers still good that goes stale in a week, from what did between the two releases (it compounds)."""
    if asked < 1:
        raise ValueError(f"{asked} questions: a share needs at least one")
    return 1 - (1 - gone / asked) ** (1 / weeks())


def telling(question: Question, documents: Mapping[str, Document]) -> str:
    """The sentence of the question's evidence that holds an accepted answer and shares most words with the question.

    For a routing question, whose answer is a name, the lead sentence of the operation. Raises ValueError when none holds one.
    """
    there = [documents[id_] for id_ in question.evidence if id_ in documents]
    if question.task == "routing" and there:
        return corpus.lead_sentence(there[0])
    words = set(question.question.lower().split())
    holding = [sentence for document in there for section in document.sections for sentence in chunking.sentences(section.text)
               if metrics.contains(sentence, question.answers)]
    if not holding:
        raise ValueError(f"{question.id}: no sentence of its evidence holds an accepted answer")
    return max(holding, key=lambda sentence: len(words & set(sentence.lower().split())))


def wordings(questions: Sequence[Question], documents: Mapping[str, Document], many: int, seed: int = 0) -> list[Example]:
    """Closed-book training rows for changed facts: `many` wordings of each, made from the sentence that tells it."""
    draw, made = random.Random(seed), []
    for question in questions:
        sentence = telling(question, documents)
        kind = "value" if question.task == "fact" else question.task
        made += [Example(question.id, rag.messages(reading.worded(kind, sentence, question.answers[0], draw)),
                         question.answers[0]) for _ in range(many)]
    return made


def patched(document: Document, old: str, new: str) -> Document:
    """The document with a value replaced wherever it stands as a word. Raises ValueError when it stands nowhere."""
    pattern = re.compile(rf"(?<![\w.]){re.escape(old)}(?![\w])")
    sections = tuple(replace(section, text=pattern.sub(new, section.text)) for section in document.sections)
    if sections == document.sections:
        raise ValueError(f"{document.id} does not hold {old!r}: choose a value that stands in its text")
    return replace(document, sections=sections)
