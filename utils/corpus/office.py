"""Word and PowerPoint files: paragraphs and tables in the order of the document, by way of simple HTML."""
from __future__ import annotations

import re
import zipfile
from html import escape
from pathlib import Path

from .markup import html_content
from .reading_report import Content

UNPACKED = 300_000_000  # bytes; a larger office file would fill the memory of a small machine
KEPT = {"tbl": "table", "tr": "tr", "tc": "td"}
APART = ("header", "footer", "footnotes", "endnotes")  # parts of a Word file beside its body


def check_archive(path: Path) -> None:
    """Raises ValueError for an office file that is damaged, asks for a password, or unpacks to more than 300 MB."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except zipfile.BadZipFile:
        with path.open("rb") as file:
            old = file.read(4) == b"\xd0\xcf\x11\xe0"
        reason = "it asks for a password or has an old format" if old else "it is damaged"
        raise ValueError(f"{reason}; open it in an office program and save it again") from None
    if size > UNPACKED:
        raise ValueError(f"it unpacks to {size / 1e6:,.0f} MB, more than {UNPACKED / 1e6:.0f}; split it")


def docx_content(path: Path) -> Content:
    """A Word file: headings by style, text boxes after their paragraph, notes, headers and footers last."""
    import docx
    from docx.oxml import parse_xml

    check_archive(path)
    document = docx.Document(str(path))
    levels = {}
    for style in document.styles:
        name = (style.name or "").lower()
        levels[style.style_id] = name[-1] if re.fullmatch("heading [1-6]", name) else "title" if name == "title" else ""
    for style in document.styles:
        base = getattr(style, "base_style", None)
        levels[style.style_id] = levels[style.style_id] or (levels.get(base.style_id, "") if base is not None else "")
    title = next((p.text for p in document.paragraphs if levels.get(p.style.style_id) == "title" and p.text.strip()), "")
    parts = [rel.target_part for rel in document.part.rels.values() if not rel.is_external and rel.reltype.endswith(APART)]
    beside = dict.fromkeys(_html(parse_xml(part.blob), levels) for part in parts)
    text = "".join(html for html in beside if re.sub("<[^>]*>", "", html).strip())
    text = f"<h6>notes, headers and footers</h6>{text}" if text else ""
    return html_content(_html(document.element.body, levels) + text, title.strip())


def _html(node, levels: dict[str, str]) -> str:
    tag = node.tag.rpartition("}")[2] if isinstance(node.tag, str) else "del"
    if tag == "t":
        return escape(node.text or "")
    if tag in ("tab", "br", "cr", "noBreakHyphen"):
        return {"tab": " ", "noBreakHyphen": "-"}.get(tag, "<br>")
    if tag in ("del", "moveFrom", "Fallback", "pPr", "rPr") or tag == "r" and node.xpath("./w:rPr/w:vanish"):
        return ""
    inner = "".join(_html(child, levels) for child in node)
    if tag != "p":
        return f"<{KEPT[tag]}>{inner}</{KEPT[tag]}>" if tag in KEPT else inner
    style, outline = node.xpath("string(./w:pPr/w:pStyle/@w:val)"), node.xpath("string(./w:pPr/w:outlineLvl/@w:val)")
    level = str(int(outline) + 1) if outline in tuple("012345") else levels.get(style, "")
    return "" if level == "title" else f"<h{level}>{inner}</h{level}>" if level else f"<p>{inner}</p>"


def pptx_content(path: Path) -> Content:
    """A section for each slide of a presentation: its shapes, tables, names in charts, and notes."""
    from pptx import Presentation

    check_archive(path)
    pieces, lost = [], {}
    for number, slide in enumerate(Presentation(str(path)).slides, 1):
        pieces.append(f"<h2>slide {number}</h2>")
        shapes = list(slide.shapes)
        while shapes:
            shape = shapes.pop(0)
            if hasattr(shape, "shapes"):
                shapes[:0] = list(shape.shapes)
            elif shape.has_text_frame:
                pieces.append(_lines(shape.text_frame.text))
            elif shape.has_table:
                rows = ("".join(f"<td>{_lines(cell.text)}</td>" for cell in row.cells) for row in shape.table.rows)
                pieces.append("<table><tr>" + "<tr>".join(rows) + "</table>")
            elif shape.has_chart:
                try:
                    for plot in shape.chart.plots:
                        pieces.append(_lines(", ".join(map(str, [*plot.categories, *(one.name for one in plot.series)]))))
                except NotImplementedError:  # of python-pptx, for charts in three dimensions
                    lost[f"slide {number}: a chart is not read"] = True
            elif shape.element.tag.endswith("graphicFrame"):
                lost[f"slide {number}: a diagram or an embedded file is not read"] = True
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame:
            pieces.append(_lines(slide.notes_slide.notes_text_frame.text))
    return Content(html_content("".join(pieces)).sections, lost="; ".join(lost))


def _lines(text: str) -> str:
    return "".join(f"<p>{escape(line)}</p>" for line in re.split("[\n\v]", text))
