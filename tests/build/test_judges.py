"""Judges of preference pairs and their controls."""
from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from data.build import judge_controls, scoring_judges
from utils import metrics, models, training
from utils.training import feedback, raft
from utils.types import Chunk, Example, PreferencePair, Question

PAIRS = [PreferencePair(f"p{n}", f"q{n}", ("d.x#0",), f"{n} [1]", metrics.ABSTENTION, "b" if n % 3 else "a", "author")
         for n in range(12)]
PLAIN = [PreferencePair(f"p{n}", "q1", ("d.x#0",), f"a{n} [1]", f"b{n} longer words [1]") for n in range(4)]
QUESTIONS = [Question(f"q{n}", "fact", f"how many {n}?", (str(n),), (), ("d.x",), "train") for n in range(12)]


def fake_judges(monkeypatch) -> scoring_judges.AllJudges:
    chunks = [Chunk("d.x#0", "d.x", "overview", "five", "header")]
    workspace = SimpleNamespace(pipeline=SimpleNamespace(chunks=chunks), model=lambda adapter="base": adapter)
    monkeypatch.setattr(models, "mean_log_probability", lambda model, prompts, texts, **_: [-len(text) for text in texts])
    monkeypatch.setattr(feedback, "ask_which", lambda model, pairs, known, chunks: ["a"] * len(pairs))
    fakes = scoring_judges.AllJudges(PAIRS, QUESTIONS, workspace, "folder")
    fakes.__dict__["reward"] = SimpleNamespace(score=lambda prompts, texts: [len(text) for text in texts])
    return fakes


def test_every_judge_labels_with_its_own_source_and_trains_on_the_other_half(monkeypatch):
    fakes = fake_judges(monkeypatch)
    assert not {p.question_id for p in fakes.learn} & {p.question_id for p in fakes.held_out}
    for judge, expected in (("the phrase wins", "b"), ("the longer wins", "b"), ("likelihood", "a"), ("reward model", "b"),
                            ("asked", "a")):
        labelled = fakes.label(judge, PAIRS[:3])
        assert {(pair.label, pair.source) for pair in labelled} == {(expected, "ai")}, judge


def test_calibration_exposes_a_judge_that_follows_the_order_and_one_that_fails_a_control(monkeypatch):
    fakes = fake_judges(monkeypatch)
    gold = PreferencePair("g", "q1", ("d.x#0",), "1 [1]", "no idea what [1]", "a", "program")
    abstains = PreferencePair("s", "q1", ("d.x#0",), metrics.ABSTENTION, "1 [1]", "a", "program")
    monkeypatch.setattr(judge_controls, "control_pairs", lambda *_: {"gold wins": [gold], "silence wins": [abstains]})
    rows = {row["judge"]: row for row in judge_controls.calibrate(fakes)}
    assert set(rows) == {*scoring_judges.JUDGES, judge_controls.CHECKED_BY_CODE}
    assert rows["asked"]["same in both orders"] == 0.0 and rows["asked"]["accuracy"] == 0.0
    assert rows["likelihood"]["gold wins"] == 1.0 and rows["likelihood"]["silence wins"] == 0.0
    assert rows["the phrase wins"]["silence wins"] == 1.0


def test_controls_have_a_known_winner_and_leave_out_the_questions_a_judge_trained_on(monkeypatch):
    answered = [Example(f"q{n}", [], f"{n} [1]", "answer", ("d.x#0",)) for n in range(6)]
    withheld = [Example(f"q{n}", [], metrics.ABSTENTION, "absent", ("d.y#0",)) for n in range(6)]
    monkeypatch.setattr(raft, "raft_examples", lambda questions, workspace, seed, absent, pool: withheld if absent else answered)
    controls = judge_controls.control_pairs(QUESTIONS, None, {"q0", "q1"})
    assert {pair.question_id for pair in controls["gold wins"]} == {f"q{n}" for n in range(2, 6)}
    for pair in controls["gold wins"]:
        number = pair.question_id[1:]
        better, worse = (pair.a, pair.b) if pair.label == "a" else (pair.b, pair.a)
        assert better == f"{number} [1]" and worse != better
    for pair in controls["silence wins"]:
        better = pair.a if pair.label == "a" else pair.b
        assert better == metrics.ABSTENTION
    assert judge_controls.agreement([p.label for p in controls["gold wins"]], controls["gold wins"])["accuracy"] == 1.0


def test_accepted_answers_label_pairs_by_the_rubric():
    chunks = {"d.x#0": Chunk("d.x#0", "d.x", "overview", "waits 5 seconds", "header"),
              "d.y#0": Chunk("d.y#0", "d.y", "overview", "waits 5 seconds", "header")}
    questions = {"q": Question("q", "fact", "how long?", ("5",), (), ("d.x",), "train")}
    abstention = metrics.ABSTENTION
    for passages, a, b, label in ((("d.x#0",), "5 [1]", abstention, "a"), (("d.x#0",), "6 [1]", abstention, "b"),
                                  (("d.y#0",), "5 [1]", abstention, "b"), (("d.x#0",), "6 [1]", "7 [1]", "tie"),
                                  (("d.y#0", "d.x#0"), "5 [1]", "5 [2]", "b"), (("d.x#0",), "5", "5 [1]", "b")):
        pair = judge_controls.label_by_accepted_answers([PreferencePair("p", "q", passages, a, b)], questions, chunks)[0]
        assert (pair.label, pair.source) == (label, "program"), (passages, a, b)


def test_agreement_counts_a_judge_that_changes_its_mind_as_undecided():
    labelled = [replace(pair, label=label) for pair, label in zip(PLAIN, ("a", "b", "a", "tie"), strict=True)]
    firm = judge_controls.agreement(["a", "b", "b", "tie"], labelled, ["b", "a", "a", "tie"])
    assert firm["accuracy"] == pytest.approx(2 / 3) and firm["n"] == 3 and firm["same in both orders"] == 1.0
    always_left = judge_controls.agreement(["a"] * 4, labelled, ["a"] * 4)
    assert always_left["accuracy"] == 0.0 and always_left["same in both orders"] == 0.0
    assert training.label_bias(labelled)["first won"] == pytest.approx(2 / 3)
    abstaining = replace(labelled[0], a=metrics.ABSTENTION)
    assert [feedback.label_by_phrase(pair) for pair in (abstaining, abstaining.swapped(), labelled[0])] == ["a", "b", "tie"]


def test_balance_leaves_as_many_pairs_in_which_abstaining_loses_as_wins():
    rows = rows_from_pairs(balance=True)
    abstained = [metrics.ABSTENTION in row.chosen for row in rows if metrics.ABSTENTION in row.chosen + row.rejected]
    assert len(abstained) == 8 and sum(abstained) == 4, "abstaining loses four of PAIRS and wins eight"
    assert sum(row.chosen == "1 [2]" for row in rows) == 1, "pairs in which no answer abstains are kept"
    assert len(rows_from_pairs(balance=False)) == len(PAIRS) + 1


def rows_from_pairs(balance: bool) -> list:
    chunks = {"d.x#0": Chunk("d.x#0", "d.x", "overview", "five", "header")}
    two = PreferencePair("two", "q1", ("d.x#0",), "1 [1]", "1 [2]", "b", "author")
    return training.preference_rows([*PAIRS, two], {q.id: q for q in QUESTIONS}, chunks, balance)
