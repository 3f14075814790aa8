"""Optional, needs a GPU: GRPO (Shao et al., 2024) with a reward that code can verify."""
from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from utils import metrics, models, settings, training
from utils.types import Example, Question

from .judge_controls import verifiable_reward


@dataclass(frozen=True)
class GRPOSettings(training.SFTSettings):
    """Settings of one GRPO run."""

    recipe: str = "grpo"
    learning_rate: float = 2e-5
    epochs: float = 1.0
    batch_size: int = 64  # sampled answers per step
    micro_batch: int = 16
    group: int = 8  # sampled answers per prompt
    temperature: float = 1.0
    beta: float = 0.02  # weight of the KL penalty to the reference model


def verifiable(completions: Sequence, accepted: Sequence[Sequence[str]], right: Sequence[int], **_) -> list[float]:
    """`verifiable_reward` of each sampled answer, with the signature that TRL's GRPO expects."""
    texts = [answer[0]["content"] if isinstance(answer, list) else answer for answer in completions]
    return [verifiable_reward(text, golds, {number}) for text, golds, number in zip(texts, accepted, right, strict=True)]


def prompt_dataset(examples: Sequence[Example], questions: dict[str, Question]):
    """RAFT examples as prompts with their accepted answers and passage numbers; tasks without a short answer are dropped."""
    from datasets import Dataset

    rows = []
    for example in examples:
        question = example.question or questions[example.question_id]
        number = re.search(r"\[(\d+)\]$", example.completion)
        if question.task in metrics.JUDGED_TASKS and (number or example.kind != "answer"):
            answerable = example.kind == "answer"
            rows.append({"prompt": example.prompt, "accepted": list(question.answers) if answerable else [],
                         "right": int(number[1]) if answerable else 0})
    return Dataset.from_list(rows)


def train_grpo(examples: Sequence[Example], questions: dict[str, Question], parent: Path, run: GRPOSettings,
               folder: Path, anywhere: bool = False) -> dict:
    """Continue training the adapter in `parent` with GRPO; saves adapter and record. Raises RuntimeError without a GPU.

    anywhere: train on a CPU too, which takes hours with the course's model.
    """
    import trl

    if models.torch_device() != "cuda" and not anywhere:
        raise RuntimeError("GRPO samples thousands of answers and needs a GPU: set LAB_PROFILE=gpu on a machine with one, "
                           "or skip this optional section")
    rows = prompt_dataset(list(examples)[: run.limit or None], questions)
    model, tokenizer = training.load_base_model()
    model = training.resume_from_adapter(model, parent)
    work = training.checkpoint_folder(examples, run, parent)
    arguments = training.trainer_arguments(trl.GRPOConfig, work, run, beta=run.beta, num_generations=run.group,
                                           temperature=run.temperature, max_completion_length=settings.Settings.max_new_tokens)
    trainer = trl.GRPOTrainer(model, reward_funcs=verifiable, args=arguments, train_dataset=rows, processing_class=tokenizer)
    record = {"settings": asdict(run), "prompts": len(rows), **training.parent_of(parent),
              "data_sha256": training.rows_digest(examples)}
    return training.fit_and_save(trainer, folder, work, record)
