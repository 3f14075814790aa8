"""A damaged, foreign or half-written index is noticed, told and built again; builders wait; a full disk is one sentence."""
from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from utils import retrieval
from utils.retrieval import storage
from utils.types import Chunk

CHUNKS = [Chunk(f"d{n}#0", f"d{n}", "overview", f"Passage {n} is about {'cats' if n == 7 else 'bread'} and the number {n}.")
          for n in range(1100)]  # more than Chroma's threshold of 1,000, so that vectors lie in files of their own


class Vectors:
    """Stands in for the embedder, because 1,100 real embeddings would take a minute: seeded unit vectors of a text's letters."""

    def __init__(self, name: str = "vectors", dimension: int = 16):
        self.name, self.dimension, self.digest = name, dimension, "not shipped"

    def encode(self, texts):
        import zlib

        import numpy

        rows = [numpy.random.default_rng(zlib.crc32(text.encode())).standard_normal(self.dimension) for text in texts]
        return numpy.array([row / numpy.linalg.norm(row) for row in rows], "float32")


@pytest.fixture(scope="module")
def built(tmp_path_factory, chosen):
    folder = tmp_path_factory.mktemp("built")
    os.environ["LAB_CACHE"], before = str(folder), os.environ.get("LAB_CACHE")
    retrieval.DenseIndex(CHUNKS, Vectors(), chosen)
    os.environ.pop("LAB_CACHE") if before is None else os.environ.update(LAB_CACHE=before)
    return folder


@pytest.fixture
def cache(built, tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("LAB_CACHE", str(shutil.copytree(built, tmp_path / "cache")))
    return tmp_path / "cache"


def segment(cache: Path) -> Path:
    return next(path.parent for path in (cache / "chroma").glob("*/index_metadata.pickle"))


def overwrite(path: Path, start: float = 0.0, share: float = 1.0) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(int(size * start))
        file.write(os.urandom(int(size * share)))


def sql(cache: Path, statement: str) -> None:
    with closing(sqlite3.connect(cache / "chroma" / "chroma.sqlite3")) as database, database:
        database.execute(statement)


def as_file(cache: Path) -> None:
    shutil.rmtree(cache / "chroma")
    (cache / "chroma").write_text("no folder")


DAMAGE = {
    "garbage in the database": lambda cache: overwrite(cache / "chroma/chroma.sqlite3", 0.01, 0.02),
    "garbage at its end": lambda cache: overwrite(cache / "chroma/chroma.sqlite3", 0.9, 0.1),
    "no database at all": lambda cache: (cache / "chroma/chroma.sqlite3").write_text("hello"),
    "half a database": lambda cache: os.truncate(cache / "chroma/chroma.sqlite3", 200_000),
    "another version's": lambda cache: sql(cache, "UPDATE migrations SET hash = 'x'"),
    "another program's": lambda cache: ((cache / "chroma/chroma.sqlite3").unlink(), sql(cache, "CREATE TABLE collections (a)")),
    "a file in the folder's place": as_file,
    "vectors are garbage": lambda cache: overwrite(segment(cache) / "data_level0.bin"),
    "links are garbage": lambda cache: overwrite(segment(cache) / "link_lists.bin"),
    "half a header": lambda cache: os.truncate(segment(cache) / "header.bin", 50),
    "half the vectors": lambda cache: os.truncate(segment(cache) / "data_level0.bin", 30_000),
    "no list of ids": lambda cache: (segment(cache) / "index_metadata.pickle").unlink(),
    "no folder of vectors": lambda cache: shutil.rmtree(segment(cache)),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_noticed_told_and_repaired(damage, cache, chosen, capsys):
    name = retrieval.DenseIndex(CHUNKS, Vectors(), chosen).name
    if damage in ("vectors are garbage", "half a header"):
        (segment(cache) / "manifest.json").unlink()  # as an older version of the course left it: reading them ends a process
    shutil.copytree(cache, cache.with_name("damaged"))
    os.environ["LAB_CACHE"] = str(cache.with_name("damaged"))  # Chroma keeps one client for each folder
    DAMAGE[damage](cache.with_name("damaged"))
    assert retrieval.index_damage(name, chosen, search=True)
    dense = retrieval.DenseIndex(CHUNKS, Vectors(), chosen)
    told = capsys.readouterr().err
    assert told.count("index: its") == 1 and "again" in told and dense.added == len(CHUNKS)
    assert dense.search(CHUNKS[7].text, 1)[0].document_id == "d7"
    assert retrieval.index_damage(name, chosen, search=True) == ""


def test_a_sound_index_of_an_older_version_is_taken_over(cache, chosen, capsys):
    (segment(cache) / "manifest.json").unlink()
    assert retrieval.DenseIndex(CHUNKS, Vectors(), chosen).added == 0
    assert retrieval.DenseIndex(CHUNKS, Vectors(), chosen).added == 0 and "index: its" not in capsys.readouterr().err


@pytest.mark.parametrize("other", [Vectors(dimension=8), Vectors("vectors", 16)])
def test_vectors_of_another_model_under_the_same_name_are_computed_again(cache, chosen, other, capsys):
    if other.dimension == 16:
        other.encode = lambda texts: -Vectors().encode(texts)
    assert retrieval.DenseIndex(CHUNKS, other, chosen).added == len(CHUNKS)
    assert "computed again" in capsys.readouterr().err


def test_an_interrupted_build_resumes_and_search_goes_on_after_it(tmp_path, chosen, monkeypatch):
    monkeypatch.setenv("LAB_CACHE", str(tmp_path))
    calls, embedder = [], Vectors()

    def encode(texts):
        calls.append(len(texts))
        if len(calls) == 4:
            raise KeyboardInterrupt
        return Vectors().encode(texts)

    embedder.encode = encode
    with pytest.raises(KeyboardInterrupt):
        retrieval.DenseIndex(CHUNKS, embedder, chosen)
    assert retrieval.DenseIndex(CHUNKS, Vectors(), chosen).added == len(CHUNKS) - sum(calls[:3])


BUILDER = ("from utils import retrieval, settings; from tests.retrieval.test_storage import CHUNKS, Vectors\n"
           "print(retrieval.DenseIndex(CHUNKS, Vectors(), settings.load()).added)")


def test_of_two_builders_one_waits_and_says_so(tmp_path, chosen, monkeypatch):
    monkeypatch.setenv("LAB_CACHE", str(tmp_path))
    with storage.exclusive(chosen):
        waiting = subprocess.Popen([sys.executable, "-c", BUILDER], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert "another process is building the index; waiting" in waiting.stderr.readline()
        other = subprocess.Popen([sys.executable, "-c", BUILDER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert sorted(int(process.communicate()[0]) for process in (waiting, other)) == [0, len(CHUNKS)]


def test_a_full_disk_is_told_in_one_sentence_and_removes_nothing(cache, chosen, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    sentence = r"cannot be built \(No space left on device\): free space there or set LAB_CACHE"
    with pytest.raises(RuntimeError, match=sentence), storage.exclusive(chosen):
        storage.writable_collection("x", chosen)  # a name that Chroma refuses stands for any error of its own
    assert (cache / "chroma/chroma.sqlite3").exists() and not (cache / "chroma.damaged").exists()
