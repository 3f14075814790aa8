"""Markdown and notebooks as pages in which raw tags and angle brackets swallow no text."""
from __future__ import annotations

import functools
import json
import re
from html import escape

from .markup import UNSEEN, html_content
from .reading_report import Content

BRACKET = "\ufdd2"  # a "<" that is text, until the page is rendered
# Elements that would swallow the page if their end is missing, and elements that need no end.
SWALLOWING = UNSEEN | {"dialog", "frameset", "noframes", "plaintext", "pre", "select", "textarea", "xmp"}
ALONE = frozenset("br dd dt hr li option p tbody td tfoot th thead tr wbr".split())
# Every "<": escaped or around the target of a link, a comment, a tag, a link to itself, or something else.
ANGLES = re.compile(r"(?:\\|\]\()<|<!--.*?-->"
                    r"""|<(?P<end>/?)(?P<name>[a-z][\w.-]*)(?P<more>(?=[\s/>])(?:[^<>"']|"[^"]*"|'[^']*')*)>"""
                    r"|<(?=[a-z][\w+.-]+:[^\s<>]*>|[^\s<>]+@[^\s<>]+>)|(?P<other><)", re.I | re.S)


def markdown_content(text: str) -> Content:
    """Sections of the page that the Markdown gives; its metadata names the title."""
    title, body = _front_matter(text)
    return html_content(_page(body), title)


def notebook_content(text: str) -> Content:
    """A Jupyter notebook: Markdown cells as pages, code and the text of its outputs as they are."""
    pieces = []
    for cell in json.loads(text)["cells"]:
        source = "".join(cell["source"])
        pieces.append(_page(source) if cell["cell_type"] == "markdown" else f"<pre>{escape(source)}</pre>")
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            error = ": ".join(filter(None, (output.get("ename"), output.get("evalue"))))
            shown = "".join(output.get("text") or data.get("text/plain") or error)
            pieces.append("" if any(kind.startswith("image/") for kind in data) else f"<pre>{escape(shown)}</pre>")
    return html_content("".join(pieces))


def _front_matter(text: str) -> tuple[str, str]:
    """Title of the YAML metadata before a page ("" for none), and the page without it."""
    import yaml

    found = re.match(r"\s*---[ \t]*\n(.*?\n|)(?:---|\.\.\.)[ \t]*(?:\n|\Z)", text, re.S)
    if not found:
        return "", text
    try:
        data = yaml.safe_load(found[1]) if found[1].strip() else {}
    except (yaml.YAMLError, ValueError):
        lines = [line for line in found[1].split("\n") if line.strip() and line[0] not in " \t-#"]
        data = dict(pairs) if len(pairs := re.findall(r"(?m)^([\w-]+)\s*:\s*(.*)$", found[1])) == len(lines) else None
    if not isinstance(data, dict):
        return "", text
    return str(data.get("title") or "").strip("\"' "), text[found.end():]


def _page(text: str) -> str:
    """The HTML of CommonMark with tables, footnotes and strikethrough."""
    pieces, end = [], 0
    for position in sorted(_text_brackets(text)):
        pieces += [text[end:position], BRACKET]
        end = position + 1
    return _parser().render("".join([*pieces, text[end:]])).replace(BRACKET, "&lt;")


@functools.cache
def _parser():
    from markdown_it import MarkdownIt
    from mdit_py_plugins.footnote import footnote_plugin

    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).use(footnote_plugin)


@functools.cache
def _elements() -> frozenset[str]:
    from lxml.html.defs import tags

    return tags | {"main", "search", "data", "picture"} | SWALLOWING


def _text_brackets(text: str) -> set[int]:
    """Where a "<" begins no tag that browsers know, or a tag that nothing ends, such as `<time>` in a command."""
    found, opened = set(), {}
    for angle in ANGLES.finditer(text):
        name = (angle["name"] or "").lower()
        if angle["other"] or name and name not in _elements():
            found.add(angle.start())
        elif angle["end"]:
            del opened.get(name, [])[-1:]
        elif name and name not in ALONE:
            opened.setdefault(name, []).append((angle.start(), not angle["more"] or name in SWALLOWING))
    return found | {start for starts in opened.values() for start, is_text in starts if is_text}
