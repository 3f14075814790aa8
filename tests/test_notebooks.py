"""The notebooks' form: short cells, prose before code, figures small and described, nothing left unexecuted."""
from __future__ import annotations

import json
import re
import statistics

import pytest

from utils import settings
from utils.course.release import NOTE, make_lab

SOLUTIONS = sorted((settings.ROOT / "solutions").glob("*.ipynb"))
EXERCISES, FIGURES = 6, 3


def cells(path) -> list[dict]:
    """The cells that a learner sees, with solutions and outputs: all but the notes for instructors."""
    return [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if not is_note(cell)]


def is_note(cell: dict) -> bool:
    return NOTE in cell["metadata"].get("tags", [])


def code(path) -> list[dict]:
    return [cell for cell in cells(path) if cell["cell_type"] == "code"]


def lines(cell) -> int:
    """Lines of code, without markers and the fault that a repair puts back into the lab."""
    text = re.sub(r"^ *### BROKEN.*?### END REPAIR$|^ *### .*$", "", "".join(cell["source"]), flags=re.S | re.M)
    return sum(bool(line.strip()) for line in text.split("\n"))


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda p: p.stem)
def test_cells_are_short(path):
    counts = [lines(cell) for cell in code(path)]
    assert max(counts) <= 25 and statistics.median(counts) <= 9


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda p: p.stem)
def test_solutions_are_executed_without_errors_and_in_order(path):
    counts = [cell["execution_count"] for cell in code(path)]
    assert sum(count is not None for count in counts) >= 0.98 * len(counts)
    assert counts == sorted(counts, key=lambda count: count or 0)
    assert not [o for cell in code(path) for o in cell["outputs"] if o["output_type"] == "error"]


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda p: p.stem)
def test_there_are_exercises_and_figures_and_every_figure_is_small_and_described(path):
    exercises = [cell for cell in code(path) if "### BEGIN SOLUTION" in "".join(cell["source"])]
    figures = [o for cell in code(path) for o in cell["outputs"] if "image/png" in o.get("data", {})]
    assert len(exercises) >= EXERCISES and len(figures) >= FIGURES
    for figure in figures:
        assert len(figure["data"]["image/png"]) * 3 / 4 <= 100_000
        assert figure["metadata"].get("image/png", figure["metadata"]).get("alt")


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda p: p.stem)
def test_the_opening_and_the_closing_are_there(path):
    first, *_, last = ("".join(cell["source"]) for cell in cells(path) if cell["cell_type"] == "markdown")
    for words in ("colab", "# ", "minutes", "Prerequisites", "Hardware"):
        assert words in first
    assert "next" in last.lower()


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda p: p.stem)
def test_prose_takes_its_measured_numbers_from_variables(path):
    """A decimal number or percentage in markdown is either in a code span, a formula or cited."""
    for cell in cells(path):
        if cell["cell_type"] == "markdown":
            text = re.sub(r"`[^`]*`|\$[^$]*\$|\([^)]*\)|<[^>]*>", "", "".join(cell["source"]))
            assert not re.findall(r"\b0\.\d+\b|\b\d+(?:\.\d+)? ?%", text), text[:80]


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda p: p.stem)
def test_saved_outputs_are_small_and_name_no_machine(path):
    text = json.dumps([cell["outputs"] for cell in code(path)])
    assert len(text) < 700_000
    assert not re.search(r"/(root|home|work|tmp|Users)/", text)


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda p: p.stem)
def test_a_lab_is_short_enough_to_be_read(path):
    texts = ["".join(cell["source"]) for cell in cells(path) if cell["cell_type"] == "markdown"]
    words = [len(re.sub(r"<[^>]*>|\|", " ", text).split()) for text in texts]
    assert len(cells(path)) <= 90 and sum(len(re.findall(r"^## ", text, re.M)) for text in texts) <= 12
    assert sum(words) <= 2500 and statistics.median(words) <= 60 and max(len(text.split()) for text in texts) <= 120


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda p: p.stem)
def test_code_is_narrow_stands_under_prose_and_asserts_only_for_authors(path):
    every = cells(path)
    for before, cell in zip(every, every[1:], strict=False):
        if cell["cell_type"] == "code":
            text, tags = "".join(cell["source"]), cell["metadata"].get("tags", [])
            assert before["cell_type"] == "markdown" and max(map(len, text.split("\n"))) <= 100, text[:60]
            assert ("author-check" in tags) == bool(re.search(r"^\s*assert ", text, re.M)), text[:60]
            if "author-check" in tags:
                assert text.startswith("if course.authors_checks():\n    ") and cell["metadata"]["jupyter"]["source_hidden"]


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda p: p.stem)
def test_there_is_something_to_do_for_every_exercise(path):
    text = "\n".join("".join(cell["source"]) for cell in cells(path))
    tasks = re.findall(r"course\.(?:guess|quiz|own_prices|check_(?:prompt|split|judge|interval|training_data|ask_in_both_orders)"
                       r"|PipelineChoice|PreferenceAnnotator)\(|Change the|change them|reword", text)
    assert len(tasks) >= text.count("### BEGIN SOLUTION") >= EXERCISES
    assert len(re.findall(r"\((?:10|20) minutes, hard\)", text)) == 2


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda p: p.stem)
def test_both_repairs_are_made_in_the_solution(path):
    repairs = [cell for cell in code(path) if "### BEGIN REPAIR" in "".join(cell["source"])]
    assert len(repairs) == 2 and all("Mended." in json.dumps(cell["outputs"]) for cell in repairs)


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda p: p.stem)
def test_a_short_collapsed_note_for_instructors_follows_every_task_and_open_question(path):
    book = json.loads(path.read_text("utf-8"))
    for before, cell in zip(book["cells"], book["cells"][1:], strict=False):
        source, task = "".join(before["source"]), before["cell_type"] == "code" and "### BEGIN" in "".join(before["source"])
        assert is_note(cell) or not (task or "**An open question.**" in source), source[:60]
        if is_note(cell):
            form = r"<details><summary>For instructors: (the slip to expect|an answer)</summary>(.*)</details>"
            kind, text = re.fullmatch(form, "".join(cell["source"])).groups()
            assert (kind == "the slip to expect") == task and len(text.split()) <= (100 if task else 60), text[:60]
            assert not re.findall(r"\b0\.\d|\d ?%", re.sub(r"`[^`]*`", "", text)), "measured numbers stand in outputs"
    assert not any(map(is_note, make_lab(book)["cells"]))
