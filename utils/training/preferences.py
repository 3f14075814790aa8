"""Learning from preferences: DPO and KTO on an adapter, and a reward model."""
from __future__ import annotations

import copy
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from .. import models
from ..types import Chunk, PreferencePair, Question
from .feedback import label_by_phrase, pair_prompt
from .labelled_tokens import score_labelled_tokens_only
from .sft import (
    SFTSettings,
    checkpoint_folder,
    fit_and_save,
    load_base_model,
    lora_config,
    parent_of,
    resume_from_adapter,
    rows_digest,
    trainer_arguments,
)


@dataclass(frozen=True)
class PreferenceSettings(SFTSettings):
    """Settings of one run on preferences; `recipe` is dpo, kto or reward."""

    recipe: str = "dpo"
    labels: str = "author"  # whose: author, learner, ai or mixed
    beta: float = 0.1
    learning_rate: float = 1e-4
    epochs: float = 1.0
    balance: bool = True  # as many pairs in which the abstention phrase loses as in which it wins
    sft_weight: float = 0.0  # share of plain likelihood of the chosen answer in the DPO loss (RPO, Pang et al., 2024)


@dataclass(frozen=True)
class PreferenceRow:
    """A preference as TRL wants it: the chat prompt, the better and the worse answer."""

    prompt: list[dict[str, str]]
    chosen: str
    rejected: str


def preference_rows(pairs: Sequence[PreferencePair], questions: dict[str, Question], chunks: dict[str, Chunk],
                    balance: bool = True) -> list[PreferenceRow]:
    """Preferences of the pairs that have a winner; ties teach nothing and are left out.

    balance: leave out pairs until the abstention phrase wins as often as it loses. Where it wins more often, DPO learns
    from the surplus that silence is always better.
    """
    won = [pair for pair in pairs if pair.label in ("a", "b")]
    if balance:
        phrase = {"wins": [], "loses": []}
        for pair in won:
            winner = label_by_phrase(pair)
            if winner != "tie":
                phrase["wins" if winner == pair.label else "loses"].append(pair.id)
        most = min(map(len, phrase.values()))
        surplus = {id_ for ids in phrase.values() for id_ in sorted(ids)[most:]}
        won = [pair for pair in won if pair.id not in surplus]
    return [PreferenceRow(pair_prompt(pair, questions[pair.question_id], chunks),
                          *((pair.a, pair.b) if pair.label == "a" else (pair.b, pair.a))) for pair in won]


def _said(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def preference_dataset(made: Sequence[PreferenceRow], unpaired: bool = False):
    """The preferences as a `datasets.Dataset`: pairs, or thumbs up and down for KTO."""
    from datasets import Dataset

    if not unpaired:
        return Dataset.from_list([{"prompt": row.prompt, "chosen": _said(row.chosen), "rejected": _said(row.rejected)}
                                  for row in made])
    thumbs = [(row.prompt, row.chosen, True) for row in made] + [(row.prompt, row.rejected, False) for row in made]
    random.Random(0).shuffle(thumbs)  # TRL's KTO takes the rows in order: all praise before all blame would be lopsided
    return Dataset.from_list([{"prompt": asked, "completion": _said(text), "label": up} for asked, text, up in thumbs])


@models.release_memory_after
def train_preferences(made: Sequence[PreferenceRow], parent: Path, run: PreferenceSettings, folder: Path,
                      callbacks: Sequence = ()) -> dict:
    """Go on from the adapter in `parent` with DPO or KTO; saves adapter and record in `folder`, returns the record.

    The reference model is the parent itself: TRL keeps a frozen copy of the adapter. Two answers to a long prompt make twice
    the activations of a supervised run, so these are computed anew in the backward pass (gradient checkpointing).
    """
    import trl

    made = list(made)[: run.limit or None]
    work = checkpoint_folder(made, run, parent)
    model, tokenizer = load_base_model()
    model = resume_from_adapter(model, parent)
    score_labelled_tokens_only(model.get_base_model())  # before the trainer, whose making scores with the reference model
    if run.recipe == "dpo":
        extra = {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, run.sft_weight]} if run.sft_weight else {}
        kinds, more = (trl.DPOTrainer, trl.DPOConfig), {"precompute_ref_log_probs": True, **extra}
    else:
        kinds, more = (trl.KTOTrainer, trl.KTOConfig), {"precompute_ref_log_probs": True}
    arguments = trainer_arguments(kinds[1], work, run, beta=run.beta, gradient_checkpointing=True, **more)
    trainer = kinds[0](model, args=arguments, train_dataset=preference_dataset(made, run.recipe == "kto"),
                       processing_class=tokenizer)
    told = {"settings": asdict(run), "pairs": len(made), **parent_of(parent), "data_sha256": rows_digest(made)}
    return fit_and_save(trainer, folder, work, told, callbacks)


class RewardModel:
    """A score for an answer given its prompt: the reader with one number in place of the vocabulary."""

    def __init__(self, model, tokenizer):
        self.model, self.tokenizer = model, tokenizer

    def score(self, prompts: Sequence[list[dict[str, str]]], texts: Sequence[str], batch_size: int = 8) -> list[float]:
        """One score for each prompt and answer; only differences within one prompt mean something."""

        whole = [self.tokenizer.apply_chat_template([*asked, *_said(text)], tokenize=False)
                 for asked, text in zip(prompts, texts, strict=True)]
        order, scores = sorted(range(len(whole)), key=lambda i: len(whole[i])), [0.0] * len(whole)
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            read = self.tokenizer([whole[i] for i in batch], return_tensors="pt", padding=True, add_special_tokens=False)
            with models.autocast():
                found = self.model(**read.to(self.model.device), use_cache=False).logits[:, 0].float().tolist()
            for i, value in zip(batch, found, strict=True):
                scores[i] = value
        return scores


@models.release_memory_after
def train_reward_model(made: Sequence[PreferenceRow], parent: Path, run: PreferenceSettings, folder: Path,
                       callbacks: Sequence = ()) -> tuple[RewardModel, dict]:
    """Train a reward model (Bradley–Terry loss) on preferences, from the reader in `parent`; (model, record)."""
    import torch
    import trl
    from peft import PeftModel
    from transformers import AutoModelForSequenceClassification

    made = list(made)[: run.limit or None]
    work = checkpoint_folder(made, run, parent)
    causal, tokenizer = load_base_model()
    config = copy.deepcopy(causal.config)
    config.num_labels = 1
    model = AutoModelForSequenceClassification.from_config(config, dtype=torch.float32)
    model.model = PeftModel.from_pretrained(causal, str(parent)).merge_and_unload().model
    torch.nn.init.zeros_(model.score.weight)  # so that a run begins at indifference, and the same way every time
    thin = lora_config(run)
    thin.task_type, thin.modules_to_save = "SEQ_CLS", ["score"]
    told = {"settings": asdict(run), "pairs": len(made), **parent_of(parent), "data_sha256": rows_digest(made)}
    whole = [{"chosen": [*row.prompt, *_said(row.chosen)], "rejected": [*row.prompt, *_said(row.rejected)]} for row in made]
    trainer = trl.RewardTrainer(
        model, args=trainer_arguments(trl.RewardConfig, work, run, center_rewards_coefficient=0.01,
                                      gradient_checkpointing=True),
        train_dataset=_from_list(whole), processing_class=tokenizer, peft_config=thin)
    record = fit_and_save(trainer, folder, work, told, callbacks)
    return RewardModel(trainer.model.merge_and_unload().eval(), tokenizer), record


def _from_list(whole: list[dict]):
    from datasets import Dataset

    return Dataset.from_list(whole)
