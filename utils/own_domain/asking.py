"""`ask`: one question to what was decided, from the folder that `decide` wrote."""
from __future__ import annotations

import time
from pathlib import Path

from .. import corpus, evaluation, roi
from ..types import Question
from .output_folder import own_workspace


def ask(out: Path, question: str, arm: str = "") -> str:
    """The answer as lines of text: answer or abstention, cited documents, confidence, seconds.

    out: the folder that `decide` wrote. arm: default is the recommended option. Raises ValueError where there is no decision.
    """
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
    started = time.monotonic()
    answer = workspace.ask(question, chosen, _solved(out, question, chosen, workspace))
    lines = ["not in the documents" if answer.abstained else answer.text]
    lines += [f"from: {', '.join(answer.cited)}"] if answer.cited and not answer.abstained else []
    lines += [f"read: {', '.join(dict.fromkeys(hit.document_id for hit in answer.hits[: answer.used]))}"] if answer.used else []
    confidence = "" if answer.confidence is None else f", confidence {answer.confidence:.2f} (not calibrated)"
    if provenance["corpus"]["sha256"] != evaluation.corpus_digest(workspace):
        lines.append("the documents have changed since the decision: run `decide` again")
    return "\n".join([*lines, f"by {chosen}{why}{confidence}, {time.monotonic() - started:.1f} s"])


def _solved(out: Path, question: str, arm: str, workspace: evaluation.Workspace) -> list[dict[str, str]]:
    """The solved training questions that `few_shot` shows; none for other arms."""
    parsed = evaluation.parse_arm(arm)
    if parsed.model.name != "few_shot":
        return []
    train = [q for q in evaluation.load_questions(out / "questions.jsonl") if q.split == "train"]
    return evaluation.SolvedExamples(train, workspace, parsed.context.name).turns(Question("", "fact", question, (), (), ()))
