"""Says when documents or questions are in a language that the shipped models do not know."""
from __future__ import annotations

from collections.abc import Sequence

from ..settings import WHEEL_EMBEDDER, WHEEL_MODEL, Settings
from ..text import detect_language
from ..types import Document, Question


def language_notes(documents: Sequence[Document], questions: Sequence[Question], run: Settings) -> list[str]:
    """A sentence for the documents and one for the questions if they are not in English but an English model would read them."""
    shipped = [(f"the reader {run.model}", "LAB_MODEL")] if run.model == WHEEL_MODEL and not run.endpoint else []
    shipped += [(f"the embedder {run.embedder}", "LAB_EMBEDDER")] if run.embedder == WHEEL_EMBEDDER else []
    notes = []
    for what, texts in (("documents", (d.text[:2000] for d in documents)), ("questions", (q.question for q in questions))):
        language = detect_language(texts)
        if language != "en" and shipped:
            names, variables = zip(*shipped, strict=True)
            notes.append(f"The {what} seem to be in {_name(language)}, but {' and '.join(names)} know English only, so these "
                         f"scores say little about what is possible: set {' and '.join(variables)} to models for that language "
                         "(a hub id or a local directory).")
    return notes


def _name(language: str) -> str:
    from babel import Locale

    return Locale("en").languages.get(language, language)
