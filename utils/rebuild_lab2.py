"""Remakes what lab 2 commits: adapters, on-policy pairs, judges' calibration, and the tables of all arms.

`python3 -m utils rebuild lab2` takes several hours on two cores. Every step is skipped when its result is there, training
resumes from its last checkpoint, and work in progress lies in the cache under `rebuild/`.
"""
from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from . import (
    alignment,
    arms,
    benchmark,
    examples,
    feedback,
    finetune,
    forgetting,
    models,
    rebuild,
    records,
    registry,
    settings,
)
from .alignment import Preference
from .finetune import Sft
from .retrieval import Hit

COMMAND = "python3 -m utils rebuild lab2"
SUPERVISED = {
    "raft": Sft(recipe="raft"),
    "closed_book": Sft(recipe="closed_book", batch_size=16, micro_batch=8),
    "format_only": Sft(recipe="format_only", batch_size=16, micro_batch=8),
    "raft@1": Sft(recipe="raft", seed=1),
    "raft@2": Sft(recipe="raft", seed=2),
}
PREFERENCES = {
    "raft_dpo_author": Preference(),
    "raft_dpo_ai": Preference(labels="ai"),
    "raft_dpo_mixed": Preference(labels="mixed"),
    "raft_kto": Preference(recipe="kto", micro_batch=4),
}
SHIPPED = ("closed_book", "format_only", "raft", "raft_feedback")
JUDGED = ("fact", "error", "routing", "unanswerable")  # tasks whose short answers can be judged


def lab2() -> None:
    """Supervised adapters, pairs to judge, reward model and judges, preference adapters, dev and test tables."""
    room = arms.Room(settings.load())
    questions = benchmark.load(known=room.documents)
    for name, chosen in SUPERVISED.items():
        supervised(name, chosen, questions, room)
    pairs_to_judge(questions, room)


def home(name: str) -> Path:
    """Where an adapter belongs: shipped ones with the course, all others in the local registry."""
    return (registry.CHECKPOINTS if name in SHIPPED else registry.local()) / name


def made_already(folder: Path, chosen: Sft, data_sha256: str) -> bool:
    """True when the folder's provenance tells of these settings and of these training rows."""
    try:
        told = json.loads((folder / "provenance.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return told["settings"] == asdict(chosen) and told["data_sha256"] == data_sha256


def supervised(name: str, chosen: Sft, questions: list, room: arms.Room) -> None:
    """Train one supervised adapter unless it is there."""
    made = training_rows(chosen, questions, room)
    if made_already(home(name), chosen, finetune.digest(made)):
        print(f"{name}: there already", flush=True)
        return
    record = finetune.train(made, chosen, home(name))
    print(name, {key: value for key, value in record.items() if key not in ("loss", "settings")}, flush=True)


def training_rows(chosen: Sft, questions: list, room: arms.Room) -> list[examples.Example]:
    """The examples of a supervised recipe, leak-checked. Raises RuntimeError when something leaks."""
    raft = chosen.recipe == "raft"
    made = examples.raft(questions, room, chosen.seed) if raft else getattr(examples, chosen.recipe)(questions, room)
    found = examples.leaks(made, questions, raft_style=raft)
    if found:
        raise RuntimeError(f"{chosen.recipe}: {len(found)} leaks, the first: {found[0]}")
    return made


def pool_contexts(questions: list, room: arms.Room) -> list[tuple]:
    """(question, hits) of the feedback pool, each answerable question once with and once without what answers it."""
    known, chunks = {q.id: q for q in questions}, {chunk.id: chunk for chunk in room.advanced.chunks}
    found = {}
    for share in (0.0, 1.0):
        for example in examples.raft(questions, room, seed=7, absent=share, pool=True):
            if known[example.question_id].task in JUDGED:
                found[example.question_id, example.shown] = (known[example.question_id], hits_of(example.shown, chunks))
    return list(found.values())


def hits_of(ids, chunks: dict) -> list[Hit]:
    """Hits of chunk ids, in their order."""
    return [Hit(chunks[id_], rank, 0.0) for rank, id_ in enumerate(ids, 1)]


def pairs_to_judge(questions: list, room: arms.Room) -> list[feedback.Pair]:
    """On-policy pairs of the raft adapter over the feedback pool, which the authors judge."""
    path = rebuild.work(f"pairs-{registry.fingerprint('raft')[:12]}.jsonl")
    if not path.exists():
        feedback.save(feedback.collect(pool_contexts(questions, room), room.model_of("raft")), path)
    return feedback.load(path)
