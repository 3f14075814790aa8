"""Remakes what is committed under `data/`: trained adapters and records. Every step is skipped when done, so it resumes.

`python3 -m utils rebuild lab1` takes about an hour on two cores; work in progress lies in the cache under `rebuild/`.
"""
from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from . import (
    advanced,
    arms,
    benchmark,
    corpus,
    fusion,
    injection,
    metrics,
    multidoc,
    queries,
    rag,
    records,
    rerank,
    retrieval,
    retriever_training,
    settings,
    stages,
)

ARMS_DEV = "base,naive_rag,advanced_rag,graph,oracle,question_only,nearest_question"
ARMS_TEST = "naive_rag,advanced_rag,graph"
COMMAND = "python3 -m utils rebuild lab1"
ATTACKED = 30  # dev questions that are asked with a planted instruction


def lab1() -> None:
    """Adapters, stage table, dev records, multi-document comparison, injection, and the one reading of test."""
    room = arms.Room(settings.load())
    questions = benchmark.load(known=room.documents)
    adapters(questions, list(room.documents.values()), room.chosen)
    dev = [q for q in questions if q.split == "dev"]
    _choose(dev, room)
    _stages(dev, room)
    picture()
    table("lab1_dev", dev, ARMS_DEV, room)
    rows("lab1_multidoc", lambda: _multidoc(questions, room), "dev, set by set")
    rows("lab1_order", lambda: _order(dev, room), "dev facts and errors: order of the passages in the prompt")
    rows("lab1_injection", lambda: _injection(dev, room), f"first {ATTACKED} answerable dev questions")
    table("lab1_test", [q for q in questions if q.split == "test"], ARMS_TEST, room, retrieval_only=True)


def _choose(dev: list, room: arms.Room) -> None:
    """Set the weights of the fusion on dev, by Recall@1 + Recall@5, unless that was done: then it stays frozen."""
    if advanced.FROZEN.exists():
        print("pipeline: frozen already", flush=True)
        return
    asked = [q for q in dev if q.task in ("fact", "error", "routing")]
    best, pipeline = 0.0, advanced.Advanced(list(room.documents.values()), room.chosen, advanced.Recipe(tuned=True))
    for bm25, overview in itertools.product((0.0, 0.1, 0.2, 0.3), (0.0, 0.1, 0.2, 0.3, 0.4)):
        pipeline.recipe = advanced.Recipe(k=8, tuned=True, bm25=bm25, overview=overview)
        rankings = [retrieval.distinct_documents(pipeline.search(q.question, room.chosen.depth)) for q in asked]
        reached = sum(metrics.success_at(ranking, q.evidence, k) for ranking, q in zip(rankings, asked, strict=True)
                      for k in (1, 5))
        if reached > best:
            best = reached
            advanced.freeze(pipeline.recipe, f"grid of bm25 and overview on dev ({len(asked)} questions), by Recall@1 + Recall@5")


def picture() -> None:
    """The README's picture: gain against cost of every stage, from the committed records."""
    from . import plots

    table = stages.compare(records.read("lab1_stages"))
    helped = sum(table.verdict == "helps")
    drawn = plots.gain_against_cost(table.iloc[1:], f"{helped} of {len(table) - 1} stages help for certain, at these prices",
                                    "Stages as points: added milliseconds against gain in answers that stand in the prompt.")
    (records.FOLDER / "lab1_stages.png").write_bytes(drawn.data)


def work(name: str) -> Path:
    """A file of work in progress."""
    folder = settings.cache() / "rebuild"
    folder.mkdir(exist_ok=True)
    return folder / name


def adapters(questions: list, documents: list[corpus.Document], chosen: settings.Settings) -> None:
    """Train the adapters whose provenance does not match the present settings and questions."""
    plan = ((advanced.BI_ENCODER, retriever_training.BI_ENCODER, retriever_training.train_bi_encoder, False),
            (rerank.CROSS_ENCODER, retriever_training.CROSS_ENCODER, retriever_training.train_cross_encoder, True))
    for folder, training, train, tuned in plan:
        if trained(folder, training):
            print(f"{folder.name}: there already", flush=True)
            continue
        pipeline = advanced.Advanced(documents, chosen, advanced.Recipe(tuned=tuned))
        made = retriever_training.examples(questions, pipeline, training)
        print(f"{folder.name}: training on {len(made)} questions …", flush=True)
        print(train(made, training), flush=True)


def trained(folder: Path, training: retriever_training.Training) -> bool:
    """True when the folder's provenance tells of these settings and of the questions as they are now."""
    try:
        told = json.loads((folder / "provenance.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    digest = hashlib.sha256(settings.QUESTIONS.read_bytes()).hexdigest()
    return told["settings"] == asdict(training) and told["questions_sha256"] == digest


def rewritings(questions: list, room: arms.Room) -> dict[str, dict[str, str]]:
    """Instruction → question → what the model made of it, kept between runs."""
    path = work("rewritten.json")
    made = json.loads(path.read_text("utf-8")) if path.exists() else {}
    for instruction in (queries.EXPAND, queries.HYDE, queries.DECOMPOSE):
        known = made.setdefault(instruction, {})
        todo = [q.question for q in questions if q.question not in known]
        if todo:
            print(f"rewriting {len(todo)} questions: {instruction[:40]} …", flush=True)
            known.update(zip(todo, queries.rewrite(todo, instruction, room.model, max_new_tokens=32), strict=True))
            path.write_text(json.dumps(made), "utf-8")
    return made


def _stages(dev: list, room: arms.Room) -> None:
    """One file of rows a stage; the committed record holds them all."""
    asked = [q for q in dev if q.task in ("fact", "error", "routing")]
    kitchen = stages.Kitchen(room, rewritings(asked, room))
    every = []
    for stage in kitchen.stages():
        path = work(f"stage-{stage.name.replace(' ', '_').replace('+', 'and')}-{room.digest('advanced_rag')}.json")
        if not path.exists():
            stages.measure(stage, asked[:2], room)  # open indexes before anything is timed
            path.write_text(json.dumps(stages.measure(stage, asked, room)), "utf-8")
            print(f"stage {stage.name}: done", flush=True)
        every += json.loads(path.read_text("utf-8"))
    records.write_rows(every, "lab1_stages", COMMAND, "dev: fact, error, routing; prompt budget "
                       f"{room.chosen.context_tokens} tokens; rewriting by the model itself is not in the milliseconds")


def table(name: str, questions: list, names: str, room: arms.Room, retrieval_only: bool = False,
          command: str = COMMAND, elsewhere: Sequence[str] = ()) -> None:
    """Run arms over questions, resuming, and commit their records under `name`.

    elsewhere: arms that this machine cannot ask, for want of their adapters; their committed records are kept.
    """
    out, chosen = work(f"{name}.jsonl"), arms.parse(names)
    _keep_what_holds(name, out, questions, chosen, room, retrieval_only)
    train = [q for q in benchmark.load() if q.split == "train"]
    made = arms.run(questions, chosen, room, out, retrieval_only, train)
    made += _from_elsewhere(name, elsewhere, {r["arm"]: r["settings_hash"] for r in made}) if elsewhere else []
    records.write(made, name, command, "read once, retrieval only" if retrieval_only else "")
    print(f"{name}: {len(made)} records", flush=True)


def _from_elsewhere(name: str, wanted: Sequence[str], now: dict[str, str]) -> list[dict]:
    """Committed records of the wanted arms, if those of all other arms were made with the settings and documents of now."""
    if not (records.FOLDER / f"{name}.json").exists():
        return []
    told = json.loads((records.FOLDER / f"{name}.json").read_text("utf-8"))
    stored = records.read(name)
    same = told["questions_sha256"] == hashlib.sha256(settings.QUESTIONS.read_bytes()).hexdigest()
    if same and all(now.get(r["arm"], r["settings_hash"]) == r["settings_hash"] for r in stored):
        return [r for r in stored if r["arm"] in wanted]
    print(f"{name}: records of {', '.join(wanted)} are dropped: questions, documents or settings have changed", flush=True)
    return []


def _keep_what_holds(name: str, out: Path, questions: list, chosen: list[arms.Arm], room: arms.Room,
                     retrieval_only: bool) -> None:
    """Committed records of arms whose settings, prompts, corpus and questions are still the same need no second run."""
    part = out.with_name(out.name + ".part")
    if part.exists():
        return
    digests, wording = {arm.name: room.digest(arm.context, arm.model) for arm in chosen}, {q.id: q.question for q in questions}
    now, lines = hashlib.sha256(settings.QUESTIONS.read_bytes()).hexdigest(), []
    split = name.rpartition("_")[2]
    for provenance in sorted(records.FOLDER.glob(f"*_{split}.json")):
        told = json.loads(provenance.read_text("utf-8"))
        if told["questions_sha256"] == now and ("retrieval only" in told["note"]) == retrieval_only:
            lines += [json.dumps({"record": r, "question": wording[r["question_id"]]}) for r in records.read(provenance.stem)
                      if digests.get(r["arm"]) == r["settings_hash"] and r["question_id"] in wording]
    part.write_text("".join(line + "\n" for line in lines), "utf-8")


def reopen(out: Path, questions: list) -> None:
    """Make the finished file of an earlier run the beginning of the next, which keeps what its settings still allow."""
    part, wording = out.with_name(out.name + ".part"), {q.id: q.question for q in questions}
    if out.exists() and not part.exists():
        made = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
        lines = [json.dumps({"record": r, "question": wording.get(r["question_id"])}) + "\n" for r in made]
        part.write_text("".join(lines), "utf-8")


def rows(name: str, make: Callable[[], list[dict]], note: str, command: str = COMMAND, key: str = "") -> None:
    """Commit the rows that `make` gives; they are made once for each key and kept in the cache."""
    path = work(f"{name}{key and '-' + key}.json")
    if not path.exists():
        path.write_text(json.dumps(make()), "utf-8")
    records.write_rows(json.loads(path.read_text("utf-8")), name, command, note)
    print(f"{name}: done", flush=True)


def _multidoc(questions: list, room: arms.Room) -> list[dict]:
    """Set F1 of each way to collect names; what has a threshold is tuned on training questions."""
    chosen = {split: [q for q in questions if q.task == "multi_doc" and q.split == split] for split in ("train", "dev")}
    hits = {q.id: room.advanced.search(q.question, 200) for asked in chosen.values() for q in asked}
    mapped = {q.id: multidoc.map_scores(q.question, hits[q.id], room.model) for asked in chosen.values() for q in asked}
    train = chosen["train"]
    threshold = multidoc.best_threshold([mapped[q.id] for q in train], [q.answer_set for q in train])
    many = max(range(1, 11), key=lambda n: sum(_f1(multidoc.retrieved_names(hits[q.id], n), q) for q in train))
    rows = []
    for question in chosen["dev"]:
        link = room.knowledge.link(question.question)
        found = {
            "vector RAG": multidoc.vector_rag(question.question, hits[question.id], room.model),
            f"first {many} retrieved": multidoc.retrieved_names(hits[question.id], many),
            "map-reduce": multidoc.reduce_names(mapped[question.id], threshold),
            "graph": list(link.names) if link else [],
        }
        rows += [{"method": method, "question_id": question.id, "cluster": question.cluster, "kind": question.fact["kind"],
                  "names": len(names), "set_f1": round(_f1(names, question), 5)} for method, names in found.items()]
    return rows


def _f1(names: list[str], question: benchmark.Question) -> float:
    return metrics.set_f1(names, question.answer_set)


def _order(dev: list, room: arms.Room) -> list[dict]:
    """Is the answer given more often with the best passage first or last? The one stage only generation can judge."""
    asked = [q for q in dev if q.task in ("fact", "error")]
    hits = [room.advanced.search(q.question, 20)[:4] for q in asked]
    chosen, rows = replace(room.chosen, k=4), []
    for order, arranged in (("best first", hits), ("best last", [fusion.best_last(ranked) for ranked in hits])):
        made = rag.answer_all(asked, arranged, [0.0] * len(asked), room.model, chosen)
        rows += [{"order": order, "question_id": q.id, "cluster": q.cluster, "contains": metrics.contains(a.text, q.answers)}
                 for q, a in zip(asked, made, strict=True)]
    return rows


def _injection(dev: list, room: arms.Room) -> list[dict]:
    asked = [q for q in dev if q.task in ("fact", "error", "routing")][:ATTACKED]
    hits = [room.advanced.search(q.question, 20) for q in asked]
    trials = injection.attack(asked, hits, room.model, room.settings_of("advanced_rag"), ("none", "reminder", "screen", "both"))
    clean = [retrieval.Hit(chunk, 1, 0.0) for chunk in room.advanced.chunks]
    lost = sum(len(before.chunk.text.split()) != len(after.chunk.text.split())
               for before, after in zip(clean, injection.screen(clean), strict=True))
    return [asdict(trial) for trial in trials] + [{"defence": "screen on clean passages", "cut": lost, "of": len(clean)}]
