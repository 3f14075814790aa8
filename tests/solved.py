"""The reference solutions of all exercises as functions."""
from types import SimpleNamespace

from utils.course.reference_solutions import exercise_sources, reference_solution

SOLVED = SimpleNamespace(**{name: reference_solution(name) for name in exercise_sources()})
