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


@pytest.mark.parametrize(("line", "sentence"), [
    ("{oops", "line 2: is not valid JSON"), ('{"question": "no record"}', "line 2: is not a record of a benchmark"),
    ("[1, 2]", "line 2: is not a record of a benchmark"),
])
def test_a_broken_line_is_named(stored, tmp_path, line, sentence):
    path = tmp_path / "records.jsonl"
    path.write_text(json.dumps(stored[0].to_json()) + "\n" + line + "\n")
    with pytest.raises(ValueError, match=sentence):
        evaluation.read_records(path)
