"""Committed files hold no corpus text and no local paths, and are small."""
from __future__ import annotations

import gzip
import json
import re
import subprocess

import pytest

from tests.corpus.test_docstrings import HANDBOOK
from utils import corpus, settings
from utils.corpus import aws

RUN = 16


def committed() -> list:
    names = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=settings.ROOT,
                           capture_output=True, text=True, check=True).stdout
    return [settings.ROOT / name for name in names.split("\0") if name and (settings.ROOT / name).is_file()]


def text_of(path) -> str:
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    text = raw.decode("utf-8", "ignore")
    if path.suffix == ".ipynb":
        book = json.loads(text)
        text = "\n".join("".join(c["source"]) + _outputs(c) for c in book["cells"])
    return text.replace("\\n", " ").replace('\\"', '"')


def _outputs(cell) -> str:
    parts = []
    for output in cell.get("outputs", []):
        parts += ["".join(output.get("text", ""))]
        parts += ["".join(v) for k, v in output.get("data", {}).items() if k.startswith("text/")]
    return "\n" + "\n".join(parts)


def shingles(text: str) -> list[int]:
    words = re.findall(r"[a-z0-9]+", text.lower())
    return [hash(tuple(words[i : i + RUN])) for i in range(len(words) - RUN + 1)]


@pytest.fixture(scope="module")
def corpus_runs(world, tmp_path_factory) -> set[int]:
    """Runs of words of the course's documents and of the two other domains (the handbook where it is installed)."""
    runs = {run for text in world.flat.values() for run in shingles(text)}
    folder = tmp_path_factory.mktemp("networkx")
    corpus.write_docstrings("networkx", folder)
    for other in (folder, HANDBOOK):
        runs.update(run for document in (corpus.load_folder(other) if other.exists() else ()) for run in shingles(document.text))
    for model in world.models.values():
        documented = re.findall(r'"documentation": ?"((?:[^"\\]|\\.)*)"', json.dumps(model))
        runs.update(run for html in documented for run in shingles(aws.html_to_text(html)))
    return runs


def test_no_committed_file_holds_a_run_of_sixteen_words_of_the_corpus(corpus_runs):
    leaks = [path.relative_to(settings.ROOT).as_posix() for path in committed()
             if path.suffix not in (".png", ".safetensors") and corpus_runs & set(shingles(text_of(path)))]
    assert not leaks


def test_the_scan_detects_a_leak(corpus_runs, world):
    copied = " ".join(world.flat["sqs.PurgeQueue"].split()[10:40])
    assert corpus_runs & set(shingles(f"before {copied} after"))


def test_no_committed_file_contains_a_local_path():
    names = [path.name for path in committed() if path.suffix not in (".png", ".gz")
             and re.search(r"(?<![\w.])/(?:root|home|Users)/\w+|/work/(?:main|shared)", path.read_text("utf-8", "ignore"))]
    assert [name for name in names if not name.startswith("test_")] == []


def test_files_are_small():
    assert not [path.name for path in committed() if path.stat().st_size > 10_000_000]


def test_the_repository_url_is_defined_in_one_place():
    names = [path.name for path in committed() if path.suffix == ".py"
             and settings.REPOSITORY_URL in path.read_text("utf-8")]
    assert names == ["settings.py"]
