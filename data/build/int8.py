"""Eight-bit numbers: readers and embedders in int8 beside today's, on the same dev prompts.

`python -m data.build.int8 reader|embedder` asks `raft` the single-answer questions of dev, or embeds passages and searches, one
way after the other, each in a process of its own, and prints a row for each. CTranslate2 is no requirement of the course:
`pip install --target DIR ctranslate2`, then PYTHONPATH=DIR. Finished ways are kept.
"""
from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from utils import evaluation, metrics, models
from utils.types import Generation, Record

from .common import work

MODEL, ARM = "raft", "raft+advanced_rag"
PASSAGES, QUERIES = 1000, 102


def merged_model(folder: Path) -> Path:
    """The reader as a folder that other engines convert: base and adapter merged, float32."""
    if not (folder / "tokenizer_config.json").exists():
        reader = models.LanguageModel(adapter=str(models.adapter_folder(MODEL)))
        reader.model.save_pretrained(folder)
        reader.tokenizer.save_pretrained(folder)
    return folder


def megabytes(folder: Path) -> float:
    """Size of the files of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def today(float32: bool = False) -> models.LanguageModel:
    """The course's reader; with bfloat16 products where the processor is faster with them, unless `float32`."""
    if float32:
        models.device.prefers_bfloat16 = models.language_models.prefers_bfloat16 = lambda: False
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
                 on_batch=None) -> list[Generation]:
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


def dev_questions() -> list:
    """The single-answer questions of dev."""
    return [q for q in evaluation.load_questions(split="dev") if q.task in metrics.SINGLE_ANSWER_TASKS]


def ask(way: str) -> dict:
    """One reader's records, with what it took; the searches are done before."""
    workspace, questions = evaluation.Workspace(), dev_questions()
    found = {q.id: workspace.hits(q, "advanced_rag") for q in questions}
    reader = READERS[way]()
    workspace.hits, workspace.model = lambda question, _: found[question.id], lambda _="base": reader
    models.release_memory()
    before = models.peak_memory_gb()
    records = evaluation.run_arms(questions, ARM, workspace)
    seconds = sum(record.seconds["generate"] for record in records)
    tokens = sum(record.prompt_tokens + record.completion_tokens for record in records)
    return {"records": [record.to_json() for record in records], "tokens a second": tokens / seconds, "peak before": before,
            "peak": models.peak_memory_gb()}


def measured(kind: str, way: str) -> dict:
    """What one way gave, measured in a process of its own unless that was done."""
    path = work(f"int8-{kind}-{''.join(c for c in way if c.isalnum())}.json")
    if not path.exists():
        subprocess.run([sys.executable, "-m", "data.build.int8", kind, way, str(path)], check=True)
    return json.loads(path.read_text("utf-8"))


def main(words: Sequence[str]) -> None:
    """Print a row for each way; with a way and a file, measure only that."""
    if len(words) == 3:
        Path(words[2]).write_text(json.dumps(ask(words[1])), "utf-8")
        return
    rows = {way: measured("reader", way) for way in READERS}
    exact = {way: {r.question_id: r.scores["exact_match"] for r in map(Record.from_json, row["records"])}
             for way, row in rows.items()}
    clusters = {q.id: q.cluster for q in dev_questions()}
    print("| way | tokens a second | times today's | peak GB | exact match | change |\n|---|---|---|---|---|---|")
    for way, row in rows.items():
        change = metrics.paired_difference(*([exact[name][id_] for id_ in clusters] for name in ("today's", way)),
                                           list(clusters.values()))
        rate, first = row["tokens a second"], rows["today's"]["tokens a second"]
        print(f"| {way} | {rate:,.0f} | {rate / first:.2f} | {row['peak']:.1f} | "
              f"{sum(exact[way].values()) / len(clusters):.3f} | {change} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
