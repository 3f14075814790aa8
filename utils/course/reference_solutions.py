"""Reference solutions of the exercises, read from the solved notebooks. A lab uses them for unsolved exercises."""
from __future__ import annotations

import ast
import json
import math
import random
from collections import Counter
from collections.abc import Callable
from functools import cache

from .. import metrics, settings

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"  # nbgrader's markers around the code the learner writes


@cache
def exercise_sources() -> dict[str, str]:
    """Source code of every solved exercise function in `solutions/`, by name."""
    sources = {}
    for path in sorted((settings.ROOT / "solutions").glob("*.ipynb")):
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "code" and BEGIN in source:
                function = next(node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef))
                sources[function.name] = ast.get_source_segment(source, function)
    return sources


@cache
def reference_solution(name: str) -> Callable:
    """The solved function of an exercise, with the names that the notebooks give it; KeyError for an unknown one."""
    return _defined(name, exercise_sources()[name])


@cache
def blank_exercise(name: str) -> Callable:
    """The function of an exercise as the lab has it, with what a larger one begins with; KeyError for an unknown one."""
    begun = exercise_sources()[name].partition(BEGIN)[0].rstrip()
    return _defined(name, f"{begun}\n    raise NotImplementedError\n")


def _defined(name: str, source: str) -> Callable:
    namespace = {"math": math, "random": random, "Counter": Counter, "metrics": metrics}
    exec(compile(source, f"<exercise {name}>", "exec"), namespace)  # the course's own code
    return namespace[name]
