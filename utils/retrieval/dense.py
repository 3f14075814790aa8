"""Chunks → vectors → Chroma → hits, by cosine similarity of sentence embeddings."""
from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from .. import models
from ..settings import Settings
from ..types import Chunk, Hit
from . import storage

BATCH = 128  # chunks embedded and stored at a time: the most that an interruption loses


class DenseIndex:
    """Chunks in a Chroma collection, searched by cosine similarity of sentence embeddings."""

    def __init__(self, chunks: Sequence[Chunk], embedder: models.Embedder, settings: Settings):
        """Open the collection of exactly these chunks and add the missing ones. Raises ValueError without chunks.

        The collection is named by a digest of texts and embedder, so a changed corpus gets a new collection, an interrupted
        build resumes, and a complete collection is reused. `embedded` counts the chunks whose vectors are not shipped.
        """
        if not chunks:
            raise ValueError("there are no chunks to index: is the corpus empty?")
        self.chunks = {chunk.id: chunk for chunk in chunks}
        self.embedder = embedder
        digest = hashlib.sha256(embedder.name.encode())
        for chunk in chunks:
            digest.update(f"{chunk.id}\0{chunk.indexed}\0".encode())
        self.name, self.added, self.embedded = f"chunks-{digest.hexdigest()[:24]}", 0, 0
        if not self._opened(settings):
            with storage.exclusive(settings):
                if not self._opened(settings):  # another process may have built it meanwhile
                    self._build(settings)

    def _opened(self, settings: Settings) -> bool:
        """True when the collection is finished and intact; it is then open."""
        if storage.index_damage(self.name, settings):
            return False
        try:
            self.collection = storage.chroma_client(settings).get_collection(self.name, embedding_function=None)
            return self._read_vectors()
        except Exception:
            return False

    def _build(self, settings: Settings) -> None:
        for last in (False, True):
            self.collection = storage.writable_collection(self.name, settings)
            self.added = self._add_missing()
            if self._read_vectors():
                break
            if last:
                raise RuntimeError("the index does not give back the vectors it was given: update chromadb to the pinned version")
            storage.remove_collection(self.name, settings)
        storage.seal(self.name, settings)

    def _add_missing(self) -> int:
        from tqdm.auto import tqdm

        stored, shipped = set(self.collection.get(include=[])["ids"]), storage.shipped_vectors(self.embedder.digest)
        new = {c.id for c in self.chunks.values() if c.id not in stored and storage.text_key(c.indexed) not in shipped}
        todo = sorted((c for c in self.chunks.values() if c.id not in stored), key=lambda c: (c.id in new, len(c.indexed)))
        self.embedded = len(new)
        source = f"{self.embedded:,} to embed" if self.embedded else "vectors from data/vectors"
        for start in tqdm(range(0, len(todo), BATCH), desc=f"index: {len(todo):,} passages, {source}", unit="batch", leave=False,
                          disable=len(todo) < BATCH):
            batch = todo[start : start + BATCH]
            self.collection.add(ids=[c.id for c in batch], embeddings=self._vectors_of([c.indexed for c in batch]))
        return len(todo)

    def _vectors_of(self, texts: Sequence[str]):
        """The texts' vectors, shape (texts, dimension): the shipped ones, and the embedder's of all other texts."""
        import numpy

        shipped = storage.shipped_vectors(self.embedder.digest)
        vectors = {text: shipped.get(storage.text_key(text)) for text in texts}
        new = [text for text, vector in vectors.items() if vector is None]
        vectors.update(zip(new, self.embedder.encode(new) if new else (), strict=True))
        return numpy.stack([vectors[text] for text in texts])

    def _read_vectors(self) -> bool:
        """Set `vectors`, in the order of `chunks`, shape (chunks, dimension); False unless they are the embedder's own."""
        import numpy

        stored = self.collection.get(include=["embeddings"])
        order = {id_: i for i, id_ in enumerate(stored["ids"])}
        if order.keys() != self.chunks.keys():
            return False
        self.vectors = numpy.asarray(stored["embeddings"])[[order[id_] for id_ in self.chunks]]
        ends = list(self.chunks.values())[:: max(1, len(order) - 1)]
        again = self._vectors_of([chunk.indexed for chunk in ends])
        return (self.vectors.shape[1:] == again.shape[1:] and abs((self.vectors**2).sum(1) - 1).max() < 0.01
                and (self.vectors[:: max(1, len(order) - 1)] * again).sum(1).min() > 0.98)

    def search(self, query: str, k: int) -> list[Hit]:
        """The k nearest chunks, best first."""
        return self.search_many([query], k)[0]

    def search_many(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        """`search` for several queries at once; one ranking per query, in order."""
        return self.nearest(self.embedder.encode(queries), k) if queries else []

    def nearest(self, vectors, k: int) -> list[list[Hit]]:
        """For each unit vector its k nearest chunks, best first."""
        k = min(k, len(self.chunks))
        try:
            result = self.collection.query(query_embeddings=vectors, n_results=k, include=["distances"])
        except Exception as error:
            raise RuntimeError(f"the index cannot be searched ({str(error).splitlines()[0]}): run this again, which then "
                               "repairs it") from None
        return [[Hit(self.chunks[i], rank, 1.0 - d) for rank, (i, d) in enumerate(zip(ids, distances, strict=True), 1)]
                for ids, distances in zip(result["ids"], result["distances"], strict=True)]


class EvidenceFilteredRetriever:
    """Exact search, inside or outside given documents only, over the stored vectors: the oracle and distractor bounds."""

    def __init__(self, dense: DenseIndex):
        import numpy

        self.chunks = list(dense.chunks.values())
        self.vectors = dense.vectors
        self.documents = numpy.array([chunk.document_id for chunk in self.chunks])
        self.embedder = dense.embedder

    def search(self, query: str, k: int, documents: Iterable[str], inside: bool = True) -> list[Hit]:
        """The k best passages inside (or, with inside=False, outside) these documents, best first."""
        import numpy

        allowed = numpy.flatnonzero(numpy.isin(self.documents, list(documents)) == inside)
        scores = self.vectors[allowed] @ self.embedder.encode([query])[0]
        best = numpy.argsort(-scores, kind="stable")[:k]
        return [Hit(self.chunks[allowed[i]], rank, float(scores[i])) for rank, i in enumerate(best, 1)]


def distinct_documents(hits: Sequence[Hit], copies: Mapping[str, str] | None = None) -> list[str]:
    """Document ids in the order they first appear among the hits. copies: id of a copy → id that it counts as."""
    return list(dict.fromkeys((copies or {}).get(hit.document_id, hit.document_id) for hit in hits))


def search_documents(search: Callable[[str, int], list[Hit]], question: str, depth: int, documents: int = 10,
                     copies: Mapping[str, str] | None = None) -> list[Hit]:
    """At least `depth` hits, doubling `depth` until they cover `documents` distinct documents or no hits are left."""
    while True:
        hits = search(question, depth)
        if len(distinct_documents(hits, copies)) >= documents or len(hits) < depth:
            return hits
        depth *= 2


def best_of_each(hits: Sequence[Hit], k: int) -> list[Hit]:
    """The first k hits, then the best one of every document that is not among them, ranked anew from 1."""
    best: dict[str, Hit] = {}
    kept = [hit for n, hit in enumerate(hits) if best.setdefault(hit.document_id, hit) is hit or n < k]
    return [replace(hit, rank=rank) for rank, hit in enumerate(kept, 1)]
