"""Checks this machine and prints, for each problem, the command that fixes it."""
from __future__ import annotations

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
    problems = environment.package_problems()
    yield "packages", f"{len(problems)} wrong" + (f": {', '.join(problems[:8])}" if problems else ""), SETUP if problems else ""
    if kept := environment.kept_by_colab():
        yield "Colab's own", "used as they are: " + ", ".join(f"{name} {version}" for name, version in kept.items()), ""
    for name in (settings.WHEEL_EMBEDDER, settings.WHEEL_MODEL + "-safetensors", settings.OLDER_BOTOCORE):
        intact = downloads.is_intact(settings.cache() / "models" / name, deep=True)
        yield f"files {name}", "every file matches its sha256" if intact else "missing or damaged", "" if intact else SETUP
    unready = "the packages come first" if problems else missing_part(search=True)
    yield "index", unready or "ready: it was read and searched", SETUP if unready else ""
    try:
        yield "questions", f"{len(evaluation.load_questions())} read", ""
    except ValueError as error:
        yield "questions", str(error), "git checkout -- data/questions.jsonl"


def run_doctor() -> int:
    """Remove what stops `setup` from mending (damaged downloads, the note that packages are installed) and print every check;
    returns 1 if one found a problem, else 0."""
    if environment.package_problems():
        environment.installed_stamp().unlink(missing_ok=True)
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
