"""Committed records: benchmark records made small, without text taken from documents, with their provenance.

`rebuild` writes them; each `data/records/NAME.jsonl.gz` has its provenance in `NAME.json` beside it.
"""
from __future__ import annotations

import gzip
import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from . import settings, stats

WORDS = 15  # longest answer that is kept as text
FOLDER = settings.DATA / "records"


def compact(record: dict) -> dict:
    """The record with an answer of more than 15 words replaced by its length and hash, and hits cut to 10 documents."""
    kept, documents = [], set()
    for hit in record["hits"]:
        documents.add(hit["document_id"])
        if len(documents) > 10:
            break
        kept.append(hit)
    small = {**record, "hits": kept}
    words = record["answer"].split()
    if len(words) > WORDS:
        digest = hashlib.sha256(record["answer"].encode()).hexdigest()[:16]
        small.update(answer="", answer_set=[], answer_words=len(words), answer_sha256=digest)
    return small


def write(records: Sequence[dict], name: str, command: str, note: str = "", folder: Path | None = None) -> Path:
    """Write compact benchmark records and what they came from: command, settings, package versions, questions' digest."""
    hashes = {"settings_hash": sorted({record["settings_hash"] for record in records})}
    return write_rows([compact(record) for record in records], name, command, note, folder, hashes)


def write_rows(rows: Sequence[dict], name: str, command: str, note: str = "", folder: Path | None = None,
               more: dict | None = None) -> Path:
    """Write rows of any table, which hold no text of documents, with the same provenance."""
    folder = folder or FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.jsonl.gz"
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    with path.open("wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as file:
        file.write(text.encode())
    packages = ("torch", "transformers", "sentence-transformers", "chromadb", "botocore")
    provenance = {
        "command": command,
        "settings": asdict(settings.load()),
        **(more or {}),
        "questions_sha256": hashlib.sha256(settings.QUESTIONS.read_bytes()).hexdigest(),
        "versions": {package: importlib.metadata.version(package) for package in packages},
        "python": platform.python_version(),
        "records": len(rows),
        "note": note,
    }
    path.with_name(f"{name}.json").write_text(json.dumps(provenance, indent=1) + "\n", "utf-8")
    return path


def read(name: str) -> list[dict]:
    """Committed records by name."""
    with gzip.open(FOLDER / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def agree(live: Sequence[dict], stored: Sequence[dict], metric: str, by: str = "arm") -> str:
    """Assert that live and stored rows tell the same story: their intervals overlap, on the same questions, arm by arm.

    by: the field that tells arms apart. Raises AssertionError naming the arm where they do not; else says what agreed.
    """
    for name in dict.fromkeys(row[by] for row in live):
        here = [row for row in live if row[by] == name]
        asked = {row["question_id"] for row in here}
        there = [row for row in stored if row[by] == name and row["question_id"] in asked]
        assert len(here) == len(there), f"{name}: {len(here)} live rows, {len(there)} stored ones"
        now, then = (stats.interval([r["scores"][metric] for r in rows], [r["cluster"] for r in rows])
                     for rows in (here, there))
        assert now.low <= then.high and then.low <= now.high, f"{name}: live {now}, stored {then}"
    return f"live and stored {metric} agree"
