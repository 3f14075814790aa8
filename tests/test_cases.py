"""Small inputs from public bug reports, each with its right value; `cases.json` holds their files."""
from __future__ import annotations

import base64
import json
import os
import shutil
from pathlib import Path

import pytest

from utils import __main__ as commands
from utils import corpus, evaluation, metrics, models, retrieval, settings
from utils.types import Chunk

FILES = json.loads(Path(__file__).with_name("cases.json").read_text("utf-8"))


class Case:
    """The files of one case in a scratch folder, and the commands run on them in this process."""

    def __init__(self, name: str, folder: Path, capsys):
        self.folder, self.capsys, self.told = folder, capsys, ""
        files = dict(FILES["cases"].get(name, {}))
        if files.pop("fillers", False):
            files |= {f"docs/{filler}": text for filler, text in FILES["fillers"].items()}
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(base64.b64decode(content["base64"]) if isinstance(content, dict) else content.encode())

    def run(self, *words) -> int:
        code = commands.main([str(word) for word in words])
        streams = self.capsys.readouterr()
        self.told = streams.out + streams.err
        return code

    def benchmark(self, arms: str, *more, questions: str = "q.jsonl", out: str = "r.jsonl") -> int:
        return self.run("benchmark", "--questions", self.folder / questions, "--corpus", self.folder / "docs",
                        "--out", self.folder / out, "--arms", arms, *more)

    def records(self, name: str = "r.jsonl") -> list[dict]:
        return [json.loads(line) for line in (self.folder / name).read_text("utf-8").split("\n") if line]

    def scores(self, metric: str) -> list[float]:
        return [record["scores"][metric] for record in self.records()]

    def texts(self) -> dict[str, str]:
        documents = corpus.load_folder(self.folder / "docs")
        self.told = self.capsys.readouterr().err
        return {document.id: document.text for document in documents}

    def report(self, records: str) -> int:
        return self.run("report", "--records", self.folder / records, "--out", self.folder / "d.html")


@pytest.fixture
def case(request, tmp_path, capsys) -> Case:
    return Case(request.function.__name__.removeprefix("test_"), tmp_path, capsys)


def repeated(case: Case) -> list[tuple]:
    """Exact match and outcome of every answer that repeats the nearest training question's."""
    assert case.benchmark("nearest_question", "--split", "test") == 0, case.told
    return [(record["scores"].get("exact_match"), evaluation.outcome(record)) for record in case.records()]


@pytest.mark.parametrize(("name", "expected"), [
    ("another_article_is_no_answer", (0, "wrong")), ("answer_is_an_article", (1, "correct")),
    ("decimal_holds_no_integer", (0, "wrong")), ("symbol_answer_right", (1, "correct")), ("typographic_signs", (1, "correct")),
    ("names_that_hold_and", (None, "correct")),
])
def test_answers_are_scored_right(name, expected, tmp_path, capsys):
    assert set(repeated(Case(name, tmp_path, capsys))) == {expected}


def test_bm25_umlauts(case):
    tokens = retrieval.bm25_tokens("Größe der Räder")
    assert not {"gr", "e", "r"} & set(tokens) and len(tokens) >= 2


def test_rouge_and_bm25_cyrillic(case):
    texts = ("Лавка открыта с восьми.", "Мост закрыт зимой.", "Plain words.")
    hits = retrieval.BM25Index([Chunk(f"{i}#0", str(i), "text", text) for i, text in enumerate(texts)]).search("мост", 3)
    assert metrics.rouge_l(texts[0], texts[0]) > 0.99 and hits[0].document_id == "1"


def test_copies_count_as_misses(case):
    assert case.benchmark("naive_rag", "--retrieval-only") == 0
    assert case.scores("recall@1") == [1] and "archive/returns.md" in case.told


def test_draft_bold_values(case):
    assert case.run("draft", "--corpus", case.folder / "docs", "--out", case.folder / "d.jsonl") == 0
    assert len(case.records("d.jsonl")) == 2


def test_empty_accepted_answer(case):
    assert case.benchmark("nearest_question", "--split", "test") == 1 and "line 2" in case.told


@pytest.mark.parametrize(("name", "count"), [
    ("evidence_decomposed_name", 1), ("questions_as_array", 2), ("questions_line_separator", 2), ("questions_with_bom", 2),
    ("pdf_half_character", 1),
])
def test_what_can_be_read_is_read(name, count, tmp_path, capsys):
    case = Case(name, tmp_path, capsys)
    assert case.benchmark("naive_rag", "--retrieval-only") == 0, case.told
    assert len(case.records()) == count and "Traceback" not in case.told


def test_file_name_not_utf8(case):
    try:
        Path(os.fsdecode(os.fsencode(case.folder / "docs") + b"/Pr\xe9face.txt")).write_text("The preface has 3 pages.")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    assert case.benchmark("naive_rag", "--retrieval-only") == 0 and "face.txt" in case.told


def test_file_name_with_one_colon(case):
    assert case.benchmark("graph", "--retrieval-only") == 0, case.told


def test_header_names_the_suffix(case):
    document = corpus.load_folder(case.folder / "docs")[0]
    header = retrieval.contextual_header(document, document.sections[0].name)
    assert "lost" in header and "keys" in header and "md" not in header.split()


@pytest.mark.parametrize("name", ["hidden_folders_are_indexed", "old_copies_of_an_editor"])
def test_what_is_no_document_is_left_out(name, tmp_path, capsys):
    assert list(Case(name, tmp_path, capsys).texts()) == ["guide.md"]


@pytest.mark.parametrize(("name", "expected"), [
    ("html_head_not_closed", {"tide.html": ["50 minutes", "causeway"]}),
    ("html_says_its_charset", {"kaese.html": ["Käse kostet 4 €"]}),
    ("inline_markup_markdown", {"kennel.md": ["40kg", "12h", "recharge"]}),
    ("markdown_names_script_tag", {"widget.md": ["8 to 17"], "colours.md": ["16 colours"]}),
    ("pdf_hyphen_at_line_end", {"warranty.pdf": ["transmission", "Service"]}),
    ("pdf_opens_without_password", {"lease.pdf": ["13 weeks"]}),
])
def test_text_is_read_whole(name, expected, tmp_path, capsys):
    texts = Case(name, tmp_path, capsys).texts()
    assert all(part in " ".join(texts[file].split()) for file, parts in expected.items() for part in parts), texts


@pytest.mark.parametrize("name", ["inline_markup_markdown", "pdf_hyphen_at_line_end", "passage_numbers_are_no_answers"])
def test_the_answer_is_looked_for_in_the_passages(name, tmp_path, capsys):
    case, wanted = Case(name, tmp_path, capsys), float(name != "passage_numbers_are_no_answers")
    assert case.benchmark("oracle" if wanted else "distractor") == 0, case.told
    assert set(case.scores("answer_in_context")) == {wanted}


@pytest.mark.parametrize(("name", "parts"), [("pdf_page_without_text", ["rules.pdf", "2"]),
                                             ("unsupported_files_unnamed", ["plan.odg", "backup.zip", "letter.pages"])])
def test_what_is_not_read_is_named(name, parts, tmp_path, capsys):
    case = Case(name, tmp_path, capsys)
    case.texts()
    assert all(part in case.told for part in parts), case.told


def test_linked_folder_unread(case):
    try:
        (case.folder / "docs" / "shared").symlink_to("../elsewhere")
    except OSError:
        pytest.skip("this system makes no links")
    assert "shared/tower.md" in case.texts() or "shared" in case.told


def test_summary_reference_is_title(case):
    leads = {document.id: corpus.lead_sentence(document) for document in corpus.load_folder(case.folder / "docs")}
    assert leads == {"bikes.md": "A bike may be returned within 30 days.", "bell.md": "The ring_bell call wakes the porter."}


def test_index_file_damaged(case, monkeypatch):
    scratch, stored = case.folder / "cache", settings.cache().resolve()
    scratch.mkdir()
    for name in ("models", "corpus"):
        (scratch / name).symlink_to(stored / name)
    shutil.copytree(stored / "chroma", scratch / "chroma")
    shutil.copy(stored / "prepared.json", scratch)
    database = scratch / "chroma" / "chroma.sqlite3"
    whole = database.read_bytes()
    database.write_bytes(whole[:12288] + b"garbage" * 2000 + whole[12288 + 14000 :])
    monkeypatch.setenv("LAB_CACHE", str(scratch))
    assert case.run("doctor") == 1 and "FIX  index" in case.told
    assert case.benchmark("naive_rag", "--retrieval-only") == 0 and "Traceback" not in case.told


def test_long_question_cut(case):
    assert case.benchmark("naive_rag", "--retrieval-only") == 0
    assert case.scores("recall@1") == [1, 1] or "question 2" in case.told and "cut" in case.told


def test_oracle_without_evidence(case):
    code = case.benchmark("oracle", "--retrieval-only")
    assert not (code == 0 and case.records()[0]["hits"] and "retrieve nothing" in case.told) and "evidence" in case.told


@pytest.mark.parametrize(("name", "file", "words"), [
    ("records_of_two_runs", "records.jsonl", "twice"), ("report_of_a_questions_file", "q.jsonl", "q.jsonl"),
    ("records_with_bom", "array.json", "array.json"), ("records_with_bom", "utf16.jsonl", "utf16.jsonl"),
])
def test_report_says_what_it_was_given(name, file, words, tmp_path, capsys):
    case = Case(name, tmp_path, capsys)
    if name == "records_with_bom":
        text = (tmp_path / "records.jsonl").read_text("utf-8-sig")
        (tmp_path / "array.json").write_text("[" + ",".join(text.strip().split("\n")) + "]")
        (tmp_path / "utf16.jsonl").write_bytes(b"\xff\xfe\x00\xd8" + text.encode("utf-16-le"))
    assert case.report(file) == 1 and words in case.told and "Traceback" not in case.told


def test_records_with_bom(case):
    assert case.report("records.jsonl") == 0, case.told


def test_resume_after_answers_corrected(case):
    assert case.benchmark("nearest_question", "--split", "test") == 0
    asked = {question["id"]: question["question"] for question in case.records("q.jsonl")}
    part = [json.dumps({"record": record, "question": asked[record["question_id"]]}) + "\n" for record in case.records()]
    (case.folder / "again.jsonl.part").write_text("".join(part))
    assert case.benchmark("nearest_question", "--split", "test", questions="fixed.jsonl", out="again.jsonl") == 0
    assert [record["scores"]["exact_match"] for record in case.records("again.jsonl")] == [1, 1]


def test_text_without_spaces(case):
    tokenizer = models.embedder(settings.WHEEL_EMBEDDER).tokenizer
    chunks = retrieval.section_chunks(corpus.load_folder(case.folder / "docs"), tokenizer, 120)
    assert max(len(tokenizer(chunk.text, add_special_tokens=False)["input_ids"]) for chunk in chunks) <= 256
    assert case.benchmark("oracle") == 0 and max(record["prompt_tokens"] for record in case.records()) <= 600
