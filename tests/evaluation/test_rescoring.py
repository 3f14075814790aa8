"""Stored answers scored anew: as a fresh run would score them, and only what can be known."""
from __future__ import annotations

from dataclasses import replace

import pytest

from utils import evaluation
from utils.types import Question, Record, RecordedHit

ASKED = Question("q1", "fact", "how much dinner may the cat get?", ("200 grams",), (), ("shop.FeedCat",))
HITS = (RecordedHit("shop.FeedCat", "overview", 1, 0.9, True), RecordedHit("shop.BakeBread", "overview", 2, 0.5, False))


class Documents:
    """The part of a workspace that scoring asks for."""

    documents, copies = {"shop.FeedCat": None, "shop.BakeBread": None}, {}
    reference = copied_sentence = staticmethod(lambda question: "")

    def __init__(self, *hits):
        self.found = list(hits)

    def hits(self, question, context):
        return self.found


def record_of(**changes) -> Record:
    record = Record("q1", "naive_rag", "fact", "shop.FeedCat", HITS, "12 loaves", False, ("shop.FeedCat",), (), 9, 3,
                    {"retrieve": 0.1, "generate": 0.5}, {"words": 2.0, "exact_match": 0.0, "answer_in_context": 1.0}, "h")
    return replace(record, **changes)


def scores(record: Record, question: Question = ASKED) -> dict[str, float]:
    (new,) = evaluation.rescore([record], [question], Documents())
    assert new.rescored and (new.answer, new.hits, new.seconds) == (record.answer, record.hits, record.seconds)
    return new.scores


def test_corrected_answers_and_evidence_count():
    assert scores(record_of())["exact_match"] == 0 and scores(record_of())["recall@1"] == 1
    corrected = scores(record_of(), replace(ASKED, answers=("12 loaves",), evidence=("shop.BakeBread",)))
    assert corrected["exact_match"] == corrected["contains"] == 1 and corrected["cited_right"] == 0
    assert corrected["recall@1"] == 0 and corrected["mrr@10"] == 0.5
    assert corrected["answer_in_context"] == 1  # stored: the passages could not be found again


def test_an_accepted_form_counts_for_every_arm_and_a_wrong_line_is_named(tmp_path):
    forms = evaluation.accepted_forms(tmp_path / "q.csv")
    assert evaluation.with_accepted([ASKED], forms) == ([ASKED], 0)
    forms.write_text("id,answer\nq1,12 loaves\nq1,200 Grams\n")
    (question,), added = evaluation.with_accepted([ASKED], forms)
    assert added == 1 and question.answers == ("200 grams", "12 loaves")
    new = evaluation.rescore([record_of(), record_of(arm="raft+naive_rag")], [question], Documents())
    assert [record.scores["exact_match"] for record in new] == [1, 1]
    forms.write_text("id,answer\nq9,x\nq1,\n")
    with pytest.raises(ValueError, match="line 2: there is no question 'q9'.*\n.*line 3: the answer is empty"):
        evaluation.with_accepted([ASKED], forms)
    forms.write_text("question,form\n")
    with pytest.raises(ValueError, match="columns id and answer"):
        evaluation.with_accepted([ASKED], forms)


def test_a_corrected_task_brings_its_own_scores_and_cluster():
    (new,) = evaluation.rescore([record_of()], [replace(ASKED, task="multi_doc", answer_set=("12 loaves",))], Documents())
    assert (new.task, new.answer_set, new.scores["set_f1"]) == ("multi_doc", ("12 loaves",), 1) and "contains" not in new.scores
    (new,) = evaluation.rescore([record_of()], [replace(ASKED, task="unanswerable", answers=(), evidence=())], Documents())
    assert (new.task, new.cluster, new.scores["score"]) == ("unanswerable", "q1", 0) and "recall@1" not in new.scores


def test_a_question_that_lost_its_accepted_answer_keeps_retrieval_scores_only():
    left = scores(record_of(), replace(ASKED, answers=()))
    assert left["recall@1"] == 1 and not {"exact_match", "contains", "score", "answer_in_context"} & set(left)
    (new,) = evaluation.rescore([record_of()], [replace(ASKED, answers=())], Documents())
    assert evaluation.scorable([new]) == []


def test_an_omitted_answer_keeps_its_scores_and_says_so():
    omitted = record_of(answer="", answer_words=30, answer_sha256="0")
    (new,) = evaluation.rescore([omitted], [ASKED], Documents())
    assert new == replace(omitted, rescored=False)
    assert "0 of 1 records have other scores; 1 keep their stored ones" in evaluation.score_changes([omitted], [new])


def test_an_abstention_stays_one():
    assert scores(record_of(answer="", abstained=True))["words"] == 2


def test_questions_that_are_missing_are_listed():
    with pytest.raises(ValueError, match="1 questions of the records are not in the questions file: q1"):
        evaluation.rescore([record_of()], [replace(ASKED, id="q2")], Documents())


def test_changes_are_told_by_arm():
    old = [record_of(), record_of(arm="base", hits=(), scores={"score": 1.0})]
    new = [replace(old[0], scores={"exact_match": 1.0}), old[1]]
    assert evaluation.score_changes(old, new).split("\n") == [
        "1 of 2 records have other scores", "naive_rag, exact_match: 0.000 (n = 1) → 1.000 (n = 1)",
        "naive_rag, answer_in_context: 1.000 (n = 1) → -", "base, score: 1.000 (n = 1) → 1.000 (n = 1)"]


def test_committed_answers_keep_their_scores_while_the_questions_are_the_same():
    stored = [record for record in evaluation.load_records("lab1_dev") if not record.hits and record.task != "summary"]
    again = evaluation.rescore(stored, evaluation.load_questions(), Documents())
    assert len(stored) > 50 and [record.scores for record in again] == [record.scores for record in stored]
