"""The notebooks' form: short cells, prose before code, figures small and described, nothing left unexecuted."""
from __future__ import annotations

import json
import re
import statistics

import pytest

from utils import settings

SOLUTIONS = sorted((settings.ROOT / "solutions").glob("*.ipynb"))
EXERCISES, FIGURES = 6, 3


def cells(path) -> list[dict]:
    return json.loads(path.read_text("utf-8"))["cells"]


def code(path) -> list[dict]:
    return [cell for cell in cells(path) if cell["cell_type"] == "code"]


def lines(cell) -> int:
    return sum(bool(line.strip()) for line in "".join(cell["source"]).split("\n"))


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda p: p.stem)
def test_cells_are_short(path):
    counts = [lines(cell) for cell in code(path)]
    assert max(counts) <= 25 and statistics.median(counts) <= 9


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda p: p.stem)
def test_code_stands_under_prose(path):
    every = cells(path)
    under = [before["cell_type"] == "markdown" for before, cell in zip(every, every[1:], strict=False)
             if cell["cell_type"] == "code"]
    assert sum(under) >= 0.95 * len(under)


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
    first, last = "".join(cells(path)[0]["source"]), "".join(cells(path)[-1]["source"])
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
