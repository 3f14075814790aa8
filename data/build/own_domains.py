"""`decide` on two further domains: docstrings of networkx, and the Debian handbook; their records for lab 3 and RESULTS."""
from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path

from utils import corpus, evaluation, own_domain, settings

from .common import compact, work, write_rows

MINUTES = 60.0
HANDBOOK = Path("/usr/share/doc/debian-handbook/html/en-US")  # Debian's package debian-handbook
QUESTIONS = {"networkx": "questions_networkx.jsonl", "handbook": "questions_handbook.csv"}

TOLD = ("examples", "questions_seen", "seconds", "held_out_loss", "parent")  # of an adapter's provenance


def own_domains() -> None:
    """Decide on both domains, each in an hour, resumable, and commit their records."""
    for name in QUESTIONS:
        folder, out = documents_of(name), work(f"own_{name}")
        own_domain.decide(str(folder), str(settings.DATA / QUESTIONS[name]), str(out), minutes=MINUTES)
        commit_decision(name, out)


def documents_of(name: str) -> Path:
    """The folder of a domain's documents. Raises ValueError where the handbook is not installed."""
    if name == "networkx":
        corpus.write_docstrings("networkx", work("networkx"))
        return work("networkx")
    if not HANDBOOK.exists():
        raise ValueError("the handbook is not on this machine: install Debian's package debian-handbook")
    return HANDBOOK


def commit_decision(name: str, out: Path) -> None:
    """Write `data/records/own_NAME`: the records of a decision, with what was chosen, trained and measured on the way."""
    about, plan = (json.loads((out / file).read_text("utf-8")) for file in ("records.json", "plan.json"))
    trained = {}
    for folder in sorted((out / "adapters").iterdir()):
        if (folder / "provenance.json").exists():
            row = json.loads((folder / "provenance.json").read_text("utf-8"))
            trained[folder.name] = {key: row.get(key) for key in TOLD}
    documents = {"networkx": f"docstrings of networkx {importlib.metadata.version('networkx')}, one file a function",
                 "handbook": "The Debian Administrator's Handbook, debian-handbook 11.20220922"}[name]
    about["corpus"]["folder"], about["questions"]["file"] = documents, f"data/{QUESTIONS[name]}"
    for row in about["arms"].values():
        if isinstance(row.get("trained_on"), dict):
            row["trained_on"] |= {"corpus": documents, "questions": f"data/{QUESTIONS[name]}"}
    more = {key: about[key] for key in ("date", "arms", "embedder", "corpus", "questions", "language", "decide")}
    more |= {"trained": trained, "steps": plan["steps"], "test_readings": plan["test_read"],
             "search": [{key: value for key, value in row.items() if key != "config"}
                        for row in json.loads((out / "retrieval.json").read_text("utf-8"))["candidates"]]}
    rows = [compact(record).to_json() for record in evaluation.read_records(out / "records.jsonl")]
    write_rows(rows, f"own_{name}", "python3 -m data.build own_domains", f"decide, {plan['minutes']:g} minutes", more=more)
