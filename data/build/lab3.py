"""Rebuilds lab 3's committed data: every arm on the test questions. An interrupted run resumes at the next record."""
from __future__ import annotations

import hashlib

from utils import evaluation, metrics, models, settings, training

from .common import add_sources, commit_rows, commit_table, has_adapter, reopen, work
from .lab2 import SEEDS

COMMAND = "python3 -m utils rebuild lab3"
ARMS_TEST = ("base", "naive_rag", "advanced_rag", "graph", "oracle", "closed_book", "closed_book+advanced_rag", "format_only",
             "raft", "raft+naive_rag", "raft+advanced_rag", "raft+graph", "raft+oracle", "raft+distractor", "raft_feedback",
             "raft_feedback+advanced_rag", "question_only", "nearest_question", "raft_dpo_author+advanced_rag",
             "distractor", "raft_feedback+oracle", "raft_feedback+distractor", "raft_dpo_ai+advanced_rag",
             "raft_dpo_mixed+advanced_rag", "raft_kto+advanced_rag",
             *(f"span_reader+{context}" for context in ("advanced_rag", "graph", "oracle")),
             *(f"{name}@{seed}+advanced_rag" for name in ("raft", "raft_feedback") for seed in SEEDS))
# (parent, child) of the two rounds of feedback; lab 2's gate judges each round for every seed.
ROUNDS = (("raft", "raft_dpo_author"), ("raft_dpo_author", "raft_feedback"))


def lab3() -> None:
    """Run all arms on test; those whose adapters this machine has not trained (`rebuild lab2`) keep their committed records."""
    workspace = evaluation.Workspace()
    test = [q for q in evaluation.load_questions(known=workspace.documents) if q.split == "test"]
    calibrate(workspace)
    local, elsewhere = ([arm.name for arm in evaluation.parse_arms(",".join(ARMS_TEST)) if has_adapter(arm) is state]
                        for state in (True, False))
    commit_table("lab3_test", test, ",".join(local), workspace, COMMAND, elsewhere=elsewhere)
    add_sources("lab3_test", workspace)
    trained = [f"{name}@{seed}" for seed in SEEDS for name in dict.fromkeys(sum(ROUNDS, ()))]
    if all((models.local_registry() / name / "adapter_model.safetensors").exists() for name in trained):
        gates(trained, workspace)
    else:
        print("lab3_gates: kept as they are, because the adapters of the other seeds are missing", flush=True)


def calibrate(workspace: evaluation.Workspace) -> None:
    """Fit on dev how sure the answers of each option are: `data/confidence.json`."""
    dev = [q for q in evaluation.load_questions(known=workspace.documents) if q.split == "dev" and q.task != "summary"]
    options = [arm for arm in evaluation.parse_arms(",".join(ARMS_TEST)) if arm.is_option and has_adapter(arm)]
    out = work("lab3_confidence.jsonl")
    reopen(out, dev)
    records = evaluation.run_arms(dev, options, workspace, out, calibrate=False)
    evaluation.save_calibrations(records, dev, workspace.calibrations)


def gates(trained: list[str], workspace: evaluation.Workspace) -> None:
    """Commit the decisions of lab 2's gate on both rounds of feedback, for the first seed (committed) and every other.

    trained: names of the other seeds' adapters. Their answers are kept in the cache per version of the questions.
    """
    dev = [q for q in evaluation.load_questions(known=workspace.documents) if q.split == "dev" and q.task in metrics.JUDGED_TASKS]
    arms = evaluation.parse_arms(",".join(f"{name}+{context}" for name in trained for context in ("advanced_rag", "distractor")))
    inputs = [settings.QUESTIONS, *(evaluation.RECORDS_FOLDER / f"{name}.jsonl.gz" for name in ("lab2_dev", "lab2_perplexity"))]
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in inputs]
    digests += [workspace.digest(arm) for arm in arms]

    def rows() -> list[dict]:
        out = work(f"lab3_gates-{digests[0][:12]}.jsonl")
        reopen(out, dev)
        stored = evaluation.load_records("lab2_dev") + evaluation.run_arms(dev, arms, workspace, out)
        perplexity = {row["model"]: row["perplexity"] for row in evaluation.load_rows("lab2_perplexity")}
        texts, decisions = models.general_text(), []
        perplexity |= {name: models.perplexity(workspace.model(name), texts) for name in trained}
        for seed in ("", *(f"@{seed}" for seed in SEEDS)):
            for present, candidate in ((f"{parent}{seed}", f"{child}{seed}") for parent, child in ROUNDS):
                decision = training.gate_results(stored, perplexity, [candidate], present)[candidate]
                decisions.append({"seed": int(seed[1:] or 0), "present": present, "candidate": candidate,
                                  "promoted": decision.promoted, "checks": decision.checks})
        return decisions

    key = hashlib.sha256("".join(digests).encode()).hexdigest()[:12]
    commit_rows("lab3_gates", rows, "dev, with the search's passages and with wrong ones", COMMAND, key)
