"""The questions of `data/reading.jsonl`, with the documents they are about.

The file has no document text: a digest of the answering sentence identifies its place.
"""
from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator

from utils import corpus, settings
from utils.text import sentences
from utils.types import Document, Question

READING = settings.DATA / "reading.jsonl"  # questions on services outside the course, for `raft` only
TASKS = {"list": "multi_doc", "value": "fact"}  # kinds that the benchmark calls otherwise


def reading_rows() -> list[dict]:
    """The rows of `data/reading.jsonl`, in file order, with `sentences` as (document, digest) in each."""
    rows = [json.loads(line) for line in READING.read_text("utf-8").splitlines()]
    return [{**row, "sentences": [tuple(place.split()) for place in row.get("sentences", [])]
             or [(row["document"], row["sentence"])]} for row in rows]


def sentence_digest(sentence: str) -> str:
    """Twelve hex digits that identify a sentence without quoting it."""
    return hashlib.sha256(sentence.encode()).hexdigest()[:12]


def document_sentences(documents: Iterable[Document]) -> Iterator[tuple[Document, str]]:
    """Every sentence of the documents, with its document."""
    for document in documents:
        yield from ((document, sentence) for section in document.sections for sentence in sentences(section.text))


def named_documents(rows: Iterable[dict]) -> list[Document]:
    """The documents that these rows name, rivals included; the rest of each service is not rendered."""
    named: dict[str, set[str]] = {}
    for row in rows:
        for document in [id_ for id_, _ in row["sentences"]] + [f"{row['document'].partition('.')[0]}.{row.get('rival')}"]:
            named.setdefault(document.partition(".")[0], set()).add(document.partition(".")[2])
    models_of = ((service, names, corpus.service_model(service)) for service, names in named.items())
    return [corpus.render_operation(service, name, model["operations"][name], model["shapes"])
            for service, names, model in models_of for name in sorted(names & model["operations"].keys())]


def held_out_questions() -> tuple[list[Document], list[Question]]:
    """The documents of the held-out services and the questions about them, for `run_arms` in a `Workspace` of these documents.

    Evidence is every document of the service that has the answering sentence; an intent has its operation's only.
    """
    rows, stating = [row for row in reading_rows() if row.get("held_out")], {}
    documents = corpus.load(sorted({row["document"].partition(".")[0] for row in rows}))
    for document, sentence in document_sentences(documents):
        stating.setdefault((document.group, sentence_digest(sentence)), {})[document.id] = None
    questions = []
    for row in rows:
        service, own = row["document"].partition(".")[0], dict.fromkeys(document for document, _ in row["sentences"])
        if row["task"] in ("fact", "error"):
            own |= stating[service, row["sentence"]]
        answerable = row["task"] != "unanswerable"
        questions.append(Question(row["id"], TASKS.get(row["task"], row["task"]), row["question"], tuple(row.get("answers", ())),
                                  tuple(row.get("answer_set", ())), tuple(own) if answerable else (), "test", "reading",
                                  home=row["document"]))
    return documents, questions
