"""Remakes what lab 3 commits: every arm on the test questions, read once, and what the report of the course is made of.

`python3 -m utils rebuild lab3` takes several hours on two cores; it resumes at the record where it was interrupted.
"""
from __future__ import annotations

from dataclasses import replace

from . import arms, benchmark, rebuild, registry, settings

COMMAND = "python3 -m utils rebuild lab3"
ARMS_TEST = ("base", "naive_rag", "advanced_rag", "graph", "oracle", "closed_book", "closed_book+advanced_rag", "format_only",
             "raft", "raft+naive_rag", "raft+advanced_rag", "raft+graph", "raft+oracle", "raft+distractor", "raft_feedback",
             "raft_feedback+advanced_rag", "question_only", "nearest_question", "raft_dpo_author+advanced_rag")
# The comparisons that lab 3 makes, chosen before test was read (raft and raft_feedback had been seen on dev only).
PLAN = (("base", "advanced_rag"), ("base", "closed_book"), ("format_only", "closed_book"), ("advanced_rag", "raft+advanced_rag"),
        ("closed_book", "raft+advanced_rag"), ("closed_book", "closed_book+advanced_rag"),
        ("raft+advanced_rag", "raft+graph"), ("raft+advanced_rag", "raft_feedback+advanced_rag"),
        ("raft+advanced_rag", "raft_dpo_author+advanced_rag"), ("raft+advanced_rag", "raft+oracle"))
# Adapters that are not shipped: asked where this machine has trained them (`rebuild lab2`).
MORE = ("raft_dpo_ai", "raft_dpo_mixed", "raft_kto", *(f"{name}@{seed}" for name in ("raft", "raft_feedback") for seed in (1, 2)))


def lab3() -> None:
    """All arms on test. Where an adapter that is not shipped is missing, its committed records are kept as they are."""
    room = arms.Room(settings.load())
    test = [q for q in benchmark.load(known=room.documents) if q.split == "test"]
    there = {name: (registry.local() / name / "adapter_model.safetensors").exists() for name in MORE}
    asked, elsewhere = ([f"{name}+advanced_rag" for name in MORE if there[name] is here] for here in (True, False))
    rebuild.table("lab3_test", test, ",".join([*ARMS_TEST, *asked]), room, command=COMMAND, elsewhere=elsewhere)


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
