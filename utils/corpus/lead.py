"""The first sentence of a document's prose."""
from __future__ import annotations

import re

from ..types import Document

# Frequent words tell prose from menus, and the languages apart whose abbreviations differ.
FREQUENT = {"en": "the of and is to in a for that with", "de": "der die und das ist nicht", "fr": "le les des est une et",
            "es": "el los las del es", "it": "il di che gli della", "pt": "os uma não do em", "nl": "de het een van is",
            "ru": "и в не на с для"}
NOT_PROSE = re.compile(r"©|\(c\)|copyright\b|last (updated|modified)|.* [›»|→·] ", re.I)


def lead_sentence(document: Document) -> str:
    """First sentence of prose (no title, menu or badge, if there is any): the reference of `summary` questions."""
    from sentencex import segment

    headings = {document.title, *(section.name for section in document.sections)}
    fallback = ""
    for section in document.sections:
        for line in _units(section.name, section.text):
            if line in headings:
                continue
            words = line.lower().split()
            shares = {language: sum(word in known.split() for word in words) for language, known in FREQUENT.items()}
            language = "zh" if re.search("[\u3040-\u30ff\u4e00-\u9fff]", line) else max(shares, key=shares.get)
            parts = [part.strip() for part in segment(language, line) if part.strip()]
            while len(parts) > 1 and parts[1][0].islower() and re.search(r"\b\w{1,3}\.$", parts[0]):  # of an abbreviation
                parts[:2] = [f"{parts[0]} {parts[1]}"]
            first = parts[0]
            fallback = fallback or first
            length = len(first) // 2 if language == "zh" else len(first.split())
            whole = bool(re.search(r"[.!?…。！？][\"'”’»)\]*]*$", first)) and length > 2
            if not NOT_PROSE.match(line) and (whole or length > 6 and max(shares.values())):
                return first
    return fallback or document.title


def _units(name: str, text: str) -> list[str]:
    """Lines; of plain text paragraphs, without a first line that is a heading: short, before a capital or a rule."""
    if name != "text":
        return [line.strip() for line in text.split("\n") if line.strip()]
    units = []
    for paragraph in re.split(r"\n\s*\n", text):
        lines = [line.strip() for line in paragraph.split("\n") if line.strip()]
        short = len(lines) > 1 and len(lines[0]) < 0.6 * max(map(len, lines)) and lines[0][-1] not in ".!?"
        if len(lines) > 1 and (re.fullmatch(r"\W+", lines[1]) or short and lines[1][0].isupper()):
            units.append(lines.pop(0))
        units.append(" ".join(line for line in lines if not re.fullmatch(r"\W+", line)))
    return [unit for unit in units if unit]
