"""Is it reading or finding that fails? A reader is shown the answering sentence alone, and the best sentences of the passages.

`python -m data.build.sentence_tries MODEL` asks a reader such as `raft`, or `adapter:FOLDER`, the held-out facts and errors with
the sentence that answers, then all single-answer questions with the sentences of the usual passages that rank best, and prints
exact match. It also prints how often the answering sentence is among the first 1, 3, 5 and 8.
"""
from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy

from utils import evaluation, generation, metrics, retrieval
from utils.text import content_words, sentences
from utils.types import Chunk, Hit, Question

from .reading_questions import document_sentences, held_out_questions, reading_rows, sentence_digest

CONTEXT = "advanced_rag"
SHOWN = (4, 8)  # sentences in a prompt
RANKS = (1, 3, 5, 8)
WEIGHTS = (1.0, 0.4, 0.4)  # of cosine, rare shared words and the passage's rank, each standardised


def located(hit: Hit, sentence: str) -> str:
    """A sentence with the place it stands in."""
    return f"{hit.document_id} {hit.chunk.section}: {sentence}"


def asked(reader, questions: Sequence[Question], shown: Sequence[Sequence[Hit]]) -> list[float]:
    """Exact match of the answers to questions with these passages."""
    replies = reader.generate([generation.build_prompt(q.question, hits) for q, hits in zip(questions, shown, strict=True)])
    return [metrics.exact_match(generation.strip_citations(reply.text, ())[0], q.answers)
            for reply, q in zip(replies, questions, strict=True)]


def answering_sentences(questions: Sequence[Question], documents: Sequence) -> dict[str, Hit]:
    """Question id → the answering sentence as a passage of its own, for facts and errors."""
    rows, hits = {row["id"]: row for row in reading_rows()}, {}
    known = {(document.id, sentence_digest(text)): text for document, text in document_sentences(documents)}
    sections = {document.id: document.sections for document in documents}
    for question in questions:
        row = rows[question.id]
        text = known.get((row["document"], row["sentence"]))
        if text and question.task in ("fact", "error"):
            section = next(s.name for s in sections[row["document"]] if text in sentences(s.text))
            hits[question.id] = Hit(Chunk(question.id, row["document"], section, text, "header"), 1, 1.0)
    return hits


def ranked_sentences(question: Question, hits: Sequence[Hit], vectors, vector, rarity: Counter) -> list[int]:
    """Places of the passages' sentences, best first. vectors: theirs, in order. rarity: in how many sentences a word stands."""
    words = content_words(question.question)
    rows = [(hit, text) for hit in hits for text in sentences(hit.chunk.text)]
    shared = [sum(math.log(rarity.total() / (1 + rarity[word])) for word in words & content_words(located(*row))) for row in rows]
    ranks = [1 / (5 + hit.rank) for hit, _ in rows]
    parts = (retrieval.standardise(numpy.asarray(scores)) for scores in (vectors @ vector, shared, ranks))
    return numpy.argsort(-sum(weight * part for weight, part in zip(WEIGHTS, parts, strict=True)), kind="stable").tolist()


def cut_to_sentences(hits: Sequence[Hit], places: set[int]) -> list[Hit]:
    """The passages with these of their sentences only, counted over all passages; empty ones are left out."""
    cut, place = [], 0
    for hit in hits:
        texts = sentences(hit.chunk.text)
        kept = [text for i, text in enumerate(texts, place) if i in places]
        place += len(texts)
        cut += [replace(hit, chunk=replace(hit.chunk, text=" ".join(kept)))] if kept else []
    return cut


def main(words: Sequence[str]) -> None:
    """Print exact match by what is shown, and the ranks of answering sentences."""
    (documents, questions), known = held_out_questions(), {}
    workspace = evaluation.Workspace(documents)
    reader, run, embedder = workspace.model(words[0]), workspace.settings_for(CONTEXT), workspace.pipeline.embedder
    single = [q for q in questions if q.task in metrics.SINGLE_ANSWER_TASKS]
    hits = {q.id: workspace.hits(q, CONTEXT)[: run.k] for q in single}
    alone = answering_sentences(single, documents)
    own = [q for q in single if q.id in alone]
    right = asked(reader, own, [[alone[q.id]] for q in own])
    print(f"the answering sentence alone: {metrics.mean_interval(right, [q.cluster for q in own])} ({len(own)})", flush=True)
    texts = {q.id: [located(hit, text) for hit in hits[q.id] for text in sentences(hit.chunk.text)] for q in single}
    rarity = Counter(word for rows in texts.values() for text in rows for word in content_words(text))
    for q, vector in zip(single, embedder.encode([q.question for q in single]), strict=True):
        known[q.id] = ranked_sentences(q, hits[q.id], embedder.encode(texts[q.id]), vector, rarity)
    facts = [q for q in own if q.task == "fact"]
    for rank in RANKS:
        found = [any(alone[q.id].chunk.text in texts[q.id][place] for place in known[q.id][:rank]) for q in facts]
        print(f"the answering sentence of a fact is among the first {rank}: {numpy.mean(found):.2f}", flush=True)
    for many in SHOWN:
        right = asked(reader, single, [cut_to_sentences(hits[q.id], set(known[q.id][:many])) for q in single])
        for task in metrics.SINGLE_ANSWER_TASKS:
            part = [score for score, q in zip(right, single, strict=True) if q.task == task]
            print(f"the best {many} sentences, {task}: {numpy.mean(part):.2f} ({len(part)})", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
