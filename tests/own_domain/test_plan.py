"""The plan of `decide`: what is dropped to fit the minutes, what is done again, and how often test was read."""
from __future__ import annotations

import json

import pytest
from tqdm.auto import tqdm

from utils.own_domain.plan import ARMS, DROPPED, Plan, digest


@pytest.fixture
def plan(tmp_path):
    made = Plan(tmp_path / "plan.json", minutes=60)
    for name in ("embedder", "train own_raft", "train own_closed_book", *ARMS, "page"):
        made.step(name).forecast = 240.0
    return made


def dropped(plan) -> list[str]:
    return [name for name in DROPPED if plan.steps[name].state == "dropped"]


@pytest.mark.parametrize(("minutes", "left_out"), [(60, 0), (51, 1), (47, 2), (43, 3), (39, 4), (35, 5)])
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


def test_a_finished_step_is_never_dropped_and_counts_with_its_own_seconds(plan):
    with tqdm(disable=True) as bar, plan.running("naive_rag", "k", bar):
        pass
    plan.steps["naive_rag"].seconds = 600.0
    plan.minutes = 32
    plan.fit()
    assert plan.steps["naive_rag"].state == "done" and plan.spent() == 600


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
