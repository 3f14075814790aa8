"""Builds or repairs models, corpus and index; skips finished steps. Runs inside the environment."""
from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path

from .. import corpus, downloads, environment, evaluation, models, retrieval, settings


def prepare() -> None:
    """Build or repair models, corpus and index and silence library logs; takes seconds if all is ready."""
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
    print(f"Index: {len(workspace.dense.chunks)} passages, {workspace.dense.added} of them new.", flush=True)
    print("Advanced index and graph: sections, tuned embedder, entities …", flush=True)
    print(f"Advanced index: {len(workspace.pipeline.chunks)} passages, {workspace.pipeline.dense.added} of them new; "
          f"{len(workspace.graph.linker.entities)} entities.", flush=True)
    _prepared_stamp().write_text(json.dumps(_prepared_key()), "utf-8")


def is_prepared() -> bool:
    """True when models and index were built for the current settings and all model files have the right size."""
    run = settings.load()
    needed = {settings.WHEEL_EMBEDDER: run.embedder == settings.WHEEL_EMBEDDER, settings.OLDER_BOTOCORE: True,
              models.CONVERTED: run.model == settings.WHEEL_MODEL and not run.endpoint}
    intact = all(downloads.is_intact(settings.cache() / "models" / name) for name, used in needed.items() if used)
    try:
        return intact and json.loads(_prepared_stamp().read_text("utf-8")) == _prepared_key()
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
    """Turn off JupyterLab's news and update checks, which need the network and interrupt a workshop with pop-ups."""
    folder = Path(sys.prefix) / "etc" / "jupyter" / "labconfig"
    folder.mkdir(parents=True, exist_ok=True)
    disabled = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
    (folder / "page_config.json").write_text(json.dumps(disabled), "utf-8")


def work_folder(lab: str) -> Path:
    """The cache folder for the files of one lab; created if missing."""
    folder = settings.cache() / lab
    folder.mkdir(exist_ok=True)
    return folder
