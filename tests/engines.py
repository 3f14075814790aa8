"""Measures the engines that take over past one machine, each on loopback against one process in the same run.

`python -m tests.engines [chroma] [accelerate] [endpoint]` prints a table, in about eight minutes on two cores; run it alone
there, after `setup`. It works in a folder of its own, keeps what is measured, and goes on after an interruption. `transformers
serve` needs FastAPI, which the course does not: `pip install --target DIR fastapi`, then PYTHONPATH=DIR.
"""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.scratch import free_port, own_cache, own_documents, server
from utils import evaluation, generation, models, retrieval, settings
from utils.retrieval import storage

FOLDER = Path(tempfile.gettempdir()) / "course-engines"
PASSAGES, QUERIES, EXAMPLES, ASKED = 2048, 100, 24, 10


class Remembered:
    """The embedder with its vectors kept, so that only the database is measured."""

    def __init__(self, embedder: models.Embedder):
        self.embedder, self.name, self.digest, self.vectors = embedder, embedder.name, embedder.digest, {}

    def encode(self, texts):
        """Vectors of the texts, from memory where it has them."""
        import numpy

        new = sorted({text for text in texts if text not in self.vectors}, key=len)
        self.vectors.update(zip(new, self.embedder.encode(new), strict=True))
        return numpy.array([self.vectors[text] for text in texts])


def timed(work: Callable) -> tuple[float, object]:
    """(seconds, result) of a call."""
    begun = time.perf_counter()
    result = work()
    return time.perf_counter() - begun, result


def tool(name: str) -> str:
    """Path of a command that is installed beside Python."""
    return str(Path(sys.executable).with_name(name))


def passages(workspace: evaluation.Workspace) -> list:
    """The chunks of naive RAG."""
    tokenizer, run = models.embedder().tokenizer, workspace.settings
    return [chunk for document in workspace.documents.values()
            for chunk in retrieval.fixed_size_chunks(document, tokenizer, run.chunk_tokens, run.chunk_overlap)]


def chroma() -> list[list[str]]:
    """A Chroma server against the embedded database: the same passages stored, the same questions asked."""
    workspace, port, rates, found = evaluation.Workspace(), free_port(), {}, {}
    embedder, chunks = Remembered(models.embedder()), passages(workspace)[:PASSAGES]
    questions = [question.question for question in evaluation.load_questions(split="dev")][:QUERIES]
    embedding, _ = timed(lambda: embedder.encode([chunk.indexed for chunk in chunks]))
    embedder.encode(questions)
    storage.shipped_vectors(embedder.digest)  # read once a process
    for folder in (FOLDER / "chroma-server", settings.cache() / "chroma"):
        shutil.rmtree(folder, ignore_errors=True)
    command = [tool("chroma"), "run", "--host", "127.0.0.1", "--port", str(port), "--path", str(FOLDER / "chroma-server")]
    with server(command, f"http://127.0.0.1:{port}/api/v2/heartbeat", FOLDER / "chroma.log"):
        for url in ("", f"http://127.0.0.1:{port}"):
            run = replace(workspace.settings, chroma_url=url)
            built, index = timed(lambda run=run: retrieval.DenseIndex(chunks, embedder, run))
            single, found[url] = timed(lambda index=index: [index.search(text, 10) for text in questions])
            together, _ = timed(lambda index=index: index.search_many(questions, 10))
            rates[url] = (len(chunks) / built, len(questions) / single, len(questions) / together)
    same = sum([hit.chunk.id for hit in a] == [hit.chunk.id for hit in b] for a, b in zip(*found.values(), strict=True))
    what = (f"of {len(chunks)} passages, stored a second (embedded a second: {len(chunks) / embedding:.0f})",
            "questions a second, one by one", f"questions a second, {len(questions)} at once")
    return [["Chroma server", name, f"{one:.0f}", f"{other:.0f}", f"{same} of {len(questions)} rankings alike"]
            for name, one, other in zip(what, *rates.values(), strict=True)]


def accelerate() -> list[list[str]]:
    """The same training in two processes and in one."""
    documents, questions = own_documents(FOLDER / "own", 64)
    train = ["-m", "utils", "train", "--corpus", str(documents), "--questions", str(questions), "--recipe", "raft",
             "--from", "none", "--limit", str(EXAMPLES), "--out"]
    rows, figures = [], []
    for flags in ([], ["--num_processes", "2"], ["--multi_gpu", "--num_processes", "2"]):
        launcher, out = [tool("accelerate"), "launch", *flags] if flags else [sys.executable], FOLDER / f"adapter-{len(flags)}"
        shutil.rmtree(out, ignore_errors=True)
        done = subprocess.run([*launcher, *train, str(out)], cwd=settings.ROOT, capture_output=True, text=True)
        name = " ".join(["accelerate launch", *flags])
        if not (out / "provenance.json").exists():
            rows.append([name, "failed", "", "", (done.stderr.strip().splitlines() or ["no word"])[-1][:160]])
            continue
        record = json.loads((out / "provenance.json").read_text("utf-8"))
        steps, last = record["loss"][-1]
        figures.append([f"{record['seconds'] / steps:.2f}", f"{record['tokens_per_second']:.0f}", f"{last:.3f}"])
        what = ("seconds a step", "tokens a second", f"loss at step {steps}")
        note = f"processes that trained: {done.stdout.count('use it as the arm')}; {record['peak_memory_gb']} GB in the first"
        rows += [[name, *row, note] for row in zip(what, figures[0], figures[-1], strict=True)] if flags else []
    return rows


def endpoint() -> list[list[str]]:
    """`transformers serve` behind LAB_ENDPOINT against the generator in this process: ten dev questions with passages."""
    workspace, port, rates, texts = evaluation.Workspace(), free_port(), {}, {}
    search, questions = retrieval.BM25Index(passages(workspace)), evaluation.load_questions(split="dev")[:ASKED]
    prompts = [generation.build_prompt(q.question, search.search(q.question, 3)) for q in questions]
    path, local = models.language_model_path(settings.WHEEL_MODEL), workspace.model()
    command = [tool("transformers"), "serve", path, "--host", "127.0.0.1", "--port", str(port), "--device", "cpu",
               "--dtype", "float32"]
    with server(command, f"http://127.0.0.1:{port}/health", FOLDER / "serve.log"):
        os.environ |= {"LAB_ENDPOINT": f"http://127.0.0.1:{port}/v1", "LAB_ENDPOINT_MODEL": path}
        remote = evaluation.Workspace().model("endpoint")
        for name, model, size in (("single", local, 1), ("batch", local, ASKED), ("server", remote, ASKED)):
            model.generate(prompts[:1], 4)
            seconds, answers = timed(lambda model=model, size=size: model.generate(prompts, 32, size))
            rates[name], texts[name] = f"{len(answers) / seconds:.2f}", [answer.text for answer in answers]
    same = sum(a == b for a, b in zip(texts["single"], texts["server"], strict=True))
    return [["transformers serve", "answers a second, three passages in the prompt, up to 32 new tokens",
             f"{rates['single']} one by one, {rates['batch']} in one batch", f"{rates['server']}, eight requests at a time",
             f"{same} of {len(questions)} answers alike"]]


def main() -> None:
    """Measure what is not measured yet and print the table."""
    parts = {"chroma": chroma, "accelerate": accelerate, "endpoint": endpoint}
    FOLDER.mkdir(exist_ok=True)
    own_cache(FOLDER / "cache", copied=("corpus",))
    os.environ |= {"LAB_CACHE": str(FOLDER / "cache"), "LAB_CHROMA_URL": "", "LAB_FAST": "", "HF_HUB_OFFLINE": "1"}
    models.quiet()
    kept = FOLDER / "measured.json"
    measured = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    print("| engine | what | one process | engine | |\n|---|---|---|---|---|")
    for name in sys.argv[1:] or parts:
        if name not in measured:
            try:
                seconds, rows = timed(parts[name])
                measured[name] = rows
                kept.write_text(json.dumps(measured, indent=1), "utf-8")
                print(f"{name}: {seconds:.0f} seconds", file=sys.stderr)
            except RuntimeError as error:
                measured[name] = [[name, f"not measured: {error}", "", "", ""]]
        for row in measured[name]:
            print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
