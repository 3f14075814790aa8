"""Remakes what lab 2 commits: adapters, on-policy pairs, judges' calibration, and the tables of all arms.

`python3 -m utils rebuild lab2` takes several hours on two cores. Every step is skipped when its result is there, training
resumes from its last checkpoint, and work in progress lies in the cache under `rebuild/`.
"""
from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path

from . import (
    alignment,
    arms,
    benchmark,
    examples,
    feedback,
    finetune,
    forgetting,
    judging,
    models,
    rag,
    reading,
    rebuild,
    records,
    registry,
    settings,
)
from .alignment import Preference
from .finetune import Sft
from .retrieval import Hit

COMMAND = "python3 -m utils rebuild lab2"
RAFT = Sft(recipe="raft", epochs=1.0, practice=120, views=2)
SUPERVISED = {
    "raft": RAFT,
    "closed_book": Sft(recipe="closed_book", batch_size=16, micro_batch=8),
    "format_only": Sft(recipe="format_only", batch_size=16, micro_batch=8),
}
SEEDS = (1, 2)  # trainings of the two readers that lab 3 compares, beside the first; last of all, an hour or more each
DPO = Preference(learning_rate=3e-4, epochs=2.0, sft_weight=0.2)
PREFERENCES = {
    "raft_dpo_unbalanced": replace(DPO, balance=False),
    "raft_dpo_author": DPO,
    "raft_dpo_ai": replace(DPO, labels="ai", epochs=1.0),  # twice the pairs, about as many steps
    "raft_dpo_mixed": replace(DPO, labels="mixed", epochs=1.0),  # all of the authors', half of ai's: as many pairs again
    "raft_kto": replace(DPO, recipe="kto", micro_batch=4, sft_weight=0.0, epochs=1.0),  # each pair makes two rows
}
SECOND = replace(DPO, labels="program")  # raft_feedback: goes on from what the first round left in use
SWEEP = Sft(recipe="raft", epochs=1.0, limit=64)  # each rank learns from the same examples
RANKS = (1, 4, 16, 64)
SHIPPED = ("closed_book", "format_only", "raft", "raft_dpo_author", "raft_feedback")
CONTEXTS = ("", "+naive_rag", "+advanced_rag", "+oracle", "+distractor")
TRIED = ("", "+advanced_rag", "+oracle", "+distractor")  # contexts of what learned from feedback
ARMS_DEV = ",".join(["base", "naive_rag", "advanced_rag", "oracle", "distractor", *(f"raft{c}" for c in CONTEXTS),
                     "closed_book", "format_only", "closed_book+advanced_rag", "format_only+advanced_rag",
                     *(f"{name}{context}" for name in PREFERENCES for context in TRIED)])
ARMS_AFTER = ",".join(f"raft_feedback{context}" for context in TRIED)
JUDGED = ("fact", "error", "routing", "unanswerable")  # tasks whose short answers can be judged


def lab2() -> None:
    """Supervised adapters, pairs for the authors to judge, adapters from their labels, judges, dev tables."""
    room = arms.Room(settings.load())
    questions = benchmark.load(known=room.documents)
    for name, chosen in SUPERVISED.items():
        supervised(name, chosen, questions, room)
    on_policy(questions, room)
    dev, raft = [q for q in questions if q.split == "dev"], registry.fingerprint("raft")[:12]
    bench = judging.Bench(feedback.load(), questions, room, registry.folder("raft"))
    rebuild.rows("lab2_judges", bench.calibrate, "held-out half of the authors' pairs", COMMAND, raft)
    author, ai = feedback.load(), ai_labels(bench, on_policy(questions, room, seeds=(8,), tries=2))
    for name, chosen in PREFERENCES.items():
        pairs = {"author": author, "ai": ai, "mixed": [*author, *ai[::2]]}[chosen.labels]
        aligned(name, chosen, pairs, questions, room)
    rebuild.table("lab2_dev", dev, ARMS_DEV, room, command=COMMAND)
    second_round(questions, room)
    rebuild.table("lab2_dev", dev, f"{ARMS_DEV},{ARMS_AFTER}", room, command=COMMAND)
    rebuild.rows("lab2_confidence", lambda: confidences(dev, room), "dev: raft+advanced_rag", COMMAND, raft)
    rebuild.rows("lab2_ranks", lambda: ranks(questions, room), f"{SWEEP.limit} RAFT examples, loss on the feedback pool", COMMAND)
    rebuild.rows("lab2_perplexity", lambda: perplexities(room), "scikit-learn's data set descriptions", COMMAND, raft)
    for seed in SEEDS:
        once_more(seed, questions, room)


def home(name: str) -> Path:
    """Where an adapter belongs: shipped ones with the course, all others in the local registry."""
    return (registry.CHECKPOINTS if name in SHIPPED else registry.local()) / name


def made_already(folder: Path, chosen: Sft, data_sha256: str, parent: Path | None = None) -> bool:
    """True when the folder's provenance tells of these settings, these training rows and this parent."""
    try:
        told = json.loads((folder / "provenance.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    came_from = finetune.lineage(parent)["parent_sha256"] if parent else None
    return (told["settings"], told["data_sha256"], told.get("parent_sha256")) == (asdict(chosen), data_sha256, came_from)


def supervised(name: str, chosen: Sft, questions: list, room: arms.Room) -> None:
    """Train one supervised adapter unless it is there."""
    made = training_rows(chosen, questions, room)
    if made_already(home(name), chosen, finetune.digest(made)):
        print(f"{name}: there already", flush=True)
        return
    record = finetune.apart(finetune.train, made, chosen, home(name))
    print(name, {key: value for key, value in record.items() if key not in ("loss", "settings")}, flush=True)


def training_rows(chosen: Sft, questions: list, room: arms.Room) -> list[examples.Example]:
    """The examples of a supervised recipe, leak-checked. Raises RuntimeError when something leaks."""
    raft = chosen.recipe == "raft"
    if raft:
        made = reading.practice(chosen.practice, room.chosen, room.model.count, chosen.seed) if chosen.practice else []
        for view in range(chosen.views):
            made += examples.raft(questions, room, chosen.seed + 100 * view)
            made += reading.natural(room.chosen, room.model.count, chosen.seed + 100 * view) if chosen.practice else []
    else:
        made = getattr(examples, chosen.recipe)(questions, room)
    found = examples.leaks(made, questions, raft_style=raft)
    if found:
        raise RuntimeError(f"{chosen.recipe}: {len(found)} leaks, the first: {found[0]}")
    return made


def pool_contexts(questions: list, room: arms.Room, seed: int = 7) -> list[tuple]:
    """(question, hits) of the feedback pool, each answerable question once with and once without what answers it."""
    known, chunks = {q.id: q for q in questions}, {chunk.id: chunk for chunk in room.advanced.chunks}
    found = {}
    for share in (0.0, 1.0):
        for example in examples.raft(questions, room, seed=seed, absent=share, pool=True):
            if known[example.question_id].task in JUDGED:
                found[example.question_id, example.shown] = (known[example.question_id], hits_of(example.shown, chunks))
    return list(found.values())


def hits_of(ids, chunks: dict) -> list[Hit]:
    """Hits of chunk ids, in their order."""
    return [Hit(chunks[id_], rank, 0.0) for rank, id_ in enumerate(ids, 1)]


def on_policy(questions: list, room: arms.Room, reader: str = "raft", seeds: tuple = (7,), tries: int = 3) -> list[feedback.Pair]:
    """Unlabelled pairs of a reader over the feedback pool; those of `raft` and seed 7 are the ones the authors judged."""
    path = rebuild.work(f"pairs-{registry.fingerprint(reader)[:12]}-{'-'.join(map(str, seeds))}.jsonl")
    if not path.exists():
        asked = [context for seed in seeds for context in pool_contexts(questions, room, seed)]
        feedback.save(feedback.collect(asked, room.model_of(reader), seed=seeds[0] - 7, tries=tries), path)
    return feedback.load(path)


def ai_labels(bench: judging.Bench, pairs: list[feedback.Pair]) -> list[feedback.Pair]:
    """The pairs labelled by the judge that did best on the held-out half."""
    judge, ids = best_judge(), ",".join(pair.id for pair in pairs)
    path = rebuild.work(f"pairs-ai-{hashlib.sha256((judge + ids).encode()).hexdigest()[:12]}.jsonl")
    if not path.exists():
        feedback.save(bench.label(judge, pairs), path)
        print(f"{len(pairs)} pairs labelled by: {judge}", flush=True)
    return feedback.load(path)


def best_judge() -> str:
    """The judge with the best accuracy on held-out pairs, of those that give each answer a score."""
    return max(records.read("lab2_judges"), key=lambda row: row["accuracy"] if row["judge"] in judging.SCORED else -1.0)["judge"]


def aligned(name: str, chosen: Preference, pairs: list[feedback.Pair], questions: list, room: arms.Room,
            parent: str = "raft") -> None:
    """Train one adapter on labelled pairs, going on from its parent, unless it is there."""
    known, chunks = {q.id: q for q in questions}, {chunk.id: chunk for chunk in room.advanced.chunks}
    made, start = alignment.rows(pairs, known, chunks, chosen.balance), registry.folder(parent)
    if made_already(home(name), chosen, finetune.digest(made), start):
        print(f"{name}: there already", flush=True)
        return
    record = finetune.apart(alignment.align, made, start, chosen, home(name))
    print(name, {key: value for key, value in record.items() if key not in ("loss", "settings")}, flush=True)


def verdicts(stored: list[dict], perplexity: dict[str, float], names: list[str] | tuple, present: str = "raft") -> dict:
    """What the gate says of each candidate, name → `registry.Decision`, from stored records with right and wrong passages."""
    rows = {name: [r for r in stored if r["arm"] in (f"{name}+advanced_rag", f"{name}+distractor")] for name in (*names, present)}
    return {name: registry.gate(rows[name], rows[present], (perplexity[name], perplexity[present])) for name in names}


def second_round(questions: list, room: arms.Room) -> None:
    """`raft_feedback`: what the first round left in use answers anew, accepted answers label the pairs, DPO goes on from there.

    The gate decides what is in use: of the candidates it lets pass the one with the best exact match, else still `raft`. The
    pool's questions have accepted answers, and code that knows them agrees with the authors better than any judge does.
    """
    perplexity, stored = {row["model"]: row["perplexity"] for row in perplexities(room)}, records.read("lab2_dev")
    said = verdicts(stored, perplexity, list(PREFERENCES))
    for name, decision in said.items():
        print(name, decision, flush=True)

    def right(name: str) -> float:
        return sum(r["scores"].get("exact_match", 0.0) for r in stored if r["arm"] == f"{name}+advanced_rag")

    parent = max((name for name, decision in said.items() if decision.promoted), key=right, default="raft")
    aligned("raft_feedback", SECOND, checked_pairs(parent, questions, room), questions, room, parent)


def checked_pairs(reader: str, questions: list, room: arms.Room) -> list[feedback.Pair]:
    """Fresh pairs of a reader, labelled by code that knows the accepted answers."""
    known, chunks = {q.id: q for q in questions}, {chunk.id: chunk for chunk in room.advanced.chunks}
    return judging.checked(on_policy(questions, room, reader, (10,), 2), known, chunks)


def once_more(seed: int, questions: list, room: arms.Room) -> None:
    """`raft@SEED` and `raft_feedback@SEED`: both rounds of feedback again, from a supervised training with another seed.

    The seed changes which passages the examples show, their order and where LoRA starts. The first round learns from the
    same labels: the authors judged answers of the first `raft`. No gate: every seed takes the way that the first one took.
    """
    reader, parent = f"raft@{seed}", f"raft_dpo_author@{seed}"
    supervised(reader, replace(RAFT, seed=seed), questions, room)
    aligned(parent, replace(PREFERENCES["raft_dpo_author"], seed=seed), feedback.load(), questions, room, reader)
    pairs = checked_pairs(parent, questions, room)
    aligned(f"raft_feedback@{seed}", replace(SECOND, seed=seed), pairs, questions, room, parent)


def confidences(dev: list, room: arms.Room) -> list[dict]:
    """For each dev question: was the answer right, and how sure were the model (log-probability) and the search (score)?"""
    stored = {r["question_id"]: r for r in records.read("lab2_dev") if r["arm"] == "raft+advanced_rag"}
    asked = [q for q in dev if q.task in JUDGED and (stored[q.id]["abstained"] or stored[q.id]["answer"])]
    settings_here, reader, rows = room.settings_of("advanced_rag"), room.model_of("raft"), []
    prompts = []
    for question in asked:
        hits = room.hits(question, "advanced_rag")[: settings_here.k]
        used = rag.fitting(rag.passages(hits), reader.count, settings_here.k, settings_here.context_tokens)
        prompts.append(rag.messages(question.question, hits[:used]))
    # stored answers have lost their citation, so the end token is not counted
    texts = [settings.ABSTENTION if stored[q.id]["abstained"] else stored[q.id]["answer"] for q in asked]
    said, silent = (alignment.likelihood(reader, prompts, each, end=False)
                    for each in (texts, [settings.ABSTENTION] * len(asked)))
    for question, text, sure, silence in zip(asked, texts, said, silent, strict=True):
        row = stored[question.id]
        rows.append({"question_id": question.id, "cluster": question.cluster, "task": question.task, "words": len(text.split()),
                     "right": row["scores"].get("exact_match", 0.0), "abstained": row["abstained"],
                     "log_probability": round(sure, 4), "log_probability_abstention": round(silence, 4),
                     "retrieval_score": row["hits"][0]["score"]})
    return rows


def ranks(questions: list, room: arms.Room) -> list[dict]:
    """LoRA's rank against quality and time: one short run each, and the loss on examples of questions it never saw."""
    made = examples.subset(examples.raft(questions, room), SWEEP.limit)
    unseen = examples.subset(examples.raft(questions, room, seed=5, pool=True), 80)
    rows = []
    for rank in RANKS:
        folder = rebuild.work(f"rank{rank}")
        told = finetune.train(made, replace(SWEEP, rank=rank, alpha=2 * rank), folder)
        reader = models.LanguageModel(adapter=str(folder))
        sure = alignment.likelihood(reader, [e.prompt for e in unseen], [e.completion for e in unseen])
        size = (folder / "adapter_model.safetensors").stat().st_size
        rows.append({"rank": rank, "examples": told["examples"], "seconds": told["seconds"], "bytes": size,
                     "training_loss": told["loss"][-1][1], "unseen_loss": round(-sum(sure) / len(sure), 4)})
    return rows


def perplexities(room: arms.Room) -> list[dict]:
    """Perplexity on general text of the base model and of every adapter that is here."""
    texts, rows = forgetting.general_text(), []
    for name in ("base", *arms.TRAINED):
        if name == "base" or (home(name) / "adapter_model.safetensors").exists():
            rows.append({"model": name, "perplexity": round(forgetting.perplexity(room.model_of(name), texts), 3)})
    return rows
