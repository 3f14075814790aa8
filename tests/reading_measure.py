"""Reads real files of a kind and counts the words kept, against a second, independent extractor. Run by hand:

    nice .venv/bin/python -m tests.reading_measure html 300 FOLDER...    # also md, pdf, office

Needs `w3m` for HTML, `pandoc` for Markdown and Word, `pdftotext` for PDFs; slides and sheets are compared with the text of
their XML. Prints files, share of the extractor's words that are kept, what was not read and why, and the five worst files.
"""
from __future__ import annotations

import collections
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unicodedata
import zipfile
from pathlib import Path

import bs4

from utils import corpus

KINDS = {"html": (".html", ".htm"), "md": (".md", ".markdown", ".mdx"), "pdf": (".pdf",), "office": (".docx", ".pptx", ".xlsx")}
PLAIN = ["-t", "plain", "--wrap=none"]
COMMANDS = {"html": ["w3m", "-dump", "-cols", "400", "-O", "UTF-8", "-I", "UTF-8", "-T", "text/html"],
            "md": ["pandoc", "-f", "gfm", *PLAIN], "pdf": ["pdftotext", "-", "-"], "office": ["pandoc", "-f", "docx", *PLAIN]}


def second(path: Path) -> str:
    """The text that another program finds."""
    if path.suffix in (".pptx", ".xlsx"):
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if re.search(r"/(slide|notesSlide|sharedStrings)\d*\.xml$", name)]
            return " ".join(" ".join(re.findall(r"<(?:a:)?t(?: [^>]*)?>([^<]*)<", archive.read(name).decode())) for name in names)
    kind, raw = next(kind for kind, suffixes in KINDS.items() if path.suffix in suffixes), path.read_bytes()
    if kind == "html":  # navigation is left out on purpose
        soup = bs4.BeautifulSoup(raw, "html.parser")
        for tag in soup.select("nav, [role=navigation], noscript, a.headerlink, [hidden]"):
            tag.extract()
        raw = str(soup).encode()
    return subprocess.run(COMMANDS[kind], input=raw, capture_output=True, timeout=120).stdout.decode("utf-8", "replace")


def words(text: str) -> collections.Counter:
    """Lower-case words of letters and digits; hyphens at line ends and ligatures are no difference."""
    text = re.sub(r"(?<=\w)-\s*\n\s*", "", unicodedata.normalize("NFKC", text.replace("\xad", "")))
    return collections.Counter(re.findall(r"[^\W_]+", text.lower()))


def main(kind: str, many: str, *folders: str) -> None:
    files = sorted(path for folder in folders for path in Path(folder).rglob("*")
                   if path.suffix.lower() in KINDS[kind] and path.is_file() and path.stat().st_size)
    files = random.Random(0).sample(files, min(int(many), len(files)))
    with tempfile.TemporaryDirectory() as place:
        for number, path in enumerate(files):
            shutil.copy(path, Path(place) / f"{number:04d}{path.suffix.lower()}")
        started = time.perf_counter()
        documents, report = corpus.read_folder(place)
        seconds = time.perf_counter() - started
        shares, kept, known = [], 0, 0
        for document in documents:
            theirs = words(second(Path(place) / document.id))
            ours = words("\n".join([document.title, *(f"{section.name}\n{section.text}" for section in document.sections)]))
            both = sum((theirs & ours).values())
            kept, known = kept + both, known + theirs.total()
            share = both / theirs.total() if theirs else 1.0
            shares.append((share, files[int(document.id[:4])], (theirs - ours).most_common(12)))
    print(f"{kind}: {len(documents)} of {len(files)} files, {kept / max(1, known):.2%} of {known:,} words kept, {seconds:.1f} s")
    print("\n".join(f"  {line}" for line in report.lines()))
    for share, path, lost in sorted(shares, key=lambda row: row[0])[:5]:
        print(f"  {share:.2%} {path} {lost}")


if __name__ == "__main__":
    main(*sys.argv[1:])
