"""Says when documents or questions are in a language that the shipped models do not know."""
from __future__ import annotations

from collections.abc import Sequence

from ..settings import WHEEL_EMBEDDER, WHEEL_MODEL, Settings
from ..text import detect_language
from ..types import Document, Question


def language_notes(documents: Sequence[Document], questions: Sequence[Question], run: Settings) -> list[str]:
    """A sentence for each other language that documents or questions are in, if an English model would read them."""
    shipped = [(f"the reader {run.model}", "LAB_MODEL")] if run.model == WHEEL_MODEL and run.profile != "endpoint" else []
    shipped += [(f"the embedder {run.embedder}", "LAB_EMBEDDER")] if run.embedder == WHEEL_EMBEDDER else []
    texts = {"documents": (d.text[:2000] for d in documents), "questions": (q.question for q in questions)}
    others: dict[str, list[str]] = {}
    for what, language in ((what, detect_language(parts)) for what, parts in texts.items()):
        if language != "en" and shipped:
            others.setdefault(language, []).append(what)
    names, variables = (" and ".join(part[i] for part in shipped) for i in (0, 1))
    return [f"The {' and '.join(what)} seem to be in {_name(language)}, but {names} know English only, so these scores say "
            f"little about what is possible: set {variables} to models for that language (a hub id or a local directory)."
            for language, what in others.items()]


def _name(language: str) -> str:
    from babel import Locale

    return Locale("en").languages.get(language, language)
