"""Chooses the search of `advanced_rag` for one's own documents on dev, among a handful of configurations."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from tqdm.auto import tqdm

from .. import evaluation, metrics, retrieval
from ..types import Question

PASSAGES = 8  # at most in a prompt; the token budget of the settings limits them too
PLAIN = retrieval.PipelineConfig(k=PASSAGES)
CANDIDATES = {
    "fixed windows": replace(PLAIN, sections=False),
    "fixed windows + BM25": replace(PLAIN, sections=False, bm25=0.3),
    "sections": PLAIN,
    "sections + BM25": replace(PLAIN, bm25=0.3),
    "sections, course's embedder": replace(PLAIN, tuned=True),
    "sections, course's embedder + BM25": replace(PLAIN, tuned=True, bm25=0.2, overview=0.2),
}
OWN = "own embedder"


def measure_search(questions: Sequence[Question], workspace: evaluation.Workspace,
                   candidates: Mapping[str, retrieval.PipelineConfig]) -> list[dict]:
    """One row per configuration: Recall@5 with its interval and MRR@10, over the questions that name evidence."""
    asked, documents, rows = [q for q in questions if q.evidence], list(workspace.documents.values()), []
    for name, config in tqdm(candidates.items(), desc="search", unit="configuration", disable=not asked):
        pipeline = retrieval.RetrievalPipeline(documents, workspace.settings, config)
        scores = []
        for question in asked:
            hits = retrieval.search_documents(pipeline.search, question.question, workspace.settings.depth,
                                              min(10, len(documents)), workspace.copies)
            ranking = retrieval.distinct_documents(hits, workspace.copies)
            evidence = [workspace.copies.get(id_, id_) for id_ in question.evidence]
            scores.append(metrics.retrieval_scores(ranking, evidence, question.task == "multi_doc"))
        recall = metrics.mean_interval([s["recall@5"] for s in scores], [q.cluster for q in asked]) if asked else None
        rows.append({"name": name, "config": asdict(config), "questions": len(asked),
                     "recall@5": recall and [round(value, 4) for value in (recall.mean, recall.low, recall.high)],
                     "mrr@10": round(sum(s["mrr@10"] for s in scores) / len(asked), 4) if asked else None})
    return rows


def choose_search(rows: Sequence[dict]) -> dict:
    """The choice by Recall@5, then MRR@10, then order, with a sentence that tells it. rows: as from `measure_search`."""
    if not rows[0]["questions"]:
        best = next(row for row in rows if row["name"] == "sections + BM25")
        why = "no dev question names a document, so search is sections + BM25 without a measurement"
    else:
        best = max(rows, key=lambda row: (row["recall@5"][0], row["mrr@10"]))
        mean, low, high = best["recall@5"]
        why = (f"search is {best['name']}: Recall@5 {mean:.2f} [{low:.2f}, {high:.2f}] on {best['questions']} dev questions, the "
               f"best of {len(rows)} configurations (fixed windows {rows[0]['recall@5'][0]:.2f})")
        if sum(row["recall@5"][0] >= low for row in rows) > 1:
            why += "; the others inside this interval may be as good"
    return {"chosen": best["name"], "config": best["config"], "why": why, "candidates": list(rows)}


def selected_search(out: Path) -> retrieval.PipelineConfig:
    """The configuration that `decide` chose. Raises ValueError without one."""
    path = out / "retrieval.json"
    try:
        config = retrieval.PipelineConfig(**json.loads(path.read_text("utf-8"))["config"])
        return replace(config, adapter=config.adapter and str(out / "adapters" / Path(config.adapter).name))  # out may have moved
    except (OSError, ValueError, KeyError, TypeError):
        raise ValueError(f"{path}: is missing or damaged; run `decide` again with --out {out}") from None
