"""`python -m utils COMMAND`: setup, JupyterLab, tests, notebooks, benchmark. Needs only the standard library to start."""
from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from . import course, environment, evaluation, own_domain, roi, settings


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
    train = commands.add_parser("train", help="train an adapter on the training questions of a file; resumes")
    train.add_argument("--corpus", default="", metavar="DIR", help="the folder of documents (default: the course's)")
    train.add_argument("--questions", required=True, metavar="FILE", help="JSON lines, or a table (.csv, .xlsx)")
    train.add_argument("--recipe", required=True, choices=("raft", "closed_book", "format_only"),
                       help="reading passages, knowing by heart, or its control (the course's documents only)")
    train.add_argument("--out", required=True, metavar="DIR", help="folder of the new adapter")
    train.add_argument("--from", dest="parent", default="", metavar="ADAPTER",
                       help="adapter to go on from, or none (default: the course's raft for reading)")
    train.add_argument("--limit", type=int, default=0, metavar="N", help="train on N random examples only")
    train.add_argument("--seed", type=int, default=0)
    decide = commands.add_parser("decide", help="RAG, fine-tuning or both on your documents: trains, measures, writes the page")
    decide.add_argument("--corpus", required=True, metavar="DIR", help="the folder of your documents")
    decide.add_argument("--questions", required=True, metavar="FILE", help="JSON lines, or a table (.csv, .xlsx)")
    decide.add_argument("--prices", default="", metavar="FILE", help="your own copy of data/prices.yaml")
    decide.add_argument("--minutes", type=float, default=60.0, metavar="N", help="for all runs together (default 60)")
    decide.add_argument("--out", required=True, metavar="DIR", help="folder for plan, records, adapters and page")
    ask = commands.add_parser("ask", help="ask what `decide` recommended")
    ask.add_argument("question", metavar="QUESTION")
    ask.add_argument("--from", dest="out", required=True, metavar="DIR", help="the folder that `decide` wrote")
    ask.add_argument("--arm", default="", help="another option than the recommended one")
    report = commands.add_parser("report", help="write a one-page decision report from benchmark records")
    report.add_argument("--records", required=True, metavar="FILE", help="file written by `benchmark --out`")
    report.add_argument("--out", required=True, metavar="FILE.html", help="the page, one file")
    report.add_argument("--prices", default="", metavar="FILE", help="your own copy of data/prices.yaml")
    report.add_argument("--questions", default="", metavar="FILE", help="their questions, if they are not where they were")
    report.add_argument("--no-answers", action="store_true", help="leave the answers out, which hold text of the documents")
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
    variables = {**os.environ, "LAB_FAST": "" if options.full else "1", "HF_HUB_OFFLINE": "1", "LAB_UNATTENDED": "1"}
    command = [sys.executable, "-m", "pytest", "tests", "labs", "solutions", "--nbval-lax", "--nbval-current-env",
               f"--nbval-cell-timeout={1200 if options.full else 600}"]
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


def _rebuild(options: argparse.Namespace) -> int:
    course.prepare()
    return subprocess.run([sys.executable, "-m", "data.build", options.what], cwd=settings.ROOT).returncode


def _report(options: argparse.Namespace) -> int:
    out = Path(options.out)
    if out.suffix.lower() not in (".html", ".htm") or out.is_dir():
        raise ValueError(f"{out}: give --out the name of an .html file")
    records = evaluation.read_records(options.records)
    provenance = evaluation.read_provenance(options.records)
    course.prepare(index=False)
    out.parent.mkdir(parents=True, exist_ok=True)
    questions = evaluation.questions_of_records(provenance, options.questions)
    prices = Path(options.prices) if options.prices else roi.PRICE_FILE
    print(roi.write_report(records, out, prices, provenance, questions, not options.no_answers))
    return 0


def _doctor(options: argparse.Namespace) -> int:
    return course.run_doctor()


COMMANDS = {"setup": _setup, "lab": _lab, "test": _test, "run": _run, "release": _release, "rebuild": _rebuild,
            "report": _report, "doctor": _doctor,
            "benchmark": lambda options: evaluation.benchmark_command(options, course.prepare),
            "rescore": lambda options: evaluation.rescore_command(options, course.prepare),
            "draft": lambda options: own_domain.draft_command(options, course.prepare),
            "train": lambda options: own_domain.train_command(options, course.prepare),
            "decide": lambda options: own_domain.decide_command(options, course.prepare),
            "ask": lambda options: own_domain.ask_command(options, course.prepare)}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
