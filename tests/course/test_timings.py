"""Seconds by cell are measured, kept and summed up as the schedules have them; the paths keep their minutes."""
from __future__ import annotations

import json
import re

import nbformat
import pytest

from utils import settings
from utils.course import notebooks, timings

README = settings.ROOT / "labs" / "README.md"
SCHEDULE = """| sections | lab 1, 9 minutes | minutes | machine, seconds |
|---|---|---|---|
| 1–2 | words | 5 | – |
| 3 | more | 4 | – |

Slow cells, seconds by cell number (not measured yet): –.
"""
STATED = r"the computer works for (\d+)"


def test_a_run_stores_seconds_by_cell_and_renews_the_schedule_but_not_the_notebook(tmp_path, monkeypatch):
    for name in ("solutions", "labs"):
        (tmp_path / name).mkdir()
    new = nbformat.v4
    book = new.new_notebook(cells=[new.new_code_cell("1"), new.new_markdown_cell("## 2. Second"),
                                   new.new_code_cell("import time; time.sleep(1.2)", execution_count=2),
                                   new.new_markdown_cell("## 3. Third"), new.new_code_cell("2"),
                                   new.new_code_cell("3", metadata={"tags": ["author-check"]})])
    path = tmp_path / "solutions" / "01_tiny.ipynb"
    nbformat.write(book, path)
    (tmp_path / "labs" / "README.md").write_text(SCHEDULE)
    before = path.read_bytes()
    monkeypatch.setattr(timings, "SLOW_SECONDS", 1)
    assert notebooks.run_notebooks(path.parent, fast=False, save=False, save_timings=True) == 0
    seconds = json.loads((path.parent / "timings.json").read_text())[path.name]["seconds"]
    assert list(seconds) == sorted(cell.id for cell in book.cells[:-1] if cell.cell_type == "code")
    assert seconds[book.cells[2].id] >= 1.2 and path.read_bytes() == before
    readme = (tmp_path / "labs" / "README.md").read_text()
    (first,) = re.findall(r"\| 1–2 \| words \| 5 \| (\d+) \|", readme)
    assert int(first) >= 1 and "| 3 | more | 4 | 0 |" in readme and "[2] " in readme
    assert timings.with_machine_seconds(readme, tmp_path) == readme


@pytest.mark.parametrize(("folder", "fast"), [("solutions", True), ("labs", False)])
def test_only_full_runs_of_the_solutions_are_timed(folder, fast):
    with pytest.raises(ValueError, match="--save-timings is for the solutions at full size"):
        notebooks.run_notebooks(settings.ROOT / folder, fast, save=False, save_timings=True)


def test_the_schedules_have_the_measured_seconds_of_cells_that_exist():
    readme = README.read_text("utf-8")
    assert timings.with_machine_seconds(readme) == readme
    for name, measured in timings.load_timings().items():
        cells = json.loads((settings.ROOT / "solutions" / name).read_text("utf-8"))["cells"]
        assert set(measured["seconds"]) <= {cell["id"] for cell in cells if cell["cell_type"] == "code"}
        stated = int(re.search(STATED, "".join(cells[0]["source"]))[1])
        assert sum(measured["seconds"].values()) <= 60 * stated + 30, f"{name} states fewer minutes than it takes"


def sections(text: str) -> set[int]:
    """The numbers of "1–3, 8"."""
    return {n for part in text.split(", ") for n in range(int(part.split("–")[0]), int(part.split("–")[-1]) + 1)}


def test_every_path_goes_through_whole_rows_that_add_up_to_its_minutes():
    readme = README.read_text("utf-8")
    tables = re.findall(r"^\| sections \| lab \d, (\d+) minutes .*\n\|[-|]*\n((?:\| .*\n)+)", readme, re.M)
    rows = [[(sections(place), int(re.match(r"\d+", minutes)[0])) for place, _, minutes, _ in
             (line.strip("| ").split(" | ") for line in body.splitlines())] for _, body in tables]
    assert [sum(minutes for _, minutes in lab) for lab in rows] == [int(total) for total, _ in tables]
    for lab, path in zip(rows, sorted((settings.ROOT / "solutions").glob("*.ipynb")), strict=True):
        assert set.union(*(place for place, _ in lab)) == set(map(int, re.findall(r'"## (\d+)\.', path.read_text("utf-8"))))
    paths = re.findall(r"^\| (60 minutes, one lab|90 minutes, one lab|a day, \d+ minutes) \| (.*) \|$", readme, re.M)
    assert len(paths) == 3
    for name, cells in paths:
        minutes = []
        for lab, own in zip(rows, map(sections, cells.split(" | ")), strict=True):
            taken = [(place, minutes) for place, minutes in lab if place & own]
            assert all(place <= own for place, _ in taken), f"{name} cuts a row in two"
            minutes.append(sum(minutes for _, minutes in taken))
        stated = int(re.search(r"\d+", name)[0])
        assert sum(minutes) == stated if name.startswith("a day") else minutes == [stated] * 3
