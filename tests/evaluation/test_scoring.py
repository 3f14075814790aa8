"""Scores of one answer: what stands in the passages, and copies of a document as one piece of evidence."""
from __future__ import annotations

import pytest

from utils.evaluation import parse_arm, scoring
from utils.types import Answer, Chunk, Hit, Question


def hit(rank: int, document: str, section: str, text: str) -> Hit:
    return Hit(Chunk(f"{document}#0", document, section, text), rank, 1.0)


def asked(task: str, *answers: str, evidence: str = "shed.md") -> Question:
    return Question("q", task, "how many?", answers, (), (evidence,))


@pytest.mark.parametrize(("task", "answer", "document", "section", "text", "found"), [
    ("fact", "3", "shed.md", "overview", "Three oars hang there.", 0),  # the prompt numbers this passage [3]
    ("fact", "3", "page3.md", "page 3", "Three oars hang there.", 0),
    ("fact", "3", "rules 3.md", "overview", "Version 3.1 of 13 rules.", 0),
    ("fact", "3", "shed.md", "overview", "There are 3 oars.", 1),
    ("routing", "PurgeQueue", "sqs.PurgeQueue", "overview", "Deletes all messages.", 1),
    ("error", "QueueNotFound", "sqs.PurgeQueue", "error QueueNotFound", "It does not exist.", 1),
])
def test_an_answer_is_looked_for_in_text_and_only_a_name_in_the_place_of_a_passage(task, answer, document, section, text, found):
    others = [hit(rank, "other.md", "overview", "Nothing.") for rank in (1, 2)]
    assert scoring.answer_in_passages(asked(task, answer), [*others, hit(3, document, section, text)]) == found


def test_a_hit_on_a_copy_counts_as_the_evidence():
    hits = (hit(1, "archive/shed.md", "overview", "There are 3 oars."),)
    answer = Answer("3", False, ("archive/shed.md",), hits, 1, 10, 1, 0.0, 0.0)
    for copies, value in (({}, 0), ({"shed.md": "archive/shed.md"}, 1)):
        scores = scoring.make_record(asked("fact", "3"), parse_arm("naive_rag"), answer, "0", copies=copies).scores
        assert scores["recall@1"] == scores["cited_right"] == value
