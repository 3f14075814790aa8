"""`python -m utils COMMAND`: setup, JupyterLab, tests, notebooks, benchmark. Needs only the standard library to start."""
from __future__ import annotations

import argparse
import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from . import bundle, course, environment, evaluation, own_domain, roi, settings


def main(arguments: list[str]) -> int:
    """Run one command and return its exit code; an expected error prints a sentence, or one for each mistake, and returns 1."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "doctor" and not environment.interpreter().exists():
            environment.check_python()
            print(f"FIX  environment: {environment.VENV.name} does not exist\n     → python3 -m utils setup")
            return 1
        if getattr(options, "bundle", ""):
            bundle.use_bundle(Path(options.bundle))
        if options.command not in STANDARD_LIBRARY and not environment.is_active():
            if options.command != "doctor":
                environment.create_environment()
            command = [str(environment.interpreter()), "-m", "utils", *arguments]
            if os.name == "nt":
                return subprocess.run(command, cwd=settings.ROOT).returncode
            os.chdir(settings.ROOT)
            os.execv(command[0], command)  # the same process, so that every signal meets the command itself
        return COMMANDS[options.command][0](options)
    except KeyboardInterrupt:
        print("\nInterrupted. Run the same command again: it resumes where it stopped.", file=sys.stderr)
        return 130
    except (ValueError, RuntimeError, LookupError) as error:
        print(error if isinstance(error, ValueError) else str(error).split("\n")[0], file=sys.stderr)
        return 1
    except OSError as error:
        mend = {errno.ENOSPC: "free some space", errno.EROFS: "use a folder that can be written (for the cache, set LAB_CACHE)"}
        todo = mend.get(error.errno, "fix this")
        where = error.filename or (_fullest_disk(options) if error.errno == errno.ENOSPC else "a file")
        print(f"{where}: {error.strerror or error}; {todo} and run the command again", file=sys.stderr)
        return 1
    except Exception as error:
        if f"os error {errno.ENOSPC}" not in str(error):  # as libraries written in Rust say it
            raise
        where = _fullest_disk(options)
        print(f"{where}: {os.strerror(errno.ENOSPC)}; free some space and run the command again", file=sys.stderr)
        return 1


def _fullest_disk(options: argparse.Namespace) -> Path:
    """Of the folders that this command writes, the one with the least space left on its disk."""
    out = Path(getattr(options, "out", "") or settings.cache()).absolute()
    folders = [settings.ROOT, settings.cache(), next(path for path in (out, *out.parents) if path.is_dir())]
    return min(folders, key=lambda folder: shutil.disk_usage(folder).free)


def run_child(command: list[str], **options) -> int:
    """Exit code of a command. A signal that ends this process ends the command first, then what is left of all it started."""
    process = subprocess.Popen(command, cwd=settings.ROOT, **options)
    try:
        return process.wait()
    except (KeyboardInterrupt, SystemExit) as ended:
        import psutil

        signal.signal(signal.SIGINT, signal.SIG_IGN)
        tree = psutil.Process().children(recursive=True)
        if isinstance(ended, SystemExit):  # at a keyboard, the terminal has interrupted the command as well
            process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
        for child in psutil.wait_procs(tree, timeout=1)[1]:
            child.kill()
        raise


def end_on_signals() -> None:
    """From now on, SIGTERM and SIGHUP (not under nohup) raise SystemExit, so that what waits for a child can end it."""
    def leave(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_IGN)
        sys.exit(128 + number)

    for number in filter(None, (signal.SIGTERM, getattr(signal, "SIGHUP", None))):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, leave)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m utils", description="RAG or fine-tuning? Three labs.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, about, arguments) in COMMANDS.items():
        command = commands.add_parser(name, help=about)
        for argument, more in arguments.items():
            command.add_argument(argument, **more)
    return parser


def _setup(options: argparse.Namespace) -> int:
    course.prepare()
    print("Ready.")
    return 0


def _bundle(options: argparse.Namespace) -> int:
    print(bundle.write_bundle(Path(options.out)))
    return 0


def _lab(options: argparse.Namespace) -> int:
    if not 1 <= options.port <= 65535:
        raise ValueError(f"--port {options.port} is out of range: give a number from 1 to 65535")
    course.prepare()
    course.quiet_jupyterlab()
    command = [sys.executable, "-m", "jupyterlab", "--ip=127.0.0.1", f"--port={options.port}",
               f"--ServerApp.root_dir={settings.ROOT / 'labs'}", "--ServerApp.answer_yes=True"]
    if options.no_browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    return run_child(command)


def _test(options: argparse.Namespace) -> int:
    course.prepare()
    if lint := run_child([sys.executable, "-m", "ruff", "check", "."]):
        return lint
    variables = {**os.environ, "LAB_FAST": "" if options.full else "1", "HF_HUB_OFFLINE": "1", "LAB_UNATTENDED": "1"}
    command = [sys.executable, "-m", "pytest", "tests", "labs", "solutions", "--nbval-lax", "--nbval-current-env",
               f"--nbval-cell-timeout={1200 if options.full else 600}"]
    import psutil

    if not options.full and (os.cpu_count() or 1) > 1 and psutil.virtual_memory().total >= 12e9:
        command += ["-n", "2", "--dist", "loadfile"]
        variables["OMP_NUM_THREADS"] = "1"  # two processes whose threads wait for each other's cores are many times slower
    return run_child(command, env=variables)


def _run(options: argparse.Namespace) -> int:
    course.prepare()
    return course.run_notebooks(settings.ROOT / options.what, options.fast, options.save, options.save_timings)


def _rebuild(options: argparse.Namespace) -> int:
    course.prepare()
    return run_child([sys.executable, "-m", "data.build", options.what])


def _report(options: argparse.Namespace) -> int:
    out = Path(options.out)
    if out.suffix.lower() not in (".html", ".htm") or out.is_dir():
        raise ValueError(f"{out}: give --out the name of an .html file")
    records = evaluation.read_records(options.records)
    provenance = evaluation.read_provenance(options.records)
    course.prepare(index=False)
    out.parent.mkdir(parents=True, exist_ok=True)
    questions = evaluation.questions_of_records(provenance, options.questions)
    if accepted := provenance.get("accepted"):
        questions, _ = evaluation.with_accepted(questions, Path(accepted["file"]))
    prices = Path(options.prices) if options.prices else roi.PRICE_FILE
    records, provenance = roi.decided_at_prices(records, questions, provenance, prices)
    print(roi.write_report(records, out, prices, provenance, questions, not options.no_answers))
    return 0


# Arguments that several commands share.
FLAG = {"action": "store_true"}
FOLDER = {"required": True, "metavar": "DIR"}
CORPUS = {"default": "", "metavar": "DIR", "help": "a folder of your own documents (default: the course's)"}
QUESTIONS = {"required": True, "metavar": "FILE", "help": "JSON lines, or a table (.csv, .xlsx)"}
RECORDS = {"required": True, "metavar": "FILE", "help": "file written by `benchmark --out`, or a .jsonl.gz"}
NEW_RECORDS = {"required": True, "metavar": "FILE", "help": "where to write records; an old file becomes FILE.bak"}
BUNDLE = {"dest": "bundle", "default": "", "metavar": "DIR", "help": "install without a network, from what `bundle` wrote"}
PRICES = {"default": "", "metavar": "FILE", "help": "your own copy of data/prices.yaml"}

STANDARD_LIBRARY = ("progress", "reset")  # need no environment

# Name → function, help, arguments.
COMMANDS = {
    "setup": (_setup, "prepare environment, models, corpus and index; takes seconds when nothing changed", {"--from": BUNDLE}),
    "lab": (_lab, "run setup, then open JupyterLab on labs/",
            {"--no-browser": FLAG, "--port": {"type": int, "default": 8888}, "--from": BUNDLE}),
    "bundle": (_bundle, "for instructors: write a folder from which machines like this one install without a network",
               {"--out": FOLDER}),
    "test": (_test, "run lint, unit tests and every notebook",
             {"--full": {**FLAG, "help": "run the notebooks at full size"}}),
    "run": (_run, "execute notebooks and print a table", {
        "what": {"choices": ("solutions", "labs")}, "--fast": FLAG,
        "--save": {**FLAG, "help": "save the outputs in the notebooks"},
        "--save-timings": {**FLAG, "help": "store the seconds of each cell, and renew the schedules of labs/README.md"}}),
    "progress": (lambda options: course.progress_command(options.paths), "exercises solved in stored notebooks, one a row", {
        "paths": {"nargs": "+", "metavar": "PATH", "help": "notebooks, or folders of them"}}),
    "reset": (lambda options: course.reset_labs(options.yes), "blank labs and no learner's files; keeps a backup", {
        "--yes": {**FLAG, "help": "do not ask"}}),
    "release": (lambda options: course.release_labs(options.check), "for authors: write labs/ from solutions/",
                {"--check": {**FLAG, "help": "write nothing; exit code 1 if they differ"}}),
    "benchmark": (lambda options: evaluation.benchmark_command(options, course.prepare), "score arms on a questions file", {
        "--questions": QUESTIONS, "--corpus": CORPUS, "--out": NEW_RECORDS,
        "--arms": {"default": evaluation.DEFAULT_ARMS, "metavar": "A,B",
                   "help": f"default {evaluation.DEFAULT_ARMS}; an unknown arm prints the list of all arms"},
        "--split": {"default": "", "metavar": "S", "help": "use only this split of the file (train, dev or test)"},
        "--retrieval-only": {**FLAG, "help": "score retrieval only, without a language model"},
        "--threshold": {"type": float, "metavar": "P",
                        "help": "give an answer where the confidence in it is at least P (default: the model decides)"}}),
    "rescore": (lambda options: evaluation.rescore_command(options, course.prepare),
                "score stored answers anew, with corrected questions; asks no model",
                {"--records": RECORDS, "--questions": QUESTIONS, "--corpus": CORPUS, "--out": NEW_RECORDS}),
    "rebuild": (_rebuild, "for authors: rebuild the committed adapters and records; resumes",
                {"what": {"choices": ("lab1", "lab2", "lab3")}}),
    "draft": (lambda options: own_domain.draft_command(options, course.prepare),
              "draft questions about your documents for you to review", {
        "--corpus": FOLDER, "--many": {"type": int, "default": 40, "metavar": "N"},
        "--out": {"required": True, "metavar": "FILE", "help": "JSON lines; an existing file is never replaced"}}),
    "train": (lambda options: own_domain.train_command(options, course.prepare),
              "train an adapter on the training questions of a file; resumes", {
        "--corpus": CORPUS, "--questions": QUESTIONS, "--out": {**FOLDER, "help": "folder of the new adapter"},
        "--recipe": {"required": True, "choices": ("raft", "closed_book"), "help": "reading passages, or knowing by heart"},
        "--from": {"dest": "parent", "default": "", "metavar": "ADAPTER",
                   "help": "adapter to go on from, or none (default: the course's raft for reading)"},
        "--limit": {"type": int, "default": 0, "metavar": "N", "help": "train on N random examples only"},
        "--seed": {"type": int, "default": 0}}),
    "decide": (lambda options: own_domain.decide_command(options, course.prepare),
               "RAG, fine-tuning or both on your documents: trains, measures, writes the page", {
        "--corpus": FOLDER, "--questions": QUESTIONS, "--prices": PRICES,
        "--minutes": {"type": float, "default": 60.0, "metavar": "N", "help": "for all runs together (default 60)"},
        "--out": {**FOLDER, "help": "folder for plan, records, adapters and page"}}),
    "ask": (lambda options: own_domain.ask_command(options, course.prepare), "ask what `decide` recommended", {
        "question": {"metavar": "QUESTION"},
        "--from": {**FOLDER, "dest": "out", "help": "the folder that `decide` wrote"},
        "--arm": {"default": "", "help": "another option than the recommended one"}}),
    "report": (_report, "write a one-page decision report from benchmark records", {
        "--records": RECORDS, "--prices": PRICES,
        "--out": {"required": True, "metavar": "FILE.html", "help": "the page, one file"},
        "--questions": {"default": "", "metavar": "FILE", "help": "their questions, if they are not where they were"},
        "--no-answers": {**FLAG, "help": "leave the answers out, which hold text of the documents"}}),
    "doctor": (lambda _: course.run_doctor(), "find problems on this machine and show the command that fixes each", {}),
}

if __name__ == "__main__":
    end_on_signals()
    sys.exit(main(sys.argv[1:]))
