"""A table of what learners solved, read from the outputs stored in their notebooks; executes nothing and needs no package."""
from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .. import settings
from .reference_solutions import BEGIN
from .release import REPAIR

CHECK = re.compile(r"^course\.check_(\w+)\(", re.M)
COLUMNS = ("notebook", "lab", "exercises", "repairs", "last solved in", "wrong now")


@dataclass(frozen=True)
class Task:
    """An exercise or a repair of a lab, by the name in its check, and the heading of its section."""

    name: str
    repair: bool
    section: str


def lab_tasks() -> dict[str, list[Task]]:
    """The tasks of every lab, in their order, by the lab's number."""
    labs = {}
    for path in sorted((settings.ROOT / "solutions").glob("*.ipynb")):
        section, tasks = "", labs.setdefault(path.stem[:2].lstrip("0"), [])
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "markdown":
                section = (re.findall(r"^## (.+)", source, re.M) or [section])[-1]
            elif BEGIN in source or REPAIR in source:
                tasks.append(Task(CHECK.findall(source)[0], REPAIR in source, section))
    return labs


def task_states(path: Path) -> dict[str, str]:
    """What the stored output of each check in a notebook says: solved, wrong or to do. Raises ValueError for no notebook."""
    states = {}
    try:
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            outputs = cell.get("outputs", [])
            text = "".join("".join(output["text"]) for output in outputs if output["output_type"] == "stream")
            failed = "Not mended yet" in text or any(output["output_type"] == "error" for output in outputs)
            for name in CHECK.findall("".join(cell["source"])) if cell["cell_type"] == "code" else ():
                solved = re.search(rf"^(?:{name}: solved\b|Mended\.$)", text, re.M)
                if states.get(name) != "solved":
                    states[name] = "solved" if solved else "wrong" if failed else "to do"
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: is not a notebook as Jupyter saves it; ask for the .ipynb file again") from error
    return states


def progress_row(path: Path, labs: dict[str, list[Task]]) -> tuple[str, ...]:
    """The table's row of one notebook, whatever its name. Raises ValueError for a file that is none of the labs."""
    states = task_states(path)
    number, tasks = max(labs.items(), key=lambda lab: sum(task.name in states for task in lab[1]))
    if not any(task.name in states for task in tasks):
        raise ValueError(f"{path}: is none of the labs, as no cell calls one of their checks; leave it out")
    solved = [task for task in tasks if states.get(task.name) == "solved"]
    counts = (f"{sum(task.repair == repair for task in solved)} of {sum(task.repair == repair for task in tasks)}"
              for repair in (False, True))
    wrong = ", ".join(task.name for task in tasks if states.get(task.name) == "wrong")
    return str(path), number, *counts, solved[-1].section if solved else "–", wrong


def progress_command(paths: list[str]) -> int:
    """Print a row for every notebook of these files and folders, and a sentence for every problem; returns 1 if there was one."""
    labs, rows, problems = lab_tasks(), [COLUMNS], []
    for path in _notebooks(paths, problems):
        try:
            rows.append(progress_row(path, labs))
        except ValueError as error:
            problems.append(str(error))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows if len(rows) > 1 else ():
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
    print(*problems, sep="\n", end="\n" if problems else "", file=sys.stderr)
    return int(bool(problems))


def _notebooks(paths: list[str], problems: list[str]) -> Iterator[Path]:
    for path in map(Path, paths):
        if path.is_dir():
            inside = [file for file in sorted(path.rglob("*.ipynb")) if ".ipynb_checkpoints" not in file.parts]
            problems += [] if inside else [f"{path}: the folder holds no notebook (.ipynb); give another one"]
            yield from inside
        elif path.exists():
            yield path
        else:
            problems.append(f"{path}: there is no such file or folder; check the name")
