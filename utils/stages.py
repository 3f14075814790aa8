"""Lab 1's stage table: one change to naive RAG at a time, then all together, each with its gain and its cost.

Every stage is judged before generation: is the right document found (Recall@5, MRR), and does an accepted answer stand
in the prompt, at an equal budget of context tokens for all of them? `rebuild lab1` runs this over dev.
"""
from __future__ import annotations

import copy
import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from . import advanced, chunking, fusion, metrics, queries, rag, rerank, retrieval, stats
from .arms import Room
from .benchmark import Question
from .retrieval import Hit

LOOKED_AT = 10  # passages that the slow or shaping stages work on
NAIVE, ALL = "naive", "all together"
WORDS = {"better": "helps", "worse": "hurts", "inconclusive": "inconclusive"}
Search = Callable[[str, int], list[Hit]]
Shape = Callable[[list[Hit], str], list[Hit]]


@dataclass(frozen=True)
class Stage:
    """One change: its name, the group it belongs to, how it searches, and what it does to the hits afterwards."""

    name: str
    group: str
    search: Search
    shape: Shape | None = None


class Kitchen:
    """The stages over one room's documents; indexes are made when a stage first needs them."""

    def __init__(self, room: Room, rewritten: dict[str, dict[str, str]] | None = None):
        """rewritten: instruction → question → what the language model made of it, where that was done before."""
        self.room, self.documents = room, list(room.documents.values())
        self.rewritten = rewritten or {}

    @functools.cached_property
    def sections(self) -> advanced.Advanced:
        """Section chunks with headers, plain MiniLM."""
        return advanced.Advanced(self.documents, self.room.chosen, advanced.Recipe())

    @functools.cached_property
    def headless(self) -> retrieval.DenseRetriever:
        """The same chunks without headers."""
        bare = [replace(chunk, header="") for chunk in self.sections.chunks]
        return retrieval.DenseRetriever(bare, self.sections.embedder, self.room.chosen)

    @functools.cached_property
    def words(self):
        """BM25 over the naive chunks."""
        from .lexical import BM25

        return BM25(list(self.room.dense.chunks.values()))

    @functools.cache  # noqa: B019 (a kitchen lives as long as its notebook)
    def frozen(self, **changes: object) -> advanced.Advanced:
        """The frozen pipeline, with some of its settings changed."""
        self.room.advanced.bm25.scores("made before it is copied, so that all copies share it")
        pipeline = copy.copy(self.room.advanced)
        pipeline.recipe = replace(pipeline.recipe, **changes)
        return pipeline

    def second_look(self, hits: list[Hit], query: str) -> list[Hit]:
        """The hits in the trained cross-encoder's order."""
        return rerank.cross_encoder(self.room.chosen.reranker).rerank(hits, query)

    def by_service(self, query: str, k: int) -> list[Hit]:
        """Naive search, of the named service only where one is named."""
        named = queries.services_named(query)
        hits = self.room.dense.search(query, k if not named else 8 * k)
        kept = [hit for hit in hits if not named or hit.document_id.split(".")[0] in named]
        return fusion.ranked(kept[:k])

    def rewritten_search(self, instruction: str, question: str, k: int, lines: bool = False) -> list[Hit]:
        """Naive search with what the model made of the question: added to it, or line by line, fused by rank."""
        made = self.rewritten.get(instruction, {}).get(question)
        if made is None:
            made = queries.rewrite([question], instruction, self.room.model)[0]
        asked = [question, *queries.parts(made)] if lines else [f"{question} {made}"]
        found = self.room.dense.search_many(asked, k)
        return found[0] if len(found) == 1 else fusion.reciprocal_rank_fusion(found)[:k]

    def fused(self, query: str, k: int) -> list[Hit]:
        """Reciprocal rank fusion of dense and BM25 over the naive chunks."""
        return fusion.reciprocal_rank_fusion([self.room.dense.search(query, k), self.words.search(query, k)])[:k]

    def first_again(self, score: Callable[[list[Hit], str], list[Hit]], query: str, k: int) -> list[Hit]:
        """Naive search with its first hits put in another order by `score`."""
        hits = self.room.dense.search(query, k)
        again = score(hits[:LOOKED_AT], query)
        return [replace(hit, rank=n) for n, hit in enumerate([*again, *hits[LOOKED_AT:]], 1)]

    def spread(self, hits: list[Hit], query: str) -> list[Hit]:
        """Maximal marginal relevance over the first hits."""
        dense = self.room.dense
        place = {id_: i for i, id_ in enumerate(dense.chunks)}
        vectors = {hit.chunk.id: dense.vectors[place[hit.chunk.id]] for hit in hits[:LOOKED_AT]}
        return fusion.maximal_marginal_relevance(hits[:LOOKED_AT], vectors) + hits[LOOKED_AT:]

    def stages(self) -> list[Stage]:
        """Every stage, the naive one first and all together last."""
        naive, count = self.room.dense.search, self.room.model.count
        likelihood = functools.partial(rerank.query_likelihood, model=self.room.model)

        def plain(query: str, k: int) -> list[Hit]:
            return self.sections.dense.search(query, k)

        return [
            Stage(NAIVE, "", naive),
            Stage("section chunks", "before", lambda q, k: self.headless.search(q, k)),
            Stage("section chunks + header", "before", plain),
            Stage("sentence window", "before", lambda q, k: self.sentences.search(q, k),
                  lambda hits, q: chunking.window(hits[:LOOKED_AT], list(self.sentences.chunks.values()))),
            Stage("parent section", "before", plain, lambda hits, q: chunking.parent(hits[:LOOKED_AT], self.room.documents)),
            Stage("service filter", "before", self.by_service),
            Stage("query expansion", "before", functools.partial(self.rewritten_search, queries.EXPAND)),
            Stage("HyDE", "before", functools.partial(self.rewritten_search, queries.HYDE)),
            Stage("decomposition", "before", functools.partial(self.rewritten_search, queries.DECOMPOSE, lines=True)),
            Stage("BM25 alone", "search", lambda q, k: self.words.search(q, k)),
            Stage("dense + BM25 (RRF)", "search", self.fused),
            Stage("tuned embedder + header", "search", lambda q, k: self.frozen(bm25=0.0, overview=0.0).search(q, k)),
            Stage("tuned + BM25 + overview", "search", lambda q, k: self.frozen().search(q, k)),  # what was frozen
            Stage("query likelihood", "after", functools.partial(self.first_again, likelihood)),
            Stage("cross-encoder", "after", functools.partial(self.first_again, self.second_look)),
            Stage("MMR", "after", naive, self.spread),
            Stage("compression", "after", naive, lambda hits, q: fusion.compress(hits[:LOOKED_AT], q, count)),
            Stage(ALL, "all", lambda q, k: self.frozen(rerank=0.5, rerank_documents=5).search(q, k),
                  lambda hits, q: fusion.compress(hits[: 2 * LOOKED_AT], q, count)),
        ]

    @functools.cached_property
    def sentences(self) -> retrieval.DenseRetriever:
        """One chunk for each sentence: the index of the sentence window."""
        tokens = advanced.counter(self.documents, self.sections.embedder.tokenizer)
        chunks = [chunk for document in self.documents for chunk in chunking.by_sentence(document, tokens)]
        return retrieval.DenseRetriever(chunks, self.sections.embedder, self.room.chosen)


def measure(stage: Stage, questions: Sequence[Question], room: Room) -> list[dict]:
    """One row a question: scores of the ranking and of the prompt it gives, context tokens, milliseconds."""
    rows = []
    for question in questions:
        begun = time.perf_counter()
        hits = rag.retrieve(stage.search, question.question, room.chosen.depth)
        shaped = stage.shape(hits, question.question) if stage.shape else hits
        milliseconds = (time.perf_counter() - begun) * 1000
        printed = rag.passages(shaped[: 3 * LOOKED_AT])
        used = rag.fitting(printed, room.model.count, len(printed), room.chosen.context_tokens)
        shown = printed[:used]
        ranking = retrieval.distinct_documents(hits)
        scores = metrics.retrieval_scores(ranking, question.evidence, question.task == "multi_doc")
        if question.answers:
            scores["answer_in_prompt"] = metrics.contains(" ".join(shown), question.answers)
        rows.append({
            "stage": stage.name, "group": stage.group, "question_id": question.id, "task": question.task,
            "cluster": question.cluster, "documents": ranking[:10], "passages": used,
            "tokens": sum(room.model.count(text) for text in shown), "milliseconds": round(milliseconds, 2),
            "scores": {name: round(value, 5) for name, value in scores.items()},
        })
    return rows


def compare(rows: Sequence[dict]):
    """The stage table: a line for each stage with its gain over naive RAG, Holm-adjusted verdict and cost.

    A pandas.DataFrame with text columns to show and the plain numbers (difference, low, high, added_ms, recall) behind them.
    """
    import pandas

    by_stage: dict[str, list[dict]] = {}
    for row in rows:
        by_stage.setdefault(row["stage"], []).append(row)
    naive = by_stage[NAIVE]
    found = {name: {m: stats.paired([r["scores"][m] for r in naive], [r["scores"][m] for r in some],
                                    [r["cluster"] for r in naive]) for m in ("answer_in_prompt", "recall@5")}
             for name, some in by_stage.items()}
    others = [name for name in by_stage if name != NAIVE]
    family = [(name, metric) for name in others for metric in ("answer_in_prompt", "recall@5")]
    adjusted = dict(zip(family, stats.holm([found[name][metric].p for name, metric in family]), strict=True))
    lines = []
    for name, some in by_stage.items():
        clusters = [r["cluster"] for r in some]
        gain, ms = found[name]["answer_in_prompt"], _median([r["milliseconds"] for r in some])
        lines.append({
            "stage": name, "group": some[0]["group"],
            "Recall@5": str(stats.interval([r["scores"]["recall@5"] for r in some], clusters)),
            "answer in prompt": str(stats.interval([r["scores"]["answer_in_prompt"] for r in some], clusters)),
            "gain": "" if name == NAIVE else f"{gain.difference:+.2f} [{gain.low:+.2f}, {gain.high:+.2f}]",
            "verdict": "" if name == NAIVE else WORDS[gain.verdict(adjusted[name, "answer_in_prompt"])],
            "Recall@5 verdict": "" if name == NAIVE else WORDS[found[name]["recall@5"].verdict(adjusted[name, "recall@5"])],
            "tokens": round(sum(r["tokens"] for r in some) / len(some)), "ms": round(ms),
            "difference": gain.difference, "low": gain.low, "high": gain.high,
            "added_ms": max(0.0, ms - _median([r["milliseconds"] for r in naive])),
        })
    return pandas.DataFrame(lines)


def order_effect(rows: Sequence[dict]) -> stats.Comparison:
    """How much more often the answer was given with the best passage last than with it first, question by question."""
    first, last = ([r for r in rows if r["order"] == order] for order in ("best first", "best last"))
    return stats.paired([r["contains"] for r in first], [r["contains"] for r in last], [r["cluster"] for r in first])


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]
