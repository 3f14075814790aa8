"""From a fresh clone to a room that works: `.venv`, packages, models, corpus and index, each step skipped when done.

`make_room` uses the standard library only, because nothing is installed when it starts; `prepare` runs inside.
"""
from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from . import settings

VENV = settings.ROOT / ".venv"
REQUIREMENTS = settings.ROOT / "requirements.txt"
PYTHONS = ((3, 11), (3, 13))
NEEDED_GB = 5
# On Colab these stay as they are: replacing them under a running kernel breaks it.
COLAB_KEEPS = {"torch", "numpy", "pandas", "matplotlib", "scikit-learn", "tqdm", "ipywidgets", "beautifulsoup4"}


def on_colab() -> bool:
    """True inside Google Colab, where the packages go into the running environment."""
    return "COLAB_RELEASE_TAG" in os.environ


def python() -> Path:
    """The interpreter everything runs in: the one in `.venv`, or Colab's own."""
    if on_colab():
        return Path(sys.executable)
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def inside() -> bool:
    """True when this process already runs in that interpreter."""
    return on_colab() or Path(sys.prefix).resolve() == VENV.resolve()


def make_room() -> None:
    """Create `.venv` and install the requirements into it, unless that was done for these very requirements.

    Raises RuntimeError with one sentence when Python, the disk or the network stands in the way.
    """
    low, high = PYTHONS
    if not low <= sys.version_info[:2] <= high:
        raise RuntimeError(f"Python {sys.version.split()[0]} is not supported: run this with Python "
                           f"{low[0]}.{low[1]} to {high[0]}.{high[1]}")
    stamp, wanted = _stamp(), _wanted()
    if stamp.exists() and stamp.read_text("utf-8") == wanted and python().exists():
        return
    check_disk()
    if not on_colab() and not python().exists():
        print(f"Creating {VENV.name} …", flush=True)
        venv.create(VENV, with_pip=True, clear=VENV.exists())
    pip_install(_lines_to_install())
    stamp.write_text(wanted, "utf-8")


def _stamp() -> Path:
    return settings.cache() / "colab-installed" if on_colab() else VENV / "installed"


def _wanted() -> str:
    return hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()


def _lines_to_install() -> list[str]:
    """Requirement lines; on Colab the run group only, without what Colab already has and must keep."""
    text = REQUIREMENTS.read_text("utf-8")
    if not on_colab():
        return _requirements(text)
    run = text.split("# --- room")[0]
    return [line for line in _requirements(run) if not (_name(line) in COLAB_KEEPS and _installed(_name(line)))]


def _requirements(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _name(line: str) -> str:
    return re.match(r"[A-Za-z0-9_.-]+", line)[0].lower()


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def check_disk(needed_gb: float = NEEDED_GB) -> None:
    """RuntimeError when the disk that holds the checkout has too little room."""
    free = shutil.disk_usage(settings.ROOT).free / 1e9
    if free < needed_gb:
        raise RuntimeError(f"only {free:.1f} GB are free where this checkout is; make room for {needed_gb} GB and retry")


def pip_install(lines: list[str]) -> None:
    """Install with one line of progress instead of pip's log; the log is kept in the cache for when it fails."""
    log = settings.cache() / "pip.log"
    command = [str(python()), "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off", *lines]
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        seen = 0
        for line in process.stdout:
            file.write(line)
            if line.startswith(("Collecting ", "Installing collected")):
                seen += 1
                step = "installing …" if line.startswith("Installing") else line.split()[1]
                progress(f"Packages: {seen} found, {step}")
        process.wait()
    progress("")
    if process.returncode:
        errors = [line for line in log.read_text("utf-8").splitlines() if "ERROR" in line]
        reason = errors[-1].removeprefix("ERROR: ")[:200] if errors else "no reason given"
        raise RuntimeError(f"pip could not install the packages ({reason}); its log is {log.name} in the cache folder: "
                           f"check the network, then run the same command again")
    print(f"Packages: {seen} collected and installed.", flush=True)


def progress(text: str) -> None:
    """Rewrite the current line of a terminal; say nothing elsewhere."""
    if sys.stdout.isatty():
        print(f"\r{text[:78]:<78}", end="" if text else "\r", flush=True)


def prepare() -> None:
    """Models, corpus and index, made or repaired as needed. Runs inside the environment."""
    if prepared():
        return
    check_disk(2)
    from . import arms, models, wheels

    chosen = settings.load()
    wheels.unpack(settings.OLDER_BOTOCORE)
    print("Models: fetching, checking and converting …", flush=True)
    models.embedder_path(chosen.embedder)
    if not chosen.endpoint:
        models.language_model_path(chosen.model)
    print("Corpus: rendering …", flush=True)
    room = arms.Room(chosen)
    print(f"Index: embedding the passages of {len(room.documents)} documents …", flush=True)
    added = room.dense.added
    print(f"Index: {len(room.dense.chunks)} passages, {added} added now.", flush=True)
    print("Advanced index and graph: sections, tuned embedder, entities …", flush=True)
    added = room.advanced.dense.added
    entities = len(room.knowledge.linker.entities)
    print(f"Advanced index: {len(room.advanced.chunks)} passages, {added} added now; {entities} entities.", flush=True)
    _prepared_stamp().write_text(json.dumps(_prepared_key()), "utf-8")


def prepared() -> bool:
    """True when models and index were made for the present settings and their files are all there (by size)."""
    from . import models, wheels

    stamp = _prepared_stamp()
    folders = [settings.cache() / "models" / name for name in (settings.WHEEL_EMBEDDER, models.CONVERTED,
                                                                settings.OLDER_BOTOCORE)]
    chosen = settings.load()
    used = [chosen.embedder == settings.WHEEL_EMBEDDER, chosen.model == settings.WHEEL_MODEL and not chosen.endpoint, True]
    whole = all(wheels.intact(folder) for folder, needed in zip(folders, used, strict=True) if needed)
    try:
        return whole and json.loads(stamp.read_text("utf-8")) == _prepared_key()
    except (OSError, ValueError):
        return False


def _prepared_stamp() -> Path:
    return settings.cache() / "prepared.json"


def _prepared_key() -> list:
    from . import advanced, corpus

    chosen = settings.load()
    index = chosen.chroma_url or (settings.cache() / "chroma" / "chroma.sqlite3").exists()
    return [importlib.metadata.version("botocore"), corpus.RENDERING, corpus.NESTING, chosen.embedder, chosen.model,
            chosen.chunk_tokens, chosen.chunk_overlap, index, advanced.frozen().chunk_tokens, advanced.adapters()]


def quiet_jupyterlab() -> None:
    """Switch off JupyterLab's news and update checks: no network at run time, nothing that pops up in a workshop."""
    folder = Path(sys.prefix) / "etc" / "jupyter" / "labconfig"
    folder.mkdir(parents=True, exist_ok=True)
    disabled = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
    (folder / "page_config.json").write_text(json.dumps(disabled), "utf-8")


def notebook() -> None:
    """What the first cell of every notebook calls: everything ready, libraries quiet. Seconds when it is."""
    if on_colab():
        make_room()
    prepare()
    from . import models

    models.quiet()
