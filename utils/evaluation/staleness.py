"""Which answers go stale when documents change, how fast, and which sentence holds the new answer."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

from .. import corpus, metrics
from ..text import sentences
from ..types import Document, Question


def stale_questions(questions: Sequence[Question], before: Mapping[str, Document],
                    after: Mapping[str, Document]) -> list[Question]:
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
    return 1 - (1 - gone / asked) ** (1 / corpus.weeks_between())


def answering_sentence(question: Question, documents: Mapping[str, Document]) -> str:
    """The sentence of the question's evidence that holds an accepted answer and shares most words with the question.

    For a routing question, whose answer is a name, the lead sentence of the operation. Raises ValueError when none holds one.
    """
    there = [documents[id_] for id_ in question.evidence if id_ in documents]
    if question.task == "routing" and there:
        return corpus.lead_sentence(there[0])
    words = set(question.question.lower().split())
    holding = [sentence for document in there for section in document.sections for sentence in sentences(section.text)
               if metrics.contains(sentence, question.answers)]
    if not holding:
        raise ValueError(f"{question.id}: no sentence of its evidence holds an accepted answer")
    return max(holding, key=lambda sentence: len(words & set(sentence.lower().split())))
