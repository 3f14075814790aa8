"""Lab 1's stage table: one change to naive RAG at a time, then all together, each with its gain and its cost.

Scored before generation: is the evidence found, and is an accepted answer in the prompt, within one budget of tokens?
"""
from __future__ import annotations

import copy
import functools
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from .. import generation, metrics, retrieval
from ..retrieval import fusion
from ..types import Hit, Question
from .scoring import answer_in_passages
from .workspace import Workspace

TOP = 10  # passages that slow stages and stages that change passages work on
NAIVE = "naive"
VERDICTS = {"better": "helps", "worse": "hurts", "inconclusive": "inconclusive"}
Search = Callable[[str, int], list[Hit]]
Shape = Callable[[list[Hit], str], list[Hit]]


@dataclass(frozen=True)
class Stage:
    """One change to naive RAG: its name and group, how it searches, and what it does to the hits afterwards."""

    name: str
    group: str
    search: Search
    shape: Shape | None = None


class StageCatalog:
    """The stages over a workspace's documents; an index is built when a stage first needs it."""

    def __init__(self, workspace: Workspace):
        self.workspace = workspace

    @functools.cached_property
    def words(self):
        """BM25 over the naive chunks."""
        return retrieval.BM25Index(list(self.workspace.dense.chunks.values()))

    @functools.cache  # noqa: B019 (a catalog lives as long as its notebook)
    def selected(self, **changes: object) -> retrieval.RetrievalPipeline:
        """The pipeline selected on dev, with `changes` to its configuration."""
        self.workspace.pipeline.bm25.scores("builds the index before the copy, so that all copies share it")
        pipeline = copy.copy(self.workspace.pipeline)
        pipeline.config = replace(pipeline.config, **changes)
        return pipeline

    def reranked_search(self, rerank: Callable[[list[Hit], str], list[Hit]], query: str, k: int) -> list[Hit]:
        """Naive search with its top hits reranked."""
        hits = self.workspace.dense.search(query, k)
        return [replace(hit, rank=n) for n, hit in enumerate([*rerank(hits[:TOP], query), *hits[TOP:]], 1)]

    def stages(self) -> list[Stage]:
        """The stages that lab 1 runs live, naive first; `data/build/stages.py` adds those that it reads from records."""
        dense, reranker = self.workspace.dense, self.workspace.settings.reranker
        return [
            Stage(NAIVE, "", dense.search),
            Stage("BM25 alone", "search", lambda q, k: self.words.search(q, k)),
            Stage("dense + BM25 (RRF)", "search",
                  lambda q, k: fusion.reciprocal_rank_fusion([dense.search(q, k), self.words.search(q, k)])[:k]),
            Stage("tuned embedder + header", "search", lambda q, k: self.selected(bm25=0.0, overview=0.0).search(q, k)),
            Stage("tuned + BM25 + overview", "search", lambda q, k: self.selected().search(q, k)),  # what dev selected
            Stage("cross-encoder", "after", functools.partial(
                self.reranked_search, lambda hits, q: fusion.cross_encoder(reranker).rerank(hits, q))),
        ]


def measure_stage(stage: Stage, questions: Sequence[Question], workspace: Workspace) -> list[dict]:
    """One row per question: scores of the ranking and of its prompt, context tokens, milliseconds."""
    rows = []
    for question in questions:
        start = time.perf_counter()
        hits = retrieval.search_documents(stage.search, question.question, workspace.settings.depth)
        shaped = stage.shape(hits, question.question) if stage.shape else hits
        milliseconds = (time.perf_counter() - start) * 1000
        passages = generation.numbered_passages(shaped[: 3 * TOP])
        used = generation.count_that_fit(passages, workspace.model().count, len(passages), workspace.settings.context_tokens)
        shown = passages[:used]
        ranking = retrieval.distinct_documents(hits)
        scores = metrics.retrieval_scores(ranking, question.evidence, question.task == "multi_doc")
        if question.answers:
            scores["answer_in_prompt"] = answer_in_passages(question, shaped[:used])
        rows.append({
            "stage": stage.name, "group": stage.group, "question_id": question.id, "task": question.task,
            "cluster": question.cluster, "documents": ranking[:10], "passages": used,
            "tokens": sum(workspace.model().count(text) for text in shown), "milliseconds": round(milliseconds, 2),
            "scores": {name: round(value, 5) for name, value in scores.items()},
        })
    return rows


def compare_stages(rows: Sequence[dict]):
    """For each stage its gain over naive RAG, Holm-adjusted verdict and cost, as text and numbers: a pandas.DataFrame."""
    import pandas

    frame, measures = pandas.json_normalize(list(rows)), ("answer_in_prompt", "recall@5")
    stages = dict(list(frame.groupby("stage", sort=False)))
    naive = stages[NAIVE]
    gains = {(name, measure): metrics.paired_difference(
                 *(part[f"scores.{measure}"].tolist() for part in (naive, own)), naive.cluster.tolist())
             for name, own in stages.items() for measure in measures}
    family = [key for key in gains if key[0] != NAIVE]
    adjusted = zip(family, metrics.holm([gains[key].p for key in family]), strict=True)
    verdicts = {key: VERDICTS[gains[key].verdict(p)] for key, p in adjusted}
    lines = []
    for name, own in stages.items():
        gain, ms = gains[name, "answer_in_prompt"], statistics.median_high(own.milliseconds)
        answer, recall = (str(metrics.mean_interval(own[f"scores.{measure}"].tolist(), own.cluster.tolist()))
                          for measure in measures)
        lines.append({
            "stage": name, "group": own["group"].iloc[0], "Recall@5": recall, "answer in prompt": answer,
            "gain": "" if name == NAIVE else f"{gain.difference:+.2f} [{gain.low:+.2f}, {gain.high:+.2f}]",
            "verdict": verdicts.get((name, "answer_in_prompt"), ""), "Recall@5 verdict": verdicts.get((name, "recall@5"), ""),
            "tokens": round(own.tokens.mean()), "ms": round(ms), "difference": gain.difference, "low": gain.low,
            "high": gain.high, "added_ms": ms - statistics.median_high(naive.milliseconds)})
    return pandas.DataFrame(lines)
