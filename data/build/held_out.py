"""The readers as they stand on the questions of the held-out services: what every later choice of a reader starts from."""
from __future__ import annotations

from utils import evaluation

from .common import reopen, work, write_records
from .reading_questions import held_out_questions

ARMS = "raft+advanced_rag,span_reader+advanced_rag,span_reader+oracle"


def held_out() -> None:
    """Ask the held-out questions over the documents of their services, and commit the records."""
    documents, questions = held_out_questions()
    out = work("reading_held_out.jsonl")
    reopen(out, questions)
    records = evaluation.run_arms(questions, ARMS, evaluation.Workspace(documents), out)
    write_records(records, "reading_held_out", "python3 -m data.build held_out", f"{len(documents)} documents of 15 services")
