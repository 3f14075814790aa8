"""Trains the embedder on questions and the passages that answer them, as a LoRA adapter."""
from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from .. import models, settings
from ..types import Chunk, Question

LINEAR_LAYERS = ["query", "key", "value", "dense"]  # every linear layer of a BERT block
WHOLE_BATCH = 16  # questions of a batch that fits in memory; a larger one takes another pass
MINI_BATCH = 8  # texts of it in memory at once; the loss is still over the whole batch (GradCache; Gao et al., 2021)


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


def hard_negatives(question: Question, chunks: Sequence[Chunk], scores, allowed: set[str], depth: int, many: int,
                   draw: random.Random) -> list[int]:
    """`many` random chunks of the `depth` best-scored ones of other allowed documents, at most one per document.

    allowed: no home documents of dev and test, since a model that learns that these are wrong would score too low there.
    """
    best_of: dict[str, int] = {}
    for i in sorted(range(len(chunks)), key=lambda i: -scores[i]):
        if chunks[i].document_id in allowed.difference(question.evidence):
            best_of.setdefault(chunks[i].document_id, i)
    candidates = list(best_of.values())[:depth]
    return draw.sample(candidates, min(many, len(candidates)))


def training_arguments(kind, run: RetrieverTraining, **more):
    """The arguments that both trainers of sentence-transformers share."""
    return kind(str(settings.cache() / "training"), num_train_epochs=run.epochs, seed=run.seed,
                per_device_train_batch_size=run.batch_size, learning_rate=run.learning_rate, warmup_steps=0.1,
                lr_scheduler_type="cosine", save_strategy="no", logging_strategy="steps", logging_steps=8,
                bf16=models.prefers_bfloat16(), use_cpu=models.torch_device() == "cpu", report_to="none", **more)


def lora_config(run: RetrieverTraining, **more):
    """LoRA on every linear layer of every block."""
    from peft import LoraConfig

    return LoraConfig(r=run.rank, lora_alpha=2 * run.rank, target_modules=LINEAR_LAYERS, lora_dropout=0.05, **more)


@models.release_memory_after()
def train_embedder(examples: Sequence[tuple[str, str, list[str]]], run: RetrieverTraining, folder: Path,
                   name: str = settings.WHEEL_EMBEDDER, questions: Path = settings.QUESTIONS) -> dict:
    """Train embeddings of question and answering passage to be close: softmax over the batch's passages and hard negatives.

    examples: (question, answering passage, hard negatives). questions: their file, for the provenance, which is returned.
    """
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.sentence_transformer import losses, model_card, training_args

    models.quiet()
    few = min((len(wrong) for _, _, wrong in examples), default=0)
    columns = {"anchor": [question for question, _, _ in examples], "positive": [right for _, right, _ in examples]}
    columns |= {f"negative_{n}": [wrong[n] for _, _, wrong in examples] for n in range(few)}
    card = model_card.SentenceTransformerModelCardData(generate_widget_examples=False)
    model = SentenceTransformer(models.embedder_path(name), device=models.torch_device(), model_card_data=card)
    model.max_seq_length = run.window
    model.add_adapter(lora_config(run))
    arguments = training_arguments(SentenceTransformerTrainingArguments, run,
                                   batch_sampler=training_args.BatchSamplers.NO_DUPLICATES, disable_tqdm=False)
    loss = (losses.MultipleNegativesRankingLoss(model) if run.batch_size <= WHOLE_BATCH
            else losses.CachedMultipleNegativesRankingLoss(model, mini_batch_size=MINI_BATCH))
    started = time.monotonic()
    SentenceTransformerTrainer(model=model, args=arguments, train_dataset=Dataset.from_dict(columns), loss=loss).train()
    return models.save_adapter(model[0].auto_model, folder, "float16", run_record(run, len(examples), started, name, questions))


def run_record(run: RetrieverTraining, examples: int, started: float, base: str, questions: Path) -> dict:
    """What the provenance of an adapter says of its training. started: `time.monotonic` at its start."""
    return {"base": base, "settings": asdict(run), "examples": examples,
            "minutes": round((time.monotonic() - started) / 60, 1),
            "questions_sha256": hashlib.sha256(questions.read_bytes()).hexdigest()}
