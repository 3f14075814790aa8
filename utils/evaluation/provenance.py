"""What records are about: the file beside them, with command, models, documents, questions and counts."""
from __future__ import annotations

import datetime
import hashlib
import json
import platform
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from .. import models
from ..settings import WHEEL_EMBEDDER, WHEEL_MODEL, Settings
from ..text import detect_language
from ..types import Document, Question, Record
from .arms import Arm
from .confidence import used_calibrations
from .questions import QuestionsFile, read_questions
from .workspace import Workspace


def provenance_file(records: Path | str) -> Path:
    """The file beside a records file: `r.json` for `r.jsonl` or `r.jsonl.gz`."""
    path = Path(str(records).removesuffix(".gz"))
    return path.with_name(path.name + ".json") if path.suffix == ".json" else path.with_suffix(".json")


def records_provenance(arms: Sequence[Arm], workspace: Workspace, folder: str, questions: QuestionsFile,
                       records: Sequence[Record]) -> dict:
    """Where records come from. folder: "" for the course's documents."""
    return {
        "command": shlex.join(["python3", "-m", "utils", *sys.argv[1:]]),
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"), "python": platform.python_version(),
        "versions": models.package_versions(),
        "arms": {arm.name: _model(arm, workspace) for arm in arms}, "embedder": workspace.settings.embedder,
        "corpus": {"folder": folder or "the course's documents", "sha256": corpus_digest(workspace),
                   "documents": len(workspace.documents), "reading": workspace.reading and workspace.reading.counts()},
        "language": language_notes(list(workspace.documents.values()), questions.questions, workspace.settings),
        "questions": questions_provenance(questions, len({record.question_id for record in records})),
        "settings_hash": {record.arm: record.settings_hash for record in records},
        "confidence": used_calibrations(workspace.calibrations, records),
    }


def language_notes(documents: Sequence[Document], questions: Sequence[Question], run: Settings) -> list[str]:
    """A sentence for each other language that documents or questions are in, if an English model would read them."""
    from babel import Locale

    english = Locale("en").languages
    shipped = [(f"the reader {run.model}", "LAB_MODEL")] if run.model == WHEEL_MODEL and run.profile != "endpoint" else []
    shipped += [(f"the embedder {run.embedder}", "LAB_EMBEDDER")] if run.embedder == WHEEL_EMBEDDER else []
    texts = {"documents": (d.text[:2000] for d in documents), "questions": (q.question for q in questions)}
    others: dict[str, list[str]] = {}
    for what, language in ((what, detect_language(parts)) for what, parts in texts.items()):
        if language != "en" and shipped:
            others.setdefault(language, []).append(what)
    names, variables = (" and ".join(part[i] for part in shipped) for i in (0, 1))
    return [f"The {' and '.join(what)} seem to be in {english.get(language, language)}, but {names} know English only, so these "
            f"scores say little about what is possible: set {variables} to models for that language (a hub id or a local "
            "directory)."
            for language, what in others.items()]


def corpus_digest(workspace: Workspace) -> str:
    """SHA-256 over the ids and texts of the documents, in hex."""
    return hashlib.sha256(json.dumps([(d.id, d.text) for d in workspace.documents.values()]).encode()).hexdigest()


def questions_provenance(file: QuestionsFile, scored: int) -> dict:
    """A questions file, its digest, how many questions were scored, and what was left out or mended."""
    return {"file": str(file.path), "sha256": hashlib.sha256(file.path.read_bytes()).hexdigest(), "scored": scored,
            "retrieval_only": sum(question.retrieval_only for question in file.questions),
            "set_aside": list(file.set_aside), "mended": list(file.mended)}


def _model(arm: Arm, workspace: Workspace) -> dict:
    """The model of an arm: base model or endpoint, and a trained one's adapter with its digest, base, data and seed."""
    if arm.is_baseline:
        return {"model": "none"}
    chosen, row = workspace.settings, {"model": workspace.settings.model, "seed": arm.seed}
    if arm.model.api or chosen.profile == "endpoint":
        row["model"] = chosen.endpoint_model or "default"
        row["endpoint"] = re.sub(r"//[^/@]*@", "//", chosen.endpoint)  # without a password
    if arm.is_trained:
        name = workspace.adapter(arm.adapter)
        trained = models.adapter_provenance(name)
        row |= {"adapter": arm.adapter, "adapter_sha256": models.adapter_digest(name),
                "model": trained["base"] if models.is_extractive(name) else row["model"],
                "seed": trained.get("settings", {}).get("seed", arm.seed),
                **{name: trained.get(name, "not recorded")
                   for name in ("base", "parent", "examples", "data_sha256", "trained_on")},
                **{name: trained[name] for name in ("pairs",) if name in trained}}
    return row


def questions_of_records(row: Mapping, file: str = "") -> list[Question]:
    """The questions of records: of `file`, else of the file they were made from if it is unchanged, else none, and it says so."""
    known = row.get("questions") or {}
    path = Path(file or known.get("file", ""))
    if not file and not (path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == known.get("sha256")):
        print(f"the page shows no answers: the questions of these records are not in {known.get('file', 'any known file')} as "
              "they were; give their file with --questions", file=sys.stderr)
        return []
    return list(read_questions(path).questions)


def read_provenance(records: Path | str) -> dict:
    """The provenance beside a records file; empty if there is none. Raises ValueError for a file that is no JSON object."""
    path = provenance_file(records)
    try:
        row = json.loads(path.read_bytes()) if path.exists() else {}
    except ValueError:
        row = None
    if not isinstance(row, dict):
        raise ValueError(f"{path}: is not the provenance that `benchmark` wrote; restore it or move it away")
    return row


def served_arms(row: Mapping) -> list[str]:
    """Names of the arms whose model was behind an endpoint, from the records' provenance."""
    return [name for name, model in row.get("arms", {}).items() if "endpoint" in model]
