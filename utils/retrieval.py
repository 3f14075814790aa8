"""Chunks → vectors → Chroma → hits. Every retriever offers one method: `search(query, k) -> list[Hit]`.

Prompts and answers are `rag`'s business; better retrievers are lab 1's.
"""
from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from . import models, settings
from .corpus import Document

BATCH = 128  # chunks embedded and stored together: what an interruption can lose


@dataclass(frozen=True)
class Chunk:
    """A passage of one document. `section` is the section it begins in; `header` says where it stands, if it has one."""

    id: str
    document_id: str
    section: str
    text: str
    header: str = ""

    @property
    def indexed(self) -> str:
        """What a retriever reads: header and text."""
        return f"{self.header}\n{self.text}" if self.header else self.text


@dataclass(frozen=True)
class Hit:
    """A retrieved passage. `rank` counts from 1; a larger `score` is better (cosine for dense retrieval)."""

    chunk: Chunk
    rank: int
    score: float

    @property
    def document_id(self) -> str:
        """Id of the document the passage is from."""
        return self.chunk.document_id


class Retriever(Protocol):
    """Anything that ranks passages for a query."""

    def search(self, query: str, k: int) -> list[Hit]:
        """The k best passages, best first."""
        ...


def fixed_size(document: Document, tokenizer: Callable, size: int = 120, overlap: int = 20) -> list[Chunk]:
    """Windows of `size` tokens, each beginning `size - overlap` after the one before, blind to structure.

    tokenizer: a Hugging Face fast tokenizer. Raises ValueError when overlap is not smaller than size.
    """
    if not 0 <= overlap < size:
        raise ValueError(f"overlap {overlap} has to be at least 0 and below the chunk size {size}")
    starts, position = [], 0
    for section in document.sections:
        starts.append((position, section.name))
        position += len(section.text) + 2
    text = document.text
    offsets = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)["offset_mapping"]
    chunks = []
    for begin in range(0, max(1, len(offsets)), size - overlap):
        window = offsets[begin : begin + size]
        if not window or (begin and len(window) <= overlap):
            break
        section = next(name for start, name in reversed(starts) if start <= window[0][0])
        passage = text[window[0][0] : window[-1][1]]
        chunks.append(Chunk(f"{document.id}#{len(chunks)}", document.id, section, passage))
    return chunks


def chunk_corpus(documents: Iterable[Document], tokenizer: Callable, chosen: settings.Settings) -> list[Chunk]:
    """Fixed-size chunks of every document, in order."""
    return [
        chunk
        for document in documents
        for chunk in fixed_size(document, tokenizer, chosen.chunk_tokens, chosen.chunk_overlap)
    ]


class DenseRetriever:
    """Chunks in a Chroma collection, searched by cosine similarity of sentence embeddings."""

    def __init__(self, chunks: Sequence[Chunk], embedder: models.Embedder, chosen: settings.Settings):
        """Open the collection of exactly these chunks, adding what is missing.

        The collection's name is a digest of texts and embedder, so a changed corpus gets a new one, an
        interrupted build goes on where it stopped, and an unchanged one is skipped.
        """
        if not chunks:
            raise ValueError("there are no chunks to index: is the corpus empty?")
        self.chunks = {chunk.id: chunk for chunk in chunks}
        self.embedder = embedder
        digest = hashlib.sha256(embedder.name.encode())
        for chunk in chunks:
            digest.update(f"{chunk.id}\0{chunk.indexed}\0".encode())
        client = chroma(chosen)
        self.collection = client.get_or_create_collection(
            f"chunks-{digest.hexdigest()[:24]}", embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
        )
        self.added = self._add_missing()

    def _add_missing(self) -> int:
        if self.collection.count() == len(self.chunks):
            return 0
        from tqdm.auto import tqdm

        stored = set(self.collection.get(include=[])["ids"])
        todo = sorted((c for c in self.chunks.values() if c.id not in stored), key=lambda c: len(c.indexed))
        vectors: dict[str, object] = {}
        for start in tqdm(range(0, len(todo), BATCH), desc="index", unit="batch", disable=len(todo) < BATCH):
            batch = todo[start : start + BATCH]
            new = list({c.indexed: c for c in batch if c.indexed not in vectors})
            vectors.update(zip(new, self.embedder.encode(new), strict=True))
            self.collection.add(ids=[c.id for c in batch], embeddings=[vectors[c.indexed] for c in batch])
        return len(todo)

    @functools.cached_property
    def vectors(self):
        """The stored vectors in the order of `chunks`: an array of shape (chunks, dimension)."""
        import numpy

        stored = self.collection.get(include=["embeddings"])
        order = {id_: i for i, id_ in enumerate(stored["ids"])}
        return numpy.asarray(stored["embeddings"])[[order[id_] for id_ in self.chunks]]

    def search(self, query: str, k: int) -> list[Hit]:
        """The k nearest chunks, best first."""
        return self.search_many([query], k)[0]

    def search_many(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        """`search` for several queries at once; one ranking per query, in order."""
        return self._nearest(self.embedder.encode(queries), k) if queries else []

    def search_vector(self, vector, k: int) -> list[Hit]:
        """The k chunks nearest to a unit vector, best first."""
        return self._nearest([vector], k)[0]

    def _nearest(self, vectors, k: int) -> list[list[Hit]]:
        k = min(k, len(self.chunks))
        found = self.collection.query(query_embeddings=vectors, n_results=k, include=["distances"])
        return [
            [Hit(self.chunks[i], rank, 1.0 - d) for rank, (i, d) in enumerate(zip(ids, far, strict=True), 1)]
            for ids, far in zip(found["ids"], found["distances"], strict=True)
        ]


class Restricted:
    """A retriever that may return passages of some documents only: the oracle and distractor bounds.

    allowed(query) says which chunks the query may see. Brute force over the stored vectors, so it is exact.
    """

    def __init__(self, dense: DenseRetriever):
        import numpy

        self.chunks = list(dense.chunks.values())
        self.vectors = dense.vectors
        self.documents = numpy.array([chunk.document_id for chunk in self.chunks])
        self.embedder = dense.embedder

    def search(self, query: str, k: int, documents: Iterable[str], inside: bool = True) -> list[Hit]:
        """The k best passages inside (or, with inside=False, outside) these documents, best first."""
        import numpy

        kept = numpy.flatnonzero(numpy.isin(self.documents, list(documents)) == inside)
        scores = self.vectors[kept] @ self.embedder.encode([query])[0]
        best = numpy.argsort(-scores, kind="stable")[:k]
        return [Hit(self.chunks[kept[i]], rank, float(scores[i])) for rank, i in enumerate(best, 1)]


def chroma(chosen: settings.Settings):
    """A Chroma client: the server at LAB_CHROMA_URL, else an embedded one in the cache. No telemetry."""
    import chromadb
    from chromadb.config import Settings as ChromaSettings

    models.quiet()
    options = ChromaSettings(anonymized_telemetry=False)
    if not chosen.chroma_url:
        return chromadb.PersistentClient(str(settings.cache() / "chroma"), settings=options)
    host = re.match(r"(https?)://([^/:]+)(?::(\d+))?", chosen.chroma_url)
    try:
        return chromadb.HttpClient(host[2], int(host[3] or 8000), ssl=host[1] == "https", settings=options)
    except Exception as error:
        raise RuntimeError(
            f"LAB_CHROMA_URL {chosen.chroma_url} did not answer ({type(error).__name__}): start the server with "
            f"`chroma run`, or unset the variable to use the embedded one"
        ) from None


def distinct_documents(hits: Sequence[Hit]) -> list[str]:
    """Document ids in the order they first appear among the hits."""
    return list(dict.fromkeys(hit.document_id for hit in hits))


def without_sentence(hit: Hit, sentence: str) -> Hit:
    """The hit with `sentence` cut out of its passage: `summary` references are withheld from every context."""
    flat = re.sub(r"\s+", r"\\s+", re.escape(sentence).replace(r"\ ", " "))
    return replace(hit, chunk=replace(hit.chunk, text=re.sub(flat, "", hit.chunk.text).strip()))
