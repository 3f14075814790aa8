"""Optional, for a GPU only: GRPO (Shao et al., 2024) with a reward that code can verify. Nothing else needs this module.

For each prompt the model samples several answers; those with more reward than the group's mean become likelier.
"""
from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from . import examples, finetune, metrics, models, settings
from .benchmark import Question


@dataclass(frozen=True)
class Reinforcement(finetune.Sft):
    """Settings of one GRPO run."""

    recipe: str = "grpo"
    learning_rate: float = 2e-5
    epochs: float = 1.0
    batch_size: int = 64  # sampled answers a step
    micro_batch: int = 16
    group: int = 8  # answers sampled for each prompt
    temperature: float = 1.0
    beta: float = 0.02  # weight of the distance to the reference model


def reward(text: str, accepted: Sequence[str], right: set[int]) -> float:
    """What an answer is worth that code can check, between -0.5 and 1.3.

    accepted: accepted answers of its question; empty where the passages hold none. right: numbers of passages that answer.
    1 for an exact answer, 0.3 more for citing right passages only; 1 for silence where nothing can be found; 0 for silence
    where something can; -0.5 for a wrong answer, so that a guess has to be right one time in three to pay.
    """
    cited = {int(found) for found in re.findall(r"\[(\d+)\]", text)}
    answer = re.sub(r"\s*\[\d+\]\s*", " ", text).strip()
    if metrics.abstains(answer):
        return 0.0 if accepted else 1.0
    if accepted and metrics.exact_match(answer, accepted):
        return 1.0 + 0.3 * (bool(cited) and cited <= right)
    return -0.5


def verifiable(completions: Sequence, accepted: Sequence[Sequence[str]], right: Sequence[int], **_) -> list[float]:
    """`reward` of each sampled answer, in the shape that TRL's GRPO calls: one list entry for each completion."""
    texts = [each[0]["content"] if isinstance(each, list) else each for each in completions]
    return [reward(text, golds, {number}) for text, golds, number in zip(texts, accepted, right, strict=True)]


def dataset(made: Sequence[examples.Example], questions: dict[str, Question]):
    """RAFT examples as prompts with what a correct answer would be; tasks without a short answer are left out."""
    from datasets import Dataset

    rows = []
    for example in made:
        question = example.question or questions[example.question_id]
        number = re.search(r"\[(\d+)\]$", example.completion)
        if question.task in ("fact", "error", "routing", "unanswerable") and (number or example.kind != "answer"):
            found = example.kind == "answer"
            rows.append({"prompt": example.prompt, "accepted": list(question.answers) if found else [],
                         "right": int(number[1]) if found else 0})
    return Dataset.from_list(rows)


def reinforce(made: Sequence[examples.Example], questions: dict[str, Question], parent: Path, chosen: Reinforcement,
              folder: Path, anywhere: bool = False) -> dict:
    """Go on from the adapter in `parent` with GRPO; saves adapter and record. Raises RuntimeError without a GPU.

    anywhere: run on a processor all the same, which takes hours with the course's model.
    """
    import trl

    if models.device() != "cuda" and not anywhere:
        raise RuntimeError("GRPO samples thousands of answers and needs a GPU: set LAB_PROFILE=gpu on a machine with one, "
                           "or go on without this optional section")
    rows = dataset(list(made)[: chosen.limit or None], questions)
    model, tokenizer = finetune.base()
    model = finetune.going_on(model, parent)
    work = finetune.checkpoints(made, chosen, parent)
    arguments = finetune.arguments(trl.GRPOConfig, work, chosen, beta=chosen.beta, num_generations=chosen.group,
                                   temperature=chosen.temperature, max_completion_length=settings.Settings.max_new_tokens)
    trainer = trl.GRPOTrainer(model, reward_funcs=verifiable, args=arguments, train_dataset=rows, processing_class=tokenizer)
    told = {"settings": asdict(chosen), "prompts": len(rows), **finetune.lineage(parent), "data_sha256": finetune.digest(made)}
    return finetune.fit(trainer, folder, work, told)
