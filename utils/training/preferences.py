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
    """Settings of one preference run; `recipe` is dpo, kto or reward."""

    recipe: str = "dpo"
    labels: str = "author"  # source of the labels: author, learner, ai or mixed
    beta: float = 0.1
    learning_rate: float = 1e-4
    epochs: float = 1.0
    balance: bool = True  # keep as many pairs in which abstaining loses as in which it wins
    sft_weight: float = 0.0  # weight of the chosen answer's SFT loss in the DPO loss (RPO, Pang et al., 2024)


@dataclass(frozen=True)
class PreferenceRow:
    """A preference as TRL expects it: the chat prompt, the better and the worse answer."""

    prompt: list[dict[str, str]]
    chosen: str
    rejected: str


def preference_rows(pairs: Sequence[PreferencePair], questions: dict[str, Question], chunks: dict[str, Chunk],
                    balance: bool = True) -> list[PreferenceRow]:
    """Preferences from the pairs that have a winner; ties are dropped.

    balance: drop pairs until abstaining wins as often as it loses. Otherwise DPO learns from the surplus that abstaining is
    always better.
    """
    won = [pair for pair in pairs if pair.label in ("a", "b")]
    if balance:
        abstention = {"wins": [], "loses": []}
        for pair in won:
            if (abstaining := label_by_phrase(pair)) != "tie":
                abstention["wins" if abstaining == pair.label else "loses"].append(pair.id)
        most = min(map(len, abstention.values()))
        surplus = {id_ for ids in abstention.values() for id_ in sorted(ids)[most:]}
        won = [pair for pair in won if pair.id not in surplus]
    return [PreferenceRow(pair_prompt(pair, questions[pair.question_id], chunks),
                          *((pair.a, pair.b) if pair.label == "a" else (pair.b, pair.a))) for pair in won]


def _assistant(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def preference_dataset(rows: Sequence[PreferenceRow], unpaired: bool = False):
    """The preferences as a `datasets.Dataset`: pairs, or single answers labelled up or down for KTO."""
    from datasets import Dataset

    if not unpaired:
        return Dataset.from_list([{"prompt": row.prompt, "chosen": _assistant(row.chosen), "rejected": _assistant(row.rejected)}
                                  for row in rows])
    thumbs = [(row.prompt, row.chosen, True) for row in rows] + [(row.prompt, row.rejected, False) for row in rows]
    random.Random(0).shuffle(thumbs)  # TRL's KTO keeps the order, so unshuffled batches would be all up or all down
    return Dataset.from_list([{"prompt": prompt, "completion": _assistant(text), "label": up} for prompt, text, up in thumbs])


@models.release_memory_after()
def train_preferences(rows: Sequence[PreferenceRow], parent: Path, run: PreferenceSettings, folder: Path) -> dict:
    """Continue training the adapter in `parent` with DPO or KTO; saves adapter and record in `folder`, returns the record.

    The reference model is the parent, of which TRL keeps a frozen copy. Pairs of answers need twice the activations of a
    supervised run, so gradient checkpointing recomputes them in the backward pass.
    """
    import trl

    rows = list(rows)[: run.limit or None]
    work = checkpoint_folder(rows, run, parent)
    model, tokenizer = load_base_model()
    model = resume_from_adapter(model, parent)
    score_labelled_tokens_only(model.get_base_model())  # first, because building the trainer scores with the reference model
    kind, config = (trl.DPOTrainer, trl.DPOConfig) if run.recipe == "dpo" else (trl.KTOTrainer, trl.KTOConfig)
    rpo = run.recipe == "dpo" and run.sft_weight
    more = {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, run.sft_weight]} if rpo else {}
    arguments = trainer_arguments(config, work, run, beta=run.beta, gradient_checkpointing=True,
                                  precompute_ref_log_probs=True, **more)
    trainer = kind(model, args=arguments, train_dataset=preference_dataset(rows, run.recipe == "kto"), processing_class=tokenizer)
    return fit_and_save(trainer, folder, work, _provenance(rows, parent, run))


def _provenance(rows: Sequence[PreferenceRow], parent: Path, run: PreferenceSettings) -> dict:
    return {"settings": asdict(run), "pairs": len(rows), **parent_of(parent), "data_sha256": rows_digest(rows)}


class RewardModel:
    """Scores an answer given its prompt: the reader with one output number in place of the vocabulary."""

    def __init__(self, model, tokenizer):
        self.model, self.tokenizer = model, tokenizer

    def score(self, prompts: Sequence[list[dict[str, str]]], texts: Sequence[str], batch_size: int = 8) -> list[float]:
        """One score for each prompt and answer; compare scores only between answers to the same prompt."""
        chats = [self.tokenizer.apply_chat_template([*prompt, *_assistant(text)], tokenize=False)
                 for prompt, text in zip(prompts, texts, strict=True)]
        order, scores = sorted(range(len(chats)), key=lambda i: len(chats[i])), [0.0] * len(chats)
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            tokens = self.tokenizer([chats[i] for i in batch], return_tensors="pt", padding=True, add_special_tokens=False)
            with models.autocast():
                values = self.model(**tokens.to(self.model.device), use_cache=False).logits[:, 0].float().tolist()
            for i, value in zip(batch, values, strict=True):
                scores[i] = value
        return scores


@models.release_memory_after()
def train_reward_model(rows: Sequence[PreferenceRow], parent: Path, run: PreferenceSettings,
                       folder: Path) -> tuple[RewardModel, dict]:
    """Train a reward model (Bradley–Terry loss) on preferences, starting from the reader in `parent`; (model, record)."""
    import torch
    import trl
    from datasets import Dataset
    from peft import PeftModel
    from transformers import AutoModelForSequenceClassification

    rows = list(rows)[: run.limit or None]
    work = checkpoint_folder(rows, run, parent)
    causal, tokenizer = load_base_model()
    config = copy.deepcopy(causal.config)
    config.num_labels = 1
    model = AutoModelForSequenceClassification.from_config(config, dtype=torch.float32)
    model.model = PeftModel.from_pretrained(causal, str(parent)).merge_and_unload().model
    torch.nn.init.zeros_(model.score.weight)  # every run starts with equal scores
    lora = lora_config(run)
    lora.task_type, lora.modules_to_save = "SEQ_CLS", ["score"]
    chats = [{"chosen": [*row.prompt, *_assistant(row.chosen)], "rejected": [*row.prompt, *_assistant(row.rejected)]}
             for row in rows]
    arguments = trainer_arguments(trl.RewardConfig, work, run, center_rewards_coefficient=0.01, gradient_checkpointing=True)
    trainer = trl.RewardTrainer(model, args=arguments, train_dataset=Dataset.from_list(chats), processing_class=tokenizer,
                                peft_config=lora)
    record = fit_and_save(trainer, folder, work, _provenance(rows, parent, run))
    return RewardModel(trainer.model.merge_and_unload().eval(), tokenizer), record
