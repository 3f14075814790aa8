"""Trains the two retrieval adapters on the train split: a bi-encoder and a cross-encoder, both based on MiniLM."""
from __future__ import annotations

import time
from collections.abc import Sequence

from utils import evaluation, metrics, models, retrieval, settings
from utils.retrieval.finetuning import RetrieverTraining, lora_config, run_record, training_arguments
from utils.types import Question

BI_ENCODER_TRAINING = RetrieverTraining()
CROSS_ENCODER_TRAINING = RetrieverTraining(epochs=2, batch_size=16, negatives=3, window=128, bm25=1.0)


def learnable_questions(questions: Sequence[Question]) -> list[Question]:
    """Training questions with one answering passage, without the `seen_fact` rows, which repeat test facts."""
    return [q for q in questions if q.split == "train" and q.family != "seen_fact" and q.task in metrics.SINGLE_ANSWER_TASKS]


def train_bi_encoder(examples: Sequence[tuple[str, str, list[str]]], run: RetrieverTraining = BI_ENCODER_TRAINING) -> dict:
    """Train the embedder's adapter into `data/checkpoints/bi_encoder`; returns its provenance."""
    return retrieval.train_embedder(examples, run, retrieval.BI_ENCODER)


def train_cross_encoder(examples: Sequence[tuple[str, str, list[str]]], run: RetrieverTraining = CROSS_ENCODER_TRAINING) -> dict:
    """Train one score for question and passage read together: ListNet over the answering passage and its hard negatives.

    Writes the adapter to `data/checkpoints/cross_encoder` and returns its provenance.
    """
    from datasets import Dataset
    from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments
    from sentence_transformers.cross_encoder.losses import ListNetLoss

    models.quiet()
    columns = {"query": [question for question, _, _ in examples], "docs": [[right, *wrong] for _, right, wrong in examples],
               "labels": [[1.0] + [0.0] * len(wrong) for _, _, wrong in examples]}
    model = retrieval.untrained_cross_encoder(run.window)
    model.add_adapter(lora_config(run, task_type="SEQ_CLS", modules_to_save=["classifier"]))
    started = time.monotonic()
    CrossEncoderTrainer(model=model, args=training_arguments(CrossEncoderTrainingArguments, run),
                        train_dataset=Dataset.from_dict(columns), loss=ListNetLoss(model)).train()
    record = run_record(run, len(examples), started, settings.WHEEL_EMBEDDER, settings.QUESTIONS)
    return models.save_adapter(model[0].auto_model, retrieval.CROSS_ENCODER, "float16", record)


def mine_examples(questions: Sequence[Question], pipeline: retrieval.RetrievalPipeline,
                  run: RetrieverTraining) -> list[tuple[str, str, list[str]]]:
    """(question, answering passage, hard negatives mined with the pipeline) for each training question."""
    return evaluation.mined_examples(learnable_questions(questions), questions, pipeline, run)
