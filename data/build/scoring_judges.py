"""Judges that give each answer a score, beside those of `training.Judges`: a reward model, and likelihoods; KTO."""
from __future__ import annotations

import copy
import random
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from utils import models, settings, training
from utils.types import PreferencePair

REWARD_SETTINGS = training.PreferenceSettings(recipe="reward", rank=8, alpha=16, epochs=2.0)
SCORING_JUDGES = ("likelihood", "reward model")
JUDGES = ("the phrase wins", "the longer wins", "asked", *SCORING_JUDGES)


class AllJudges(training.Judges):
    """Every judge; the reward model trains on the training half."""

    @cached_property
    def reward(self) -> RewardModel:
        """The reward model."""
        rows = training.preference_rows(self.learn, self.known, self.chunks, REWARD_SETTINGS.balance)
        return train_reward_model(rows, self.folder, REWARD_SETTINGS, settings.cache() / "rebuild" / "reward")[0]

    def labels(self, judge: str, pairs: Sequence[PreferencePair]) -> list[str]:
        """The labels of a judge: the better-scored answer wins."""
        if judge not in SCORING_JUDGES:
            return super().labels(judge, pairs)
        prompts = [training.pair_prompt(pair, self.known[pair.question_id], self.chunks) for pair in pairs]
        score = self.reward.score if judge == "reward model" else self.likelihood
        sides = [score(prompts, [getattr(pair, side) for pair in pairs]) for side in "ab"]
        return ["tie" if a == b else "a" if a > b else "b" for a, b in zip(*sides, strict=True)]

    def likelihood(self, prompts: list, texts: list[str]) -> list[float]:
        """How likely the reader finds each answer."""
        return models.mean_log_probability(self.workspace.model(f"adapter:{self.folder}"), prompts, texts)


class RewardModel:
    """Scores an answer given its prompt: the reader with one output number in place of the vocabulary."""

    def __init__(self, model, tokenizer):
        self.model, self.tokenizer = model, tokenizer

    def score(self, prompts: Sequence[list[dict[str, str]]], texts: Sequence[str], batch_size: int = 8) -> list[float]:
        """One score for each prompt and answer; compare scores only between answers to the same prompt."""
        chats = [self.tokenizer.apply_chat_template([*prompt, {"role": "assistant", "content": text}], tokenize=False)
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
def train_reward_model(rows: Sequence[training.PreferenceRow], parent: Path, run: training.PreferenceSettings,
                       folder: Path) -> tuple[RewardModel, dict]:
    """Train a reward model (Bradley–Terry loss) on preferences, starting from the reader in `parent`; (model, record)."""
    import torch
    import trl
    from datasets import Dataset
    from peft import PeftModel
    from transformers import AutoModelForSequenceClassification

    rows = list(rows)[: run.limit or None]
    work = training.checkpoint_folder(rows, run, parent)
    causal, tokenizer = training.load_base_model()
    config = copy.deepcopy(causal.config)
    config.num_labels = 1
    model = AutoModelForSequenceClassification.from_config(config, dtype=torch.float32)
    model.model = PeftModel.from_pretrained(causal, str(parent)).merge_and_unload().model
    torch.nn.init.zeros_(model.score.weight)  # every run starts with equal scores
    lora = training.lora_config(run)
    lora.task_type, lora.modules_to_save = "SEQ_CLS", ["score"]
    chats = [{side: row["prompt"] + row[side] for side in ("chosen", "rejected")} for row in training.preference_dataset(rows)]
    arguments = training.trainer_arguments(trl.RewardConfig, work, run, center_rewards_coefficient=0.01,
                                           gradient_checkpointing=True)
    trainer = trl.RewardTrainer(model, args=arguments, train_dataset=Dataset.from_list(chats), processing_class=tokenizer,
                                peft_config=lora)
    record = training.fit_and_save(trainer, folder, work, training.preference_provenance(rows, parent, run))
    return RewardModel(trainer.model.merge_and_unload().eval(), tokenizer), record


def thumbs(rows: Sequence[training.PreferenceRow]):
    """Single answers labelled up or down, as KTO takes them: a `datasets.Dataset`."""
    from datasets import Dataset

    singles = [(row.prompt, row.chosen, True) for row in rows] + [(row.prompt, row.rejected, False) for row in rows]
    random.Random(0).shuffle(singles)  # TRL's KTO keeps the order, so unshuffled batches would be all up or all down
    return Dataset.from_list([{"prompt": prompt, "completion": [{"role": "assistant", "content": text}], "label": up}
                              for prompt, text, up in singles])


@models.release_memory_after()
def train_kto(rows: Sequence[training.PreferenceRow], parent: Path, run: training.PreferenceSettings, folder: Path) -> dict:
    """As `training.train_preferences`, with KTO."""
    import trl

    return training.continue_training(trl.KTOTrainer, trl.KTOConfig, rows, parent, run, folder, thumbs)
