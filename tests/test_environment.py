"""The virtual environment: which packages go into it, and where PyTorch comes from."""
from __future__ import annotations

import hashlib
import http.server
import os
import sys
import threading
import venv
import zipfile

import pytest

from utils import environment, settings

WHEEL = "torch-2.9.0+cpu-py3-none-any.whl"
SOURCES = ("INDEX_URL", "EXTRA_INDEX_URL", "FIND_LINKS", "NO_INDEX", "CONSTRAINT")


@pytest.fixture(scope="module")
def empty_environment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("environment") / ".venv"
    venv.create(folder, with_pip=True)
    return folder


@pytest.fixture
def no_source(monkeypatch, empty_environment):
    """A machine whose variables and pip.conf name no source for torch."""
    for name in SOURCES:
        monkeypatch.delenv(f"PIP_{name}", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setattr(environment, "VENV", empty_environment)
    monkeypatch.setattr(environment, "has_nvidia_gpu", lambda: False)
    monkeypatch.setattr(sys, "platform", "linux")


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A package index on loopback with a torch that needs another package; gives the list of what was asked for."""
    page, requests = tmp_path / "torch", []
    page.mkdir()
    with zipfile.ZipFile(page / WHEEL, "w") as wheel:
        info = "torch-2.9.0+cpu.dist-info"
        wheel.writestr("torch/__init__.py", "")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: torch\nVersion: 2.9.0+cpu\nRequires-Dist: sympy\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", f"torch/__init__.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    digest = hashlib.sha256((page / WHEEL).read_bytes()).hexdigest()
    (page / "index.html").write_text(f'<a href="{WHEEL.replace("+", "%2B")}#sha256={digest}">{WHEEL}</a>')

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *given, **named):
            super().__init__(*given, directory=str(tmp_path), **named)

        def log_message(self, *_):
            requests.append(self.path)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(settings, "TORCH_CPU_INDEX", f"http://127.0.0.1:{server.server_port}")
    yield requests
    server.shutdown()
    server.server_close()


LINES = ["torch>=2.8,<=2.13.0", "transformers==5.23.0"]


def test_an_index_that_cannot_be_reached_is_told_in_one_sentence(no_source, monkeypatch, capsys):
    monkeypatch.setattr(settings, "TORCH_CPU_INDEX", "http://127.0.0.1:9")
    environment.install_cpu_torch(LINES)
    printed = capsys.readouterr().out
    assert "127.0.0.1:9 (the package index cannot be reached)" in printed and "GPU libraries" in printed
    assert printed.count("\n") == 2


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("place", ["variable", "pip.conf"])
def test_a_source_that_pip_was_told_of_is_left_alone(no_source, index, tmp_path, monkeypatch, name, place):
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("# ours\ntorch<=2.10\n")
    value = {"NO_INDEX": "1", "CONSTRAINT": str(constraints)}.get(name, "http://127.0.0.1:9/simple")
    if place == "variable":
        monkeypatch.setenv(f"PIP_{name}", value)
    else:
        (tmp_path / "pip.conf").write_text(f"[global]\n{name.lower().replace('_', '-')} = {value}\n")
        monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    environment.install_cpu_torch(LINES)
    assert index == []


def test_a_constraint_on_something_else_is_no_source(no_source, tmp_path, monkeypatch):
    (tmp_path / "constraints.txt").write_text("torchvision<=1\nnumpy<3\n")
    monkeypatch.setenv("PIP_CONSTRAINT", str(tmp_path / "constraints.txt"))
    assert not environment.pip_has_torch_source()


@pytest.mark.parametrize("reason", ["a GPU", "another system", "no torch asked for"])
def test_where_the_default_build_is_right_nothing_is_asked(no_source, index, monkeypatch, reason):
    if reason == "a GPU":
        monkeypatch.setattr(environment, "has_nvidia_gpu", lambda: True)
    elif reason == "another system":
        monkeypatch.setattr(sys, "platform", "darwin")
    environment.install_cpu_torch(LINES[1:] if reason == "no torch asked for" else LINES)
    assert index == []


def test_without_a_network_the_network_is_named_and_with_one_the_missing_version(no_source, index, monkeypatch):
    monkeypatch.setenv("PIP_RETRIES", "1")
    for url, sentence in (("http://127.0.0.1:9", "index cannot be reached.*setup --from"),
                          (settings.TORCH_CPU_INDEX, "No matching distribution found for torch==1.0 in the index")):
        monkeypatch.setenv("PIP_INDEX_URL", url)
        with pytest.raises(RuntimeError, match=f"pip could not install the packages: .*{sentence}.*pip.log"):
            environment.pip_install(["torch==1.0"])


def test_a_checkout_that_cannot_be_written_is_told_in_one_sentence(no_source, tmp_path, monkeypatch):
    (tmp_path / "checkout").write_text("a file, in which no folder can be made")
    monkeypatch.setattr(environment, "VENV", tmp_path / "checkout" / ".venv")
    with pytest.raises(RuntimeError, match=r"checkout/.venv could not be made: this folder cannot be written: copy the course"):
        environment.create_environment()


def test_only_torch_is_asked_of_the_cpu_index_and_only_once(no_source, index, capsys):
    environment.install_cpu_torch(LINES)
    assert index == ["/torch/", f"/torch/{WHEEL.replace('+', '%2B')}"] and "CPU build" in capsys.readouterr().out
    assert list((environment.VENV / "lib").glob("*/site-packages/torch-2.9.0+cpu.dist-info"))
    environment.install_cpu_torch(LINES)  # it is there now
    assert len(index) == 2
