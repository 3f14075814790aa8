"""The course's documents in an older version, what changed since, and a document with one value replaced."""
from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from .. import downloads, settings
from ..types import Document
from .aws import load

RELEASED = {"1.40.0": date(2025, 7, 31), "1.44.5": date(2026, 11, 17)}  # file dates inside the two wheels


def older_version() -> list[Document]:
    """The course's documents, rendered from the older botocore."""
    return load(settings.COURSE_SERVICES, downloads.unpack_wheel(settings.OLDER_BOTOCORE))


def weeks_between() -> float:
    """Weeks between the two releases."""
    first, last = RELEASED.values()
    return (last - first).days / 7


def changes(before: Mapping[str, Document], after: Mapping[str, Document]) -> dict[str, list[str]]:
    """Ids of documents that were added, removed or reworded."""
    return {"added": sorted(set(after) - set(before)), "removed": sorted(set(before) - set(after)),
            "reworded": sorted(id_ for id_ in set(before) & set(after) if before[id_].text != after[id_].text)}


def with_value_replaced(document: Document, old: str, new: str) -> Document:
    """The document with every whole-word occurrence of a value replaced. Raises ValueError when there is none."""
    pattern = re.compile(rf"(?<![\w.]){re.escape(old)}(?![\w])")
    sections = tuple(replace(section, text=pattern.sub(new, section.text)) for section in document.sections)
    if sections == document.sections:
        raise ValueError(f"{document.id} does not contain {old!r}: choose a value from its text")
    return replace(document, sections=sections)
