"""Records on disk: read back byte for byte, refused in one sentence when broken, and tidy as a table."""
from __future__ import annotations

import json

import pytest

from utils import evaluation
from utils.types import Record


@pytest.fixture(scope="module")
def stored() -> list[Record]:
    return evaluation.load_records("lab1_dev")


def test_every_committed_record_is_written_as_it_was_read(stored):
    for name in ("lab1_dev", "lab1_test", "lab2_dev"):
        for row, record in zip(evaluation.load_rows(name), evaluation.load_records(name), strict=True):
            assert json.dumps(record.to_json()) == json.dumps(row)


def test_an_outcome_is_told_of_a_record_and_of_its_json(stored):
    scorable = evaluation.scorable(stored)
    assert {evaluation.outcome(record) for record in scorable} == {"correct", "wrong", "abstained"}
    assert all(evaluation.outcome(record.to_json()) == evaluation.outcome(record) for record in scorable)


def test_a_frame_has_one_row_for_each_question_and_arm(stored):
    table = evaluation.frame("lab1_dev")
    assert len(table) == len(stored) == len(table[["question_id", "arm"]].drop_duplicates())
    oracle = table[table.arm == "oracle"]
    assert set(oracle.model) == {"base"} and set(oracle.context) == {"oracle"}
    share = (table[table.outcome.notna() & (table.arm == "oracle")].outcome == "correct").mean()
    assert share == pytest.approx(evaluation.correct_share(stored, "oracle").mean)
    assert evaluation.frame(stored[:3]).question_id.tolist() == [record.question_id for record in stored[:3]]


def lines_of(*rows: dict | str) -> str:
    return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)


def row_of(**changes) -> dict:
    return {"question_id": "q1", "arm": "base", "task": "fact", "cluster": "c", "answer": "noon", "abstained": False, "cited": [],
            "hits": [{"document_id": "a", "section": "s", "rank": 1, "score": 0.5, "in_prompt": True}], "answer_set": [],
            "prompt_tokens": 1, "completion_tokens": 1, "seconds": {"retrieve": 0.1, "generate": 0.1},
            "scores": {"contains": 1.0, "words": 1.0}, "settings_hash": "h", **changes}


HIT = row_of()["hits"][0]


@pytest.mark.parametrize(("line", "sentence"), [
    ("{oops", "invalid JSON"), ("[1, 2]", "input should be an object"),
    ('{"question": "no record"}', "lacks the field 'question_id'"),
    (row_of(abstained=0), "'abstained': input should be a valid boolean"), (row_of(answer=None), "'answer': input should be"),
    (row_of(hits=[{**HIT, "rank": "1"}]), "'hits.0.rank': input should be a valid integer"),
    (row_of(hits=[{**HIT, "rank": 0}]), "ranks in 'hits' have to rise, from 1"), (row_of(hits=[HIT, HIT]), "ranks in 'hits'"),
    (row_of(scores={"contains": float("nan"), "words": 1}), "'scores.contains': input should be a finite number"),
    (json.dumps(row_of()).replace("0.5", "1e999"), "'hits.0.score': input should be a finite number"),
    (row_of(scores={"contains": "1", "words": 1}), "'scores.contains': input should be a valid number"),
    (row_of(scores={"contains": True, "words": 1}), "'scores.contains': input should be a valid number"),
    (row_of(scores={"contains": 7, "words": 1}), "the score 'contains' is 7: it has to be from 0 to 1"),
    (row_of(scores={"contains": 1}), "'scores' lacks 'words'"), (row_of(task="multi_doc"), "'scores' lacks 'set_f1'"),
    (row_of(prompt_tokens=-1), "cannot be negative"),
    (row_of(seconds={}), "'seconds' lacks 'retrieve'"), (row_of(colour="red"), "'colour': unexpected keyword argument"),
    (row_of(task="riddle"), "unknown task 'riddle'"), (row_of(arm="bse"), "unknown arm 'bse'; known are"),
    (row_of(question_id="q0"), "question 'q0' of arm 'base' stands there twice (first in line 1)"),
    (row_of(settings_hash="other"), "arm 'base' has other settings than in line 1"),
    (row_of(question_id="q0", arm="oracle", task="error"), "question 'q0' has another task or cluster than in line 1"),
])
def test_a_broken_line_is_named(tmp_path, line, sentence):
    (tmp_path / "r.jsonl").write_text(lines_of(row_of(question_id="q0"), line, line), "utf-8")
    with pytest.raises(ValueError) as caught:
        evaluation.read_records(tmp_path / "r.jsonl")
    assert "r.jsonl, line 2: " in str(caught.value) and sentence in str(caught.value).split("\n")[0]
    assert "r.jsonl, line 3: " in str(caught.value)


@pytest.mark.parametrize(("content", "sentence"), [
    (b"", "line 1: this is an empty file"), (b" \n", "line 1: this is an empty file"),
    (json.dumps([row_of()]).encode(), "this is a JSON array"),
    (json.dumps([row_of()], indent=1).encode(), "this is a JSON array"),
    (b'{"id": "q", "question": "Why?"}\n{"id": "r", "question": "Why?"}\n', "this is a questions file"),
    (lines_of({"record": row_of(), "question": "Why?"}).encode(), "this is an unfinished run"),
    (b'{\n "command": "benchmark"\n}', "this is another JSON file"), (b"question,answers\n", "this is no JSON"),
    (lines_of(row_of()).encode("utf-16"), "line 1: is not UTF-8 text, but UTF-16"),
    (lines_of(row_of()).encode() + b"\xff", "line 2: is not UTF-8 text"), (b"\x1f\x8b\x08 cut", "is a damaged .gz file"),
])
def test_another_file_is_refused_in_one_sentence_that_says_what_it_is(tmp_path, content, sentence):
    (tmp_path / "r.jsonl").write_bytes(content)
    with pytest.raises(ValueError, match="r.jsonl") as caught:
        evaluation.read_records(tmp_path / "r.jsonl")
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["none.jsonl", "."])
def test_a_missing_file_and_a_folder_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match="records file"):
        evaluation.read_records(tmp_path / name)


@pytest.mark.parametrize("character", ["\u2028", "\x85", "\x0c", "\U0001f600"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_what_is_written_is_read_back(tmp_path, character, mark):
    text = evaluation.record_line(row_of(answer=f"no{character}on", confidence=0.5, rescored=False))
    (tmp_path / "r.jsonl").write_bytes(mark + text.encode())
    (record,) = evaluation.read_records(tmp_path / "r.jsonl")
    assert record.answer == f"no{character}on" and record.to_json() == json.loads(text)
    with pytest.raises(ValueError, match="not JSON compliant"):
        evaluation.record_line(row_of(scores={"words": float("nan")}))
