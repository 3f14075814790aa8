"""Log-probabilities of an answer given its prompt, and perplexity on general text (to measure forgetting)."""
from __future__ import annotations

import math
from collections.abc import Sequence
from importlib import resources

from .device import autocast


def mean_log_probability(model, prompts: Sequence[list[dict[str, str]]], texts: Sequence[str], batch_size: int = 8,
                         end: bool = True) -> list[float]:
    """Mean log-probability of each answer's tokens given its prompt: the model's confidence in the answer.

    end: include the end token; pass False for an answer that was cut short, for example before its citation.
    """
    import torch

    tokenizer, scores = model.tokenizer, [0.0] * len(texts)
    prompt_ids = [tokenizer(model.prompt(p), add_special_tokens=False)["input_ids"] for p in prompts]
    answer_ids = [tokenizer(t + tokenizer.eos_token * end, add_special_tokens=False)["input_ids"] for t in texts]
    order = sorted(range(len(texts)), key=lambda i: len(prompt_ids[i]) + len(answer_ids[i]))
    for start in range(0, len(order), batch_size):
        batch = order[start : start + batch_size]
        longest = max(len(answer_ids[i]) for i in batch)
        padded = tokenizer.pad({"input_ids": [prompt_ids[i] + answer_ids[i] for i in batch]}, return_tensors="pt",
                               padding_side="left").to(model.model.device)
        with autocast():
            logits = model.model(**padded, logits_to_keep=longest + 1, use_cache=False).logits[:, :-1].float()
        log_probs = torch.log_softmax(logits, -1)
        for row, i in enumerate(batch):
            targets = torch.tensor(answer_ids[i], device=log_probs.device)
            scores[i] = float(log_probs[row, -len(targets):].gather(-1, targets.unsqueeze(-1)).mean())
    return scores


WINDOW = 256  # tokens per forward pass


def general_text(limit: int = 24_000) -> list[str]:
    """About `limit` characters of plain English, in paragraphs: scikit-learn's descriptions of its data sets, without tables."""
    folder = resources.files("sklearn.datasets") / "descr"
    paragraphs, used = [], 0
    for file in sorted((f for f in folder.iterdir() if f.name.endswith(".rst")), key=lambda f: f.name):
        for paragraph in file.read_text("utf-8").split("\n\n"):
            text = " ".join(paragraph.split())
            letters = sum(letter.isalpha() or letter == " " for letter in text)
            if len(text) > 200 and letters > 0.85 * len(text) and used < limit:
                paragraphs.append(text)
                used += len(text)
    return paragraphs


def perplexity(model, texts: Sequence[str], batch_size: int = 2) -> float:
    """exp of the mean negative log-probability of the texts' tokens, in windows of `WINDOW` tokens; lower is better."""
    import torch

    tokenizer = model.tokenizer
    ids = tokenizer("\n\n".join(texts), add_special_tokens=False, verbose=False)["input_ids"]
    windows = [ids[start : start + WINDOW] for start in range(0, len(ids) - WINDOW + 1, WINDOW)]
    total, tokens = 0.0, 0
    for start in range(0, len(windows), batch_size):
        batch = torch.tensor(windows[start : start + batch_size], device=model.model.device)
        with autocast():
            logits = model.model(batch, use_cache=False).logits[:, :-1].float()
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten(), reduction="sum")
        total, tokens = total + float(loss), tokens + batch[:, 1:].numel()
    return math.exp(total / tokens)
