"""Outcomes of answers and how context changes them: outcome shares, rescue, distraction, sufficient context.

A reply is correct if it contains an accepted answer in at most 15 words: rambling does not pay, a harmless word does not hurt.
"""
from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy

from .. import metrics, settings
from ..types import Record
from .questions import load_questions

OUTCOMES = ("correct", "wrong", "abstained")
SCORABLE_TASKS = (*metrics.SINGLE_ANSWER_TASKS, "multi_doc", "unanswerable")  # a summary has no outcome
SET_F1 = 0.8  # a list of names is correct from here up


def outcome(record: Record | dict) -> str:
    """`correct`, `wrong` or `abstained`, for a record or its parsed JSON. Raises ValueError for a task without an outcome."""
    if isinstance(record, dict):
        record = Record.from_json(record)
    if not scorable([record]):
        raise ValueError(f"{record.question_id}: a {record.task} answer without such scores has no outcome; leave it out")
    scores = record.scores
    if record.task == "multi_doc" and scores["set_f1"] >= SET_F1:
        return "correct"  # the graph returns the list, even if the model's text abstains
    if record.abstained:
        return "abstained"
    if record.task in ("multi_doc", "unanswerable"):
        return "wrong"
    return "correct" if scores["contains"] and scores["words"] <= metrics.LONGEST_ANSWER else "wrong"


def scorable(records: Sequence[Record]) -> list[Record]:
    """Records with an outcome: no summaries, and no questions without an accepted answer."""
    return [record for record in records if record.task in SCORABLE_TASKS
            and (record.task not in metrics.SINGLE_ANSWER_TASKS or "contains" in record.scores)]


@functools.cache
def further_unanswerable() -> frozenset[str]:
    """Ids of the questions in `data/unanswerable.jsonl`."""
    return frozenset(question.id for question in load_questions(settings.UNANSWERABLE))


def record_weights(records: Sequence[Record], unanswerable: float | None = None) -> list[float]:
    """A weight for each record, so that this share is unanswerable; by default as without `data/unanswerable.jsonl`."""
    tasks = {record.question_id: record.task for record in records}
    every = {id_ for id_, task in tasks.items() if task == "unanswerable"}
    here, first = len(every) / max(1, len(tasks)), len(every - further_unanswerable())
    if not 0 < here < 1:
        return [1.0] * len(records)
    if unanswerable is None:
        there, answerable = first / len(every) if first else 1.0, 1.0
    else:
        there, answerable = unanswerable / here, (1 - unanswerable) / (1 - here)
    return [there if record.task == "unanswerable" else answerable for record in records]


def abstention_rates(records: Sequence[Record], arm: str) -> dict[str, metrics.MeanInterval]:
    """How often an arm abstains on unanswerable questions: `first` those of the benchmark, `further` ones, and `both`."""
    own = [r for r in records if r.arm == arm and r.task == "unanswerable"]
    parts = {"first": [r for r in own if r.question_id not in further_unanswerable()],
             "further": [r for r in own if r.question_id in further_unanswerable()], "both": own}
    return {name: metrics.mean_interval([float(r.abstained) for r in rows], [r.cluster for r in rows])
            for name, rows in parts.items() if rows}


def shared_records(records: Sequence[Record], *arms: str) -> list[tuple[Record, ...]]:
    """One record for each of the arms, for every question with an outcome that all of them answered."""
    answered = [{record.question_id: record for record in scorable(records) if record.arm == arm} for arm in arms]
    return [tuple(by_id[id_] for by_id in answered) for id_ in answered[0] if all(id_ in by_id for by_id in answered[1:])]


def right_shares(records: Sequence[Record]) -> dict[str, float]:
    """Arm → share of correct answers, over its questions that have an outcome."""
    arms = dict.fromkeys(record.arm for record in scorable(records))
    return {arm: round(outcome_shares(records, arm)["correct"], 4) for arm in arms}


def changed_answers(records: Sequence[Record], arm: str, parent: str) -> tuple[int, int]:
    """(questions that the two arms answer otherwise, questions that both answered); abstaining is an answer too."""
    before = {r.question_id: (r.answer, r.abstained) for r in records if r.arm == parent}
    after = [(before[r.question_id], (r.answer, r.abstained)) for r in records if r.arm == arm and r.question_id in before]
    return sum(old != new for old, new in after), len(after)


def outcome_shares(records: Sequence[Record], arm: str, task: str = "") -> dict[str, float]:
    """Share of each outcome of an arm (of one task's, still of all questions). Raises ValueError if no record has an outcome."""
    own = [record for record in scorable(records) if record.arm == arm]
    if not own:
        raise ValueError(f"{arm}: none of its records has an outcome; add questions of the tasks {', '.join(SCORABLE_TASKS)}")
    weights = record_weights(own)
    return {name: sum(w for w, r in zip(weights, own, strict=True) if task in ("", r.task) and outcome(r) == name) / sum(weights)
            for name in OUTCOMES}


def outcome_draws(records: Sequence[Record], arms: Sequence[str], resamples: int = 10_000, seed: int = 0, task: str = ""):
    """Bootstrapped outcome shares, shape (resamples, arms, 3), on the questions that every arm answered.

    Each resample draws the same clusters for all arms and tasks, so they stay paired. Raises ValueError if no question is shared.
    """
    shared = shared_records(records, *arms)
    if not shared:
        raise ValueError(f"there is no question that all of {', '.join(arms)} answered: score them on the same questions")
    first = [row[0] for row in shared]
    names, index = numpy.unique([record.cluster for record in first], return_inverse=True)
    weights, hits = record_weights(first), numpy.zeros((len(names), len(arms), len(OUTCOMES)))
    for cluster, row, weight in zip(index, shared, weights, strict=True):
        for arm, record in enumerate(row):
            if task in ("", record.task):
                hits[cluster, arm, OUTCOMES.index(outcome(record))] += weight
    sizes = numpy.bincount(index, weights=weights)
    resampled = numpy.random.default_rng(seed).integers(0, len(names), size=(resamples, len(names)))
    counts = numpy.zeros((resamples, len(names)))
    numpy.add.at(counts, (numpy.arange(resamples)[:, None], resampled), 1)
    return numpy.einsum("rc,cao->rao", counts, hits) / (counts @ sizes)[:, None, None]


def changed_by_context(records: Sequence[Record], without: str, with_: str) -> dict[str, metrics.MeanInterval | None]:
    """rescue: of the answerable questions not correct without context, the share correct with it.

    distraction: of those correct without it, the share not correct with it. Either is None if its denominator is empty.
    """
    changes, pairs = {}, [pair for pair in shared_records(records, without, with_) if pair[0].task != "unanswerable"]
    for name, was_correct in (("rescue", False), ("distraction", True)):
        rows = [after for before, after in pairs if (outcome(before) == "correct") == was_correct]
        changed = [float((outcome(after) == "correct") != was_correct) for after in rows]
        changes[name] = metrics.mean_interval(changed, [after.cluster for after in rows]) if rows else None
    return changes


def rescue_table(records: Sequence[Record], pairs: Sequence[tuple[str, str]]):
    """Table of `changed_by_context` for pairs of arms, with n; counts instead of an interval below ten questions."""
    import pandas

    def words(share: metrics.MeanInterval | None) -> str:
        if share is None:
            return "none was correct before"
        return f"{share} (n = {share.n})" if share.n >= 10 else f"{round(share.mean * share.n)} of {share.n}"

    return pandas.DataFrame({
        f"{without} → {with_}": {name: words(share) for name, share in changed_by_context(records, without, with_).items()}
        for without, with_ in pairs}).T


def outcomes_by_context(records: Sequence[Record], arm: str) -> dict[str, dict[str, float]]:
    """Outcome shares, with n, split by whether the passages contained the answer (sufficient) or not."""
    own = [r for r in scorable(records) if r.arm == arm and "answer_in_context" in r.scores]
    split = {"sufficient": [r for r in own if r.scores["answer_in_context"]],
             "insufficient": [r for r in own if not r.scores["answer_in_context"]]}
    return {name: {**{kind: sum(outcome(r) == kind for r in rows) / max(1, len(rows)) for kind in OUTCOMES}, "n": len(rows)}
            for name, rows in split.items()}


def metric_interval(records: Sequence[Record], arm: str, metric: str) -> metrics.MeanInterval:
    """Mean and cluster-bootstrap interval of one metric for one arm, over the records that have it; see `record_weights`."""
    own = [r for r in records if r.arm == arm and metric in r.scores]
    return metrics.mean_interval([r.scores[metric] for r in own], [r.cluster for r in own], weights=record_weights(own))


def correct_share(records: Sequence[Record], arm: str, unanswerable: float | None = None) -> metrics.MeanInterval:
    """Share of correct answers of one arm, with its cluster-bootstrap interval; see `record_weights`."""
    own = [r for r in scorable(records) if r.arm == arm]
    return metrics.mean_interval([float(outcome(r) == "correct") for r in own], [r.cluster for r in own],
                                 weights=record_weights(own, unanswerable))


def paired_outcomes(records: Sequence[Record], a: str, b: str, kind: str = "correct") -> metrics.PairedDifference:
    """Share of an outcome for arm b minus that for arm a, on the questions that both answered."""
    before, after = ([pair[i] for pair in shared_records(records, a, b)] for i in (0, 1))
    values = [[float(outcome(record) == kind) for record in rows] for rows in (before, after)]
    return metrics.paired_difference(*values, [record.cluster for record in before], weights=record_weights(before))


def mean_usage(records: Sequence[Record], arm: str) -> dict[str, float]:
    """Mean prompt tokens, answer tokens and seconds per question of one arm, over the records with an outcome."""
    own = [r for r in scorable(records) if r.arm == arm]
    spent = [(r.prompt_tokens, r.completion_tokens, r.seconds["retrieve"] + r.seconds["generate"]) for r in own]
    means = numpy.average(spent, axis=0, weights=record_weights(own)).tolist()
    return dict(zip(("tokens_in", "tokens_out", "seconds"), means, strict=True))


def correct_by_group(records: Sequence[Record], questions: dict, arms: Sequence[str]):
    """Share of correct answers by group of questions (task, exposure, overlap, known to `base`) and arm, with n: a DataFrame."""
    import pandas

    known = {r.question_id for r in records if r.arm == "base" and r.scores.get("contains")}
    rows = []
    for record in (record for record in scorable(records) if record.arm in arms):
        question, task = questions[record.question_id], record.task
        says = f"base {'says it' if question.id in known else 'does not say it'}" * (task in metrics.SINGLE_ANSWER_TASKS)
        overlap = f"overlap {question.overlap}" if question.overlap and task != "unanswerable" else ""
        groups = ("all", task, question.exposure if task == "fact" else "", overlap, says)
        rows += [(group, record.arm, outcome(record) == "correct") for group in groups if group]
    cells = pandas.DataFrame(rows, columns=["group", "arm", "correct"]).groupby(["group", "arm"]).correct.agg(["mean", "size"])
    table = cells["mean"].unstack().map(lambda share: round(float(share), 2))
    table = table.rename_axis(index=None, columns=None)[[arm for arm in arms if arm in table.columns]]
    table.insert(0, "n", cells["size"].groupby("group").max())
    order = ["all", *SCORABLE_TASKS]
    return table.loc[[*(name for name in order if name in table.index), *(name for name in table.index if name not in order)]]
