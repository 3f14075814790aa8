"""Structure-aware chunks: nothing lost, nothing too long, headers in words."""
from __future__ import annotations

import pytest

from data.build import post_retrieval
from utils.retrieval import chunking
from utils.text import plain_words
from utils.types import Document, Section


def count(text: str) -> int:
    return len(text.split())


def document() -> Document:
    long = " ".join(f"Sentence number {i} says a thing." for i in range(20))
    return Document("shop.BakeBread", "shop BakeBread", "shop", (
        Section("overview", "shop BakeBread\nBakes a loaf."), Section("parameter LoafSize", long),
        Section("error OvenBusy", "Error OvenBusy. The oven is busy.")))


@pytest.mark.parametrize(("identifier", "words"), [
    ("SendMessageBatch", "send message batch"), ("KMSDisabledException", "kms disabled exception"),
    ("ttl_seconds", "ttl seconds"), ("SHA256", "sha 256"), ("", "")])
def test_identifiers_are_split_into_words(identifier, words):
    assert plain_words(identifier) == words


def test_a_header_names_service_operation_and_section_in_words():
    assert chunking.contextual_header(document(), "parameter LoafSize") == "shop › bake bread › parameter loaf size"


@pytest.mark.parametrize("size", [12, 30, 200])
def test_section_chunks_keep_every_word_and_respect_sections_and_size(size):
    chunks = chunking.chunk_by_section(document(), count, size + 25)
    for section in document().sections:
        text = " ".join(c.text for c in chunks if c.section == section.name)
        assert text.split() == section.text.split()
    assert max(count(c.indexed) for c in chunks) <= size + 25
    assert len({c.id for c in chunks}) == len(chunks)


def test_a_sentence_longer_than_a_chunk_is_cut_at_spaces():
    packed = chunking.pack_sentences(["word " * 50], count, 12)
    assert max(map(count, packed)) <= 12 and sum(map(count, packed)) == 50


@pytest.mark.parametrize("text", [
    "备用钥匙放在十四号柜子里" * 200, "QUJD" * 2000, "x" * 3000, '{"a":[1,2],"b":"' + "c,d;" * 900 + '"}', "| cell " * 2000,
    "".join(chr(0x1F600 + n % 60) for n in range(900)), "ßü" * 700])
def test_text_without_spaces_is_cut_within_the_size_and_loses_nothing(text, embedder):
    whole = Document("d.txt", "d", "", (Section("Heading " * 400, text),))
    (count, tokenizer), size = (chunking.token_counter([whole], embedder.tokenizer), embedder.tokenizer), 120
    sections, sentences = chunking.chunk_by_section(whole, count, size), post_retrieval.chunk_by_sentence(whole, count, size)
    windows = chunking.fixed_size_chunks(whole, tokenizer, size, 0)
    for chunks in (sections, sentences, windows):
        assert "".join("".join(c.text for c in chunks).split()) == "".join(text.split())
        assert max(len(tokenizer(c.indexed)["input_ids"]) for c in chunks) <= embedder.window
        assert max(len(c.text) for c in chunks) <= 20 * size
    assert max(count(c.indexed) for c in sections) <= size + 1


def test_pieces_of_one_word_are_not_joined_with_a_space():
    assert chunking.pack_sentences(["a" * 100], len, 60) == ["a" * 50] * 2
    assert chunking.pack_sentences(["ab", "cd"], len, 9) == ["ab cd"]
