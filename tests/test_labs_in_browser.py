"""The shortest lab whole, as a learner has it: the real command, JupyterLab, *Run All* on the blank notebook, then keys only."""
from __future__ import annotations

import json

import psutil
import pytest

from tests.browser import needs_browser, open_browser, unnamed_controls
from tests.jupyterlab import DESKTOP, NOTEBOOK, PHONE, Notebook, jupyterlab

pytestmark = pytest.mark.browser
LAB = "01_advanced_rag"
GUESS, CHOICE, QUIZ = 'course.guess("closed book"', "course.PipelineChoice(", "course.quiz("


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    needs_browser()
    with jupyterlab(tmp_path_factory.mktemp("whole")) as running:
        yield running


@pytest.fixture(scope="module")
def lab(server, tmp_path_factory):
    with open_browser(tmp_path_factory.mktemp("profile"), DESKTOP) as driver:
        notebook = Notebook(driver, server.address.format(f"{LAB}.ipynb"))
        notebook.command("run-all-cells", seconds=1200)
        yield notebook


def kept(server, section: str) -> dict:
    path = server.cache / "learner.json"
    return json.loads(path.read_text("utf-8")).get(section, {}) if path.exists() else {}


def test_the_blank_lab_runs_to_its_end_and_no_cell_shows_an_error(lab, server):
    code = [cell for cell in lab.cells() if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert lab.errors() == [] and "Traceback" not in json.dumps([cell["outputs"] for cell in code])
    assert "0 of 9 exercises solved in this run" in lab.text(QUIZ)
    assert "Set-up" not in server.log.read_text("utf-8"), "models and index were there already"


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_nothing_is_wider_than_the_screen_and_every_figure_is_seen(lab, width):
    lab.resize(width)
    figures, wide = lab.script(f"return {NOTEBOOK}.node.querySelectorAll('.jp-OutputArea-output img')"), lab.too_wide()
    for n, figure in enumerate(figures, 1):
        lab.keep(figure, f"{LAB}-figure-{n}-{width}")
    for words, name in ((GUESS, "guess"), (CHOICE, "choice"), (QUIZ, "quiz")):
        lab.keep(lab.outputs(words), f"{LAB}-{name}-{width}")
    hidden = [n for n, figure in enumerate(figures, 1)
              if not figure.get_property("naturalWidth") or figure.size["width"] < width / 3 or figure.size["height"] < 60]
    lab.resize(DESKTOP)
    assert wide == [] and len(figures) >= 5 and hidden == []


def test_a_guess_is_kept_by_keyboard(lab, server):
    from selenium.webdriver.common.keys import Keys

    lab.press("input[type=number]", Keys.CONTROL + "a" + Keys.NULL, "3", Keys.TAB, Keys.ENTER, words=GUESS)
    lab.until(lambda: "Kept: 3" in lab.text(GUESS))
    assert kept(server, "guesses") == {"closed book": 3}
    assert unnamed_controls(lab.driver, ".jp-OutputArea-output") == []


def test_a_quiz_is_answered_by_keyboard(lab, server):
    from selenium.webdriver.common.keys import Keys

    lab.press("input[type=radio]", Keys.SPACE, words=QUIZ)
    lab.until(lambda: "No. " in lab.text(QUIZ) and "0 of 4 right so far" in lab.text(QUIZ))
    lab.press("input[type=radio]:checked", Keys.ARROW_DOWN, words=QUIZ)
    lab.until(lambda: "Right. " in lab.text(QUIZ) and "1 of 4 right so far" in lab.text(QUIZ))
    assert kept(server, "quizzes") == {"lab1": {"1": 1}}


def test_a_pipeline_is_chosen_and_scored_by_keyboard(lab, server):
    from selenium.webdriver.common.keys import Keys

    lab.press("select", Keys.ARROW_DOWN, words=CHOICE)
    lab.press("input[type=checkbox]", Keys.SPACE, words=CHOICE)
    lab.press("button", Keys.ENTER, words=CHOICE)
    label = "240 tokens, 3 of 480, section chunks with headers"
    lab.until(lambda: f": {label}" in lab.text(CHOICE))
    assert list(kept(server, "tries")) == [label]
    lab.keep(lab.outputs(CHOICE), f"{LAB}-scored")


def test_ended_the_command_ends_jupyterlab_and_its_kernels(lab, server):
    family = server.command.children(recursive=True)
    assert any("ipykernel_launcher" in " ".join(process.cmdline()) for process in family)
    server.command.terminate()
    assert psutil.wait_procs([server.command, *family], timeout=60)[1] == []
