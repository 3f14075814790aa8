"""Docstrings of an installed package as a folder of documents: the second corpus of lab 3."""
from __future__ import annotations

import importlib
import inspect
from pathlib import Path

SHORTEST = 300  # characters; shorter docstrings are not useful as documents


def write_docstrings(package: str, folder: Path) -> list[Path]:
    """Write NAME.txt for each documented public function of a package; the files, sorted. Raises ValueError without any."""
    try:
        module = importlib.import_module(package)
    except ImportError:
        raise ValueError(f"the package {package!r} is not installed: install it or name another, for example networkx") from None
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name in sorted(name for name in dir(module) if not name.startswith("_")):
        function = getattr(module, name)
        text = inspect.getdoc(function) if inspect.isfunction(function) else None
        if not text or len(text) < SHORTEST:
            continue
        path, content = folder / f"{name}.txt", f"{package} {name}\n\n{text}\n"
        if not path.exists() or path.read_text("utf-8") != content:
            path.write_text(content, "utf-8")
        files.append(path)
    if not files:
        raise ValueError(f"{package!r} has no function with a docstring of at least {SHORTEST} characters: name another package")
    return files
