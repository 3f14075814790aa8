"""Your own documents: a folder of .md, .txt, .html and .pdf files, read into the same `Document`s."""
from __future__ import annotations

import importlib
import inspect
import re
import sys
from pathlib import Path

from ..types import Document, Section

SUFFIXES = (".md", ".txt", ".html", ".htm", ".pdf")


def load_folder(path: Path | str) -> list[Document]:
    """Documents of the folder and its subfolders, sorted; a document's id is its path inside the folder.

    Unreadable files are skipped and named on stderr. Raises ValueError when the folder is missing or nothing is readable.
    """
    root = Path(path)
    if not root.is_dir():
        raise ValueError(f"{path}: no such folder; pass the folder that holds your documents")
    documents = []
    for file in sorted(p for p in root.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file()):
        id_ = file.relative_to(root).as_posix()
        try:
            sections = [Section(name, text) for name, text in _read(file) if text.strip()]
            if not sections:
                raise ValueError("it holds no text")
            documents.append(Document(id_, file.stem, "", tuple(sections)))
        except Exception as error:
            print(f"skipped {id_}: {_reason(error)}", file=sys.stderr)
    if not documents:
        raise ValueError(f"{path} holds no readable document: add files that end in {', '.join(SUFFIXES)}")
    return documents


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text; save it as UTF-8"
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _read(file: Path) -> list[tuple[str, str]]:
    if file.stat().st_size == 0:
        raise ValueError("the file is empty")
    suffix = file.suffix.lower()
    if suffix == ".pdf":
        return _pdf(file)
    text = file.read_text("utf-8-sig")
    if "\0" in text:
        raise ValueError("it is a binary file despite its extension")
    if suffix == ".md":
        from markdown_it import MarkdownIt

        return _html(MarkdownIt("commonmark").enable("table").render(text))
    return _html(text) if suffix in (".html", ".htm") else [("text", text)]


def _html(html: str) -> list[tuple[str, str]]:
    """One section per heading; the text before the first heading becomes `overview`."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(html, "html.parser")
    for tag in soup(["script", "style", "nav", "head"]):
        tag.decompose()
    for tag in soup.find_all(["h1", "h2", "h3", "h4", "h5", "h6"]):
        tag.insert_before(f"\x1e{' '.join(tag.get_text().split())}\x1f")
    parts = soup.get_text("\n").split("\x1e")
    sections = [("overview", parts[0])]
    for part in parts[1:]:
        name, _, body = part.partition("\x1f")
        sections.append((name or "section", body))
    return [(name, "\n".join(line.strip() for line in body.splitlines() if line.strip())) for name, body in sections]


def _pdf(file: Path) -> list[tuple[str, str]]:
    import logging

    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = PdfReader(file)
    except PyPdfError:
        raise ValueError("it is not a readable PDF; open it in a viewer and save it again") from None
    if reader.is_encrypted:
        raise ValueError("the PDF is encrypted; save it without a password")
    pages = [(f"page {number}", page.extract_text()) for number, page in enumerate(reader.pages, 1)]
    if not any(text.strip() for _, text in pages):
        raise ValueError("the PDF has no text layer; run OCR on it first")
    return pages


def lead_sentence(document: Document) -> str:
    """First sentence of the first section: the reference answer of `summary` questions, removed from their contexts."""
    lines = (line for line in document.sections[0].text.split("\n") if line.strip() and line != document.title)
    line = next(lines, document.title)
    match = re.match(r".+?(?<!\be\.g)(?<!\bi\.e)[.!?](?=\s|$)", line)
    return (match.group(0) if match else line).strip()


SHORTEST = 300  # characters; shorter docstrings are not useful as documents


def write_docstrings(package: str, folder: Path) -> list[Path]:
    """Write NAME.txt for each documented public function of the package's top level; returns the files, sorted.

    Unchanged files are not rewritten. Raises ValueError when the package is not installed or has no documented function.
    """
    try:
        module = importlib.import_module(package)
    except ImportError:
        raise ValueError(f"the package {package!r} is not installed: install it or name another, for example networkx") from None
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name in sorted(name for name in dir(module) if not name.startswith("_")):
        function = getattr(module, name)
        text = inspect.getdoc(function) if inspect.isfunction(function) else None
        if not text or len(text) < SHORTEST:
            continue
        path, content = folder / f"{name}.txt", f"{package} {name}\n\n{text}\n"
        if not path.exists() or path.read_text("utf-8") != content:
            path.write_text(content, "utf-8")
        files.append(path)
    if not files:
        raise ValueError(f"{package!r} has no function with a docstring of at least {SHORTEST} characters: name another package")
    return files
