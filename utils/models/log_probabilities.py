"""Log-probabilities of an answer given its prompt, and perplexity on general text (to measure forgetting)."""
from __future__ import annotations

import math
from collections.abc import Sequence
from importlib import resources

from .device import autocast, release_memory_after

WINDOW = 256  # tokens per forward pass of `perplexity`


def mean_log_probability(model, prompts: Sequence[list[dict[str, str]]], texts: Sequence[str], batch_size: int = 8,
                         end: bool = True) -> list[float]:
    """Mean log-probability of each answer's tokens given its prompt. end: with the end token; not for an answer that was cut."""
    answers = [text + model.tokenizer.eos_token * end for text in texts]
    return mean_token_log_probability(model, token_ids(model, [model.prompt(p) for p in prompts]), token_ids(model, answers),
                                      batch_size)


def token_ids(model, texts: Sequence[str]) -> list[list[int]]:
    """The tokens of each text, without special tokens."""
    return model.tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"] if texts else []


@release_memory_after()
def mean_token_log_probability(model, prompts: Sequence[list[int]], answers: Sequence[list[int]],
                               batch_size: int = 8) -> list[float]:
    """As `mean_log_probability`, of token ids. One forward pass per pair, no generation."""
    import torch

    scores = [0.0] * len(answers)
    order = sorted(range(len(answers)), key=lambda i: len(prompts[i]) + len(answers[i]))
    for start in range(0, len(order), batch_size):
        batch = order[start : start + batch_size]
        longest = max(len(answers[i]) for i in batch)
        padded = model.tokenizer.pad({"input_ids": [prompts[i] + answers[i] for i in batch]}, return_tensors="pt",
                                     padding_side="left").to(model.model.device)
        with autocast():
            logits = model.model(**padded, logits_to_keep=longest + 1, use_cache=False).logits[:, :-1]
        for row, i in enumerate(batch):
            targets = torch.tensor(answers[i], device=logits.device)
            scores[i] = -float(torch.nn.functional.cross_entropy(logits[row, -len(targets):].float(), targets))
    return scores


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
    ids = token_ids(model, ["\n\n".join(texts)])[0]
    windows = [ids[start : start + WINDOW] for start in range(0, len(ids) - WINDOW + 1, WINDOW)]
    means = mean_token_log_probability(model, [window[:1] for window in windows], [window[1:] for window in windows], batch_size)
    return math.exp(-sum(means) / len(means))
