"""Rebuilds lab 1's committed data: retrieval adapters, stage table, dev records, and test records.

Takes about an hour on two cores; finished steps are skipped.
"""
from __future__ import annotations

import functools
import itertools
import json
from dataclasses import asdict, replace
from pathlib import Path

from utils import evaluation, generation, metrics, models, plots, retrieval, settings
from utils.types import Document, Hit, Question

from . import multi_document, retriever_training
from .common import commit_rows, commit_table, questions_digest, work, write_rows
from .stages import AllStages

ARMS_DEV = "base,naive_rag,advanced_rag,graph,oracle,question_only,nearest_question"
ARMS_TEST = "naive_rag,advanced_rag,graph"
COMMAND = "python3 -m utils rebuild lab1"
ATTACKED = 30  # dev questions asked with a planted instruction


def lab1() -> None:
    """Adapters, stage table, dev records, multi-document comparison, injection, and the single evaluation on test."""
    bare = evaluation.Workspace(config=retrieval.PipelineConfig(tuned=True))  # it asks for no selected configuration
    questions = evaluation.load_questions(known=bare.documents)
    adapters(questions, list(bare.documents.values()), bare.settings)
    dev = [q for q in questions if q.split == "dev"]
    _choose(dev, bare)
    workspace = evaluation.Workspace()
    _stages(dev, workspace)
    picture()
    commit_table("lab1_dev", dev, ARMS_DEV, workspace, COMMAND)
    commit_rows("lab1_multidoc", lambda: _multidoc(questions, workspace), "dev, set by set", COMMAND)
    commit_rows("lab1_order", lambda: measure_order(dev, workspace), "dev facts and errors: order of the passages in the prompt",
                COMMAND)
    commit_rows("lab1_injection", lambda: _injection(dev, workspace), f"first {ATTACKED} answerable dev questions", COMMAND,
                models.adapter_digest("raft")[:12])
    commit_table("lab1_test", [q for q in questions if q.split == "test"], ARMS_TEST, workspace, COMMAND, retrieval_only=True)


def _choose(dev: list, workspace: evaluation.Workspace) -> None:
    """Select the fusion weights on dev by Recall@1 + Recall@5, unless a selected configuration exists."""
    if retrieval.SELECTED_CONFIG.exists():
        print("pipeline: already selected", flush=True)
        return
    questions = [q for q in dev if q.task in metrics.SINGLE_ANSWER_TASKS]
    documents = list(workspace.documents.values())
    best, pipeline = 0.0, retrieval.RetrievalPipeline(documents, workspace.settings, retrieval.PipelineConfig(tuned=True))
    for bm25, overview in itertools.product((0.0, 0.1, 0.2, 0.3), (0.0, 0.1, 0.2, 0.3, 0.4)):
        pipeline.config = retrieval.PipelineConfig(k=8, tuned=True, bm25=bm25, overview=overview)
        rankings = [retrieval.distinct_documents(pipeline.search(q.question, workspace.settings.depth)) for q in questions]
        reached = sum(metrics.success_at_k(ranking, q.evidence, k) for ranking, q in zip(rankings, questions, strict=True)
                      for k in (1, 5))
        if reached > best:
            best = reached
            why = f"grid of bm25 and overview on dev ({len(questions)} questions), by Recall@1 + Recall@5"
            retrieval.SELECTED_CONFIG.write_text(json.dumps({"recipe": asdict(pipeline.config), "chosen": why}, indent=1) + "\n",
                                                 "utf-8")


def picture() -> None:
    """Draw the README's figure, gain against cost of every stage, from the committed records."""
    table = evaluation.compare_stages(evaluation.load_rows("lab1_stages"))
    helped = sum(table.verdict == "helps")
    figure = plots.gain_against_cost(table.iloc[1:], f"{helped} of {len(table) - 1} stages help for certain, at these prices",
                                     "Stages as points: added milliseconds against gain in answers that stand in the prompt.")
    (evaluation.RECORDS_FOLDER / "lab1_stages.png").write_bytes(figure.data)


def adapters(questions: list, documents: list[Document], run: settings.Settings) -> None:
    """Train the adapters whose provenance does not match the current settings and questions."""
    plan = ((retrieval.BI_ENCODER, retriever_training.BI_ENCODER_TRAINING, retriever_training.train_bi_encoder, False),
            (retrieval.CROSS_ENCODER, retriever_training.CROSS_ENCODER_TRAINING, retriever_training.train_cross_encoder, True))
    for folder, training, train, tuned in plan:
        if trained(folder, training):
            print(f"{folder.name}: already trained", flush=True)
            continue
        pipeline = retrieval.RetrievalPipeline(documents, run, retrieval.PipelineConfig(tuned=tuned))
        examples = retriever_training.mine_examples(questions, pipeline, training)
        print(f"{folder.name}: training on {len(examples)} questions …", flush=True)
        print(train(examples, training), flush=True)


def trained(folder: Path, training: retriever_training.RetrieverTraining) -> bool:
    """True when the folder's provenance matches these settings and the current questions."""
    try:
        provenance = json.loads((folder / "provenance.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return provenance["settings"] == asdict(training) and provenance["questions_sha256"] == questions_digest()


def _stages(dev: list, workspace: evaluation.Workspace) -> None:
    """Measure each stage into its own cache file, and commit the rows of all stages."""
    questions = [q for q in dev if q.task in metrics.SINGLE_ANSWER_TASKS]
    catalog = AllStages(workspace, questions)
    rows, digest = [], workspace.digest(evaluation.parse_arm("advanced_rag"))
    for stage in catalog.stages():
        path = work(f"stage-{stage.name.replace(' ', '_').replace('+', 'and')}-{digest}.json")
        if not path.exists():
            evaluation.measure_stage(stage, questions[:2], workspace)  # warm up, so that opening indexes is not timed
            path.write_text(json.dumps(evaluation.measure_stage(stage, questions, workspace)), "utf-8")
            print(f"stage {stage.name}: done", flush=True)
        rows += json.loads(path.read_text("utf-8"))
    write_rows(rows, "lab1_stages", COMMAND, "dev: fact, error, routing; prompt budget "
                         f"{workspace.settings.context_tokens} tokens; rewriting by the model itself is not in the milliseconds")


def _multidoc(questions: list, workspace: evaluation.Workspace) -> list[dict]:
    """Set F1 of each method of collecting names; thresholds are tuned on training questions."""
    by_split = {split: [q for q in questions if q.task == "multi_doc" and q.split == split] for split in ("train", "dev")}
    hits = {q.id: workspace.pipeline.search(q.question, 200) for group in by_split.values() for q in group}
    mapped = {q.id: multi_document.map_scores(q.question, hits[q.id], workspace.documents, workspace.model())
              for group in by_split.values() for q in group}
    train = by_split["train"]
    threshold = multi_document.best_threshold([mapped[q.id] for q in train], [q.answer_set for q in train])
    names_of = functools.partial(multi_document.retrieved_names, documents=workspace.documents)
    many = max(range(1, 11), key=lambda n: sum(_f1(names_of(hits[q.id], n), q) for q in train))
    rows = []
    for question in by_split["dev"]:
        link = workspace.graph.link(question.question)
        names_by_method = {
            "vector RAG": multi_document.vector_rag(question.question, hits[question.id], workspace.model()),
            f"first {many} retrieved": names_of(hits[question.id], many),
            "map-reduce": multi_document.reduce_names(mapped[question.id], threshold),
            "graph": list(link.names) if link else [],
        }
        rows += [{"method": method, "question_id": question.id, "cluster": question.cluster, "kind": question.fact["kind"],
                  "names": len(names), "set_f1": round(_f1(names, question), 5)} for method, names in names_by_method.items()]
    return rows


def _f1(names: list[str], question: Question) -> float:
    return metrics.set_f1(names, question.answer_set)


def measure_order(dev: list, workspace: evaluation.Workspace) -> list[dict]:
    """Whether each generated answer contains the gold answer, with the best passage first and with it last."""
    questions = [q for q in dev if q.task in ("fact", "error")]
    hits = [workspace.pipeline.search(q.question, 20)[:4] for q in questions]
    run, rows = replace(workspace.settings, k=4), []
    for order, arranged in (("best first", hits), ("best last", [ranked[::-1] for ranked in hits])):
        answers = generation.answer_questions(questions, arranged, [0.0] * len(questions), workspace.model(), run)
        rows += [{"order": order, "question_id": q.id, "cluster": q.cluster, "contains": metrics.contains(a.text, q.answers)}
                 for q, a in zip(questions, answers, strict=True)]
    return rows


def _injection(dev: list, workspace: evaluation.Workspace) -> list[dict]:
    questions = [q for q in dev if q.task in metrics.SINGLE_ANSWER_TASKS][:ATTACKED]
    hits, run, rows = [workspace.pipeline.search(q.question, 20) for q in questions], workspace.settings_for("advanced_rag"), []
    for reader in ("base", "raft"):
        for kind, attack in (("order", ()), ("claim", ((generation.FALSE_CLAIM,), generation.CLAIMED))):
            trials = generation.attack_questions(questions, hits, workspace.model(reader), run,
                                                 ("none", "reminder", "screen", "both"), *attack)
            rows += [{"reader": reader, "kind": kind, **asdict(trial)} for trial in trials]
    clean = [Hit(chunk, 1, 0.0) for chunk in workspace.pipeline.chunks]
    cut = sum(len(before.chunk.text.split()) != len(after.chunk.text.split())
              for before, after in zip(clean, generation.screen_orders(clean), strict=True))
    return [*rows, {"kind": "screen on clean passages", "cut": cut, "of": len(clean)}]
