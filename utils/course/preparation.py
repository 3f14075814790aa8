"""Builds or repairs models, corpus and index; skips finished steps. Runs inside the environment."""
from __future__ import annotations

import functools
import importlib.metadata
import json
import os
import sys
from pathlib import Path

from .. import corpus, downloads, environment, evaluation, models, own_domain, retrieval, settings

WIDGET_KEYS = Path(__file__).with_name("widget_keys.js")


def prepare(index: bool = True) -> None:
    """Build or repair models, corpus and index and silence library logs; takes seconds if all is ready.

    index: False prepares the models alone, for documents of your own.
    """
    models.quiet()
    prepare_notebook()
    if not missing_part(index):
        return
    environment.check_disk(2)
    from tqdm.auto import tqdm

    run = settings.load()
    workspace = functools.cache(lambda: evaluation.Workspace(settings=run))
    steps = {"older documents": lambda: downloads.unpack_wheel(settings.OLDER_BOTOCORE),
             "embedder": lambda: models.embedder_path(run.embedder),
             "language model": lambda: run.profile == "endpoint" or models.language_model_path(run.model)}
    if index:
        steps |= {"documents": workspace, "index of passages": lambda: workspace().dense,
                  "index of sections": lambda: workspace().pipeline, "knowledge graph": lambda: workspace().graph.linker}
    with tqdm(steps.items(), bar_format="{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}]") as bar:
        for name, make in bar:
            bar.set_description(f"Set-up: {name:17}")
            make()
    if not index:
        return
    indexes = course_indexes(workspace())
    passages, sections, entities = (len(dense.chunks) for dense in indexes)
    added, embedded = sum(dense.added for dense in indexes), sum(dense.embedded for dense in indexes)
    source = f"{embedded:,} vectors embedded here" if embedded else "vectors from data/vectors" if added else "unchanged"
    print(f"Index: {passages:,} passages, {sections:,} sections and {entities:,} entities; {source}.", flush=True)
    names = [dense.name for dense in indexes]
    _prepared_stamp().write_text(json.dumps({"key": prepared_key(), "indexes": names}), "utf-8")


def prepare_notebook() -> None:
    """In a notebook, leave the arrow keys to the widgets, and say below a NameError that a cell above may not have run."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if not shell:
        return
    from IPython.display import Javascript, display

    def tell(shell, kind, error, trace, tb_offset=None) -> None:
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
        print(f"If a cell above defines {error.name}, it has not run since the kernel started: choose Run, then Run All Above "
              "Selected Cell, and run this cell again.")

    shell.set_custom_exc((NameError,), tell)
    if hasattr(shell, "kernel"):
        display(Javascript(WIDGET_KEYS.read_text("utf-8")))


def course_indexes(workspace: evaluation.Workspace) -> list[retrieval.DenseIndex]:
    """The indexes that set-up builds: of windows, of sections with the tuned embedder, of the graph's entities."""
    return [workspace.dense, workspace.pipeline.dense, workspace.graph.linker.index]


def missing_part(index: bool = True, search: bool = False) -> str:
    """What is not ready for the current settings, models or index, and why; "" if all is.

    index: False asks for the models alone. search: read the vectors and search them, too.
    """
    run = settings.load()
    needed = {settings.WHEEL_EMBEDDER: run.embedder == settings.WHEEL_EMBEDDER, settings.OLDER_BOTOCORE: True,
              models.CONVERTED: run.model == settings.WHEEL_MODEL and run.profile != "endpoint"}
    if broken := [name for name, used in needed.items() if used and not downloads.is_intact(settings.cache() / "models" / name)]:
        return f"{broken[0]} is missing or damaged"
    try:
        stamp = json.loads(_prepared_stamp().read_text("utf-8"))
        current, names = stamp["key"] == prepared_key(), stamp["indexes"]
    except (OSError, ValueError, KeyError, TypeError):
        current = False
    if not current and index:
        return "not built yet, or for other settings"
    return next(filter(None, (retrieval.index_damage(name, run, search) for name in names)), "") if index else ""


def _prepared_stamp() -> Path:
    return settings.cache() / "prepared.json"


def prepared_key() -> list:
    """Everything that models and index depend on, as `prepared.json` keeps it."""
    run = settings.load()
    return [importlib.metadata.version("botocore"), corpus.RENDERING, corpus.NESTING, run.embedder, run.model,
            run.chunk_tokens, run.chunk_overlap, run.chroma_url, retrieval.load_selected_config().chunk_tokens,
            retrieval.adapter_digests()]


def quiet_jupyterlab() -> None:
    """Turn off JupyterLab's news and update checks, which need the network and interrupt a workshop with pop-ups."""
    folder = Path(sys.prefix) / "etc" / "jupyter" / "labconfig"
    folder.mkdir(parents=True, exist_ok=True)
    disabled = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
    (folder / "page_config.json").write_text(json.dumps(disabled), "utf-8")


def authors_checks() -> bool:
    """True under `test` and `run`: then a notebook also tests what its text says of the results."""
    return bool(os.environ.get("LAB_UNATTENDED"))


def work_folder(lab: str) -> Path:
    """The cache folder for the files of one lab; created if missing."""
    folder = settings.cache() / lab
    folder.mkdir(exist_ok=True)
    return folder


def small_decision(folder: Path, questions: int = 64, others: int = 20) -> Path:
    """The page of a quick `decide` on docstrings of networkx; notebooks that run side by side take turns, and share it.

    others: documents that no question needs.
    """
    from filelock import FileLock

    rows = (settings.DATA / "questions_networkx.jsonl").read_text("utf-8").splitlines(keepends=True)[:questions]
    needed = {name for row in rows for name in json.loads(row)["evidence"]}
    with FileLock(folder / "small_decision.lock"):
        (folder / "questions.jsonl").write_text("".join(rows), "utf-8")
        written = corpus.write_docstrings("networkx", folder / "documents")
        for path in [path for path in written if path.name not in needed][others:]:
            path.unlink()
        return own_domain.decide(str(folder / "documents"), str(folder / "questions.jsonl"), str(folder / "small_decision"))
