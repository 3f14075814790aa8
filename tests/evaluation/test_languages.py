"""Documents and questions in another language than the shipped models' are told, with the settings that change it."""
from __future__ import annotations

from dataclasses import replace

import pytest

from utils import evaluation
from utils.types import Document, Question, Section

FRENCH = "La boutique ouvre à huit heures et les vélos sont prêtés pour trente jours."
ENGLISH = "The shop opens at eight and bicycles are lent for thirty days."


def notes(text: str, question: str, run) -> list[str]:
    asked = Question("q", "fact", question, ("8",), (), ("a.md",))
    return evaluation.language_notes([Document("a.md", "a", "", (Section("text", text),))], [asked], run)


@pytest.mark.parametrize(("text", "question", "what"), [
    (ENGLISH, ENGLISH, ""), (FRENCH, FRENCH, "documents and questions"), (FRENCH, ENGLISH, "documents"),
    (ENGLISH, FRENCH, "questions"),
])
def test_another_language_is_told_with_the_settings_that_change_it(text, question, what, chosen):
    found = notes(text, question, chosen)
    assert len(found) == bool(what)
    assert all(f"The {what} seem" in note and "French" in note and "LAB_EMBEDDER" in note for note in found)


def test_nothing_is_told_where_other_models_are_set(chosen):
    assert notes(FRENCH, FRENCH, replace(chosen, model="other", embedder="other")) == []
