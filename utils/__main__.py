"""`python -m utils COMMAND`: setup, JupyterLab, tests, notebooks, benchmark. Needs only the standard library to start."""
from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from . import corpus, course, environment, evaluation, settings


def main(arguments: list[str]) -> int:
    """Run one command and return its exit code; an expected error prints a sentence, or one for each mistake, and returns 1."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "doctor" and not environment.interpreter().exists():
            print(f"FIX  environment: {environment.VENV.name} does not exist\n     → python3 -m utils setup")
            return 1
        if not environment.is_active():
            if options.command != "doctor":
                environment.create_environment()
            command = [str(environment.interpreter()), "-m", "utils", *arguments]
            return subprocess.run(command, cwd=settings.ROOT).returncode
        return COMMANDS[options.command](options)
    except KeyboardInterrupt:
        print("\nInterrupted. Run the same command again: it resumes where it stopped.", file=sys.stderr)
        return 130
    except (ValueError, RuntimeError, LookupError) as error:
        print(error if isinstance(error, ValueError) else str(error).split("\n")[0], file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{error.filename or 'a file'}: {error.strerror or error}; fix this and run the command again", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m utils", description="RAG or fine-tuning? Three labs.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("setup", help="prepare environment, models, corpus and index; takes seconds when nothing changed")
    lab = commands.add_parser("lab", help="run setup, then open JupyterLab on labs/")
    lab.add_argument("--no-browser", action="store_true")
    lab.add_argument("--port", type=int, default=8888)
    test = commands.add_parser("test", help="run lint, unit tests and every notebook")
    test.add_argument("--full", action="store_true", help="run the notebooks at full size")
    run = commands.add_parser("run", help="execute notebooks and print a table")
    run.add_argument("what", choices=("solutions", "labs"))
    run.add_argument("--fast", action="store_true")
    run.add_argument("--save", action="store_true", help="save the outputs in the notebooks")
    release = commands.add_parser("release", help="for authors: write labs/ from solutions/")
    release.add_argument("--check", action="store_true", help="write nothing; exit code 1 if they differ")
    benchmark = commands.add_parser("benchmark", help="score arms on a questions file")
    benchmark.add_argument("--questions", required=True, metavar="FILE", help="JSON lines, or a table (.csv, .xlsx)")
    benchmark.add_argument("--arms", default=evaluation.DEFAULT_ARMS, metavar="A,B",
                           help=f"default {evaluation.DEFAULT_ARMS}; an unknown arm prints the list of all arms")
    benchmark.add_argument("--split", default="", metavar="S", help="use only this split of the file (train, dev or test)")
    benchmark.add_argument("--retrieval-only", action="store_true", help="score retrieval only, without a language model")
    benchmark.add_argument("--corpus", default="", metavar="DIR", help="a folder of your own documents")
    benchmark.add_argument("--out", required=True, metavar="FILE", help="where to write records; an old file becomes FILE.bak")
    rescore = commands.add_parser("rescore", help="score stored answers anew, with corrected questions; asks no model")
    rescore.add_argument("--records", required=True, metavar="FILE", help="file written by `benchmark --out`, or a .jsonl.gz")
    rescore.add_argument("--questions", required=True, metavar="FILE", help="the questions as they are now")
    rescore.add_argument("--corpus", default="", metavar="DIR", help="the folder of documents (default: the course's)")
    rescore.add_argument("--out", required=True, metavar="FILE", help="where to write records; an old file becomes FILE.bak")
    rebuild = commands.add_parser("rebuild", help="for authors: rebuild the committed adapters and records; resumes")
    rebuild.add_argument("what", choices=("lab1", "lab2", "lab3"))
    draft = commands.add_parser("draft", help="draft questions about your documents for you to review")
    draft.add_argument("--corpus", required=True, metavar="DIR")
    draft.add_argument("--out", required=True, metavar="FILE", help="JSON lines; an existing file is never replaced")
    draft.add_argument("--many", type=int, default=40, metavar="N")
    report = commands.add_parser("report", help="write a one-page decision report from benchmark records")
    report.add_argument("--records", required=True, metavar="FILE", help="file written by `benchmark --out`")
    report.add_argument("--out", required=True, metavar="FILE.html", help="the page; Markdown and figures are written next to it")
    report.add_argument("--prices", default="", metavar="FILE", help="your own copy of data/prices.yaml")
    commands.add_parser("doctor", help="find problems on this machine and show the command that fixes each")
    return parser


def _setup(options: argparse.Namespace) -> int:
    course.prepare()
    print("Ready.")
    return 0


def _lab(options: argparse.Namespace) -> int:
    if not 1 <= options.port <= 65535:
        raise ValueError(f"--port {options.port} is out of range: give a number from 1 to 65535")
    course.prepare()
    course.quiet_jupyterlab()
    command = [sys.executable, "-m", "jupyterlab", "--ip=127.0.0.1", f"--port={options.port}",
               f"--ServerApp.root_dir={settings.ROOT / 'labs'}"]
    if options.no_browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    return subprocess.run(command, cwd=settings.ROOT).returncode


def _test(options: argparse.Namespace) -> int:
    course.prepare()
    if lint := subprocess.run([sys.executable, "-m", "ruff", "check", "."], cwd=settings.ROOT).returncode:
        return lint
    variables = {**os.environ, "LAB_FAST": "" if options.full else "1", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "pytest", "tests", "labs", "solutions", "--nbval-lax", "--nbval-current-env",
               f"--nbval-cell-timeout={1200 if options.full else 300}"]
    import psutil

    if not options.full and (os.cpu_count() or 1) > 1 and psutil.virtual_memory().total >= 12e9:
        command += ["-n", "2", "--dist", "loadfile"]
        variables["OMP_NUM_THREADS"] = "1"  # two processes whose threads wait for each other's cores are many times slower
    return subprocess.run(command, cwd=settings.ROOT, env=variables).returncode


def _run(options: argparse.Namespace) -> int:
    course.prepare()
    return course.run_notebooks(settings.ROOT / options.what, options.fast, options.save)


def _release(options: argparse.Namespace) -> int:
    return course.release_labs(options.check)


def _benchmark(options: argparse.Namespace) -> int:
    arms, out = evaluation.parse_arms(options.arms), _records_path(options.out, options.questions)
    evaluation.read_questions(options.questions)  # reports a broken file before the corpus is loaded
    workspace = evaluation.load_workspace(options.corpus)
    file = _questions(options, workspace)
    questions = file.select(options.split)
    if any(arm.context.retrieves for arm in arms) or not options.retrieval_only:
        course.prepare(index=not options.corpus)
    train_questions = evaluation.training_questions(file.questions) if any(arm.is_baseline for arm in arms) else ()
    try:
        records = evaluation.run_arms(questions, arms, workspace, out, options.retrieval_only, train_questions)
        provenance = evaluation.records_provenance(arms, workspace, options.corpus, file, records)
        evaluation.write_with_backup(evaluation.provenance_file(out), json.dumps(provenance, indent=1) + "\n")
    except OSError as error:
        raise RuntimeError(f"{out}: cannot be written ({error.strerror}); free some space or give another --out, then run the "
                           f"command again: finished records are kept in {out.name}.part") from None
    print(evaluation.benchmark_tables(records, options.retrieval_only or not any("score" in r.scores for r in records)))
    print(f"{len(records)} records in {out}")
    return _closing(out, workspace.reading, file)


def _records_path(out: str, *inputs: str) -> Path:
    """The path of --out with its folder made. Raises ValueError if that is a folder or would replace an input."""
    path = Path(out)
    if path.is_dir():
        raise ValueError(f"{path}: is a folder; give --out a file name")
    for written in (path, evaluation.provenance_file(path)):
        if written.resolve() in [Path(name).resolve() for name in inputs]:
            raise ValueError(f"{written}: --out is the questions file itself, or another input; give another name")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _questions(options: argparse.Namespace, workspace: evaluation.Workspace) -> evaluation.QuestionsFile:
    """The questions of --questions on the documents of --corpus; what was mended or set aside is printed at once."""
    known = workspace.documents if options.corpus or options.command == "benchmark" else ()
    unread = {row.file for row in workspace.reading.files if not row.words} if workspace.reading else set()
    file = evaluation.read_questions(options.questions, known, unread)
    for note in evaluation.language_notes(list(workspace.documents.values()), file.questions, workspace.settings):
        print(note, file=sys.stderr)
    for note in file.notes:
        print(f"{options.questions}: {note}", file=sys.stderr)
    return file


def _closing(out: Path, reading: corpus.ReadingReport | None, file: evaluation.QuestionsFile | None = None) -> int:
    """Prints what was not read or not scored as the last lines; returns 1 if more than a tenth is set aside."""
    if reading:
        reading.save(out.with_name("read.json"))
        print(reading.sentence())
    if file and file.notes:
        counts = ((len(file.set_aside), "set aside"), (len(file.mended), "mended"))
        print("; ".join([*(f"{count} question(s) {what}" for count, what in counts if count), *file.notes]))
    aside = len(file.set_aside) * 10 > len(file.questions) + len(file.set_aside) if file else False
    return int(aside or bool(reading and reading.share_set_aside > 0.1))


def _rescore(options: argparse.Namespace) -> int:
    out, records = _records_path(options.out, options.records, options.questions), evaluation.read_records(options.records)
    workspace = evaluation.load_workspace(options.corpus)
    file = _questions(options, workspace)
    if any(hit.in_prompt for record in records for hit in record.hits):
        course.prepare(index=not options.corpus)  # searches again for the passages of the prompts
    rescored = evaluation.rescore(records, file.questions, workspace)
    provenance = {**evaluation.read_provenance(options.records), "rescored": evaluation.questions_provenance(file, len(rescored))}
    evaluation.write_with_backup(out, "".join(evaluation.record_line(record.to_json()) for record in rescored))
    evaluation.write_with_backup(evaluation.provenance_file(out), json.dumps(provenance, indent=1) + "\n")
    print(evaluation.score_changes(records, rescored))
    print(f"{len(rescored)} records in {out}")
    return _closing(out, workspace.reading, file)


def _rebuild(options: argparse.Namespace) -> int:
    course.prepare()
    return subprocess.run([sys.executable, "-m", "data.build", options.what], cwd=settings.ROOT).returncode


def _draft(options: argparse.Namespace) -> int:
    from . import own_domain

    if options.many < 1:
        raise ValueError(f"--many {options.many} is too small: give at least 1")
    documents, reading = corpus.read_folder(options.corpus)
    for note in evaluation.language_notes(documents, (), settings.load()):
        print(note, file=sys.stderr)
    drafts = own_domain.write_drafts(documents, Path(options.out), options.many)
    print(f"{drafts} drafts in {options.out}, each marked {own_domain.REVIEW!r}: reword them, add other accepted answers and "
          "delete drafts that are not real questions")
    return _closing(Path(options.out), reading)


def _report(options: argparse.Namespace) -> int:
    from . import roi

    out = Path(options.out)
    if out.suffix.lower() not in (".html", ".htm") or out.is_dir():
        raise ValueError(f"{out}: give --out the name of an .html file")
    records = evaluation.read_records(options.records)
    subject = evaluation.subject(evaluation.read_provenance(options.records))
    course.prepare(index=False)
    out.parent.mkdir(parents=True, exist_ok=True)
    for path in roi.write_report(records, out, Path(options.prices) if options.prices else roi.PRICE_FILE, subject):
        print(path)
    return 0


def _doctor(options: argparse.Namespace) -> int:
    return course.run_doctor()


COMMANDS = {"setup": _setup, "lab": _lab, "test": _test, "run": _run, "release": _release, "benchmark": _benchmark,
            "rescore": _rescore, "rebuild": _rebuild, "draft": _draft, "report": _report, "doctor": _doctor}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
