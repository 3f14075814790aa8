"""Rebuilds lab 2's committed data: adapters, on-policy pairs, calibration of judges, and records of all arms.

Takes several hours on two cores. Finished steps are skipped; training resumes from its last checkpoint.
"""
from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from utils import evaluation, generation, metrics, models, training
from utils.types import Example, PreferencePair

from .common import commit_rows, commit_table, made_already, work
from .judge_controls import calibrate, label_by_accepted_answers
from .pairs import collect_pairs, pool_contexts
from .reading_practice import natural, practice
from .scoring_judges import SCORING_JUDGES, AllJudges, train_kto

COMMAND = "python3 -m utils rebuild lab2"
RAFT = training.SFTSettings(recipe="raft", epochs=1.0, practice=120, views=2)
SUPERVISED = {
    "raft": RAFT,
    "closed_book": training.SFTSettings(recipe="closed_book", batch_size=16, micro_batch=8),
    "format_only": training.SFTSettings(recipe="format_only", batch_size=16, micro_batch=8),
}
FIRST_READING = r"reading-\d+"  # ids of the questions that the shipped readers learned from; the others came later
SEEDS = (1, 2)  # further training seeds of the two readers that lab 3 compares; they run last, an hour or more each
DPO = training.PreferenceSettings(learning_rate=3e-4, epochs=2.0, sft_weight=0.2)
PREFERENCES = {
    "raft_dpo_unbalanced": replace(DPO, balance=False),
    "raft_dpo_author": DPO,
    "raft_dpo_ai": replace(DPO, labels="ai", epochs=1.0),  # twice the pairs, about as many steps
    "raft_dpo_mixed": replace(DPO, labels="mixed", epochs=1.0),  # all of the authors' pairs and half of the ai ones
    "raft_kto": replace(DPO, recipe="kto", micro_batch=4, sft_weight=0.0, epochs=1.0),  # each pair makes two rows
}
SECOND_ROUND = replace(DPO, labels="program")  # raft_feedback: continues from the adapter in use after round one
SWEEP = training.SFTSettings(recipe="raft", epochs=1.0, limit=64)  # the same examples for every rank
RANKS = (1, 4, 16, 64)
CONTEXTS = ("", "+naive_rag", "+advanced_rag", "+oracle", "+distractor")
TRIED = ("", "+advanced_rag", "+oracle", "+distractor")  # contexts of the adapters trained on feedback
ARMS_DEV = ",".join(["base", "naive_rag", "advanced_rag", "oracle", "distractor", *(f"raft{c}" for c in CONTEXTS),
                     *(f"{name}{context}" for name in ("closed_book", "format_only") for context in TRIED[:2]),
                     *(f"{name}{context}" for name in PREFERENCES for context in TRIED), *(f"span_reader{c}" for c in TRIED[1:])])
ARMS_AFTER = ",".join(f"raft_feedback{context}" for context in TRIED)


def lab2() -> None:
    """Supervised adapters, preference pairs, calibration of judges, adapters from feedback, and dev tables."""
    workspace = evaluation.Workspace()
    questions = evaluation.load_questions(known=workspace.documents)
    for name, run in SUPERVISED.items():
        supervised(name, run, questions, workspace)
    on_policy(questions, workspace)
    dev, raft = [q for q in questions if q.split == "dev"], models.adapter_digest("raft")[:12]
    judges = AllJudges(training.load_pairs(), questions, workspace, models.adapter_folder("raft"))
    commit_rows("lab2_judges", lambda: calibrate(judges), "held-out half of the authors' pairs", COMMAND, raft)
    author, ai = training.load_pairs(), ai_labels(judges, on_policy(questions, workspace, seeds=(8,), tries=2))
    for name, run in PREFERENCES.items():
        pairs = {"author": author, "ai": ai, "mixed": [*author, *ai[::2]]}[run.labels]
        aligned(name, run, pairs, questions, workspace)
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
    """Folder of an adapter: shipped ones are in the repository, all others in the local registry."""
    shipped = name in evaluation.MODELS and evaluation.MODELS[name].shipped
    return (models.CHECKPOINTS if shipped else models.local_registry()) / name


def supervised(name: str, run: training.SFTSettings, questions: list, workspace: evaluation.Workspace) -> None:
    """Train one supervised adapter unless a matching one exists."""
    examples = training_rows(run, questions, workspace)
    if made_already(home(name), run, training.rows_digest(examples)):
        print(f"{name}: already trained", flush=True)
        return
    record = training.run_in_subprocess(training.train_sft, examples, run, home(name))
    print(name, {key: value for key, value in record.items() if key not in ("loss", "settings")}, flush=True)


def training_rows(run: training.SFTSettings, questions: list, workspace: evaluation.Workspace) -> list[Example]:
    """The examples of a supervised recipe. Raises RuntimeError when the leak check finds a leak."""
    raft = run.recipe == "raft"
    if raft:
        examples = practice(run.practice, workspace.settings, workspace.model().count, run.seed) if run.practice else []
        for view in range(run.views):
            examples += training.raft_examples(questions, workspace, run.seed + 100 * view)
            examples += natural(workspace.settings, workspace.model().count, run.seed + 100 * view,
                                FIRST_READING) if run.practice else []
    else:
        recipes = {"closed_book": training.closed_book_examples, "format_only": format_only_examples}
        examples = recipes[run.recipe](questions, workspace)
    if leaks := training.find_leaks(examples, questions, raft_style=raft):
        raise RuntimeError(f"{run.recipe}: {len(leaks)} leaks, the first: {leaks[0]}")
    return examples


def format_only_examples(questions: list, workspace: evaluation.Workspace) -> list[Example]:
    """The control of `closed_book`: as many rows, but no fact that dev or test asks for, so only the format can be learned.

    Questions that share an evidence document with dev or test are dropped; the others are repeated to fill the rows.
    """
    held_out = {document for q in questions if q.split in ("dev", "test") for document in q.evidence}
    size = len(training.closed_book_examples(questions, workspace, seen_fact=True))
    examples = training.closed_book_examples([q for q in questions if not held_out & set(q.evidence)], workspace, seen_fact=False)
    return (examples * (size // len(examples) + 1))[:size]


def on_policy(questions: list, workspace: evaluation.Workspace, reader: str = "raft", seeds: tuple = (7,),
              tries: int = 3) -> list[PreferencePair]:
    """Unlabelled pairs of a reader over the feedback pool; the authors judged those of `raft` and seed 7."""
    path = work(f"pairs-{models.adapter_digest(reader)[:12]}-{'-'.join(map(str, seeds))}.jsonl")
    if not path.exists():
        contexts = [context for seed in seeds for context in pool_contexts(questions, workspace, seed)]
        training.save_pairs(collect_pairs(contexts, workspace.model(reader), seed=seeds[0] - 7, tries=tries), path)
    return training.load_pairs(path)


def ai_labels(judges: AllJudges, pairs: list[PreferencePair]) -> list[PreferencePair]:
    """The pairs labelled by the scoring judge with the best held-out accuracy."""
    judge, ids = best_judge(), ",".join(pair.id for pair in pairs)
    path = work(f"pairs-ai-{hashlib.sha256((judge + ids).encode()).hexdigest()[:12]}.jsonl")
    if not path.exists():
        training.save_pairs(judges.label(judge, pairs), path)
        print(f"{len(pairs)} pairs labelled by: {judge}", flush=True)
    return training.load_pairs(path)


def best_judge() -> str:
    """The judge with the best accuracy on held-out pairs, among those that score each answer."""
    scoring = [row for row in evaluation.load_rows("lab2_judges") if row["judge"] in SCORING_JUDGES]
    return max(scoring, key=lambda row: row["accuracy"])["judge"]


def aligned(name: str, run: training.PreferenceSettings, pairs: list[PreferencePair], questions: list,
            workspace: evaluation.Workspace, parent: str = "raft") -> None:
    """Train one adapter on labelled pairs, continuing from its parent, unless a matching one exists."""
    known, chunks = {q.id: q for q in questions}, {chunk.id: chunk for chunk in workspace.pipeline.chunks}
    rows, start = training.preference_rows(pairs, known, chunks, run.balance), models.adapter_folder(parent)
    if made_already(home(name), run, training.rows_digest(rows), start):
        print(f"{name}: already trained", flush=True)
        return
    train = train_kto if run.recipe == "kto" else training.train_preferences
    record = training.run_in_subprocess(train, rows, start, run, home(name))
    print(name, {key: value for key, value in record.items() if key not in ("loss", "settings")}, flush=True)


def second_round(questions: list, workspace: evaluation.Workspace) -> None:
    """Train `raft_feedback`: DPO continues from the adapter in use after round one, on new pairs of that adapter's answers.

    The adapter in use is the promoted candidate with the best exact match, or `raft` when the gate promotes none. Accepted
    answers label the pairs, because they agree with the authors better than any judge does.
    """
    perplexity, stored = {row["model"]: row["perplexity"] for row in perplexities(workspace)}, evaluation.load_records("lab2_dev")
    decisions = training.gate_results(stored, perplexity, list(PREFERENCES))
    for name, decision in decisions.items():
        print(name, decision, flush=True)

    def right(name: str) -> float:
        return sum(r.scores.get("exact_match", 0.0) for r in stored if r.arm == f"{name}+advanced_rag")

    parent = max((name for name, decision in decisions.items() if decision.promoted), key=right, default="raft")
    aligned("raft_feedback", SECOND_ROUND, checked_pairs(parent, questions, workspace), questions, workspace, parent)


def checked_pairs(reader: str, questions: list, workspace: evaluation.Workspace) -> list[PreferencePair]:
    """New pairs of a reader's answers, labelled by comparing them with the accepted answers."""
    known, chunks = {q.id: q for q in questions}, {chunk.id: chunk for chunk in workspace.pipeline.chunks}
    return label_by_accepted_answers(on_policy(questions, workspace, reader, (10,), 2), known, chunks)


def once_more(seed: int, questions: list, workspace: evaluation.Workspace) -> None:
    """Train `raft@SEED` and `raft_feedback@SEED`: supervised training and both feedback rounds with another seed.

    The seed changes the passages of the examples, their order and LoRA's initial weights. The first round uses the same labels
    (the authors judged answers of the first `raft`). No gate: every seed follows the path of the first.
    """
    reader, parent = f"raft@{seed}", f"raft_dpo_author@{seed}"
    supervised(reader, replace(RAFT, seed=seed), questions, workspace)
    aligned(parent, replace(PREFERENCES["raft_dpo_author"], seed=seed), training.load_pairs(), questions, workspace, reader)
    pairs = checked_pairs(parent, questions, workspace)
    aligned(f"raft_feedback@{seed}", replace(SECOND_ROUND, seed=seed), pairs, questions, workspace, parent)


def confidences(dev: list, workspace: evaluation.Workspace) -> list[dict]:
    """One row per dev question: whether the answer is correct, its log-probability and the search score."""
    stored = {r.question_id: r for r in evaluation.load_records("lab2_dev") if r.arm == "raft+advanced_rag"}
    answered = [q for q in dev if q.task in metrics.JUDGED_TASKS and (stored[q.id].abstained or stored[q.id].answer)]
    run, reader, rows = workspace.settings_for("advanced_rag"), workspace.model("raft"), []
    prompts = []
    for question in answered:
        hits = workspace.hits(question, "advanced_rag")[: run.k]
        used = generation.count_that_fit(generation.numbered_passages(hits), reader.count, run.k, run.context_tokens)
        prompts.append(generation.build_prompt(question.question, hits[:used]))
    # stored answers have no citation, so the end token is not counted
    texts = [metrics.ABSTENTION if stored[q.id].abstained else stored[q.id].answer for q in answered]
    stated, abstaining = (models.mean_log_probability(reader, prompts, answers, end=False)
                          for answers in (texts, [metrics.ABSTENTION] * len(answered)))
    for question, text, of_answer, of_abstention in zip(answered, texts, stated, abstaining, strict=True):
        row = stored[question.id]
        rows.append({"question_id": question.id, "cluster": question.cluster, "task": question.task, "words": len(text.split()),
                     "right": row.scores.get("exact_match", 0.0), "abstained": row.abstained,
                     "log_probability": round(of_answer, 4), "log_probability_abstention": round(of_abstention, 4),
                     "retrieval_score": row.hits[0].score})
    return rows


def ranks(questions: list, workspace: evaluation.Workspace) -> list[dict]:
    """Quality and cost of each LoRA rank: one short run per rank, with the loss on examples of unseen questions."""
    examples = training.sample_examples(training.raft_examples(questions, workspace), SWEEP.limit)
    unseen = training.sample_examples(training.raft_examples(questions, workspace, seed=5, pool=True), 80)
    rows = []
    for rank in RANKS:
        folder = work(f"rank{rank}")
        record = training.train_sft(examples, replace(SWEEP, rank=rank, alpha=2 * rank), folder)
        reader = models.LanguageModel(adapter=str(folder))
        means = models.mean_log_probability(reader, [e.prompt for e in unseen], [e.completion for e in unseen])
        size = (folder / "adapter_model.safetensors").stat().st_size
        rows.append({"rank": rank, "examples": record["examples"], "seconds": record["seconds"], "bytes": size,
                     "training_loss": record["loss"][-1][1], "unseen_loss": round(-sum(means) / len(means), 4)})
    return rows


def perplexities(workspace: evaluation.Workspace) -> list[dict]:
    """General-text perplexity of the base model and of every adapter of it on this machine."""
    texts, rows = models.general_text(), []
    for name in ("base", *(name for name, spec in evaluation.MODELS.items() if spec.recipe)):
        if name == "base" or (home(name) / "adapter_model.safetensors").exists() and not models.is_extractive(name):
            rows.append({"model": name, "perplexity": round(models.perplexity(workspace.model(name), texts), 3)})
    return rows
