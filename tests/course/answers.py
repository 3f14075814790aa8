"""Builds a learner's function from the body that a table of answers gives."""
from __future__ import annotations

import inspect
import itertools
import math
import re
import statistics
from collections import Counter
from collections.abc import Callable

import numpy

from tests.solved import SOLVED
from utils import metrics


def learner_function(name: str, body: str) -> Callable:
    """A function with the signature of the exercise `name`; `ref` in the body is the reference solution."""
    try:
        compile(body, name, "eval")
        body = f"return {body}"
    except SyntaxError:
        pass
    reference = getattr(SOLVED, name)
    signature = ", ".join(str(p).split(":")[0] + (f"={p.default}" if p.default is not p.empty else "")
                          for p in inspect.signature(reference).parameters.values())
    names = {"ref": reference, "math": math, "re": re, "Counter": Counter, "metrics": metrics, "numpy": numpy,
             "statistics": statistics, "itertools": itertools, "kept": []}
    lines = body.replace("\n", "\n    ")
    exec(f"def {name}({signature}):\n    {lines}", names)
    return names[name]
