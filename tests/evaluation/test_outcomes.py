"""Outcomes of answers, their paired bootstrap, rescue and distraction."""
from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy
import pytest

from utils import evaluation
from utils.evaluation import outcomes
from utils.types import Record


def record(id_: str, arm: str, correct: bool = False, abstained: bool = False, task: str = "fact", words: int = 3,
           **scores) -> Record:
    return Record(id_, arm, task, id_[:1], (), "", abstained, (), (), 0, 0, {"retrieve": 0.0, "generate": 0.0},
                  {"contains": float(correct), "words": words, **scores}, "")


def test_an_outcome_needs_an_accepted_answer_in_a_short_reply():
    assert evaluation.outcome(record("a", "x", True)) == "correct"
    assert evaluation.outcome(record("a", "x", True, words=16)) == "wrong"
    assert evaluation.outcome(record("a", "x", abstained=True)) == "abstained"
    assert evaluation.outcome(record("u", "x", task="unanswerable")) == "wrong"
    assert evaluation.outcome(record("u", "x", abstained=True, task="unanswerable")) == "abstained"
    assert evaluation.outcome(record("m", "x", task="multi_doc", set_f1=0.85)) == "correct"
    assert evaluation.outcome(record("m", "x", task="multi_doc", set_f1=0.5)) == "wrong"
    assert evaluation.outcome(record("m", "x", abstained=True, task="multi_doc", set_f1=0.85)) == "correct"  # the graph's set
    assert evaluation.outcome(record("m", "x", abstained=True, task="multi_doc", set_f1=0.5)) == "abstained"
    with pytest.raises(ValueError, match="leave it out"):
        evaluation.outcome(record("s", "x", task="summary"))


def test_draws_keep_arms_paired_and_resample_clusters():
    rows = [record(f"{c}{n}", arm, (ord(c) % 2 == 0) != (arm == "y")) for c in "abcdef" for n in range(5) for arm in "xy"]
    draws = evaluation.outcome_draws(rows, ["x", "y"], 2000)
    assert draws.shape == (2000, 2, 3) and numpy.allclose(draws.sum(axis=2), 1)
    assert numpy.allclose(draws[:, 0, 0] + draws[:, 1, 0], 1)  # in every draw x is correct where y is not
    assert abs(draws[:, 0, 0].mean() - 0.5) < 0.02 and 0.17 < draws[:, 0, 0].std() < 0.24  # six clusters, not thirty questions
    assert evaluation.outcome_shares(rows, "x") == {"correct": 0.5, "wrong": 0.5, "abstained": 0.0}
    with pytest.raises(ValueError, match="same questions"):
        evaluation.outcome_draws([record("a1", "x"), record("b1", "y")], ["x", "y"])
    with pytest.raises(ValueError, match="none of its records"):
        evaluation.outcome_shares([record("s", "x", task="summary")], "x")


def test_further_unanswerable_questions_sharpen_their_share_but_do_not_shift_the_mix():
    further = sorted(outcomes.further_unanswerable())[:6]
    first = [record(f"a{n}", "x", n < 4) for n in range(8)] + [record(f"u{n}", "x", abstained=not n, task="unanswerable")
                                                              for n in range(2)]
    both = first + [record(id_, "x", abstained=n < 5, task="unanswerable") for n, id_ in enumerate(further)]
    assert outcomes.record_weights(first) == [1.0] * 10 and outcomes.record_weights(first, 2 / 10) == [1.0] * 10
    expected = {"correct": 0.4, "wrong": 0.4 + 0.2 * 2 / 8, "abstained": 0.2 * 6 / 8}
    assert evaluation.outcome_shares(both, "x") == pytest.approx(expected)
    assert evaluation.outcome_shares(both, "x", "unanswerable") == pytest.approx({"correct": 0, "wrong": 0.05, "abstained": 0.15})
    assert evaluation.correct_share(both, "x").mean == pytest.approx(0.4) == evaluation.correct_share(first, "x").mean
    assert evaluation.correct_share(both, "x", 0.5).mean == pytest.approx(0.25)
    every, part = (evaluation.outcome_draws(both, ["x"], 50, task=task) for task in ("", "unanswerable"))
    assert numpy.allclose(every.sum(axis=2), 1) and (part <= every + 1e-12).all() and numpy.allclose(part[:, 0, 0], 0)
    rates = evaluation.abstention_rates(both, "x")
    assert {name: (rate.mean, rate.n) for name, rate in rates.items()} == {
        "first": (0.5, 2), "further": (pytest.approx(5 / 6), 6), "both": (0.75, 8)}
    assert "Abstention on unanswerable questions" in evaluation.benchmark_tables(both)
    assert "Abstention on unanswerable questions" not in evaluation.benchmark_tables(first)


def test_rescue_and_distraction_look_at_what_context_changed():
    before = [record("a1", "no", True), record("b1", "no"), record("c1", "no"), record("d1", "no", abstained=True)]
    after = [record("a1", "rag"), record("b1", "rag", True), record("c1", "rag"), record("d1", "rag", True)]
    changes = outcomes.changed_by_context([*before, *after], "no", "rag")
    assert changes["rescue"].mean == pytest.approx(2 / 3) and changes["rescue"].n == 3 and changes["distraction"].mean == 1.0
    row = evaluation.rescue_table([*before, *after], [("no", "rag")]).loc["no → rag"]
    assert row.to_dict() == {"rescue": "2 of 3", "distraction": "1 of 1"}
    none = outcomes.changed_by_context([record("a1", "no"), record("a1", "rag")], "no", "rag")
    assert none["distraction"] is None and none["rescue"].mean == 0.0


def test_sufficient_context_splits_by_whether_the_prompt_contains_the_answer():
    rows = [record("a1", "x", True, answer_in_context=1.0), record("b1", "x", answer_in_context=1.0),
            record("c1", "x", abstained=True, answer_in_context=0.0)]
    shares = evaluation.outcomes_by_context(rows, "x")
    assert shares["sufficient"] == {"correct": 0.5, "wrong": 0.5, "abstained": 0.0, "n": 2}
    assert shares["insufficient"]["abstained"] == 1.0


def test_shares_differences_and_groups_of_correct_answers():
    rows = [record(f"{c}{n}", arm, arm == "y" or n == 0, task="error" if n else "fact")
            for c in "abcd" for n in range(2) for arm in "xy"]
    assert evaluation.correct_share(rows, "x").mean == 0.5 and evaluation.correct_share(rows, "x").n == 8
    assert evaluation.metric_interval(rows, "y", "contains").mean == 1.0
    gap = evaluation.paired_outcomes(rows, "x", "y")
    assert gap.difference == 0.5 and evaluation.paired_outcomes(rows, "x", "y", "wrong").difference == -0.5
    questions = {r.question_id: SimpleNamespace(id=r.question_id, exposure="", overlap="low") for r in rows}
    groups = evaluation.correct_by_group([*rows, record("a0", "base", True)], questions, ["x", "y"])
    assert dict(groups.loc["fact"]) == {"n": 4, "x": 1.0, "y": 1.0} and dict(groups.loc["error"]) == {"n": 4, "x": 0.0, "y": 1.0}
    assert groups.loc["base says it"]["n"] == 1 and groups.loc["overlap low"]["n"] == 8


def test_usage_is_a_mean_over_an_arms_own_records():
    spent = {"prompt_tokens": 100, "completion_tokens": 4, "seconds": {"retrieve": 0.5, "generate": 1.0}}
    rows = [replace(record("a1", "x"), **spent), replace(record("b1", "x"), **{**spent, "prompt_tokens": 300})]
    assert evaluation.mean_usage(rows, "x") == {"tokens_in": 200.0, "tokens_out": 4.0, "seconds": 1.5}


def test_tables_of_abstentions_and_of_training_seeds():
    rows = [record("a1", "raft+advanced_rag", True, exact_match=1),
            record("a2", "raft+advanced_rag", abstained=True, exact_match=0),
            record("u1", "raft+advanced_rag", abstained=True, task="unanswerable"),
            record("u2", "raft+advanced_rag", task="unanswerable"),
            record("a1", "raft@1+advanced_rag", True, exact_match=1), record("a2", "raft@1+advanced_rag", True, exact_match=1),
            record("a1", "raft", True)]
    seeds = evaluation.seed_table(rows, ("raft", "gone"))
    assert list(seeds.index) == [("raft", 0), ("raft", 1)] and seeds.loc[("raft", 1), "correct"].startswith("1.00")
    assert [seeds.loc[("raft", 0), f"abstained on {kind}"] for kind in ("answerable", "unanswerable")] == ["50% of 2"] * 2
    told = evaluation.seed_spread(rows, "raft")
    assert told.startswith("raft: 2 training runs, 0.75 between best and worst") and told.endswith("same answer to 50%")
    differ = evaluation.seed_differences([*rows, record("a1", "base"), record("a2", "base")],
                                             [("base", "raft+advanced_rag")])
    assert list(differ.columns) == ["seed 0", "seed 1", "all seeds"]
    assert differ.iloc[0]["seed 1"].startswith("+1.00") and differ.iloc[0]["all seeds"].startswith("+0.75")
    assert evaluation.seed_spread(rows, "gone") == "gone: trained once, so the spread between seeds is unknown"
