"""Puts `labs/` back to its blank state and takes a learner's files out of the cache; all of it is kept in a backup."""
from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

from .. import settings
from .release import generated_files

# In the cache: guesses, quizzes, tries, labels, prices, adapters, interrupted trainings, work folders of the labs.
LEARNER_FILES = ("learner*", "own_prices*", "registry", "training", "lab[0-9]")


def reset_labs(yes: bool, root: Path = settings.ROOT) -> int:
    """Make `labs/` blank and forget the learner; returns 1 if the question was answered with no, else 0.

    Raises ValueError where nobody can be asked, or without solutions. Interrupted, it loses nothing and can be run again.
    """
    cache = settings.cache()
    blank = {path: text.encode() for path, text in generated_files(root).items() if path.parent.name == "labs"}
    if not blank:
        raise ValueError("solutions/ holds no notebook to make labs/ from: check out the repository again")
    filled = [path for path, text in blank.items() if not path.exists() or path.read_bytes() != text]
    parts = {path: path.with_name(f".{path.name}.part") for path in blank}  # an interrupted run may have left one
    own = {*blank, *parts.values(), root / "labs" / "README.md"}
    others = sorted(path for path in (root / "labs").glob("*") if path not in own)
    others += [path for pattern in LEARNER_FILES for path in sorted(cache.glob(pattern))]
    if not filled + others:
        print("labs/ is blank, and the cache holds nothing of a learner.")
        return 0
    if not yes and not sys.stdin.isatty():
        raise ValueError("reset asks before it removes anything, and nobody can answer here: use a terminal, or add --yes")
    backup = cache / "backup" / f"reset-{time.strftime('%Y%m%d-%H%M%S')}"
    print(f"To be blank again: {', '.join(path.name for path in filled) or 'no notebook'}\n"
          f"To be removed: {', '.join(path.name for path in others) or 'nothing'}\nBackup of both: {backup}")
    if not yes and not _agreed():
        print("Nothing was changed.")
        return 1
    backup.mkdir(parents=True)  # never over an older one
    for path in filled:
        if path.exists():
            shutil.copy2(path, _place(backup / "labs") / path.name)
        _place(path.parent)
        parts[path].write_bytes(blank[path])
        os.replace(parts[path], path)
    for path in others:
        shutil.move(path, _place(backup / ("labs" if path.parent == root / "labs" else "cache")) / path.name)
    print("Done. Close notebooks that are still open without saving them, and stop their kernels.")
    return 0


def _agreed() -> bool:
    try:
        return input("Go on? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _place(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
