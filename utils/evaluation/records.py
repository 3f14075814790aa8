"""Records on disk: those that `benchmark` writes, and the committed ones with provenance, which hold no document text."""
from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

from .. import metrics, settings
from ..types import Record
from .arms import parse_arm
from .files import UTF8, decode, read_bytes, refuse, text_lines, typed
from .outcomes import outcome, scorable

RECORDS_FOLDER = settings.DATA / "records"


def read_records(path: Path | str) -> list[Record]:
    """Records of a file (.gz, too), every field checked. Raises ValueError with a line for each error: file, line and problem."""
    path, errors, records = Path(path), [], []
    text = decode(read_bytes(path, "records file"), path, UTF8)
    if kind := _other_kind(text):
        raise ValueError(f"{path}, line 1: this is {kind}, not records; give the file that `benchmark --out` wrote")
    lines: dict[tuple[str, str], int] = {}
    arms: dict[str, tuple[int, str]] = {}
    questions: dict[str, tuple[int, str, str]] = {}
    for number, line in enumerate(text_lines(text), 1):
        if not line.strip():
            continue
        record, problems = typed(Record, line)
        if problems:
            errors.append(f"{path}, line {number}: is not a record of a benchmark ({'; '.join(problems)}); restore the line")
            continue
        problems, key = _problems(record), (record.question_id, record.arm)
        if record.arm not in arms:
            try:
                parse_arm(record.arm)
            except ValueError as error:
                problems.append(str(error))
        if key in lines:
            problems.append(f"question {key[0]!r} of arm {key[1]!r} stands there twice (first in line {lines[key]}): these are "
                            "two runs in one file; keep one")
        elif (first := arms.setdefault(record.arm, (number, record.settings_hash)))[1] != record.settings_hash:
            problems.append(f"arm {record.arm!r} has other settings than in line {first[0]}: these are two runs; keep one")
        elif (seen := questions.setdefault(key[0], (number, record.task, record.cluster)))[1:] != (record.task, record.cluster):
            problems.append(f"question {key[0]!r} has another task or cluster than in line {seen[0]}; keep the records of one "
                            "questions file")
        lines.setdefault(key, number)
        errors += [f"{path}, line {number}: {problem}" for problem in problems]
        records.append(record)
    refuse(errors)
    return records


def _other_kind(text: str) -> str:
    """What a text seems to be if it is no records file, or ""."""
    try:
        first = json.loads(text)
    except (ValueError, RecursionError) as error:
        first = json.loads(text[: error.pos]) if getattr(error, "msg", "") == "Extra data" else None
    if isinstance(first, dict) and "question_id" not in first:
        kinds = {"record": "an unfinished run", "question": "a questions file", "questions": "a questions file"}
        return next((kind for name, kind in kinds.items() if name in first), "another JSON file")
    if not text.strip():
        return "an empty file"
    return "" if text.lstrip().startswith("{") else "a JSON array" if text.lstrip().startswith("[") else "no JSON"


def _problems(record: Record) -> list[str]:
    ranks, scores = [hit.rank for hit in record.hits], record.scores
    needed = ("set_f1",) if record.task == "multi_doc" else ("words",) if "contains" in scores else ()
    problems = [] if record.task in metrics.TASKS else [f"unknown task {record.task!r}; known are {', '.join(metrics.TASKS)}"]
    problems += [f"'scores' lacks {name!r}" for name in needed if name not in scores]
    problems += [f"'seconds' lacks {name!r}" for name in ("retrieve", "generate") if name not in record.seconds]
    problems += [f"the score {name!r} is {value:g}: it has to be from 0 to 1" for name, value in scores.items()
                 if name != "words" and not 0 <= value <= 1]
    if min(record.prompt_tokens, record.completion_tokens, *record.seconds.values(), scores.get("words", 0)) < 0:
        problems.append("tokens, seconds and words cannot be negative")
    rising = ranks == sorted(set(ranks)) and min(ranks, default=1) > 0
    return problems if rising else [*problems, "the ranks in 'hits' have to rise, from 1"]


def record_line(row: dict) -> str:
    """A line of a records file. Raises ValueError for a number that is not finite."""
    return json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"


def write_with_backup(path: Path, text: str) -> None:
    """Write a file; an old one becomes FILE.bak."""
    if path.exists():
        path.replace(path.with_name(path.name + ".bak"))
    path.write_text(text, "utf-8", errors="replace")


def load_records(name: str) -> list[Record]:
    """Committed benchmark records by name, for example `lab3_test`."""
    return read_records(RECORDS_FOLDER / f"{name}.jsonl.gz")


def load_rows(name: str) -> list[dict]:
    """Rows of a committed table by name, for example `lab1_stages`."""
    with gzip.open(RECORDS_FOLDER / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def planned_comparisons() -> list[tuple[str, str]]:
    """Pairs of arms whose difference we planned before reading test, from `data/plan.json`; second minus first."""
    return [tuple(pair) for pair in json.loads((settings.DATA / "plan.json").read_text("utf-8"))["comparisons"]]


def frame(records: str | Sequence[Record]):
    """Records, or committed ones by name, as a tidy pandas DataFrame: one row per question and arm.

    Columns: a record's fields, model, seed, context, outcome (None for a summary), seconds, and one per score.
    """
    import pandas

    rows = []
    for record in load_records(records) if isinstance(records, str) else records:
        arm = parse_arm(record.arm)
        rows.append({
            "question_id": record.question_id, "arm": record.arm, "model": arm.model.name, "seed": arm.seed,
            "context": arm.context.name, "task": record.task, "cluster": record.cluster,
            "outcome": outcome(record) if scorable([record]) else None,
            "answer": record.answer, "abstained": record.abstained, "cited": record.cited,
            "prompt_tokens": record.prompt_tokens, "completion_tokens": record.completion_tokens,
            **{f"{part}_seconds": seconds for part, seconds in record.seconds.items()},
            # the score `abstained` repeats the record's field
            **{name: value for name, value in record.scores.items() if name != "abstained"}})
    return pandas.DataFrame(rows)


def agree(live: Sequence[Record] | Sequence[dict], stored: Sequence[Record] | Sequence[dict], metric: str,
          by: str = "arm") -> str:
    """Say that live and stored rows of each arm (field `by`) agree: their intervals overlap. Raises AssertionError if not."""
    live, stored = ([row.to_json() if isinstance(row, Record) else row for row in rows] for rows in (live, stored))
    for name in dict.fromkeys(row[by] for row in live):
        now = [row for row in live if row[by] == name]
        ids = {row["question_id"] for row in now}
        then = [row for row in stored if row[by] == name and row["question_id"] in ids]
        assert len(now) == len(then), f"{name}: {len(now)} live rows, {len(then)} stored ones"
        new, old = (metrics.mean_interval([row["scores"][metric] for row in rows], [row["cluster"] for row in rows])
                    for rows in (now, then))
        assert new.low <= old.high and old.low <= new.high, f"{name}: live {new}, stored {old}"
    return f"live and stored {metric} agree"
