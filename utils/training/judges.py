"""Judges that label preference pairs: two baselines, the language model asked directly, its likelihoods, and a reward model."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from .. import evaluation, models, settings
from ..types import Chunk, PreferencePair, Question
from .feedback import label_by_length, label_by_phrase, pair_prompt, split_by_question
from .preferences import PreferenceSettings, RewardModel, preference_rows, train_reward_model

REWARD_SETTINGS = PreferenceSettings(recipe="reward", rank=8, alpha=16, epochs=2.0)
SCORING_JUDGES = ("likelihood", "reward model")  # judges that give each answer a score
CHECKED_BY_CODE = "accepted answers"  # not a judge: code that compares answers with the accepted ones
JUDGES = ("the phrase wins", "the longer wins", "asked", *SCORING_JUDGES)


class Judges:
    """Judges of one reader's pairs: they train on one half of the labelled pairs and are evaluated on the held-out half."""

    def __init__(self, labelled: Sequence[PreferencePair], questions: Sequence[Question], workspace: evaluation.Workspace,
                 reader: Path, run: PreferenceSettings = REWARD_SETTINGS):
        self.questions, self.workspace, self.folder, self.run = questions, workspace, reader, run
        self.known, self.chunks = {q.id: q for q in questions}, {chunk.id: chunk for chunk in workspace.pipeline.chunks}
        self.learn, self.held_out = split_by_question(labelled)

    @cached_property
    def reward(self) -> RewardModel:
        """The reward model, trained on the training half."""
        rows = preference_rows(self.learn, self.known, self.chunks, self.run.balance)
        return train_reward_model(rows, self.folder, self.run, settings.cache() / "rebuild" / "reward")[0]

    def label(self, judge: str, pairs: Sequence[PreferencePair]) -> list[PreferencePair]:
        """The pairs as labelled by a judge, source `ai`. Raises KeyError for an unknown judge."""
        prompts = [pair_prompt(pair, self.known[pair.question_id], self.chunks) for pair in pairs]

        def likelihood(prompts: list, texts: list) -> list[float]:
            return models.mean_log_probability(self.workspace.model(f"adapter:{self.folder}"), prompts, texts)

        def scored(score: Callable) -> list[str]:
            sides = [score(prompts, [getattr(pair, side) for pair in pairs]) for side in "ab"]
            return ["tie" if a == b else "a" if a > b else "b" for a, b in zip(*sides, strict=True)]

        labels = {"the phrase wins": lambda: [label_by_phrase(pair) for pair in pairs],
                  "the longer wins": lambda: [label_by_length(pair) for pair in pairs],
                  "asked": lambda: ask_which(self.workspace.model(), pairs, self.known, self.chunks),
                  "likelihood": lambda: scored(likelihood),
                  "reward model": lambda: scored(self.reward.score)}
        return [replace(pair, label=label, source="ai") for pair, label in zip(pairs, labels[judge](), strict=True)]


WHICH = ("Question: {}\nAnswer A: {}\nAnswer B: {}\nWhich answer is right according to the passages, short, and says so when "
         "they do not hold it? Reply with A or B.")


def ask_which(model, pairs: Sequence[PreferencePair], questions: dict[str, Question], chunks: dict[str, Chunk],
              batch_size: int = 8) -> list[str]:
    """Labels from asking the model directly: the likelier next token, "A" or "B", after the passages and both answers."""
    tokenizer, labels = model.tokenizer, []
    letters = [tokenizer(letter, add_special_tokens=False)["input_ids"][0] for letter in "AB"]
    prompts = []
    for pair in pairs:
        text = pair_prompt(pair, questions[pair.question_id], chunks)[0]["content"]
        passages = text[: text.rindex("Question: ")]
        task = WHICH.format(questions[pair.question_id].question, pair.a, pair.b)
        prompts.append(model.prompt([{"role": "user", "content": passages + task}]))
    for start in range(0, len(prompts), batch_size):
        ids = tokenizer(prompts[start : start + batch_size], add_special_tokens=False)["input_ids"]
        padded = tokenizer.pad({"input_ids": ids}, return_tensors="pt", padding_side="left").to(model.model.device)
        with models.autocast():
            logits = model.model(**padded, logits_to_keep=1, use_cache=False).logits[:, -1]
        labels += ["a" if first > second else "b" for first, second in logits[:, letters].tolist()]
    return labels
