"""JupyterLab for tests: a copy of the course, started by the command `lab`, and its notebooks in a real browser."""
from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from tests.scratch import free_port, own_cache, server
from utils import settings

SECONDS = 300  # at most, on a loaded machine
SHOWN = "jupyterapp.shell.currentWidget"
KERNEL = "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel"
CELLS = f"[...{SHOWN}.content.widgets]"


def copy_of_course(folder: Path) -> Path:
    """All files that git knows or would add, in a new folder, beside a link to this environment."""
    names = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=settings.ROOT, check=True,
                           capture_output=True, text=True).stdout.split("\0")
    for path in (settings.ROOT / name for name in names if name):
        if path.is_file():
            copy = folder / path.relative_to(settings.ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy)
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


@contextlib.contextmanager
def jupyterlab(folder: Path) -> Iterator[str]:
    """`lab --no-browser` in the folder `course` in `folder`, with settings, learner's files and cache in `home`.

    Yields the address of a notebook in `labs`, with `{}` for its name. At its end all that the command started must end, too.
    """
    port, token, course = free_port(), secrets.token_hex(16), copy_of_course(folder / "course")
    home = own_cache(folder / "home", copied=("corpus", "chroma", "prepared.json"))
    (home / "jupyter_lab_config.json").write_text(json.dumps({"LabApp": {"expose_app_in_browser": True}}), "utf-8")
    places = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "JUPYTERLAB_SETTINGS_DIR",
              "JUPYTERLAB_WORKSPACES_DIR", "LAB_CACHE")
    variables = {"PYTHONPATH": str(course), "JUPYTER_TOKEN": token, "LAB_UNATTENDED": "", **dict.fromkeys(places, str(home))}
    command = [str(Path(".venv") / "bin" / "python"), "-m", "utils", "lab", "--no-browser", f"--port={port}"]
    status = f"http://127.0.0.1:{port}/api/status?token={token}"
    with server(command, status, folder / "jupyterlab.log", SECONDS, course, **variables) as process:
        yield f"http://127.0.0.1:{port}/lab/tree/{{}}?reset&token={token}"
        started = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        alive = psutil.wait_procs(started, timeout=30)[1]
        assert not alive, f"`lab` left running: {alive}"


def lab_cells(lab: str, *words: str) -> list[str]:
    """The source of the first code cell of a lab's solution that holds each of these words."""
    cells = json.loads((settings.ROOT / "solutions" / f"{lab}.ipynb").read_text("utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return [next(source for source in code if word in source) for word in words]


def write_notebook(path: Path, sources: list[str]) -> None:
    """A notebook of code cells."""
    import nbformat

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    nbformat.write(notebook, path)


class Notebook:
    """A notebook that is open in JupyterLab in a browser."""

    def __init__(self, driver, address: str):
        self.driver, self.area = driver, ".jp-OutputArea-output"
        self.open(address)

    def open(self, address: str = "") -> None:
        """Open the page, or load it again, and wait for its kernel."""
        self.driver.get(address or self.driver.current_url)
        self.until(self.kernel_is_idle)
        self.wait_for(f"{SHOWN}.context.ready")

    def run_all(self) -> None:
        """Run all cells; none may end in an error."""
        self.wait_for('jupyterapp.commands.execute("notebook:run-all-cells")')
        assert not self.errors()

    def errors(self) -> list[str]:
        """The text of each output that is an error."""
        return self.script(f"return {CELLS}.flatMap(cell => cell.model.outputs?.toJSON() ?? [])"
                           ".filter(output => output.output_type == 'error').map(output => output.evalue)")

    def place(self, words: str) -> int:
        """The number of the first code cell that holds these words."""
        return self.script(f"return {CELLS}.findIndex(cell => cell.model.type == 'code' && "
                           "cell.model.sharedModel.getSource().includes(arguments[0]))", words)

    def run(self, words: str, source: str = "") -> str:
        """Run the first code cell that holds these words, with a new source if one is given; the text of its outputs."""
        place = self.place(words)
        if source:
            self.script(f"{CELLS}[arguments[0]].model.sharedModel.setSource(arguments[1])", place, source)
        self.script(f"{SHOWN}.content.activeCellIndex = arguments[0]", place)
        self.wait_for('jupyterapp.commands.execute("notebook:run-cell")')
        return self.script(f"return {CELLS}[arguments[0]].model.outputs.toJSON().map(output => output.text ?? "
                           "output.data?.['text/markdown'] ?? output.data?.['text/plain'] ?? output.evalue).join('\\n')", place)

    def show(self, words: str) -> None:
        """Scroll to the first code cell that holds these words, and look at its outputs only: the others may not be drawn."""
        self.wait_for(f"{SHOWN}.content.scrollToItem({self.place(words)}, 'start')")
        self.script(f"{CELLS}.forEach((cell, place) => cell.node.toggleAttribute('data-shown', place == arguments[0]))",
                    self.place(words))
        self.area = "[data-shown] .jp-OutputArea-output"

    def restart(self) -> None:
        """Restart the kernel, which forgets every variable."""
        self.wait_for(f"{KERNEL}.restart()")
        self.until(self.kernel_is_idle)

    def kernel_is_idle(self) -> bool:
        """True if the notebook's kernel answers and runs nothing."""
        return self.script(f"return {KERNEL}?.status") == "idle"

    def wait_for(self, promise: str) -> None:
        """Wait until a promise of the page's is kept."""
        self.script(f"window.kept = false; {promise}.then(() => {{ window.kept = true; }})")
        self.until(lambda: self.script("return window.kept"))

    def script(self, code: str, *arguments: object):
        """Run JavaScript and return its result."""
        return self.driver.execute_script(code, *arguments)

    def until(self, condition: Callable[[], object]):
        """Wait until the condition holds, and return what it returns; what is not there yet does not count as an error."""
        from selenium.common.exceptions import WebDriverException
        from selenium.webdriver.support.ui import WebDriverWait

        return WebDriverWait(self.driver, SECONDS, 0.1, (WebDriverException,)).until(lambda _: condition())

    def element(self, selector: str):
        """The first element in the outputs that a CSS selector finds, as soon as there is one, on the screen."""
        found = self.until(lambda: self.driver.find_element("css selector", f"{self.area} {selector}"))
        self.script("arguments[0].scrollIntoView({block: 'center'})", found)
        return found

    def press(self, selector: str, *keys: str) -> None:
        """Give an element the focus and press keys."""
        from selenium.webdriver.common.action_chains import ActionChains

        self.script("arguments[0].focus()", self.element(selector))
        ActionChains(self.driver).send_keys(*keys).perform()

    def too_wide(self, besides: str = ":not(*)") -> list[str]:
        """Outputs that are wider than their place, and the page if it is wider than the window.

        besides: elements that may be scrolled sideways within their output.
        """
        page = ["page"] * self.script("return document.documentElement.scrollWidth > innerWidth")
        return page + self.script("return [...document.querySelectorAll(arguments[0])].filter(output => output.scrollWidth "
                                  "> output.clientWidth + 1 && !output.querySelector(arguments[1]))"
                                  ".map(output => output.innerText)", self.area, besides)

    def picture(self, name: str) -> None:
        """Keep what the window shows in the cache's folder `screenshots`."""
        folder = settings.cache() / "screenshots"
        folder.mkdir(exist_ok=True)
        self.driver.save_screenshot(str(folder / f"{name}.png"))
