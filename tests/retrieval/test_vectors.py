"""The shipped vectors fit today's corpus and embedder, hold no text, survive damage, and spare set-up the embedder."""
from __future__ import annotations

import os
import re
import subprocess
import sys

import numpy
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from data.build.vectors import write_vectors
from tests.retrieval.test_storage import CHUNKS, Vectors
from utils import evaluation, retrieval, settings
from utils.course.preparation import course_indexes
from utils.retrieval import storage

FEW = CHUNKS[:150]


class Counting(Vectors):
    """Keeps the texts that were embedded; its name is its digest."""

    def __init__(self, digest: str):
        super().__init__()
        self.digest, self.texts = digest, []

    def encode(self, texts):
        self.texts += texts
        return super().encode(texts)


@pytest.fixture
def shipped(tmp_path, monkeypatch, request):
    """A file with the vectors of FEW but the last two, of an embedder whose digest is the test's name."""
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(storage, "VECTORS", tmp_path / "vectors")
    texts = [chunk.indexed for chunk in FEW[:-2]]
    rows = dict(zip(map(storage.text_key, texts), Vectors().encode(texts), strict=True))
    return write_vectors(tmp_path / "vectors" / "some.safetensors", request.node.name, rows)


def test_every_text_of_the_courses_indexes_has_its_vector():
    for dense in course_indexes(evaluation.Workspace(settings=settings.Settings())):
        vectors = storage.shipped_vectors(dense.embedder.digest)
        missing = [chunk.id for chunk in dense.chunks.values() if storage.text_key(chunk.indexed) not in vectors]
        assert not missing, f"{len(missing)} texts have no vector, {missing[0]} for one: run `python -m data.build vectors`"
        rows = numpy.stack([vectors[storage.text_key(chunk.indexed)] for chunk in dense.chunks.values()])
        assert (rows * dense.vectors).sum(1).min() > 0.999
        again = dense.embedder.encode([chunk.indexed for chunk in list(dense.chunks.values())[:4]])
        assert (rows[:4] * again).sum(1).min() > 0.999


@pytest.mark.parametrize("path", sorted(storage.VECTORS.glob("*")), ids=lambda path: path.name)
def test_a_file_holds_digests_and_numbers_and_no_text(path):
    with safe_open(path, "numpy") as file:
        arrays, metadata = load_file(path), file.metadata()
    assert {name: (array.dtype, array.shape[1]) for name, array in arrays.items()} == {
        "keys": (numpy.uint8, 8), "vectors": (numpy.float16, 384)}
    assert metadata.keys() == {"embedder", "date", "sha256"}
    assert re.fullmatch(r"[0-9a-f]{64}(\+[0-9a-f]{64})?", metadata["embedder"])
    assert path.stat().st_size < sum(array.nbytes for array in arrays.values()) + 700


def test_only_texts_without_a_vector_are_embedded_and_search_finds_the_same(shipped, chosen, request):
    embedder = Counting(request.node.name)
    dense = retrieval.DenseIndex(FEW, embedder, chosen)
    assert (dense.added, dense.embedded) == (len(FEW), 2) and set(embedder.texts) == {chunk.indexed for chunk in FEW[-2:]}
    plain = retrieval.DenseIndex(FEW[:-1], Counting("not shipped"), chosen)
    assert (plain.embedded, plain.added) == (len(FEW) - 1,) * 2
    assert [hit.chunk.id for hit in dense.search(CHUNKS[7].text, 1)] == [hit.chunk.id for hit in plain.search(CHUNKS[7].text, 1)]


def flip(path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])


@pytest.mark.parametrize("damage", [
    flip, lambda path: path.write_bytes(path.read_bytes()[:999]), lambda path: path.write_bytes(b""),
    lambda path: path.write_text("<html>404</html>")], ids=["a bit", "half", "empty", "foreign"])
def test_a_damaged_file_is_told_in_one_sentence_and_its_texts_are_embedded(damage, shipped, chosen, request, capsys):
    damage(shipped)
    dense = retrieval.DenseIndex(FEW, Counting(request.node.name), chosen)
    told = [line for line in capsys.readouterr().err.splitlines() if "data/vectors" in line]
    assert dense.embedded == len(FEW) and len(told) == 1
    assert "some.safetensors is damaged or foreign" in told[0] and "git checkout data/vectors" in told[0]


def test_set_up_takes_every_vector_from_the_files_and_loads_no_torch(tmp_path):
    for name in ("models", "corpus"):
        (tmp_path / name).symlink_to((settings.cache() / name).resolve())
    script = "import sys; from utils import course; course.prepare(); course.prepare(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=settings.ROOT, capture_output=True, text=True,
                          env={**os.environ, "LAB_CACHE": str(tmp_path), "LAB_PROFILE": "laptop"})
    assert re.fullmatch(r"Index: [\d,]+ passages, [\d,]+ sections and [\d,]+ entities; vectors from data/vectors\.\nFalse\n",
                        done.stdout), done.stdout + done.stderr
    assert "Set-up: index of sections" in done.stderr and "7/7" in done.stderr
