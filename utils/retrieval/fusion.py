"""Merging several rankings by rank or by standardised score, and reranking by a cross-encoder, which is trained elsewhere."""
from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace

import numpy

from .. import models, settings
from ..types import Hit

CROSS_ENCODER = settings.DATA / "checkpoints" / "cross_encoder"


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


class CrossEncoder:
    """Scores question and passage together: a hub model, or MiniLM with the course's adapter."""

    def __init__(self, name: str = ""):
        """name: hub id or directory of a trained cross-encoder; "" for MiniLM with the course's adapter."""
        import sentence_transformers

        models.quiet()
        self.model = sentence_transformers.CrossEncoder(name, device=models.torch_device()) if name else untrained_cross_encoder()
        if not name:
            models.merge_adapter(self.model[0], "auto_model", str(CROSS_ENCODER))

    def scores(self, question: str, passages: Sequence[str], batch_size: int = 32):
        """One score per passage, higher is better: an array of shape (passages,)."""
        with models.autocast():
            return self.model.predict([(question, passage) for passage in passages], batch_size=batch_size,
                                      show_progress_bar=False)

    def rerank(self, hits: Sequence[Hit], question: str) -> list[Hit]:
        """The hits in the cross-encoder's order."""
        scores = self.scores(question, [hit.chunk.indexed for hit in hits]) if hits else []
        return ranked([replace(hit, score=float(score)) for hit, score in zip(hits, scores, strict=True)])


def untrained_cross_encoder(window: int = 128):
    """MiniLM with an untrained one-score head: the start of training and the base of the shipped adapter."""
    import sentence_transformers
    import torch

    torch.manual_seed(0)
    return sentence_transformers.CrossEncoder(models.embedder_path(settings.WHEEL_EMBEDDER), num_labels=1, max_length=window,
                                              device=models.torch_device(), activation_fn=torch.nn.Identity())


cross_encoder = functools.lru_cache(maxsize=1)(CrossEncoder)  # loaded once
