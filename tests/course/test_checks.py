"""Every check passes right answers however written, rejects wrong ones and names their slip, and leaves blanks alone."""
from __future__ import annotations

import copy
import json

import pytest
from IPython.core.interactiveshell import InteractiveShell

from tests.course import answers_lab1, answers_lab2, answers_lab3
from tests.course.answers import learner_function
from tests.solved import SOLVED
from utils import course, metrics, roi, settings
from utils.course import release
from utils.course.checks.harness import WrongAnswer
from utils.metrics import answers

LABS = (answers_lab1, answers_lab2, answers_lab3)
WRONG = [(name, body, pattern) for lab in LABS for name, rows in lab.WRONG.items() for body, pattern in rows]
RIGHT = [(name, body) for lab in LABS for name, bodies in lab.RIGHT.items() for body in bodies]
# many right answers: tested in test_learner.py and test_open_tasks_lab3.py
OPEN_TASKS = {"answer_confidence", "ask_twice", "choose_pairs", "difference_interval", "fuse_scores", "pack_passages"}
EXERCISES = sorted(set(vars(SOLVED)) - OPEN_TASKS)
IMMUTABLE = {"identifier_words", "dpo_loss", "may_promote", "token_f1", "break_even"}


def check(name, fn):
    getattr(course, f"check_{name}")(fn)


def test_every_check_has_at_least_ten_wrong_answers_and_three_right_ones():
    for lab in LABS:
        assert all(len(rows) >= 10 for rows in lab.WRONG.values()) and all(len(rows) >= 3 for rows in lab.RIGHT.values())
    assert {name for lab in LABS for name in lab.WRONG} == {name for lab in LABS for name in lab.RIGHT} == set(EXERCISES)


@pytest.mark.parametrize(("name", "body", "pattern"), WRONG)
def test_a_wrong_answer_is_rejected_and_its_slip_is_named(name, body, pattern, capsys):
    with pytest.raises(WrongAnswer, match=pattern) as caught:
        check(name, learner_function(name, body))
    text = caught.value.card()["text/plain"]
    assert str(caught.value).startswith(f"{name}(") and text.count("\n") < 12 and "expected" in text
    assert course.use_mine_or_reference(learner_function(name, body)) is getattr(SOLVED, name)


@pytest.mark.parametrize(("name", "body"), RIGHT)
def test_a_right_answer_is_accepted_and_used(name, body, capsys):
    fn = learner_function(name, body)
    check(name, fn)
    assert f"{name}: solved" in capsys.readouterr().out
    assert course.use_mine_or_reference(fn).__wrapped__ is fn and "your" in capsys.readouterr().out


@pytest.mark.parametrize("name", sorted({*EXERCISES} - IMMUTABLE))
def test_a_right_answer_that_changes_its_arguments_is_told_so(name):
    def mutating(*arguments):
        result = copy.deepcopy(getattr(SOLVED, name)(*arguments))
        next(value for value in arguments if hasattr(value, "clear")).clear()
        return result

    with pytest.raises(WrongAnswer, match="changes its argument `"):
        check(name, mutating)


@pytest.mark.parametrize("name", EXERCISES)
def test_an_untouched_exercise_is_to_do_and_code_before_the_raise_is_told_so(name, capsys):
    blank = learner_function(name, "'''The statement.'''\n# YOUR CODE HERE\nraise NotImplementedError")
    check(name, blank)
    assert "to do" in capsys.readouterr().out and course.use_mine_or_reference(blank) is getattr(SOLVED, name)
    with pytest.raises(WrongAnswer, match="raised NotImplementedError.*delete it"):
        check(name, learner_function(name, "result = 1\nraise NotImplementedError"))


def test_every_exercise_of_a_lab_is_to_do_as_the_learner_finds_it_starters_included(capsys):
    for path in sorted((settings.ROOT / "labs").glob("*.ipynb")):
        cells = ["".join(cell["source"]) for cell in json.loads(path.read_text("utf-8"))["cells"]]
        for cell in (cell for cell in cells if release.STUB in cell):
            exec(cell, {"course": course, "metrics": metrics})
    assert capsys.readouterr().out.count("to do") == len(vars(SOLVED))


def test_ipython_shows_a_card_and_one_line_instead_of_a_traceback(capsys):
    shell = InteractiveShell.instance()
    try:
        shell.run_cell("from utils import course\ncourse.check_labels_for(lambda prompt, completion, end: prompt)")
    finally:
        InteractiveShell.clear_instance()
    out = capsys.readouterr().out
    assert "labels_for is not solved yet" in out and "WrongAnswer: labels_for([7, 8], [5], 2) gave [7, 8]" in out
    assert len(out.splitlines()) <= 12 and "Traceback" not in out and "[2, 7]" not in out


def test_an_error_is_told_with_the_line_and_prints_do_not_flood(capsys):
    with pytest.raises(WrongAnswer, match=r"raised ZeroDivisionError: division by zero in line 3.*do not divide by zero"):
        check("precision_and_recall", learner_function("precision_and_recall", "n = len(found & wanted)\n"
                                                       "return n / len(found), n / len(wanted)"))
    check("recall_at_k", learner_function("recall_at_k", "print(ranking)\nreturn ref(ranking, evidence, k)"))
    assert capsys.readouterr().out.count("\n") == 1


def test_an_accepted_answer_that_fails_later_says_so_once_and_the_notebook_goes_on(capsys):
    fn = learner_function("recall_at_k", "assert k < 99\nreturn ref(ranking, evidence, k) if k < 50 else 0.5")
    check("recall_at_k", fn)
    used = course.use_mine_or_reference(fn)
    assert [used(["a"], {"a"}, k) for k in (1, 60, 99)] == [1.0, 1.0, 1.0]
    assert capsys.readouterr().out.count("the course's result is used") == 1


def test_the_exercises_agree_with_the_package():
    import numpy

    assert SOLVED.token_f1("it is 5 minutes", "5 minutes") == pytest.approx(answers.token_f1("it is 5 minutes", ["5 minutes"]))
    first, second = list("aabbatbbat"), list("abbbatbaat")
    assert SOLVED.cohen_kappa(first, second) == pytest.approx(metrics.cohen_kappa(first, second))
    values, clusters = [1.0, 0.0, 1.0, 0.0, 1.0, 1.0], list("aabbcd")
    assert SOLVED.cluster_mean(values, clusters, list("abcd")) == pytest.approx(metrics.mean_interval(values, clusters).mean)
    values = [[3.0, 1.0], [1.0, 2.0]]
    assert SOLVED.expected_regret(values) == pytest.approx(roi.compare_options(numpy.array(values))["regret"].tolist())
