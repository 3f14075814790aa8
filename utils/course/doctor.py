"""Looks at this machine and says what is wrong with it, each time with the exact command that mends it."""
from __future__ import annotations

import importlib.metadata
import shutil
import sys
from collections.abc import Iterator

from .. import downloads, environment, evaluation, settings
from .preparation import is_prepared

SETUP = "python3 -m utils setup"


def machine_checks() -> Iterator[tuple[str, str, str]]:
    """(what, finding, remedy) for each check; an empty remedy means that it is fine."""
    version = sys.version_info[:2]
    fine = environment.PYTHONS[0] <= version <= environment.PYTHONS[1]
    yield "python", f"{version[0]}.{version[1]}", "" if fine else "install Python 3.11, 3.12 or 3.13 and use that"
    free = shutil.disk_usage(settings.ROOT).free / 1e9
    yield "disk", f"{free:.0f} GB free", "" if free > 2 else "free at least 2 GB on the disk of this checkout"
    try:
        chosen = settings.load()
        yield "settings", f"profile {chosen.profile}, model {chosen.model}", ""
    except ValueError as error:
        yield "settings", str(error), "correct or unset that variable"
    wrong = list(_packages())
    yield "packages", f"{len(wrong)} wrong" + (f": {', '.join(wrong[:4])}" if wrong else ""), SETUP if wrong else ""
    for name in (settings.WHEEL_EMBEDDER, settings.WHEEL_MODEL + "-safetensors", settings.OLDER_BOTOCORE):
        whole = downloads.is_intact(settings.cache() / "models" / name, deep=True)
        yield f"files {name}", "every file matches its sha256" if whole else "missing or damaged", "" if whole else SETUP
    ready = not wrong and is_prepared()
    yield "index", "ready" if ready else "not made yet", "" if ready else SETUP
    yield from _questions()


def _packages() -> Iterator[str]:
    for line in environment.requirement_lines(environment.REQUIREMENTS.read_text("utf-8")):
        name, _, pinned = line.partition("==")
        try:
            found = importlib.metadata.version(environment.package_name(name))
        except importlib.metadata.PackageNotFoundError:
            yield f"{environment.package_name(name)} is missing"
            continue
        if pinned and found != pinned:
            yield f"{name} is {found}, wanted {pinned}"


def _questions() -> Iterator[tuple[str, str, str]]:
    try:
        yield "questions", f"{len(evaluation.load_questions())} read", ""
    except ValueError as error:
        yield "questions", str(error), "git checkout -- data/questions.jsonl"


def run_doctor() -> int:
    """Print every check; 0 when all is well."""
    for name in (settings.WHEEL_EMBEDDER, settings.WHEEL_MODEL + "-safetensors", settings.OLDER_BOTOCORE):
        downloads.remove_if_damaged(name)
    failed = 0
    for what, finding, remedy in machine_checks():
        print(f"{'ok  ' if not remedy else 'MEND'} {what}: {finding}")
        if remedy:
            failed += 1
            print(f"     → {remedy}")
    print("Nothing to mend." if not failed else f"{failed} to mend.")
    return 1 if failed else 0
