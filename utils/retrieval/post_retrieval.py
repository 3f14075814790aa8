"""What can be done to hits before they become a prompt: diversity, compression, wider windows, order."""
from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from ..text import content_words, sentences
from ..types import Chunk, Document, Hit


def maximal_marginal_relevance(hits: Sequence[Hit], vectors: Mapping[str, Sequence[float]], trade: float = 0.7,
                               k: int = 10) -> list[Hit]:
    """The first k reordered: each next hit maximises trade · score − (1 − trade) · similarity to those taken.

    vectors: chunk id → unit vector. Scores are scaled to 0…1 first (Carbonell and Goldstein, 1998).
    """
    import numpy

    if not hits:
        return []
    low, high = min(h.score for h in hits), max(h.score for h in hits)
    relevance = [(h.score - low) / (high - low or 1.0) for h in hits]
    left, taken = list(range(len(hits))), []
    while left and len(taken) < k:
        near = [max((float(numpy.dot(vectors[hits[i].chunk.id], vectors[hits[j].chunk.id])) for j in taken), default=0.0)
                for i in left]
        best = max(range(len(left)), key=lambda n: trade * relevance[left[n]] - (1 - trade) * near[n])
        taken.append(left.pop(best))
    return [replace(hits[i], rank=rank) for rank, i in enumerate([*taken, *left], 1)]


def compress(hits: Sequence[Hit], question: str, count: Callable[[str], int], tokens: int = 60) -> list[Hit]:
    """Each passage cut to the sentences that share most content words with the question, in their order.

    tokens: most tokens kept of a passage; at least one sentence stays. Extractive: no word is made up.
    """
    asked = content_words(question)
    shortened = []
    for hit in hits:
        parts = sentences(hit.chunk.text)
        order = sorted(range(len(parts)), key=lambda i: -len(asked & content_words(parts[i])))
        kept, spent = set(order[:1]), count(parts[order[0]]) if parts else 0
        for i in order[1:]:
            if spent + count(parts[i]) <= tokens:
                kept.add(i)
                spent += count(parts[i])
        text = " ".join(parts[i] for i in sorted(kept))
        shortened.append(replace(hit, chunk=replace(hit.chunk, text=text)))
    return shortened


def best_last(hits: Sequence[Hit]) -> list[Hit]:
    """The best passage next to the question, at the end of the prompt: long contexts are read best at their ends."""
    return list(reversed(hits))


def sentence_window(hits: Iterable[Hit], chunks: Sequence[Chunk], reach: int = 1) -> list[Hit]:
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


def parent_sections(hits: Iterable[Hit], documents: dict[str, Document]) -> list[Hit]:
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


def without_sentence(hit: Hit, sentence: str) -> Hit:
    """The hit with `sentence` cut out of its passage: `summary` references are withheld from every context."""
    flat = re.sub(r"\s+", r"\\s+", re.escape(sentence).replace(r"\ ", " "))
    return replace(hit, chunk=replace(hit.chunk, text=re.sub(flat, "", hit.chunk.text).strip()))
