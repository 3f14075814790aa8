"""Search for intents: the embedder trained on the reading questions, too, with rivals of the same service as negatives.

`python -m data.build.embedder_tries NAME` makes one of `TRIES`, unless it is there, and prints Recall@1 and Recall@5 by task on
dev and on the held-out services; those of the shipped embedder with NAME `shipped`.
"""
from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

from utils import corpus, evaluation, metrics, models, retrieval, settings, training
from utils.retrieval.finetuning import RetrieverTraining
from utils.types import Chunk, Document

from .common import work
from .reading_practice import asked_row, stated_places
from .reading_questions import held_out_questions, reading_rows
from .retriever_training import mine_examples

NEGATIVES = 3
TRIES = {  # name → settings, and whether each question is also trained on its document's overview
    "reading": (RetrieverTraining(epochs=2, negatives=NEGATIVES, learning_rate=5e-4), False),
    "overview": (RetrieverTraining(epochs=1, negatives=NEGATIVES, learning_rate=5e-4), True),
}
KS = (1, 5)


def reading_examples(overview: bool, seed: int = 0) -> Iterator[tuple[str, str, list[str]]]:
    """(question, answering passage, hard negatives of the same service) of each reading question but the held-out ones.

    overview: once more with the first passage of its document as the answering one.
    """
    rows = [row for row in reading_rows() if not row.get("held_out") and row["task"] in metrics.SINGLE_ANSWER_TASKS]
    by_service: dict[str, list[Document]] = {}
    for document in corpus.load(sorted({row["document"].partition(".")[0] for row in rows})):
        by_service.setdefault(document.group, []).append(document)
    tokenizer, draw = models.embedder().tokenizer, random.Random(seed)
    for service, own in by_service.items():
        chunks = retrieval.section_chunks(own, tokenizer, retrieval.load_selected_config().chunk_tokens)
        asked = [row for row in rows if row["document"].partition(".")[0] == service]
        words, stated, lead = retrieval.BM25Index(chunks), stated_places(asked, own, chunks), _leads(chunks)
        for row in asked:
            question = asked_row(row, stated, chunks)
            stating = {c.document_id for c in chunks if any(sentence in c.text for sentence in question.sentences)}
            others = [question.rival] if question.rival else []
            others += [hit.chunk for hit in words.search(question.wording, 40)]
            wrong = list({c.document_id: c for c in reversed(others) if c.document_id not in stating}.values())[::-1]
            wrong = [*wrong[:1], *draw.sample(wrong[1:12], min(NEGATIVES - 1, len(wrong[1:12])))]
            if len(wrong) == NEGATIVES:
                right = question.right[0]
                yield question.wording, right.indexed, [c.indexed for c in wrong]
                if overview and lead[right.document_id].id != right.id:
                    leads = [lead[c.document_id].indexed for c in wrong]
                    yield question.wording, lead[right.document_id].indexed, leads


def _leads(chunks: Sequence[Chunk]) -> dict[str, Chunk]:
    """The first chunk of each document."""
    first: dict[str, Chunk] = {}
    for chunk in chunks:
        first.setdefault(chunk.document_id, chunk)
    return first


def made(name: str):
    """Folder of the adapter of a try, trained unless it is there."""
    folder, (run, overview) = work(f"embedder-{name}"), TRIES[name]
    if not (folder / "adapter_model.safetensors").exists():
        workspace = evaluation.Workspace()
        own = mine_examples(evaluation.load_questions(known=workspace.documents), workspace.pipeline, run)
        examples = [*own, *reading_examples(overview)]
        print(f"{len(own)} examples of the course, {len(examples) - len(own)} of other services", flush=True)
        record = training.run_in_subprocess(retrieval.train_embedder, examples, run, folder)
        print(record["minutes"], "minutes", flush=True)
    return folder


def recalls(questions: Sequence, workspace: evaluation.Workspace) -> dict[str, str]:
    """Recall@1 and Recall@5 of the advanced pipeline, pooled and by task."""
    single = [q for q in questions if q.task in metrics.SINGLE_ANSWER_TASKS]
    ranking = {q.id: retrieval.distinct_documents(workspace.hits(q, "advanced_rag")) for q in single}
    rows = {}
    for task in ("all", *metrics.SINGLE_ANSWER_TASKS):
        own = [q for q in single if task in ("all", q.task)]
        for k in KS:
            found = [float(bool(set(ranking[q.id][:k]) & set(q.evidence))) for q in own]  # any document that answers
            rows[f"{task} @{k}"] = str(metrics.mean_interval(found, [q.cluster for q in own]))
    return rows


def main(words: Sequence[str]) -> None:
    """Make a try and print its figures."""
    config = retrieval.load_selected_config()
    if words[0] != "shipped":
        config = replace(config, tuned=False, adapter=str(made(words[0])))
    documents, held_out = held_out_questions()
    for name, own, questions in (("dev", None, evaluation.load_questions(split="dev")), ("held out", documents, held_out)):
        print(name, recalls(questions, evaluation.Workspace(own, settings.load(), config=config)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
