"""Stages that lab 1 reads from records only: sentence windows, parent sections, diversity, compression, query likelihood."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from utils import models
from utils.retrieval.chunking import Count, cut_to_size
from utils.retrieval.fusion import ranked
from utils.text import content_words, sentences
from utils.types import Chunk, Document, Hit


def chunk_by_sentence(document: Document, count: Count, size: int = 120) -> list[Chunk]:
    """One chunk per sentence, without a header: the unit of sentence-window retrieval."""
    chunks = []
    for section in document.sections:
        for text in [piece for sentence in sentences(section.text) for _, piece in cut_to_size(sentence, count, size)]:
            chunks.append(Chunk(f"{document.id}#{len(chunks)}", document.id, section.name, text))
    return chunks


def query_likelihood(hits: Sequence[Hit], question: str, model: models.LanguageModel, batch_size: int = 8) -> list[Hit]:
    """Hits by the likelihood of the question given the passage: the mean log-probability of the question's tokens.

    One forward pass per passage, no generation (Sachan et al., 2022).
    """
    texts = [f"Passage: {hit.document_id} {hit.chunk.text}\nA question that this passage answers:" for hit in hits]
    prompts = [ids[-400:] for ids in models.token_ids(model, texts)]  # the end, where the question follows
    asked = models.token_ids(model, [" " + question]) * len(hits)
    scores = models.mean_token_log_probability(model, prompts, asked, batch_size)
    return ranked([replace(hit, score=score) for hit, score in zip(hits, scores, strict=True)])


def maximal_marginal_relevance(hits: Sequence[Hit], vectors: Mapping[str, Sequence[float]], trade: float = 0.7) -> list[Hit]:
    """The hits reordered: each next one maximises trade · score − (1 − trade) · similarity to those already selected.

    vectors: chunk id → unit vector. Scores are scaled to 0…1 first (Carbonell and Goldstein, 1998).
    """
    import numpy

    if not hits:
        return []
    low, high = min(h.score for h in hits), max(h.score for h in hits)
    relevance = [(h.score - low) / (high - low or 1.0) for h in hits]
    remaining, selected = list(range(len(hits))), []
    while remaining:
        near = [max((float(numpy.dot(vectors[hits[i].chunk.id], vectors[hits[j].chunk.id])) for j in selected), default=0.0)
                for i in remaining]
        best = max(range(len(remaining)), key=lambda n: trade * relevance[remaining[n]] - (1 - trade) * near[n])
        selected.append(remaining.pop(best))
    return [replace(hits[i], rank=rank) for rank, i in enumerate(selected, 1)]


def compress(hits: Sequence[Hit], question: str, count: Callable[[str], int], tokens: int = 60) -> list[Hit]:
    """Each passage cut to the sentences that share most content words with the question, in their original order.

    tokens: maximum tokens per passage, but at least one sentence stays. Extractive: no text is generated.
    """
    question_words = content_words(question)
    shortened = []
    for hit in hits:
        parts = sentences(hit.chunk.text)
        order = sorted(range(len(parts)), key=lambda i: -len(question_words & content_words(parts[i])))
        selected, used = set(order[:1]), count(parts[order[0]]) if parts else 0
        for i in order[1:]:
            if used + count(parts[i]) <= tokens:
                selected.add(i)
                used += count(parts[i])
        shortened.append(replace(hit, chunk=replace(hit.chunk, text=" ".join(parts[i] for i in sorted(selected)))))
    return shortened


def sentence_window(hits: Iterable[Hit], chunks: Sequence[Chunk], reach: int = 1) -> list[Hit]:
    """Each hit with the text of its neighbours in the same section: search small chunks, read larger ones.

    chunks: all chunks in document order. A hit that an earlier window already contains is dropped.
    """
    place = {chunk.id: i for i, chunk in enumerate(chunks)}
    seen: set[int] = set()
    widened = []
    for hit in hits:
        middle = place[hit.chunk.id]
        if middle in seen:
            continue
        window = [i for i in range(max(0, middle - reach), min(len(chunks), middle + reach + 1))
                  if (chunks[i].document_id, chunks[i].section) == (hit.document_id, hit.chunk.section)]
        seen.update(window)
        text = " ".join(chunks[i].text for i in window)
        widened.append(replace(hit, chunk=replace(hit.chunk, text=text), rank=len(widened) + 1))
    return widened


def parent_sections(hits: Iterable[Hit], documents: dict[str, Document]) -> list[Hit]:
    """Each hit with the text of its whole section, one hit per section: the parent-document method."""
    seen: set[tuple[str, str]] = set()
    widened = []
    for hit in hits:
        key = (hit.document_id, hit.chunk.section)
        if key not in seen:
            seen.add(key)
            whole = replace(hit.chunk, text=documents[hit.document_id].section(hit.chunk.section))
            widened.append(replace(hit, chunk=whole, rank=len(widened) + 1))
    return widened
