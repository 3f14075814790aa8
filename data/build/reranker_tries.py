"""Reranking by a model that reads question and passage together, trained on the reading questions, too.

`python -m data.build.reranker_tries ROWS` trains a cross-encoder on a file of prompts in the cache, such as `short-4000-0.json`,
unless it is there; `adapter:FOLDER` takes the margin of a span reader instead. Prints Recall@1 and Recall@5 on dev and on the
held-out services by the weight of its score.
"""
from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from utils import corpus, evaluation, metrics, models, retrieval, settings, training
from utils.retrieval.finetuning import RetrieverTraining
from utils.retrieval.fusion import CrossEncoder, reordered
from utils.types import Chunk, Hit, Question

from .common import work
from .reading_questions import held_out_questions
from .retriever_training import train_cross_encoder

RUN = RetrieverTraining(epochs=1, batch_size=8, negatives=4, window=192, learning_rate=1e-3)
WEIGHTS = (0.0, 0.2, 0.35, 0.5, 0.65, 0.8, 1.0)
KS = (1, 5)
DOCUMENTS = 20  # that are reranked
Scores = Callable[[str, Sequence[Hit]], Sequence[float]]  # one score per hit, higher is better


def examples(rows: Sequence[dict], run: RetrieverTraining) -> Iterator[tuple[str, str, list[str]]]:
    """(question, answering passage, other passages that a search found) of each prompt that has all of them."""
    chunks: dict[str, Chunk] = {}
    tokenizer = models.embedder().tokenizer
    asked = [row for row in rows if row["kind"] == "answer" and row["question"]["task"] in metrics.SINGLE_ANSWER_TASKS]
    for document in corpus.load(sorted({id_.partition(".")[0] for row in asked for id_ in row["shown"]})):
        own = retrieval.section_chunks([document], tokenizer, retrieval.load_selected_config().chunk_tokens)
        chunks |= {chunk.id: chunk for chunk in own}
    for row in asked:
        number = int(row["completion"].rpartition("[")[2].rstrip("]"))
        right, evidence = chunks[row["shown"][number - 1]], set(row["question"]["evidence"])
        wrong = [chunks[id_].indexed for id_ in row["shown"] if chunks[id_].document_id not in evidence]
        if len(wrong) >= run.negatives:
            yield row["question"]["question"], right.indexed, wrong[: run.negatives]


def trained(file: Path, run: RetrieverTraining) -> Scores:
    """The scores of the cross-encoder trained on a file of prompts."""
    folder = work(f"reranker-{file.stem}")
    if not (folder / "adapter_model.safetensors").exists():
        made = list(examples(json.loads(file.read_text("utf-8")), run))
        print(len(made), "examples", flush=True)
        print(training.run_in_subprocess(train_cross_encoder, made, run, folder)["minutes"], "minutes", flush=True)
    model = CrossEncoder(adapter=folder, window=run.window)
    return lambda question, hits: model.scores(question, [hit.chunk.indexed for hit in hits])


def margins(adapter: str) -> Scores:
    """By how much the likeliest answer in a passage beats "not here", of a span reader."""
    reader = models.SpanReader(adapter)

    def scores(question: str, hits: Sequence[Hit]) -> list[float]:
        spans, _ = reader.spans(question, [f"[1] {hit.chunk.indexed}" for hit in hits])
        of = {place: margin for margin, _, place in spans}
        return [of.get(place, min(of.values(), default=0.0)) for place in range(len(hits))]

    return scores


def recalls(questions: Sequence[Question], workspace: evaluation.Workspace, scores: Scores) -> Iterator[tuple[float, str, dict]]:
    """(weight, task, Recall@k by k) of the pipeline, its best documents reranked."""
    single = [q for q in questions if q.task in metrics.SINGLE_ANSWER_TASKS]
    found = {}
    for question in single:
        hits = workspace.pipeline.fuse(question.question, workspace.pipeline.config.candidates)
        first = workspace.pipeline.rerank_candidates(hits)
        found[question.id] = hits, first, scores(question.question, first)
    for weight in WEIGHTS:
        ranking = {id_: retrieval.distinct_documents(reordered(*row, weight)) for id_, row in found.items()}
        for task in ("all", *metrics.SINGLE_ANSWER_TASKS):
            own = [q for q in single if task in ("all", q.task)]
            hit = {k: [float(bool(set(ranking[q.id][:k]) & set(q.evidence))) for q in own] for k in KS}
            yield weight, task, {k: str(metrics.mean_interval(hit[k], [q.cluster for q in own])) for k in KS}


def main(words: Sequence[str]) -> None:
    """Train or load what scores, and print the figures."""
    config = replace(retrieval.load_selected_config(), rerank_documents=DOCUMENTS)
    documents, held_out = held_out_questions()
    scores = margins(words[0].removeprefix("adapter:")) if words[0].startswith("adapter:") else trained(work(words[0]), RUN)
    for name, own, questions in (("dev", None, evaluation.load_questions(split="dev")), ("held out", documents, held_out)):
        begun, workspace = time.monotonic(), evaluation.Workspace(own, settings.load(), config=config)
        for row in recalls(questions, workspace, scores):
            print(name, *row, flush=True)
        print(f"{(time.monotonic() - begun) / len(questions):.2f} s a question, index included", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
