"""A second real corpus: the docstrings of an installed package, one text file for each public function.

Written into a folder at run time and never committed, so that the lab can show the same tools on documents of another domain.
"""
from __future__ import annotations

import importlib
import inspect
from pathlib import Path

SHORTEST = 300  # characters; shorter docstrings say too little to be a document


def write(package: str, folder: Path) -> list[Path]:
    """Write NAME.txt for each documented public function of the package's top level; returns the files, sorted.

    Files that are there already with the same text are left alone. Raises ValueError when the package is not installed or
    documents no function.
    """
    try:
        module = importlib.import_module(package)
    except ImportError:
        raise ValueError(f"the package {package!r} is not installed here: name one that is, for example networkx") from None
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for name in sorted(name for name in dir(module) if not name.startswith("_")):
        function = getattr(module, name)
        text = inspect.getdoc(function) if inspect.isfunction(function) else None
        if not text or len(text) < SHORTEST:
            continue
        path, whole = folder / f"{name}.txt", f"{package} {name}\n\n{text}\n"
        if not path.exists() or path.read_text("utf-8") != whole:
            path.write_text(whole, "utf-8")
        made.append(path)
    if not made:
        raise ValueError(f"the package {package!r} has no function with a docstring of {SHORTEST} characters or more")
    return made
