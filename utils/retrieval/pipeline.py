"""The advanced pipeline: one configuration switches every stage; the selected one is stored in `data/checkpoints`."""
from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy

from .. import models
from ..settings import WHEEL_EMBEDDER, Settings
from ..types import Chunk, Document, Hit
from .bm25 import BM25Index
from .chunking import fixed_size_chunks, section_chunks
from .dense import DenseIndex, distinct_documents
from .fusion import CROSS_ENCODER, cross_encoder, ranked, standardise

BI_ENCODER = models.CHECKPOINTS / "bi_encoder"
SELECTED_CONFIG = models.CHECKPOINTS / "advanced_rag.json"


@dataclass(frozen=True)
class PipelineConfig:
    """The stages of the pipeline and their sizes. The defaults switch every optional stage off."""

    chunk_tokens: int = 120
    k: int = 3  # maximum passages in the prompt; `context_tokens` in the settings limits them too
    tuned: bool = False  # MiniLM with the course's adapter
    adapter: str = ""  # folder of an embedder's adapter of your own, instead of the course's
    sections: bool = True  # chunks are parts of sections with a header; else windows of `chunk_tokens`
    candidates: int = 200  # chunks fetched from the dense index
    bm25: float = 0.0  # weight of BM25 against 1 − bm25 for the dense score, both standardised
    overview: float = 0.0  # weight of the dense score of a document's first chunk, added to the score of all its chunks
    rerank_documents: int = 0  # number of documents that the cross-encoder reranks
    rerank_chunks: int = 2  # number of their best chunks that it reads, per document
    rerank: float = 0.0  # weight of its score against 1 − rerank for the fused one

    def digest_parts(self) -> list:
        """What of this configuration determines a ranking: its values and the digests of its adapters."""
        values = asdict(self)
        later = {name: values.pop(name) for name in ("adapter", "sections")}  # newer than the committed records
        own = [models.adapter_digest(f"adapter:{self.adapter}")] if self.adapter else []
        return [values, adapter_digests(), *([later["sections"], own] if own or not self.sections else [])]


def load_selected_config() -> PipelineConfig:
    """The configuration selected on dev. Raises RuntimeError when its file is missing or damaged."""
    try:
        return PipelineConfig(**json.loads(SELECTED_CONFIG.read_text("utf-8"))["recipe"])
    except (OSError, ValueError, KeyError, TypeError):
        raise RuntimeError(f"data/checkpoints/{SELECTED_CONFIG.name} is missing or damaged: restore it with `git checkout "
                           f"data/checkpoints` or build it again with `python3 -m utils rebuild lab1`") from None


def adapter_digests() -> list[str]:
    """Digests of the shipped retrieval adapters, read from their provenance files."""
    files = [folder / "provenance.json" for folder in (BI_ENCODER, CROSS_ENCODER)]
    return [json.loads(file.read_text("utf-8"))["adapter_sha256"] for file in files if file.exists()]


class RetrievalPipeline:
    """A retriever whose configuration switches every stage."""

    def __init__(self, documents: Sequence[Document], settings: Settings, config: PipelineConfig | None = None,
                 chunks: Sequence[Chunk] = ()):
        """Open or build the index of the documents' chunks (made unless given); course's adapters need the course's embedder."""
        self.config = config or load_selected_config()
        self.settings = settings
        course = str(BI_ENCODER) if self.config.tuned and settings.embedder == WHEEL_EMBEDDER else ""
        self.embedder = models.embedder(settings.embedder, self.config.adapter or course)
        tokenizer, tokens = self.embedder.tokenizer, self.config.chunk_tokens
        self.chunks = list(chunks) or (section_chunks(documents, tokenizer, tokens) if self.config.sections else [
            chunk for d in documents for chunk in fixed_size_chunks(d, tokenizer, tokens, settings.chunk_overlap)])
        self.dense = DenseIndex(self.chunks, self.embedder, settings)
        self.place = {chunk.id: i for i, chunk in enumerate(self.chunks)}

    @functools.cached_property
    def bm25(self) -> BM25Index:
        """BM25 over the same chunks."""
        return BM25Index(self.chunks)

    def search(self, query: str, k: int) -> list[Hit]:
        """The k best chunks after every stage, best first."""
        fused = self.fuse(query, max(k, self.config.candidates))
        return (self.rerank(fused, query) if self.config.rerank else fused)[:k]

    def fuse(self, query: str, candidates: int) -> list[Hit]:
        """Dense hits, combined with the scores of BM25 and of the document's overview if they have a weight."""
        config = self.config
        if not config.bm25 and not config.overview:
            return self.dense.search(query, candidates)
        vector = self.embedder.encode([query])[0]
        near = self.dense.nearest([vector], candidates)[0]
        words = self.bm25.scores(query)
        by_words = numpy.argsort(-words, kind="stable")[: candidates // 4] if config.bm25 else []
        places = list(dict.fromkeys([*(self.place[hit.chunk.id] for hit in near), *map(int, by_words)]))
        dense = standardise(self.dense.vectors[places] @ vector)
        overview = standardise(self.dense.vectors[self.first[places]] @ vector)
        score = (1 - config.bm25) * dense + config.bm25 * standardise(words[places]) + config.overview * overview
        return ranked([Hit(self.chunks[p], 0, float(s)) for p, s in zip(places, score, strict=True)])

    @functools.cached_property
    def first(self):
        """Index of the first chunk of each chunk's document: an array of shape (chunks,)."""
        first: dict[str, int] = {}
        return numpy.array([first.setdefault(chunk.document_id, place) for place, chunk in enumerate(self.chunks)])

    def rerank(self, hits: Sequence[Hit], query: str) -> list[Hit]:
        """The top documents' best chunks, reranked with the cross-encoder; all other hits follow in their old order."""
        top_documents = set(distinct_documents(hits)[: self.config.rerank_documents])
        candidates: list[Hit] = []
        for hit in hits:
            siblings = sum(other.document_id == hit.document_id for other in candidates)
            if hit.document_id in top_documents and siblings < self.config.rerank_chunks:
                candidates.append(hit)
        scores = cross_encoder(self.settings.reranker).scores(query, [hit.chunk.indexed for hit in candidates])
        weight = self.config.rerank
        fused = weight * standardise(scores) + (1 - weight) * standardise([hit.score for hit in candidates])
        first = ranked([replace(hit, score=float(s)) for hit, s in zip(candidates, fused, strict=True)])
        reranked_ids, floor = {hit.chunk.id for hit in candidates}, first[-1].score - 1
        rest = [replace(hit, score=floor - 0.001 * n) for n, hit in enumerate(hits) if hit.chunk.id not in reranked_ids]
        return ranked([*first, *rest])
