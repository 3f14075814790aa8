"""Reading a questions file: each mistake is refused in one sentence that says where it is."""
from __future__ import annotations

import json

import pytest

from data.build import templates
from utils import evaluation
from utils.text import stems
from utils.types import Question

GOOD = {"id": "q1", "task": "fact", "question": "How long?", "answers": ["1 day"], "answer_set": [], "evidence": ["a.md"]}


def write(path, *rows) -> str:
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), "utf-8")
    return str(path)


def test_optional_fields_may_be_missing_and_unknown_fields_are_ignored(tmp_path):
    (question,) = evaluation.load_questions(write(tmp_path / "q.jsonl", {**GOOD, "colour": "red"}))
    assert question.answers == ("1 day",) and question.split == "" and question.cluster == "a.md"


@pytest.mark.parametrize(("rows", "sentence"), [
    (["{broken"], "line 1: is not valid JSON"),
    (['["a list"]'], "line 1: is a list; each line has to be one JSON object"),
    ([GOOD, GOOD], "line 2: the id 'q1' is used twice"),
    ([{k: v for k, v in GOOD.items() if k != "answers"}], "lacks the field 'answers'"),
    ([{**GOOD, "answers": "1 day"}], "'answers' has to be a list of strings"),
    ([{**GOOD, "answers": [1]}], "'answers' has to hold strings only"),
    ([{**GOOD, "id": 7}], "'id' has to be a string"),
    ([{**GOOD, "id": ""}], "must not be empty"),
    ([{**GOOD, "task": "riddle"}], "unknown task 'riddle'; known are fact"),
    ([{**GOOD, "answers": []}], "needs at least one answer"),
    ([{**GOOD, "task": "multi_doc"}], "needs an answer_set"),
    ([{**GOOD, "task": "summary", "evidence": []}], "needs the document it is about"),
    ([{**GOOD, "task": "unanswerable"}], "neither answers nor evidence"),
    ([{**GOOD, "evidence": ["b.md"]}], "evidence 'b.md' is not in the corpus"),
    ([""], "holds no questions"),
])
def test_an_invalid_line_is_refused_with_its_place_and_the_fix(tmp_path, rows, sentence):
    with pytest.raises(ValueError, match="q.jsonl") as caught:
        evaluation.load_questions(write(tmp_path / "q.jsonl", *rows), known=["a.md"])
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


def test_missing_binary_and_folder_paths_are_refused(tmp_path):
    (tmp_path / "b.jsonl").write_bytes(b"\xff\xfe\x00\x80")
    for path, sentence in ((tmp_path / "none", "no such questions file"), (tmp_path / "b.jsonl", "not UTF-8"),
                           (tmp_path, "is a folder")):
        with pytest.raises(ValueError, match=sentence):
            evaluation.load_questions(path)


def test_a_split_without_questions_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no question of split 'dev'"):
        evaluation.load_questions(write(tmp_path / "q.jsonl", GOOD), split="dev")


def test_identifiers_and_word_endings_have_the_same_stems():
    assert stems("SendMessages") == stems("sending message") == ["send", "messag"]


def test_overlap_classes():
    assert templates.word_overlap("purge the queue", ["It purges a queue."]) == "high"
    assert templates.word_overlap("throw everything away", ["It purges a queue."]) == "low"


def test_a_question_without_evidence_is_its_own_cluster():
    assert Question("u1", "unanswerable", "?", (), (), ()).cluster == "u1"


def test_near_duplicates_are_found_across_splits_only():
    def question(id_: str, split: str) -> Question:
        return Question(id_, "fact", f"How long may a queue name be{'' if split else '?'}", ("80",), (), (), split)

    assert [pair[:2] for pair in evaluation.near_duplicates([question("a", "dev"), question("b", "test")])] == [("a", "b")]
    assert evaluation.near_duplicates([question("a", "dev"), question("b", "dev")]) == []
