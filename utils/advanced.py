"""The advanced pipeline: what lab 1 measured stage by stage on dev, frozen in `data/checkpoints/advanced_rag.json`.

Question → dense (tuned embedder) and BM25 over section chunks → fusion → cross-encoder → hits. Nothing here trains.
"""
from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

from . import chunking, fusion, lexical, models, rerank, retrieval, settings
from .corpus import Document
from .retrieval import Hit

CHECKPOINTS = settings.DATA / "checkpoints"
BI_ENCODER = CHECKPOINTS / "bi_encoder"
FROZEN = CHECKPOINTS / "advanced_rag.json"


@dataclass(frozen=True)
class Recipe:
    """What the pipeline is made of. The defaults are the naive end of every choice; `frozen()` is what dev chose."""

    chunk_tokens: int = 120
    k: int = 3  # most passages in the prompt; `context_tokens` of the settings limits them too
    tuned: bool = False  # MiniLM with the course's adapter
    candidates: int = 200  # chunks fetched from the dense index
    bm25: float = 0.0  # weight of BM25 against 1 − bm25 for the dense score, both standardised
    overview: float = 0.0  # weight of the dense score of the document's first chunk, added to that of each of its chunks
    rerank_documents: int = 0  # documents that the cross-encoder looks at
    rerank_chunks: int = 2  # their best chunks that it reads
    rerank: float = 0.0  # weight of its score against 1 − rerank for the fused one


def frozen() -> Recipe:
    """The recipe chosen on dev. Raises RuntimeError naming the remedy when the file is missing or damaged."""
    try:
        return Recipe(**json.loads(FROZEN.read_text("utf-8"))["recipe"])
    except (OSError, ValueError, KeyError, TypeError):
        raise RuntimeError(f"data/checkpoints/{FROZEN.name} is missing or damaged: get it back with `git checkout "
                           f"data/checkpoints`, or make it anew with `python3 -m utils rebuild lab1`") from None


def freeze(recipe: Recipe, why: str) -> None:
    """Write the recipe as the one that `advanced_rag` uses, with a sentence on how it was chosen."""
    FROZEN.parent.mkdir(exist_ok=True)
    FROZEN.write_text(json.dumps({"recipe": asdict(recipe), "chosen": why}, indent=1) + "\n", "utf-8")


def adapters() -> list[str]:
    """Digests of the shipped retrieval adapters, as their provenance has them."""
    found = [json.loads((folder / "provenance.json").read_text("utf-8")) for folder in (BI_ENCODER, rerank.CROSS_ENCODER)
             if (folder / "provenance.json").exists()]
    return [provenance["adapter_sha256"] for provenance in found]


class Advanced:
    """A retriever with every stage switched by its recipe."""

    def __init__(self, documents: Sequence[Document], chosen: settings.Settings, recipe: Recipe | None = None,
                 chunks: Sequence[retrieval.Chunk] = ()):
        """Open (or build) the index of section chunks; the course's adapters apply to the course's embedder only.

        chunks: the documents' chunks, where a caller has cut them already.
        """
        self.recipe = recipe or frozen()
        self.chosen = chosen
        adapted = self.recipe.tuned and chosen.embedder == settings.WHEEL_EMBEDDER
        self.embedder = models.embedder(chosen.embedder, str(BI_ENCODER) if adapted else "")
        self.chunks = list(chunks) or section_chunks(documents, self.embedder.tokenizer, self.recipe.chunk_tokens)
        self.dense = retrieval.DenseRetriever(self.chunks, self.embedder, chosen)
        self.place = {chunk.id: i for i, chunk in enumerate(self.chunks)}

    @functools.cached_property
    def bm25(self) -> lexical.BM25:
        """BM25 over the same chunks."""
        return lexical.BM25(self.chunks)

    def search(self, query: str, k: int) -> list[Hit]:
        """The k best chunks after every stage of the recipe, best first."""
        fused = self.fuse(query, max(k, self.recipe.candidates))
        return (self.look_again(fused, query) if self.recipe.rerank else fused)[:k]

    def fuse(self, query: str, candidates: int) -> list[Hit]:
        """Dense hits, with BM25's and the document's overview's say where the recipe asks for it."""
        import numpy

        recipe = self.recipe
        if not recipe.bm25 and not recipe.overview:
            return self.dense.search(query, candidates)
        vector = self.embedder.encode([query])[0]
        near = self.dense.search_vector(vector, candidates)
        words = self.bm25.scores(query)
        by_words = numpy.argsort(-words, kind="stable")[: candidates // 4] if recipe.bm25 else []
        places = list(dict.fromkeys([*(self.place[hit.chunk.id] for hit in near), *map(int, by_words)]))
        dense = fusion.standardise(self.dense.vectors[places] @ vector)
        overview = fusion.standardise(self.dense.vectors[self.first[places]] @ vector)
        score = (1 - recipe.bm25) * dense + recipe.bm25 * fusion.standardise(words[places]) + recipe.overview * overview
        return fusion.ranked([Hit(self.chunks[p], 0, float(s)) for p, s in zip(places, score, strict=True)])

    @functools.cached_property
    def first(self):
        """For each chunk, the place of its document's first chunk: an array of shape (chunks,)."""
        import numpy

        begins: dict[str, int] = {}
        return numpy.array([begins.setdefault(chunk.document_id, place) for place, chunk in enumerate(self.chunks)])

    def look_again(self, hits: Sequence[Hit], query: str) -> list[Hit]:
        """The first documents' best chunks rescored by the cross-encoder; everything else stays behind them."""
        wanted = set(retrieval.distinct_documents(hits)[: self.recipe.rerank_documents])
        chosen: list[Hit] = []
        for hit in hits:
            if hit.document_id in wanted and sum(h.document_id == hit.document_id for h in chosen) < self.recipe.rerank_chunks:
                chosen.append(hit)
        read = rerank.cross_encoder(self.chosen.reranker).scores(query, [hit.chunk.indexed for hit in chosen])
        weight = self.recipe.rerank
        score = weight * fusion.standardise(read) + (1 - weight) * fusion.standardise([hit.score for hit in chosen])
        first = fusion.ranked([replace(hit, score=float(s)) for hit, s in zip(chosen, score, strict=True)])
        taken, floor = {hit.chunk.id for hit in chosen}, first[-1].score - 1
        rest = [replace(hit, score=floor - 0.001 * n) for n, hit in enumerate(hits) if hit.chunk.id not in taken]
        return fusion.ranked([*first, *rest])


def section_chunks(documents: Sequence[Document], tokenizer, size: int) -> list[retrieval.Chunk]:
    """Section chunks with contextual headers of every document; sizes are counted with the embedder's tokenizer."""
    count = counter(documents, tokenizer)
    return [chunk for document in documents for chunk in chunking.by_section(document, count, size)]


def counter(documents: Sequence[Document], tokenizer) -> Callable[[str], int]:
    """A function that counts a text's tokens; all sentences of the documents are counted at once, which is much faster."""
    known = list({sentence for d in documents for section in d.sections for sentence in chunking.sentences(section.text)})
    ids = tokenizer(known, add_special_tokens=False, verbose=False)["input_ids"] if known else []
    counted = dict(zip(known, map(len, ids), strict=True))

    def count(text: str) -> int:
        if text not in counted:
            counted[text] = len(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
        return counted[text]

    return count
