"""Which answers go stale when documents change, how fast, and which sentence contains the new answer."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

from .. import corpus, metrics
from ..text import sentences
from ..types import Document, Question


def stale_questions(questions: Sequence[Question], before: Mapping[str, Document],
                    after: Mapping[str, Document]) -> list[Question]:
    """Short questions whose evidence states an accepted answer (routing: exists) after the change but not before it."""
    def holds(documents: Mapping[str, Document], question: Question) -> bool:
        texts = [documents[id_].text for id_ in question.evidence if id_ in documents]
        return bool(texts) if question.task == "routing" else any(metrics.contains(text, question.answers) for text in texts)

    return [q for q in questions if q.task in ("fact", "error", "routing") and holds(after, q) and not holds(before, q)]


def stale_per_week(stale: int, questions: int) -> float:
    """Share of the current answers that goes stale each week (compounding), from the number stale between the two releases."""
    if questions < 1:
        raise ValueError(f"questions is {questions}: give at least one question to compute a share")
    return 1 - (1 - stale / questions) ** (1 / corpus.weeks_between())


def answering_sentence(question: Question, documents: Mapping[str, Document]) -> str:
    """The evidence's sentence that answers and is most like the question (routing: its lead). Raises ValueError without one."""
    evidence = [documents[id_] for id_ in question.evidence if id_ in documents]
    if question.task == "routing" and evidence:
        return corpus.lead_sentence(evidence[0])
    words = set(question.question.lower().split())
    candidates = [sentence for document in evidence for section in document.sections for sentence in sentences(section.text)
                  if metrics.contains(sentence, question.answers)]
    if not candidates:
        raise ValueError(f"{question.id}: no sentence of its evidence contains an accepted answer; correct the question")
    return max(candidates, key=lambda sentence: len(words & set(sentence.lower().split())))
