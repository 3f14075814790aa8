"""`progress` tells from stored outputs who solved what; a file that is no lab does not hide the others."""
from __future__ import annotations

import json
import subprocess
import sys

import pytest

from utils import settings
from utils.course import progress

SOLUTIONS = sorted((settings.ROOT / "solutions").glob("*.ipynb"))
LABS = progress.lab_tasks()


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_a_solution_counts_as_solved_and_a_lab_as_blank(path):
    tasks = LABS[path.stem[1]]
    exercises, repairs = (sum(task.repair == repair for task in tasks) for repair in (False, True))
    solved, blank = (progress.progress_row(settings.ROOT / folder / path.name, LABS)[1:] for folder in ("solutions", "labs"))
    assert repairs == 2 and exercises >= 6
    assert solved == (path.stem[1], f"{exercises} of {exercises}", "2 of 2", tasks[-1].section, "")
    assert blank == (path.stem[1], f"0 of {exercises}", "0 of 2", "–", "")


def cell(source: str, *outputs: dict) -> dict:
    return {"cell_type": "code", "metadata": {}, "source": [source], "outputs": list(outputs)}


def said(text: str) -> dict:
    return {"output_type": "stream", "name": "stdout", "text": [text]}


@pytest.fixture
def room(tmp_path):
    """The notebook of one learner, and what else lies in a folder where notebooks were collected."""
    wrong = {"output_type": "error", "ename": "WrongAnswer", "evalue": "", "traceback": []}
    cells = [cell("course.check_split_tokens(split_tokens)", said("split_tokens: solved, 9 cases.\n")),
             cell("course.check_split_tokens(split_tokens)", said("split_tokens: to do.\n")),  # tried again below
             cell("course.check_recall_at_k(recall_at_k)", said("recall_at_k: to do.\n")),
             cell("course.check_fuse_scores(fuse_scores)", wrong),
             cell("course.check_prompt(write_prompt)", said("Not mended yet: the question is missing.\n")),
             cell("course.check_split(split_questions, questions)", said("Mended.\n")),
             cell("print('precision_and_recall: solved')", said("precision_and_recall: solved\n"))]
    (tmp_path / "anna.ipynb").write_text(json.dumps({"cells": cells}))
    (tmp_path / "other.ipynb").write_text(json.dumps({"cells": [cell("1 + 1")]}))
    for name, text in {"broken": "{oops", "list": "[]", "odd": '{"cells": [{"outputs": 3}]}'}.items():
        (tmp_path / f"{name}.ipynb").write_text(text)
    (tmp_path / ".ipynb_checkpoints").mkdir()
    (tmp_path / ".ipynb_checkpoints" / "anna-checkpoint.ipynb").write_text("")
    (tmp_path / "empty").mkdir()
    return tmp_path


def test_a_row_tells_what_is_solved_mended_and_wrong(room):
    *row, wrong = progress.progress_row(room / "anna.ipynb", LABS)[1:]
    assert row == ["1", "1 of 9", "1 of 2", "4. Cut documents into chunks"] and wrong == "prompt, fuse_scores"


def test_every_problem_is_a_sentence_and_the_other_rows_are_shown(room):
    """With the standard library alone, as on a machine where nothing was installed."""
    done = subprocess.run([sys.executable, "-S", "-m", "utils", "progress", str(room), str(room / "empty"), "nowhere.ipynb"],
                          cwd=settings.ROOT, capture_output=True, text=True)
    header, *rows = done.stdout.splitlines()
    assert done.returncode == 1 and header.split()[0] == "notebook" and len(rows) == 1 and "anna.ipynb" in rows[0]
    assert [line.partition(": ")[2].partition(" ")[0] for line in done.stderr.splitlines()] == ["is"] * 4 + ["the", "there"]
