"""Executes notebooks headless and reports, for each, cells, minutes, peak memory and whether it came through."""
from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Executed:
    """One notebook's run. `problem` is empty when every cell came through."""

    name: str
    cells: int
    minutes: float
    peak_gb: float
    problem: str


def execute_notebook(path: Path, fast: bool, save: bool) -> Executed:
    """Run all cells in a fresh kernel; save outputs into the file when asked to and nothing failed."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=1800, kernel_name="python3", resources={"metadata": {"path": path.parent}})
    environment = {**os.environ, "LAB_FAST": "1" if fast else ""}
    problem, started = "", time.monotonic()
    with _Memory() as memory:
        try:
            client.execute(env=environment)
        except CellExecutionError as error:
            problem = f"{error.ename}: {error.evalue.splitlines()[0] if error.evalue else ''}"
    if save and not problem:
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)
            if cell.cell_type == "code":
                cell.outputs = [output for output in cell.outputs if _worth_keeping(output)]
        for name in ("language_info", "widgets"):
            notebook.metadata.pop(name, None)
        nbformat.write(notebook, path)
    code = sum(cell.cell_type == "code" for cell in notebook.cells)
    return Executed(path.name, code, (time.monotonic() - started) / 60, memory.peak / 1e9, problem)


def _worth_keeping(output) -> bool:
    """False for progress bars: their times differ from run to run and say nothing afterwards."""
    if output.output_type == "stream":
        return output.name == "stdout"
    return "application/vnd.jupyter.widget-view+json" not in output.get("data", {})


class _Memory:
    """Largest resident memory of this process' descendants while the block runs, in bytes."""

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


def run_notebooks(folder: Path, fast: bool, save: bool) -> int:
    """Execute every notebook of the folder and print the table; 1 when one failed."""
    paths = sorted(folder.glob("*.ipynb"))
    if not paths:
        raise ValueError(f"{folder.name}/ holds no notebook")
    print(f"{'notebook':<34}{'cells':>6}{'minutes':>9}{'peak GB':>9}  result", flush=True)
    failed = 0
    for path in paths:
        done = execute_notebook(path, fast, save)
        failed += bool(done.problem)
        print(f"{done.name:<34}{done.cells:>6}{done.minutes:>9.1f}{done.peak_gb:>9.1f}  {done.problem or 'ok'}", flush=True)
    return int(bool(failed))
