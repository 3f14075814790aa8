"""Eight-bit numbers: readers and embedders in int8 beside today's, on the same dev questions.

`python -m data.build.int8 reader|embedder` asks `raft` the single-answer questions of dev, or embeds the course's passages and
searches by their vectors alone, one way after the other, each in a process of its own, and prints a row for each. CTranslate2 is
no requirement of the course: `pip install --target DIR ctranslate2`, then PYTHONPATH=DIR. Finished ways are kept.
"""
from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy

from utils import evaluation, metrics, models
from utils.retrieval import storage
from utils.types import Generation

from .common import work

MODEL, ARM = "raft", "raft+advanced_rag"
KEPT = 5  # documents of a ranking


def merged_model(folder: Path) -> Path:
    """The reader as a folder that other engines convert: base and adapter merged, float32."""
    if not (folder / "tokenizer_config.json").exists():
        reader = models.LanguageModel(adapter=str(models.adapter_folder(MODEL)))
        reader.model.save_pretrained(folder)
        reader.tokenizer.save_pretrained(folder)
    return folder


def without_bfloat16() -> None:
    """Multiply in float32 from here on."""
    models.device.prefers_bfloat16 = models.language_models.prefers_bfloat16 = lambda: False


def today(float32: bool = False) -> models.LanguageModel:
    """The course's reader; with bfloat16 products where the processor is faster with them, unless `float32`."""
    if float32:
        without_bfloat16()
    return models.LanguageModel(adapter=str(models.adapter_folder(MODEL)))


def dynamic() -> models.LanguageModel:
    """PyTorch's own: linear layers with int8 weights, activations quantized on the way."""
    import torch

    reader = today(float32=True)
    reader.model = torch.ao.quantization.quantize_dynamic(reader.model, {torch.nn.Linear}, dtype=torch.qint8)
    return reader


class CTranslate2Reader:
    """A `Generator` that runs in CTranslate2, converted once. kind: `int8`, or `float32` to tell the engine from the numbers."""

    window = 0

    def __init__(self, kind: str = "int8"):
        import ctranslate2
        from transformers import AutoTokenizer

        source, folder = merged_model(work("int8-merged")), work(f"int8-ctranslate2-{kind}")
        if not (folder / "model.bin").exists():
            ctranslate2.converters.TransformersConverter(str(source)).convert(str(folder), quantization=kind, force=True)
        self.name, self.tokenizer = f"{MODEL} in CTranslate2, {kind}", AutoTokenizer.from_pretrained(source)
        self.generator = ctranslate2.Generator(str(folder), compute_type=kind, intra_threads=2)

    def count(self, text: str) -> int:
        """Tokens of a text."""
        return len(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def generate(self, conversations: Sequence[list[dict[str, str]]], max_new_tokens: int = 32, batch_size: int = 16,
                 on_batch=None, silence: str = "") -> list[Generation]:
        """Greedy answers in the order of the conversations, in batches of similar length."""
        texts = [self.tokenizer.apply_chat_template(c, tokenize=False, add_generation_prompt=True) for c in conversations]
        tokens = [self.tokenizer.convert_ids_to_tokens(self.tokenizer(t, add_special_tokens=False)["input_ids"]) for t in texts]
        begun = time.perf_counter()
        results = self.generator.generate_batch(tokens, max_length=max_new_tokens, sampling_topk=1, max_batch_size=batch_size,
                                                include_prompt_in_result=False, end_token=self.tokenizer.eos_token)
        seconds = (time.perf_counter() - begun) / len(tokens)
        answers = [Generation(self.tokenizer.decode(result.sequences_ids[0], skip_special_tokens=True).strip(), len(prompt),
                              len(result.sequences_ids[0]), seconds) for prompt, result in zip(tokens, results, strict=True)]
        if on_batch:
            on_batch(list(range(len(answers))), answers)
        return answers


READERS = {"today's": today, "float32": lambda: today(float32=True), "PyTorch, dynamic int8": dynamic,
           "CTranslate2, float32": lambda: CTranslate2Reader("float32"), "CTranslate2, int8": CTranslate2Reader}


class CTranslate2Embedder:
    """The embedder's network in CTranslate2, int8, converted once; mean over the tokens, unit length."""

    def __init__(self, own: models.Embedder):
        import ctranslate2

        source, folder = work("int8-embedder"), work("int8-embedder-ctranslate2")
        if not (folder / "model.bin").exists():
            own.model[0].auto_model.save_pretrained(source)
            own.model.tokenizer.save_pretrained(source)
            ctranslate2.converters.TransformersConverter(str(source)).convert(str(folder), quantization="int8", force=True)
        self.tokenizer, self.window = own.tokenizer, own.window
        self.encoder = ctranslate2.Encoder(str(folder), compute_type="int8", intra_threads=2)

    def encode(self, texts: Sequence[str], batch_size: int = 32):
        """As `models.Embedder.encode`."""
        rows = [ids[: self.window - 1] + ids[-1:] if len(ids) > self.window else ids
                for ids in self.tokenizer(list(texts), verbose=False)["input_ids"]]
        order, vectors = sorted(range(len(rows)), key=lambda i: len(rows[i])), [None] * len(rows)
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            states = numpy.array(self.encoder.forward_batch([rows[i] for i in batch]).last_hidden_state)
            for i, state in zip(batch, states, strict=True):
                mean = state[: len(rows[i])].mean(0)
                vectors[i] = mean / numpy.linalg.norm(mean)
        return numpy.array(vectors)


class Shipped:
    """The vectors of `data/vectors`, float16; questions are embedded as today."""

    def __init__(self, own: models.Embedder):
        self.own, self.vectors = own, storage.shipped_vectors(own.digest)

    def encode(self, texts: Sequence[str]):
        """As `models.Embedder.encode`."""
        found = [self.vectors.get(storage.text_key(text)) for text in texts]
        return self.own.encode(texts) if any(vector is None for vector in found) else numpy.array(found, dtype="float32")


def float32_embedder(own: models.Embedder) -> models.Embedder:
    """Today's, without bfloat16."""
    without_bfloat16()
    return own


EMBEDDERS = {"today's": lambda own: own, "float32": float32_embedder, "shipped vectors, float16": Shipped,
             "CTranslate2, int8": CTranslate2Embedder}


def dev_questions() -> list:
    """The single-answer questions of dev."""
    return [q for q in evaluation.load_questions(split="dev") if q.task in metrics.SINGLE_ANSWER_TASKS]


def ask(way: str) -> dict:
    """Exact match by question of one reader, with what it took; the searches are done before."""
    workspace, questions = evaluation.Workspace(), dev_questions()
    found = {q.id: workspace.hits(q, "advanced_rag") for q in questions}
    reader = READERS[way]()
    workspace.hits, workspace.model = lambda question, _: found[question.id], lambda _="base": reader
    records = evaluation.run_arms(questions, ARM, workspace)
    seconds = sum(record.seconds["generate"] for record in records)
    tokens = sum(record.prompt_tokens + record.completion_tokens for record in records)
    return {"scores": {record.question_id: record.scores["exact_match"] for record in records}, "rate": tokens / seconds,
            "peak": models.peak_memory_gb(), "answers": {record.question_id: record.answer for record in records}}


def search(way: str) -> dict:
    """Recall@5 by question of one embedder, its ranking, and passages a second."""
    pipeline, questions = evaluation.Workspace().pipeline, dev_questions()
    passages = [chunk.indexed for chunk in pipeline.chunks]
    embedder = EMBEDDERS[way](pipeline.embedder)
    embedder.encode(passages[:64])
    begun = time.perf_counter()
    vectors = embedder.encode(passages)
    seconds = time.perf_counter() - begun
    scores = embedder.encode([question.question for question in questions]) @ vectors.T
    ranked = {q.id: list(dict.fromkeys(pipeline.chunks[i].document_id for i in numpy.argsort(-row)[:200]))[:KEPT]
              for q, row in zip(questions, scores, strict=True)}
    return {"scores": {q.id: metrics.success_at_k(ranked[q.id], q.evidence, KEPT) for q in questions}, "answers": ranked,
            "rate": len(passages) / seconds, "peak": models.peak_memory_gb()}


KINDS = {"reader": (READERS, ask, "tokens a second", "exact match", "same answers"),
         "embedder": (EMBEDDERS, search, "passages a second", "success@5", "same five documents")}


def measured(kind: str, way: str) -> dict:
    """What one way gave, measured in a process of its own unless that was done."""
    path = work(f"int8-{kind}-{''.join(c for c in way if c.isalnum())}.json")
    if not path.exists():
        subprocess.run([sys.executable, "-m", "data.build.int8", kind, way, str(path)], check=True)
    return json.loads(path.read_text("utf-8"))


def main(words: Sequence[str]) -> None:
    """Print a row for each way; with a way and a file, measure only that."""
    ways, measure, *columns = KINDS[words[0]]
    if len(words) == 3:
        Path(words[2]).write_text(json.dumps(measure(words[1])), "utf-8")
        return
    rows = {way: measured(words[0], way) for way in ways}
    clusters, first = {q.id: q.cluster for q in dev_questions()}, rows["today's"]
    print(f"| way | {columns[0]} | times today's | peak GB | {columns[1]} | change | {columns[2]} |\n" + "|---" * 7 + "|")
    for way, row in rows.items():
        change = metrics.paired_difference(*([each["scores"][id_] for id_ in clusters] for each in (first, row)),
                                           list(clusters.values()))
        alike = sum(row["answers"][id_] == first["answers"][id_] for id_ in clusters)
        print(f"| {way} | {row['rate']:,.0f} | {row['rate'] / first['rate']:.2f} | {row['peak']:.1f} | "
              f"{sum(row['scores'].values()) / len(clusters):.3f} | {change} | {alike} of {len(clusters)} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
