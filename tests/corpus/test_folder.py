"""A folder of your own: what is a document, what it is called, and what is told about everything else."""
from __future__ import annotations

import json
import os
import unicodedata
from dataclasses import FrozenInstanceError

import pytest

from tests.corpus.files import pdf, written
from utils import corpus, retrieval
from utils.corpus import folder as reading


def rows(path):
    return {row.file: row for row in corpus.read_folder(path)[1].files}


def test_markdown_html_text_and_pdf_become_documents_with_sections(tmp_path):
    (tmp_path / "guide").mkdir()
    (tmp_path / "guide" / "lost_keys.md").write_text("Intro.\n\n## Limits\n\nAt most **5** cats.\n\n- one\n- two\n")
    written(tmp_path, b_html="<html><head><title>Fees of 2024</title></head><script>bad()</script><h2>Fees</h2><p>3 &euro;</p>",
            c_txt="Plain words.", d_pdf=pdf("Dogs sleep eight hours"))
    documents = {document.id: document for document in corpus.load_folder(tmp_path)}
    assert list(documents) == ["b.html", "c.txt", "d.pdf", "guide/lost_keys.md"]
    keys, fees = documents["guide/lost_keys.md"], documents["b.html"]
    assert [s.name for s in keys.sections] == ["overview", "Limits"] and (keys.group, keys.title) == ("guide", "lost_keys")
    assert "5" in keys.section("Limits") and "bad" not in fees.text and "eight hours" in documents["d.pdf"].section("page 1")
    assert "3 €" in fees.section("Fees") and fees.title == "Fees of 2024" and fees.group == ""
    assert retrieval.contextual_header(keys, "Limits") == "guide › lost keys › limits"
    assert retrieval.contextual_header(fees, "Fees") == "b › fees of 2024 › fees"


@pytest.mark.parametrize(("name", "content", "sentence"), [
    ("a_md", b"", "the file is empty"),
    ("a_txt", b"abc\0def", "binary file despite its extension"),
    ("a_txt", b"PK\3\4 an archive", "binary file despite its extension"),
    ("a_pdf", b"not a pdf at all", "not a readable PDF"),
    ("a_pdf", pdf("", ""), "no text layer; run OCR"),
    ("a_docx", b"not a zip", "it is damaged"),
    ("a_xlsx", b"\xd0\xcf\x11\xe0 old or encrypted", "asks for a password or has an old format"),
    ("a_json", b'{"a":\n oops}', "not JSON: Expecting value in line 2"),
    ("a_ipynb", b"[1]", "damaged"),
    ("a_html", b"<html></html>", "holds no text"),
    ("a_txt", b"   \n ", "holds no text"),
])
def test_a_bad_file_is_named_and_the_others_are_kept(tmp_path, capsys, name, content, sentence):
    written(tmp_path, good_txt="Fine.", **{name: content})
    assert [document.id for document in corpus.load_folder(tmp_path)] == ["good.txt"]
    message = capsys.readouterr().err
    assert message.startswith("set aside: a.") and sentence in message and message.count("\n") == 1
    assert corpus.read_folder(tmp_path)[1].share_set_aside == 1 / 2


def test_an_empty_or_missing_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds no readable document"):
        corpus.load_folder(tmp_path)
    with pytest.raises(ValueError, match="no such folder"):
        corpus.load_folder(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"(?s)holds no readable document.*a.pdf: it is not a readable PDF"):
        corpus.load_folder(written(tmp_path, a_pdf=b"no"))


def test_files_that_are_no_documents_are_told_with_counts(tmp_path, capsys):
    for name in (".git/a.md", ".obsidian/templates/day.md", "node_modules/x/README.md", "__pycache__/a.txt", ".trash/old.md",
                 "env/pyvenv.cfg", "env/lib/a.md", "__MACOSX/a.md", "guide.md", "~$guide.md", "guide.md~", "#guide.md#",
                 ".#guide.md", "guide.bak", ".guide.md.swp", "Thumbs.db", ".DS_Store", "desktop.ini", "plan.odg", "LICENSE",
                 *(f"p{number}.png" for number in range(12))):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("The gate opens at 7.")
    assert [document.id for document in corpus.load_folder(tmp_path)] == ["guide.md"]
    told = capsys.readouterr().err
    assert "plan.odg: files of type .odg are not read" in told and "LICENSE" in told and "p0.png" in told
    assert "12 files: p0.png" in told and "and 2 more" in told and "node_modules/" in told and "2 files: .DS_Store" not in told
    report = corpus.read_folder(tmp_path)[1]
    assert {row.status for row in report.files if row.file != "guide.md"} == {"left out"} and report.share_set_aside == 0


def test_links_are_followed_but_not_in_a_circle(tmp_path, capsys):
    docs, elsewhere = tmp_path / "docs", tmp_path / "elsewhere"
    for place in (docs / "a", elsewhere):
        place.mkdir(parents=True)
        written(place, tower_md="The tower is 90 m high.")
    for link, target in ((docs / "shared", elsewhere), (docs / "one.md", elsewhere / "tower.md"), (docs / "a" / "up", docs),
                         (docs / "me.md", docs / "me.md"), (elsewhere / "self", elsewhere),
                         (docs / "gone.md", tmp_path / "nowhere")):
        link.symlink_to(target)
    assert [document.id for document in corpus.load_folder(docs)] == ["a/tower.md", "one.md", "shared/tower.md"]
    told = capsys.readouterr().err
    assert "2 files: a/up/, shared/self/: a link to a folder around it" in told
    assert "2 files: gone.md, me.md: a link to nothing" in told


def test_ids_are_unique_unicode_whatever_the_names_are(tmp_path):
    names = [unicodedata.normalize(form, "café.md").encode() for form in ("NFC", "NFD")]
    for name in [*names, b"Pr\xe9face.txt", b"Pr\xe8face.txt", b"a\nb.txt", b"x.\xe9"]:
        with open(os.fsencode(tmp_path) + b"/" + name, "w") as file:
            file.write("It has 3 pages.")
    found = rows(tmp_path)
    assert sorted(found) == ["Pr\ufffdface (2).txt", "Pr\ufffdface.txt", "a\ufffdb.txt", "café (2).md", "café.md",
                             "x.\ufffd"]
    assert "not UTF-8" in found["Pr\ufffdface.txt"].reason and "another file is called café.md" in found["café (2).md"].reason


def test_large_files_and_archive_bombs_are_set_aside(tmp_path, monkeypatch):
    import zipfile
    written(tmp_path, good_txt="Fine.", long_txt="x" * 101)
    with zipfile.ZipFile(tmp_path / "bomb.docx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", "0" * 2_000_000)
    monkeypatch.setattr(reading, "LARGEST", 100)
    assert rows(tmp_path)["long.txt"].status == "set aside" and "split it" in rows(tmp_path)["long.txt"].reason
    monkeypatch.setattr(reading, "LARGEST", 10**6)
    monkeypatch.setattr("utils.corpus.office.UNPACKED", 10**6)
    assert "unpacks to 2 MB, more than 1" in rows(tmp_path)["bomb.docx"].reason


def test_a_missing_parser_stops_the_run(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pypdfium2", None)
    with pytest.raises(RuntimeError, match="pypdfium2 .*python3 -m utils setup"):
        corpus.load_folder(written(tmp_path, a_pdf=pdf("x"), b_txt="Fine."))


def test_the_report_sums_up_and_is_saved(tmp_path):
    many = {f"n{number}_txt": "two words" for number in range(12)}
    report = corpus.read_folder(written(tmp_path, rules_pdf=pdf("One.", "", "Three."), bad_pdf=b"x", x_zip=b"PK", **many))[1]
    assert report.sentence() == ("12 files read (26 words), 1 in part (rules.pdf: page 2: no text (an image? run OCR)), "
                                 "1 set aside, 1 left out; details in read.json")
    report.save(tmp_path / "read.json")
    saved = json.loads((tmp_path / "read.json").read_text("utf-8"))
    assert saved["files"][0]["file"] == "bad.pdf" and len(saved["files"]) == 15 and saved["summary"] == report.sentence()
    with pytest.raises(FrozenInstanceError):
        report.files[0].file = "x"
