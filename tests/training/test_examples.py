"""Training examples: what they teach, what they never contain, and that a leak would be noticed."""
from __future__ import annotations

from dataclasses import replace

import pytest

from utils import evaluation, metrics, training
from utils.training import examples, raft
from utils.types import Example, Question


def question(id_: str, home: str, split: str = "train", task: str = "fact", **more) -> Question:
    fact = {"kind": "routing", "operation": home}
    text = {"shop.FeedCat": "how much dinner may the cat get?", "shop.BakeBread": "how long is a loaf in the oven?"}[home]
    return Question(id_, task, text, ("5 minutes",), (), (home,), split, "limit", fact, home, **more)


@pytest.fixture
def room(tiny, chosen) -> evaluation.Workspace:
    return evaluation.Workspace(tiny, chosen)


@pytest.fixture
def asked() -> list[Question]:
    return [question("t1", "shop.FeedCat"), question("d1", "shop.BakeBread", "dev"),
            replace(question("s1", "shop.FeedCat"), family="seen_fact", question="cat dinner, what is the limit of it"),
            Question("u1", "unanswerable", "who walks the dog?", (), (), (), "train")]


def test_a_raft_example_cites_the_place_of_the_right_passage(room, asked, monkeypatch):
    monkeypatch.setattr(raft, "in_pool", lambda q: False)
    made = {e.question_id: e for e in training.raft_examples(asked, room, absent=0.0, errors=0)}
    assert set(made) == {"t1", "u1"}
    right = made["t1"]
    number = int(right.completion.rpartition("[")[2].rstrip("]"))
    assert right.completion.startswith("5 minutes [") and right.shown[number - 1].startswith("shop.FeedCat#")
    assert f"[{number}] shop.FeedCat" in right.prompt[0]["content"]
    assert made["u1"].completion == metrics.ABSTENTION and made["u1"].kind == "unanswerable"


def test_a_withheld_example_abstains_and_shows_nothing_that_answers(room, asked, monkeypatch):
    monkeypatch.setattr(raft, "in_pool", lambda q: False)
    made = training.raft_examples(asked[:1], room, absent=1.0, errors=0)
    assert made[0].completion == metrics.ABSTENTION and made[0].kind == "absent"
    assert made[0].shown and not any(chunk.startswith("shop.FeedCat#") for chunk in made[0].shown)


def test_closed_book_and_its_control_have_as_many_rows_and_the_control_states_no_asked_fact(room, asked):
    closed, control = examples.closed_book_examples(asked, room), examples.format_only_examples(asked, room)
    assert {e.question_id for e in closed} == {"t1", "s1", "u1"} and len(control) == len(closed)
    assert "s1" not in {e.question_id for e in control}
    assert all("shop." not in e.prompt[0]["content"] for e in closed)


def test_leaks_are_named(asked):
    fine = Example("t1", [], "5 minutes [1]", "answer", ("shop.FeedCat#0",))
    assert training.find_leaks([fine], asked) == []
    assert "d1 is a dev question" in training.find_leaks([replace(fine, question_id="d1")], asked)[0]
    assert "s1 states a fact" in training.find_leaks([replace(fine, question_id="s1")], asked)[0]
    assert "t1 abstains although" in training.find_leaks([replace(fine, kind="absent")], asked)[0]
    twin = replace(asked[1], id="d2", question=asked[0].question)
    assert "worded alike" in training.find_leaks([fine], [*asked, twin])[0]


def test_templated_errors_keep_clear_of_what_dev_and_test_ask(world):
    questions = evaluation.load_questions()
    held_out = [q for q in questions if q.split in ("dev", "test")]
    made = raft.templated_errors(questions, world.documents)
    assert len(made) == training.ERRORS and not {q.home for q in made} & {q.home for q in held_out}
    asked = {(q.cluster.partition(".")[0], a) for q in held_out if q.task == "error" for a in q.answers}
    assert not {(q.home.partition(".")[0], q.answers[0]) for q in made} & asked
    assert all(q.answers[0] not in q.question for q in made)
