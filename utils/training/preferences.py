"""Learning from preferences: DPO on an adapter."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from .. import models
from ..types import Chunk, PreferencePair, Question
from . import sft
from .feedback import label_by_phrase, pair_prompt


@dataclass(frozen=True)
class PreferenceSettings(sft.SFTSettings):
    """Settings of one preference run; `recipe` is dpo; authors also use kto and reward."""

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
    """Preferences from the pairs that have a winner.

    balance: drop pairs until abstaining wins as often as it loses; else DPO learns that abstaining is always better.
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


def preference_dataset(rows: Sequence[PreferenceRow]):
    """The preferences as a `datasets.Dataset` of prompts with a chosen and a rejected answer, as messages."""
    from datasets import Dataset

    return Dataset.from_list([{"prompt": row.prompt, **{
        side: [{"role": "assistant", "content": getattr(row, side)}] for side in ("chosen", "rejected")}} for row in rows])


@models.release_memory_after()
def train_preferences(rows: Sequence[PreferenceRow], parent: Path, run: PreferenceSettings, folder: Path) -> dict:
    """Continue training the adapter in `parent`, also the frozen reference, with DPO; saves and returns as `train_sft`.

    Pairs need twice the activations of a supervised run, so gradient checkpointing recomputes them.
    """
    import trl

    losses = {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, run.sft_weight]} if run.sft_weight else {}
    return continue_training(trl.DPOTrainer, trl.DPOConfig, rows, parent, run, folder, preference_dataset, **losses)


def continue_training(kind, config, rows: Sequence[PreferenceRow], parent: Path, run: PreferenceSettings, folder: Path,
                      dataset: Callable, **more) -> dict:
    """What TRL's trainers of preferences share. kind, config: their classes. dataset(rows): the rows as they take them."""
    rows = list(rows)[: run.limit or None]
    work = sft.checkpoint_folder(rows, run, parent)
    model, tokenizer = sft.load_base_model()
    model = sft.resume_from_adapter(model, parent)
    sft.score_labelled_tokens_only(model.get_base_model())  # first, because building the trainer scores with the reference model
    arguments = sft.trainer_arguments(config, work, run, beta=run.beta, gradient_checkpointing=True,
                                  precompute_ref_log_probs=True, **more)
    hook = model.register_forward_hook(lambda *_: models.release_memory())  # the reference model's scores: no step ends there
    trainer = kind(model, args=arguments, train_dataset=dataset(rows), processing_class=tokenizer)
    hook.remove()
    return sft.fit_and_save(trainer, folder, work, preference_provenance(rows, parent, run))


def preference_provenance(rows: Sequence[PreferenceRow], parent: Path, run: PreferenceSettings) -> dict:
    """What the provenance of an adapter says of its preferences."""
    return {"settings": asdict(run), "pairs": len(rows), **sft.parent_of(parent), "data_sha256": sft.rows_digest(rows)}
