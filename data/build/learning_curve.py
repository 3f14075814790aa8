"""Would more conversations help? Both readers, trained on growing draws of one recipe with one seed, asked dev.

`python -m data.build learning_curve`: at the rates measured so far, four trainings of the language model take three hours on two
cores and three of the span reader, whose largest is the committed one, an hour and a quarter. Resumes.
"""
from __future__ import annotations

import hashlib
from collections.abc import Iterator

from utils import evaluation, metrics, models

from . import reader_recipe, span_reader
from .common import commit_rows, reopen, work

COMMAND = "python -m data.build learning_curve"
SIZES = (500, 1_000, 2_000)  # conversations, and the largest of either reader
SEED = 0


def trained() -> Iterator[tuple[str, int, str]]:
    """(kind of reader, conversations, its adapter as the name of a model), the span reader first."""
    for size in (*SIZES, span_reader.SIZE):
        model = f"adapter:{span_reader.made(size, span_reader.SpanTraining())}"
        yield "span reader", size or len(reader_recipe.all_conversations(SEED)), model
    for size in (*SIZES, reader_recipe.LARGEST):
        yield "language model", size, reader_recipe.trained(size, SEED)


def learning_curve() -> None:
    """Commit exact match on dev, with retrieved passages, for every reader and size."""
    workspace = evaluation.Workspace()
    dev = [q for q in evaluation.load_questions(known=workspace.documents)
           if q.split == "dev" and q.task in metrics.SINGLE_ANSWER_TASKS]
    readers = list(trained())

    def rows() -> Iterator[dict]:
        for kind, size, model in readers:
            out, arm = work(f"curve-{kind.replace(' ', '-')}-{size}.jsonl"), f"{model}+advanced_rag"
            reopen(out, dev)
            records = evaluation.run_arms(dev, arm, workspace, out, calibrate=False)
            trained_in = models.adapter_provenance(model)
            minutes = trained_in.get("minutes") or round(trained_in["seconds"] / 60, 1)
            yield {"reader": kind, "conversations": size, "minutes": minutes, "adapter_sha256": trained_in["adapter_sha256"],
                   **vars(evaluation.metric_interval(records, arm, "exact_match"))}

    key = hashlib.sha256("".join(models.adapter_digest(model) for _, _, model in readers).encode()).hexdigest()[:12]
    commit_rows("lab2_curve", lambda: list(rows()), f"dev, retrieved passages, seed {SEED}", COMMAND, key)
