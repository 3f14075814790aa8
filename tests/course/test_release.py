"""Labs are the solutions without the exercise bodies."""
from __future__ import annotations

import ast
import copy
import json

import pytest

from utils import settings
from utils.course import release
from utils.course.reference_solutions import BEGIN, exercise_sources

SOURCE = '''def double(x: int) -> int:
    """Twice x.

    >>> double(2)
    4
    """
    ### BEGIN SOLUTION
    y = x + x
    return y
    ### END SOLUTION


checks.check_double(double)'''
LABS = sorted((settings.ROOT / "solutions").glob("*.ipynb"))


def text(cell: dict) -> str:
    return "".join(cell["source"])


def fill_lab(lab: dict, solution: dict) -> dict:
    """The lab with each stub replaced by the code of the solution cell with the same id."""
    bodies, filled = {cell["id"]: text(cell) for cell in solution["cells"]}, copy.deepcopy(lab)
    for cell in filled["cells"]:
        cell["source"] = text(cell)
        if release.STUB in cell["source"] or release.REPAIR in bodies[cell["id"]]:
            if release.blank_solutions(bodies[cell["id"]]) != cell["source"]:
                raise ValueError(f"cell {cell['id']} is not the solution's cell with its body removed")
            cell["source"] = bodies[cell["id"]]
    return filled


def test_signature_docstring_and_check_survive_and_the_body_does_not():
    blank = release.blank_solutions(SOURCE)
    assert 'Twice x.' in blank and "checks.check_double(double)" in blank and "x + x" not in blank
    namespace: dict = {"checks": type("C", (), {"check_double": staticmethod(lambda fn: None)})}
    exec(blank, namespace)
    with pytest.raises(NotImplementedError):
        namespace["double"](2)


def test_a_repair_keeps_its_fault_in_the_lab():
    mended = "    ### BEGIN REPAIR\n    return 1\n"
    faulty = "    ### BROKEN\n    # return [\n    #     2]  # why\n    ### END REPAIR\n"
    assert release.blank_solutions(f"def f():\n{mended}{faulty}f()") == "def f():\n    return [\n        2]  # why\nf()"


@pytest.mark.parametrize("source", ["### BEGIN SOLUTION\nx", "### END SOLUTION", "### BEGIN SOLUTION\n### BEGIN SOLUTION\n",
                                    "### BEGIN REPAIR\nx\n### END REPAIR", "### BROKEN"])
def test_unpaired_markers_are_refused(source):
    with pytest.raises(ValueError, match="without"):
        release.blank_solutions(source)


def test_labs_match_solutions():
    assert LABS and release.release_labs(check=True) == 0


@pytest.mark.parametrize("path", LABS, ids=lambda p: p.stem)
def test_filling_a_lab_from_its_solution_gives_back_the_solutions_code(path):
    solution = json.loads(path.read_text("utf-8"))
    lab = json.loads((settings.ROOT / "labs" / path.name).read_text("utf-8"))
    filled = fill_lab(lab, solution)
    code = [["".join(c["source"]) for c in book["cells"] if c["cell_type"] == "code"] for book in (filled, solution)]
    assert code[0] == code[1]
    assert not [c for c in lab["cells"] if "BEGIN SOLUTION" in "".join(c["source"])]
    assert not [c for c in lab["cells"] if c.get("outputs") or c.get("execution_count")]


def test_a_changed_lab_cell_is_detected_when_filling():
    solution = {"cells": [{"id": "a", "cell_type": "code", "source": SOURCE}]}
    lab = {"cells": [{"id": "a", "cell_type": "code", "source": release.blank_solutions(SOURCE).replace("Twice", "Thrice")}]}
    with pytest.raises(ValueError, match="cell a is not"):
        fill_lab(lab, solution)


@pytest.mark.parametrize("path", LABS, ids=lambda p: p.stem)
def test_badge_and_clone_address_come_from_settings(path):
    for folder in ("labs", "solutions"):
        text = (settings.ROOT / folder / path.name).read_text("utf-8")
        book = json.loads(text)
        sources = "\n".join("".join(cell["source"]) for cell in book["cells"])
        assert release.colab_badge(f"labs/{path.name}") in sources
        assert f'REPOSITORY = "{settings.REPOSITORY_URL}"' in sources


def test_readme_badges_come_from_settings():
    readme = (settings.ROOT / "README.md").read_text("utf-8")
    assert all(release.colab_badge(f"labs/{path.name}") in readme for path in LABS)


def test_a_replaced_lab_is_saved_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    for folder in ("solutions", "labs"):
        (tmp_path / folder).mkdir()
    book = {"cells": [{"id": "a", "cell_type": "code", "metadata": {}, "outputs": [], "execution_count": 1, "source": SOURCE}]}
    (tmp_path / "solutions" / "x.ipynb").write_text(json.dumps(book))
    (tmp_path / "labs" / "x.ipynb").write_text('{"cells": ["MY ANSWER"]}')
    assert release.release_labs(check=True, root=tmp_path) == 1 and "MY ANSWER" in (tmp_path / "labs" / "x.ipynb").read_text()
    release.release_labs(root=tmp_path)
    (backup,) = (tmp_path / "cache" / "backup").iterdir()
    assert "MY ANSWER" in backup.read_text() and release.release_labs(check=True, root=tmp_path) == 0


def test_no_lab_holds_the_code_of_a_solution():
    """Compared as syntax: no statement between the markers is in a lab cell, alone or inside another statement."""
    cells = ["".join(cell["source"]) for path in LABS for cell in
             json.loads((settings.ROOT / "labs" / path.name).read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]
    lab_code = "\n".join(ast.unparse(ast.parse(cell)) for cell in cells)
    for name, source in exercise_sources().items():
        own = source.splitlines().index("    " + BEGIN) + 1  # above stands what a larger exercise begins with
        body = [node for node in ast.parse(source).body[0].body if node.lineno > own]
        for statement in body:
            text = ast.unparse(statement).removeprefix("return ")
            assert len(text) < 25 or text not in lab_code, f"{name}: {text}"


def test_the_guard_detects_a_solution_in_a_lab():
    text = ast.unparse(ast.parse(exercise_sources()["recall_at_k"]).body[0].body[-1]).removeprefix("return ")
    assert len(text) >= 25 and text in ast.unparse(ast.parse(f"walk = use(mine, lambda: {text})"))
