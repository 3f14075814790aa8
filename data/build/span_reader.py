"""Trains the smallest reader, `models.SpanReader`, on the prompts that the language model learns from.

`python -m data.build.span_reader SIZE [SEED] [EPOCHS]` trains on the first so many conversations of the pool of `reader_recipe`
(`all`: on them all and on `further_questions.jsonl`) and prints the figures on dev and on the held-out services.
"""
from __future__ import annotations

import functools
import random
import re
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from utils import evaluation, metrics, models, settings, training
from utils.models.extractive import LENGTH, LONGEST, RANK, answerable_tokens, paired, read_prompt, spread
from utils.retrieval.finetuning import RetrieverTraining, lora_config, run_record
from utils.types import Example

from .common import made_already, work
from .reader_recipe import all_conversations, figures
from .reading_questions import READING, held_out_questions

NAME = 6  # letters that make an answer a name, which is right wherever it stands; other answers are right in the cited passage
KEYS = ("input_ids", "attention_mask", "token_type_ids", "starts", "ends", "allowed")
THRESHOLDS = (0.0, 0.2, 0.5, 0.8, 0.95)
DECODINGS = ((0.0, 0.0), (RANK, 0.0), (RANK, LENGTH))  # values of `extractive.RANK` and `LENGTH` that are compared
SIZE, COMMITTED = None, models.CHECKPOINTS / "span_reader"  # conversations that the committed reader learned from: all


@dataclass(frozen=True)
class SpanTraining(RetrieverTraining):
    """Settings of one run; `batch_size` counts prompts."""

    recipe: str = "span"
    rank: int = 64
    learning_rate: float = 4e-4  # at 1e-3 the loss rises again
    epochs: float = 2.5
    batch_size: int = 4
    window: int = LONGEST
    others: int = 2  # passages without the answer that a prompt keeps in a step: all cost time, and each epoch draws anew


def rows(examples: Sequence[Example], tokenizer) -> Iterator[dict]:
    """The token ids of every passage of a prompt with its question, and which tokens may begin and end the answer.

    Lists and summaries are left out, since no span answers them, and prompts whose answer was cut off.
    """
    for example in examples:
        passages, first = read_prompt(example.prompt[0]["content"])
        for question, completion in ((first, example.completion), *example.more) if passages else ():
            answer, _, number = completion.rpartition(" [")
            silent, cited = completion == metrics.ABSTENTION, f"[{number}"
            if not silent and not (number.endswith("]") and number[:-1].isdigit() and int(number[:-1]) <= len(passages)):
                continue
            encoded = paired(tokenizer, question, passages)
            starts, ends, allowed = [], [], []
            for place, passage in enumerate(passages):
                tokens = answerable_tokens(encoded, place, passage)
                right = [] if silent or not (passage.startswith(cited) or _is_name(answer)) else list(_found(passage, answer))
                origin, offsets = spread(passage)[1], encoded["offset_mapping"][place]
                offsets = [(origin[begin], origin[end - 1] + 1) if fits else (0, 0)
                           for fits, (begin, end) in zip(tokens, offsets, strict=True)]
                allowed.append(tokens)
                starts.append([fits and begin in {b for b, _ in right} for fits, (begin, _) in zip(tokens, offsets, strict=True)])
                ends.append([fits and end in {e for _, e in right} for fits, (_, end) in zip(tokens, offsets, strict=True)])
            if silent or any(map(any, starts)) and any(map(any, ends)):
                yield {**{key: encoded[key] for key in KEYS[:3]}, "starts": starts, "ends": ends, "allowed": allowed,
                       "length": max(map(len, encoded["input_ids"]))}


def _is_name(answer: str) -> bool:
    return len(answer) >= NAME and answer.isidentifier() and not answer.islower()


def _found(passage: str, answer: str) -> Iterator[tuple[int, int]]:
    """(begin, end) of every place where the answer stands by itself: not in a longer word or number."""
    for match in re.finditer(rf"(?<!\w)(?<!\d[.,]){re.escape(answer)}(?!\w|[.,]\d)", passage):
        yield match.span()


def collate(prompts: Sequence[dict], others: int = SpanTraining.others):
    """One batch of pairs of several prompts, those of `kept`, drawn anew; `group` says which prompt a pair belongs to."""
    import torch

    pairs = [(n, place) for n, prompt in enumerate(prompts) for place in kept(prompt, others)]
    longest = max(len(prompts[n]["input_ids"][place]) for n, place in pairs)

    def padded(key: str):
        found = [prompts[n][key][place] for n, place in pairs]
        return torch.tensor([row + [type(row[0])(0)] * (longest - len(row)) for row in found])

    return {**{key: padded(key) for key in KEYS}, "group": torch.tensor([n for n, _ in pairs])}


def kept(prompt: dict, others: int) -> list[int]:
    """The places of all passages that hold the answer, and of so many others at random, one more where nothing does."""
    holding = [place for place, starts in enumerate(prompt["starts"]) if any(starts)]
    wrong = [place for place in range(len(prompt["starts"])) if place not in holding]
    return holding + random.sample(wrong, min(others + (not holding), len(wrong)))


def shared_loss(logits, right, allowed, group):
    """−log of the probability of the right tokens, or of "not here" without any, among all tokens of a prompt's passages."""
    import torch

    losses = []
    for n in range(int(group.max()) + 1):
        own = group == n
        nothing = logits[own, 0].mean()[None]
        every = torch.cat([logits[own][allowed[own]], nothing])
        good = logits[own][right[own]]
        losses.append(every.logsumexp(0) - (good if len(good) else nothing).logsumexp(0))
    return torch.stack(losses).mean()


def train(examples: Sequence[Example], run: SpanTraining, folder: Path) -> dict:
    """Train adapter and head into `folder`, going on where an interrupted run stopped; returns the provenance."""
    import transformers
    from datasets import Dataset
    from peft import get_peft_model

    models.quiet()
    transformers.set_seed(run.seed)
    path = models.embedder_path(settings.WHEEL_EMBEDDER)
    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    model = get_peft_model(transformers.AutoModelForQuestionAnswering.from_pretrained(path),
                           lora_config(run, task_type="QUESTION_ANS", modules_to_save=["qa_outputs"]))
    prompts = list(rows(examples, tokenizer))
    print(f"{len(prompts)} prompts, {sum(len(prompt['input_ids']) for prompt in prompts)} passages", flush=True)

    class SharedTrainer(transformers.Trainer):
        def compute_loss(self, model, inputs, return_outputs=False, **_):
            right = {key: inputs.pop(key) for key in ("starts", "ends", "allowed", "group")}
            out = model(**inputs)
            loss = sum(shared_loss(logits.float(), right[key], right["allowed"], right["group"])
                       for key, logits in (("starts", out.start_logits), ("ends", out.end_logits))) / 2
            return (loss, out) if return_outputs else loss

    steps = training.checkpoint_folder(examples, run)
    arguments = transformers.TrainingArguments(
        str(steps), num_train_epochs=run.epochs, learning_rate=run.learning_rate, per_device_train_batch_size=run.batch_size,
        seed=run.seed, lr_scheduler_type="cosine", warmup_steps=0.1, train_sampling_strategy="group_by_length", save_steps=100,
        save_total_limit=1, bf16=models.prefers_bfloat16(), use_cpu=models.torch_device() == "cpu", remove_unused_columns=False,
        report_to="none", logging_steps=50, dataloader_pin_memory=False)
    begun = time.monotonic()
    trainer = SharedTrainer(model, arguments, train_dataset=Dataset.from_list(prompts),
                            data_collator=functools.partial(collate, others=run.others))
    with training.only_trainer(steps):
        last = training.last_checkpoint(steps)
        trainer.train(resume_from_checkpoint=last and str(last))
        shutil.rmtree(steps, ignore_errors=True)
    record = run_record(run, len(prompts), begun, settings.WHEEL_EMBEDDER, READING) | {
        "data_sha256": training.rows_digest(examples), "resumed": bool(last)}
    return models.save_adapter(model, folder, "float16", record)


def made(size: int | None, run: SpanTraining, folder: Path | None = None) -> Path:
    """The folder of a reader trained on so many conversations, made in `folder` (or in the cache) unless the like is there.

    size None: all.
    """
    examples = all_conversations(run.seed)[:size]
    digest, own = training.rows_digest(examples), folder or work(f"span-{size or 'all'}-{run.seed}-{run.epochs}")
    for known in (own,) if folder else (own, COMMITTED):
        if made_already(known, run, digest):
            return known
    print(training.run_in_subprocess(train, examples, run, own)["minutes"], "minutes", flush=True)
    return own


def span_reader() -> None:
    """Train the committed reader."""
    made(SIZE, SpanTraining(), COMMITTED)


def main(words: Sequence[str]) -> None:
    """Train on so many conversations and print the figures by way of decoding and threshold of silence."""
    size, seed, epochs = (*words, *("0", str(SpanTraining.epochs))[len(words) - 1 :])
    run = SpanTraining(epochs=float(epochs) if "." in epochs else int(epochs), seed=int(seed))
    folder = made(None if size == "all" else int(size), run)
    documents, held_out = held_out_questions()
    for name, own, questions in (("dev", None, evaluation.load_questions(split="dev")), ("held out", documents, held_out)):
        asked = [q for q in questions if q.task in metrics.JUDGED_TASKS]
        workspace = evaluation.Workspace(own, settings.load())
        for rank, length in DECODINGS:
            reader = models.SpanReader(str(folder), rank=rank, length=length)
            workspace.model = lambda _="base", reader=reader: reader
            records = evaluation.run_arms(asked, "advanced_rag,oracle", workspace, calibrate=False)
            for arm in ("advanced_rag", "oracle"):
                for threshold in THRESHOLDS[: None if arm == "advanced_rag" else 1]:
                    said = evaluation.decided(records, asked, threshold, {arm})
                    print(name, f"rank {rank}, length {length}:", arm, threshold, figures(said, arm), flush=True)
            seconds = sorted(record.seconds["generate"] for record in records)
            print(f"{1000 * seconds[len(seconds) // 2]:.0f} ms an answer", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
