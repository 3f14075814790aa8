"""Stages that lab 1 reads from records: windows and parents without repeats, diversity, compression, query likelihood."""
from __future__ import annotations

import pytest

from data.build import post_retrieval
from tests.retrieval.test_chunking import count, document
from utils import models
from utils.retrieval import chunking
from utils.types import Chunk, Hit


def test_a_window_adds_neighbours_of_the_same_section_and_repeats_none():
    chunks = post_retrieval.chunk_by_sentence(document(), count)
    inside = [c for c in chunks if c.section == "parameter LoafSize"]
    hits = [Hit(inside[5], 1, 0.9), Hit(inside[6], 2, 0.8), Hit(inside[0], 3, 0.7)]
    widened = post_retrieval.sentence_window(hits, chunks)
    assert [h.chunk.id for h in widened] == [inside[5].id, inside[0].id]
    assert widened[0].chunk.text == " ".join(c.text for c in inside[4:7])
    assert widened[1].chunk.text == " ".join(c.text for c in inside[0:2])  # nothing of the overview before it


def test_a_parent_is_the_whole_section_once():
    chunks = chunking.chunk_by_section(document(), count, 40)
    inside = [c for c in chunks if c.section == "parameter LoafSize"]
    hits = [Hit(c, n, 1.0) for n, c in enumerate(inside, 1)]
    parents = post_retrieval.parent_sections(hits, {"shop.BakeBread": document()})
    assert len(parents) == 1 and parents[0].chunk.text == document().section("parameter LoafSize")


def test_mmr_prefers_a_new_passage_over_a_copy_and_relevance_when_trade_is_one():
    vectors = {"a": [1, 0], "copy": [1, 0], "new": [0, 1]}
    ranked = [Hit(Chunk(n, n, "s", n), i, s) for i, (n, s) in enumerate([("a", 1.0), ("copy", 0.9), ("new", 0.8)], 1)]
    spread = post_retrieval.maximal_marginal_relevance(ranked, vectors, trade=0.5)
    assert [h.document_id for h in spread] == ["a", "new", "copy"] and [h.rank for h in spread] == [1, 2, 3]
    assert [h.document_id for h in post_retrieval.maximal_marginal_relevance(ranked, vectors, trade=1.0)] == ["a", "copy", "new"]
    assert post_retrieval.maximal_marginal_relevance([], {}) == []


def test_compression_keeps_the_sentence_that_answers_and_adds_no_word():
    text = "Cats sleep a lot. The queue keeps messages four days. Dogs bark."
    short = post_retrieval.compress([Hit(Chunk("a", "a", "s", text), 1, 1.0)], "How long does a queue keep messages?",
                               lambda t: len(t.split()), tokens=7)
    assert short[0].chunk.text == "The queue keeps messages four days."


def test_query_likelihood_prefers_the_passage_the_question_is_about(language_model):
    hits = [Hit(Chunk(n, n, "s", t), i, 0.0) for i, (n, t) in enumerate(
        [("cat", "The cat sleeps on the sofa all day."), ("oven", "Bread stays in the oven for one hour.")], 1)]
    ranked = post_retrieval.query_likelihood(hits, "How long does bread stay in the oven?", language_model)
    assert ranked[0].document_id == "oven" and all(hit.score < 0 for hit in ranked)
    alone = post_retrieval.query_likelihood(hits[1:], "How long does bread stay in the oven?", language_model)
    rounding = 0.05 if models.prefers_bfloat16() else 1e-3
    assert alone[0].score == pytest.approx(ranked[0].score, abs=rounding)  # padding changes nothing else
