"""Markdown, MDX and notebooks as pages in which raw tags and angle brackets swallow no text."""
from __future__ import annotations

import functools
import json
import re
from html import escape

from .markup import UNSEEN, html_content
from .reading_report import Content

ATTRIBUTES = r"""(?:[^<>"']|"[^"]*"|'[^']*')*"""
TAG = re.compile(rf"<!--.*?-->|</?([a-z][\w:.-]*)\b{ATTRIBUTES}>", re.I | re.S)
# Elements whose text nobody sees, or which a parser reads to the end of the page when their end is missing.
HIDING = UNSEEN | {"dialog", "textarea", "xmp", "plaintext", "noframes", "frameset", "select"}
WHOLE = re.compile(rf"<({'|'.join(sorted(HIDING))})\b{ATTRIBUTES}>(?:(?!<\1\b).)*?</\1\s*>|<(\w+)\b[^<>]*\shidden\b[^<>]*>"
                   r"(?:(?!<\2\b).)*?</\2\s*>", re.I | re.S)
ALONE = frozenset("br dd dt hr li option p tbody td tfoot th thead tr wbr".split())  # these need no end
CODE = re.compile(r"(^[ \t]*(`{3,}|~{3,}).*?^[ \t]*\2|(`+)(?!`).*?(?<!`)\3(?!`))", re.S | re.M)
# JSX of MDX pages: tags of components with expressions two braces deep, comments, paragraphs of imports and exports.
COMPONENT = re.compile(r"</?[A-Z][\w.]*(?:\s+[\w:-]+(?:=(?:\"[^\"]*\"|'[^']*'|\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}))?"
                       r"|\s*\{\.\.\.[^{}]*\})*\s*/?>|</?>|\{/\*.*?\*/\}|^(?:import\s+(?:[^\n]*?\sfrom\s+)?[\"']|import\s*\{"
                       r"|export\s+(?:default|const|let|var|function|async|class|[{*])).*?(?=\n\s*\n|\Z)", re.S | re.M)


def markdown_content(text: str) -> Content:
    """Sections of the page that the Markdown gives; its metadata names the title."""
    title, body = _front_matter(text)
    return html_content(_parser().render(body), title)


def mdx_content(text: str) -> Content:
    """Markdown in which components are tags, and imports and exports are code of the page."""
    pieces, end = [], 0
    for found in [*CODE.finditer(text), None]:
        pieces.append(COMPONENT.sub("", text[end:found.start() if found else None]))
        pieces.append(found[0] if found else "")
        end = found.end() if found else end
    return markdown_content("".join(pieces))


def notebook_content(text: str) -> Content:
    """A Jupyter notebook: Markdown cells as pages, code and the text of its outputs as they are."""
    pieces = []
    for cell in json.loads(text)["cells"]:
        source = "".join(cell["source"])
        pieces.append(_parser().render(source) if cell["cell_type"] == "markdown" else f"<pre>{escape(source)}</pre>")
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            error = ": ".join(filter(None, (output.get("ename"), output.get("evalue"))))
            shown = "".join(output.get("text") or data.get("text/plain") or error)
            pieces.append("" if any(kind.startswith("image/") for kind in data) else f"<pre>{escape(shown)}</pre>")
    return html_content("".join(pieces))


def _front_matter(text: str) -> tuple[str, str]:
    """Title of the YAML (`---`) or TOML (`+++`) metadata before a page ("" for none), and the page without it."""
    import tomllib

    import yaml

    found = re.match(r"\s*(---|\+\+\+)[ \t]*\n(.*?\n|)(?:\1|\.\.\.)[ \t]*(?:\n|\Z)", text, re.S)
    if not found:
        return "", text
    try:
        data = (yaml.safe_load if found[1] == "---" else tomllib.loads)(found[2]) if found[2].strip() else {}
    except (yaml.YAMLError, ValueError):
        lines = [line for line in found[2].split("\n") if line.strip() and line[0] not in " \t-#"]
        data = dict(pairs) if len(pairs := re.findall(r"(?m)^([\w-]+)\s*[:=]\s*(.*)$", found[2])) == len(lines) else None
    if not isinstance(data, dict):
        return "", text
    return str(data.get("title") or "").strip("\"' "), text[found.end():]


@functools.cache
def _parser():
    """A parser of CommonMark with tables, footnotes and strikethrough, whose `render` gives HTML."""
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import html_block
    from mdit_py_plugins.footnote import footnote_plugin

    md = MarkdownIt("commonmark").enable(["table", "strikethrough"]).use(footnote_plugin)
    md.core.ruler.push("placeholders", _placeholders)
    for kind in ("html_inline", "html_block"):
        md.add_render_rule(kind, lambda self, tokens, index, options, env: _known(tokens[index].content))
    md.block.ruler.at("html_block", lambda *given: _is_block(given[0], given[1]) and html_block(*given),
                      {"alt": ["paragraph", "reference", "blockquote"]})
    return md


@functools.cache
def _elements() -> frozenset[str]:
    from lxml.html.defs import tags

    return (tags | {"main", "search", "data", "picture"}) - HIDING


def _is_block(state, line: int) -> bool:
    """Whether the line begins HTML that ends and that browsers know: else it is text with angle brackets in it."""
    start = state.bMarks[line] + state.tShift[line]
    rest = state.src[start:] if state.src.startswith("<", start) else ""
    if rest.startswith("<!--"):
        return "-->" in rest
    name = re.match(r"</?([a-z][\w:.-]*)", rest, re.I)
    if not name or name[1].lower() == "pre" and "</pre" not in rest.lower():
        return False
    return name[1].lower() in _elements() or bool(WHOLE.match(rest))


def _known(raw: str) -> str:
    """Raw HTML with only known tags as tags; comments and hidden elements go, any other bracket is text."""
    raw, pieces, end = WHOLE.sub("", raw), [], 0
    for found in TAG.finditer(raw):
        name = (found[1] or "").lower()
        kept = found[0] if name in ("img", "a", "ol") else re.sub(r"(\w)[\s/].*>", r"\1>", found[0], flags=re.S)
        shown = "" if not name else kept if name in _elements() else escape(found[0])
        pieces += [raw[end:found.start()].replace("<", "&lt;"), shown]
        end = found.end()
    return "".join([*pieces, raw[end:].replace("<", "&lt;")])


def _placeholders(state) -> None:
    """Inline tags without attributes that nothing closes, such as `<time>` in a command, are text."""
    for token in state.tokens:
        opened: dict[str, list] = {}
        for child in token.children or []:
            tag = TAG.fullmatch(child.content) if child.type == "html_inline" else None
            if tag and tag[1] and child.content.startswith("</"):
                del opened.get(tag[1].lower(), [])[-1:]
            elif tag and tag[1] and tag[1].lower() not in ALONE and child.content == f"<{tag[1]}>":
                opened.setdefault(tag[1].lower(), []).append(child)
        for child in [child for children in opened.values() for child in children]:
            child.type = "text"
