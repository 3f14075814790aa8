"""How likely a model finds a text: of an answer after its prompt, and of general text (what training forgot)."""
from __future__ import annotations

import math
from collections.abc import Sequence
from importlib import resources

from .device import autocast


def mean_log_probability(model, prompts: Sequence[list[dict[str, str]]], texts: Sequence[str], batch_size: int = 8,
                         end: bool = True) -> list[float]:
    """Mean log-probability of each answer's tokens after its prompt: how sure the model is of what it says.

    end: count the end token too; leave it out for an answer that was cut, for example of its citation.
    """
    import torch

    tokenizer, scores = model.tokenizer, [0.0] * len(texts)
    asked = [tokenizer(model.prompt(p), add_special_tokens=False)["input_ids"] for p in prompts]
    said = [tokenizer(t + tokenizer.eos_token * end, add_special_tokens=False)["input_ids"] for t in texts]
    order = sorted(range(len(texts)), key=lambda i: len(asked[i]) + len(said[i]))
    for start in range(0, len(order), batch_size):
        batch = order[start : start + batch_size]
        longest = max(len(said[i]) for i in batch)
        padded = tokenizer.pad({"input_ids": [asked[i] + said[i] for i in batch]}, return_tensors="pt",
                               padding_side="left").to(model.model.device)
        with autocast():
            logits = model.model(**padded, logits_to_keep=longest + 1, use_cache=False).logits[:, :-1].float()
        log_probs = torch.log_softmax(logits, -1)
        for row, i in enumerate(batch):
            own = torch.tensor(said[i], device=log_probs.device)
            at = log_probs[row, -len(own):].gather(-1, own.unsqueeze(-1))
            scores[i] = float(at.mean())
    return scores


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

    tokenizer = model.tokenizer
    ids = tokenizer("\n\n".join(texts), add_special_tokens=False, verbose=False)["input_ids"]
    windows = [ids[start : start + WINDOW] for start in range(0, len(ids) - WINDOW + 1, WINDOW)]
    lost, counted = 0.0, 0
    for start in range(0, len(windows), batch_size):
        batch = torch.tensor(windows[start : start + batch_size], device=model.model.device)
        with autocast():
            logits = model.model(batch, use_cache=False).logits[:, :-1].float()
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten(), reduction="sum")
        lost, counted = lost + float(loss), counted + batch[:, 1:].numel()
    return math.exp(lost / counted)
