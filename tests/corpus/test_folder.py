"""Your own documents: each format is read by its parser, each bad file is named and skipped."""
from __future__ import annotations

import pytest

from utils import corpus


def pdf(text: str) -> bytes:
    """A one-page PDF, written by hand."""
    stream = f"BT /F1 12 Tf 20 100 Td ({text}) Tj ET".encode()
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
               b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
               b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
               b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"]
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(out)
    return out + b"xref\n0 6\n0000000000 65535 f \n%strailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (table, start)


def test_markdown_html_text_and_pdf_become_documents_with_sections(tmp_path):
    (tmp_path / "guide").mkdir()
    (tmp_path / "guide" / "a.md").write_text("Intro.\n\n# Limits\n\nAt most **5** cats.\n\n- one\n- two\n")
    (tmp_path / "b.html").write_text("<html><head><title>x</title></head><script>bad()</script><h2>Fees</h2><p>3 &euro;</p>")
    (tmp_path / "c.txt").write_text("Plain words.")
    (tmp_path / "d.pdf").write_bytes(pdf("Dogs sleep eight hours"))
    documents = {document.id: document for document in corpus.load_folder(tmp_path)}
    assert list(documents) == ["b.html", "c.txt", "d.pdf", "guide/a.md"]
    assert [s.name for s in documents["guide/a.md"].sections] == ["overview", "Limits"]
    assert "5" in documents["guide/a.md"].section("Limits") and "bad" not in documents["b.html"].text
    assert "3 €" in documents["b.html"].section("Fees") and "eight hours" in documents["d.pdf"].section("page 1")
    assert corpus.lead_sentence(documents["c.txt"]) == "Plain words."


@pytest.mark.parametrize(("name", "content", "sentence"), [
    ("a.txt", b"\xff\xfe\x00\x81", "not UTF-8 text"),
    ("a.md", b"", "the file is empty"),
    ("a.txt", b"abc\0def", "binary file despite its extension"),
    ("a.pdf", b"not a pdf at all", "not a readable PDF"),
    ("a.html", b"<html></html>", "holds no text"),
    ("a.txt", b"   \n ", "holds no text"),
])
def test_a_bad_file_is_named_and_the_others_are_kept(tmp_path, capsys, name, content, sentence):
    (tmp_path / name).write_bytes(content)
    (tmp_path / "good.txt").write_text("Fine.")
    assert [document.id for document in corpus.load_folder(tmp_path)] == ["good.txt"]
    message = capsys.readouterr().err
    assert name in message and sentence in message and message.count("\n") == 1


def test_an_empty_or_missing_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds no readable document"):
        corpus.load_folder(tmp_path)
    with pytest.raises(ValueError, match="no such folder"):
        corpus.load_folder(tmp_path / "nowhere")
