"""Measures search quality and latency as the corpus grows to all services of botocore: `python -m data.build.scale`.

The course's documents are indexed in full, every other document by its first chunk only, because embedding all of botocore
would take hours on two cores. The measured loss is therefore a lower bound. Takes about 15 minutes on an idle machine and
writes `data/records/scale.json` and the README's figure.
"""
from __future__ import annotations

import json
import math
import os
import random
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from utils import corpus, evaluation, metrics, models, plots, retrieval, settings
from utils.types import Chunk, Document

SHARES = (0.0, 0.25, 0.5, 1.0)


class Remembering:
    """An embedder that caches its vectors, so that a larger index embeds only the texts that are new."""

    def __init__(self, embedder: models.Embedder):
        self.embedder, self.known = embedder, {}
        self.name, self.tokenizer, self.digest = embedder.name, embedder.tokenizer, ""  # nothing shipped: embedding is timed

    def encode(self, texts):
        """Vectors of the texts, as from `Embedder.encode`."""
        import numpy

        new = [text for text in dict.fromkeys(texts) if text not in self.known]
        if new:
            self.known.update(zip(new, self.embedder.encode(new), strict=True))
        return numpy.stack([self.known[text] for text in texts])


def first_chunks(documents: list[Document], tokenizer, size: int) -> list[Chunk]:
    """The first section chunk of each document, at most `size` tokens including its header."""
    short = [replace(d, sections=(replace(d.sections[0], text=d.sections[0].text[:1500]),)) for d in documents]
    count = retrieval.token_counter(short, tokenizer)
    return [retrieval.chunk_by_section(document, count, size)[0] for document in short]


def disk_mb(folder: Path) -> float:
    """Total size of the files under the folder, in megabytes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def main() -> None:
    """Index each share of the services in an empty cache, run the test questions, and print and save the table."""
    known = settings.cache().resolve()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as empty:
        for name in ("models", "wheels", "corpus"):
            (Path(empty) / name).symlink_to(known / name)
        os.environ["LAB_CACHE"] = empty
        grow()


def grow() -> None:
    """Run the measurement of `main` in the current cache."""
    import pandas

    models.quiet()
    run, config = settings.load(), retrieval.load_selected_config()
    names = [name for name in corpus.service_names() if name not in settings.COURSE_SERVICES]
    random.Random(0).shuffle(names)
    documents = corpus.load(corpus.service_names())
    by_service: dict[str, list[Document]] = {}
    for document in documents:
        by_service.setdefault(document.group, []).append(document)
    course = [d for name in settings.COURSE_SERVICES for d in by_service[name]]
    embedder = models.embedder(run.embedder, str(retrieval.BI_ENCODER))
    own = retrieval.section_chunks(course, embedder.tokenizer, config.chunk_tokens)
    sample = random.Random(1).sample([d for d in documents if d.group in names], 300)
    per_document = len(retrieval.section_chunks(sample, embedder.tokenizer, config.chunk_tokens)) / len(sample)
    questions = [q for q in evaluation.load_questions(split="test") if q.task in metrics.SINGLE_ANSWER_TASKS]
    remembering, minutes, rows = Remembering(embedder), 0.0, []
    for share in SHARES:
        strangers = [d for name in names[: math.ceil(share * len(names))] for d in by_service.get(name, [])]
        chunks = own + first_chunks(strangers, embedder.tokenizer, config.chunk_tokens)
        before, started = disk_mb(settings.cache() / "chroma"), time.monotonic()
        original, models.embedder = models.embedder, lambda *_: remembering
        try:
            pipeline = retrieval.RetrievalPipeline([*course, *strangers], run, config, chunks)
        finally:
            models.embedder = original
        minutes += (time.monotonic() - started) / 60
        pipeline.embedder, size = embedder, disk_mb(settings.cache() / "chroma") - before
        rows.append({"share": share, "services": math.ceil(share * len(names)) + len(settings.COURSE_SERVICES),
                     "documents": len(course) + len(strangers), "chunks": len(chunks), "index_minutes": round(minutes, 1),
                     "index_mb": round(size, 1), **measured(pipeline, questions)})
        print(json.dumps(rows[-1]), flush=True)
    table = {"command": "python -m data.build.scale", "questions": len(questions), "rows": rows,
             "documents_of_botocore": len(documents),
             "chunks_of_botocore_estimated": round(per_document * (len(documents) - len(course)) + len(own)),
             "chunks_per_other_document_in_a_sample_of_300": round(per_document, 1)}
    (evaluation.RECORDS_FOLDER / "scale.json").write_text(json.dumps(table, indent=1) + "\n", "utf-8")
    (evaluation.RECORDS_FOLDER / "scale.png").write_bytes(corpus_growth(pandas.DataFrame(rows)).data)


def measured(pipeline: retrieval.RetrievalPipeline, questions: list) -> dict:
    """Recall at 1, 5 and 10 with intervals, and query latency in milliseconds."""
    pipeline.search("open the index", 10)
    rankings, times = [], []
    for question in questions:
        started = time.perf_counter()
        hits = pipeline.search(question.question, 50)
        times.append((time.perf_counter() - started) * 1000)
        rankings.append(retrieval.distinct_documents(hits))
    row = {}
    for k in (1, 5, 10):
        values = [metrics.success_at_k(ranking, q.evidence, k) for ranking, q in zip(rankings, questions, strict=True)]
        interval = metrics.mean_interval(values, [q.cluster for q in questions])
        row |= {f"recall_at_{k}": round(interval.mean, 3), f"recall_at_{k}_low": round(interval.low, 3),
                f"recall_at_{k}_high": round(interval.high, 3)}
    cuts = statistics.quantiles(times, n=20)
    return row | {"query_p50_ms": round(statistics.median(times), 1), "query_p95_ms": round(cuts[18], 1)}


def corpus_growth(rows):
    """Plot Recall at 1, 5 and 10 with intervals against corpus size; axis labels include query latency.

    rows: DataFrame with documents, query_p95_ms, and recall_at_K, recall_at_K_low, recall_at_K_high for K = 1, 5, 10.
    """
    first, last = rows.iloc[0], rows.iloc[-1]
    title = (f"{last.documents / first.documents:.0f} times the documents: Recall@5 {first.recall_at_5:.2f} → "
             f"{last.recall_at_5:.2f}, Recall@1 {first.recall_at_1:.2f} → {last.recall_at_1:.2f}")
    figure, area = plots.axes(title, "documents in the index, log scale (p95 of a query)", "answered within rank K", (7.5, 4.2))
    for k, (line, colour) in zip((10, 5, 1), plots.CURVES, strict=False):
        near = rows[f"recall_at_{k}"]
        area.errorbar(rows.documents, near, [near - rows[f"recall_at_{k}_low"], rows[f"recall_at_{k}_high"] - near], ls=line,
                      marker="o", color=colour, capsize=3, label=f"Recall@{k}")
    area.set(xscale="log", ylim=(0, 1))
    area.set_xticks(rows.documents, [f"{r.documents:,}\n({r.query_p95_ms:.0f} ms)" for r in rows.itertuples()], minor=False)
    area.minorticks_off()
    area.legend(fontsize=11, frameon=False, loc="lower left", ncols=3)
    return plots.show(figure, title)


if __name__ == "__main__":
    main()
