"""Questions files, read and checked line by line, and questions that are near-duplicates across splits."""
from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from .. import metrics, settings
from ..text import content_words
from ..types import Question

REQUIRED = {"id": str, "task": str, "question": str, "answers": list, "answer_set": list, "evidence": list}


def load_questions(path: Path | str = settings.QUESTIONS, known: Iterable[str] = (), split: str = "",
                   tasks: Sequence[str] = ()) -> list[Question]:
    """Questions of a JSON-lines file, in file order, optionally only those of a split or of some tasks.

    known: document ids of the corpus; if given, all evidence must be among them. Raises ValueError naming file, line and fix.
    """
    path, known = Path(path), set(known)
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        raise ValueError(f"{path}: there is no such questions file; check the path") from None
    except IsADirectoryError:
        raise ValueError(f"{path}: is a folder; give one questions file (JSON lines)") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path}: is not UTF-8 text; save the questions as JSON lines in UTF-8") from None
    questions: dict[str, Question] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        question = _parse(line, where := f"{path}, line {number}")
        if question.id in questions:
            raise ValueError(f"{where}: the id {question.id!r} is used twice; give every question its own id")
        missing = [id_ for id_ in question.evidence if known and id_ not in known]
        if missing:
            raise ValueError(f"{where}: evidence {missing[0]!r} is not in the corpus; correct the id or the corpus")
        questions[question.id] = question
    if not questions:
        raise ValueError(f"{path}: holds no questions; write one JSON object per line")
    selected = [q for q in questions.values() if split in ("", q.split) and (not tasks or q.task in tasks)]
    if not selected:
        splits = ", ".join(sorted({q.split or "(none)" for q in questions.values()}))
        raise ValueError(f"{path}: holds no question of split {split!r}{f' and tasks {list(tasks)}' if tasks else ''}; "
                         f"its splits are {splits}")
    return selected


def _parse(line: str, where: str) -> Question:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"{where}: is not valid JSON ({error.msg}, column {error.colno}); correct the line") from None
    if not isinstance(row, dict):
        raise ValueError(f"{where}: is a {type(row).__name__}; each line has to be one JSON object")
    for name, kind in REQUIRED.items():
        if name not in row:
            raise ValueError(f"{where}: lacks the field {name!r}; add it (required: {', '.join(REQUIRED)})")
        if not isinstance(row[name], kind):
            raise ValueError(f"{where}: {name!r} has to be a {'list of strings' if kind is list else 'string'}")
        if kind is list and not all(isinstance(item, str) for item in row[name]):
            raise ValueError(f"{where}: {name!r} has to hold strings only")
    if not row["id"] or not row["question"].strip():
        raise ValueError(f"{where}: 'id' and 'question' must not be empty")
    if row["task"] not in metrics.TASKS:
        raise ValueError(f"{where}: unknown task {row['task']!r}; known are {', '.join(metrics.TASKS)}")
    if row["task"] in ("fact", "error", "routing") and not row["answers"]:
        raise ValueError(f"{where}: a {row['task']} question needs at least one answer")
    if row["task"] == "multi_doc" and not row["answer_set"]:
        raise ValueError(f"{where}: a multi_doc question needs an answer_set")
    if row["task"] == "summary" and not row["evidence"]:
        raise ValueError(f"{where}: a summary question needs the document it is about as evidence")
    if row["task"] == "unanswerable" and (row["answers"] or row["evidence"]):
        raise ValueError(f"{where}: an unanswerable question can have neither answers nor evidence")
    optional = {name: row[name] for name in Question.__dataclass_fields__ if name in row and name not in REQUIRED}
    lists = {name: tuple(row[name]) for name in ("answers", "answer_set", "evidence")}
    return Question(row["id"], row["task"], row["question"], **lists, **optional)


def near_duplicates(questions: Sequence[Question], threshold: float = 0.75) -> list[tuple[str, str, float]]:
    """Pairs of ids from different splits whose words overlap by at least `threshold`, with the overlap (Jaccard)."""
    bags = [(q, content_words(q.question)) for q in questions]
    return [(a.id, b.id, len(x & y) / max(1, len(x | y))) for i, (a, x) in enumerate(bags) for b, y in bags[i + 1 :]
            if a.split != b.split and len(x & y) >= threshold * max(1, len(x | y))]


def training_questions(questions: Sequence[Question]) -> list[Question]:
    """The training questions among these, or the course's if there are none."""
    own = [q for q in questions if q.split == "train"]
    return own or load_questions(split="train")
