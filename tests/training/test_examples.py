"""Training examples: their targets, what they must not contain, and the leak check."""
from __future__ import annotations

from dataclasses import replace

import pytest

from data.build import lab2
from utils import evaluation, metrics, training
from utils.training import examples, raft
from utils.types import Example, Question


def question(id_: str, home: str, split: str = "train", task: str = "fact", **more) -> Question:
    fact = {"kind": "routing", "operation": home}
    text = {"shop.FeedCat": "how much dinner may the cat get?", "shop.BakeBread": "how long is a loaf in the oven?"}[home]
    return Question(id_, task, text, ("5 minutes",), (), (home,), split, "limit", fact, home, **more)


@pytest.fixture
def workspace(tiny, chosen) -> evaluation.Workspace:
    return evaluation.Workspace(tiny, chosen)


@pytest.fixture
def questions() -> list[Question]:
    return [question("t1", "shop.FeedCat"), question("d1", "shop.BakeBread", "dev"),
            replace(question("s1", "shop.FeedCat"), family="seen_fact", question="cat dinner, what is the limit of it"),
            Question("u1", "unanswerable", "who walks the dog?", (), (), (), "train")]


def test_a_raft_example_cites_the_number_of_the_answering_passage(workspace, questions, monkeypatch):
    monkeypatch.setattr(raft, "in_pool", lambda q: False)
    by_id = {e.question_id: e for e in training.raft_examples(questions, workspace, absent=0.0, errors=0)}
    assert set(by_id) == {"t1", "u1"}
    example = by_id["t1"]
    number = int(example.completion.rpartition("[")[2].rstrip("]"))
    assert example.completion.startswith("5 minutes [") and example.shown[number - 1].startswith("shop.FeedCat#")
    assert f"[{number}] shop.FeedCat" in example.prompt[0]["content"]
    assert by_id["u1"].completion == metrics.ABSTENTION and by_id["u1"].kind == "unanswerable"


def test_a_withheld_example_abstains_and_shows_nothing_that_answers(workspace, questions, monkeypatch):
    monkeypatch.setattr(raft, "in_pool", lambda q: False)
    withheld = training.raft_examples(questions[:1], workspace, absent=1.0, errors=0)
    assert withheld[0].completion == metrics.ABSTENTION and withheld[0].kind == "absent"
    assert withheld[0].shown and not any(chunk.startswith("shop.FeedCat#") for chunk in withheld[0].shown)


def test_closed_book_and_its_control_have_as_many_rows_and_the_control_has_no_tested_fact(workspace, questions):
    closed, control = examples.closed_book_examples(questions, workspace), lab2.format_only_examples(questions, workspace)
    assert {e.question_id for e in closed} == {"t1", "s1", "u1"} and len(control) == len(closed)
    assert "s1" not in {e.question_id for e in control}
    assert all("shop." not in e.prompt[0]["content"] for e in closed)


def test_leaks_are_named(questions):
    fine = Example("t1", [], "5 minutes [1]", "answer", ("shop.FeedCat#0",))
    assert training.find_leaks([fine], questions) == []
    assert "d1 is a dev question" in training.find_leaks([replace(fine, question_id="d1")], questions)[0]
    assert "s1 paraphrases a fact" in training.find_leaks([replace(fine, question_id="s1")], questions)[0]
    assert "t1 abstains although" in training.find_leaks([replace(fine, kind="absent")], questions)[0]
    later = replace(fine, more=((questions[1].question, "red [1]"),))
    assert training.find_leaks([later], questions) == ["d1 and t1, turn 2 are near-duplicates"]
    twin = replace(questions[1], id="d2", question=questions[0].question)
    assert "near-duplicates" in training.find_leaks([fine], [*questions, twin])[0]


def test_templated_errors_share_no_home_and_no_error_with_dev_and_test(world):
    questions = evaluation.load_questions()
    held_out = [q for q in questions if q.split in ("dev", "test")]
    templated = raft.templated_errors(questions, world.documents)
    assert len(templated) == training.ERRORS and not {q.home for q in templated} & {q.home for q in held_out}
    tested = {(q.cluster.partition(".")[0], a) for q in held_out if q.task == "error" for a in q.answers}
    assert not {(q.home.partition(".")[0], q.answers[0]) for q in templated} & tested
    assert all(q.answers[0] not in q.question for q in templated)
