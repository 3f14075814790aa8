"""Lab 3's prices and page and lab 2's annotator as learners meet them: in JupyterLab, in a real browser, by keyboard."""
from __future__ import annotations

import json

import pytest
import yaml

from tests.browser import needs_browser, open_browser, unnamed_controls
from tests.jupyterlab import Notebook, jupyterlab, lab_cells, write_notebook

pytestmark = pytest.mark.browser
WIDTH = 1366
HANDLE = ".own-price:nth-child({}) .noUi-handle"
SETUP = """from pathlib import Path
from IPython.display import Markdown, display
from utils import course, evaluation, roi, training
from utils.types import Chunk

questions = evaluation.load_questions()
known = {{question.id: question for question in questions}}
stored = evaluation.load_records("lab3_test")
CHOICES = {choices}
now, ranges, _ = roi.load_assumptions()
options = [roi.option_of_arm(arm, evaluation.outcome_shares(stored, arm), evaluation.mean_usage(stored, arm))
           for arm in CHOICES]
result = roi.compare_options(roi.simulate(options, evaluation.outcome_draws(stored, CHOICES, 2_000), now, ranges))
author_pairs, question_of = training.load_pairs(), known
chunks = {{id_: Chunk(id_, id_, "overview", "A passage.", "") for pair in author_pairs for id_ in pair.passages}}"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("jupyterlab")


@pytest.fixture(scope="module")
def lab(home):
    """A notebook of the labs' own cells, which ran once: set-up, prices, annotator, page."""
    needs_browser()
    first, prices, page = lab_cells("03_evaluate_and_roi", "CHOICES = [", "course.own_prices(", "course.show_page(")
    (annotator,) = lab_cells("02_finetune_with_feedback", "course.PreferenceAnnotator(")
    choices = first.partition("CHOICES = ")[2].partition("]")[0] + "]"
    annotator = "annotator = " + annotator.partition("annotator = ")[2]
    with jupyterlab(home) as address, open_browser(home / "profile", WIDTH) as driver:
        write_notebook(home / "course" / "labs" / "lab.ipynb", [SETUP.format(choices=choices), prices, annotator, page])
        notebook = Notebook(driver, address.format("lab.ipynb"))
        notebook.run_all()
        yield notebook


def in_page(lab, code: str):
    """The value of JavaScript within the page's frame, once it holds the page."""
    def run():
        lab.driver.switch_to.default_content()
        frame = lab.driver.find_element("css selector", ".jp-OutputArea-output iframe")
        lab.driver.execute_script("arguments[0].scrollIntoView()", frame)
        lab.driver.switch_to.frame(frame)
        return lab.script(code)

    return lab.until(run)


def test_every_control_has_a_name_and_a_slider_says_its_value_with_the_unit(lab):
    lab.until(lambda: lab.element(HANDLE.format(1)).get_attribute("aria-valuetext") == "1 USD per answer")
    assert lab.element(HANDLE.format(4)).accessible_name == "questions a month"
    assert unnamed_controls(lab.driver, ".jp-OutputArea-output") == []


def test_a_slider_moves_by_keyboard_and_the_sentence_and_the_file_follow_until_reset(lab, home):
    from selenium.webdriver.common.keys import Keys

    own, answer = home / "home" / "own_prices.yaml", lab.element(".own-answer")
    before = answer.text
    lab.press(HANDLE.format(1), Keys.PAGE_UP)
    lab.until(lambda: "value of a correct answer 1.5 instead of 1." in answer.text)
    assert answer.text.partition("Kept")[0] != before.partition("All prices")[0]
    assert yaml.safe_load(own.read_text("utf-8"))["value_of_answers"]["correct"]["value"] == 1.5
    lab.until(lambda: lab.element(HANDLE.format(1)).get_attribute("aria-valuetext") == "1.5 USD per answer")
    lab.press(".own-reset", Keys.ENTER)
    lab.until(lambda: answer.text == before)
    assert not own.exists()


def test_a_pair_is_labelled_and_the_label_undone_by_keyboard(lab, home):
    from selenium.webdriver.common.keys import Keys

    lab.press("button[title='Left is better']", Keys.ENTER)
    lab.until(lambda: "Labelled: 1," in lab.script("return document.body.innerText"))
    (line,) = (home / "home" / "learner_feedback.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line)["label"] == "a" and json.loads(line)["source"] == "learner"
    lab.press("button[title='Undo last label']", Keys.ENTER)
    lab.until(lambda: "Labelled: 0," in lab.script("return document.body.innerText"))
    assert not (home / "home" / "learner_feedback.jsonl").read_text("utf-8")


def test_own_prices_survive_a_new_kernel_and_a_reload_and_the_page_starts_from_them(lab):
    from selenium.webdriver.common.keys import Keys

    lab.press(HANDLE.format(2), Keys.END)
    lab.until(lambda: "cost of a wrong answer 4 instead of 0.5." in lab.element(".own-answer").text)
    lab.restart()
    lab.open()
    lab.run_all()
    lab.until(lambda: lab.element(HANDLE.format(2)).get_attribute("aria-valuetext") == "4 USD per answer")
    assert "cost of a wrong answer 4 instead of 0.5." in lab.element(".own-answer").text
    assert in_page(lab, "return data.assumptions.wrong") == 4
    assert "values of your own: cost of a wrong answer 4 USD per answer." in lab.script("return document.body.textContent")


def test_the_page_works_within_jupyterlab(lab):
    from selenium.webdriver.common.keys import Keys

    def moves() -> bool:
        before = in_page(lab, "return document.querySelector('#sliders input').getAttribute('aria-valuetext')")
        slider = lab.driver.find_element("css selector", "#sliders input")
        slider.send_keys(Keys.PAGE_DOWN)
        return slider.get_attribute("aria-valuetext") != before

    assert lab.until(moves)
    assert lab.script("return document.documentElement.scrollWidth <= innerWidth")


def test_nothing_is_wider_than_the_screen(lab):
    lab.driver.switch_to.default_content()
    assert not lab.too_wide()
    lab.picture("prices-annotator-page")
