"""What a model lost while it learned: perplexity on general text that has nothing to do with the domain."""
from __future__ import annotations

import math
from collections.abc import Sequence
from importlib import resources

WINDOW = 256  # tokens read at a time


def general_text(limit: int = 24_000) -> list[str]:
    """Plain English that an installed package carries: scikit-learn's descriptions of its data sets, `limit` characters.

    Prose on flowers, houses, wine and handwriting; tables of numbers are left out.
    """
    folder = resources.files("sklearn.datasets") / "descr"
    kept, used = [], 0
    for file in sorted((f for f in folder.iterdir() if f.name.endswith(".rst")), key=lambda f: f.name):
        for paragraph in file.read_text("utf-8").split("\n\n"):
            text = " ".join(paragraph.split())
            letters = sum(letter.isalpha() or letter == " " for letter in text)
            if len(text) > 200 and letters > 0.85 * len(text) and used < limit:
                kept.append(text)
                used += len(text)
    return kept


def perplexity(model, texts: Sequence[str], batch_size: int = 2) -> float:
    """exp of the mean negative log-probability of the texts' tokens, read in windows of `WINDOW`; lower is better.

    model: a `models.LanguageModel`.
    """
    import torch

    from . import models

    tokenizer = model.tokenizer
    ids = tokenizer("\n\n".join(texts), add_special_tokens=False, verbose=False)["input_ids"]
    windows = [ids[start : start + WINDOW] for start in range(0, len(ids) - WINDOW + 1, WINDOW)]
    lost, counted = 0.0, 0
    for start in range(0, len(windows), batch_size):
        batch = torch.tensor(windows[start : start + batch_size], device=model.model.device)
        with models.autocast():
            logits = model.model(batch, use_cache=False).logits[:, :-1].float()
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten(), reduction="sum")
        lost, counted = lost + float(loss), counted + batch[:, 1:].numel()
    return math.exp(lost / counted)
