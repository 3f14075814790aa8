"""The part of `decide` that asks: dev, to learn how sure an answer is; then test; an arm is asked again only if it changed."""
from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

from tqdm.auto import tqdm

from .. import evaluation, generation, models, settings, training
from ..types import Example, Question, Record
from . import own_training
from .plan import CONFIDENCE, Plan, digest

SAMPLE = 8  # questions that measure the speed of answering


def measure_speed(examples: list[Example], parent: Path | None, train: Sequence[Question],
                  workspace: evaluation.Workspace) -> dict[str, float]:
    """Seconds of a training token, and of an answer with and without passages: the faster of two rounds."""
    if settings.fast():
        return {"train_token": 0.01, "answer": 1.0, "answer_with_passages": 3.0}  # not measured
    models.language_model.cache_clear()  # the process that trains needs the memory
    name = workspace.settings.model
    speed = {"train_token": training.run_in_subprocess(own_training.seconds_per_token, examples, parent, name)}
    asked, model, run = train[:SAMPLE], workspace.model(), workspace.settings_for("advanced_rag")
    hits = [workspace.hits(q, "advanced_rag") for q in asked]
    for name, shown in (("answer", [[] for _ in asked]), ("answer_with_passages", hits)):
        rounds = [generation.answer_questions(asked, shown, [0.0] * len(asked), model, run) for _ in range(2)]
        speed[name] = min(sum(answer.seconds_generate for answer in answers) for answers in rounds) / len(asked)
    return speed


def options(plan: Plan, names: Sequence[str]) -> list[str]:
    """Of these arms, those that the plan has not dropped and that could be deployed."""
    return [name for name in names if plan.step(name).state != "dropped" and evaluation.parse_arm(name).is_option]


def calibrate(plan: Plan, names: Sequence[str], dev: Sequence[Question], train: Sequence[Question], out: Path,
              workspace: evaluation.Workspace, bar) -> None:
    """Fit on dev how sure the answers of each option are, unless the plan has no such step or dropped it."""
    path, arms = out / "confidence.json", evaluation.parse_arms(",".join(options(plan, names)))
    if CONFIDENCE not in plan.steps or plan.steps[CONFIDENCE].state == "dropped":
        path.unlink(missing_ok=True)
        return
    key = digest([workspace.digest(arm, train) for arm in arms], plan.digests["questions"])
    if not plan.is_done(CONFIDENCE, key) or not path.exists():
        with plan.running(CONFIDENCE, key, bar):
            records = [record for arm in arms for record in _dev_records(arm, dev, train, out, workspace)]
            evaluation.save_calibrations(records, dev, path)
    plan.dev_asked = True  # an option that was dropped until now stays dropped in this run: nothing would calibrate it
    plan.fit()


def _dev_records(arm: evaluation.Arm, dev: Sequence[Question], train: Sequence[Question], out: Path,
                 workspace: evaluation.Workspace) -> list[Record]:
    """The records of one arm on dev, kept in its file for these settings and questions."""
    kept = digest(arm.name, workspace.digest(arm, train), [(q.id, q.question, q.answers) for q in dev])
    path = out / "arms" / f"dev_{kept}.jsonl"
    if path.exists():
        return evaluation.read_records(path)
    return evaluation.run_arms(dev, [arm], workspace, path, train=train, calibrate=False)


def answer_test(plan: Plan, names: Sequence[str], test: Sequence[Question], train: Sequence[Question], out: Path,
                workspace: evaluation.Workspace, bar) -> list[Record]:
    """The records of every arm that the plan has not dropped, as the models themselves give or withhold answers."""
    records, calibrations = [], evaluation.load_calibrations(workspace.calibrations)
    for name in [name for name in names if plan.step(name).state != "dropped"]:
        path, arm = out / "arms" / f"{name.replace('+', '_with_')}.jsonl", evaluation.parse_arm(name)
        key = digest(workspace.digest(arm, train), plan.digests["questions"], "with confidence")
        if not plan.is_done(name, key) or not path.exists():
            plan.read_test(name, key, datetime.datetime.now().astimezone().isoformat(timespec="seconds"))
            with plan.running(name, key, bar):
                evaluation.run_arms(test, [arm], workspace, path, train=train, calibrate=False)
            plan.fit()
        records += [evaluation.calibrated(record, calibrations) for record in evaluation.read_records(path)]
    return records


def tell_changed_answers(records: Sequence[Record], workspace: evaluation.Workspace) -> dict[str, str]:
    """How many answers on test training changed, by arm; prints it."""
    parent = models.adapter_provenance(workspace.adapter("own_raft")).get("parent")
    pairs = {"own_raft+advanced_rag": f"{parent}+advanced_rag" if parent else "advanced_rag", "own_closed_book": "base"}
    told = {}
    for arm, before in pairs.items():
        changed, both = evaluation.changed_answers(records, arm, before)
        if both:
            told[arm] = f"{changed} of {both} answers differ from those of {before}"
            tqdm.write(f"{arm}: {told[arm]}")
    return told
