"""Doctor opens what it calls ready."""
from __future__ import annotations

import json

import pytest

from utils import retrieval, settings
from utils.course import doctor, preparation
from utils.types import Chunk


@pytest.fixture
def cache(tmp_path, monkeypatch, embedder, chosen):
    models = settings.cache() / "models"
    monkeypatch.setenv("LAB_CACHE", str(tmp_path))
    (tmp_path / "models").symlink_to(models.resolve())
    name = retrieval.DenseIndex([Chunk("a", "a", "s", "Bread."), Chunk("b", "b", "s", "Cats.")], embedder, chosen).name
    (tmp_path / "prepared.json").write_text(json.dumps({"key": preparation.prepared_key(), "indexes": [name]}))
    return tmp_path


def index_line(capsys) -> str:
    doctor.run_doctor()
    return next(line for line in capsys.readouterr().out.splitlines() if " index: " in line)


def test_a_ready_index_is_searched_and_a_damaged_or_missing_one_named_with_the_command(cache, capsys):
    assert index_line(capsys) == "ok   index: ready: it was read and searched"
    database = cache / "chroma" / "chroma.sqlite3"
    whole = database.read_bytes()
    database.write_bytes(whole[:12288] + b"garbage" * 2000 + whole[26288:])
    assert index_line(capsys).startswith("FIX  index: its database is damaged")
    database.unlink()
    assert index_line(capsys) == "FIX  index: not built yet, or not to the end"
    (cache / "prepared.json").unlink()
    assert index_line(capsys) == "FIX  index: not built yet, or for other settings"
