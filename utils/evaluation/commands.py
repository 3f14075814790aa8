"""The commands `benchmark` and `rescore`, and what every command does with its files: check, name, close with a sentence."""
from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from .. import corpus
from .arms import parse_arms
from .confidence import risk_coverage
from .outcomes import right_shares
from .provenance import language_notes, provenance_file, questions_provenance, read_provenance, records_provenance
from .questions import QuestionsFile, read_questions, training_questions
from .records import read_records, record_line, write_with_backup
from .runner import run_arms, threshold_note
from .scoring import accepted_forms, rescore, score_changes, with_accepted
from .tables import benchmark_tables
from .workspace import Workspace, load_workspace

Prepare = Callable[..., None]  # `course.prepare`, which a command calls once its files are checked


def benchmark_command(options: argparse.Namespace, prepare: Prepare) -> int:
    """Score arms on a questions file."""
    arms, out = parse_arms(options.arms), new_file(options.out, options.questions)
    if options.threshold is not None and not 0 <= options.threshold <= 1:
        raise ValueError(f"--threshold {options.threshold:g} is no probability: give a number from 0 to 1")
    read_questions(options.questions)  # reports a broken file before the corpus is loaded
    workspace = load_workspace(options.corpus)
    file = questions_of(options.questions, workspace)
    questions = file.select(options.split)
    if any(arm.context.retrieves for arm in arms) or not options.retrieval_only:
        prepare(index=not options.corpus)
    learns = any(arm.is_baseline or arm.model.name == "few_shot" for arm in arms)
    train = training_questions(file.questions) if learns else ()
    try:
        records = run_arms(questions, arms, workspace, out, options.retrieval_only, train, threshold=options.threshold)
        provenance = records_provenance(arms, workspace, options.corpus, file, records)
        if options.threshold is not None:
            provenance["given_threshold"] = options.threshold
            print(threshold_note(options.threshold, records, provenance["confidence"]))
        write_with_backup(provenance_file(out), json.dumps(provenance, indent=1) + "\n")
    except OSError as error:
        raise RuntimeError(f"{out}: cannot be written ({error.strerror}); free some space or give another --out, then run the "
                           f"command again: finished records are kept in {out.name}.part") from None
    print(benchmark_tables(records, options.retrieval_only or not any("score" in r.scores for r in records)))
    if len(table := risk_coverage(records, questions)):
        print(f"\nSilence: does confidence tell right answers from wrong ones? (area: lower is better)\n{table.to_string()}\n")
    print(f"{len(records)} records in {out}")
    return close_command(out, workspace.reading, file)


def rescore_command(options: argparse.Namespace, prepare: Prepare) -> int:
    """Score stored answers anew."""
    out, records = new_file(options.out, options.records, options.questions), read_records(options.records)
    workspace = load_workspace(options.corpus)
    file = questions_of(options.questions, workspace)
    if any(hit.in_prompt for record in records for hit in record.hits):
        prepare(index=not options.corpus)  # searches again for the passages of the prompts
    forms = accepted_forms(options.questions)
    questions, added = with_accepted(file.questions, forms)
    rescored = rescore(records, questions, workspace)
    provenance = {**read_provenance(options.records), "rescored": questions_provenance(file, len(rescored))}
    if added:
        plain = rescore(records, file.questions, workspace)
        provenance["accepted"] = {"file": str(forms), "forms": added,
                                  "before": right_shares(plain), "after": right_shares(rescored)}
        print(f"{added} answers are accepted besides, from {forms}")
    write_with_backup(out, "".join(record_line(record.to_json()) for record in rescored))
    write_with_backup(provenance_file(out), json.dumps(provenance, indent=1) + "\n")
    print(score_changes(records, rescored))
    print(f"{len(rescored)} records in {out}")
    return close_command(out, workspace.reading, file)


def new_file(out: str, *inputs: str) -> Path:
    """The path of --out with its folder made. Raises ValueError if that is a folder or would replace an input."""
    path = Path(out)
    if path.is_dir():
        raise ValueError(f"{path}: is a folder; give --out a file name")
    for written in (path, provenance_file(path)):
        if written.resolve() in [Path(name).resolve() for name in inputs]:
            raise ValueError(f"{written}: --out is the questions file itself, or another input; give another name")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def new_folder(out: str, mark: str) -> Path:
    """The folder of --out, made. Raises ValueError if it is a file, or holds other things and not our file `mark`."""
    path = Path(out)
    if path.is_file() or (path.is_dir() and any(path.iterdir()) and not (path / mark).exists()):
        raise ValueError(f"{path}: is {'a file' if path.is_file() else 'a folder with other things'}; give --out a new folder")
    path.mkdir(parents=True, exist_ok=True)
    return path


def questions_of(name: str, workspace: Workspace) -> QuestionsFile:
    """A questions file on a workspace's documents; what was mended or set aside is printed at once."""
    unread = {row.file for row in workspace.reading.files if not row.words} if workspace.reading else set()
    file = read_questions(name, workspace.documents, unread)
    for note in language_notes(list(workspace.documents.values()), file.questions, workspace.settings):
        print(note, file=sys.stderr)
    for note in file.notes:
        print(f"{name}: {note}", file=sys.stderr)
    return file


def close_command(out: Path, reading: corpus.ReadingReport | None, file: QuestionsFile | None = None) -> int:
    """Prints what was not read or not scored as the last lines; returns 1 if more than a tenth is set aside."""
    if reading:
        reading.save(out.with_name("read.json"))
        print(reading.sentence())
    if file and file.notes:
        counts = ((len(file.set_aside), "set aside"), (len(file.mended), "mended"))
        print("; ".join([*(f"{count} question(s) {what}" for count, what in counts if count), *file.notes]))
    aside = len(file.set_aside) * 10 > len(file.questions) + len(file.set_aside) if file else False
    return int(aside or bool(reading and reading.share_set_aside > 0.1))
