"""Chunks lose no text; the index resumes, is reused when unchanged, and returns the expected hits."""
from __future__ import annotations

import socket
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from utils import generation, retrieval
from utils.retrieval.dense import search_documents
from utils.retrieval.storage import chroma_client
from utils.types import Chunk, Hit


def chunked(documents, embedder, chosen) -> list[Chunk]:
    return [chunk for document in documents for chunk in retrieval.fixed_size_chunks(
        document, embedder.tokenizer, chosen.chunk_tokens, chosen.chunk_overlap)]


@pytest.fixture
def chunks(tiny, embedder, chosen):
    return chunked(tiny, embedder, chosen)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LAB_CACHE", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(("size", "overlap"), [(120, 20), (30, 0), (50, 49)])
def test_windows_cover_the_text_with_the_requested_overlap(world, embedder, size, overlap):
    document = world.documents["sqs.PurgeQueue"]
    offsets = embedder.tokenizer(document.text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    windows = retrieval.fixed_size_chunks(document, embedder.tokenizer, size, overlap)
    for number, chunk in enumerate(windows):
        window = offsets[number * (size - overlap) :][:size]
        assert chunk.text == document.text[window[0][0] : window[-1][1]]
        assert (chunk.document_id, chunk.id) == (document.id, f"{document.id}#{number}")
    assert {c.section for c in windows} <= {section.name for section in document.sections}
    assert windows[0].section == "overview" and document.text.endswith(windows[-1].text)
    assert (len(windows) - 1) * (size - overlap) + overlap < len(offsets)


def test_an_overlap_as_large_as_the_window_is_refused(tiny, embedder):
    with pytest.raises(ValueError, match="below the chunk size"):
        retrieval.fixed_size_chunks(tiny[0], embedder.tokenizer, 10, 10)


def test_the_right_document_comes_first(chunks, embedder, chosen, cache):
    dense = retrieval.DenseIndex(chunks, embedder, chosen)
    hits = dense.search("my kitten is hungry", 3)
    assert hits[0].document_id == "shop.FeedCat" and [hit.rank for hit in hits] == [1, 2, 3]
    assert hits[0].score >= hits[1].score >= hits[2].score


def test_an_unchanged_index_is_reused_and_an_interrupted_one_resumes(chunks, embedder, chosen, cache):
    dense = retrieval.DenseIndex(chunks, embedder, chosen)
    assert dense.added == len(chunks)
    assert retrieval.DenseIndex(chunks, embedder, chosen).added == 0
    dense.collection.delete(ids=[chunks[-1].id])
    again = retrieval.DenseIndex(chunks, embedder, chosen)
    assert again.added == 1 and again.collection.count() == len(chunks)


def test_a_changed_text_gets_its_own_index(chunks, embedder, chosen, cache):
    retrieval.DenseIndex(chunks, embedder, chosen)
    changed = [replace(chunks[0], text="Something else."), *chunks[1:]]
    assert retrieval.DenseIndex(changed, embedder, chosen).added == len(chunks)


def test_search_agrees_with_brute_force_over_the_same_vectors(world, embedder, chosen, cache):
    documents = [world.documents[id_] for id_ in world.of("sqs")[:6]]
    chunks = chunked(documents, embedder, chosen)
    dense = retrieval.DenseIndex(chunks, embedder, chosen)
    vectors, query = embedder.encode([c.text for c in chunks]), "how do I stop a redrive"
    best = (vectors @ embedder.encode([query])[0]).argsort()[::-1][:5]
    assert [hit.chunk.id for hit in dense.search(query, 5)] == [chunks[i].id for i in best]


def test_bounds_stay_inside_or_outside_the_evidence(chunks, embedder, chosen, cache):
    bounds = retrieval.EvidenceFilteredRetriever(retrieval.DenseIndex(chunks, embedder, chosen))
    inside = bounds.search("dinner", 9, ["shop.PaintWall"])
    outside = bounds.search("dinner", 9, ["shop.FeedCat"], inside=False)
    assert {hit.document_id for hit in inside} == {"shop.PaintWall"}
    assert "shop.FeedCat" not in {hit.document_id for hit in outside} and outside


def test_an_empty_corpus_is_refused(embedder, chosen, cache):
    with pytest.raises(ValueError, match="corpus empty"):
        retrieval.DenseIndex([], embedder, chosen)


def test_embeddings_have_length_one_and_match_the_plain_library(embedder):
    texts = ["a short text", "another one that is a little longer"]
    ours, plain = embedder.encode(texts), embedder.model.encode(texts, normalize_embeddings=True)
    assert (ours**2).sum(1) == pytest.approx([1, 1], abs=1e-4)
    assert (ours * plain).sum(1).min() >= 0.999


def test_search_deepens_until_it_covers_enough_documents():
    chunks = [Chunk(f"d{i // 4}#{i}", f"d{i // 4}", "s", "t") for i in range(60)]
    hits = [Hit(chunk, rank, 1.0) for rank, chunk in enumerate(chunks, 1)]
    assert len(retrieval.distinct_documents(search_documents(lambda query, k: hits[:k], "q", depth=8))) >= 10


def test_the_lead_sentence_is_removed_even_across_line_breaks(chunks):
    hit = Hit(replace(chunks[0], text="x\nBakes a loaf of\nbread in the oven. It takes an hour."), 1, 1.0)
    assert "loaf" not in generation.without_sentence(hit, "Bakes a loaf of bread in the oven.").chunk.text


def test_a_chroma_server_serves_the_same_hits(chunks, embedder, chosen, cache):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = "import sys; from chromadb.cli.cli import app; sys.argv[0] = 'chroma'; app()"
    server = subprocess.Popen([sys.executable, "-c", script, "run", "--host", "127.0.0.1", "--port", str(port),
                               "--path", str(cache / "server")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        remote = replace(chosen, chroma_url=f"http://127.0.0.1:{port}")
        for _ in range(60):
            try:
                dense = retrieval.DenseIndex(chunks, embedder, remote)
                break
            except RuntimeError:
                time.sleep(0.5)
        assert dense.search("my kitten is hungry", 1)[0].document_id == "shop.FeedCat"
    finally:
        server.terminate()
        server.wait(10)


def test_a_chroma_server_that_is_down_is_named(chosen):
    with pytest.raises(RuntimeError, match="LAB_CHROMA_URL http://127.0.0.1:9 did not answer"):
        chroma_client(replace(chosen, chroma_url="http://127.0.0.1:9"))


def test_bm25_logs_nothing_below_a_warning(caplog):
    with caplog.at_level("DEBUG"):
        retrieval.BM25Index([Chunk("a", "a", "overview", "Bake bread.")]).search("bread", 1)
    assert [record for record in caplog.records if record.name == "bm25s"] == []
