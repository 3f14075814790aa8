"""Remakes what lab 3 commits: every arm on the test questions, read once, and what the report of the course is made of.

`python3 -m utils rebuild lab3` takes several hours on two cores; it resumes at the record where it was interrupted.
"""
from __future__ import annotations

import hashlib
from dataclasses import replace

from . import arms, benchmark, forgetting, rebuild, rebuild_lab2, records, registry, settings

COMMAND = "python3 -m utils rebuild lab3"
ARMS_TEST = ("base", "naive_rag", "advanced_rag", "graph", "oracle", "closed_book", "closed_book+advanced_rag", "format_only",
             "raft", "raft+naive_rag", "raft+advanced_rag", "raft+graph", "raft+oracle", "raft+distractor", "raft_feedback",
             "raft_feedback+advanced_rag", "question_only", "nearest_question", "raft_dpo_author+advanced_rag",
             "distractor", "raft_feedback+oracle", "raft_feedback+distractor")
# The comparisons that lab 3 makes, chosen before test was read (raft and raft_feedback had been seen on dev only).
PLAN = (("base", "advanced_rag"), ("base", "closed_book"), ("format_only", "closed_book"), ("advanced_rag", "raft+advanced_rag"),
        ("closed_book", "raft+advanced_rag"), ("closed_book", "closed_book+advanced_rag"),
        ("raft+advanced_rag", "raft+graph"), ("raft+advanced_rag", "raft_feedback+advanced_rag"),
        ("raft+advanced_rag", "raft_dpo_author+advanced_rag"), ("raft+advanced_rag", "raft+oracle"))
# Adapters that are not shipped: asked where this machine has trained them (`rebuild lab2`).
MORE = ("raft_dpo_ai", "raft_dpo_mixed", "raft_kto", *(f"{name}@{seed}" for name in ("raft", "raft_feedback") for seed in (1, 2)))

# From which reader to which the two rounds of feedback lead; the gate of lab 2 is asked of each step, seed by seed.
ROUNDS = (("raft", "raft_dpo_author"), ("raft_dpo_author", "raft_feedback"))


def lab3() -> None:
    """All arms on test. Where an adapter that is not shipped is missing, its committed records are kept as they are."""
    room = arms.Room(settings.load())
    test = [q for q in benchmark.load(known=room.documents) if q.split == "test"]
    there = {name: (registry.local() / name / "adapter_model.safetensors").exists() for name in MORE}
    asked, elsewhere = ([f"{name}+advanced_rag" for name in MORE if there[name] is here] for here in (True, False))
    rebuild.table("lab3_test", test, ",".join([*ARMS_TEST, *asked]), room, command=COMMAND, elsewhere=elsewhere)
    trained = [f"{name}@{seed}" for seed in rebuild_lab2.SEEDS for name in dict.fromkeys(sum(ROUNDS, ()))]
    if all((registry.local() / name / "adapter_model.safetensors").exists() for name in trained):
        gates(trained, room)
    else:
        print("lab3_gates: kept as they are, for want of the adapters of the other seeds", flush=True)


def gates(trained: list[str], room: arms.Room) -> None:
    """What lab 2's gate says of both rounds of feedback on dev, for the first training (committed) and every other seed.

    trained: names of the other seeds' adapters. Answers are kept in the cache, by the questions they belong to.
    """
    dev = [q for q in benchmark.load(known=room.documents) if q.split == "dev" and q.task in rebuild_lab2.JUDGED]
    asked = arms.parse(",".join(f"{name}+{context}" for name in trained for context in ("advanced_rag", "distractor")))
    given = [settings.QUESTIONS, *(records.FOLDER / f"{name}.jsonl.gz" for name in ("lab2_dev", "lab2_perplexity"))]
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in given]
    digests += [room.digest(arm.context, arm.model) for arm in asked]

    def rows() -> list[dict]:
        out = rebuild.work(f"lab3_gates-{digests[0][:12]}.jsonl")
        rebuild.reopen(out, dev)
        stored = records.read("lab2_dev") + arms.run(dev, asked, room, out)
        perplexity = {row["model"]: row["perplexity"] for row in records.read("lab2_perplexity")}
        texts, made = forgetting.general_text(), []
        perplexity |= {name: forgetting.perplexity(room.model_of(name), texts) for name in trained}
        for seed in ("", *(f"@{seed}" for seed in rebuild_lab2.SEEDS)):
            for present, candidate in ((f"{parent}{seed}", f"{child}{seed}") for parent, child in ROUNDS):
                decision = rebuild_lab2.verdicts(stored, perplexity, [candidate], present)[candidate]
                made.append({"seed": int(seed[1:] or 0), "present": present, "candidate": candidate,
                             "promoted": decision.promoted, "checks": decision.checks})
        return made

    key = hashlib.sha256("".join(digests).encode()).hexdigest()[:12]
    rebuild.rows("lab3_gates", rows, "dev, with the search's passages and with wrong ones", COMMAND, key)


def check(stored: list[dict], names: list[str], room: arms.Room) -> None:
    """Raises ValueError when stored records belong to another adapter or pipeline than this machine's.

    Says nothing where the learner chose a model or other settings: then stored and live answers differ by intention.
    """
    if replace(room.chosen, fast=False) != settings.Settings():
        return
    hashes = {r["arm"]: r["settings_hash"] for r in stored}
    for arm in arms.parse(",".join(names)):
        if hashes.get(arm.name) != room.digest(arm.context, arm.model):
            raise ValueError(f"{arm.name}: the records come from another adapter or pipeline; make them anew with `{COMMAND}`")
