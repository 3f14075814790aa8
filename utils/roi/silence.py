"""When to give an answer: the confidence from which it is worth more than silence, at the prices of a file."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from .. import evaluation
from ..types import Question, Record
from .assumptions import Assumptions, load_assumptions


def answer_threshold(a: Assumptions) -> float:
    """The probability p of being right from which p · correct − (1 − p) · wrong is at least −abstained; 0 to 1."""
    worth = a.correct + a.wrong
    return max(0.0, min(1.0, (a.wrong - a.abstained) / worth)) if worth else 0.0


def decided_at_prices(records: Sequence[Record], questions: Sequence[Question], provenance: Mapping, price_file: Path,
                      copies: Mapping[str, str] | None = None) -> tuple[list[Record], dict]:
    """(records decided by the threshold of a price file, their provenance with it), for arms with a calibrated confidence.

    Without any such arm, without the questions, or where `benchmark` was given a threshold, both are as they were; no model is
    asked. copies: as in `evaluation.decided`.
    """
    arms = provenance.get("confidence") or {}
    if not arms or not questions or "given_threshold" in provenance:
        return list(records), dict(provenance)
    threshold = answer_threshold(load_assumptions(price_file)[0])
    return evaluation.decided(records, questions, threshold, arms, copies), {**provenance, "threshold": round(threshold, 4)}
