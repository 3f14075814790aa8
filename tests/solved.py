"""The reference solutions of all exercises as functions, with the names that the notebooks give them."""
from __future__ import annotations

import math
from collections import Counter
from types import SimpleNamespace

from utils import metrics
from utils.course.reference_solutions import exercise_sources, reference_solution

NAMES = {"math": math, "Counter": Counter, "metrics": metrics}
SOLVED = SimpleNamespace(**{name: reference_solution(name, NAMES) for name in exercise_sources()})
