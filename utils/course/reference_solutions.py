"""Reference solutions of the exercises: read from the solved notebooks, so that there is one of each and no second home.

A lab goes on with them where an exercise is still blank.
"""
from __future__ import annotations

import ast
import json
from collections.abc import Callable, Mapping

from .. import settings

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"  # nbgrader's markers around what a learner writes


def exercise_sources() -> dict[str, str]:
    """Name of every exercise → source of its solved function, from `solutions/`."""
    sources = {}
    for path in sorted((settings.ROOT / "solutions").glob("*.ipynb")):
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "code" and BEGIN in source:
                function = next(node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef))
                sources[function.name] = ast.get_source_segment(source, function)
    return sources


def reference_solution(name: str, names: Mapping[str, object]) -> Callable:
    """The solved function of an exercise. names: what its code may use, as the notebook's globals.

    Raises KeyError for a name that is no exercise.
    """
    namespace = dict(names)
    exec(compile(exercise_sources()[name], f"<solution of {name}>", "exec"), namespace)  # the course's own code
    return namespace[name]
