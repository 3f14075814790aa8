"""Labs 2 and 3 as learners meet them: set-up, an exercise answered wrongly and rightly, annotator, prices and page, by keys."""
from __future__ import annotations

import contextlib
import json
import textwrap

import pytest
import yaml

from tests.browser import needs_browser, open_browser, unnamed_controls
from tests.course import answers_lab2, answers_lab3
from tests.jupyterlab import DESKTOP, PHONE, Notebook, jupyterlab

pytestmark = pytest.mark.browser
SETUP = "environment.install()", "questions = evaluation.load_questions("
ANNOTATOR, PRICES, PAGE = "course.PreferenceAnnotator(", "course.own_prices(", "page = roi.write_report("
HANDLE = ".own-price:nth-child({}) .noUi-handle"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    needs_browser()
    with jupyterlab(tmp_path_factory.mktemp("jupyterlab")) as running:
        yield running


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    needs_browser()
    with open_browser(tmp_path_factory.mktemp("profile"), DESKTOP) as driver:
        yield driver


@pytest.fixture(scope="module")
def lab2(server, driver):
    """Lab 2 after its set-up."""
    return opened(server, driver, "02_finetune_with_feedback")


@pytest.fixture(scope="module")
def lab3(server, driver):
    """Lab 3 after its set-up. Use it after lab 2: one browser shows one of them."""
    return opened(server, driver, "03_evaluate_and_roi")


@pytest.fixture(scope="module")
def priced(lab3):
    """Lab 3 with its sliders and its page."""
    lab3.run(PRICES, PAGE)
    return lab3


def opened(server, driver, name: str) -> Notebook:
    notebook = Notebook(driver, server.address.format(f"{name}.ipynb"))
    notebook.run(*SETUP)
    return notebook


def check_exercise(lab: Notebook, name: str, answers) -> None:
    """A wrong answer shows its card in place of a traceback, and stops the cells below; a right one is solved."""
    words, right = f"def {name}(", next(body for body in answers.RIGHT[name] if "ref(" not in body)
    blank = lab.cells()[lab.place(words)]["source"]
    for body in (answers.WRONG[name][0][0], right):
        lab.write(words, blank.replace("    # YOUR CODE HERE\n    raise NotImplementedError", textwrap.indent(body, "    ")))
        lab.command("run-cell" if body == right else "run-all-below", words)
        told, below = lab.text(words), lab.cells()[lab.place(words) + 1 :]
        lab.keep(lab.outputs(words), f"{name}-{'right' if body == right else 'wrong'}")
        assert (f"{name} is not solved yet" in told) == (body != right) == bool(lab.errors())
        assert (f"{name}: solved" in told) == (body == right)
        assert "Traceback" not in told and not any(cell.get("execution_count") for cell in below)


def wide_things(lab: Notebook, width: int, *shown: str) -> list[str]:
    """What does not fit a screen of this width; keeps a screenshot of the outputs of these cells."""
    lab.resize(width)
    for words in shown:
        lab.keep(lab.outputs(words), f"{words.strip('(').rpartition('.')[2]}-{width}")
    wide = lab.too_wide()
    lab.resize(DESKTOP)
    return wide


@contextlib.contextmanager
def frame(lab: Notebook):
    """The page's frame, once it holds the page."""
    def holds_page() -> bool:
        lab.driver.switch_to.default_content()
        lab.driver.switch_to.frame(lab.element("iframe", PAGE))
        return lab.script("return Boolean(data.assumptions)")

    lab.until(holds_page)
    yield
    lab.driver.switch_to.default_content()


def test_an_exercise_of_lab_2_tells_a_slip_and_then_that_it_is_solved(lab2):
    check_exercise(lab2, "raft_example", answers_lab2)


def test_a_pair_is_labelled_and_the_label_undone_by_keyboard(lab2, server):
    from selenium.webdriver.common.keys import Keys

    labels = server.cache / "learner_feedback.jsonl"
    lab2.run(ANNOTATOR)
    assert unnamed_controls(lab2.driver, ".jp-OutputArea-output") == []
    lab2.press("button[title='Left is better']", Keys.ENTER)
    lab2.until(lambda: "Labelled: 1," in lab2.text(ANNOTATOR))
    (line,) = labels.read_text("utf-8").splitlines()
    assert json.loads(line)["label"] == "a" and json.loads(line)["source"] == "learner"
    lab2.press("button[title='Undo last label']", Keys.ENTER)
    lab2.until(lambda: "Labelled: 0," in lab2.text(ANNOTATOR))
    assert not labels.read_text("utf-8")


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_nothing_of_lab_2_is_wider_than_the_screen(lab2, width):
    assert wide_things(lab2, width, ANNOTATOR) == []


def test_an_exercise_of_lab_3_tells_a_slip_and_then_that_it_is_solved(lab3):
    check_exercise(lab3, "token_f1", answers_lab3)


def test_every_control_has_a_name_and_a_slider_says_its_value_with_the_unit(priced):
    priced.until(lambda: priced.element(HANDLE.format(1)).get_attribute("aria-valuetext") == "1 USD per answer")
    assert priced.element(HANDLE.format(4)).accessible_name == "questions a month"
    assert unnamed_controls(priced.driver, ".jp-OutputArea-output") == []


def test_a_slider_moves_by_keyboard_and_the_sentence_and_the_file_follow_until_reset(priced, server):
    from selenium.webdriver.common.keys import Keys

    own, answer = server.cache / "own_prices.yaml", priced.element(".own-answer")
    before = answer.text
    priced.press(HANDLE.format(1), Keys.PAGE_UP)
    priced.until(lambda: "value of a correct answer 1.5 instead of 1." in answer.text)
    assert answer.text.partition("Kept")[0] != before.partition("All prices")[0]
    assert yaml.safe_load(own.read_text("utf-8"))["value_of_answers"]["correct"]["value"] == 1.5
    priced.until(lambda: priced.element(HANDLE.format(1)).get_attribute("aria-valuetext") == "1.5 USD per answer")
    priced.press(".own-reset", Keys.ENTER)
    priced.until(lambda: answer.text == before)
    assert not own.exists()


def test_own_prices_survive_a_new_kernel_and_a_reload_and_the_page_starts_from_them(priced):
    from selenium.webdriver.common.keys import Keys

    priced.press(HANDLE.format(2), Keys.END)
    priced.until(lambda: "cost of a wrong answer 4 instead of 0.5." in priced.element(".own-answer").text)
    priced.restart()
    priced.open()
    priced.run(*SETUP, PRICES, PAGE)
    priced.until(lambda: priced.element(HANDLE.format(2)).get_attribute("aria-valuetext") == "4 USD per answer")
    assert "cost of a wrong answer 4 instead of 0.5." in priced.element(".own-answer").text
    with frame(priced):
        assert priced.script("return data.assumptions.wrong") == 4
        assert "values of your own: cost of a wrong answer 4 USD per answer." in priced.script("return document.body.textContent")


def test_the_page_works_within_jupyterlab(priced):
    from selenium.webdriver.common.keys import Keys

    def moves() -> bool:
        slider = priced.driver.find_element("css selector", "#sliders input")
        before = slider.get_attribute("aria-valuetext")
        slider.send_keys(Keys.PAGE_DOWN)
        return slider.get_attribute("aria-valuetext") != before

    with frame(priced):
        assert priced.until(moves)
        assert priced.script("return document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_nothing_of_lab_3_is_wider_than_the_screen(priced, width):
    assert wide_things(priced, width, PRICES, PAGE) == []
