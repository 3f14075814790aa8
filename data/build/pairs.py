"""On-policy preference pairs over the feedback pool: two answers of a reader to one prompt."""
from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence

from utils import evaluation, generation, metrics, training
from utils.types import Hit, PreferencePair, Question


def pool_contexts(questions: Sequence[Question], workspace: evaluation.Workspace,
                  seed: int = 7) -> list[tuple[Question, list[Hit]]]:
    """(question, hits) of the feedback pool: each answerable question once with and once without the answering passage."""
    known, chunks = {q.id: q for q in questions}, {chunk.id: chunk for chunk in workspace.pipeline.chunks}
    contexts = {}
    for share in (0.0, 1.0):
        for example in training.raft_examples(questions, workspace, seed=seed, absent=share, pool=True):
            if known[example.question_id].task in metrics.JUDGED_TASKS:
                hits = [Hit(chunks[id_], rank, 0.0) for rank, id_ in enumerate(example.shown, 1)]
                contexts[example.question_id, example.shown] = (known[example.question_id], hits)
    return list(contexts.values())


def collect_pairs(contexts: Sequence[tuple[Question, Sequence[Hit]]], model, seed: int = 0, temperature: float = 1.0,
                  tries: int = 3) -> list[PreferencePair]:
    """On-policy pairs: the model's greedy answer and a sampled one that differs from it, in random order.

    contexts: questions with the passages of their prompts. A question whose samples never differ gives no pair.
    """
    draw = random.Random(seed)
    prompts = [generation.build_prompt(question.question, hits) for question, hits in contexts]
    greedy = [answer.text for answer in model.generate(prompts)]
    pairs = {}
    for attempt in range(tries):
        left = [i for i in range(len(contexts)) if i not in pairs]
        sampled = model.generate([prompts[i] for i in left], temperature=temperature, seed=seed + attempt)
        for i, answer in zip(left, sampled, strict=True):
            texts = [shortened(greedy[i]), shortened(answer.text)]
            if len(set(texts)) == 2 and all(texts):
                draw.shuffle(texts)
                question, hits = contexts[i]
                digest = hashlib.sha256(json.dumps([question.id, *[h.chunk.id for h in hits], *texts]).encode()).hexdigest()
                pairs[i] = PreferencePair(digest[:12], question.id, tuple(h.chunk.id for h in hits), *texts)
    return [pairs[i] for i in sorted(pairs)]


def shortened(text: str) -> str:
    """The answer's first 15 words on one line."""
    return " ".join(text.split()[:metrics.LONGEST_ANSWER])
