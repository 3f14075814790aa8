"""Trains the two retrieval adapters on the train split: a bi-encoder and a cross-encoder, both based on MiniLM."""
from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from utils import metrics, models, retrieval, settings, training
from utils.types import Chunk, Question

LINEAR_LAYERS = ["query", "key", "value", "dense"]  # every linear layer of a BERT block


@dataclass(frozen=True)
class RetrieverTraining:
    """Settings of one training run, saved in the adapter's provenance."""

    rank: int = 32
    learning_rate: float = 1e-3
    epochs: int = 4
    batch_size: int = 32
    negatives: int = 2
    window: int = 128  # tokens of a text (bi-encoder) or of a pair (cross-encoder)
    bm25: float = 0.5  # weight of BM25 against the dense score when mining hard negatives
    seed: int = 0


BI_ENCODER_TRAINING = RetrieverTraining()
CROSS_ENCODER_TRAINING = RetrieverTraining(epochs=2, batch_size=16, negatives=3, window=128, bm25=1.0)


def learnable_questions(questions: Sequence[Question]) -> list[Question]:
    """Training questions with one answering passage, without the `seen_fact` rows, which repeat test facts."""
    return [q for q in questions if q.split == "train" and q.family != "seen_fact" and q.task in metrics.SINGLE_ANSWER_TASKS]


def hard_negatives(question: Question, chunks: Sequence[Chunk], scores, allowed: set[str], depth: int, many: int,
                   draw: random.Random) -> list[int]:
    """`many` random chunks of the `depth` best-scored ones of other documents, at most one per document.

    allowed: documents that may be negatives. They exclude home documents of dev and test, because a model that learns that
    these are never correct would score too low there.
    """
    candidates, seen = [], set(question.evidence)
    for i in sorted(range(len(chunks)), key=lambda i: -scores[i]):
        if chunks[i].document_id in allowed and chunks[i].document_id not in seen:
            seen.add(chunks[i].document_id)
            candidates.append(i)
        if len(candidates) == depth:
            break
    return draw.sample(candidates, min(many, len(candidates)))


def mine_examples(questions: Sequence[Question], pipeline: retrieval.RetrievalPipeline,
                  run: RetrieverTraining) -> list[tuple[str, str, list[str]]]:
    """(question, answering passage, hard negatives mined with the pipeline) for each training question."""
    words, vectors = retrieval.BM25Index(pipeline.chunks), pipeline.dense.vectors
    held_out = {q.home for q in questions if q.split in ("dev", "test")}
    allowed = {chunk.document_id for chunk in pipeline.chunks} - held_out
    learnable, draw, examples = learnable_questions(questions), random.Random(run.seed), []
    for question, vector in zip(learnable, pipeline.embedder.encode([q.question for q in learnable]), strict=True):
        dense, lexical_scores = (retrieval.standardise(s) for s in (vectors @ vector, words.scores(question.question)))
        scores = (1 - run.bm25) * dense + run.bm25 * lexical_scores
        right = training.answering_chunk(question, pipeline.chunks, scores)
        wrong = hard_negatives(question, pipeline.chunks, scores, allowed, 4 * run.negatives, run.negatives, draw)
        examples.append((question.question, pipeline.chunks[right].indexed, [pipeline.chunks[i].indexed for i in wrong]))
    return examples


def _arguments(kind, run: RetrieverTraining, **more):
    return kind(str(settings.cache() / "training"), num_train_epochs=run.epochs, seed=run.seed,
                per_device_train_batch_size=run.batch_size, learning_rate=run.learning_rate, warmup_steps=0.1,
                lr_scheduler_type="cosine", save_strategy="no", logging_strategy="steps", logging_steps=8,
                report_to="none", **more)


def _lora(run: RetrieverTraining, **more):
    from peft import LoraConfig

    return LoraConfig(r=run.rank, lora_alpha=2 * run.rank, target_modules=LINEAR_LAYERS, lora_dropout=0.05, **more)


def train_bi_encoder(examples: Sequence[tuple[str, str, list[str]]], run: RetrieverTraining = BI_ENCODER_TRAINING) -> dict:
    """Train embeddings of question and answering passage to be close: softmax over the batch's passages and hard negatives.

    Writes the adapter to `data/checkpoints/bi_encoder` and returns its provenance.
    """
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.sentence_transformer import losses, training_args

    models.quiet()
    columns = {"anchor": [question for question, _, _ in examples], "positive": [right for _, right, _ in examples]}
    columns |= {f"negative_{n}": [wrong[n] for _, _, wrong in examples] for n in range(run.negatives)}
    model = SentenceTransformer(models.embedder_path(settings.WHEEL_EMBEDDER), device=models.torch_device())
    model.max_seq_length = run.window
    model.add_adapter(_lora(run))
    arguments = _arguments(SentenceTransformerTrainingArguments, run, batch_sampler=training_args.BatchSamplers.NO_DUPLICATES)
    started = time.monotonic()
    SentenceTransformerTrainer(model=model, args=arguments, train_dataset=Dataset.from_dict(columns),
                               loss=losses.MultipleNegativesRankingLoss(model)).train()
    return _save(model[0].auto_model, retrieval.BI_ENCODER, run, len(examples), time.monotonic() - started)


def train_cross_encoder(examples: Sequence[tuple[str, str, list[str]]], run: RetrieverTraining = CROSS_ENCODER_TRAINING) -> dict:
    """Train one score for question and passage read together: ListNet over the answering passage and its hard negatives.

    Writes the adapter to `data/checkpoints/cross_encoder` and returns its provenance.
    """
    from datasets import Dataset
    from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments
    from sentence_transformers.cross_encoder.losses import ListNetLoss

    columns = {"query": [question for question, _, _ in examples], "docs": [[right, *wrong] for _, right, wrong in examples],
               "labels": [[1.0] + [0.0] * len(wrong) for _, _, wrong in examples]}
    model = retrieval.untrained_cross_encoder(run.window)
    model.add_adapter(_lora(run, task_type="SEQ_CLS", modules_to_save=["classifier"]))
    started = time.monotonic()
    CrossEncoderTrainer(model=model, args=_arguments(CrossEncoderTrainingArguments, run),
                        train_dataset=Dataset.from_dict(columns), loss=ListNetLoss(model)).train()
    return _save(model[0].auto_model, retrieval.CROSS_ENCODER, run, len(examples), time.monotonic() - started)


def _save(model, folder, run: RetrieverTraining, count: int, seconds: float) -> dict:
    """Save the adapter as float16 safetensors with its provenance; returns the provenance."""
    import hashlib
    import importlib.metadata

    from safetensors.torch import load_file, save_file

    model.save_pretrained(folder)
    path = folder / "adapter_model.safetensors"
    save_file({name: tensor.half() for name, tensor in load_file(path).items()}, path, {"format": "pt"})
    (folder / "README.md").unlink(missing_ok=True)
    config = json.loads((folder / "adapter_config.json").read_text("utf-8"))
    config["base_model_name_or_path"] = settings.WHEEL_EMBEDDER
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n", "utf-8")
    packages = ("torch", "transformers", "sentence-transformers", "peft", "botocore")
    provenance = {
        "base": settings.WHEEL_EMBEDDER, "settings": vars(run), "examples": count, "minutes": round(seconds / 60, 1),
        "questions_sha256": hashlib.sha256(settings.QUESTIONS.read_bytes()).hexdigest(),
        "adapter_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "versions": {package: importlib.metadata.version(package) for package in packages},
    }
    (folder / "provenance.json").write_text(json.dumps(provenance, indent=1) + "\n", "utf-8")
    return provenance
