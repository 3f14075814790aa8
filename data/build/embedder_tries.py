"""Search for intents: the embedder trained on the reading questions, too, with rivals of the same service as negatives.

`python -m data.build.embedder_tries NAME` makes one of `TRIES`, unless it is there, and prints Recall@1 and Recall@5 by task on
dev and on the held-out services, and how high the answering sentence ranks; those of the shipped embedder with NAME `shipped`.
"""
from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

from utils import corpus, evaluation, metrics, models, retrieval, settings, training
from utils.retrieval.finetuning import RetrieverTraining
from utils.text import content_words, sentences
from utils.types import Chunk, Document, Question

from .common import work
from .reading_practice import asked_row, stated_places
from .reading_questions import held_out_questions, reading_rows
from .retriever_training import mine_examples
from .sentence_tries import answering_sentences

NEGATIVES = 2
MORE = RetrieverTraining(epochs=3, batch_size=16, negatives=NEGATIVES, learning_rate=7e-4)
TRIES = {  # name → settings; what stands for the answer of a reading question, if any is used; more questions on the course
    "views": (RetrieverTraining(epochs=1, batch_size=16, negatives=NEGATIVES, learning_rate=5e-4),
              ("passage", "overview", "sentence"), ()),
    "more": (MORE, (), (settings.MORE_QUESTIONS,)),
    "further": (MORE, (), (settings.MORE_QUESTIONS, settings.FURTHER_QUESTIONS)),
}
KS = (1, 5)
SENTENCES = (1, 3, 5, 8)


def reading_examples(views: Sequence[str], seed: int = 0) -> Iterator[tuple[str, str, list[str]]]:
    """(question, what answers it, hard negatives of the same service) of each reading question but the held-out ones, by view."""
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
            right, stating = question.right[0], {c.document_id for c in chunks if any(s in c.text for s in question.sentences)}
            others = [question.rival] if question.rival else []
            others += [hit.chunk for hit in words.search(question.wording, 40)]
            wrong = list({c.document_id: c for c in reversed(others) if c.document_id not in stating}.values())[::-1]
            wrong = [*wrong[:1], *draw.sample(wrong[1:12], min(NEGATIVES - 1, len(wrong[1:12])))]
            if len(wrong) < NEGATIVES:
                continue
            if "passage" in views:
                yield question.wording, right.indexed, [c.indexed for c in wrong]
            if "overview" in views and lead[right.document_id].id != right.id:
                yield question.wording, lead[right.document_id].indexed, [lead[c.document_id].indexed for c in wrong]
            if "sentence" in views:
                near = _nearest(question.wording, [placed(c, text) for c in (right, *wrong[:1]) for text in sentences(c.text)
                                                   if text not in question.sentences])
                if len(near) >= NEGATIVES:
                    yield question.wording, placed(right, question.sentences[0]), near[:NEGATIVES]


def placed(chunk: Chunk, sentence: str) -> str:
    """A sentence with its passage's header, as an embedder sees it."""
    return replace(chunk, text=sentence).indexed


def _nearest(question: str, texts: Sequence[str]) -> list[str]:
    """Texts by the share of their words that the question has, largest first."""
    words = content_words(question)
    return sorted(texts, key=lambda text: -len(words & content_words(text)) / (5 + len(content_words(text))))


def _leads(chunks: Sequence[Chunk]) -> dict[str, Chunk]:
    """The first chunk of each document."""
    first: dict[str, Chunk] = {}
    for chunk in chunks:
        first.setdefault(chunk.document_id, chunk)
    return first


def made(name: str):
    """Folder of the adapter of a try, trained unless it is there."""
    folder, (run, views, files) = work(f"embedder-{name}"), TRIES[name]
    if not (folder / "adapter_model.safetensors").exists():
        workspace = evaluation.Workspace()
        questions = evaluation.load_questions(known=workspace.documents)
        questions += [q for file in files for q in evaluation.load_questions(file, workspace.documents)]
        own = mine_examples(questions, workspace.pipeline, run)
        examples = [*own, *(reading_examples(views) if views else ())]
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


def sentence_ranks(questions: Sequence[Question], documents: Sequence[Document],
                   workspace: evaluation.Workspace) -> dict[int, float]:
    """Share of facts and errors whose answering sentence is among the first so many of the passages', by their vectors."""
    known, embedder, ranks = answering_sentences(questions, documents), workspace.pipeline.embedder, []
    for q in (q for q in questions if q.id in known):
        rows = [(hit.chunk, text) for hit in workspace.hits(q, "advanced_rag")[: workspace.pipeline.config.k]
                for text in sentences(hit.chunk.text)]
        order = (-(embedder.encode([placed(*row) for row in rows]) @ embedder.encode([q.question])[0])).argsort(kind="stable")
        ranks.append(min((n for n, i in enumerate(order) if rows[i][1] == known[q.id].chunk.text), default=len(rows) + 99))
    return {k: round(sum(rank < k for rank in ranks) / len(ranks), 3) for k in SENTENCES}


def main(words: Sequence[str]) -> None:
    """Make a try and print its figures."""
    config = retrieval.load_selected_config()
    if words[0] != "shipped":
        config = replace(config, tuned=False, adapter=str(made(words[0])))
    documents, held_out = held_out_questions()
    for name, own, questions in (("dev", None, evaluation.load_questions(split="dev")), ("held out", documents, held_out)):
        workspace = evaluation.Workspace(own, settings.load(), config=config)
        print(name, recalls(questions, workspace), flush=True)
        if own:
            single = [q for q in questions if q.task in metrics.SINGLE_ANSWER_TASKS]
            print("answering sentence among the first:", sentence_ranks(single, own, workspace), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
