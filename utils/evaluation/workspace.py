"""What the arms share: documents, indexes, bounds and language models, each made when first asked for."""
from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace

from .. import corpus, generation, models, retrieval
from ..settings import Settings, load
from ..types import Document, Generator, Hit, Question, Retriever
from .arms import Arm


class Workspace:
    """Documents with their indexes and models. Nothing is built or loaded before it is needed.

    documents: by default the course's. settings: by default those of the environment.
    """

    def __init__(self, documents: Sequence[Document] | None = None, settings: Settings | None = None):
        self.settings = settings or load()
        self.documents = {d.id: d for d in (corpus.load() if documents is None else documents)}

    @functools.cached_property
    def dense(self) -> retrieval.DenseIndex:
        """The naive index: fixed-size chunks, dense vectors, Chroma."""
        embedder = models.embedder(self.settings.embedder)
        chunks = [chunk for document in self.documents.values()
                  for chunk in retrieval.fixed_size_chunks(document, embedder.tokenizer, self.settings.chunk_tokens,
                                                           self.settings.chunk_overlap)]
        return retrieval.DenseIndex(chunks, embedder, self.settings)

    @functools.cached_property
    def pipeline(self) -> retrieval.RetrievalPipeline:
        """The advanced pipeline in the configuration selected on dev, with its index of section chunks."""
        return retrieval.RetrievalPipeline(list(self.documents.values()), self.settings)

    @functools.cached_property
    def graph(self) -> retrieval.GraphRetriever:
        """The knowledge graph of the documents, combined with the advanced pipeline."""
        return retrieval.GraphRetriever(list(self.documents.values()), self.pipeline)

    @functools.cached_property
    def bounds(self) -> retrieval.EvidenceFilteredRetriever:
        """Exact search inside or outside the evidence, for `oracle` and `distractor`."""
        return retrieval.EvidenceFilteredRetriever(self.pipeline.dense)

    def settings_for(self, context: str) -> Settings:
        """The settings of a context: all but the naive one take as many passages as the advanced pipeline."""
        if context in ("", "naive_rag"):
            return self.settings
        return replace(self.settings, k=retrieval.load_selected_config().k)

    def model(self, adapter: str = "base") -> Generator:
        """The generator of these settings, with an adapter merged unless it is the base."""
        if adapter == "base":
            return models.language_model(self.settings)
        return models.language_model(self.settings, str(models.adapter_folder(adapter)), models.adapter_digest(adapter))

    def reference(self, question: Question) -> str:
        """The lead sentence a summary question asks for, read from its document; "" for other tasks."""
        if question.task != "summary":
            return ""
        return corpus.lead_sentence(self.documents[question.evidence[0]])

    def copied_sentence(self, question: Question) -> str:
        """The first sentence that is left of a summary's document once its reference is withheld: what copying would answer."""
        if question.task != "summary":
            return ""
        document, reference = self.documents[question.evidence[0]], self.reference(question)
        rest = document.sections[0].text.replace(reference, "", 1).replace(document.title, "", 1).strip()
        rest = rest or (document.sections[1].text if len(document.sections) > 1 else "")
        return rest.split(". ")[0].split("\n")[0]

    def linked_names(self, question: Question) -> list[str]:
        """The names that the graph's traversal returns for a question; none where it finds no place in the graph."""
        link = self.graph.link(question.question)
        return list(link.names) if link else []

    def hits(self, question: Question, context: str) -> list[Hit]:
        """The ranking this context gives, down to at least 10 distinct documents where there are so many."""
        inside = context == "oracle" and bool(question.evidence)

        def bound(query: str, k: int) -> list[Hit]:
            return self.bounds.search(query, k, question.evidence, inside)

        part = {"naive_rag": "dense", "advanced_rag": "pipeline", "graph": "graph"}.get(context)
        retriever: Retriever | None = getattr(self, part) if part else None
        return retrieval.search_documents(retriever.search if retriever else bound, question.question, self.settings.depth)

    def digest(self, arm: Arm) -> str:
        """Short digest of everything that decides an arm's answers: settings, prompt wording, corpus, pipeline, adapter."""
        settings = {k: v for k, v in asdict(self.settings).items() if k not in ("fast", "batch_size", "chroma_url")}
        wording = [generation.WITH_PASSAGES, generation.WITHOUT_PASSAGES]
        parts = [settings, wording, corpus.RENDERING, [(d.id, len(d.text)) for d in self.documents.values()]]
        if arm.context.name not in ("", "naive_rag"):
            parts += [asdict(retrieval.load_selected_config()), retrieval.adapter_digests()]
        if arm.is_trained:
            parts += [models.adapter_digest(arm.adapter)]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def load_workspace(folder: str = "") -> Workspace:
    """The workspace of the course's documents, or of the documents in a folder."""
    return Workspace(corpus.load_folder(folder) if folder else None)
