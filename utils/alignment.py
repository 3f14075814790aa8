"""Learning from preferences: DPO and KTO on an adapter, a reward model, and judges that label pairs themselves.

All training goes through TRL's trainers and `finetune.fit`, so it resumes and is recorded like supervised runs.
"""
from __future__ import annotations

import copy
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from . import feedback, finetune, memory, models
from .benchmark import Question
from .feedback import Pair
from .retrieval import Chunk


@dataclass(frozen=True)
class Preference(finetune.Sft):
    """Settings of one run on preferences; `recipe` is dpo, kto or reward."""

    recipe: str = "dpo"
    labels: str = "author"  # whose: author, learner, ai or mixed
    beta: float = 0.1
    learning_rate: float = 1e-4
    epochs: float = 1.0
    balance: bool = True  # as many pairs in which the abstention phrase loses as in which it wins
    sft_weight: float = 0.0  # share of plain likelihood of the chosen answer in the DPO loss (RPO, Pang et al., 2024)


@dataclass(frozen=True)
class Row:
    """A preference as TRL wants it: the chat prompt, the better and the worse answer."""

    prompt: list[dict[str, str]]
    chosen: str
    rejected: str


def rows(pairs: Sequence[Pair], questions: dict[str, Question], chunks: dict[str, Chunk], balance: bool = True) -> list[Row]:
    """Preferences of the pairs that have a winner; ties teach nothing and are left out.

    balance: leave out pairs until the abstention phrase wins as often as it loses. Where it wins more often, DPO learns
    from the surplus that silence is always better.
    """
    won = [pair for pair in pairs if pair.label in ("a", "b")]
    if balance:
        phrase = {"wins": [], "loses": []}
        for pair in won:
            winner = feedback.by_phrase(pair)
            if winner != "tie":
                phrase["wins" if winner == pair.label else "loses"].append(pair.id)
        most = min(map(len, phrase.values()))
        surplus = {id_ for ids in phrase.values() for id_ in sorted(ids)[most:]}
        won = [pair for pair in won if pair.id not in surplus]
    return [Row(feedback.prompt(pair, questions[pair.question_id], chunks),
                *((pair.a, pair.b) if pair.label == "a" else (pair.b, pair.a))) for pair in won]


def _said(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def dataset(made: Sequence[Row], unpaired: bool = False):
    """The preferences as a `datasets.Dataset`: pairs, or thumbs up and down for KTO."""
    from datasets import Dataset

    if not unpaired:
        return Dataset.from_list([{"prompt": row.prompt, "chosen": _said(row.chosen), "rejected": _said(row.rejected)}
                                  for row in made])
    thumbs = [(row.prompt, row.chosen, True) for row in made] + [(row.prompt, row.rejected, False) for row in made]
    random.Random(0).shuffle(thumbs)  # TRL's KTO takes the rows in order: all praise before all blame would be lopsided
    return Dataset.from_list([{"prompt": asked, "completion": _said(text), "label": up} for asked, text, up in thumbs])


@memory.frugal
def align(made: Sequence[Row], parent: Path, chosen: Preference, folder: Path, watch: Sequence = ()) -> dict:
    """Go on from the adapter in `parent` with DPO or KTO; saves adapter and record in `folder`, returns the record.

    The reference model is the parent itself: TRL keeps a frozen copy of the adapter. Two answers to a long prompt make twice
    the activations of a supervised run, so these are computed anew in the backward pass (gradient checkpointing).
    """
    import trl

    made = list(made)[: chosen.limit or None]
    work = finetune.checkpoints(made, chosen, parent)
    model, tokenizer = finetune.base()
    model = finetune.going_on(model, parent)
    finetune.compact_head(model.get_base_model())  # before the trainer, which scores with the reference model as it is made
    if chosen.recipe == "dpo":
        extra = {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, chosen.sft_weight]} if chosen.sft_weight else {}
        kinds, more = (trl.DPOTrainer, trl.DPOConfig), {"precompute_ref_log_probs": True, **extra}
    else:
        kinds, more = (trl.KTOTrainer, trl.KTOConfig), {"precompute_ref_log_probs": True}
    arguments = finetune.arguments(kinds[1], work, chosen, beta=chosen.beta, gradient_checkpointing=True, **more)
    trainer = kinds[0](model, args=arguments, train_dataset=dataset(made, chosen.recipe == "kto"), processing_class=tokenizer)
    told = {"settings": asdict(chosen), "pairs": len(made), **finetune.lineage(parent), "data_sha256": finetune.digest(made)}
    return finetune.fit(trainer, folder, work, told, watch)


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


@memory.frugal
def reward_model(made: Sequence[Row], parent: Path, chosen: Preference, folder: Path,
                 watch: Sequence = ()) -> tuple[RewardModel, dict]:
    """Train a reward model (Bradley–Terry loss) on preferences, from the reader in `parent`; (model, record)."""
    import torch
    import trl
    from peft import PeftModel
    from transformers import AutoModelForSequenceClassification

    made = list(made)[: chosen.limit or None]
    work = finetune.checkpoints(made, chosen, parent)
    causal, tokenizer = finetune.base()
    config = copy.deepcopy(causal.config)
    config.num_labels = 1
    model = AutoModelForSequenceClassification.from_config(config, dtype=torch.float32)
    model.model = PeftModel.from_pretrained(causal, str(parent)).merge_and_unload().model
    torch.nn.init.zeros_(model.score.weight)  # so that a run begins at indifference, and the same way every time
    thin = finetune.lora(chosen)
    thin.task_type, thin.modules_to_save = "SEQ_CLS", ["score"]
    told = {"settings": asdict(chosen), "pairs": len(made), **finetune.lineage(parent), "data_sha256": finetune.digest(made)}
    whole = [{"chosen": [*row.prompt, *_said(row.chosen)], "rejected": [*row.prompt, *_said(row.rejected)]} for row in made]
    trainer = trl.RewardTrainer(
        model, args=finetune.arguments(trl.RewardConfig, work, chosen, center_rewards_coefficient=0.01,
                                       gradient_checkpointing=True),
        train_dataset=_from_list(whole), processing_class=tokenizer, peft_config=thin)
    record = finetune.fit(trainer, folder, work, told, watch)
    return RewardModel(trainer.model.merge_and_unload().eval(), tokenizer), record


def _from_list(whole: list[dict]):
    from datasets import Dataset

    return Dataset.from_list(whole)


def likelihood(model, prompts: Sequence[list[dict[str, str]]], texts: Sequence[str], batch_size: int = 8,
               end: bool = True) -> list[float]:
    """Mean log-probability of each answer's tokens after its prompt: how sure the model is of what it says.

    end: count the end token too; leave it out for an answer that was cut, for example of its citation.
    """
    import torch

    tokenizer, scores = model.tokenizer, [0.0] * len(texts)
    asked = [tokenizer(model.prompt(p), add_special_tokens=False)["input_ids"] for p in prompts]
    said = [tokenizer(t + tokenizer.eos_token * end, add_special_tokens=False)["input_ids"] for t in texts]
    order = sorted(range(len(texts)), key=lambda i: len(asked[i]) + len(said[i]))
    for start in range(0, len(order), batch_size):
        batch = order[start : start + batch_size]
        longest = max(len(said[i]) for i in batch)
        padded = tokenizer.pad({"input_ids": [asked[i] + said[i] for i in batch]}, return_tensors="pt",
                               padding_side="left").to(model.model.device)
        with models.autocast():
            logits = model.model(**padded, logits_to_keep=longest + 1, use_cache=False).logits[:, :-1].float()
        log_probs = torch.log_softmax(logits, -1)
        for row, i in enumerate(batch):
            own = torch.tensor(said[i], device=log_probs.device)
            at = log_probs[row, -len(own):].gather(-1, own.unsqueeze(-1))
            scores[i] = float(at.mean())
    return scores


WHICH = ("Question: {}\nAnswer A: {}\nAnswer B: {}\nWhich answer is right according to the passages, short, and says so when "
         "they do not hold it? Reply with A or B.")


def asked_which(model, pairs: Sequence[Pair], questions: dict[str, Question], chunks: dict[str, Chunk],
                batch_size: int = 8) -> list[str]:
    """Labels of a model that is asked outright: the likelier of the next tokens "A" and "B" after passages and both answers."""
    tokenizer, labels = model.tokenizer, []
    letters = [tokenizer(letter, add_special_tokens=False)["input_ids"][0] for letter in "AB"]
    prompts = []
    for pair in pairs:
        text = feedback.prompt(pair, questions[pair.question_id], chunks)[0]["content"]
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


def label(pairs: Sequence[Pair], a: Sequence[float], b: Sequence[float], margin: float = 0.0, source: str = "ai") -> list[Pair]:
    """The pairs labelled by two lists of scores; scores closer than `margin` are a tie."""
    from dataclasses import replace

    return [replace(pair, source=source, label="tie" if abs(x - y) <= margin else "a" if x > y else "b")
            for pair, x, y in zip(pairs, a, b, strict=True)]
