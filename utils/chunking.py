"""Chunkers that respect a document's structure: sections, sentences, contextual headers, parents.

`retrieval.fixed_size` is the naive one. Every chunker here returns the same `Chunk`s, so an index takes any of them.
"""
from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from .corpus import Document
from .retrieval import Chunk, Hit

Count = Callable[[str], int]


def plain_words(identifier: str) -> str:
    """An identifier as a person would say it.

    >>> plain_words("SendMessageBatch"), plain_words("KMSDisabledException"), plain_words("ttl_seconds")
    ('send message batch', 'kms disabled exception', 'ttl seconds')
    """
    return " ".join(re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", identifier)).lower()


def header(document: Document, section: str) -> str:
    """Where a passage stands, in words an embedder knows: service › operation › section."""
    kind, _, name = section.partition(" ")
    last = f"{kind} {plain_words(name)}".strip()
    return f"{document.service} › {plain_words(document.id.rpartition('.')[2])} › {last}"


def sentences(text: str) -> list[str]:
    """Lines cut after `.`, `!` or `?` that a capital letter, digit or bracket follows; no character is lost but spaces."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    return [part for line in lines for part in re.split(r"(?<=[.!?])(?<!e\.g\.)(?<!i\.e\.)\s+(?=[A-Z0-9(\"'`])", line)]


def pack(parts: Sequence[str], count: Count, size: int) -> list[str]:
    """Neighbouring parts joined as long as they stay within `size` tokens; a longer part is cut at spaces."""
    packed: list[str] = []
    used = 0
    for part in [piece for long in parts for piece in _cut(long, count, size)]:
        tokens = count(part)
        if packed and used + tokens <= size:
            packed[-1] += " " + part
            used += tokens
        else:
            packed.append(part)
            used = tokens
    return packed


def _cut(part: str, count: Count, size: int) -> list[str]:
    if count(part) <= size:
        return [part]
    words = part.split()
    if len(words) < 2:
        return [part]
    half = len(words) // 2
    return _cut(" ".join(words[:half]), count, size) + _cut(" ".join(words[half:]), count, size)


def by_section(document: Document, count: Count, size: int = 120, with_header: bool = True) -> list[Chunk]:
    """One chunk for each section, a long section in several that end where sentences end.

    count: tokens of a text. size: most tokens of a chunk, its header included. The header is kept apart from the
    text, so that a prompt need not repeat it; the index reads both.
    """
    chunks = []
    for section in document.sections:
        head = header(document, section.name) if with_header else ""
        room = max(20, size - (count(head) if head else 0))
        for text in pack(sentences(section.text), count, room):
            chunks.append(Chunk(f"{document.id}#{len(chunks)}", document.id, section.name, text, head))
    return chunks


def by_sentence(document: Document, count: Count, size: int = 120) -> list[Chunk]:
    """One chunk for each sentence, without a header: the unit of sentence-window retrieval."""
    chunks = []
    for section in document.sections:
        for text in [piece for sentence in sentences(section.text) for piece in _cut(sentence, count, size)]:
            chunks.append(Chunk(f"{document.id}#{len(chunks)}", document.id, section.name, text))
    return chunks


def window(hits: Iterable[Hit], chunks: Sequence[Chunk], reach: int = 1) -> list[Hit]:
    """Each hit with the text of its neighbours in the same section: search small, read larger.

    chunks: all chunks in document order. Hits whose windows would hold the same chunk as an earlier one are dropped.
    """
    place = {chunk.id: i for i, chunk in enumerate(chunks)}
    seen: set[int] = set()
    widened = []
    for hit in hits:
        middle = place[hit.chunk.id]
        if middle in seen:
            continue
        around = [i for i in range(max(0, middle - reach), min(len(chunks), middle + reach + 1))
                  if (chunks[i].document_id, chunks[i].section) == (hit.document_id, hit.chunk.section)]
        seen.update(around)
        text = " ".join(chunks[i].text for i in around)
        widened.append(replace(hit, chunk=replace(hit.chunk, text=text), rank=len(widened) + 1))
    return widened


def parent(hits: Iterable[Hit], documents: dict[str, Document]) -> list[Hit]:
    """Each hit with the text of its whole section, once for each section: the parent-document method."""
    seen: set[tuple[str, str]] = set()
    widened = []
    for hit in hits:
        key = (hit.document_id, hit.chunk.section)
        if key not in seen:
            seen.add(key)
            whole = replace(hit.chunk, text=documents[hit.document_id].section(hit.chunk.section))
            widened.append(replace(hit, chunk=whole, rank=len(widened) + 1))
    return widened
