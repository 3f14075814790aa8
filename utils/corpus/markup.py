"""HTML, reStructuredText, Markdown and notebooks as text: what a reader of the rendered page sees, a section per heading.

In Markdown, raw tags and angle brackets swallow no text.
"""
from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from html import escape

from .reading_report import Content

BLOCKS = frozenset(
    "address article aside blockquote br caption center dd details dialog dir div dl dt fieldset figcaption figure footer form "
    "h1 h2 h3 h4 h5 h6 header hgroup hr legend li main menu ol optgroup option p pre search section summary table tbody text "
    "tfoot thead ul".split())
BOXES = frozenset(("button", "select", "textarea", "input"))  # inline, but apart from their neighbours
UNSEEN = frozenset("annotation datalist head iframe nav noembed noscript rp script style template title".split())
LINE, SPACE, HEADING, BODY, CELL, ROW = "\1", "\2", "\3", "\4", "\5", "\6"  # marks between the pieces of a page
SIGN = re.compile(r"[¶§#🔗↩\ufe0e\u200b\s]+")  # links of a heading to itself, of a footnote back to its place
BRACKET = "\ufdd2"  # a "<" that is text, until the page is rendered
# Elements that would swallow the page if their end is missing, and elements that need no end.
SWALLOWING = UNSEEN | {"dialog", "frameset", "noframes", "plaintext", "pre", "select", "textarea", "xmp"}
ALONE = frozenset("br dd dt hr li option p tbody td tfoot th thead tr wbr".split())
# Every "<": escaped or around the target of a link, a comment, a tag, a link to itself, or something else.
ANGLES = re.compile(r"(?:\\|\]\()<|<!--.*?-->"
                    r"""|<(?P<end>/?)(?P<name>[a-z][\w.-]*)(?P<more>(?=[\s/>])(?:[^<>"']|"[^"]*"|'[^']*')*)>"""
                    r"|<(?=[a-z][\w+.-]+:[^\s<>]*>|[^\s<>]+@[^\s<>]+>)|(?P<other><)", re.I | re.S)


def html_content(html: str, title: str = "") -> Content:
    """Sections of a page by heading, `overview` before the first. The title is the one given, `<title>`, or a first `<h1>`."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(html)
    named = tree.css_first("head > title")
    text = re.sub(r"[ \t\n\r\f\xa0]+", " ", "".join(_pieces(tree.body)) if tree.body else "")
    first, *parts = text.split(HEADING)
    level = parts[0][0] if parts else ""
    pairs = [("overview", _lines(first))]
    for part in parts:
        name, _, body = part[1:].partition(BODY)
        name = re.sub(r"\s*\{[#.:][^{}]*\}$", "", " ".join(_lines(name).split()))
        if name:
            pairs.append((name, _lines(body)))
        else:  # an empty heading begins nothing
            pairs[-1] = (pairs[-1][0], "\n".join(filter(None, (pairs[-1][1], _lines(body)))))
    title = title or (" ".join(named.text().split()) if named else "") or (pairs[1][0] if level == "1" and pairs[1:] else "")
    # A heading with nothing under it is text of its own, unless the title says it.
    kept = [(name, text or name) for name, text in pairs if text or name not in ("overview", title)]
    return Content(kept or [(name, name) for name, _ in pairs[1:2]], title)


def _pieces(body) -> Iterator[str]:
    """Texts and marks in reading order. A stack, not recursion: pages nest thousands deep."""
    stack, last = [(body, False)], ""
    while stack:
        node, kept = stack.pop()
        if isinstance(node, str):
            yield node
            continue
        if node.is_text_node:
            last = node.text_content or ""
            yield last.replace("\n", LINE).replace(" ", SPACE).replace("\t", SPACE * 4) if kept else last
            continue
        tag, attributes = node.tag, node.attributes if node.is_element_node else {}
        if not node.is_element_node or _unseen(node, tag, attributes):
            continue
        if tag == "img":
            yield f" {attributes.get('alt') or ''} "
        elif tag == "br" and node.parent.tag in ("td", "th"):
            yield " "  # a row stays a line
        elif tag == "sup" and last[-1:].isdigit() and (node.text() or "x").strip("-−+")[:1].isdigit():
            yield "^"  # a power: 10 and 6 are not 106
        elif tag in ("sup", "sub") and len(node.text() or "") > 3:
            yield " "  # words of their own, not an index
        elif re.fullmatch("h[1-6]", tag):
            yield HEADING + tag[1]
            stack.append((BODY, False))
        elif tag in BLOCKS or tag in BOXES:
            yield LINE if tag in BLOCKS else " "
            stack.append((LINE if tag in BLOCKS else " ", False))
        elif tag in ("td", "th", "tr"):
            stack.append((ROW if tag == "tr" else CELL, False))
        stack += [(child, kept or tag == "pre") for child in reversed(list(node.iter(include_text=True)))]


def _unseen(node, tag: str, attributes: dict) -> bool:
    """Whether a reader does not see the element: hidden, navigation (unless it holds the page), a link to a footnote."""
    if tag in ("a", "sup"):
        text, link = (node.text() or "").strip(), node if tag == "a" else node.css_first("a") or node.parent
        local = link is not None and "#" in (link.attributes.get("href") or "")
        return local and bool(SIGN.fullmatch(text) or tag == "sup" and re.fullmatch(r"\[?\w{1,3}\]?", text))
    if tag == "nav" or attributes.get("role") == "navigation":
        return node.css_first("h1, main, article") is None
    hidden = "hidden" in attributes and attributes["hidden"] != "until-found" or tag == "dialog" and "open" not in attributes
    return tag in UNSEEN or hidden or bool(re.search(r"display:\s*none|visibility:\s*hidden", attributes.get("style") or ""))


def _lines(text: str) -> str:
    """Lines of blocks and of table rows, whose cells are divided by tabs."""
    text = re.sub(f"[ {LINE}]*{CELL}[ {LINE}]*", "\t", text)
    text = re.sub(f"[\t {LINE}]*{ROW}[ {LINE}]*", LINE, text).replace(BODY, LINE)
    lines = (line.strip(" ").replace(SPACE, " ").rstrip() for line in text.split(LINE))
    return "\n".join(line for line in lines if line.strip())


def rst_content(text: str) -> Content:
    """reStructuredText. What only Sphinx knows becomes what docutils knows, so that its text stays."""
    from docutils.core import publish_parts
    from docutils.parsers.rst.languages.en import directives

    def known(found: re.Match) -> str:
        indent, name, words, options = found.groups()
        if name in ("toctree", "index"):
            return f"{indent}.. {name}"  # a comment
        if "code" in name or name in ("prompt", "doctest"):
            return f"{indent}::\n"
        return found[0] if name in directives else f"{indent}.. container::\n\n{indent}   {words}\n"

    text = re.sub(r":(?!math|sup|sub|code)[a-z][\w:+.-]*:`[~!]?([^`<]+?)(?:\s*<[^`]*>)?`", r"\1", text)
    text = re.sub(r"^([ \t]*)\.\. ([\w:+-]+)::[ \t]*(.*)((?:\n[ \t]+:[\w-]+:.*)*)$", known, text, flags=re.M)
    settings = {"report_level": 5, "halt_level": 5, "file_insertion_enabled": False, "raw_enabled": False, "math_output": "LaTeX",
                "syntax_highlight": "none", "doctitle_xform": False, "initial_header_level": 1, "_disable_config": True}
    return html_content(publish_parts(text, writer="html5", settings_overrides=settings)["html_body"])


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
