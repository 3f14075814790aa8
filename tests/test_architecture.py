"""The floor plan: imports only go down the list of rooms, names cross walls through `__all__` only, nothing lies about.

Every guard is shown to notice a planted offence.
"""
from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys

import pytest

from tests.architecture import (
    borrowed_private_names,
    busy_rooms,
    circles,
    code,
    defined,
    heavy_imports,
    long_files,
    misnamed,
    unused,
    upward,
)
from utils import settings

NOTEBOOKS = sorted((settings.ROOT / "solutions").glob("*.ipynb"))
ROOMS = sorted(path.parent.name for path in (settings.ROOT / "utils").glob("*/__init__.py"))
GUARDS = (upward, circles, borrowed_private_names, heavy_imports, long_files, busy_rooms, misnamed)


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.__name__)
def test_the_package_keeps_to_its_floor_plan(guard):
    assert guard(settings.ROOT) == []


def test_nobody_keeps_a_public_name_that_nobody_uses():
    assert unused(settings.ROOT, NOTEBOOKS) == []


def test_names_are_exported_once_by_the_room_that_defines_them():
    owners = {}
    for room in ROOMS:
        package = importlib.import_module(f"utils.{room}")
        for file, names in package._FILES.items():
            path = settings.ROOT / "utils" / room / f"{file.replace('.', '/')}.py"
            missing = set(names) - defined(ast.parse(path.read_text("utf-8")))
            assert not missing, f"{room}/{file} does not define {missing}"
            assert not set(names) & {path.stem for path in path.parent.parent.rglob("*.py")} - {file}, "a file hides the name"
        for name in package.__all__:
            owners.setdefault(name, []).append(room)
    assert {name: rooms for name, rooms in owners.items() if len(rooms) > 1} == {}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_take_public_names_of_at_most_ten_rooms(path):
    tree, rooms = code(path), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ("utils", "data"):
            assert node.module == "utils", f"imports from {node.module}: take the name from its room"
            rooms |= {alias.name for alias in node.names}
    assert len(rooms) <= 10
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in rooms:
            room = importlib.import_module(f"utils.{node.value.id}")
            public = ["install"] if node.value.id == "environment" else room.__all__
            assert node.attr in public, f"{node.value.id}.{node.attr} is not public"


@pytest.mark.parametrize(("guard", "file", "text"), [
    (upward, "utils/metrics/answers.py", "def lazily():\n    from .. import training\n    return training\n"),
    (upward, "utils/roi/cost_model.py", "import importlib\nchecks = importlib.import_module('utils.course')\n"),
    (upward, "utils/course/doctor.py", "from data.build import lab1\n"),
    (circles, "utils/corpus/aws.py", "from .folder import load\n"),
    (borrowed_private_names, "utils/corpus/aws.py", "from .folder import _read\n"),
    (borrowed_private_names, "utils/corpus/aws.py", "from . import folder\nfolder._read()\n"),
    (heavy_imports, "utils/corpus/__init__.py", "import pandas\n"),
    (heavy_imports, "utils/training/callbacks.py", "from transformers import TrainerCallback\n"),
    (long_files, "utils/corpus/__init__.py", "x = 1\n" * 251),
    (busy_rooms, "utils/corpus/__init__.py", "from .folder import load_folder\n"),
    (misnamed, "utils/corpus/aws.py", '"""Prompts are `prompting`\'s business."""\n'),
    (misnamed, "utils/corpus/aws.py", '"""See `folder.read_all`."""\n'),
    (lambda root: unused(root, []), "utils/corpus/aws.py", "def nobody_calls_me():\n    pass\n"),
])
def test_every_guard_notices_a_planted_offence(tmp_path, guard, file, text):
    for name in ("corpus", "metrics", "training", "roi", "course"):
        (tmp_path / "utils" / name).mkdir(parents=True)
        (tmp_path / "utils" / name / "__init__.py").write_text("")
    (tmp_path / "data" / "build").mkdir(parents=True)
    (tmp_path / "data" / "build" / "lab1.py").write_text("")
    (tmp_path / "utils" / "corpus" / "folder.py").write_text("from .aws import load\nload()\n")
    (tmp_path / "utils" / "corpus" / "aws.py").write_text("def load():\n    pass\n")
    assert guard(tmp_path) == []
    kept = "def load():\n    pass\n" if file.endswith("aws.py") and not text.startswith('"') else ""
    (tmp_path / file).write_text(kept + text)
    assert guard(tmp_path) != []


@pytest.mark.parametrize("words", [["-m", "utils", "--help"], ["-c", "first cell"]], ids=["command", "first cell"])
def test_the_first_step_needs_no_package(words):
    """Python without its site-packages, as on a machine where nothing was installed."""
    imported = [line for line in "".join(json.loads(NOTEBOOKS[0].read_text("utf-8"))["cells"][1]["source"]).splitlines()
                if line.startswith("from utils")]
    words = ["-c", f"{imported[0]}; print(environment.install, course)"] if words[0] == "-c" else words
    done = subprocess.run([sys.executable, "-S", *words], cwd=settings.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
