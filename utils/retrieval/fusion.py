"""Merging several rankings by rank or by standardised score. Pure functions on hits."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy

from ..types import Hit


def reciprocal_rank_fusion(rankings: Sequence[Sequence[Hit]], k: int = 60) -> list[Hit]:
    """Rankings merged into one: score = sum of 1 / (k + rank) over the rankings with the chunk (Cormack et al., 2009)."""
    scores: dict[str, float] = {}
    first: dict[str, Hit] = {}
    for ranking in rankings:
        for rank, hit in enumerate(ranking, 1):
            scores[hit.chunk.id] = scores.get(hit.chunk.id, 0.0) + 1 / (k + rank)
            first.setdefault(hit.chunk.id, hit)
    return ranked([replace(first[id_], score=score) for id_, score in scores.items()])


def ranked(hits: Sequence[Hit]) -> list[Hit]:
    """Hits sorted by score, best first, with new ranks from 1; ties keep their order."""
    return [replace(hit, rank=rank) for rank, hit in enumerate(sorted(hits, key=lambda hit: -hit.score), 1)]


def standardise(values):
    """(values − mean) / standard deviation: scores of different retrievers on one scale. An array of the same shape."""
    values = numpy.asarray(values, "float32")
    return (values - values.mean()) / (values.std() + 1e-6)
