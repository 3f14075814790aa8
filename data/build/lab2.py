"""Remakes what lab 2 commits: adapters, on-policy pairs, judges' calibration, and the tables of all arms.

Takes several hours on two cores. Every step is skipped when its result is there; training resumes from its last checkpoint.
"""
from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path

from utils import evaluation, generation, metrics, models, training
from utils.types import Example, PreferencePair

from .common import commit_rows, commit_table, work
from .judge_controls import calibrate, label_by_accepted_answers
from .reading_practice import natural, practice

COMMAND = "python3 -m utils rebuild lab2"
RAFT = training.SFTSettings(recipe="raft", epochs=1.0, practice=120, views=2)
SUPERVISED = {
    "raft": RAFT,
    "closed_book": training.SFTSettings(recipe="closed_book", batch_size=16, micro_batch=8),
    "format_only": training.SFTSettings(recipe="format_only", batch_size=16, micro_batch=8),
}
SEEDS = (1, 2)  # trainings of the two readers that lab 3 compares, beside the first; last of all, an hour or more each
DPO = training.PreferenceSettings(learning_rate=3e-4, epochs=2.0, sft_weight=0.2)
PREFERENCES = {
    "raft_dpo_unbalanced": replace(DPO, balance=False),
    "raft_dpo_author": DPO,
    "raft_dpo_ai": replace(DPO, labels="ai", epochs=1.0),  # twice the pairs, about as many steps
    "raft_dpo_mixed": replace(DPO, labels="mixed", epochs=1.0),  # all of the authors', half of ai's: as many pairs again
    "raft_kto": replace(DPO, recipe="kto", micro_batch=4, sft_weight=0.0, epochs=1.0),  # each pair makes two rows
}
SECOND_ROUND = replace(DPO, labels="program")  # raft_feedback: trained on from what the first round left in use
SWEEP = training.SFTSettings(recipe="raft", epochs=1.0, limit=64)  # each rank learns from the same examples
RANKS = (1, 4, 16, 64)
CONTEXTS = ("", "+naive_rag", "+advanced_rag", "+oracle", "+distractor")
TRIED = ("", "+advanced_rag", "+oracle", "+distractor")  # contexts of what learned from feedback
ARMS_DEV = ",".join(["base", "naive_rag", "advanced_rag", "oracle", "distractor", *(f"raft{c}" for c in CONTEXTS),
                     "closed_book", "format_only", "closed_book+advanced_rag", "format_only+advanced_rag",
                     *(f"{name}{context}" for name in PREFERENCES for context in TRIED)])
ARMS_AFTER = ",".join(f"raft_feedback{context}" for context in TRIED)


def lab2() -> None:
    """Supervised adapters, pairs for the authors to judge, adapters from their labels, judges, dev tables."""
    workspace = evaluation.Workspace()
    questions = evaluation.load_questions(known=workspace.documents)
    for name, chosen in SUPERVISED.items():
        supervised(name, chosen, questions, workspace)
    on_policy(questions, workspace)
    dev, raft = [q for q in questions if q.split == "dev"], models.adapter_digest("raft")[:12]
    judges = training.Judges(training.load_pairs(), questions, workspace, models.adapter_folder("raft"))
    commit_rows("lab2_judges", lambda: calibrate(judges), "held-out half of the authors' pairs", COMMAND, raft)
    author, ai = training.load_pairs(), ai_labels(judges, on_policy(questions, workspace, seeds=(8,), tries=2))
    for name, chosen in PREFERENCES.items():
        pairs = {"author": author, "ai": ai, "mixed": [*author, *ai[::2]]}[chosen.labels]
        aligned(name, chosen, pairs, questions, workspace)
    commit_table("lab2_dev", dev, ARMS_DEV, workspace, COMMAND)
    second_round(questions, workspace)
    commit_table("lab2_dev", dev, f"{ARMS_DEV},{ARMS_AFTER}", workspace, COMMAND)
    commit_rows("lab2_confidence", lambda: confidences(dev, workspace), "dev: raft+advanced_rag", COMMAND, raft)
    commit_rows("lab2_ranks", lambda: ranks(questions, workspace),
                f"{SWEEP.limit} RAFT examples, loss on the feedback pool", COMMAND)
    commit_rows("lab2_perplexity", lambda: perplexities(workspace), "scikit-learn's data set descriptions", COMMAND, raft)
    for seed in SEEDS:
        once_more(seed, questions, workspace)


def home(name: str) -> Path:
    """Where an adapter belongs: shipped ones with the course, all others in the local registry."""
    shipped = name in evaluation.MODELS and evaluation.MODELS[name].shipped
    return (models.CHECKPOINTS if shipped else models.local_registry()) / name


def made_already(folder: Path, chosen: training.SFTSettings, data_sha256: str, parent: Path | None = None) -> bool:
    """True when the folder's provenance tells of these settings, these training rows and this parent."""
    try:
        told = json.loads((folder / "provenance.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    came_from = training.parent_of(parent)["parent_sha256"] if parent else None
    return (told["settings"], told["data_sha256"], told.get("parent_sha256")) == (asdict(chosen), data_sha256, came_from)


def supervised(name: str, chosen: training.SFTSettings, questions: list, workspace: evaluation.Workspace) -> None:
    """Train one supervised adapter unless it is there."""
    made = training_rows(chosen, questions, workspace)
    if made_already(home(name), chosen, training.rows_digest(made)):
        print(f"{name}: there already", flush=True)
        return
    record = training.run_in_subprocess(training.train_sft, made, chosen, home(name))
    print(name, {key: value for key, value in record.items() if key not in ("loss", "settings")}, flush=True)


def training_rows(chosen: training.SFTSettings, questions: list, workspace: evaluation.Workspace) -> list[Example]:
    """The examples of a supervised recipe, leak-checked. Raises RuntimeError when something leaks."""
    raft = chosen.recipe == "raft"
    if raft:
        made = practice(chosen.practice, workspace.settings, workspace.model().count, chosen.seed) if chosen.practice else []
        for view in range(chosen.views):
            made += training.raft_examples(questions, workspace, chosen.seed + 100 * view)
            made += natural(workspace.settings, workspace.model().count, chosen.seed + 100 * view) if chosen.practice else []
    else:
        recipes = {"closed_book": training.closed_book_examples, "format_only": training.format_only_examples}
        made = recipes[chosen.recipe](questions, workspace)
    found = training.find_leaks(made, questions, raft_style=raft)
    if found:
        raise RuntimeError(f"{chosen.recipe}: {len(found)} leaks, the first: {found[0]}")
    return made


def on_policy(questions: list, workspace: evaluation.Workspace, reader: str = "raft", seeds: tuple = (7,),
              tries: int = 3) -> list[PreferencePair]:
    """Unlabelled pairs of a reader over the feedback pool; those of `raft` and seed 7 are the ones the authors judged."""
    path = work(f"pairs-{models.adapter_digest(reader)[:12]}-{'-'.join(map(str, seeds))}.jsonl")
    if not path.exists():
        asked = [context for seed in seeds for context in training.pool_contexts(questions, workspace, seed)]
        training.save_pairs(training.collect_pairs(asked, workspace.model(reader), seed=seeds[0] - 7, tries=tries), path)
    return training.load_pairs(path)


def ai_labels(judges: training.Judges, pairs: list[PreferencePair]) -> list[PreferencePair]:
    """The pairs labelled by the judge that did best on the held-out half."""
    judge, ids = best_judge(), ",".join(pair.id for pair in pairs)
    path = work(f"pairs-ai-{hashlib.sha256((judge + ids).encode()).hexdigest()[:12]}.jsonl")
    if not path.exists():
        training.save_pairs(judges.label(judge, pairs), path)
        print(f"{len(pairs)} pairs labelled by: {judge}", flush=True)
    return training.load_pairs(path)


def best_judge() -> str:
    """The judge with the best accuracy on held-out pairs, of those that give each answer a score."""
    scoring = [row for row in evaluation.load_rows("lab2_judges") if row["judge"] in training.SCORING_JUDGES]
    return max(scoring, key=lambda row: row["accuracy"])["judge"]


def aligned(name: str, chosen: training.PreferenceSettings, pairs: list[PreferencePair], questions: list,
            workspace: evaluation.Workspace, parent: str = "raft") -> None:
    """Train one adapter on labelled pairs, going on from its parent, unless it is there."""
    known, chunks = {q.id: q for q in questions}, {chunk.id: chunk for chunk in workspace.pipeline.chunks}
    made, start = training.preference_rows(pairs, known, chunks, chosen.balance), models.adapter_folder(parent)
    if made_already(home(name), chosen, training.rows_digest(made), start):
        print(f"{name}: there already", flush=True)
        return
    record = training.run_in_subprocess(training.train_preferences, made, start, chosen, home(name))
    print(name, {key: value for key, value in record.items() if key not in ("loss", "settings")}, flush=True)


def second_round(questions: list, workspace: evaluation.Workspace) -> None:
    """`raft_feedback`: what the first round left in use answers anew, accepted answers label the pairs, DPO goes on from there.

    The gate decides what is in use: of the candidates it lets pass the one with the best exact match, else still `raft`. The
    pool's questions have accepted answers, and code that knows them agrees with the authors better than any judge does.
    """
    perplexity, stored = {row["model"]: row["perplexity"] for row in perplexities(workspace)}, evaluation.load_records("lab2_dev")
    said = training.gate_results(stored, perplexity, list(PREFERENCES))
    for name, decision in said.items():
        print(name, decision, flush=True)

    def right(name: str) -> float:
        return sum(r.scores.get("exact_match", 0.0) for r in stored if r.arm == f"{name}+advanced_rag")

    parent = max((name for name, decision in said.items() if decision.promoted), key=right, default="raft")
    aligned("raft_feedback", SECOND_ROUND, checked_pairs(parent, questions, workspace), questions, workspace, parent)


def checked_pairs(reader: str, questions: list, workspace: evaluation.Workspace) -> list[PreferencePair]:
    """Fresh pairs of a reader, labelled by code that knows the accepted answers."""
    known, chunks = {q.id: q for q in questions}, {chunk.id: chunk for chunk in workspace.pipeline.chunks}
    return label_by_accepted_answers(on_policy(questions, workspace, reader, (10,), 2), known, chunks)


def once_more(seed: int, questions: list, workspace: evaluation.Workspace) -> None:
    """`raft@SEED` and `raft_feedback@SEED`: both rounds of feedback again, from a supervised training with another seed.

    The seed changes which passages the examples show, their order and where LoRA starts. The first round learns from the
    same labels: the authors judged answers of the first `raft`. No gate: every seed takes the way that the first one took.
    """
    reader, parent = f"raft@{seed}", f"raft_dpo_author@{seed}"
    supervised(reader, replace(RAFT, seed=seed), questions, workspace)
    aligned(parent, replace(PREFERENCES["raft_dpo_author"], seed=seed), training.load_pairs(), questions, workspace, reader)
    pairs = checked_pairs(parent, questions, workspace)
    aligned(f"raft_feedback@{seed}", replace(SECOND_ROUND, seed=seed), pairs, questions, workspace, parent)


def confidences(dev: list, workspace: evaluation.Workspace) -> list[dict]:
    """For each dev question: was the answer right, and how sure were the model (log-probability) and the search (score)?"""
    stored = {r.question_id: r for r in evaluation.load_records("lab2_dev") if r.arm == "raft+advanced_rag"}
    asked = [q for q in dev if q.task in metrics.JUDGED_TASKS and (stored[q.id].abstained or stored[q.id].answer)]
    settings_here, reader, rows = workspace.settings_for("advanced_rag"), workspace.model("raft"), []
    prompts = []
    for question in asked:
        hits = workspace.hits(question, "advanced_rag")[: settings_here.k]
        used = generation.count_that_fit(generation.numbered_passages(hits), reader.count, settings_here.k,
                                         settings_here.context_tokens)
        prompts.append(generation.build_prompt(question.question, hits[:used]))
    # stored answers have lost their citation, so the end token is not counted
    texts = [metrics.ABSTENTION if stored[q.id].abstained else stored[q.id].answer for q in asked]
    said, silent = (models.mean_log_probability(reader, prompts, each, end=False)
                    for each in (texts, [metrics.ABSTENTION] * len(asked)))
    for question, text, sure, silence in zip(asked, texts, said, silent, strict=True):
        row = stored[question.id]
        rows.append({"question_id": question.id, "cluster": question.cluster, "task": question.task, "words": len(text.split()),
                     "right": row.scores.get("exact_match", 0.0), "abstained": row.abstained,
                     "log_probability": round(sure, 4), "log_probability_abstention": round(silence, 4),
                     "retrieval_score": row.hits[0].score})
    return rows


def ranks(questions: list, workspace: evaluation.Workspace) -> list[dict]:
    """LoRA's rank against quality and time: one short run each, and the loss on examples of questions it never saw."""
    made = training.sample_examples(training.raft_examples(questions, workspace), SWEEP.limit)
    unseen = training.sample_examples(training.raft_examples(questions, workspace, seed=5, pool=True), 80)
    rows = []
    for rank in RANKS:
        folder = work(f"rank{rank}")
        told = training.train_sft(made, replace(SWEEP, rank=rank, alpha=2 * rank), folder)
        reader = models.LanguageModel(adapter=str(folder))
        sure = models.mean_log_probability(reader, [e.prompt for e in unseen], [e.completion for e in unseen])
        size = (folder / "adapter_model.safetensors").stat().st_size
        rows.append({"rank": rank, "examples": told["examples"], "seconds": told["seconds"], "bytes": size,
                     "training_loss": told["loss"][-1][1], "unseen_loss": round(-sum(sure) / len(sure), 4)})
    return rows


def perplexities(workspace: evaluation.Workspace) -> list[dict]:
    """Perplexity on general text of the base model and of every adapter that is here."""
    texts, rows = models.general_text(), []
    for name in ("base", *evaluation.TRAINED_MODELS):
        if name == "base" or (home(name) / "adapter_model.safetensors").exists():
            rows.append({"model": name, "perplexity": round(models.perplexity(workspace.model(name), texts), 3)})
    return rows
