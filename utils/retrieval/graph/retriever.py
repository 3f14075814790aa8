"""Graph retrieval: first the documents that the traversal returns, then the hits of vector search."""
from __future__ import annotations

import functools
from collections.abc import Sequence

from ... import corpus
from ...types import Document, Hit
from ..fusion import ranked
from ..pipeline import RetrievalPipeline
from .entity_linking import Link, Linker
from .triples import build_graph, extract_triples

CERTAIN = 0.8  # links below this confidence do not change the ranking


class GraphRetriever:
    """A retriever over the documents' knowledge graph, with the pipeline's hits as a fallback."""

    def __init__(self, documents: Sequence[Document], pipeline: RetrievalPipeline):
        self.pipeline = pipeline
        self.documents = list(documents)

    @functools.cached_property
    def graph(self):
        """The graph extracted from the documents' text."""
        return build_graph(extract_triples(self.documents), self.documents)

    @functools.cached_property
    def linker(self) -> Linker:
        """The linker from questions to nodes of the graph."""
        return Linker(self.graph, self.pipeline.embedder, self.pipeline.settings)

    def link(self, question: str) -> Link | None:
        """The question's link to the graph; None when it does not ask for a set of names."""
        return self.linker.link(question, corpus.services_named(question))

    def search(self, query: str, k: int) -> list[Hit]:
        """Passages of the documents that the traversal returns, then the advanced pipeline's other hits."""
        hits = self.pipeline.search(query, k)
        link = self.link(query)
        if link is None or link.confidence < CERTAIN:
            return hits
        evidence = [self._evidence(document, link) for document in link.documents]
        evidence_ids = {hit.chunk.id for hit in evidence}
        merged = [*evidence, *(hit for hit in hits if hit.chunk.id not in evidence_ids)]
        return ranked([Hit(hit.chunk, 0, 1.0 - n / 1000) for n, hit in enumerate(merged)])[:k]

    def _evidence(self, document: str, link: Link) -> Hit:
        """The document's passage on the link's node: the node's own section, else a passage with its name, else the first one."""
        chunks = [chunk for chunk in self.pipeline.chunks if chunk.document_id == document]
        node = self.graph.nodes.get(link.nodes[0], {})
        name, kind = node.get("name", ""), node.get("kind", "")

        def fits(chunk) -> tuple[bool, bool]:
            section = chunk.section.lower() == ("output" if kind == "output" else f"{kind} {name}".lower())
            return section, name.lower() in chunk.text.lower()

        return Hit(max(chunks, key=fits), 0, 0.0)
