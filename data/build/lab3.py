"""Remakes what lab 3 commits: every arm on the test questions, read once. Resumes at the record where it was interrupted."""
from __future__ import annotations

import hashlib

from utils import evaluation, metrics, models, settings, training

from .common import commit_rows, commit_table, reopen, work
from .lab2 import SEEDS

COMMAND = "python3 -m utils rebuild lab3"
ARMS_TEST = ("base", "naive_rag", "advanced_rag", "graph", "oracle", "closed_book", "closed_book+advanced_rag", "format_only",
             "raft", "raft+naive_rag", "raft+advanced_rag", "raft+graph", "raft+oracle", "raft+distractor", "raft_feedback",
             "raft_feedback+advanced_rag", "question_only", "nearest_question", "raft_dpo_author+advanced_rag",
             "distractor", "raft_feedback+oracle", "raft_feedback+distractor")
# Adapters that are not shipped: asked where this machine has trained them (`rebuild lab2`).
MORE = ("raft_dpo_ai", "raft_dpo_mixed", "raft_kto", *(f"{name}@{seed}" for name in ("raft", "raft_feedback") for seed in (1, 2)))
# From which reader to which the two rounds of feedback lead; the gate of lab 2 is asked of each step, seed by seed.
ROUNDS = (("raft", "raft_dpo_author"), ("raft_dpo_author", "raft_feedback"))


def lab3() -> None:
    """All arms on test. Where an adapter that is not shipped is missing, its committed records are kept as they are."""
    workspace = evaluation.Workspace()
    test = [q for q in evaluation.load_questions(known=workspace.documents) if q.split == "test"]
    there = {name: (models.local_registry() / name / "adapter_model.safetensors").exists() for name in MORE}
    asked, elsewhere = ([f"{name}+advanced_rag" for name in MORE if there[name] is here] for here in (True, False))
    commit_table("lab3_test", test, ",".join([*ARMS_TEST, *asked]), workspace, COMMAND, elsewhere=elsewhere)
    trained = [f"{name}@{seed}" for seed in SEEDS for name in dict.fromkeys(sum(ROUNDS, ()))]
    if all((models.local_registry() / name / "adapter_model.safetensors").exists() for name in trained):
        gates(trained, workspace)
    else:
        print("lab3_gates: kept as they are, for want of the adapters of the other seeds", flush=True)


def gates(trained: list[str], workspace: evaluation.Workspace) -> None:
    """What lab 2's gate says of both rounds of feedback on dev, for the first training (committed) and every other seed.

    trained: names of the other seeds' adapters. Answers are kept in the cache, by the questions they belong to.
    """
    dev = [q for q in evaluation.load_questions(known=workspace.documents) if q.split == "dev" and q.task in metrics.JUDGED_TASKS]
    asked = evaluation.parse_arms(",".join(f"{name}+{context}" for name in trained for context in ("advanced_rag", "distractor")))
    given = [settings.QUESTIONS, *(evaluation.RECORDS_FOLDER / f"{name}.jsonl.gz" for name in ("lab2_dev", "lab2_perplexity"))]
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in given]
    digests += [workspace.digest(arm) for arm in asked]

    def rows() -> list[dict]:
        out = work(f"lab3_gates-{digests[0][:12]}.jsonl")
        reopen(out, dev)
        stored = evaluation.load_records("lab2_dev") + evaluation.run_arms(dev, asked, workspace, out)
        perplexity = {row["model"]: row["perplexity"] for row in evaluation.load_rows("lab2_perplexity")}
        texts, made = models.general_text(), []
        perplexity |= {name: models.perplexity(workspace.model(name), texts) for name in trained}
        for seed in ("", *(f"@{seed}" for seed in SEEDS)):
            for present, candidate in ((f"{parent}{seed}", f"{child}{seed}") for parent, child in ROUNDS):
                decision = training.gate_results(stored, perplexity, [candidate], present)[candidate]
                made.append({"seed": int(seed[1:] or 0), "present": present, "candidate": candidate,
                             "promoted": decision.promoted, "checks": decision.checks})
        return made

    key = hashlib.sha256("".join(digests).encode()).hexdigest()[:12]
    commit_rows("lab3_gates", rows, "dev, with the search's passages and with wrong ones", COMMAND, key)
