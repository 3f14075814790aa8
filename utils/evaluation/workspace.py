"""What the arms share: documents, indexes, bounds and language models, each built on first use."""
from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace

from .. import corpus, generation, models, retrieval
from ..settings import COURSE_SERVICES, Settings, load
from ..types import Document, Generator, Hit, Question, Retriever
from .arms import Arm


class Workspace:
    """Documents (default: the course's), settings (default: the environment's), and indexes and models built on first use."""

    def __init__(self, documents: Sequence[Document] | None = None, settings: Settings | None = None):
        self.settings = settings or load()
        self.documents = {d.id: d for d in (corpus.load() if documents is None else documents)}

    @functools.cached_property
    def copies(self) -> dict[str, str]:
        """Id of every document that repeats the text of an earlier one, but for white space → the id of that one."""
        first: dict[str, str] = {}
        original = {d.id: first.setdefault(" ".join(d.text.split()), d.id) for d in self.documents.values()}
        return {id_: other for id_, other in original.items() if id_ != other}

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
        """The settings of a context: every context but `naive_rag` uses the advanced pipeline's number of passages."""
        if context in ("", "naive_rag"):
            return self.settings
        return replace(self.settings, k=retrieval.load_selected_config().k)

    def model(self, adapter: str = "base") -> Generator:
        """The generator of these settings, with the adapter merged unless it is `base`."""
        merged = () if adapter == "base" else (str(models.adapter_folder(adapter)), models.adapter_digest(adapter))
        return models.language_model(self.settings, *merged)

    def reference(self, question: Question) -> str:
        """The lead sentence that a summary question asks for; "" for other tasks."""
        return corpus.lead_sentence(self.documents[question.evidence[0]]) if question.task == "summary" else ""

    def copied_sentence(self, question: Question) -> str:
        """A summary by copying: the first sentence of its document without the reference; "" for other tasks."""
        if question.task != "summary":
            return ""
        document, reference = self.documents[question.evidence[0]], self.reference(question)
        rest = document.sections[0].text.replace(reference, "", 1).replace(document.title, "", 1).strip()
        rest = rest or (document.sections[1].text if len(document.sections) > 1 else "")
        return rest.split(". ")[0].split("\n")[0]

    def linked_names(self, question: Question) -> list[str]:
        """The names that the graph returns for a question; empty if the question does not match the graph."""
        link = self.graph.link(question.question)
        return list(link.names) if link else []

    def hits(self, question: Question, context: str) -> list[Hit]:
        """The context's ranking down to 10 distinct documents; of fewer, the prompt's hits and the best of each other one."""
        evidence = {self.copies.get(id_, id_) for id_ in question.evidence}
        excluded = {id_ for id_ in self.documents if self.copies.get(id_, id_) in evidence} if context == "distractor" else set()
        inside = context == "oracle" and bool(evidence)

        def bound(query: str, k: int) -> list[Hit]:
            return self.bounds.search(query, k, question.evidence if inside else excluded, inside)

        part = {"naive_rag": "dense", "advanced_rag": "pipeline", "graph": "graph"}.get(context)
        retriever: Retriever | None = getattr(self, part) if part else None
        searched = len({self.copies.get(id_, id_) for id_ in self.documents.keys() - excluded})
        hits = retrieval.search_documents(retriever.search if retriever else bound, question.question, self.settings.depth,
                                          min(10, searched), self.copies)
        return retrieval.best_of_each(hits, self.settings_for(context).k) if searched < 10 else hits

    def limits(self, questions: Sequence[Question], arms: Sequence[Arm]) -> Iterator[str]:
        """A sentence for everything that these arms do otherwise than one may expect of these questions and documents.

        Raises ValueError when `oracle` has no evidence to rank.
        """
        contexts = {arm.context.name for arm in arms if arm.context.retrieves}
        without = sum(not q.evidence and q.task != "unanswerable" for q in questions)
        if without and "oracle" in contexts and not any(q.evidence for q in questions):
            raise ValueError("oracle needs evidence, and no question names any: add the documents that state the answers as "
                             "'evidence', or leave oracle out")
        if without and (bounds := sorted(contexts & {"oracle", "distractor"})):
            yield f"{without} of {len(questions)} questions name no evidence: for them {' and '.join(bounds)} searches everything"
        trained = [arm.name for arm in arms if arm.model.shipped and arm.is_trained]
        if trained and not any(map(_of_course, self.documents.values())):
            yield f"{', '.join(trained)}: trained on the course's documents and questions, not on yours"
        if not contexts:
            return
        if originals := list(dict.fromkeys(self.copies.values())):
            groups = [" = ".join([id_, *(copy for copy, other in self.copies.items() if other == id_)]) for id_ in originals[:5]]
            more = f"; and {len(originals) - 5} more" if originals[5:] else ""
            yield f"copies count as one document: {'; '.join(groups)}{more}"
        embedder = models.embedder(self.settings.embedder)
        window, count = embedder.window - 2, retrieval.token_counter((), embedder.tokenizer)
        long = [(q.id, count(q.question)) for q in questions if len(q.question) > window / 4 and count(q.question) > window]
        yield from (f"question {id_} has {n} tokens; the embedder reads {window}, the rest was cut" for id_, n in long[:3])
        if long[3:]:
            yield f"{len(long) - 3} more questions are longer than the embedder reads"

    def digest(self, arm: Arm) -> str:
        """Digest (16 hex digits) of what determines an arm's answers: settings, prompts, corpus, pipeline, adapter."""
        settings = {k: v for k, v in asdict(self.settings).items() if k not in ("fast", "batch_size", "chroma_url")}
        wording = [generation.WITH_PASSAGES, generation.WITHOUT_PASSAGES]
        documents = [(d.id, len(d.text) if _of_course(d) else repr(d)) for d in self.documents.values()]
        parts = [settings, wording, corpus.RENDERING, documents]
        if arm.context.name not in ("", "naive_rag"):
            parts += [asdict(retrieval.load_selected_config()), retrieval.adapter_digests()]
        if arm.is_trained:
            parts += [models.adapter_digest(arm.adapter)]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _of_course(document: Document) -> bool:
    return document.group in COURSE_SERVICES and document.id == f"{document.group}.{document.name}"


def load_workspace(folder: str = "") -> Workspace:
    """The workspace of the course's documents, or of the documents in a folder."""
    return Workspace(corpus.load_folder(folder) if folder else None)
