"""Words and ranks: identifier-aware BM25, fusion checked by hand, diversity, compression."""
from __future__ import annotations

import pytest

from utils import retrieval
from utils.retrieval import fusion, post_retrieval
from utils.types import Chunk, Hit


def hits(*names: str) -> list[Hit]:
    return [Hit(Chunk(name, name, "s", name), rank, 1 / rank) for rank, name in enumerate(names, 1)]


def test_an_identifier_matches_its_words_and_itself():
    chunks = [Chunk(str(i), str(i), "s", text) for i, text in enumerate(
        ["Use SendMessage here.", "Deletes a queue.", "Receives one message."])]
    bm25 = retrieval.BM25Index(chunks)
    assert bm25.search("how to send a message", 3)[0].document_id == "0"
    assert bm25.search("SendMessage", 1)[0].document_id == "0"
    assert bm25.search("zebra", 3) == [] and bm25.search("the of", 3) == []
    assert bm25.scores("zebra").tolist() == [0, 0, 0]


def test_reciprocal_rank_fusion_is_the_sum_of_reciprocals():
    merged = retrieval.reciprocal_rank_fusion([hits("a", "b"), hits("b", "c")])
    assert [h.document_id for h in merged] == ["b", "a", "c"] and [h.rank for h in merged] == [1, 2, 3]
    assert merged[0].score == pytest.approx(1 / 62 + 1 / 61)


def test_standardised_scores_have_mean_zero_and_survive_equal_values():
    assert fusion.standardise([1, 2, 3]).mean() == pytest.approx(0, abs=1e-6)
    assert not fusion.standardise([2, 2]).any()


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
