"""PDF pages as text whose words and sentences are whole."""
from __future__ import annotations

import re
from pathlib import Path

from .encodings import clean
from .reading_report import Content

HYPHEN = "\ufdd0"  # a hyphen at a line end, until it is known whether it belongs to the word
SUSPENDED = ("and", "or", "to", "und", "oder", "bis", "et", "ou", "en", "of")
PAGE = "\ufdd1"
PASSWORD = 4  # PDFium's error number
# First parts that keep their hyphen at a line end; a compound of others keeps it if the document has it within a line.
COMPOUND = frozenset("all cross double ex full half high long low multi non one part real self semi short single so third three "
                     "two well".split())


def pdf_content(path: Path) -> Content:
    """One section for every page with text; the others are told. Raises ValueError if it cannot be opened or has no text."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if error.err_code == PASSWORD:
            raise ValueError("the PDF asks for a password; save it without one") from None
        raise ValueError("it is not a readable PDF; open it in a viewer and save it again") from None
    pages = []
    for number in range(1, len(document) + 1):
        try:
            text = document[number - 1].get_textpage().get_text_bounded(errors="surrogatepass")
        except pypdfium2.PdfiumError:
            text = ""
        pages.append(re.sub("(?<=\\w)[-\u2010]\r?\n|[\2\ufffe]", HYPHEN, text) if any(map(str.isalnum, text)) else "")
    document.close()
    text, note = clean(PAGE.join(pages))
    pages = text.split(PAGE)
    words = set(re.findall(r"\w+(?:-\w+)*", " ".join(pages).lower()))
    pairs = [(f"page {number}", _paragraphs(_whole_words(page, words))) for number, page in enumerate(pages, 1)]
    empty = [str(number) for number, page in enumerate(pages, 1) if not page]
    if len(empty) == len(pages):
        raise ValueError("the PDF has no text layer; run OCR on it first")
    lost = f"page{'s' * (len(empty) > 1)} {', '.join(empty)}: no text (an image? run OCR)" if empty else ""
    return Content(pairs, lost=lost, note=note)


def _whole_words(text: str, words: set[str]) -> str:
    """Words divided at a line end are joined. The hyphen stays before a capital or digit, in words that the document writes
    with it elsewhere, and after first parts of usual compounds ("long-term"). words: of the document, in lower case."""
    def joined(found: re.Match) -> str:
        first, second = found[1].lower(), found[2].lower()
        if second in SUSPENDED:  # "up- and downhill"
            return found[1] + "- "
        compound = first in COMPOUND or f"{first}-{second}" in words and first + second not in words
        return found[1] + "-" * (compound or not found[2][:1].islower())

    return re.sub(rf"(\w+){HYPHEN}\s*(?=(\w*))", joined, text).replace(HYPHEN, "-")


def _paragraphs(text: str) -> str:
    """A line goes on in the next one if that begins in lower case, or if it is nearly full and does not end a sentence."""
    lines = [" ".join(line.split()) for line in text.split("\n") if line.strip()]
    full = 0.75 * sorted(map(len, lines))[len(lines) * 9 // 10] if lines else 0
    merged: list[str] = []
    for before, line in zip(["", *lines], lines, strict=False):
        ends = not before or before[-1] in ".!?:;。！？" or re.search(r"(\. ?){4}", before) or line[0] in "•-–*·▪"
        if not ends and (line[0].islower() or len(before) >= full):
            wide = before[-1] > "\u3000" and line[0] > "\u3000"  # Chinese and Japanese have no spaces
            merged[-1] += line if wide else f" {line}"
        else:
            merged.append(line)
    return "\n".join(merged)
