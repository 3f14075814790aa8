"""Shared by the three rebuilds: intermediate files, record tables of arms and other tables; finished steps are skipped."""
from __future__ import annotations

import gzip
import hashlib
import json
import platform
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from utils import evaluation, metrics, models, settings, training
from utils.types import Question, Record


def work(name: str) -> Path:
    """Path of an intermediate file in the cache."""
    folder = settings.cache() / "rebuild"
    folder.mkdir(exist_ok=True)
    return folder / name


def made_already(folder: Path, run: training.SFTSettings, data_sha256: str, parent: Path | None = None) -> bool:
    """True when the folder's provenance matches these settings, training rows and parent."""
    try:
        provenance = json.loads((folder / "provenance.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    parent_sha256 = training.parent_of(parent)["parent_sha256"] if parent else None
    stored = (provenance["settings"], provenance["data_sha256"], provenance.get("parent_sha256"))
    return stored == (asdict(run), data_sha256, parent_sha256)


def questions_digest() -> str:
    """SHA-256 of the current questions file, as hex digits."""
    return hashlib.sha256(settings.QUESTIONS.read_bytes()).hexdigest()


def commit_table(name: str, questions: Sequence[Question], names: str, workspace: evaluation.Workspace, command: str,
                 retrieval_only: bool = False, elsewhere: Sequence[str] = ()) -> None:
    """Run arms over questions, resuming where a run stopped, and write their records under `name`.

    elsewhere: arms whose adapters this machine lacks; their committed records are kept.
    """
    out, arms = work(f"{name}.jsonl"), evaluation.parse_arms(names)
    _reuse_valid_records(name, out, questions, arms, workspace, retrieval_only)
    train = [q for q in evaluation.load_questions() if q.split == "train"]
    records = evaluation.run_arms(questions, arms, workspace, out, retrieval_only, train)
    if elsewhere:
        records += _records_from_elsewhere(name, elsewhere, {record.arm: record.settings_hash for record in records})
    write_records(records, name, command, "read once, retrieval only" if retrieval_only else "")
    print(f"{name}: {len(records)} records", flush=True)


def _records_from_elsewhere(name: str, arms: Sequence[str], now: dict[str, str]) -> list[Record]:
    """Committed records of these arms, if the committed records of all arms match the current questions and settings."""
    provenance = evaluation.RECORDS_FOLDER / f"{name}.json"
    if not provenance.exists():
        return []
    stored = evaluation.load_records(name)
    same_questions = json.loads(provenance.read_text("utf-8"))["questions_sha256"] == questions_digest()
    if same_questions and all(now.get(record.arm, record.settings_hash) == record.settings_hash for record in stored):
        return [record for record in stored if record.arm in arms]
    print(f"{name}: dropped the records of {', '.join(arms)}, because questions, documents or settings changed", flush=True)
    return []


def valid_records(split: str, questions: Sequence[Question], arms: Sequence[evaluation.Arm], workspace: evaluation.Workspace,
                  retrieval_only: bool) -> list[Record]:
    """Committed records of a split that match the current settings, prompts, corpus and questions."""
    digests, known = {arm.name: workspace.digest(arm) for arm in arms}, {q.id for q in questions}
    records = []
    for path in sorted(evaluation.RECORDS_FOLDER.glob(f"*_{split}.json")):
        provenance = json.loads(path.read_text("utf-8"))
        same_kind = ("retrieval only" in provenance["note"]) == retrieval_only
        if provenance["questions_sha256"] == questions_digest() and same_kind:
            records += [_uncalibrated(record, provenance) for record in evaluation.load_records(path.stem)
                        if digests.get(record.arm) == record.settings_hash and record.question_id in known]
    sure = {record.arm for record in records if record.confidence is not None}  # an older record knows none: asked again
    return [r for r in records if retrieval_only or r.arm in sure or evaluation.parse_arm(r.arm).is_baseline]


def _uncalibrated(record: Record, provenance: dict) -> Record:
    """The record with the model's own confidence, as an unfinished run keeps it."""
    if record.confidence is None or record.arm not in provenance.get("confidence", {}):
        return record
    return replace(record, confidence=evaluation.Calibration(**provenance["confidence"][record.arm]).undo(record.confidence))


def _reuse_valid_records(name: str, out: Path, questions: Sequence[Question], arms: Sequence[evaluation.Arm],
                         workspace: evaluation.Workspace, retrieval_only: bool) -> None:
    """Start a run with the committed records that are still valid, so that they are not computed again."""
    if not out.with_name(out.name + ".part").exists():
        _write_part(out, valid_records(name.rpartition("_")[2], questions, arms, workspace, retrieval_only), questions)


def reopen(out: Path, questions: Sequence[Question]) -> None:
    """Start the next run from the finished file of an earlier one; the run keeps the records that are still valid."""
    if out.exists() and not out.with_name(out.name + ".part").exists():
        _write_part(out, evaluation.read_records(out), questions)


def _write_part(out: Path, records: Sequence[Record], questions: Sequence[Question]) -> None:
    wording = {q.id: q.question for q in questions}
    lines = [json.dumps({"record": record.to_json(), "question": wording.get(record.question_id)}) for record in records]
    out.with_name(out.name + ".part").write_text("".join(line + "\n" for line in lines), "utf-8")


def commit_rows(name: str, make: Callable[[], list[dict]], note: str, command: str, key: str = "") -> None:
    """Write the rows that `make` returns; they are computed once per key and kept in the cache."""
    path = work(f"{name}{key and '-' + key}.json")
    if not path.exists():
        path.write_text(json.dumps(make()), "utf-8")
    write_rows(json.loads(path.read_text("utf-8")), name, command, note)
    print(f"{name}: done", flush=True)


def compact(record: Record) -> Record:
    """The record with hits cut to 10 documents; length and hash instead of an answer of more than 15 words or word parts."""
    hits, documents = [], set()
    for hit in record.hits:
        documents.add(hit.document_id)
        if len(documents) > 10:
            break
        hits.append(hit)
    if _is_long(record.withheld_answer or ""):
        record = replace(record, withheld_answer=None, confidence=None)  # it stays an abstention at every threshold
    words = record.answer.split()
    if not _is_long(record.answer):
        return replace(record, hits=tuple(hits))
    digest = hashlib.sha256(record.answer.encode()).hexdigest()[:16]
    return replace(record, hits=tuple(hits), answer="", answer_set=(), answer_words=len(words), answer_sha256=digest)


def _is_long(text: str) -> bool:
    return max(len(text.split()), len(re.findall(r"[a-z0-9]+", text.lower()))) > metrics.LONGEST_ANSWER


def write_records(records: Sequence[Record], name: str, command: str, note: str = "", folder: Path | None = None) -> Path:
    """Write compact benchmark records with their provenance: command, settings, package versions, digest of the questions."""
    more = {"settings_hash": sorted({record.settings_hash for record in records}),
            "confidence": evaluation.used_calibrations(evaluation.CALIBRATIONS, records)}
    return write_rows([compact(record).to_json() for record in records], name, command, note, folder, more)


def write_rows(rows: Sequence[dict], name: str, command: str, note: str = "", folder: Path | None = None,
               more: dict | None = None) -> Path:
    """Write the rows of any table, which must not contain document text, with the same provenance."""
    folder = folder or evaluation.RECORDS_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.jsonl.gz"
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    with path.open("wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as file:
        file.write(text.encode())
    provenance = {
        "command": command, "settings": asdict(settings.load()), **(more or {}),
        "questions_sha256": questions_digest(),
        "versions": models.package_versions(),
        "python": platform.python_version(), "records": len(rows), "note": note,
    }
    path.with_name(f"{name}.json").write_text(json.dumps(provenance, indent=1) + "\n", "utf-8")
    return path


def add_sources(name: str, workspace: evaluation.Workspace) -> None:
    """Say in the provenance of committed records what they are about: models and adapters, documents, questions, days.

    Of an adapter that this machine lacks only the name is said. Raises ValueError where the adapters, settings or documents of
    this machine are not those that the records were made with, by their digests.
    """
    path, records = evaluation.RECORDS_FOLDER / f"{name}.json", evaluation.load_records(name)
    arms = evaluation.parse_arms(",".join(dict.fromkeys(record.arm for record in records)))
    here = [arm for arm in arms if has_adapter(arm)]
    evaluation.check_digests(records, [arm.name for arm in here if not arm.is_baseline], workspace)
    file = evaluation.read_questions(settings.QUESTIONS)
    told = evaluation.records_provenance(here, workspace, "", file, records)
    told["questions"]["file"] = settings.QUESTIONS.relative_to(settings.ROOT).as_posix()
    elsewhere = {arm.name: {"model": workspace.settings.model, "adapter": arm.adapter, "seed": arm.seed} for arm in arms}
    days = subprocess.run(["git", "log", "--format=%cs", "--", f"{name}.jsonl.gz"], cwd=evaluation.RECORDS_FOLDER,
                          capture_output=True, text=True, check=True).stdout.split()
    row = {**json.loads(path.read_text("utf-8")), "date": " to ".join(dict.fromkeys((days[-1], days[0]))),
           "arms": {**elsewhere, **told["arms"]},
           **{part: told[part] for part in ("embedder", "corpus", "language", "questions")}}
    path.write_text(json.dumps(row, indent=1) + "\n", "utf-8")


def has_adapter(arm: evaluation.Arm) -> bool:
    """True when this machine has what the arm needs: nothing trained, or its adapter."""
    return not arm.is_trained or models.has_adapter(arm.adapter)
