"""Reading a questions file: every format and encoding, and all mistakes at once, each with its place."""
from __future__ import annotations

import datetime
import json
import unicodedata

import openpyxl
import pytest

from data.build import templates
from utils import evaluation, settings
from utils.text import stems
from utils.types import Question

GOOD = {"id": "q1", "task": "fact", "question": "How long?", "answers": ["1 day"], "answer_set": [], "evidence": ["a.md"]}
LINE = json.dumps(GOOD)
TABLE = "Question,ANSWERS,document,split\nHow long?,1 day|24 hours,a.md#Returns,test\n"


def write(path, *rows) -> str:
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), "utf-8")
    return str(path)


def test_optional_fields_may_be_missing_and_unknown_fields_are_ignored(tmp_path):
    (question,) = evaluation.load_questions(write(tmp_path / "q.jsonl", {**GOOD, "colour": "red", "split": None}))
    assert question.answers == ("1 day",) and question.split == "" and question.cluster == "a.md"


@pytest.mark.parametrize("text", [
    LINE, f"[{LINE}]", json.dumps([GOOD], indent=1), json.dumps({"questions": [GOOD]}), json.dumps(GOOD, indent=1),
    LINE + "\n\n \n", "\r\n" + LINE + "\r\n",
])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_json_is_read_in_any_form_and_unicode_encoding(tmp_path, text, encoding):
    (tmp_path / "q.jsonl").write_bytes(text.encode(encoding))
    assert [q.id for q in evaluation.load_questions(tmp_path / "q.jsonl", known=["a.md"])] == ["q1"]


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85", "\x1c", "\x0c"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_only_line_ends_end_a_line(tmp_path, character, end):
    rows = [json.dumps({**GOOD, "id": id_, "question": f"How{character}long?"}, ensure_ascii=False) for id_ in "ab"]
    (tmp_path / "q.jsonl").write_bytes(end.join(rows).encode())
    assert [len(q.question) for q in evaluation.load_questions(tmp_path / "q.jsonl")] == [9, 9]


@pytest.mark.parametrize(("name", "text"), [
    ("q.csv", TABLE), ("q.csv", TABLE.replace(",", ";")), ("q.tsv", TABLE.replace(",", "\t")),
    ("q.txt", TABLE.replace(",", "\t")), ("q.csv", "sep=;\n" + TABLE.replace(",", ";")),
    ("q.csv", "\ufeff" + TABLE.replace("\n", "\r\n")),
    ("q.csv", TABLE.replace("\n", "\r")), ("q.csv", TABLE + ",,,\n\n"),
])
def test_a_table_is_read_with_any_delimiter_and_line_end(tmp_path, name, text):
    (tmp_path / name).write_bytes(text.encode())
    (question,) = evaluation.load_questions(tmp_path / name, known=["a.md"])
    assert question.answers == ("1 day", "24 hours") and question.task == "fact" and question.split == "test"
    assert question.evidence == ("a.md",) and question.places == ("Returns",) and question.id in ("2", "3")


def test_a_cell_may_hold_line_breaks_and_the_row_is_still_named(tmp_path):
    path = write(tmp_path / "q.csv", 'question,answers,document\n"How\nlong?",1 day,a.md\nWhen?,"noon, sharp",b.md\n')
    with pytest.raises(ValueError, match=r"line 4 \(row 3\): evidence 'b.md' is not in the corpus"):
        evaluation.load_questions(path, known=["a.md"])


def test_excel_cells_are_read_as_the_sheet_shows_them(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["ID", "question", "answers", "document"])
    for value in (5.0, 0.125, 0.5, datetime.datetime(2024, 3, 1), True, "%", 1e6, 0.1 + 0.2):
        book.active.append([None, "How much?", value, "a.md"])
    book.active["C3"].number_format, book.active["C4"].number_format = "0.0%", "0%"
    book.create_sheet("Notes").append(["question marks are welcome"])
    book.save(tmp_path / "q.xlsx")
    questions = evaluation.load_questions(tmp_path / "q.xlsx", known=["a.md"])
    assert [q.answers[0] for q in questions] == ["5", "12.5%", "50%", "2024-03-01", "TRUE", "%", "1000000", "0.3"]
    assert [q.id for q in questions] == [str(row) for row in range(2, 10)]
    book.active["C2"] = "=1+4"
    book.save(tmp_path / "q.xlsx")
    with pytest.raises(ValueError, match="row 2: cell C2 holds =1\\+4, which has no stored value"):
        evaluation.load_questions(tmp_path / "q.xlsx")


@pytest.mark.parametrize(("text", "sentence"), [
    ("answers,document\n7,a.md\n", "has to name the columns question, answers and document, each once; it has answers, document"),
    ("question,answer,document\nWhen?,7,a.md\n", "it has question, answer, document"),
    ("question,answers,answers\nWhen?,7,8\n", "each once"),
    ("question,answers,document\nWhen, exactly?,7,a.md\n", "line 2 (row 2): has 4 cells for 3 columns"),
    ('question,answers,document\n"When?,7,a.md\n', "line 2: is not a readable row of a table"),
    ("question,answers,document\nWhen?,7|,a.md\n", "line 2 (row 2): 'answers' holds an empty entry"),
    ("question,answers,document\nWhen?,,\n", "needs at least one accepted answer, or a document"),
    ("no table at all", "it has no table at all"),
])
def test_a_broken_table_is_refused_with_its_place(tmp_path, text, sentence):
    with pytest.raises(ValueError) as caught:
        evaluation.load_questions(write(tmp_path / "q.csv", text), known=["a.md"])
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(("rows", "sentence"), [
    (["{broken"], "line 1: is not valid JSON"),
    ([GOOD, '["a list"]'], "line 2: input should be an object"),
    (["[1,\n2"], "line 2: is not valid JSON"),
    ([GOOD, GOOD], "line 2: the id 'q1' is used twice (also in line 1)"),
    ([{k: v for k, v in GOOD.items() if k != "answers"}], "lacks the field 'answers'"),
    ([{**GOOD, "answers": "1 day"}], "line 1: 'answers': input should be a valid"),
    ([{**GOOD, "answers": [1]}], "'answers.0': input should be a valid string"),
    ([{**GOOD, "id": 7}], "'id': input should be a valid string"),
    ([{**GOOD, "split": 7}], "'split': input should be a valid string"),
    ([{**GOOD, "names_service": "yes"}], "'names_service': input should be a valid boolean"),
    ([{**GOOD, "id": ""}], "must not be empty"),
    ([{**GOOD, "question": "\u200b \u00a0"}], "must not be empty"),
    ([{**GOOD, "answers": ["1 day", " "]}], "'answers' holds an empty entry"),
    ([{**GOOD, "answers": ["\u200b"]}], "'answers' holds an empty entry"),
    ([{**GOOD, "task": "riddle"}], "unknown task 'riddle'; known are fact"),
    ([{**GOOD, "answers": [], "evidence": []}], "needs at least one accepted answer"),
    ([{**GOOD, "task": "multi_doc"}], "needs an answer_set"),
    ([{**GOOD, "task": "summary", "evidence": []}], "needs the document it is about"),
    ([{**GOOD, "task": "unanswerable"}], "neither answers nor evidence"),
    ([{**GOOD, "evidence": ["b.md"]}], "evidence 'b.md' is not in the corpus; nearest are 'a.md'"),
    ([{"question_id": "q1", "arm": "base", "answer": "x"}], "is a record of a benchmark"),
    ([""], "holds no questions"),
    ([[]], "holds no questions"),
])
def test_an_invalid_line_is_refused_with_its_place_and_the_fix(tmp_path, rows, sentence):
    with pytest.raises(ValueError, match="q.jsonl") as caught:
        evaluation.load_questions(write(tmp_path / "q.jsonl", *rows), known=["a.md"])
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


def test_all_mistakes_are_listed_at_once_up_to_twenty(tmp_path):
    rows = ["{oops", {**GOOD, "task": "riddle"}, *({**GOOD, "id": f"q{n}", "evidence": ["b.md"]} for n in range(30))]
    with pytest.raises(ValueError) as caught:
        evaluation.load_questions(write(tmp_path / "q.jsonl", *rows), known=["a.md"])
    lines = str(caught.value).split("\n")
    assert len(lines) == 21 and lines[-1] == "and 12 more" and "line 1:" in lines[0] and "line 2:" in lines[1]


@pytest.mark.parametrize("name", ["café.md", "./café.md", "/café.md", ".//x/../café.md", "café.md#Opening hours"])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_document_is_found_in_another_spelling_of_its_path(tmp_path, name, form):
    path = write(tmp_path / "q.jsonl", {**GOOD, "evidence": [unicodedata.normalize(form, name), "in\\c#.md#Intro"]})
    known = [unicodedata.normalize("NFC" if form == "NFD" else "NFD", "café.md"), "in/c#.md"]
    (question,) = evaluation.load_questions(path, known=known)
    assert question.evidence == tuple(known) and question.places == ("Opening hours" if "#" in name else "", "Intro")


def test_a_question_without_an_accepted_answer_is_scored_for_retrieval_only(tmp_path, capsys):
    (question,) = evaluation.load_questions(write(tmp_path / "q.jsonl", {**GOOD, "answers": []}))
    assert question.retrieval_only and evaluation.training_questions([question])[0].id != "q1"
    assert "1 question(s) have no accepted answer and are scored for retrieval only" in capsys.readouterr().err


def test_what_one_question_brings_is_mended_or_set_aside_and_named(tmp_path):
    rows = [{**GOOD, "question": "How\ud83d long?"}, {**GOOD, "id": "q2", "evidence": ["x.pdf#page 2"]},
            {**GOOD, "id": "q3", "evidence": ["x.pdf", "a.md"]}, {**GOOD, "id": "q4", "question": "Why \U0001f600?"}]
    file = evaluation.read_questions(write(tmp_path / "q.jsonl", *rows), known=["a.md"], unread=["x.pdf"])
    assert [(q.id, q.evidence) for q in file.questions] == [("q1", ("a.md",)), ("q3", ("a.md",)), ("q4", ("a.md",))]
    assert file.questions[0].question == "How\ufffd long?" and file.questions[2].question == "Why \U0001f600?"
    assert file.set_aside == ("line 2, question 'q2': x.pdf could not be read, so it is set aside",)
    assert len(file.mended) == 2 and "half a character" in file.mended[0]


def test_missing_binary_and_folder_paths_are_refused(tmp_path):
    (tmp_path / "b.jsonl").write_bytes(b"{}\n\xff\x80")
    (tmp_path / "wide.jsonl").write_bytes(LINE.encode("utf-16-le"))
    (tmp_path / "b.xlsx").write_bytes(b"PK\x03\x04 no workbook")
    for name, sentence in (("none", "no such questions file"), ("b.jsonl", "line 2: is not UTF-8"), (".", "is a folder"),
                           ("wide.jsonl", "UTF-16 without a byte-order mark"), ("b.xlsx", "not a readable Excel workbook")):
        with pytest.raises(ValueError, match=sentence):
            evaluation.load_questions(tmp_path / name)


def test_a_split_without_questions_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no question of split 'dev'"):
        evaluation.load_questions(write(tmp_path / "q.jsonl", GOOD), split="dev")


def test_identifiers_and_word_endings_have_the_same_stems():
    assert stems("SendMessages") == stems("sending message") == ["send", "messag"]


def test_overlap_classes():
    assert templates.word_overlap("purge the queue", ["It purges a queue."]) == "high"
    assert templates.word_overlap("throw everything away", ["It purges a queue."]) == "low"


def test_the_further_unanswerable_questions_come_on_request_only():
    first, more = evaluation.load_questions(), evaluation.load_questions(settings.UNANSWERABLE)
    both = [*first, *more]
    assert both[: len(first)] == first and len(both) == len(first) + 132 == len({q.id for q in both})
    assert {q.task for q in both[len(first) :]} == {"unanswerable"}
    assert sum(q.split == "test" for q in both) == 397 + 88


def test_a_question_without_evidence_is_its_own_cluster():
    assert Question("u1", "unanswerable", "?", (), (), ()).cluster == "u1"


def test_near_duplicates_are_found_across_splits_only():
    def question(id_: str, split: str) -> Question:
        return Question(id_, "fact", f"How long may a queue name be{'' if split else '?'}", ("80",), (), (), split)

    assert [pair[:2] for pair in evaluation.near_duplicates([question("a", "dev"), question("b", "test")])] == [("a", "b")]
    assert evaluation.near_duplicates([question("a", "dev"), question("b", "dev")]) == []
