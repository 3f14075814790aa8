"""Outcomes of answers, their paired bootstrap, rescue and distraction."""
from __future__ import annotations

from types import SimpleNamespace

import numpy
import pytest

from utils import outcomes


def record(id_: str, arm: str, right: bool = False, silent: bool = False, task: str = "fact", words: int = 3, **scores) -> dict:
    return {"question_id": id_, "arm": arm, "task": task, "cluster": id_[:1], "abstained": silent,
            "scores": {"contains": float(right), "words": words, **scores}}


def test_an_outcome_needs_an_accepted_answer_in_a_short_reply():
    assert outcomes.outcome(record("a", "x", True)) == "right"
    assert outcomes.outcome(record("a", "x", True, words=16)) == "wrong"
    assert outcomes.outcome(record("a", "x", silent=True)) == "silent"
    assert outcomes.outcome(record("u", "x", task="unanswerable")) == "wrong"
    assert outcomes.outcome(record("u", "x", silent=True, task="unanswerable")) == "silent"
    assert outcomes.outcome(record("m", "x", task="multi_doc", set_f1=0.85)) == "right"
    assert outcomes.outcome(record("m", "x", task="multi_doc", set_f1=0.5)) == "wrong"
    assert outcomes.outcome(record("m", "x", silent=True, task="multi_doc", set_f1=0.85)) == "right"  # the graph's set
    assert outcomes.outcome(record("m", "x", silent=True, task="multi_doc", set_f1=0.5)) == "silent"
    with pytest.raises(ValueError, match="leave it out"):
        outcomes.outcome(record("s", "x", task="summary"))


def test_draws_keep_arms_paired_and_resample_clusters():
    rows = [record(f"{c}{n}", arm, (ord(c) % 2 == 0) != (arm == "y")) for c in "abcdef" for n in range(5) for arm in "xy"]
    made = outcomes.draws(rows, ["x", "y"], 2000)
    assert made.shape == (2000, 2, 3) and numpy.allclose(made.sum(axis=2), 1)
    assert numpy.allclose(made[:, 0, 0] + made[:, 1, 0], 1)  # what x gets right y does not, in every draw
    assert abs(made[:, 0, 0].mean() - 0.5) < 0.02 and 0.17 < made[:, 0, 0].std() < 0.24  # six clusters, not thirty questions
    assert outcomes.shares(rows, "x") == {"right": 0.5, "wrong": 0.5, "silent": 0.0}
    with pytest.raises(ValueError, match="same questions"):
        outcomes.draws([record("a1", "x"), record("b1", "y")], ["x", "y"])
    with pytest.raises(ValueError, match="none of its records"):
        outcomes.shares([record("s", "x", task="summary")], "x")


def test_rescue_and_distraction_look_at_what_context_changed():
    before = [record("a1", "no", True), record("b1", "no"), record("c1", "no"), record("d1", "no", silent=True)]
    after = [record("a1", "rag"), record("b1", "rag", True), record("c1", "rag"), record("d1", "rag", True)]
    found = outcomes.changed_by_context([*before, *after], "no", "rag")
    assert found["rescue"].mean == pytest.approx(2 / 3) and found["rescue"].n == 3 and found["distraction"].mean == 1.0
    told = outcomes.rescue_table([*before, *after], [("no", "rag")]).loc["no → rag"]
    assert told.to_dict() == {"rescue": "2 of 3", "distraction": "1 of 1"}
    none = outcomes.changed_by_context([record("a1", "no"), record("a1", "rag")], "no", "rag")
    assert none["distraction"] is None and none["rescue"].mean == 0.0


def test_sufficient_context_splits_by_what_stood_in_the_prompt():
    rows = [record("a1", "x", True, answer_in_context=1.0), record("b1", "x", answer_in_context=1.0),
            record("c1", "x", silent=True, answer_in_context=0.0)]
    found = outcomes.by_context(rows, "x")
    assert found["sufficient"] == {"right": 0.5, "wrong": 0.5, "silent": 0.0, "n": 2}
    assert found["insufficient"]["silent"] == 1.0


def test_shares_differences_and_groups_come_with_their_questions():
    rows = [record(f"{c}{n}", arm, arm == "y" or n == 0, task="error" if n else "fact")
            for c in "abcd" for n in range(2) for arm in "xy"]
    assert outcomes.right(rows, "x").mean == 0.5 and outcomes.right(rows, "x").n == 8
    assert outcomes.score(rows, "y", "contains").mean == 1.0
    gap = outcomes.paired(rows, "x", "y")
    assert gap.difference == 0.5 and outcomes.paired(rows, "x", "y", "wrong").difference == -0.5
    asked = {r["question_id"]: SimpleNamespace(id=r["question_id"], exposure="", overlap="low") for r in rows}
    told = outcomes.by_group([*rows, record("a0", "base", True)], asked, ["x", "y"])
    assert dict(told.loc["fact"]) == {"n": 4, "x": 1.0, "y": 1.0} and dict(told.loc["error"]) == {"n": 4, "x": 0.0, "y": 1.0}
    assert told.loc["base says it"]["n"] == 1 and told.loc["overlap low"]["n"] == 8


def test_usage_is_a_mean_over_an_arms_own_records():
    spent = {"prompt_tokens": 100, "completion_tokens": 4, "seconds": {"retrieve": 0.5, "generate": 1.0}}
    rows = [{**record("a1", "x"), **spent}, {**record("b1", "x"), **spent, "prompt_tokens": 300}]
    assert outcomes.usage(rows, "x") == {"tokens_in": 200.0, "tokens_out": 4.0, "seconds": 1.5}


def test_tables_of_silence_and_of_training_seeds():
    rows = [record("a1", "m+advanced_rag", True, exact_match=1), record("a2", "m+advanced_rag", silent=True, exact_match=0),
            record("u1", "m+advanced_rag", silent=True, task="unanswerable"), record("u2", "m+advanced_rag", task="unanswerable"),
            record("a1", "m@1+advanced_rag", True, exact_match=1), record("a2", "m@1+advanced_rag", True, exact_match=1),
            record("a1", "m", True)]
    found = outcomes.silence(rows, ["m+advanced_rag"]).loc["m+advanced_rag"]
    assert found.to_dict() == {"answered, answerable": 1, "abstained, answerable": 1, "answered, unanswerable": 1,
                               "abstained, unanswerable": 1}
    told = outcomes.seeds(rows, ("m", "gone"))
    assert list(told.index) == [("m", 0), ("m", 1)] and told.loc[("m", 1), "right"].startswith("1.00")
    assert [told.loc[("m", 0), f"silent on {kind}"] for kind in ("answerable", "unanswerable")] == ["0.50 of 2", "0.50 of 2"]
    assert outcomes.seed_spread(rows, "m").startswith("m: 2 training runs, 0.75 between best and worst")
    differ = outcomes.seed_differences([*rows, record("a1", "base"), record("a2", "base")], [("base", "m+advanced_rag")])
    assert list(differ.columns) == ["seed 0", "seed 1"] and differ.iloc[0]["seed 1"].startswith("+1.00")
    assert outcomes.seed_spread(rows, "gone") == "gone: one training run, so nothing is known of its luck"
