"""The frozen pipeline and its stages: loading, measuring, and defence against prompt injection."""
from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace

import pytest

from data.build import lab1, multi_document, retriever_training
from utils import evaluation, generation, models, retrieval, settings
from utils.evaluation import retrieval_stages
from utils.generation import prompt_injection
from utils.retrieval import pipeline
from utils.types import Chunk, Document, Hit, Question


@pytest.fixture
def workspace(tiny, chosen) -> evaluation.Workspace:
    return evaluation.Workspace(tiny, chosen)


def question(**changes) -> Question:
    base = Question("q", "fact", "How long does a loaf take in the oven?", ("an hour",), (), ("shop.BakeBread",))
    return replace(base, **changes)


def test_the_frozen_recipe_loads_and_a_broken_one_names_the_fix(tmp_path, monkeypatch):
    assert retrieval.load_selected_config().tuned
    monkeypatch.setattr(pipeline, "SELECTED_CONFIG", tmp_path / "advanced_rag.json")
    (tmp_path / "advanced_rag.json").write_text("{", "utf-8")
    with pytest.raises(RuntimeError, match="rebuild lab1"):
        retrieval.load_selected_config()


@pytest.mark.parametrize(("folder", "settings_of"), [(retrieval.BI_ENCODER, retriever_training.BI_ENCODER_TRAINING),
                                                      (retrieval.CROSS_ENCODER, retriever_training.CROSS_ENCODER_TRAINING)])
def test_shipped_adapters_are_small_intact_and_trained_with_the_settings_in_the_code(folder, settings_of):
    provenance = json.loads((folder / "provenance.json").read_text("utf-8"))
    weights = (folder / "adapter_model.safetensors").read_bytes()
    assert provenance["settings"] == asdict(settings_of) and len(weights) <= 10_000_000
    assert provenance["adapter_sha256"] == hashlib.sha256(weights).hexdigest()
    assert lab1.trained(folder, settings_of)


def test_a_damaged_adapter_is_reported_in_one_sentence_with_the_fix(tmp_path):
    (tmp_path / "adapter_config.json").write_text("{}", "utf-8")
    with pytest.raises(ValueError, match="git checkout data/checkpoints"):
        models.Embedder(adapter=str(tmp_path))


def test_the_tuned_embedder_differs_from_the_plain_one_and_has_its_own_index(tiny, chosen):
    plain = retrieval.RetrievalPipeline(tiny, chosen, retrieval.PipelineConfig())
    tuned = retrieval.RetrievalPipeline(tiny, chosen, retrieval.PipelineConfig(tuned=True))
    assert plain.embedder.name != tuned.embedder.name and plain.dense.collection.name != tuned.dense.collection.name
    assert abs(plain.embedder.encode(["a loaf"])[0] @ tuned.embedder.encode(["a loaf"])[0]) < 0.9999


@pytest.mark.parametrize("recipe", [retrieval.PipelineConfig(), retrieval.PipelineConfig(tuned=True, bm25=0.2, overview=0.2),
                                    retrieval.PipelineConfig(rerank=0.5, rerank_documents=2)])
def test_every_recipe_ranks_each_chunk_once_and_finds_the_correct_document(recipe, tiny, chosen):
    hits = retrieval.RetrievalPipeline(tiny, chosen, recipe).search("oven bread", 6)
    assert [h.rank for h in hits] == list(range(1, len(hits) + 1)) and len({h.chunk.id for h in hits}) == len(hits) == 6
    assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)
    assert hits[0].document_id == "shop.BakeBread"


def test_hard_negatives_are_never_evidence_nor_home_documents_of_dev_and_test():
    chunks = [Chunk(str(i), name, "overview", name) for i, name in enumerate(["home", "also", "dev", "far", "near"])]
    import random

    query = question(evidence=("home", "also"))
    allowed = {"home", "also", "far", "near"}
    negatives = retrieval.hard_negatives(query, chunks, [5, 4, 3, 1, 2], allowed, 2, 2, random.Random(0))
    assert sorted(negatives) == [3, 4]


def test_seen_facts_dev_and_test_never_train_a_retriever():
    examples = retriever_training.learnable_questions(evaluation.load_questions())
    assert {q.split for q in examples} == {"train"} and "seen_fact" not in {q.family for q in examples} and len(examples) > 500


def test_graph_and_advanced_arms_write_records_without_a_language_model(workspace):
    questions = [question(), question(id="m", task="multi_doc", answers=(), answer_set=("BakeBread",))]
    records = evaluation.run_arms(questions, evaluation.parse_arms("advanced_rag,graph"), workspace, retrieval_only=True)
    assert len(records) == 4 and all(r.hits for r in records)
    assert records[0].hits[0].document_id == "shop.BakeBread"
    advanced, naive = evaluation.parse_arms("advanced_rag,naive_rag")
    assert workspace.digest(advanced) != workspace.digest(naive)


def test_the_stage_table_says_helps_hurts_or_inconclusive():
    def rows(name: str, correct: int) -> list[dict]:
        return [{"stage": name, "group": "all", "cluster": str(i), "milliseconds": 5.0, "tokens": 10,
                 "scores": {"answer_in_prompt": float(i < correct), "recall@5": float(i < correct)}} for i in range(60)]

    stage_rows = [*rows("naive", 30), *rows("good", 55), *rows("bad", 5), *rows("same", 31)]
    table = evaluation.compare_stages(stage_rows).set_index("stage")
    assert list(table.verdict) == ["", "helps", "hurts", "inconclusive"]
    assert table.difference["good"] == pytest.approx(25 / 60)


def test_a_stage_is_measured_within_the_token_budget(workspace):
    row = evaluation.measure_stage(retrieval_stages.Stage("naive", "", workspace.dense.search), [question()], workspace)[0]
    assert row["tokens"] <= workspace.settings.context_tokens + 60 and row["documents"][0] == "shop.BakeBread"
    assert row["scores"]["answer_in_prompt"] == 1.0


def test_the_screen_removes_every_planted_instruction_and_keeps_the_rest():
    clean = [Hit(Chunk("a", "a", "s", "Bread takes an hour. It is brown."), 1, 1.0)]
    for order in generation.PLANTED_INSTRUCTIONS:
        assert generation.screen_orders(generation.inject(clean, order))[0].chunk.text == clean[0].chunk.text
    with pytest.raises(ValueError, match="none, reminder, screen or both"):
        generation.defended_prompt("?", clean, "hope")


def test_the_reminder_stands_between_passages_and_question():
    clean = [Hit(Chunk("a", "a", "s", "Bread."), 1, 1.0)]
    text = generation.defended_prompt("How long?", clean, "reminder")[0]["content"]
    assert text.index("Bread.") < text.index(prompt_injection.REMINDER) < text.index("How long?")


def test_map_reduce_collects_what_reaches_the_threshold():
    mapped = [("A", 2.0), ("B", -1.0), ("C", 0.5)]
    assert multi_document.reduce_names(mapped, 0.5) == ["A", "C"]
    assert multi_document.best_threshold([mapped], [("A", "C")]) == 0.5
    documents = {"s.A": Document("s.A", "s A", "s", ())}
    assert multi_document.retrieved_names([Hit(Chunk("x", "s.A", "s", ""), 1, 1.0)], 3, documents) == ["A"]
    assert retrieval.distinct_documents([]) == [] and settings.load().k == 3
