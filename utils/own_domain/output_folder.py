"""The folder that `decide` wrote: its questions as rows of a file, its workspace, and one question to it (`ask`)."""
from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from .. import corpus, evaluation, roi, settings
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
    return evaluation.Workspace(documents, settings.load(), reading, selected_search(out), adapters, out / "confidence.json")


def held_out_loss(adapter: Path) -> float:
    """Mean loss on dev that an adapter's provenance states; infinity without one."""
    path = adapter / "provenance.json"
    loss = json.loads(path.read_text("utf-8"))["held_out_loss"]["after"] if path.exists() else None
    return math.inf if loss is None else loss


def start_words(out: Path, workspace: evaluation.Workspace) -> str:
    """What `own_raft` was trained from; with the losses on dev of both starts where both were tried."""
    used = workspace.adapters["own_raft"]
    start = json.loads((used / "provenance.json").read_text("utf-8")).get("parent", workspace.settings.model)
    losses = [held_out_loss(out / "adapters" / name) for name in OWN_RAFT_FOLDERS]
    tried = f" (loss on dev {losses[0]:.2f}, {losses[1]:.2f} from the base)" if math.isfinite(losses[1]) else ""
    return f"own_raft started from {start}{tried}"


def ask(out: Path, question: str, arm: str = "") -> str:
    """Answer, documents, confidence and seconds as text; default: the recommended arm. Raises ValueError without a decision."""
    provenance = evaluation.read_provenance(out / "records.jsonl")
    if not provenance.get("decide"):
        raise ValueError(f"{out}: holds no decision; run `decide --out {out}` first")
    if not question.strip():
        raise ValueError("the question is empty; write it in quotes after the options")
    chosen, why = arm, ""
    if not arm:
        report = roi.build_report(evaluation.read_records(out / "records.jsonl"))
        chosen, why = report.best.name, " (the recommended option)"
    documents, reading = corpus.read_folder(provenance["corpus"]["folder"])
    workspace = own_workspace(out, documents, reading)
    started, parsed, solved = time.monotonic(), evaluation.parse_arm(chosen), []
    train = [q for q in evaluation.load_questions(out / "questions.jsonl") if q.split == "train"]
    if parsed.model.name == "few_shot":  # which shows solved training questions
        examples = evaluation.SolvedExamples(train, workspace, parsed.context.name)
        solved = examples.turns(Question("", "fact", question, (), (), ()))
    answer, sure = workspace.ask(question, chosen, solved), "not calibrated"
    hash_, calibration = evaluation.load_calibrations(workspace.calibrations).get(chosen, ("", None))
    if answer.confidence is not None and hash_ == workspace.digest(parsed, train) and "threshold" in provenance:
        threshold = provenance["threshold"]
        answer = evaluation.decided_answer(replace(answer, confidence=calibration(answer.confidence)), threshold)
        sure = f"an answer is given from {threshold:.2f} on"
    lines = ["not in the documents" if answer.abstained else answer.text]
    lines += [f"from: {', '.join(answer.cited)}"] if answer.cited and not answer.abstained else []
    lines += [f"read: {', '.join(dict.fromkeys(hit.document_id for hit in answer.hits[: answer.used]))}"] if answer.used else []
    confidence = "" if answer.confidence is None else f", confidence {answer.confidence:.2f} ({sure})"
    if provenance["corpus"]["sha256"] != evaluation.corpus_digest(workspace):
        lines.append("the documents have changed since the decision: run `decide` again")
    return "\n".join([*lines, f"by {chosen}{why}{confidence}, {time.monotonic() - started:.1f} s"])


def ask_command(options: argparse.Namespace, prepare: evaluation.Prepare) -> int:
    """Ask what was decided."""
    prepare(index=False)
    print(ask(Path(options.out), options.question, options.arm))
    return 0
