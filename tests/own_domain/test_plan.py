"""The plan of `decide`: what is dropped to fit the minutes, what is done again, and how often test was read."""
from __future__ import annotations

import json

import pytest
from tqdm.auto import tqdm

from utils.own_domain.plan import ARMS, CONFIDENCE, DROPPED, FROM_BASE, Plan, digest


@pytest.fixture
def plan(tmp_path):
    made = Plan(tmp_path / "plan.json", minutes=60)
    for name in ("embedder", "train own_raft", "train own_closed_book", FROM_BASE, CONFIDENCE, *ARMS, "page"):
        made.step(name).forecast = 240.0
    return made


def dropped(plan) -> list[str]:
    return [name for name in DROPPED if plan.steps[name].state == "dropped"]


@pytest.mark.parametrize(("minutes", "left_out"), [(60, 0), (59, 1), (55, 2), (51, 3), (47, 4), (43, 5), (39, 6), (35, 7)])
def test_steps_are_dropped_in_the_agreed_order_and_no_more_than_needed(plan, minutes, left_out):
    plan.minutes = minutes
    assert plan.fit() == 0 and dropped(plan) == list(DROPPED[:left_out])
    needed = ("base", "advanced_rag", "own_closed_book", "own_raft+advanced_rag")
    assert all(plan.steps[name].state == "planned" for name in needed)


def test_what_cannot_fit_is_told_and_comes_back_with_more_minutes(plan):
    plan.minutes = 20
    assert plan.fit() == 12 * 60 and dropped(plan) == list(DROPPED)
    plan.minutes = 90
    assert plan.fit() == 0 and not dropped(plan)


def test_a_training_that_was_left_out_does_not_come_back_once_the_reader_is_trained(plan):
    plan.minutes = 47
    plan.fit()
    plan.steps["train own_raft"].state, plan.minutes = "done", 90  # it took no time, or more is given
    assert plan.fit() == 0 and dropped(plan) == [FROM_BASE, "embedder"]


def test_dev_is_not_asked_for_confidence_once_test_was(plan):
    plan.minutes = 30
    plan.fit()
    plan.steps["base"].state, plan.minutes = "done", 90
    assert plan.fit() == 0 and dropped(plan) == [CONFIDENCE]


def test_an_option_that_was_dropped_when_dev_was_asked_stays_dropped_in_this_run(plan):
    plan.minutes = 39
    plan.fit()
    plan.dev_asked, plan.minutes = True, 90
    assert plan.fit() == 0 and dropped(plan) == ["own_raft+oracle", "raft+advanced_rag", "naive_rag", "few_shot+advanced_rag"]
    plan.save()
    again = Plan.load(plan.path)
    again.minutes = 90
    assert again.fit() == 0 and not dropped(again)


def test_a_finished_step_is_never_dropped_and_counts_with_its_own_seconds(plan):
    with tqdm(disable=True) as bar, plan.running("naive_rag", "k", bar):
        pass
    plan.steps["naive_rag"].seconds = 600.0
    plan.minutes = 32
    plan.fit()
    assert plan.steps["naive_rag"].state == "done" and plan.spent() == 600


@pytest.mark.parametrize(("minutes", "share", "left_out"), [(60, 0.5, 0), (76, 0.75, 0), (200, 1.0, 0), (30, 0.25, 7)])
def test_minutes_to_spare_buy_training_examples_and_missing_ones_cost_some(plan, minutes, share, left_out):
    plan.minutes = minutes
    plan.fit_training(1920.0, 1000, 0.5)
    for step in plan.steps.values():
        step.forecast = step.forecast if step.name in ("train own_raft", FROM_BASE) else 160.0
    plan.training.clear()
    assert plan.fit_training(1920.0, 1000, 0.5) == 0 or left_out
    assert plan.training["share"] == pytest.approx(share, abs=0.13)


def test_a_share_once_chosen_stays_for_these_minutes(plan):
    plan.minutes = 90
    plan.fit_training(900.0, 1000, 0.5)
    share = plan.training["share"]
    plan.steps["base"].seconds, plan.steps["base"].state = 500.0, "done"
    plan.fit_training(900.0, 1000, 0.5)
    assert plan.training["share"] == share


def test_other_documents_start_anew_and_other_questions_do_not(plan):
    plan.start({"documents": "d", "base": "b", "questions": "q"})
    plan.start({"documents": "d", "base": "b", "questions": "other"})
    assert plan.steps
    plan.start({"documents": "new", "base": "b", "questions": "other"})
    assert not plan.steps and not plan.speed


def test_an_interrupted_step_books_its_seconds_and_is_due_again(plan):
    with tqdm(disable=True) as bar:
        with pytest.raises(KeyboardInterrupt), plan.running("train own_raft", "k", bar):
            raise KeyboardInterrupt
        plan.steps["train own_raft"].seconds = 100.0
        again = Plan.load(plan.path)
        assert not again.is_done("train own_raft", "k") and again.steps["train own_raft"].state == "planned"
        with plan.running("train own_raft", "k", bar):
            pass
    assert plan.is_done("train own_raft", "k") and not plan.is_done("train own_raft", "other")
    assert plan.steps["train own_raft"].seconds >= 100


def test_another_reading_of_test_is_counted_and_a_resumed_one_is_not(plan):
    plan.read_test("base", "k1", "monday")
    plan.read_test("base", "k1", "monday, resumed")
    plan.read_test("advanced_rag", "k1", "monday, resumed")
    assert len(plan.test_read) == 1
    plan.read_test("base", "k2", "tuesday")
    assert [row["date"] for row in Plan.load(plan.path).test_read] == ["monday", "tuesday"]


def test_a_damaged_plan_is_named(plan):
    plan.path.write_text(json.dumps({"steps": 3}))
    with pytest.raises(ValueError, match=r"plan\.json: is damaged; delete it"):
        Plan.load(plan.path)


def test_a_digest_depends_on_content_alone():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 1, "b": 3})
