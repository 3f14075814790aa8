"""Rankings put together, spread out and laid out: fusion, diversity, compression and order. Pure functions on hits."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from . import benchmark, chunking
from .retrieval import Hit


def reciprocal_rank_fusion(rankings: Sequence[Sequence[Hit]], k: int = 60) -> list[Hit]:
    """One ranking of several: score = sum of 1 / (k + rank) over the rankings a chunk is in (Cormack et al., 2009)."""
    return weighted_rank_fusion(rankings, [1.0] * len(rankings), k)


def weighted_rank_fusion(rankings: Sequence[Sequence[Hit]], weights: Sequence[float], k: int = 60) -> list[Hit]:
    """Reciprocal rank fusion with a weight for each ranking."""
    scores: dict[str, float] = {}
    first: dict[str, Hit] = {}
    for ranking, weight in zip(rankings, weights, strict=True):
        for rank, hit in enumerate(ranking, 1):
            scores[hit.chunk.id] = scores.get(hit.chunk.id, 0.0) + weight / (k + rank)
            first.setdefault(hit.chunk.id, hit)
    return ranked([replace(first[id_], score=score) for id_, score in scores.items()])


def ranked(hits: Sequence[Hit]) -> list[Hit]:
    """Hits by score, best first, ranks counted anew; ties keep their order."""
    return [replace(hit, rank=rank) for rank, hit in enumerate(sorted(hits, key=lambda hit: -hit.score), 1)]


def standardise(values):
    """(values − mean) / standard deviation: scores of different retrievers on one scale. An array of the same shape."""
    import numpy

    values = numpy.asarray(values, "float32")
    return (values - values.mean()) / (values.std() + 1e-6)


def maximal_marginal_relevance(hits: Sequence[Hit], vectors: Mapping[str, Sequence[float]], trade: float = 0.7,
                               k: int = 10) -> list[Hit]:
    """The first k reordered: each next hit maximises trade · score − (1 − trade) · similarity to those taken.

    vectors: chunk id → unit vector. Scores are scaled to 0…1 first (Carbonell and Goldstein, 1998).
    """
    import numpy

    if not hits:
        return []
    low, high = min(h.score for h in hits), max(h.score for h in hits)
    relevance = [(h.score - low) / (high - low or 1.0) for h in hits]
    left, taken = list(range(len(hits))), []
    while left and len(taken) < k:
        near = [max((float(numpy.dot(vectors[hits[i].chunk.id], vectors[hits[j].chunk.id])) for j in taken), default=0.0)
                for i in left]
        best = max(range(len(left)), key=lambda n: trade * relevance[left[n]] - (1 - trade) * near[n])
        taken.append(left.pop(best))
    return [replace(hits[i], rank=rank) for rank, i in enumerate([*taken, *left], 1)]


def compress(hits: Sequence[Hit], question: str, count: Callable[[str], int], tokens: int = 60) -> list[Hit]:
    """Each passage cut to the sentences that share most content words with the question, in their order.

    tokens: most tokens kept of a passage; at least one sentence stays. Extractive: no word is made up.
    """
    asked = benchmark.content_words(question)
    shortened = []
    for hit in hits:
        parts = chunking.sentences(hit.chunk.text)
        order = sorted(range(len(parts)), key=lambda i: -len(asked & benchmark.content_words(parts[i])))
        kept, spent = set(order[:1]), count(parts[order[0]]) if parts else 0
        for i in order[1:]:
            if spent + count(parts[i]) <= tokens:
                kept.add(i)
                spent += count(parts[i])
        text = " ".join(parts[i] for i in sorted(kept))
        shortened.append(replace(hit, chunk=replace(hit.chunk, text=text)))
    return shortened


def best_last(hits: Sequence[Hit]) -> list[Hit]:
    """The best passage next to the question, at the end of the prompt: long contexts are read best at their ends."""
    return list(reversed(hits))
