"""Runs arms over questions, writes every record as soon as it is ready, and resumes an interrupted run."""
from __future__ import annotations

import contextlib
import functools
import json
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tqdm.auto import tqdm

from .. import generation, models, settings
from ..types import Answer, Hit, Question, Record
from .arms import Arm, parse_arm, parse_arms
from .confidence import calibrated, decided, load_calibrations
from .files import text_lines
from .records import record_line, write_with_backup
from .scoring import make_record, rescored_record, same_hits
from .solved_examples import SolvedExamples, baseline_answers
from .workspace import Workspace


def run_arms(questions: Sequence[Question], arms: Sequence[Arm] | str, workspace: Workspace, out: Path | None = None,
             retrieval_only: bool = False, train: Sequence[Question] = (), calibrate: bool = True,
             threshold: float | None = None) -> list[Record]:
    """Records of every question under every arm (or comma-separated names), ordered by arm, then as in `questions`.

    out: the JSON-lines file to write; an interrupted run leaves `out` + `.part`, from which the next one resumes.
    train: the questions that baselines learn from and `few_shot` shows. calibrate: False leaves the model's own confidence, to
    fit a calibration on. threshold: the confidence from which an answer is given; None leaves that to the model.
    """
    arms = parse_arms(arms) if isinstance(arms, str) else arms
    workspace.check_models(arms)
    digests = {arm.name: workspace.digest(arm, train) for arm in arms}
    for sentence in workspace.limits(questions, arms):
        print(sentence, file=sys.stderr)
    with contextlib.ExitStack() as stack:
        part, records = None, {}
        if out:
            stack.enter_context(only_writer(out))
            records = _resume(out, digests, {q.id: q for q in questions}, workspace, retrieval_only)
            part = stack.enter_context(out.with_name(out.name + ".part").open("a", encoding="utf-8", errors="replace"))
        for arm in arms:
            todo = [q for q in questions if (q.id, arm.name) not in records]
            for question, answer in _answers(arm, todo, workspace, retrieval_only, train):
                linked = workspace.linked_names(question) if arm.context.uses_graph and question.task == "multi_doc" else None
                record = make_record(question, arm, answer, digests[arm.name], workspace.reference(question),
                                     workspace.copied_sentence(question), linked, workspace.copies)
                records[question.id, arm.name] = record
                if part:
                    part.write(record_line({"record": record.to_json(), "question": question.question}))
                    part.flush()
        calibrations = load_calibrations(workspace.calibrations if calibrate else None)
        ordered = [calibrated(records[q.id, arm.name], calibrations) for arm in arms for q in questions]
        if threshold is not None:
            ordered = decided(ordered, questions, threshold, {arm.name for arm in arms}, workspace.copies)
        if out:
            write_with_backup(out, "".join(record_line(record.to_json()) for record in ordered))
            part.close()  # Windows deletes no open file
            out.with_name(out.name + ".part").unlink()
    return ordered


def threshold_note(threshold: float, records: Sequence[Record], calibrations: Collection[str]) -> str:
    """What a threshold was applied to, in one or two sentences."""
    sure = list(dict.fromkeys(record.arm for record in records if record.confidence is not None))
    own = [arm for arm in sure if arm not in calibrations]
    return ". ".join([f"An answer is given where its confidence is at least {threshold:g}, by {', '.join(sure) or 'no arm'}",
                      *([f"Not calibrated, so that this is no probability: {', '.join(own)}"] if own else [])])


@contextlib.contextmanager
def only_writer(out: Path) -> Iterator[None]:
    """Holds the lock on `out`. Raises ValueError while another process holds it."""
    from filelock import FileLock, Timeout

    lock = FileLock(f"{out}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise ValueError(f"{out}: another run is writing this; let it end, or give another --out") from None
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows deletes no open file
            Path(lock.lock_file).unlink()
        lock.release()


def _resume(out: Path, digests: dict[str, str], questions: dict[str, Question], workspace: Workspace,
            retrieval_only: bool) -> dict[tuple[str, str], Record]:
    """Records of an interrupted run whose answers are still valid, scored anew."""
    records, part, search = {}, out.with_name(out.name + ".part"), functools.cache(workspace.hits)
    text = part.read_text("utf-8", errors="replace") if part.exists() else ""
    if text and not text.endswith("\n"):  # the line that was being written when the run was interrupted
        part.write_text(text := text[: text.rfind("\n") + 1], "utf-8")
    for line in tqdm(lines := text_lines(text), desc="resume", unit="record", disable=len(lines) < 200):
        try:
            row = json.loads(line)
            record, asked = Record.from_json(row["record"]), row["question"]
        except (ValueError, KeyError, TypeError, AttributeError):
            continue  # a damaged line: its question is asked again
        question = questions.get(record.question_id)
        same = question and question.question == asked and record.settings_hash == digests.get(record.arm)
        if same and (kept := _still_valid(record, question, workspace, retrieval_only, search)):
            records[record.question_id, record.arm] = kept
    return records


def _still_valid(record: Record, question: Question, workspace: Workspace, retrieval_only: bool,
                 search: Callable[[Question, str], list[Hit]]) -> Record | None:
    """The record scored anew, or None if its question, the passages or the kind of run would now give another answer."""
    arm, has_answer = parse_arm(record.arm), bool(record.seconds["generate"] or record.completion_tokens)
    if arm.is_baseline or has_answer == retrieval_only or (record.task == "summary") != (question.task == "summary"):
        return None  # baselines learn from the training questions, which may have changed, in a second
    repeats = arm.context.is_bound or any(hit.in_prompt for hit in record.hits)  # bounds search by the evidence
    hits = same_hits(record, question, search) if repeats else None
    if "set_f1_text" in record.scores and tuple(workspace.linked_names(question)) != record.answer_set:
        return None  # the rules of the graph have changed
    kept = replace(rescored_record(record, question, workspace, hits), rescored=record.rescored)
    other_summary = question.task == "summary" and kept.scores != record.scores  # the sentence to be cut is another
    return None if (repeats and hits is None) or other_summary else kept


def _answers(arm: Arm, questions: Sequence[Question], workspace: Workspace, retrieval_only: bool,
             train: Sequence[Question]) -> Iterator[tuple[Question, Answer]]:
    """Questions with their answers under one arm as soon as they are ready, a batch at a time."""
    if arm.is_baseline:
        yield from baseline_answers(arm.name, questions, train, workspace.reference)
        return
    size, context = max(workspace.settings.batch_size * 4, 32), arm.context.name
    solved = SolvedExamples(train, workspace, context) if arm.model.name == "few_shot" and questions else None
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
            turns = [solved.turns(question) for question in batch] if solved else ()
            try:
                generation.answer_questions(batch, hits, seconds, workspace.model(arm.adapter), workspace.settings_for(context),
                                            held_out_sentences, turns, collect)
            finally:  # save what is finished, even if a later batch was interrupted
                yield from ((batch[i], answer) for i, answer in ready)


def check_digests(stored: Sequence[Record], names: Sequence[str], workspace: Workspace) -> None:
    """Raises ValueError if stored records are not of this machine's adapters and pipeline.

    Unchecked are your own settings, and arms whose adapters this machine has not trained.
    """
    if replace(workspace.settings, fast=False) != settings.Settings():
        return
    hashes = {record.arm: record.settings_hash for record in stored}
    for arm in parse_arms(",".join(names)):
        here = not arm.is_trained or models.has_adapter(arm.adapter)
        if here and hashes.get(arm.name) != workspace.digest(arm):
            raise ValueError(f"{arm.name}: the stored records come from another adapter or pipeline; make new ones with "
                             "`python3 -m utils rebuild lab3`")
