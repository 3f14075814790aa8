"""What the arms share: documents, indexes, bounds and language models, each built on first use."""
from __future__ import annotations

import functools
import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType

from .. import corpus, generation, models, retrieval
from ..settings import COURSE_SERVICES, DATA, Settings, load
from ..types import Answer, Document, Generator, Hit, Question, Retriever
from .arms import Arm, parse_arm

CALIBRATIONS = DATA / "confidence.json"  # of the course's arms, fitted on dev


class Workspace:
    """Documents (default: the course's), settings (default: the environment's), and indexes and models built on first use."""

    def __init__(self, documents: Sequence[Document] | None = None, settings: Settings | None = None,
                 reading: corpus.ReadingReport | None = None, config: retrieval.PipelineConfig | None = None,
                 adapters: Mapping[str, Path] = MappingProxyType({}), calibrations: Path = CALIBRATIONS):
        """reading: of the documents' folder. config: of the pipeline. adapters: folders by model, such as `own_raft`.

        calibrations: the file of `save_calibrations`; each is used with the settings it was fitted for, and no others.
        """
        self.settings, self.reading, self.adapters = settings or load(), reading, dict(adapters)
        self.calibrations = calibrations
        self.config = config or retrieval.load_selected_config()
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
        return retrieval.RetrievalPipeline(list(self.documents.values()), self.settings, self.config)

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
        return replace(self.settings, k=self.config.k)

    def adapter(self, name: str) -> str:
        """A model's name as `models.adapter_folder` and the like take it: those of this workspace by their folder."""
        return f"adapter:{self.adapters[name]}" if name in self.adapters else name

    def model(self, adapter: str = "base") -> Generator:
        """The generator of these settings with the adapter merged; the server for `endpoint`."""
        if adapter == "endpoint":
            name = self.settings.endpoint_model or "default"
            return models.language_model(replace(self.settings, profile="endpoint", endpoint_model=name))
        name = self.adapter(adapter)
        merged = () if name in ("base", "few_shot") else (str(models.adapter_folder(name)), models.adapter_digest(name))
        if merged and models.is_extractive(name):
            return models.span_reader(*merged)
        return models.language_model(self.settings, *merged)

    def ask(self, question: str, arm: str = "advanced_rag", solved: Sequence[dict[str, str]] = ()) -> Answer:
        """The answer of an arm you could deploy, with its confidence if the model is local. solved: turns for `few_shot`."""
        chosen, asked = parse_arm(arm), Question("your question", "fact", question, (), (), ())
        if not chosen.is_option or (chosen.model.name == "few_shot") != bool(solved):
            raise ValueError(f"{arm} needs more than a question; ask an arm such as advanced_rag or raft+advanced_rag")
        self.check_models([chosen])
        started, context = time.perf_counter(), chosen.context.name
        hits = self.hits(asked, context) if context else []
        seconds, run, model = time.perf_counter() - started, self.settings_for(context), self.model(chosen.adapter)
        return generation.answer_questions([asked], [hits], [seconds], model, run, turns=[list(solved)] if solved else ())[0]

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
        """The ranking down to 10 distinct documents; if there are fewer, the prompt's hits and each other document's best."""
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
        """A sentence for all that these arms do otherwise than expected. Raises ValueError if `oracle` has no evidence."""
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

    def check_models(self, arms: Sequence[Arm]) -> None:
        """Raises ValueError, before anything is asked, for an arm whose adapter is missing or was trained on another base."""
        for arm in arms:
            if arm.model.api and not self.settings.endpoint:
                raise ValueError(f"arm {arm.name}: LAB_ENDPOINT is not set; set it to a server's base URL")
            if not arm.is_trained:
                continue
            if self.settings.profile == "endpoint":
                raise ValueError(f"arm {arm.name}: LAB_PROFILE is endpoint, and no endpoint loads an adapter; unset it, "
                                 "and ask the server as the arms endpoint+CONTEXT beside your own models")
            trained = models.adapter_provenance(self.adapter(arm.adapter))
            if trained.get("base_sha256", "") not in ("", models.base_digest(self.settings.model)):
                raise ValueError(f"arm {arm.name}: its adapter was trained on {trained['base']}, not on {self.settings.model}; "
                                 "set LAB_MODEL to that model, or train an adapter of this one with `train --from none`")

    def digest(self, arm: Arm, train: Sequence[Question] = ()) -> str:
        """16 hex digits of what determines an arm's answers: settings, prompts, corpus, pipeline, adapter, solved questions."""
        settings = {k: v for k, v in asdict(self.settings).items() if k not in ("fast", "batch_size", "chroma_url")}
        served = arm.model.api or self.settings.profile == "endpoint"
        settings["endpoint"] = self.settings.endpoint if served else ""
        if not served or not settings["endpoint_model"]:
            del settings["endpoint_model"]
        wording = [generation.WITH_PASSAGES, generation.WITHOUT_PASSAGES]
        documents = [(d.id, len(d.text) if _of_course(d) else repr(d)) for d in self.documents.values()]
        parts = [settings, wording, corpus.RENDERING, documents]
        if arm.context.name not in ("", "naive_rag"):
            parts += self.config.digest_parts()
        if arm.is_trained:
            parts += [models.adapter_digest(self.adapter(arm.adapter))]
            parts += [models.DECODING] if models.is_extractive(self.adapter(arm.adapter)) else []
        if arm.model.name == "few_shot":
            parts += [[(q.question, q.answers[:1]) for q in train]]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _of_course(document: Document) -> bool:
    return document.group in COURSE_SERVICES and document.id == f"{document.group}.{document.name}"


def load_workspace(folder: str = "") -> Workspace:
    """The workspace of the course's documents, or of the documents in a folder."""
    documents, reading = corpus.read_folder(folder) if folder else (None, None)
    return Workspace(documents, reading=reading)
