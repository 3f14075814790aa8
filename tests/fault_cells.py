"""Tries what people do to notebooks: cells out of order, and a kernel that dies in the middle of one.

`python -m tests.fault_cells [LAB…]` runs a few cells of every solution at the fast size, on a copy of the prepared cache.
"""
from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from tests.scratch import own_cache
from utils import settings

UNTIL, DIES = 5, 2  # code cells that are run; the one in which the kernel is killed, two seconds after its start


class Kernel(NotebookClient):
    """A kernel for the cells of one notebook."""

    def run(self, cells: Sequence[int], dies: int = -1) -> str:
        """Run code cells by their index; the first error's name and message, "" if there is none."""
        for index in cells:
            if index == dies:
                pid = self.km.provisioner.pid
                threading.Timer(2, lambda pid=pid: os.kill(pid, signal.SIGKILL)).start()
            try:
                self.execute_cell(self.nb.cells[index], index)
            except CellExecutionError as error:
                return f"{error.ename}: {error.evalue}"
            except DeadKernelError:
                return "the kernel died"
        return ""


@contextlib.contextmanager
def kernel(path: Path):
    """A new kernel for a notebook."""
    client = Kernel(nbformat.read(path, 4), timeout=600, kernel_name="python3", resources={"metadata": {"path": path.parent}})
    with client.setup_kernel():
        yield client


def outputs(client: NotebookClient, cells: Sequence[int]) -> list:
    """Tables and values of cells, as text, without what is printed about progress and time."""
    return [output["data"].get("text/plain") for index in cells for output in client.nb.cells[index].outputs if "data" in output]


def main() -> None:
    """Try both on every solution and print a row for each."""
    with tempfile.TemporaryDirectory(prefix="course-cells-") as name:
        os.environ |= {"LAB_FAST": "1", "LAB_UNATTENDED": "1", "LAB_CACHE": name}
        own_cache(Path(name), ("models", "corpus"), ("chroma", "prepared.json"))
        labs = sys.argv[1:] or sorted(path.stem for path in (settings.ROOT / "solutions").glob("*.ipynb"))
        for path in (settings.ROOT / "solutions" / f"{lab}.ipynb" for lab in labs):
            code = [n for n, cell in enumerate(nbformat.read(path, 4).cells) if cell.cell_type == "code"]
            for first in (code[len(code) // 3], code[-5]):
                with kernel(path) as client:
                    told = client.run([code[0], first])
                print(f"| cell {first} right after the first | {path.stem} | {told or 'runs'} |", flush=True)
            with kernel(path) as client:
                whole = client.run(code[:UNTIL]), outputs(client, code[:UNTIL])
            with kernel(path) as client:
                told = client.run(code[:UNTIL], dies=code[DIES])
            with kernel(path) as client:
                again = client.run(code[:UNTIL]), outputs(client, code[:UNTIL])
            print(f"| SIGKILL of the kernel in cell {code[DIES]}, then Run All to cell {code[UNTIL - 1]} | {path.stem} | {told}; "
                  f"{'goes on, same outputs' if again == whole else again[0] or 'goes on, other outputs'} |", flush=True)


if __name__ == "__main__":
    main()
