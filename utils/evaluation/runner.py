"""Runs arms over questions, writes every record as soon as it is ready, and resumes an interrupted run."""
from __future__ import annotations

import json
import sys
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
    """Records of every question under every arm, ordered by arm, then as in `questions`.

    arms: arms or their names, comma-separated. out: the JSON-lines file to write; an interrupted run leaves `out` + `.part`,
    from which the next one resumes. train: the questions that the two baselines learn from.
    """
    arms = parse_arms(arms) if isinstance(arms, str) else arms
    digests, wording = {arm.name: workspace.digest(arm) for arm in arms}, {q.id: q.question for q in questions}
    records = _resume(out, digests, wording)
    for sentence in workspace.limits(questions, arms):
        print(sentence, file=sys.stderr)
    part = out.with_name(out.name + ".part").open("a", encoding="utf-8") if out else None
    try:
        for arm in arms:
            todo = [q for q in questions if (q.id, arm.name) not in records]
            for question, answer in _answers(arm, todo, workspace, retrieval_only, train):
                linked = workspace.linked_names(question) if arm.context.uses_graph and question.task == "multi_doc" else None
                record = make_record(question, arm, answer, digests[arm.name], workspace.reference(question),
                                     workspace.copied_sentence(question), linked, workspace.copies)
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
    """Records of an interrupted run that still match the settings, documents and questions."""
    records = {}
    if out and (part := out.with_name(out.name + ".part")).exists():
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
    """Questions with their answers under one arm as soon as they are ready, a batch at a time."""
    from tqdm.auto import tqdm

    if arm.is_baseline:
        yield from baseline_answers(arm.name, questions, train, workspace.reference)
        return
    size, context = max(workspace.settings.batch_size * 4, 32), arm.context.name
    if context and questions:
        workspace.hits(questions[0], context)  # builds the index, so that its time does not count for the first question
    with tqdm(total=len(questions), desc=arm.name, unit="question", disable=len(questions) < 4) as bar:
        for start in range(0, len(questions), size):
            batch = questions[start : start + size]
            hits, seconds = [], []
            for question in batch:
                start_search = time.perf_counter()
                hits.append(workspace.hits(question, context) if context else [])
                seconds.append(time.perf_counter() - start_search)
            if retrieval_only:
                for question, ranking, elapsed in zip(batch, hits, seconds, strict=True):
                    yield question, Answer("", False, (), tuple(ranking), 0, 0, 0, elapsed, 0.0)
                bar.update(len(batch))
                continue
            ready: list[tuple[int, Answer]] = []

            def collect(indices: list[int], answers: list[Answer], ready: list = ready) -> None:
                ready.extend(zip(indices, answers, strict=True))
                bar.update(len(indices))

            held_out_sentences = [workspace.reference(question) for question in batch]
            try:
                generation.answer_questions(batch, hits, seconds, workspace.model(arm.adapter), workspace.settings_for(context),
                                            held_out_sentences, collect)
            finally:  # save what is finished, even if a later batch was interrupted
                yield from ((batch[i], answer) for i, answer in ready)


def check_digests(stored: Sequence[Record], names: Sequence[str], workspace: Workspace) -> None:
    """Raises ValueError if stored records come from another adapter or pipeline than this machine's.

    With settings of your own it checks nothing: stored and live answers are then expected to differ.
    """
    if replace(workspace.settings, fast=False) != settings.Settings():
        return
    hashes = {record.arm: record.settings_hash for record in stored}
    for arm in parse_arms(",".join(names)):
        if hashes.get(arm.name) != workspace.digest(arm):
            raise ValueError(f"{arm.name}: the stored records come from another adapter or pipeline; make new ones with "
                             "`python3 -m utils rebuild lab3`")
