"""Each format as a reader sees it: whole words, separate blocks, nothing swallowed."""
from __future__ import annotations

import json

import pytest

from tests.corpus.files import pdf, written
from utils import corpus


def read(tmp_path, **files):
    return corpus.load_folder(written(tmp_path, **files))[0]


def sections(document):
    return {section.name: section.text for section in document.sections}


@pytest.mark.parametrize(("source", "text"), [
    ("It takes **40**kg, re**charge** at `12`h.", "It takes 40kg, recharge at 12h."),
    ("Paste the <script> tag.\n\nOpen 8 to 17.", "Paste the <script> tag.\nOpen 8 to 17."),
    ("<script> goes first.\n\nOpen 8 to 17.\n\n```\n<script>x</script>\n```",
     "<script> goes first.\nOpen 8 to 17.\n<script>x</script>"),
    ("<style>\np{}\n</style>\n\nText.", "Text."),
    ("<!-- gone\n\nwhole -->\n\nKept <!-- open.\n\nEnd.", "Kept <!-- open.\nEnd."),
    ("Type <city>, `List<Parcel>` or List<Parcel>.", "Type <city>, List<Parcel> or List<Parcel>."),
    ("cp <source> <time>, see <https://x.org/a>", "cp <source> <time>, see https://x.org/a"),
    ("<city>\n**40**kg\n</city>", "<city> 40kg </city>"),
    ("Put it in <nav> and <template>.\n\n<title> it.\n\n<textarea> too.\n\nEnd.",
     "Put it in <nav> and <template>.\n<title> it.\n<textarea> too.\nEnd."),
    ("A<br>b <kbd>C</kbd> H<sub>2</sub>O 10<sup>6</sup>", "A\nb C H2O 10^6"),
    ("<details><summary>More</summary>\n\nhid **den**\n\n</details>", "More\nhid den"),
    ("<table><tr><td>a</td><td>b</td></tr></table>\n\n<div hidden>no</div>", "a\tb"),
    ("- [x] done\n- open\n\n![a pic](x.png) [link](y) ~~old~~", "[x] done\nopen\na pic link old"),
    ("|a|b|\n|-|-|\n|1<br>x|2|", "a\tb\n1 x\t2"),
    ("Twelve[^1] hours.\n\n[^1]: In winter.", "Twelve hours.\nIn winter."),
    ("a <b>x</b></b> </i> <b>y", "a x <b>y"),
    ("---\n# No metadata\n---\nText.", "Text."),
    ("---\ntags: [x]\n---\nText.", "Text."),
    ("---\n**Not** metadata.\n\nText.\n\n---\nEnd.", "Not metadata.\nText.\nEnd."),
])
def test_markdown_keeps_what_its_page_shows(tmp_path, source, text):
    assert read(tmp_path, a_md=source).text == text


@pytest.mark.parametrize(("source", "title"), [
    ("---\ntitle: 'Bike: returns'\n---\n# H\n\nx", "Bike: returns"),
    ("---\ntitle: Bad: yaml\ndraft: [\n---\nx", "Bad: yaml"), ("# Bike {#b}\n\nx", "Bike"), ("## Second\n\nx", "a")])
def test_the_title_comes_from_the_metadata_or_the_first_heading(tmp_path, source, title):
    document = read(tmp_path, a_md=source)
    assert document.title == title and document.text == "x"


@pytest.mark.parametrize(("source", "text"), [
    ("<head><meta charset=utf-8><title>T</title><body><p>High water.<p>Low <b>wat</b>er", "High water.\nLow water"),
    ("a<br>b<pre>x\n  y</pre><ul><li>one<li>two</ul>c<div>d<div>e</div>f</div>", "a\nb\nx\n  y\none\ntwo\nc\nd\ne\nf"),
    ("<table><tr><td><p>1</p><td>2<tr><td>3<td>4</table>z", "1\t2\n3\t4\nz"),
    ("<p hidden>n<p style='display: none'>n<nav>n</nav><noscript>n</noscript><template>n</template><p>y", "y"),
    ("<nav><p>Unclosed<main>The page.", "Unclosed\nThe page."),
    ("<p>a&nbsp;b so&shy;ft caf&eacute; &#x2028;x<img alt='A pic'><script>if (a</script>", "a b soft café\nx A pic"),
    ("<p>2<sup>10</sup> kg<sup><a href='#n1'>[1]</a></sup><button>Go</button><select><option>A<option>B</select>",
     "2^10 kg Go\nA\nB"),
    ("<b>" * 3000 + "deep", "deep"),
    ("<unknown>ke</unknown>pt <p>un<i>closed <p>next", "kept\nunclosed\nnext"),
])
def test_html_reads_as_its_page_looks(tmp_path, source, text):
    assert read(tmp_path, a_html=source).text.replace(" \n", "\n") == text


def test_headings_are_sections_with_names_of_their_own_and_are_not_repeated(tmp_path):
    document = read(tmp_path, a_html="top<h1>Fees <a href='#f'>¶</a></h1>x<h2>Fees</h2>y<h2></h2>z<h2>Closed on 1 May</h2>")
    assert sections(document) == {"overview": "top", "Fees": "x", "Fees (2)": "y\nz", "Closed on 1 May": "Closed on 1 May"}


def test_restructuredtext_keeps_what_only_sphinx_knows(tmp_path):
    source = ("Title\n=====\n\nSee :ref:`the text <x>` **40**\\ kg.\n\n.. versionadded:: 1.2 Anew.\n\n"
              ".. function:: foo(a)\n   :module: m\n\n   Runs 5 minutes.\n\n.. code-block:: python\n   :linenos:\n\n   x = 1\n\n"
              "Sub\n---\n\n.. csv-table::\n\n   1, 2\n")
    document = read(tmp_path, a_rst=source)
    assert sections(document) == {"Title": "See the text 40kg.\n1.2 Anew.\nfoo(a)\nRuns 5 minutes.\nx = 1", "Sub": "1\t2"}
    assert document.title == "Title"


def test_notebooks_give_markdown_code_and_text_outputs(tmp_path):
    cells = [{"cell_type": "markdown", "source": ["# Run\n", "At **5**kg."]},
             {"cell_type": "code", "source": "x = '<b>'\ny", "outputs": [
                 {"output_type": "stream", "text": ["out \x1b[31m7\n"]}, {"data": {"text/plain": "8", "text/html": "<b>8</b>"}},
                 {"data": {"image/png": "AAA", "text/plain": "<Figure>"}}, {"ename": "KeyError", "evalue": "'k'"}]}]
    document = read(tmp_path, a_ipynb=json.dumps({"cells": cells}))
    assert document.title == "Run" and document.text == "At 5kg.\nx = '<b>'\ny\nout 7\n8\nKeyError: 'k'"


@pytest.mark.parametrize(("name", "source", "expected"), [
    ("a_csv", "city;price\nRome;3,5\n\nBonn;\"4; or\n5\"\n",
     {"row 2": "city: Rome\nprice: 3,5", "row 4": "city: Bonn\nprice: 4; or\n5"}),
    ("a_csv", "city\tprice\nRome, old\t3\n", {"row 2": "city: Rome, old\nprice: 3"}),
    ("a_csv", "sep=|\na|b\n1|2|3\n", {"row 2": "a: 1\nb: 2\ncolumn 3: 3"}),
    ("a_csv", "Prices of 2024\n\ncity,price\nRome,3\n", {"row 1": "Prices of 2024", "row 4": "city: Rome\nprice: 3"}),
    ("a_csv", "name\nRex\n", {"row 2": "name: Rex"}),
    ("a_csv", "name,born\nRex,\n", {"row 1": "name\nborn", "row 2": "name: Rex"}),
    ("a_json", '[{"city": "Rome", "at": {"x": 1}}, 5, null]', {"row 1": "city: Rome\nat.x: 1", "row 2": "5"}),
    ("a_json", '{"v": 2, "items": [{"a": [1, 2]}], "m": {"k": true}}',
     {"overview": "v: 2", "items row 1": "a: 1, 2", "m": "k: True"}),
    ("a_json", '{"a": 1}\n{"a": "\\ud835"}\n', {"row 1": "a: 1", "row 2": "a: \ufffd"}),
])
def test_every_row_of_a_table_is_a_section(tmp_path, name, source, expected):
    assert sections(read(tmp_path, **{name: source})) == expected


def test_spreadsheets_are_read_sheet_by_sheet_as_they_show(tmp_path):
    import datetime

    import openpyxl
    book = openpyxl.Workbook()
    book.active.append(["city", "share", "since"])
    book.active.append(["Rome", 0.19, datetime.date(2024, 5, 1)])
    book.active["B2"].number_format = "0%"
    book.active.append(["Bonn", "=1+1"])
    book.create_sheet("Empty")
    book.create_sheet("Staff").append(["Ada", 5])
    book.save(tmp_path / "a.xlsx")
    documents, report = corpus.read_folder(tmp_path)
    assert sections(documents[0]) == {"Sheet row 2": "city: Rome\nshare: 19%\nsince: 2024-05-01", "Sheet row 3": "city: Bonn",
                                      "Staff row 1": "Ada\n5"}
    assert report.files[0].status == "in part" and "1 formula" in report.files[0].reason


def test_word_files_keep_order_insertions_boxes_notes_headers_and_lose_deletions(tmp_path):
    import docx
    from docx.oxml import parse_xml
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    word = docx.Document()
    word.add_heading("Kennel rules", 0)
    word.add_paragraph("It takes ").add_run("40").bold = True
    word.paragraphs[-1].add_run("kg.")
    word.add_table(1, 2).cell(0, 0).text = "Dog"
    word.tables[0].cell(0, 1).text = "5 €"
    word.add_heading("Fees", 1)
    word.add_paragraph("Now ")._p.append(parse_xml(f"<w:ins {space}><w:r><w:t>seven</w:t></w:r></w:ins>"))
    word.paragraphs[-1]._p.append(parse_xml(f"<w:del {space}><w:r><w:delText>six</w:delText></w:r></w:del>"))
    word.paragraphs[-1]._p.append(parse_xml(f"<w:r {space}><w:pict><w:p><w:r><w:t>In a box</w:t></w:r></w:p></w:pict></w:r>"))
    word.sections[0].header.paragraphs[0].text = "Page header"
    word.save(tmp_path / "a.docx")
    document = corpus.load_folder(tmp_path)[0]
    assert document.title == "Kennel rules" and sections(document) == {
        "overview": "It takes 40kg.\nDog\t5 €", "Fees": "Now seven\nIn a box", "notes, headers and footers": "Page header"}


def test_presentations_are_read_slide_by_slide_with_tables_and_notes(tmp_path):
    import pptx
    show = pptx.Presentation()
    slide = show.slides.add_slide(show.slide_layouts[5])
    slide.shapes.title.text = "Opening\vhours"
    slide.shapes.add_table(1, 2, 0, 0, 9, 9).table.cell(0, 0).text = "Monday"
    slide.shapes.add_group_shape().shapes.add_textbox(0, 0, 9, 9).text_frame.text = "8 to 17"
    slide.notes_slide.notes_text_frame.text = "Say it twice."
    show.save(tmp_path / "a.pptx")
    assert sections(corpus.load_folder(tmp_path)[0]) == {"slide 1": "Opening\nhours\nMonday\n8 to 17\nSay it twice."}


def test_words_and_sentences_of_a_pdf_are_whole(tmp_path):
    text = ("The warranty covers the trans-\nmission for 24 months. Ser-\nvice costs 5 crowns. A long-\nterm plan is sold to "
            "Jean-\nPaul and is of good qual-\nity for the whole of the first year after the day of\nPurchase.\nEnd")
    document = read(tmp_path, a_pdf=pdf(text))
    assert document.text == ("The warranty covers the transmission for 24 months. Service costs 5 crowns. A long-term plan is "
                             "sold to Jean-Paul and is of good quality for the whole of the first year after the day of "
                             "Purchase.\nEnd")


def test_pdf_pages_without_text_are_named(tmp_path):
    written(tmp_path, a_pdf=pdf("One.", "", "Three.", ""))
    documents, report = corpus.read_folder(tmp_path)
    assert sections(documents[0]) == {"page 1": "One.", "page 3": "Three."}
    assert report.files[0].status == "in part" and report.files[0].reason.startswith("pages 2, 4: no text")


@pytest.mark.parametrize(("name", "raw", "text", "encoding"), [
    ("a_html", b"<meta charset='iso-8859-1'><p>4 \x80", "4 €", "windows-1252"),
    ("a_html", b'<?xml version="1.0" encoding="iso-8859-15"?><p>\xa4', "€", "iso8859-15"),
    ("a_html", "<meta charset=windows-1252><p>Käse".encode(), "Käse", "utf-8"),
    ("a_html", "<meta charset=Shift_JIS><p>開館".encode("cp932"), "開館", "cp932"),
    ("a_html", "<meta charset=nonsense><p>Der Käse kostet".encode("cp1252"), "Der Käse kostet", "windows-1252"),
    ("a_html", "<meta charset=utf-8><p>Der Käse kostet".encode("cp1252"), "Der Käse kostet", "windows-1252"),
    ("a_md", "Käse".encode("utf-16"), "Käse", "utf-16le"),
    ("a_md", "Käse".encode("utf-32"), "Käse", "utf-32le"),
    ("a_md", "Plain words here.".encode("utf-16-le"), "Plain words here.", "utf-16-le"),
    ("a_md", "Käse für Größe, süß".encode() + b"\xc3", "Käse für Größe, süß\ufffd", "utf-8 with 1 broken characters"),
    ("a_md", "\ufeff# T\n\nx".encode(), "x", "utf-8"),
    ("a_csv", "name,price\nKäse,4 €\n".encode("cp1252"), "name: Käse\nprice: 4 €", "windows-1252"),
    ("a_txt", "Музей открыт с 9 до 17 часов.".encode("koi8_r"), "Музей открыт с 9 до 17 часов.", "koi8-r"),
])
def test_encodings_are_read_as_declared_or_detected_and_told(tmp_path, name, raw, text, encoding):
    documents, report = corpus.read_folder(written(tmp_path, **{name: raw}))
    row = report.files[0]
    assert (documents[0].text, row.encoding, row.status) == (text, encoding, "read")
    assert row.reason == ("" if encoding == "utf-8" else f"read as {encoding}")


@pytest.mark.parametrize(("source", "text", "reason"), [
    ("a\u2028b\x0bc\x0cd\x85e\r\nf\rg", "a\nb\nc\nd\ne\nf\ng", ""),
    ("Cafe\u0301 \ufb01ne so\xadft \ufeffx", "Café fine soft x", ""),
    ("Käse für Größe\0 und mehr.", "Käse für Größe und mehr.", "control characters removed: 1"),
    ("The preface\0 has 3\x01pages and a long index of words.",
     "The preface has 3 pages and a long index of words.", "control characters removed: 2"),
])
def test_characters_that_no_text_should_hold_are_mended_and_told(tmp_path, source, text, reason):
    documents, report = corpus.read_folder(written(tmp_path, a_txt=source))
    assert documents[0].text == text and report.files[0].reason == reason
