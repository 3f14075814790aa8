"""Executes notebooks without a browser and reports cells, minutes, peak memory and the first error of each."""
from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from .timings import cell_seconds, store_timings


@dataclass(frozen=True)
class Executed:
    """One run of a notebook, with the seconds of each cell by id. `problem` is empty if every cell succeeded."""

    name: str
    cells: int
    minutes: float
    peak_gb: float
    problem: str
    seconds: dict[str, float]


def execute_notebook(path: Path, fast: bool, save: bool) -> Executed:
    """Run all cells in a new kernel; with `save`, write the outputs to the file if no cell failed."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=1800, kernel_name="python3", resources={"metadata": {"path": path.parent}})
    problem, started = "", time.monotonic()
    with _Memory() as memory:
        try:
            client.execute(env={**os.environ, "LAB_FAST": "1" if fast else "", "LAB_UNATTENDED": "1"})
        except CellExecutionError as error:
            problem = f"{error.ename}: {error.evalue.splitlines()[0] if error.evalue else ''}"
    seconds = cell_seconds(notebook)
    if save and not problem:
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)
            if cell.cell_type == "code":
                cell.outputs = [output for output in cell.outputs if _worth_keeping(output)]
        for name in ("language_info", "widgets"):
            notebook.metadata.pop(name, None)
        nbformat.write(notebook, path)
    code = sum(cell.cell_type == "code" for cell in notebook.cells)
    return Executed(path.name, code, (time.monotonic() - started) / 60, memory.peak / 1e9, problem, seconds)


def _worth_keeping(output) -> bool:
    """False for progress bars, whose times differ in every run, and for scripts."""
    if output.output_type == "stream":
        return output.name == "stdout"
    return not {"application/vnd.jupyter.widget-view+json", "application/javascript"} & output.get("data", {}).keys()


class _Memory:
    """Peak resident memory of this process' descendants during the block, in bytes."""

    peak = 0

    def __enter__(self) -> _Memory:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        import psutil

        while not self._stop.wait(0.5):
            total = 0
            for child in psutil.Process().children(recursive=True):
                try:
                    total += child.memory_info().rss
                except psutil.Error:
                    continue
            self.peak = max(self.peak, total)


def run_notebooks(folder: Path, fast: bool, save: bool, save_timings: bool = False) -> int:
    """Execute every notebook of the folder and print a table; returns 1 if one failed, else 0.

    save_timings: keep the seconds of each that succeeded; ValueError unless they are the solutions, at full size.
    """
    if save_timings and (fast or folder.name != "solutions"):
        raise ValueError("--save-timings is for the solutions at full size: python3 -m utils run solutions --save-timings")
    paths = sorted(folder.glob("*.ipynb"))
    if not paths:
        raise ValueError(f"{folder.name}/ holds no notebook; check out the repository again")
    print(f"{'notebook':<34}{'cells':>6}{'minutes':>9}{'peak GB':>9}  result", flush=True)
    failed = 0
    for path in paths:
        run = execute_notebook(path, fast, save)
        failed += bool(run.problem)
        print(f"{run.name:<34}{run.cells:>6}{run.minutes:>9.1f}{run.peak_gb:>9.1f}  {run.problem or 'ok'}", flush=True)
        if save_timings and not run.problem:
            store_timings(path.name, run.seconds, folder.parent)
    return int(bool(failed))
