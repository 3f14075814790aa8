"""Supervised LoRA fine-tuning with TRL and PEFT: a frozen settings record and a function that trains, resumes and saves."""
from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from .. import models, settings
from ..types import Example
from .callbacks import training_bar, training_log
from .examples import tokenized_conversations

LINEAR_LAYERS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]  # every linear layer of a block
SAVE_EVERY = 20  # optimiser steps between checkpoints, the most an interruption can lose


@dataclass(frozen=True)
class SFTSettings:
    """Settings of one supervised run, kept in the adapter's provenance."""

    recipe: str = "raft"  # raft, closed_book or its control format_only
    rank: int = 16
    alpha: int = 32
    learning_rate: float = 1e-3
    epochs: float = 2.0
    batch_size: int = 8  # examples per step
    micro_batch: int = 1  # examples per forward pass; more need more memory and are no faster on a CPU
    max_length: int = 1024
    seed: int = 0
    limit: int = 0  # train on the first `limit` examples only; 0 means all
    practice: int = 0  # raft: reading-practice conversations from other services to add
    views: int = 1  # raft: examples per question, each with other passages or another order


def trainer_arguments(kind, folder: Path, run: SFTSettings, **more):
    """The TRL training arguments that all runs share; `kind` is the TRL class to build."""
    import torch

    processes = int(os.environ.get("WORLD_SIZE", "1"))
    half = models.prefers_bfloat16()
    if "max_length" in kind.__dataclass_fields__:
        more["max_length"] = run.max_length
    more.setdefault("gradient_checkpointing", False)
    return kind(
        str(folder), num_train_epochs=run.epochs, learning_rate=run.learning_rate, seed=run.seed,
        per_device_train_batch_size=run.micro_batch, lr_scheduler_type="cosine", warmup_steps=0.05,
        gradient_accumulation_steps=max(1, run.batch_size // run.micro_batch // processes),
        bf16=half, fp16=torch.cuda.is_available() and not half,
        use_cpu=models.torch_device() == "cpu", ddp_backend="gloo" if processes > 1 and models.torch_device() == "cpu" else None,
        save_strategy="steps", save_steps=SAVE_EVERY, save_total_limit=1, logging_steps=2, logging_first_step=True,
        disable_tqdm=True, report_to="none", dataloader_pin_memory=False, **more)


def lora_config(run: SFTSettings):
    """LoRA on every linear layer of every block."""
    from peft import LoraConfig

    return LoraConfig(r=run.rank, lora_alpha=run.alpha, target_modules=LINEAR_LAYERS, lora_dropout=0.0, task_type="CAUSAL_LM")


def settings_for_adapters() -> settings.Settings:
    """The settings with the base model of the shipped adapters; prints a note when you selected another model."""
    run = settings.load()
    if run.model != settings.WHEEL_MODEL or run.profile == "endpoint":
        print(f"This lab trains and loads adapters of {settings.WHEEL_MODEL}, so it uses that model instead of {run.model}.")
    return replace(run, profile=run.profile.replace("endpoint", "laptop"), model=settings.WHEEL_MODEL)


def load_base_model(name: str = settings.WHEEL_MODEL):
    """(model, tokenizer) ready for training."""
    import datasets
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    models.quiet()
    datasets.disable_progress_bars()
    models.language_model.cache_clear()  # training needs the memory; language models are loaded again when needed
    models.release_memory()
    path = models.language_model_path(name)
    tokenizer = AutoTokenizer.from_pretrained(path)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    return AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32), tokenizer


def resume_from_adapter(model, parent: Path):
    """The base model with the adapter in `parent`, ready for further training."""
    from peft import PeftModel

    folder = model.config._name_or_path
    model = PeftModel.from_pretrained(model, str(parent), is_trainable=True)
    model.peft_config["default"].base_model_name_or_path = folder  # PEFT would look a hub name up online when it saves
    return model


@models.release_memory_after()
def train_sft(examples: Sequence[Example], run: SFTSettings, folder: Path, callbacks: Sequence = (),
              parent: Path | None = None, model_name: str = settings.WHEEL_MODEL) -> dict:
    """Train a LoRA adapter on the examples and save it, with its run record, in `folder`; returns the record.

    Called again with the same settings and examples, it resumes. callbacks: extra ones of the trainer. parent: an adapter to
    continue from. model_name: hub id or local directory.
    """
    from trl import SFTConfig, SFTTrainer

    examples = list(examples)[: run.limit or None]
    work = checkpoint_folder(examples, run, parent, model_name)
    model, tokenizer = load_base_model(model_name)
    model = resume_from_adapter(model, parent) if parent else model
    arguments = trainer_arguments(SFTConfig, work, run, train_sampling_strategy="group_by_length")
    trainer = SFTTrainer(model, arguments, train_dataset=tokenized_conversations(examples, tokenizer),
                         processing_class=tokenizer, peft_config=None if parent else lora_config(run))
    provenance = {"base": model_name, "settings": asdict(run), "examples": len(examples),
                  **(parent_of(parent) if parent else {}), "data_sha256": rows_digest(examples)}
    return fit_and_save(trainer, folder, work, provenance, callbacks)


def run_in_subprocess(function: Callable, *arguments):
    """Result of a training function run in its own process, which frees its memory and ends with this process."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_end_with_parent) as pool:
        return pool.submit(function, *arguments).result()


def _end_with_parent() -> None:
    import threading
    from multiprocessing import connection, parent_process

    def wait() -> None:
        connection.wait([parent_process().sentinel])
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def fit_and_save(trainer, folder: Path, work: Path, provenance: dict, callbacks: Sequence = ()) -> dict:
    """Run a TRL trainer, from its last checkpoint if there is one, and save adapter and record; returns the record."""
    from transformers import PrinterCallback

    score_labelled_tokens_only(trainer.model.get_base_model())
    trainer.remove_callback(PrinterCallback)
    for callback in (training_bar(), *callbacks):
        trainer.add_callback(callback)
    with only_trainer(work):
        last = last_checkpoint(work)
        started = time.monotonic()
        trainer.train(resume_from_checkpoint=last and str(last))
        seconds = time.monotonic() - started
        logged, tokens = training_log(trainer.state.log_history, int(last.name.rpartition("-")[2]) if last else 0)
        record = {"base": settings.WHEEL_MODEL, **provenance, **logged, "seconds": round(seconds, 1), "resumed": bool(last),
                  "tokens_per_second": round(tokens / seconds, 1), "peak_memory_gb": round(models.peak_memory_gb(), 2)}
        if trainer.is_world_process_zero():
            record = {**record, "base_sha256": models.base_digest(record["base"])}
            models.save_adapter(trainer.model, folder, "bfloat16", record, selected_adapters=["default"])
            shutil.rmtree(work, ignore_errors=True)
    return record


def only_trainer(work: Path):
    """The right to a checkpoint folder, to be held; waits for a program that trains the same. Processes of one run share it."""
    from filelock import FileLock, Timeout

    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        return contextlib.nullcontext()
    work.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f"{work}.lock")
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        print("the same training runs elsewhere; waiting …", file=sys.stderr, flush=True)
        return lock.acquire()


def last_checkpoint(work: Path) -> Path | None:
    """The newest checkpoint that was saved whole, as its last file tells; newer ones, half written, are removed."""
    for folder in sorted(work.glob("checkpoint-*"), key=lambda path: -int(path.name.rpartition("-")[2])):
        try:
            json.loads((folder / "trainer_state.json").read_text("utf-8"))
            return folder
        except (OSError, ValueError):
            shutil.rmtree(folder)
    return None


def rows_digest(rows: Sequence) -> str:
    """SHA-256 of the training rows, as hex digits."""
    return hashlib.sha256(json.dumps([asdict(row) for row in rows], sort_keys=True).encode()).hexdigest()


def checkpoint_folder(rows: Sequence, run, parent: Path | None = None, model_name: str = settings.WHEEL_MODEL) -> Path:
    """The cache folder for a run's checkpoints, named by a digest of model, settings, rows and parent."""
    key = json.dumps([model_name, asdict(run), parent_of(parent) if parent else {}], sort_keys=True) + rows_digest(rows)
    return settings.cache() / "training" / hashlib.sha256(key.encode()).hexdigest()[:12]


def parent_of(parent: Path) -> dict:
    """Name and digest of the adapter that a run starts from."""
    return {"parent": parent.name,
            "parent_sha256": hashlib.sha256((parent / "adapter_model.safetensors").read_bytes()).hexdigest()}


def score_labelled_tokens_only(model) -> None:
    """Replace the model's forward pass by one with the same results that skips the logits of unlabelled tokens.

    Without Triton, TRL's `fused_lm_head=True` computes 49,152 logits for every prompt position, a quarter of the time.
    """
    import torch
    from trl.trainer.utils import FusedCausalLMOutput

    former = model.forward
    if getattr(former, "compact", False):
        return

    @functools.wraps(type(model).forward)
    def forward(*arguments, fused_lm_head: bool = False, labels=None, **named):
        if not fused_lm_head or labels is None or named.get("shift_labels") is not None:
            return former(*arguments, fused_lm_head=fused_lm_head, labels=labels, **named)
        count = named.pop("num_items_in_batch", None)
        named["use_cache"] = False
        hidden = model.base_model(*arguments, **named).last_hidden_state[:, :-1]  # (batch, length - 1, width)
        targets = labels[:, 1:]
        mask = targets != -100
        logits = model.get_output_embeddings()(hidden[mask]).float()  # (labelled tokens, vocabulary)
        log_softmax = torch.log_softmax(logits, -1)
        detached = log_softmax.detach()

        def spread(values):
            return values.new_zeros(mask.shape).masked_scatter(mask, values)

        log_probs = spread(log_softmax.gather(-1, targets[mask].unsqueeze(-1)).squeeze(-1))
        return FusedCausalLMOutput(
            loss=-log_probs.sum() / (mask.sum().clamp(min=1) if count is None else count), log_probs=log_probs,
            entropy=spread(-(detached.exp() * detached).sum(-1)), mean_logits=spread(logits.detach().mean(-1)),
            log_sum_sq_probs=spread(torch.logsumexp(2 * detached, -1)),
            is_top1=mask.new_zeros(mask.shape).masked_scatter(mask, detached.argmax(-1) == targets[mask]), label_mask=mask)

    forward.compact = True
    model.forward = forward
