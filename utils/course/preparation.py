"""Models, corpus and index made or repaired as needed, each step skipped when done. Runs inside the environment."""
from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path

from .. import corpus, downloads, environment, evaluation, models, retrieval, settings


def prepare() -> None:
    """Models, corpus and index, made or repaired as needed; seconds when nothing is to do. Quiets the libraries."""
    models.quiet()
    if is_prepared():
        return
    environment.check_disk(2)
    run = settings.load()
    downloads.unpack_wheel(settings.OLDER_BOTOCORE)
    print("Models: fetching, checking and converting …", flush=True)
    models.embedder_path(run.embedder)
    if not run.endpoint:
        models.language_model_path(run.model)
    print("Corpus: rendering …", flush=True)
    workspace = evaluation.Workspace(settings=run)
    print(f"Index: embedding the passages of {len(workspace.documents)} documents …", flush=True)
    added = workspace.dense.added
    print(f"Index: {len(workspace.dense.chunks)} passages, {added} added now.", flush=True)
    print("Advanced index and graph: sections, tuned embedder, entities …", flush=True)
    added = workspace.pipeline.dense.added
    entities = len(workspace.graph.linker.entities)
    print(f"Advanced index: {len(workspace.pipeline.chunks)} passages, {added} added now; {entities} entities.", flush=True)
    _prepared_stamp().write_text(json.dumps(_prepared_key()), "utf-8")


def is_prepared() -> bool:
    """True when models and index were made for the present settings and their files are all there (by size)."""
    stamp = _prepared_stamp()
    folders = [settings.cache() / "models" / name for name in (settings.WHEEL_EMBEDDER, models.CONVERTED,
                                                                settings.OLDER_BOTOCORE)]
    run = settings.load()
    needed = [run.embedder == settings.WHEEL_EMBEDDER, run.model == settings.WHEEL_MODEL and not run.endpoint, True]
    whole = all(downloads.is_intact(folder) for folder, use in zip(folders, needed, strict=True) if use)
    try:
        return whole and json.loads(stamp.read_text("utf-8")) == _prepared_key()
    except (OSError, ValueError):
        return False


def _prepared_stamp() -> Path:
    return settings.cache() / "prepared.json"


def _prepared_key() -> list:
    run = settings.load()
    index = run.chroma_url or (settings.cache() / "chroma" / "chroma.sqlite3").exists()
    return [importlib.metadata.version("botocore"), corpus.RENDERING, corpus.NESTING, run.embedder, run.model,
            run.chunk_tokens, run.chunk_overlap, index, retrieval.load_selected_config().chunk_tokens,
            retrieval.adapter_digests()]


def quiet_jupyterlab() -> None:
    """Switch off JupyterLab's news and update checks: no network at run time, nothing that pops up in a workshop."""
    folder = Path(sys.prefix) / "etc" / "jupyter" / "labconfig"
    folder.mkdir(parents=True, exist_ok=True)
    disabled = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
    (folder / "page_config.json").write_text(json.dumps(disabled), "utf-8")


def work_folder(lab: str) -> Path:
    """The folder of the cache where a lab keeps what it makes."""
    folder = settings.cache() / lab
    folder.mkdir(exist_ok=True)
    return folder
