"""A folder with every wheel that set-up needs: written where there is a network, installed from where there is none.

Its manifest says for which Python, system and requirements it was made. Standard library only, but for writing.
"""
from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import time
from pathlib import Path

from . import downloads, environment, settings

BATCH_BYTES = 40e6  # installed size of what one run of pip fetches: an interruption loses no more


def machine() -> dict[str, str]:
    """What a bundle is made for: Python's version, the system, and the requirements (sha256 of their lines)."""
    lines = environment.requirement_lines(environment.REQUIREMENTS.read_text("utf-8"))
    return {"Python": ".".join(platform.python_version_tuple()[:2]), "system": f"{platform.system()} {platform.machine()}",
            "requirements": hashlib.sha256("\n".join(lines).encode()).hexdigest()}


def use_bundle(folder: Path) -> None:
    """From now on, pip takes every package and model from the folder and asks no network.

    Raises ValueError if the folder is no finished bundle for this machine, or names the files that are damaged.
    """
    place = folder.resolve().as_uri()  # pip splits a path at its spaces, but not a URL
    if os.environ.get("PIP_FIND_LINKS") == place:  # checked by the process that started this one
        return
    try:
        made_for = json.loads((folder / downloads.MANIFEST).read_text("utf-8"))["made_for"]
    except (OSError, ValueError, KeyError):
        raise ValueError(f"{folder} holds no finished bundle: give --from the folder that `python3 -m utils bundle --out DIR` "
                         "wrote, and if that was interrupted, run it again") from None
    for what, here in machine().items():
        if made_for.get(what) != here:
            there = "another requirements.txt" if what == "requirements" else f"{what} {made_for.get(what)}, and this is {here}"
            raise ValueError(f"{folder} was made for {there}: use that, or write a bundle with this one "
                             "(`python3 -m utils bundle --out DIR`, where there is a network)")
    print("Bundle: checking every file …", flush=True)
    if damaged := downloads.damaged_files(folder, deep=True):
        raise ValueError(f"{folder}: {len(damaged)} file(s) missing or damaged, {damaged[0]} first: copy the folder again, or "
                         "mend it with `python3 -m utils bundle --out DIR`, where there is a network")
    for name in ("PIP_CONSTRAINT", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        os.environ.pop(name, None)
    os.environ.update(PIP_NO_INDEX="1", PIP_FIND_LINKS=place, PIP_CONFIG_FILE=os.devnull)


def write_bundle(folder: Path) -> str:
    """Download into the folder what it lacks, drop what is no longer needed, and return a sentence with its size.

    Only intact files of the manifest count, so that an interrupted run goes on. Raises RuntimeError where pip cannot deliver.
    """
    from packaging.utils import canonicalize_name, parse_wheel_filename
    from packaging.version import Version

    if problems := environment.package_problems():
        raise RuntimeError(f"the environment differs from requirements.txt ({problems[0]}): run `python3 -m utils doctor` first")
    packages = {canonicalize_name(requirement.name): str(Version(version))
                for requirement, version in environment.installed_requirements()}
    models = {wheel.filename: wheel for wheel in downloads.WHEELS.values()}
    shutil.rmtree(folder / "part", ignore_errors=True)
    (folder / "part").mkdir(parents=True)
    files = intact_files(folder)
    for filename in list(files):
        name, version, *_ = parse_wheel_filename(filename)
        if models.pop(filename, None) is None and packages.pop(name, None) != str(version):
            del files[filename]
            (folder / filename).unlink(missing_ok=True)
    for wheel in models.values():
        environment.show_progress(f"Bundle: {wheel.filename} …")
        shutil.copyfile(downloads.fetch_wheel(wheel), folder / "part" / wheel.filename)
        keep_file(folder, wheel.filename, files)
    sizes = {name: 2e6 + sum(file.size or 0 for file in importlib.metadata.files(name) or ()) for name in packages}
    fetched, started = 0.0, time.monotonic()
    waiting = sorted(packages, key=sizes.get, reverse=True)
    while waiting:
        batch = [waiting.pop(0)]
        while waiting and sum(map(sizes.get, [*batch, waiting[0]])) < BATCH_BYTES:
            batch.append(waiting.pop(0))
        left = (sum(sizes.values()) / fetched - 1) * (time.monotonic() - started) / 60 if fetched else 0
        environment.show_progress(f"Bundle: {len(files)} files, {f'{left:.0f} minutes left, ' if left else ''}{batch[0]} …")
        fetch_packages([f"{name}=={packages[name]}" for name in batch], folder / "part")
        for path in sorted((folder / "part").glob("*.whl")):
            keep_file(folder, path.name, files)
        fetched += sum(map(sizes.get, batch))
    environment.show_progress("")
    write_manifest(folder, files, made_for=machine())
    shutil.rmtree(folder / "part")
    return (f"Bundle: {len(files)} files, {sum(size for size, _ in files.values()):,} bytes in {folder}. On a machine like this "
            f"one, `python3 -m utils setup --from {folder}` needs no network.")


def fetch_packages(pinned: list[str], folder: Path) -> None:
    """Let pip download the wheels of pinned packages into the folder, or build them; RuntimeError says why it could not."""
    cpu_torch = pinned[0].startswith("torch==") and "+cpu" in pinned[0] and not environment.pip_has_torch_source()
    source = ["--index-url", settings.TORCH_CPU_INDEX] if cpu_torch else []
    done = environment.run_pip("wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), *source, *pinned)
    if done.returncode:
        raise RuntimeError(f"Packages could not be fetched: {downloads.pip_problem(done.stderr)}; what is there is kept")


def intact_files(folder: Path) -> dict[str, list]:
    """File → size and sha256, of the files of the manifest that are intact; none without a manifest."""
    damaged = downloads.damaged_files(folder, deep=True)
    if downloads.MANIFEST in damaged:
        return {}
    files = json.loads((folder / downloads.MANIFEST).read_text("utf-8"))["files"]
    return {name: facts for name, facts in files.items() if name not in damaged}


def keep_file(folder: Path, filename: str, files: dict[str, list]) -> None:
    """Move a finished file out of `part` and note it in `files` and in the manifest."""
    path = folder / "part" / filename
    files[filename] = [path.stat().st_size, downloads.sha256(path)]
    path.replace(folder / filename)
    write_manifest(folder, files)


def write_manifest(folder: Path, files: dict[str, list], **facts: object) -> None:
    """Replace the manifest in one step."""
    path = folder / "part" / downloads.MANIFEST
    path.write_text(json.dumps({"files": files, **facts}, indent=1), "utf-8")
    path.replace(folder / downloads.MANIFEST)
