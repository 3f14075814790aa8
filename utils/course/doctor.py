"""Checks this machine and prints, for each problem, the command that fixes it."""
from __future__ import annotations

import importlib.metadata
import shutil
import sys
from collections.abc import Iterator

from .. import downloads, environment, evaluation, settings
from .preparation import missing_part

SETUP = "python3 -m utils setup"


def machine_checks() -> Iterator[tuple[str, str, str]]:
    """Yields (what, finding, remedy) for each check; an empty remedy means no problem."""
    version = sys.version_info[:2]
    supported = environment.PYTHONS[0] <= version <= environment.PYTHONS[1]
    yield "python", f"{version[0]}.{version[1]}", "" if supported else "install and use Python 3.11, 3.12 or 3.13"
    free = shutil.disk_usage(settings.ROOT).free / 1e9
    yield "disk", f"{free:.0f} GB free", "" if free > 2 else "free at least 2 GB on the disk of this checkout"
    try:
        run = settings.load()
        yield "settings", f"profile {run.profile}, model {run.model}", ""
    except ValueError as error:
        yield "settings", str(error), "correct or unset that variable"
    problems = list(_package_problems())
    yield "packages", f"{len(problems)} wrong" + (f": {', '.join(problems[:4])}" if problems else ""), SETUP if problems else ""
    for name in (settings.WHEEL_EMBEDDER, settings.WHEEL_MODEL + "-safetensors", settings.OLDER_BOTOCORE):
        intact = downloads.is_intact(settings.cache() / "models" / name, deep=True)
        yield f"files {name}", "every file matches its sha256" if intact else "missing or damaged", "" if intact else SETUP
    unready = "the packages come first" if problems else missing_part(search=True)
    yield "index", unready or "ready: it was read and searched", SETUP if unready else ""
    try:
        yield "questions", f"{len(evaluation.load_questions())} read", ""
    except ValueError as error:
        yield "questions", str(error), "git checkout -- data/questions.jsonl"


def _package_problems() -> Iterator[str]:
    for line in environment.requirement_lines(environment.REQUIREMENTS.read_text("utf-8")):
        name, _, pinned = line.partition("==")
        try:
            installed = importlib.metadata.version(environment.package_name(name))
        except importlib.metadata.PackageNotFoundError:
            yield f"{environment.package_name(name)} is missing"
            continue
        if pinned and installed != pinned:
            yield f"{name} is {installed}, required is {pinned}"


def run_doctor() -> int:
    """Remove damaged downloads and print every check; returns 1 if one found a problem, else 0."""
    for name in (settings.WHEEL_EMBEDDER, settings.WHEEL_MODEL + "-safetensors", settings.OLDER_BOTOCORE):
        downloads.remove_if_damaged(name)
    failed = 0
    for what, finding, remedy in machine_checks():
        print(f"{'FIX ' if remedy else 'ok  '} {what}: {finding}")
        if remedy:
            failed += 1
            print(f"     → {remedy}")
    print(f"Problems to fix: {failed}." if failed else "No problems found.")
    return 1 if failed else 0
