"""Feedback on pairs of answers: made on-policy, judged by a person at a widget or by the course's authors, compared."""
from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from .. import generation, metrics, settings
from ..types import Chunk, Hit, PreferencePair, Question

SHIPPED = settings.DATA / "feedback.jsonl"
LONGEST_ANSWER = 15  # longest answer that is kept
ENOUGH = 40  # learner labels from which on they take the authors' place
SOURCES = ("learner", "author", "ai", "program")
LABELS = ("a", "b", "tie")


def load_pairs(path: Path = SHIPPED) -> list[PreferencePair]:
    """Pairs of a JSON-lines file. Raises ValueError with file, line and remedy for a line that is not one."""
    pairs: dict[str, PreferencePair] = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines() if path.exists() else [], 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            row = json.loads(line)
            pair = PreferencePair(**{**row, "passages": tuple(row["passages"])})
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{where}: is not a feedback pair; remove the line or restore it from the repository") from None
        if pair.label not in ("", *LABELS) or (pair.label and pair.source not in SOURCES):
            raise ValueError(f"{where}: label {pair.label!r} from {pair.source!r}; known are {LABELS} from {SOURCES}")
        pairs[pair.id] = pair  # a later line corrects an earlier one
    return list(pairs.values())


def save_pairs(pairs: Sequence[PreferencePair], path: Path) -> None:
    """Write pairs as JSON lines."""
    path.write_text("".join(json.dumps(asdict(pair), ensure_ascii=False) + "\n" for pair in pairs), "utf-8")


def in_pool(question: Question) -> bool:
    """True for the fifth of the training questions that is kept out of SFT, so that feedback meets unseen questions."""
    return question.split == "train" and int(hashlib.sha256(question.cluster.encode()).hexdigest(), 16) % 5 == 0


def pair_prompt(pair: PreferencePair, question: Question, chunks: dict[str, Chunk]) -> list[dict[str, str]]:
    """The chat prompt both answers were given to."""
    return generation.build_prompt(question.question, [Hit(chunks[id_], n, 0.0) for n, id_ in enumerate(pair.passages, 1)])


def collect_pairs(asked: Sequence[tuple[Question, Sequence[Hit]]], model, seed: int = 0, temperature: float = 1.0,
                  tries: int = 3) -> list[PreferencePair]:
    """On-policy pairs: the model's greedy answer against a sampled one that differs from it, in random order.

    asked: questions with the passages of their prompts. A question whose samples never differ makes no pair.
    """
    draw = random.Random(seed)
    prompts = [generation.build_prompt(question.question, hits) for question, hits in asked]
    greedy = [made.text for made in model.generate(prompts)]
    pairs = {}
    for attempt in range(tries):
        left = [i for i in range(len(asked)) if i not in pairs]
        sampled = model.generate([prompts[i] for i in left], temperature=temperature, seed=seed + attempt)
        for i, made in zip(left, sampled, strict=True):
            texts = [shortened(greedy[i]), shortened(made.text)]
            if len(set(texts)) == 2 and all(texts):
                draw.shuffle(texts)
                question, hits = asked[i]
                digest = hashlib.sha256(json.dumps([question.id, *[h.chunk.id for h in hits], *texts]).encode()).hexdigest()
                pairs[i] = PreferencePair(digest[:12], question.id, tuple(h.chunk.id for h in hits), *texts)
    return [pairs[i] for i in sorted(pairs)]


def shortened(text: str) -> str:
    """The answer's first 15 words on one line."""
    return " ".join(text.split()[:LONGEST_ANSWER])


def labels_in_use(learner: Sequence[PreferencePair], author: Sequence[PreferencePair]) -> tuple[list[PreferencePair], str]:
    """(labelled pairs, sentence saying whose they are): the learner's once there are `ENOUGH`, until then the authors'."""
    own = [pair for pair in learner if pair.label]
    if len(own) >= ENOUGH:
        return own, f"labels in use: {len(own)} of yours (source: learner)"
    return list(author), f"labels in use: {len(author)} by the course's authors (source: author); yours so far: {len(own)}"


def label_bias(pairs: Sequence[PreferencePair]) -> dict[str, float]:
    """How often the answer shown first won, and the longer one, among pairs that have a winner (and differ in length)."""
    won = [pair for pair in pairs if pair.label in ("a", "b")]
    differ = [pair for pair in won if len(pair.a.split()) != len(pair.b.split())]
    longer = [(len(pair.a.split()) > len(pair.b.split())) == (pair.label == "a") for pair in differ]
    return {"first won": sum(pair.label == "a" for pair in won) / max(1, len(won)), "pairs with a winner": len(won),
            "longer won": sum(longer) / max(1, len(longer)), "pairs that differ in length": len(differ)}


def label_by_phrase(pair: PreferencePair) -> str:
    """The baseline every judge has to beat: the abstention phrase wins, whatever the passages say; else a tie."""
    silent = [metrics.ABSTENTION in text for text in (pair.a, pair.b)]
    return "tie" if silent[0] == silent[1] else "a" if silent[0] else "b"


def label_by_length(pair: PreferencePair) -> str:
    """The other baseline: the answer with more words wins; else a tie."""
    a, b = len(pair.a.split()), len(pair.b.split())
    return "tie" if a == b else "a" if a > b else "b"


def agreement(found: Sequence[str], pairs: Sequence[PreferencePair], swapped: Sequence[str] = ()) -> dict[str, float]:
    """How well a judge's labels of the pairs agree with theirs: accuracy (on pairs with a winner), n, kappa.

    swapped: its labels when each pair is shown the other way round. A judge that changes its mind then is counted as
    undecided, and the share of pairs on which it did not is told as well.
    """
    turned = {"a": "b", "b": "a"}
    same = [turned.get(other, other) == label for label, other in zip(found, swapped, strict=True)] if swapped else []
    firm = [label if keeps else "tie" for label, keeps in zip(found, same, strict=True)] if same else list(found)
    won = [label == pair.label for label, pair in zip(firm, pairs, strict=True) if pair.label != "tie"]
    kappa = metrics.cohen_kappa(firm, [pair.label for pair in pairs])
    scores = {"accuracy": sum(won) / max(1, len(won)), "n": len(won), "kappa": kappa}
    return scores | ({"same in both orders": sum(same) / len(same)} if same else {})


def split_by_question(pairs: Sequence[PreferencePair]) -> tuple[list[PreferencePair], list[PreferencePair]]:
    """Two halves with no question in common: one to learn from, one to judge the judges on."""
    first = [int(hashlib.sha256(pair.question_id.encode()).hexdigest(), 16) % 2 == 0 for pair in pairs]
    return ([pair for pair, learn in zip(pairs, first, strict=True) if learn],
            [pair for pair, learn in zip(pairs, first, strict=True) if not learn])
