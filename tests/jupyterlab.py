"""JupyterLab for tests as a learner starts it, by the command `lab`, and one of its notebooks in a real browser."""
from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from filelock import FileLock

from tests.browser import keep_screenshot, resize
from utils import settings

SECONDS = 300  # at most, on a loaded machine
DESKTOP, PHONE = 1366, 390  # pixels
NOTEBOOK = "window.jupyterapp.shell.currentWidget.content"
KERNEL = "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel"
# Outputs and rendered markdown that leave the screen or have to be scrolled sideways; on a phone, a table or code may scroll.
TOO_WIDE = f"""
const parts = [...{NOTEBOOK}.node.querySelectorAll('.jp-OutputArea-output, .jp-MarkdownOutput')];
return parts.filter(part => part.getBoundingClientRect().right > innerWidth + 1 || part.scrollWidth > part.clientWidth + 1
                            && !(innerWidth <= {PHONE} && part.querySelector('table, pre')))
            .map(part => `${{part.scrollWidth}} > ${{part.clientWidth}}: ${{(part.innerText || part.innerHTML).slice(0, 99)}}`)"""


@dataclass(frozen=True)
class Server:
    """The running command; `address` is that of a notebook, with `{}` for its name; `log` is what the command said."""

    command: psutil.Process
    address: str
    cache: Path
    log: Path


@contextlib.contextmanager
def jupyterlab(folder: Path) -> Iterator[Server]:
    """`python -m utils lab` on a checkout and a cache of its own in `folder`, at the smallest size; ended with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token, cache, log = secrets.token_hex(16), own_cache(folder / "cache"), folder / "lab.log"
    (cache / "jupyter_lab_config.json").write_text(json.dumps({"LabApp": {"expose_app_in_browser": True}}), "utf-8")
    places = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "JUPYTERLAB_SETTINGS_DIR",
              "JUPYTERLAB_WORKSPACES_DIR", "LAB_CACHE")
    variables = {**os.environ, "JUPYTER_TOKEN": token, "LAB_FAST": "1", **dict.fromkeys(places, str(cache))}
    for name in ("LAB_UNATTENDED", "PYTHONPATH"):
        variables.pop(name, None)
    with log.open("wb") as output:
        command = psutil.Popen([sys.executable, "-m", "utils", "lab", "--no-browser", f"--port={port}"], env=variables,
                               cwd=own_checkout(folder / "course"), stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + SECONDS
        while not _answers(f"http://127.0.0.1:{port}/api/status?token={token}"):
            assert command.poll() is None and time.monotonic() < deadline, log.read_text("utf-8")[-2000:]
            time.sleep(0.1)
        yield Server(command, f"http://127.0.0.1:{port}/lab/tree/{{}}?reset&token={token}", cache, log)
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):  # a test has ended it
            started = [command, *command.children(recursive=True)]
            command.terminate()
            for process in psutil.wait_procs(started, timeout=15)[1]:
                process.kill()


def own_checkout(folder: Path) -> Path:
    """A course folder in which anything may be written: package and labs are copies, what is only read is linked."""
    for name in ("utils", "labs"):
        shutil.copytree(settings.ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*", "*.html", "my_*"))
    for name in ("data", ".venv", "requirements.txt"):
        (folder / name).symlink_to(settings.ROOT / name)
    return folder


def own_cache(folder: Path) -> Path:
    """A learner's fresh cache after set-up: links to models and documents, a copy of the index, which a notebook writes to."""
    cache = settings.cache().resolve()
    folder.mkdir()
    for name in ("models", "wheels", "corpus"):
        (folder / name).symlink_to(cache / name)
    with FileLock(cache / "chroma.lock"):
        shutil.copytree(cache / "chroma", folder / "chroma")
        shutil.copy(cache / "prepared.json", folder)
    return folder


def _answers(address: str) -> bool:
    try:
        return urllib.request.urlopen(address, timeout=5).status == 200
    except OSError:
        return False


class Notebook:
    """A notebook that is open in JupyterLab in a browser. A cell is named by words of its source."""

    def __init__(self, driver, address: str):
        self.driver = driver
        self.open(address)

    def open(self, address: str = "") -> None:
        """Open the page, or load it again, with the notebook's kernel."""
        if address:  # end the kernel of the notebook before
            self.script("return window.jupyterapp?.shell.currentWidget?.sessionContext?.shutdown()")
        self.driver.get(address or self.driver.current_url)
        self.until(self.kernel_is_idle)

    def restart(self) -> None:
        """Restart the kernel, which forgets every variable."""
        self.wait_for(f"{KERNEL}.restart()")
        self.until(self.kernel_is_idle)

    def kernel_is_idle(self) -> bool:
        """True if the notebook's kernel answers and runs nothing."""
        return self.script(f"return {KERNEL}?.status") == "idle"

    def cells(self) -> list[dict]:
        """The notebook's cells as they would be saved now."""
        return self.script(f"return {NOTEBOOK}.model.toJSON().cells")

    def place(self, words: str) -> int:
        """The position of the first code cell whose source holds the words."""
        return next(n for n, cell in enumerate(self.cells()) if cell["cell_type"] == "code" and words in cell["source"])

    def write(self, words: str, source: str) -> None:
        """Replace the source of a cell."""
        self.script(f"{NOTEBOOK}.model.cells.get({self.place(words)}).sharedModel.setSource(arguments[0])", source)

    def run(self, *words: str) -> None:
        """Run cells, one after the other. Raises AssertionError if there is an error in the notebook."""
        for each in words:
            self.command("run-cell", each)
            assert self.errors() == []

    def command(self, name: str, words: str = "", seconds: float = SECONDS) -> None:
        """Give a command of JupyterLab's for notebooks, at a cell, and wait until all that it runs has ended."""
        if words:
            self.script(f"{NOTEBOOK}.deselectAll(); {NOTEBOOK}.activeCellIndex = {self.place(words)}")
        self.wait_for(f'jupyterapp.commands.execute("notebook:{name}")', seconds)

    def errors(self) -> list[dict]:
        """The outputs of all cells that are errors."""
        return [output for cell in self.cells() for output in cell.get("outputs", []) if output["output_type"] == "error"]

    def outputs(self, words: str):
        """The element that holds a cell's outputs."""
        return self.script(f"return {NOTEBOOK}.widgets[{self.place(words)}].outputArea.node")

    def text(self, words: str) -> str:
        """The text of a cell's outputs on the page."""
        return self.script("return arguments[0].innerText", self.outputs(words))

    def element(self, selector: str, words: str = ""):
        """The first element in the outputs (of a cell) that a CSS selector finds, as soon as there is one, on the screen."""
        place = self.outputs(words) if words else self.driver
        found = self.until(lambda: place.find_element("css selector", f".jp-OutputArea-output {selector}"))
        self.script("arguments[0].scrollIntoView({block: 'center'})", found)
        return found

    def press(self, selector: str, *keys: str, words: str = "") -> None:
        """Give an element the focus and press keys."""
        from selenium.webdriver.common.action_chains import ActionChains

        self.script("arguments[0].focus()", self.element(selector, words))
        ActionChains(self.driver).send_keys(*keys).perform()

    def resize(self, width: int) -> None:
        """Give the page another width, and on a phone the notebook all of it."""
        resize(self.driver, width)
        self.script(f"jupyterapp.shell.{'collapse' if width <= PHONE else 'expand'}Left()")
        self.until(lambda: self.script(f"return innerWidth === {width} && {NOTEBOOK}.node.clientWidth > {width} / 2"))

    def too_wide(self) -> list[str]:
        """The outputs and paragraphs that do not fit the screen."""
        return self.script(TOO_WIDE)

    def keep(self, element, name: str) -> None:
        """Keep a screenshot with this element in it."""
        self.script("arguments[0].scrollIntoView({block: 'center'})", element)
        time.sleep(0.3)  # the page paints what it skipped out of sight
        keep_screenshot(self.driver, name)

    def wait_for(self, promise: str, seconds: float = SECONDS) -> None:
        """Wait until a promise of the page's is settled."""
        self.script(f"window.settled = false; {promise}.finally(() => {{ window.settled = true; }})")
        self.until(lambda: self.script("return window.settled"), seconds)

    def script(self, code: str, *arguments):
        """Run JavaScript and return its result."""
        return self.driver.execute_script(code, *arguments)

    def until(self, condition: Callable[[], object], seconds: float = SECONDS):
        """Wait until the condition holds, and return what it returns; what is not there yet does not count as an error."""
        from selenium.common.exceptions import TimeoutException, WebDriverException
        from selenium.webdriver.support.ui import WebDriverWait

        try:
            return WebDriverWait(self.driver, seconds, 0.1, (WebDriverException,)).until(lambda _: condition())
        except TimeoutException:
            keep_screenshot(self.driver, "waited-in-vain")
            raise
