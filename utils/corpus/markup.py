"""HTML and reStructuredText as text: what a reader of the rendered page sees, one section per heading."""
from __future__ import annotations

import re
from collections.abc import Iterator

from .reading_report import Content

BLOCKS = frozenset(
    "address article aside blockquote br caption center dd details dialog dir div dl dt fieldset figcaption figure footer form "
    "h1 h2 h3 h4 h5 h6 header hgroup hr legend li main menu ol optgroup option p pre search section summary table tbody text "
    "tfoot thead ul".split())
BOXES = frozenset(("button", "select", "textarea", "input"))  # inline, but apart from their neighbours
UNSEEN = frozenset("annotation datalist head iframe nav noembed noscript rp script style template title".split())
LINE, SPACE, HEADING, BODY, CELL, ROW = "\1", "\2", "\3", "\4", "\5", "\6"  # marks between the pieces of a page
SIGN = re.compile(r"[¶§#🔗↩\ufe0e\u200b\s]+")  # links of a heading to itself, of a footnote back to its place


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
