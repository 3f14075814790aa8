"""Runs arms over questions: loops, writes every record as it gets ready, and resumes an interrupted run."""
from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from .. import generation, settings
from ..types import Answer, Question, Record
from .arms import Arm, parse_arms
from .baselines import baseline_answers
from .scoring import make_record
from .workspace import Workspace


def run_arms(questions: Sequence[Question], arms: Sequence[Arm] | str, workspace: Workspace, out: Path | None = None,
             retrieval_only: bool = False, train: Sequence[Question] = ()) -> list[Record]:
    """Records of every question under every arm, arms in order and questions in file order.

    arms: or their names, divided by commas. out: where to write the records as JSON lines; an interrupted run leaves
    `out` + `.part`, from which the next one resumes. train: the questions that the two baselines learn from.
    """
    arms = parse_arms(arms) if isinstance(arms, str) else arms
    digests, wording = {arm.name: workspace.digest(arm) for arm in arms}, {q.id: q.question for q in questions}
    records = _resume(out, digests, wording)
    part = out.with_name(out.name + ".part").open("a", encoding="utf-8") if out else None
    try:
        for arm in arms:
            todo = [q for q in questions if (q.id, arm.name) not in records]
            for question, answer in _answers(arm, todo, workspace, retrieval_only, train):
                linked = workspace.linked_names(question) if arm.context.uses_graph and question.task == "multi_doc" else None
                record = make_record(question, arm, answer, digests[arm.name], workspace.reference(question),
                                     workspace.copied_sentence(question), linked)
                records[question.id, arm.name] = record
                if part:
                    row = {"record": record.to_json(), "question": question.question}
                    part.write(json.dumps(row, ensure_ascii=False) + "\n")
                    part.flush()
    finally:
        if part:
            part.close()
    ordered = [records[q.id, arm.name] for arm in arms for q in questions]
    if out:
        if out.exists():
            out.replace(out.with_name(out.name + ".bak"))
        out.write_text("".join(json.dumps(r.to_json(), ensure_ascii=False) + "\n" for r in ordered), "utf-8")
        out.with_name(out.name + ".part").unlink()
    return ordered


def _resume(out: Path | None, digests: dict[str, str], wording: dict[str, str]) -> dict[tuple[str, str], Record]:
    """Records of an interrupted run that the present settings, documents and questions would give again."""
    part = out.with_name(out.name + ".part") if out else None
    records = {}
    if part and part.exists():
        for line in part.read_text("utf-8").splitlines():
            try:
                row = json.loads(line)
                record = Record.from_json(row["record"])
            except (ValueError, KeyError, TypeError):
                continue  # the line that was being written when the run was interrupted
            if record.settings_hash == digests.get(record.arm) and wording.get(record.question_id) == row["question"]:
                records[record.question_id, record.arm] = record
    return records


def _answers(arm: Arm, questions: Sequence[Question], workspace: Workspace, retrieval_only: bool,
             train: Sequence[Question]) -> Iterator[tuple[Question, Answer]]:
    """Questions with their answers under one arm as they get ready, a batch of generation at a time."""
    from tqdm.auto import tqdm

    if arm.is_baseline:
        yield from baseline_answers(arm.name, questions, train, workspace.reference)
        return
    size, context = max(workspace.settings.batch_size * 4, 32), arm.context.name
    if context and questions:
        workspace.hits(questions[0], context)  # opens the index, so that the first question is not charged for it
    with tqdm(total=len(questions), desc=arm.name, unit="question", disable=len(questions) < 4) as bar:
        for start in range(0, len(questions), size):
            batch = questions[start : start + size]
            hits, seconds = [], []
            for question in batch:
                begun = time.perf_counter()
                hits.append(workspace.hits(question, context) if context else [])
                seconds.append(time.perf_counter() - begun)
            if retrieval_only:
                for question, ranking, spent in zip(batch, hits, seconds, strict=True):
                    yield question, Answer("", False, (), tuple(ranking), 0, 0, 0, spent, 0.0)
                bar.update(len(batch))
                continue
            ready: list[tuple[int, Answer]] = []

            def collect(indices: list[int], answers: list[Answer], ready: list = ready) -> None:
                ready.extend(zip(indices, answers, strict=True))
                bar.update(len(indices))

            withheld = [workspace.reference(question) for question in batch]
            try:
                generation.answer_questions(batch, hits, seconds, workspace.model(arm.adapter), workspace.settings_for(context),
                                            withheld, collect)
            finally:  # what is finished is kept, even where the next batch was interrupted
                yield from ((batch[i], answer) for i, answer in ready)


def check_digests(stored: Sequence[Record], names: Sequence[str], workspace: Workspace) -> None:
    """Raises ValueError when stored records belong to another adapter or pipeline than this machine's.

    Silent where the learner chose a model or other settings: then stored and live answers differ by intention.
    """
    if replace(workspace.settings, fast=False) != settings.Settings():
        return
    hashes = {record.arm: record.settings_hash for record in stored}
    for arm in parse_arms(",".join(names)):
        if hashes.get(arm.name) != workspace.digest(arm):
            raise ValueError(f"{arm.name}: the records come from another adapter or pipeline; make them again with "
                             "`python3 -m utils rebuild lab3`")
