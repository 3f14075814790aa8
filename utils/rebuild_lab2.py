"""Remakes what lab 2 commits: adapters, on-policy pairs, judges' calibration, and the tables of all arms.

`python3 -m utils rebuild lab2` takes several hours on two cores. Every step is skipped when its result is there, training
resumes from its last checkpoint, and work in progress lies in the cache under `rebuild/`.
"""
from __future__ import annotations

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
    metrics,
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
RAFT = Sft(recipe="raft", epochs=1.0, practice=500, views=2)
SUPERVISED = {
    "raft": RAFT,
    "closed_book": Sft(recipe="closed_book", batch_size=16, micro_batch=8),
    "format_only": Sft(recipe="format_only", batch_size=16, micro_batch=8),
    "raft@1": replace(RAFT, seed=1),
    "raft@2": replace(RAFT, seed=2),
}
PREFERENCES = {
    "raft_dpo_author": Preference(),
    "raft_kto": Preference(recipe="kto", micro_batch=4),
}
REWARD = Preference(recipe="reward", rank=8, alpha=16, epochs=2.0)
SHIPPED = ("closed_book", "format_only", "raft", "raft_feedback")
CONTEXTS = ("", "+naive_rag", "+advanced_rag", "+oracle", "+distractor")
ARMS_DEV = ",".join(["base", "naive_rag", "advanced_rag", "oracle", "distractor", *(f"raft{c}" for c in CONTEXTS),
                     "closed_book", "format_only", "closed_book+advanced_rag", "format_only+advanced_rag",
                     "raft_dpo_author+advanced_rag", "raft_kto+advanced_rag"])
JUDGED = ("fact", "error", "routing", "unanswerable")  # tasks whose short answers can be judged


def lab2() -> None:
    """Supervised adapters, pairs for the authors to judge, adapters from their labels, judges, dev tables."""
    room = arms.Room(settings.load())
    questions = benchmark.load(known=room.documents)
    for name, chosen in SUPERVISED.items():
        supervised(name, chosen, questions, room)
    pairs_to_judge(questions, room)
    for name, chosen in PREFERENCES.items():
        aligned(name, chosen, questions, room)
    dev, raft = [q for q in questions if q.split == "dev"], registry.fingerprint("raft")[:12]
    rebuild.table("lab2_dev", dev, ARMS_DEV, room, command=COMMAND)
    rebuild.rows("lab2_judges", lambda: judges(questions, room), "held-out half of the authors' pairs", COMMAND, raft)
    rebuild.rows("lab2_confidence", lambda: confidences(dev, room), "dev: raft+advanced_rag", COMMAND, raft)
    rebuild.rows("lab2_perplexity", lambda: perplexities(room), "scikit-learn's data set descriptions", COMMAND, raft)


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
    record = finetune.train(made, chosen, home(name))
    print(name, {key: value for key, value in record.items() if key not in ("loss", "settings")}, flush=True)


def training_rows(chosen: Sft, questions: list, room: arms.Room) -> list[examples.Example]:
    """The examples of a supervised recipe, leak-checked. Raises RuntimeError when something leaks."""
    raft = chosen.recipe == "raft"
    if raft:
        made = reading.practice(chosen.practice, room.chosen, room.model.count, chosen.seed) if chosen.practice else []
        for view in range(chosen.views):
            made += examples.raft(questions, room, chosen.seed + 100 * view)
    else:
        made = getattr(examples, chosen.recipe)(questions, room)
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


def aligned(name: str, chosen: Preference, questions: list, room: arms.Room) -> None:
    """Train one adapter on preferences unless it is there."""
    known, chunks = {q.id: q for q in questions}, {chunk.id: chunk for chunk in room.advanced.chunks}
    made = alignment.rows(labelled(chosen.labels), known, chunks)
    parent = registry.folder("raft")
    if made_already(home(name), chosen, finetune.digest(made), parent):
        print(f"{name}: there already", flush=True)
        return
    record = alignment.align(made, parent, chosen, home(name))
    print(name, {key: value for key, value in record.items() if key not in ("loss", "settings")}, flush=True)


def labelled(source: str) -> list[feedback.Pair]:
    """Labelled pairs of a source: the authors' shipped ones, a judge's (`ai`), or both (`mixed`)."""
    author = feedback.load()
    ai = feedback.load(rebuild.work("pairs-ai.jsonl")) if source != "author" else []
    if source != "author" and not ai:
        raise RuntimeError("there are no pairs labelled by a judge yet: run `python3 -m utils rebuild lab2` from its beginning")
    return {"author": author, "ai": ai, "mixed": [*author, *ai]}[source]


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


def perplexities(room: arms.Room) -> list[dict]:
    """Perplexity on general text of the base model and of every adapter that is here."""
    texts, rows = forgetting.general_text(), []
    for name in ("base", *arms.TRAINED):
        if name == "base" or (home(name) / "adapter_model.safetensors").exists():
            rows.append({"model": name, "perplexity": round(forgetting.perplexity(room.model_of(name), texts), 3)})
    return rows


def judges(questions: list, room: arms.Room) -> list[dict]:
    """Every judge on the held-out half of the authors' pairs, with controls whose answers are known."""
    known, chunks = {q.id: q for q in questions}, {chunk.id: chunk for chunk in room.advanced.chunks}
    learn, held_out = feedback.halves(feedback.load())
    controls = controlled(questions, room, {pair.question_id for pair in learn})
    reward, _ = alignment.reward_model(alignment.rows(learn, known, chunks), registry.folder("raft"), REWARD,
                                          rebuild.work("reward"))
    reader, base = room.model_of("raft"), room.model

    def by(score) -> list[str]:
        found = []
        for pairs in (held_out, *controls.values()):
            prompts = [feedback.prompt(pair, known[pair.question_id], chunks) for pair in pairs]
            a, b = (score(prompts, [getattr(pair, side) for pair in pairs]) for side in "ab")
            found.append([pair.label for pair in alignment.label(pairs, a, b)])
        return found

    def asked(pairs: list) -> list[str]:
        return alignment.asked_which(base, pairs, known, chunks)

    everything = [held_out, *controls.values()]
    labels = {"shorter": [[feedback.by_length(pair) for pair in pairs] for pairs in everything],
              "asked": [asked(pairs) for pairs in everything],
              "likelihood": by(lambda prompts, texts: alignment.likelihood(reader, prompts, texts)),
              "reward model": by(reward.score)}
    turned = {"asked": asked([pair.swapped() for pair in held_out])}
    rows = []
    for judge, (found, *checked) in labels.items():
        rows.append({"judge": judge, **feedback.agreement(found, held_out, turned.get(judge, ())), **{
            name: feedback.agreement(labels_of, controls[name])["accuracy"]
            for name, labels_of in zip(controls, checked, strict=True)}})
    return rows


def controlled(questions: list, room: arms.Room, learned: set[str]) -> dict[str, list[feedback.Pair]]:
    """Pairs whose winner is known: the accepted answer against another question's where the passages hold it, and the phrase
    against the accepted answer, a lucky guess, where they do not.

    learned: ids of questions that a judge learned from; they are left out.
    """
    pool = [q for q in questions if q.split == "train" and q.task in ("fact", "error", "routing")]
    found: dict[str, list[feedback.Pair]] = {"gold wins": [], "silence wins": []}
    for name, share in (("gold wins", 0.0), ("silence wins", 1.0)):
        for example in examples.raft(questions, room, seed=11, absent=share, pool=True):
            question = next(q for q in questions if q.id == example.question_id)
            rivals = [q for q in pool if q.task == question.task and not metrics.exact_match(q.answers[0], question.answers)]
            if question.id in learned or question.task not in ("fact", "error", "routing"):
                continue
            if (example.kind == "absent") != (share == 1.0):
                continue
            number = len(found[name])
            wrong = f"{rivals[number * 7 % len(rivals)].answers[0]} [1]"
            better, worse = example.completion, wrong if share == 0.0 else f"{question.answers[0]} [1]"
            pair = feedback.Pair(f"{name}-{number}", question.id, example.shown, better, worse, "a", "program")
            found[name].append(pair if number % 2 else pair.swapped())
    return found
