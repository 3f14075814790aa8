"""The labs as learners meet them: opened by the command `lab` in a real browser, worked on by keyboard."""
from __future__ import annotations

import json

import pytest

from tests.browser import needs_browser, open_browser, unnamed_controls
from tests.jupyterlab import Notebook, jupyterlab

pytestmark = pytest.mark.browser
DESK, PHONE = 1366, 390
# Lab → an exercise, a wrong and a right body, what a wrong answer is asked.
EXERCISES = {
    "01_advanced_rag": ("recall_at_k", "return float(ranking[0] in evidence)", "return float(bool(evidence & set(ranking[:k])))"),
    "02_finetune_with_feedback": ("lora_parameters", "return sum(rank * i * o for i, o in shapes)",
                                  "return sum(rank * (i + o) for i, o in shapes)"),
    "03_evaluate_and_roi": ("break_even", "return (fixed_b - fixed_a) / (each_a - each_b)",
                            "if fixed_b <= fixed_a and each_b <= each_a:\n        return 0.0\n"
                            "    return (fixed_b - fixed_a) / (each_a - each_b) if each_b < each_a else None"),
}
SHORTEST = "01_advanced_rag"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("labs")


@pytest.fixture(scope="module")
def opened(home):
    """A function that opens a lab in the one window."""
    needs_browser()
    with jupyterlab(home) as address, open_browser(home / "profile", DESK) as driver:
        yield lambda lab: Notebook(driver, address.format(f"{lab}.ipynb"))


def learner_file(home) -> dict:
    path = home / "home" / "learner.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


@pytest.fixture(scope="module")
def shortest(opened):
    """The shortest lab, run whole as it is handed out: every exercise blank."""
    notebook = opened(SHORTEST)
    notebook.run_all()
    return notebook


@pytest.mark.parametrize("lab", EXERCISES)
def test_an_exercise_says_that_it_is_to_do_then_wrong_then_right(opened, lab):
    name, wrong, right = EXERCISES[lab]
    notebook = opened(lab)
    notebook.run("environment.install()")
    blank = notebook.script("return " + "jupyterapp.shell.currentWidget.content.widgets[arguments[0]].model.sharedModel"
                            ".getSource()", notebook.place(f"course.check_{name}("))
    assert "to do" in notebook.run(f"course.check_{name}(")
    said = notebook.run(f"course.check_{name}(", solved(blank, wrong))
    assert "is not solved yet" in said and "Traceback" not in said
    notebook.show(f"course.check_{name}(")
    assert "is not solved yet" in notebook.element("b").text and not notebook.too_wide()
    notebook.picture(f"{lab}-wrong")
    assert f"{name}: solved" in notebook.run(f"course.check_{name}(", solved(blank, right))


def solved(blank: str, body: str) -> str:
    """The exercise's cell with this body."""
    return blank.replace("raise NotImplementedError", body)


def test_the_shortest_lab_runs_whole_and_nothing_is_wider_than_its_place(shortest):
    assert shortest.script("return document.querySelectorAll('.jp-Notebook-cell').length")
    wide = {}
    for words in ("plots.recall_curve(", "plots.gain_against_cost(", "choice.widget()", "course.quiz("):
        shortest.show(words)
        shortest.picture(f"{SHORTEST}-{len(wide)}")
        wide[words] = shortest.too_wide()
    assert not any(wide.values()), wide


def test_a_guess_is_kept_by_keyboard(shortest, home):
    from selenium.webdriver.common.keys import Keys

    words = 'course.guess("closed book"'
    shortest.run(words)
    shortest.show(words)
    assert unnamed_controls(shortest.driver, shortest.area) == []
    shortest.press("input[type=number]", Keys.ARROW_UP, Keys.TAB, Keys.ENTER)
    shortest.until(lambda: learner_file(home).get("guesses") == {"closed book": 1})
    said = shortest.run("course.compare_guess(")
    assert "You guessed 1 of 5" in said


def test_a_pipeline_is_chosen_and_scored_by_keyboard(shortest, home):
    from selenium.webdriver.common.keys import Keys

    shortest.show("choice.widget()")
    shortest.press("input[type=checkbox]", Keys.SPACE)
    shortest.press(".widget-dropdown ~ .widget-dropdown select", Keys.ARROW_DOWN)
    shortest.press(".widget-checkbox ~ .widget-hbox button", Keys.ENTER)
    shortest.until(lambda: "tries" in learner_file(home))
    assert list(learner_file(home)["tries"]) == ["120 tokens, 5 of 480, section chunks with headers"]
    shortest.until(lambda: "Score" in shortest.element(".widget-checkbox ~ .widget-hbox [role=status]").text)
    shortest.picture(f"{SHORTEST}-choice")


def test_a_quiz_explains_a_choice_made_by_keyboard(shortest, home):
    from selenium.webdriver.common.keys import Keys

    shortest.show("course.quiz(")
    shortest.press("input[type=radio]", Keys.SPACE)
    shortest.until(lambda: "quizzes" in learner_file(home))
    shortest.until(lambda: "of 4 right so far" in shortest.script("return document.body.innerText"))


def test_on_a_phone_nothing_is_wider_than_the_screen(shortest):
    metrics = {"width": PHONE, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    shortest.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    shortest.script("jupyterapp.shell.collapseLeft(); jupyterapp.shell.collapseRight()")
    shortest.show("course.quiz(")
    shortest.picture(f"{SHORTEST}-phone")
    assert not shortest.too_wide(besides="table")
