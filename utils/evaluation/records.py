"""Records on disk: the files that `benchmark` writes, and the committed ones, which hold no document text.

Each `data/records/NAME.jsonl.gz` has its provenance in `NAME.json`; `rebuild` writes both.
"""
from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

from .. import metrics, settings
from ..types import Record
from .arms import parse_arm
from .outcomes import SCORABLE_TASKS, outcome

RECORDS_FOLDER = settings.DATA / "records"


def read_records(path: Path | str) -> list[Record]:
    """Records of a file that `benchmark --out` wrote. Raises ValueError naming the file and line of a broken one."""
    records = []
    for number, line in enumerate(Path(path).read_text("utf-8").splitlines(), 1):
        try:
            records.append(Record.from_json(json.loads(line)))
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}, line {number}: is not valid JSON ({error.msg}); run the benchmark again") from None
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path}, line {number}: is not a record of a benchmark ({type(error).__name__}: {error}); give the "
                             "file that `benchmark --out` wrote") from None
    return records


def load_records(name: str) -> list[Record]:
    """Committed benchmark records by name, for example `lab3_test`."""
    return [Record.from_json(row) for row in load_rows(name)]


def load_rows(name: str) -> list[dict]:
    """Rows of a committed table by name, for example `lab1_stages`."""
    with gzip.open(RECORDS_FOLDER / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def planned_comparisons() -> list[tuple[str, str]]:
    """Pairs of arms whose difference we planned before reading test, from `data/plan.json`; second minus first."""
    return [tuple(pair) for pair in json.loads((settings.DATA / "plan.json").read_text("utf-8"))["comparisons"]]


def frame(records: str | Sequence[Record]):
    """Records, or committed ones by name, as a tidy pandas DataFrame: one row per question and arm.

    Columns: question_id, arm, model, seed, context, task, cluster, outcome (None for a summary), answer, abstained, cited,
    prompt_tokens, completion_tokens, retrieve_seconds, generate_seconds, and one per score.
    """
    import pandas

    rows = []
    for record in load_records(records) if isinstance(records, str) else records:
        arm = parse_arm(record.arm)
        rows.append({
            "question_id": record.question_id, "arm": record.arm, "model": arm.model.name, "seed": arm.seed,
            "context": arm.context.name, "task": record.task, "cluster": record.cluster,
            "outcome": outcome(record) if record.task in SCORABLE_TASKS else None,
            "answer": record.answer, "abstained": record.abstained, "cited": record.cited,
            "prompt_tokens": record.prompt_tokens, "completion_tokens": record.completion_tokens,
            **{f"{part}_seconds": seconds for part, seconds in record.seconds.items()},
            # the score `abstained` repeats the record's field
            **{name: value for name, value in record.scores.items() if name != "abstained"}})
    return pandas.DataFrame(rows)


def agree(live: Sequence[Record] | Sequence[dict], stored: Sequence[Record] | Sequence[dict], metric: str,
          by: str = "arm") -> str:
    """Assert that live and stored rows agree (their intervals overlap on the same questions) for each arm, and say so.

    by: the field with the arm's name. Raises AssertionError naming an arm for which they do not agree.
    """
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
