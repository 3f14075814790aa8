"""A folder of your own documents, read into the same `Document`s as the course's corpus."""
from __future__ import annotations

import os
import re
import sys
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path

from ..types import Document, Section
from .encodings import clean, decode
from .markup import html_content, markdown_content, notebook_content, rst_content
from .office import docx_content, pptx_content
from .pdf import pdf_content
from .reading_report import Content, FileReading, ReadingReport
from .tables import csv_content, json_content, xlsx_content

TEXT: dict[str, Callable[[str], Content]] = {
    ".md": markdown_content, ".markdown": markdown_content, ".mdx": markdown_content, ".html": html_content, ".htm": html_content,
    ".txt": lambda text: Content([("text", text)]), ".rst": rst_content, ".ipynb": notebook_content, ".csv": csv_content,
    ".json": json_content}
BINARY: dict[str, Callable[[Path], Content]] = {".pdf": pdf_content, ".docx": docx_content, ".pptx": pptx_content,
                                                ".xlsx": xlsx_content}
SUFFIXES = (*TEXT, *BINARY)
LARGEST = 50_000_000  # bytes
DENIED = "no permission to read it"
TOOLS = ("node_modules", "__pycache__", "site-packages", "venv", "__MACOSX")  # folders that hold no documents
COPIES = ("~$*", "*~", "#*#", "*.bak", "*.swp", "*.swo", "*.tmp", "*.orig", "Thumbs.db", "desktop.ini")


def load_folder(path: Path | str) -> list[Document]:
    """Documents of the folder and its subfolders, sorted; a document's id is its path inside the folder.

    Prints on stderr what was not read, or not as it stands. Raises ValueError when the folder is missing or nothing is readable.
    """
    return read_folder(path)[0]


def read_folder(path: Path | str) -> tuple[list[Document], ReadingReport]:
    """As `load_folder`, with a row for every file; raises RuntimeError, too, when a parser is not installed."""
    root = Path(path)
    if not root.is_dir():
        raise ValueError(f"{path}: no such folder; pass the folder that holds your documents")
    documents, rows, seen = [], [], set()
    for place, name, reason in sorted(_walk(root, "", (os.path.realpath(root),)), key=lambda found: found[1]):
        id_, note = _id(name, seen)
        kind = os.path.splitext(id_)[1].lower()
        if reason:
            rows.append(FileReading(id_, "set aside" if reason == DENIED else "left out", reason, kind))
            continue
        try:
            with warnings.catch_warnings(action="ignore"):
                document, row = _document(place, id_, note)
            documents.append(document)
        except ImportError as error:
            raise RuntimeError(f"{id_}: the package {error.name} is missing: run python3 -m utils setup") from None
        except Exception as error:
            known = type(error) is ValueError and " ".join(str(error).split())
            row = FileReading(id_, "set aside", known or f"it is damaged ({type(error).__name__})", kind)
        rows.append(row)
    report = ReadingReport(tuple(rows))
    if not documents:
        told = "".join(f"\n{line}" for line in report.lines())
        raise ValueError(f"{path} holds no readable document: add files that end in {', '.join(SUFFIXES)}{told}")
    for line in report.lines():
        print(line, file=sys.stderr)
    return documents, report


def _walk(folder: Path, prefix: str, above: tuple[str, ...]) -> Iterator[tuple[Path, str, str]]:
    """Place, name inside the root, and why it is no document ("" if it is one) of every file. above: real paths around it."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except PermissionError:
        yield folder, prefix, DENIED
        return
    for entry in entries:
        place, name = Path(entry.path), prefix + entry.name
        kind = os.path.splitext(os.fsencode(entry.name).decode("utf-8", "replace"))[1].lower()
        hidden = entry.name.startswith(".")
        if os.path.isdir(place):  # False, not an error, for a link to itself
            real = os.path.realpath(place)
            if hidden or entry.name in TOOLS or (place / "pyvenv.cfg").is_file():
                files = sum(len(files) for _, _, files in os.walk(place))
                yield place, name + "/", f"a {'hidden folder' if hidden else 'folder of a tool'} with {files:,} files"
            elif real in above:
                yield place, name + "/", "a link to a folder around it"
            else:
                yield from _walk(place, name + "/", (*above, real))
        elif not os.path.isfile(place):
            yield place, name, "a link to nothing" if entry.is_symlink() else "not a file"
        elif hidden or any(fnmatch(entry.name, pattern) for pattern in COPIES):
            yield place, name, "a hidden file" if hidden else "a copy or note of a program"
        elif kind not in SUFFIXES:
            yield place, name, f"files of type {kind or '(none)'} are not read"
        else:
            yield place, name, "" if os.access(place, os.R_OK) else DENIED


def _id(name: str, seen: set[str]) -> tuple[str, str]:
    """A unique id in NFC without characters that no text holds, and a note if it is not the file's name."""
    readable = re.sub(r"[\0-\x1f\x7f]", "\ufffd", os.fsencode(name).decode("utf-8", "replace"))
    plain = unicodedata.normalize("NFC", readable)
    stem, suffix = os.path.splitext(plain)
    id_ = _unique(stem, seen, suffix)
    notes = ["its name is not UTF-8"] * ("\ufffd" in readable) + [f"another file is called {plain}, too"] * (id_ != plain)
    return id_, " and ".join(notes)


def _unique(name: str, seen: set[str], suffix: str = "") -> str:
    """The name, with a number if it is taken."""
    unique, number = name + suffix, 2
    while unique in seen:
        unique, number = f"{name} ({number}){suffix}", number + 1
    seen.add(unique)
    return unique


def _document(place: Path, id_: str, note: str) -> tuple[Document, FileReading]:
    """Raises ValueError with the reason if the file holds nothing readable."""
    size, suffix = place.stat().st_size, place.suffix.lower()
    if size == 0 or size > LARGEST:
        raise ValueError(f"it has {size / 1e6:,.0f} MB, more than {LARGEST / 1e6:.0f}; split it" if size else "the file is empty")
    if suffix in BINARY:
        content, encoding, mended = BINARY[suffix](place), "", ""
    else:
        text, encoding = decode(place.read_bytes(), page=suffix in (".html", ".htm"))
        text, mended = clean(text)
        content = TEXT[suffix](text)
    sections, names = [], set()
    notes = [note, content.note, mended, f"read as {encoding}" if encoding not in ("", "utf-8") else ""]
    for name, text in content.sections:
        (name, _), (text, mended) = clean(name), clean(text)
        notes.append(mended)
        if text.strip():
            sections.append(Section(_unique(name or "section", names), text))
    if not sections:
        raise ValueError("it holds no text")
    group, _, stem = id_.removesuffix(place.suffix).rpartition("/")
    document = Document(id_, " ".join(clean(content.title)[0].split()) or stem, group, tuple(sections))
    reason = "; ".join(dict.fromkeys(filter(None, [content.lost, *notes])))
    return document, FileReading(id_, "in part" if content.lost else "read", reason, suffix, encoding, len(sections),
                                 sum(len(section.text.split()) for section in sections))
