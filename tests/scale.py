"""How retrieval fares as the corpus grows to every service: `python -m tests.scale [--share 0.25,0.5,1]`.

The course's documents stay whole; of every other service only the first chunk of each document is indexed, so that the run
takes minutes and not hours on two cores. That makes strangers easier to tell apart than they would be in full: read the fall
in Recall as a lower bound.
"""
from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy

from utils import advanced, benchmark, corpus, metrics, models, retrieval, settings, stats


def main() -> None:
    """Print documents, chunks, minutes, disk, latency and Recall for each share of the other services."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--share", default="0.25,0.5,1")
    parser.add_argument("--split", default="test")
    options = parser.parse_args()
    models.quiet()
    chosen = settings.load()
    course = corpus.load()
    strangers = [name for name in corpus.service_names() if name not in settings.COURSE_SERVICES]
    asked = benchmark.load(split=options.split, tasks=("fact", "error", "routing"))
    own = advanced.Advanced(course, chosen)
    for share in map(float, options.share.split(",")):
        kept = strangers[: round(share * len(strangers))]
        others = corpus.load(kept)
        counted = len(course) + len(others)
        heads = [advanced.section_chunks([document], own.embedder.tokenizer, 120)[0] for document in others]
        before, begun = _disk(), time.monotonic()
        index = retrieval.DenseRetriever([*own.chunks, *heads], own.embedder, chosen)
        minutes, seconds, scores = (time.monotonic() - begun) / 60, [], []
        for question in asked:
            started = time.perf_counter()
            hits = index.search(question.question, 100)
            seconds.append(time.perf_counter() - started)
            scores.append(metrics.success_at(retrieval.distinct_documents(hits), question.evidence, 5))
        recall = stats.interval(scores, [q.cluster for q in asked])
        print(json.dumps({"services": len(kept) + 8, "documents": counted, "chunks": len(index.chunks),
                          "added": index.added, "minutes": round(minutes, 1), "disk_mb": round((_disk() - before) / 1e6),
                          "query_p95_ms": round(float(numpy.percentile(seconds, 95)) * 1000), "recall@5": str(recall)}),
              flush=True)


def _disk() -> int:
    folder: Path = settings.cache() / "chroma"
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
