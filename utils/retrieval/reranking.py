"""Reranking hits by a cross-encoder. Training is elsewhere."""
from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace

from .. import models, settings
from ..types import Hit
from .fusion import ranked

CROSS_ENCODER = settings.DATA / "checkpoints" / "cross_encoder"


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
