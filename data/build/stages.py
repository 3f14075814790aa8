"""The stages of lab 1's table that it reads from records: one change to naive RAG each, and all together.

To add a stage, write its function in `post_retrieval` and a line of `AllStages`.
"""
from __future__ import annotations

import functools
import json
from dataclasses import replace

from utils import corpus, evaluation, retrieval
from utils.evaluation.retrieval_stages import NAIVE, TOP, Stage
from utils.retrieval import chunking, fusion
from utils.types import Hit, Question

from . import post_retrieval, query_rewriting
from .common import work

ALL = "all together"


class AllStages(evaluation.StageCatalog):
    """Every stage, in the order of the table; the model rewrites the questions beforehand, kept between runs."""

    def __init__(self, workspace: evaluation.Workspace, questions: list[Question]):
        super().__init__(workspace)
        self.documents, path = list(workspace.documents.values()), work("rewritten.json")
        self.rewritten = json.loads(path.read_text("utf-8")) if path.exists() else {}
        for instruction in (query_rewriting.EXPAND, query_rewriting.HYDE, query_rewriting.DECOMPOSE):
            known = self.rewritten.setdefault(instruction, {})
            todo = [q.question for q in questions if q.question not in known]
            if todo:
                print(f"rewriting {len(todo)} questions: {instruction[:40]} …", flush=True)
                rewritten = query_rewriting.rewrite_questions(todo, instruction, workspace.model(), max_new_tokens=32)
                known.update(zip(todo, rewritten, strict=True))
                path.write_text(json.dumps(self.rewritten), "utf-8")

    @functools.cached_property
    def sections(self) -> retrieval.RetrievalPipeline:
        """Section chunks with headers, plain MiniLM."""
        return retrieval.RetrievalPipeline(self.documents, self.workspace.settings, retrieval.PipelineConfig())

    @functools.cached_property
    def without_headers(self) -> retrieval.DenseIndex:
        """The same chunks without headers."""
        chunks = [replace(chunk, header="") for chunk in self.sections.chunks]
        return retrieval.DenseIndex(chunks, self.sections.embedder, self.workspace.settings)

    @functools.cached_property
    def sentences(self) -> retrieval.DenseIndex:
        """One chunk per sentence: the index of the sentence window."""
        tokens = chunking.token_counter(self.documents, self.sections.embedder.tokenizer)
        chunks = [chunk for document in self.documents for chunk in post_retrieval.chunk_by_sentence(document, tokens)]
        return retrieval.DenseIndex(chunks, self.sections.embedder, self.workspace.settings)

    def by_service(self, query: str, k: int) -> list[Hit]:
        """Naive search, limited to the services that the question names, if any."""
        named = corpus.services_named(query)
        hits = self.workspace.dense.search(query, k if not named else 8 * k)
        of_service = [hit for hit in hits if not named or self.workspace.documents[hit.document_id].group in named]
        return fusion.ranked(of_service[:k])

    def rewritten_search(self, instruction: str, question: str, k: int, lines: bool = False) -> list[Hit]:
        """Naive search with the question and its rewriting as one query, or (`lines`) one query per line, fused by rank."""
        rewriting = self.rewritten[instruction][question]
        queries = [question, *query_rewriting.subquestions(rewriting)] if lines else [f"{question} {rewriting}"]
        rankings = self.workspace.dense.search_many(queries, k)
        return rankings[0] if len(rankings) == 1 else fusion.reciprocal_rank_fusion(rankings)[:k]

    def spread(self, hits: list[Hit], query: str) -> list[Hit]:
        """Maximal marginal relevance over the top hits."""
        dense = self.workspace.dense
        place = {id_: i for i, id_ in enumerate(dense.chunks)}
        vectors = {hit.chunk.id: dense.vectors[place[hit.chunk.id]] for hit in hits[:TOP]}
        return post_retrieval.maximal_marginal_relevance(hits[:TOP], vectors) + hits[TOP:]

    def stages(self) -> list[Stage]:
        """Every stage: naive first, all together last."""
        live = {stage.name: stage for stage in super().stages()}
        naive, count = self.workspace.dense.search, self.workspace.model().count
        likelihood = functools.partial(post_retrieval.query_likelihood, model=self.workspace.model())

        def plain(query: str, k: int) -> list[Hit]:
            return self.sections.dense.search(query, k)

        return [
            live[NAIVE],
            Stage("section chunks", "before", lambda q, k: self.without_headers.search(q, k)),
            Stage("section chunks + header", "before", plain),
            Stage("sentence window", "before", lambda q, k: self.sentences.search(q, k),
                  lambda hits, q: post_retrieval.sentence_window(hits[:TOP], list(self.sentences.chunks.values()))),
            Stage("parent section", "before", plain,
                  lambda hits, q: post_retrieval.parent_sections(hits[:TOP], self.workspace.documents)),
            Stage("service filter", "before", self.by_service),
            Stage("query expansion", "before", functools.partial(self.rewritten_search, query_rewriting.EXPAND)),
            Stage("HyDE", "before", functools.partial(self.rewritten_search, query_rewriting.HYDE)),
            Stage("decomposition", "before", functools.partial(self.rewritten_search, query_rewriting.DECOMPOSE, lines=True)),
            live["BM25 alone"],
            live["dense + BM25 (RRF)"],
            live["tuned embedder + header"],
            live["tuned + BM25 + overview"],
            Stage("query likelihood", "after", functools.partial(self.reranked_search, likelihood)),
            live["cross-encoder"],
            Stage("MMR", "after", naive, self.spread),
            Stage("compression", "after", naive, lambda hits, q: post_retrieval.compress(hits[:TOP], q, count)),
            Stage(ALL, "all", lambda q, k: self.selected(rerank=0.5, rerank_documents=5).search(q, k),
                  lambda hits, q: post_retrieval.compress(hits[: 2 * TOP], q, count)),
        ]
