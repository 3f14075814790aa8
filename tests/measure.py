"""Prints the speeds the README and notes quote; run alone on the machine: `python -m tests.measure [index] [query]
[generation] [precision]` (with `.venv`'s Python).

Ratios compare two ways in the same run; each figure is the median of three rounds.
"""
from __future__ import annotations

import copy
import dataclasses
import random
import statistics
import sys
import time

from utils import evaluation, generation, models, retrieval, training
from utils.training import sft


def median_rate(work, count: int, rounds: int = 3) -> float:
    """Median of count / seconds over the rounds."""
    rates = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        rates.append(count / (time.perf_counter() - begun))
    return statistics.median(rates)


def index_speed(room: evaluation.Workspace) -> None:
    """Chunks a second: ours against a plain loop over `SentenceTransformer.encode`, and the cosine to it."""
    embedder = models.embedder(room.settings.embedder)
    texts = [chunk.text for chunk in random.Random(0).sample(list(room.dense.chunks.values()), 384)]
    ordered = sorted(texts, key=len)
    starts = range(0, len(texts), 32)

    def plain() -> None:
        for start in starts:
            embedder.model.encode(texts[start : start + 32], show_progress_bar=False)

    def one_by_one() -> None:
        for text in texts:
            embedder.model.encode(text, show_progress_bar=False)

    ours, batched = median_rate(lambda: embedder.encode(ordered), 384), median_rate(plain, 384)
    single = median_rate(one_by_one, 384, rounds=1)
    cosine = (embedder.encode(texts[:64]) * embedder.model.encode(texts[:64], normalize_embeddings=True)).sum(1).min()
    print(f"index: {ours:.1f} chunks/s; plain encode in batches of 32 {batched:.1f} (ratio {ours / batched:.2f}), one text a "
          f"call {single:.1f} (ratio {ours / single:.2f}); smallest cosine to plain fp32 {cosine:.6f}; "
          f"bfloat16 in hardware: {models.prefers_bfloat16()}")


def query_latency(room: evaluation.Workspace) -> None:
    """Milliseconds from a question's text to its hits: naive, the frozen pipeline, and with the cross-encoder on top."""
    frozen, reranked = room.pipeline, copy.copy(room.pipeline)
    frozen.search("open the indexes", 10)
    reranked.recipe = dataclasses.replace(frozen.recipe, rerank=0.5, rerank_documents=5)
    ways = {"naive": room.dense, "advanced": frozen, "advanced, with cross-encoder": reranked}
    for name, retriever in ways.items():
        times = []
        for question in evaluation.load_questions(split="dev"):
            begun = time.perf_counter()
            retriever.search(question.question, 10)
            times.append((time.perf_counter() - begun) * 1000)
        cuts = statistics.quantiles(times, n=20)
        print(f"query, {name}: p50 {statistics.median(times):.1f} ms, p95 {cuts[18]:.1f} ms over {len(times)} questions")


def generation_speed(room: evaluation.Workspace, count: int = 32) -> None:
    """New tokens a second in batches of 16 against one by one, same prompts, at most 32 new tokens each."""
    model, questions = room.model(), evaluation.load_questions(split="dev")[:count]
    for context in ("", "naive_rag"):
        prompts = [generation.build_prompt(q.question, room.hits(q, context)[:3] if context else ()) for q in questions]
        rates, texts = {}, {}
        for size in (1, 16):
            begun = time.perf_counter()
            made = model.generate(prompts, 32, size)
            rates[size] = sum(answer.completion_tokens for answer in made) / (time.perf_counter() - begun)
            texts[size] = [answer.text for answer in made]
        same = sum(a == b for a, b in zip(texts[1], texts[16], strict=True))
        lengths = statistics.median(answer.prompt_tokens for answer in made)
        print(f"generation, {context or 'closed book'}: {rates[1]:.1f} new tokens/s one by one, {rates[16]:.1f} in batches of "
              f"16 (ratio {rates[16] / rates[1]:.2f}), median prompt {lengths:.0f} tokens, {same} of {count} texts identical")


def precision_speed(room: evaluation.Workspace, rounds: int = 5) -> None:
    """Seconds of one training step, 16 answers and 64 embeddings under bfloat16 autocast against float32, medians, in turns."""
    import torch
    from peft import get_peft_model

    asked = evaluation.load_questions(split="dev")[:16]
    prompts = [generation.build_prompt(q.question, room.hits(q, "naive_rag")[:3]) for q in asked]
    texts = [chunk.text for chunk in list(room.dense.chunks.values())[:64]]
    embedder, reader = models.embedder(room.settings.embedder), room.model()
    learner = get_peft_model(training.load_base_model()[0], sft.lora_config(training.SFTSettings())).train()
    tokens = torch.randint(0, 40_000, (1, 700), generator=torch.Generator().manual_seed(0))

    def step(half: bool) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            labelled = learner.get_base_model().model(tokens).last_hidden_state[:, -40:]
            learner.get_base_model().lm_head(labelled).float().logsumexp(-1).mean().backward()

    def with_format(work, half: bool) -> None:
        former, models.prefers_bfloat16 = models.prefers_bfloat16, lambda: half
        try:
            work()
        finally:
            models.prefers_bfloat16 = former

    works = {"training step, 700 tokens": step,
             "16 answers": lambda half: with_format(lambda: reader.generate(prompts, 32, 16), half),
             "64 embeddings": lambda half: with_format(lambda: embedder.encode(texts), half)}
    for name, work in works.items():
        seconds = {True: [], False: []}
        for _ in range(rounds):
            for half, kept in seconds.items():
                begun = time.perf_counter()
                work(half)
                kept.append(time.perf_counter() - begun)
        half, full = statistics.median(seconds[True]), statistics.median(seconds[False])
        print(f"{name}: bfloat16 {half:.2f} s, float32 {full:.2f} s (ratio {half / full:.2f}); the course takes "
              f"{'bfloat16' if models.prefers_bfloat16() else 'float32'} here")


if __name__ == "__main__":
    chosen_parts = sys.argv[1:] or ["index", "query", "generation", "precision"]
    models.quiet()
    the_room = evaluation.Workspace()
    assert isinstance(the_room.dense, retrieval.DenseIndex)
    for part, measure in (("index", index_speed), ("query", query_latency), ("generation", generation_speed),
                          ("precision", precision_speed)):
        if part in chosen_parts:
            measure(the_room)
    print(f"peak memory of this process: {models.peak_memory_gb():.1f} GB")
