"""Silence as a decision: which signals tell a right answer from a wrong one, and whether several tell more than the best alone.

`python -m data.build.silence MODEL` asks a reader such as `raft`, or `adapter:FOLDER`, the dev questions and those of held-out
services, has it say what it withholds, and prints the area under risk and coverage of each signal and of a logistic regression
over all of them, fitted by cross-validation over operations. Resumes.
"""
from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Sequence

import numpy

from utils import evaluation, generation, metrics, models
from utils.types import Hit, Question

from .common import work
from .reading_questions import held_out_questions

CONTEXT = "advanced_rag"
FOLDS = 10
BATCH = 16


def signals(questions: Sequence[Question], ranked: Sequence[Sequence[Hit]], reader, run) -> list[dict]:
    """Per question: the answer that would be given, whether the reader abstains by habit, and every signal."""
    used = [generation.count_that_fit(generation.numbered_passages(hits), reader.count, run.k, run.context_tokens)
            for hits in (hits[: run.k] for hits in ranked)]
    prompts = [generation.build_prompt(q.question, hits[:n]) for q, hits, n in zip(questions, ranked, used, strict=True)]
    said = [reply.text for reply in reader.generate(prompts)]
    silent = [metrics.abstains(generation.strip_citations(text, ())[0]) for text in said]
    withheld = iter(forced(reader, [prompt for prompt, quiet in zip(prompts, silent, strict=True) if quiet]))
    texts = [next(withheld) if quiet else text for text, quiet in zip(said, silent, strict=True)]
    answer = models.mean_log_probability(reader, prompts, texts)
    phrase = models.mean_log_probability(reader, prompts, [metrics.ABSTENTION] * len(prompts))
    rows = []
    for i, question in enumerate(questions):
        hits, (text, cited) = ranked[i], generation.strip_citations(texts[i], ranked[i][: used[i]])
        holding = [float(metrics.stated_in(f"{h.document_id} {h.chunk.section}: {h.chunk.text}", [text])) if text else 0.0
                   for h in hits[: used[i]]]
        tokens = reader.count(texts[i]) + 1
        silence = phrase[i] * (reader.count(metrics.ABSTENTION) + 1)
        rows.append({
            "question": question.id, "cluster": question.cluster, "task": question.task, "silent": silent[i], "text": text,
            "right": metrics.exact_match(text, question.answers) if question.answers else 0.0,
            "answer": answer[i], "whole answer": answer[i] * tokens, "phrase": -silence,
            "answer over phrase": answer[i] * tokens - silence, "first score": hits[0].score,
            "lead of the first": hits[0].score - hits[min(1, len(hits) - 1)].score,
            "cited score": max((h.score for h in hits[: used[i]] if h.document_id in cited), default=min(h.score for h in hits)),
            "stated in passages": float(sum(holding)), "stated at all": float(any(holding)), "cites": float(bool(cited))})
    return rows


def forced(reader, prompts: Sequence[list[dict[str, str]]]) -> list[str]:
    """What the reader says if its reply may not begin as the abstention does."""
    first = models.token_ids(reader, [metrics.ABSTENTION, metrics.ABSTENTION.capitalize()])
    reader.model.generation_config.begin_suppress_tokens = sorted({ids[0] for ids in first})
    try:
        return [reply.text for reply in reader.generate(prompts)]
    finally:
        reader.model.generation_config.begin_suppress_tokens = None


def all_signals(questions: Sequence[Question], workspace: evaluation.Workspace, model: str, name: str) -> list[dict]:
    """The signals of all questions, kept after each batch."""
    from tqdm.auto import tqdm

    path = work(f"silence-{name}-{hashlib.sha256(model.encode()).hexdigest()[:8]}.jsonl")
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    todo = [q for q in questions if q.id not in {row["question"] for row in rows}]
    with path.open("a", encoding="utf-8") as out:
        for start in tqdm(range(0, len(todo), BATCH), desc=name, unit="batch"):
            batch = todo[start : start + BATCH]
            new = signals(batch, [workspace.hits(q, CONTEXT) for q in batch], workspace.model(model),
                          workspace.settings_for(CONTEXT))
            rows += new
            out.writelines(json.dumps(row) + "\n" for row in new)
            out.flush()
    return rows


def combined(rows: Sequence[dict], names: Sequence[str]) -> numpy.ndarray:
    """The probability that each answer is right, from models that did not see its operation."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    table, right = numpy.array([[row[name] for name in names] for row in rows]), numpy.array([row["right"] for row in rows])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.3))
    groups = [row["cluster"] for row in rows]
    folds = GroupKFold(FOLDS, shuffle=True, random_state=0)
    return cross_val_predict(model, table, right, groups=groups, cv=folds, method="predict_proba")[:, 1]


def area_difference(one: Sequence[float], other: Sequence[float], rows: Sequence[dict], resamples: int = 2000) -> tuple:
    """(mean, low, high) of area(one) − area(other), operations resampled."""
    draw, right = numpy.random.default_rng(0), numpy.array([row["right"] for row in rows])
    clusters: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        clusters.setdefault(row["cluster"], []).append(i)
    groups, one, other = [numpy.array(own) for own in clusters.values()], numpy.asarray(one), numpy.asarray(other)
    gaps, area = [], metrics.risk_coverage_area
    for _ in range(resamples):
        picked = numpy.concatenate([groups[i] for i in draw.integers(0, len(groups), len(groups))])
        gaps.append(area(one[picked], right[picked]) - area(other[picked], right[picked]))
    return (area(one, right) - area(other, right), *numpy.quantile(gaps, [0.025, 0.975]))


def main(words: Sequence[str]) -> None:
    """Print every signal's area under risk and coverage, the combination's, and the paired difference from the best."""
    model, (documents, held_out) = words[0], held_out_questions()
    judged = [[q for q in questions if q.task in metrics.JUDGED_TASKS] for questions in (evaluation.load_questions(split="dev"),
                                                                                         held_out)]
    rows = all_signals(judged[0], evaluation.Workspace(), model, "dev")
    rows += all_signals(judged[1], evaluation.Workspace(documents), model, "held out")
    right = [row["right"] for row in rows]
    names = [name for name, value in rows[0].items() if name not in ("question", "cluster", "task", "silent", "text", "right")]
    print(len(rows), "questions;", f"right if always answered {numpy.mean(right):.3f}", flush=True)
    habit = [not row["silent"] for row in rows]
    given = numpy.array(habit)
    print(f"the habit answers {given.mean():.2f}, right in {numpy.array(right)[given].mean():.2f} of these", flush=True)
    tables = {name: [row[name] for row in rows] for name in names}
    tables["all, cross-validated"] = combined(rows, names)
    areas = {name: metrics.risk_coverage_area(values, right) for name, values in tables.items()}
    best = min(names, key=areas.get)
    for name, value in sorted(areas.items(), key=lambda item: item[1]):
        kinds = [numpy.array([(row["task"] == "unanswerable") == kind for row in rows]) for kind in (True, False)]
        values = numpy.asarray(tables[name])
        level = numpy.quantile(values[kinds[1]], 0.12)  # silent on 12 % of the answerable
        quiet, cover = (values[kinds[0]] < level).mean(), values >= numpy.quantile(values, 1 - given.mean())
        print(f"{name}: area {value:.3f}; at the habit's coverage right in {numpy.array(right)[cover].mean():.2f}; silent on "
              f"{quiet:.2f} of the unanswerable at .12 of the others", flush=True)
    print("all − best single", best, [round(x, 3) for x in area_difference(tables["all, cross-validated"], tables[best], rows)])
    assert math.isfinite(areas[best])


if __name__ == "__main__":
    main(sys.argv[1:])
