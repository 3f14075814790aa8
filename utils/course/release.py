"""Writes `labs/` from `solutions/`: removes exercise bodies, outputs and notes for instructors, updates badges and addresses."""
from __future__ import annotations

import copy
import json
import re
import time
from pathlib import Path

from .. import settings
from .reference_solutions import BEGIN, END

STUB = "# YOUR CODE HERE"
REPAIR, BROKEN, MENDED = "### BEGIN REPAIR", "### BROKEN", "### END REPAIR"  # around mended lines, then the faulty ones
NOTE = "instructor-note"  # tag of a cell that labs do not have
AFTER = {BEGIN: ("",), END: (BEGIN,), REPAIR: ("",), BROKEN: (REPAIR,), MENDED: (BROKEN,)}  # what a marker may end
BADGE = re.compile(r"^\[!\[Open in Colab\].*$", re.M)
README_BADGE = re.compile(r"\[!\[Open in Colab\]\([^)]*\)\]\([^)]*?(labs/\w+\.ipynb)\)")
CLONE = re.compile(r'^REPOSITORY = ".*"$', re.M)


def blank_solutions(source: str) -> str:
    """The source as a lab has it: a stub that raises NotImplementedError for every marked solution, the fault for every repair.

    Of a repair, the commented lines after BROKEN stay, without their comment signs. Raises ValueError for unpaired markers.
    """
    lines, within = [], ""
    for line in source.split("\n"):
        marker, indent = line.strip(), line[: len(line) - len(line.lstrip())]
        if marker in AFTER:
            if within not in AFTER[marker]:
                raise ValueError(f"{marker} without its matching marker in: {source.splitlines()[0]}")
            within = "" if marker in (END, MENDED) else marker
            lines += [f"{indent}{STUB}", f"{indent}raise NotImplementedError"] * (marker == BEGIN)
        elif within in ("", BROKEN):
            lines.append(line.replace("# ", "", 1) if within else line)
    if within:
        raise ValueError(f"{within} without its end in: {source.splitlines()[0]}")
    return "\n".join(lines)


def make_lab(solution: dict) -> dict:
    """The lab made from a solution notebook (both as parsed JSON)."""
    lab = copy.deepcopy(solution)
    lab["cells"] = [cell for cell in lab["cells"] if NOTE not in cell["metadata"].get("tags", [])]
    for cell in lab["cells"]:
        cell["source"] = blank_solutions(_text(cell))
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
            cell["metadata"].pop("execution", None)
    return lab


def renew_addresses(notebook: dict, path: str) -> dict:
    """The notebook with badge and clone address updated (in place) from `settings.REPOSITORY_URL`."""
    for cell in notebook["cells"]:
        cell["source"] = CLONE.sub(f'REPOSITORY = "{settings.REPOSITORY_URL}"', BADGE.sub(colab_badge(path), _text(cell)))
    return notebook


def colab_badge(path: str) -> str:
    """Markdown of the Colab badge for the notebook at `path` in this repository."""
    github = settings.REPOSITORY_URL.removeprefix("https://github.com/")
    return (f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
            f"(https://colab.research.google.com/github/{github}/blob/main/{path})")


def generated_files(root: Path) -> dict[Path, str]:
    """Text of every solution with its addresses renewed, and of the lab made from it, by file."""
    pages = {}
    for path in sorted((root / "solutions").glob("*.ipynb")):
        solution = renew_addresses(json.loads(path.read_text("utf-8")), f"labs/{path.name}")
        pages |= {path: _dump(solution), root / "labs" / path.name: _dump(make_lab(solution))}
    return pages


def release_labs(check: bool = False, root: Path = settings.ROOT) -> int:
    """Write every lab and badge that changed; with `check`, only compare and return 1 if one differs."""
    readme, pages, differing = root / "README.md", {}, []
    if readme.exists():
        text = README_BADGE.sub(lambda match: colab_badge(match[1]), readme.read_text("utf-8"))
        pages[readme] = re.sub(r"(?<=    git clone )\S+", settings.REPOSITORY_URL, text)
    pages |= generated_files(root)
    for target, text in pages.items():
        if not target.exists() or target.read_text("utf-8") != text:
            differing.append(target.relative_to(root).as_posix())
            if not check:
                _write(target, text)
    differing += [f"labs/{lab.name}" for lab in (root / "labs").glob("*.ipynb") if lab not in pages]
    if differing:
        print(f"{'different' if check else 'written'}: {', '.join(differing)}")
        if check:
            print("→ for authors: run python3 -m utils release (replaced labs are saved in the cache under backup/)")
        return int(check)
    print("labs/ matches solutions/.")
    return 0


def _write(target: Path, text: str) -> None:
    """Write the file; first copy a lab that is replaced to the cache, because it may hold a learner's answers."""
    if target.exists() and target.parent.name == "labs":
        backup = settings.cache() / "backup" / f"{time.strftime('%Y%m%d-%H%M%S')}-{target.name}"
        backup.parent.mkdir(exist_ok=True)
        backup.write_bytes(target.read_bytes())
    target.parent.mkdir(exist_ok=True)
    partial = target.with_name(target.name + ".part")
    partial.write_text(text, "utf-8")
    partial.replace(target)


def _text(cell: dict) -> str:
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def _dump(notebook: dict) -> str:
    for cell in notebook["cells"]:
        cell["source"] = _text(cell).splitlines(keepends=True)
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
