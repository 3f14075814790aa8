"""JupyterLab for tests: a server of our own on a free port, its page in a real browser, and the cells of the labs by content."""
from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from utils import settings

SECONDS = 300  # at most, on a loaded machine
KERNEL = "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel"


@contextlib.contextmanager
def jupyterlab(folder: Path) -> Iterator[str]:
    """JupyterLab on the folder `work` in `folder`, with its settings and the course's cache in `home`. Yields the address of a
    notebook, with `{}` for its name. Ends with all its children."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token, home = secrets.token_hex(16), folder / "home"
    (folder / "work").mkdir(exist_ok=True)
    (home / "labconfig").mkdir(parents=True)
    (home / "labconfig" / "page_config.json").write_text(
        json.dumps({"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}), "utf-8")
    places = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "JUPYTERLAB_SETTINGS_DIR",
              "JUPYTERLAB_WORKSPACES_DIR", "LAB_CACHE")
    variables = {**os.environ, "PYTHONPATH": str(settings.ROOT), "JUPYTER_TOKEN": token, **dict.fromkeys(places, str(home))}
    variables.pop("LAB_UNATTENDED", None)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
               f"--ServerApp.root_dir={folder / 'work'}", "--LabApp.expose_app_in_browser=True"]
    with (folder / "jupyterlab.log").open("wb") as log:
        server = psutil.Popen(command, env=variables, cwd=folder, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + SECONDS
        while not _answers(f"http://127.0.0.1:{port}/api/status?token={token}"):
            assert server.poll() is None and time.monotonic() < deadline, (folder / "jupyterlab.log").read_text("utf-8")[-2000:]
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/lab/tree/{{}}?reset&token={token}"
    finally:
        started = [server, *server.children(recursive=True)]
        server.terminate()
        for process in psutil.wait_procs(started, timeout=10)[1]:
            process.kill()


def _answers(address: str) -> bool:
    try:
        return urllib.request.urlopen(address, timeout=5).status == 200
    except OSError:
        return False


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
        self.driver = driver
        self.open(address)

    def open(self, address: str = "") -> None:
        """Open the page, or load it again, and run all cells in the notebook's kernel."""
        self.driver.get(address or self.driver.current_url)
        self.until(self.kernel_is_idle)
        self.wait_for('jupyterapp.commands.execute("notebook:run-all-cells")')
        assert not self.driver.find_elements("css selector", "[data-mime-type='application/vnd.jupyter.error']")

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

    def script(self, code: str):
        """Run JavaScript and return its result."""
        return self.driver.execute_script(code)

    def until(self, condition: Callable[[], object]):
        """Wait until the condition holds, and return what it returns; what is not there yet does not count as an error."""
        from selenium.common.exceptions import WebDriverException
        from selenium.webdriver.support.ui import WebDriverWait

        return WebDriverWait(self.driver, SECONDS, 0.1, (WebDriverException,)).until(lambda _: condition())

    def element(self, selector: str):
        """The first element in the outputs that a CSS selector finds, as soon as there is one, on the screen."""
        found = self.until(lambda: self.driver.find_element("css selector", f".jp-OutputArea-output {selector}"))
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", found)
        return found

    def press(self, selector: str, key: str) -> None:
        """Give an element the focus and press a key."""
        from selenium.webdriver.common.action_chains import ActionChains

        self.driver.execute_script("arguments[0].focus()", self.element(selector))
        ActionChains(self.driver).send_keys(key).perform()
