"""The workspace of a decision, from the folder that `decide` wrote, and its questions as rows of a file."""
from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

from .. import corpus, evaluation, settings
from ..types import Question
from .own_training import RECIPES
from .search_choice import selected_search

FROM_BASE_FOLDER = "own_raft_from_base"
OWN_RAFT_FOLDERS = ("own_raft", FROM_BASE_FOLDER)


def question_row(question: Question) -> dict:
    """A question as a line of a questions file."""
    evidence = [f"{name}#{place}" if place else name for name, place in
                zip(question.evidence, question.places or ("",) * len(question.evidence), strict=True)]
    row = {"id": question.id, "task": question.task, "question": question.question, "answers": list(question.answers),
           "answer_set": list(question.answer_set), "evidence": evidence, "split": question.split}
    return row | ({"home": question.home} if question.home else {})


def own_workspace(out: Path, documents: Sequence, reading: corpus.ReadingReport | None = None) -> evaluation.Workspace:
    """The workspace of a decision: its documents, its chosen search, and the adapters trained for it."""
    adapters = {f"own_{recipe}": out / "adapters" / f"own_{recipe}" for recipe in RECIPES}
    losses = {folder: held_out_loss(folder) for folder in (out / "adapters" / name for name in OWN_RAFT_FOLDERS)}
    adapters["own_raft"] = min(losses, key=losses.get)  # the first of equals
    return evaluation.Workspace(documents, settings.load(), reading, selected_search(out), adapters)


def held_out_loss(adapter: Path) -> float:
    """Mean loss on dev that an adapter's provenance states; infinity without one."""
    path = adapter / "provenance.json"
    loss = json.loads(path.read_text("utf-8"))["held_out_loss"]["after"] if path.exists() else None
    return math.inf if loss is None else loss
