"""Silence as a decision: what is withheld comes back, nothing but the answer's own scores moves, and a calibration is honest."""
from __future__ import annotations

import random
from dataclasses import replace

import pytest

from utils import evaluation, roi
from utils.evaluation import confidence, scoring
from utils.types import Answer, Chunk, Hit, Question, Record

ASKED = Question("q", "fact", "how many oars?", ("3",), (), ("shed.md",))
FOUND = tuple(Hit(Chunk("", document, "overview", "3 oars"), rank, 1.0) for rank, document in enumerate(("a", "shed.md", "b"), 1))


def record(question: Question = ASKED, sure: float | None = 0.6, text: str = "3", arm: str = "naive_rag") -> Record:
    """The record of an answer that cites the second of two passages, made as `run_arms` makes it."""
    answer = Answer(text, False, ("shed.md",), FOUND, 2, 10, 1, 0.0, 0.0, sure)
    return scoring.make_record(question, evaluation.parse_arm(arm), answer, "hash")


def test_a_withheld_answer_comes_back_as_it_was_at_a_lower_threshold():
    given = record()
    silent = evaluation.decided_record(given, ASKED, 0.7)
    assert (silent.answer, silent.abstained, silent.withheld_answer, silent.cited) == ("", True, "3 [2]", ())
    assert (silent.scores["exact_match"], silent.scores["abstained"], silent.scores["cited_right"]) == (0, 1, 0)
    assert {name: silent.scores[name] for name in ("recall@1", "recall@5", "answer_in_context")} == {
        name: given.scores[name] for name in ("recall@1", "recall@5", "answer_in_context")}
    assert evaluation.outcome(silent) == "abstained" and evaluation.decided_record(silent, ASKED, 0.6) == given
    assert evaluation.decided_record(silent, ASKED, 0.7) is silent and evaluation.decided_record(given, ASKED, 0.6) is given


def test_what_the_threshold_does_not_concern_stays():
    plain, summary = record(sure=None), record(replace(ASKED, task="summary", answers=()))
    listed = replace(record(replace(ASKED, task="multi_doc", answer_set=("3",))), scores={"set_f1": 1.0, "set_f1_text": 0.0})
    rows = [plain, summary, listed, record(replace(ASKED, task="multi_doc", answers=(), answer_set=("3",)))]
    assert evaluation.decided(rows, [ASKED], 1.0, {"naive_rag"}) == rows  # the last one's question is of another task now
    for asked, arms in (([ASKED], ()), ([], {"naive_rag"})):
        assert evaluation.decided([record()], asked, 1.0, arms) == [record()]


def test_an_unanswerable_question_and_a_list_are_decided_too():
    nothing = replace(ASKED, task="unanswerable", answers=())
    several = replace(ASKED, task="multi_doc", answers=(), answer_set=("3", "4"))
    assert evaluation.outcome(record(nothing)) == "wrong"
    assert evaluation.outcome(evaluation.decided_record(record(nothing), nothing, 0.9)) == "abstained"
    silent = evaluation.decided_record(record(several, text="3, 4"), several, 0.9)
    assert silent.answer_set == () and evaluation.decided_record(silent, several, 0.1).answer_set == ("3", "4")


def rows_of(draw: random.Random, many: int, truth=lambda sure: sure):
    questions = [replace(ASKED, id=f"q{i}") for i in range(many)]
    sure = [draw.random() for _ in questions]
    return questions, [record(q, p, "3" if draw.random() < truth(p) else "4") for q, p in zip(questions, sure, strict=True)]


def test_a_calibration_finds_the_share_that_is_right_and_leaves_a_calibrated_confidence_alone():
    draw = random.Random(0)
    fine = evaluation.fit_calibration(*rows_of(draw, 3000)[::-1])
    assert [fine(p) for p in (0.1, 0.5, 0.9)] == pytest.approx([0.1, 0.5, 0.9], abs=0.04)
    boastful = evaluation.fit_calibration(*rows_of(draw, 3000, lambda p: 0.2 + 0.3 * p)[::-1])
    assert boastful(0.9) == pytest.approx(0.47, abs=0.05) and boastful(0.05) < boastful(0.95)
    assert [boastful.undo(float(f"{boastful(p):.5g}")) for p in (0.001, 0.5, 0.99)] == pytest.approx([0.001, 0.5, 0.99], rel=1e-3)


def test_the_table_of_silence_counts_what_is_withheld_and_leaves_out_what_has_no_confidence():
    nothing = replace(ASKED, id="u", task="unanswerable", answers=())
    listed = replace(ASKED, id="l", task="summary", answers=())
    questions = [replace(ASKED, id=f"q{i}") for i in range(3)] + [nothing, listed]
    first, second, third = questions[:3]
    sure = [record(first, 0.9), record(second, 0.7, "4"), record(third, 0.5), record(nothing, 0.2), record(listed)]
    rows = evaluation.decided(sure, questions, 0.6, {"naive_rag"})
    table = evaluation.risk_coverage([*rows, record(first, None, arm="base")], questions)
    assert list(table.index) == ["naive_rag"] and list(table.columns)[:3] == ["n", "answers", "right of them"]
    assert list(table.loc["naive_rag"])[:3] == [4, "50%", "0.50"] and table.loc["naive_rag"].iloc[-1] == "0.50"
    assert table.loc["naive_rag"].iloc[3].startswith(f"{(0 + 1 / 2 + 1 / 3 + 1 / 2) / 4:.2f} [")
    assert not len(evaluation.risk_coverage([record(sure=None)], questions))


def test_too_few_answers_or_a_confidence_that_tells_nothing_give_no_calibration():
    draw = random.Random(1)
    for many, truth in ((confidence.FEWEST - 1, lambda p: p), (200, lambda p: 1.0), (2000, lambda p: 1 - p)):
        questions, rows = rows_of(draw, many, truth)
        assert evaluation.fit_calibration(rows, questions) is None


def test_a_calibration_is_used_with_the_settings_it_was_fitted_for(tmp_path):
    questions, rows = rows_of(random.Random(2), 200, lambda p: p / 2)
    evaluation.save_calibrations(rows, questions, tmp_path / "confidence.json")
    known = evaluation.load_calibrations(tmp_path / "confidence.json")
    assert evaluation.calibrated(rows[0], known).confidence == pytest.approx(known["naive_rag"][1](rows[0].confidence), rel=1e-4)
    other = replace(rows[0], settings_hash="another")
    assert evaluation.calibrated(other, known) is other and evaluation.load_calibrations(tmp_path / "none.json") == {}


def test_the_threshold_is_where_an_answer_is_worth_as_much_as_silence_and_comes_from_the_prices():
    assumptions, _, rows = roi.load_assumptions()
    p = roi.answer_threshold(assumptions)
    assert p * assumptions.correct - (1 - p) * assumptions.wrong == pytest.approx(-assumptions.abstained) and 0 < p < 1
    assert roi.answer_threshold(replace(assumptions, wrong=0.0)) == 0
    assert roi.answer_threshold(replace(assumptions, wrong=0.0, correct=0.0)) == 0
    assert roi.answer_threshold(replace(assumptions, wrong=1e9)) == pytest.approx(1)


def test_other_prices_decide_stored_answers_anew_and_the_page_names_the_threshold(tmp_path):
    questions, rows = rows_of(random.Random(3), 120)
    provenance = {"confidence": {"naive_rag": {"slope": 1.0, "intercept": 0.0, "questions": 50}}}
    dear = tmp_path / "dear.yaml"
    roi.write_prices({"wrong": 4.0}, dear)
    cheap, known = roi.decided_at_prices(rows, questions, provenance, roi.PRICE_FILE)
    strict, strictly = roi.decided_at_prices(cheap, questions, known, dear)
    assert known["threshold"] == 0.2667 and strictly["threshold"] == 0.78
    assert sum(r.abstained for r in cheap) < sum(r.abstained for r in strict) < len(rows)
    assert roi.decided_at_prices(strict, questions, strictly, roi.PRICE_FILE)[0] == cheap
    assert roi.decided_at_prices(rows, [], provenance, dear) == (rows, provenance)
    assert roi.decided_at_prices(rows, questions, {}, dear) == (rows, {})
    page = " ".join(roi.write_report(strict, tmp_path / "page.html", dear, strictly).read_text("utf-8").split())
    assert "a probability of at least 78 of 100" in page and "naive_rag, with the limit below" in page
    given = {**provenance, "given_threshold": 0.5}
    assert roi.decided_at_prices(rows, questions, given, dear) == (rows, given)
    own = roi.write_report(rows, tmp_path / "own.html", provenance=given).read_text("utf-8")
    assert "a confidence of 0.5 on, as the benchmark was told" in own and "with the limit" not in own
    assert "with the limit" not in roi.write_report(rows, tmp_path / "plain.html").read_text("utf-8")


def test_a_record_without_calibration_is_told(capsys):
    note = evaluation.threshold_note(0.5, [record(), record(sure=None, arm="endpoint")], {})
    assert note.startswith("An answer is given where its confidence is at least 0.5, by naive_rag.") and "Not calibrated" in note
    assert "by no arm" in evaluation.threshold_note(0.5, [record(sure=None)], {})
