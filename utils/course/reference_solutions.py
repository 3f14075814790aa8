"""Reference solutions of the exercises, read from the solved notebooks. A lab uses them for unsolved exercises."""
from __future__ import annotations

import ast
import json
from collections.abc import Callable, Mapping

from .. import settings

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"  # nbgrader's markers around the code the learner writes


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


def reference_solution(name: str, names: Mapping[str, object]) -> Callable:
    """The solved function of an exercise; KeyError for an unknown one. names: globals for its code, as in the notebook."""
    namespace = dict(names)
    exec(compile(exercise_sources()[name], f"<solution of {name}>", "exec"), namespace)  # the course's own code
    return namespace[name]
