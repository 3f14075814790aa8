"""Words and ranks: identifier-aware BM25, fusion checked by hand."""
from __future__ import annotations

import pytest

from utils import retrieval
from utils.retrieval import fusion
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
