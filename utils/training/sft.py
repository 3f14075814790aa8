"""Supervised LoRA fine-tuning with TRL and PEFT: one frozen record of settings, one function that trains, resumes and saves."""
from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from .. import models, settings
from ..types import Example
from .callbacks import TrainingProgress
from .examples import example_rows, tokenized_conversations
from .labelled_tokens import score_labelled_tokens_only

LINEAR_LAYERS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]  # every linear layer of a block
SAVE_EVERY = 20  # optimiser steps between checkpoints: what an interruption can lose
PACKAGES = ("torch", "transformers", "trl", "peft", "botocore")


@dataclass(frozen=True)
class SFTSettings:
    """Settings of one supervised run, kept in the adapter's provenance."""

    recipe: str = "raft"  # closed_book, format_only or raft
    rank: int = 16
    alpha: int = 32
    learning_rate: float = 1e-3
    epochs: float = 2.0
    batch_size: int = 8  # examples a step
    micro_batch: int = 1  # examples at a time: memory grows with it, speed on a CPU does not
    max_length: int = 1024
    seed: int = 0
    limit: int = 0  # train on so many examples only; 0 is all
    practice: int = 0  # raft: reading practice from other services (`reading`) mixed in
    views: int = 1  # raft: how often each question is asked, each time with other passages or in another order


def trainer_arguments(kind, folder: Path, run: SFTSettings, **more):
    """TRL training arguments that all of the course's runs share; `kind` is TRL's class for them."""
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

    return LoraConfig(r=run.rank, lora_alpha=run.alpha, target_modules=LINEAR_LAYERS, lora_dropout=0.0,
                      task_type="CAUSAL_LM")


def settings_for_adapters() -> settings.Settings:
    """The settings with the model that the shipped adapters belong to; says so where another one was chosen."""
    run = settings.load()
    if (run.model, run.endpoint) != (settings.WHEEL_MODEL, ""):
        print(f"This lab trains and loads adapters of {settings.WHEEL_MODEL}; it takes that model instead of {run.model}.")
    return replace(run, model=settings.WHEEL_MODEL, endpoint="")


def load_base_model(name: str = settings.WHEEL_MODEL, four_bit: bool = False):
    """(model, tokenizer) ready for training. four_bit: QLoRA, which needs a GPU and bitsandbytes."""
    import datasets
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    models.quiet()
    datasets.disable_progress_bars()
    models.language_model.cache_clear()  # training needs the memory; readers are loaded again when asked for
    models.release_memory()
    path, more = models.language_model_path(name), {}
    if four_bit:
        from transformers import BitsAndBytesConfig

        more["quantization_config"] = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4",
                                                         bnb_4bit_compute_dtype=torch.float16)
    tokenizer = AutoTokenizer.from_pretrained(path)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    return AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, **more), tokenizer


def resume_from_adapter(model, parent: Path):
    """The base model with the adapter in `parent`, ready to be trained further."""
    from peft import PeftModel

    folder = model.config._name_or_path
    model = PeftModel.from_pretrained(model, str(parent), is_trainable=True)
    model.peft_config["default"].base_model_name_or_path = folder  # by its name PEFT would ask a hub when it saves
    return model


@models.release_memory_after
def train_sft(made: Sequence[Example], run: SFTSettings, folder: Path, callbacks: Sequence = (), four_bit: bool = False,
              parent: Path | None = None, model_name: str = settings.WHEEL_MODEL) -> dict:
    """Train a LoRA adapter on the examples and save it, with its run record, in `folder`; returns the record.

    An interrupted run leaves its last checkpoint in the cache and goes on from there when called again with the same
    settings and examples. callbacks: extra trainer callbacks, for example a loss plot. parent: an adapter to go on from.
    model_name: another model than the course's: a hub id or a local directory.
    """
    from trl import SFTConfig, SFTTrainer

    made = list(made)[: run.limit or None]
    work = checkpoint_folder(made, run, parent, model_name)
    model, tokenizer = load_base_model(model_name, four_bit)
    model = resume_from_adapter(model, parent) if parent else model
    several = any(example.more for example in made)
    rows = tokenized_conversations(made, tokenizer) if several else example_rows(made)
    trainer = SFTTrainer(model, trainer_arguments(SFTConfig, work, run, completion_only_loss=True,
                                                  train_sampling_strategy="group_by_length"),
                         train_dataset=rows, processing_class=tokenizer, peft_config=None if parent else lora_config(run))
    told = {"base": model_name, "settings": asdict(run), "examples": len(made),
            **(parent_of(parent) if parent else {}), "data_sha256": rows_digest(made)}
    return fit_and_save(trainer, folder, work, told, callbacks)


def run_in_subprocess(function: Callable, *given):
    """Call a training function in a process of its own, which hands all its memory back; returns what it returns."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *given).result()


def fit_and_save(trainer, folder: Path, work: Path, told: dict, callbacks: Sequence = ()) -> dict:
    """Run a TRL trainer from its last checkpoint, if it has one, then save adapter and record; returns the record."""
    import shutil

    from transformers import PrinterCallback
    from transformers.trainer_utils import get_last_checkpoint

    score_labelled_tokens_only(trainer.model.get_base_model())
    trainer.remove_callback(PrinterCallback)
    progress = TrainingProgress()
    for callback in (progress, *callbacks):
        trainer.add_callback(callback)
    last = get_last_checkpoint(str(work)) if work.exists() else None
    begun = time.monotonic()
    trainer.train(resume_from_checkpoint=last)
    seconds = time.monotonic() - begun
    watched = {"diagnostics": progress.diagnostics} if progress.diagnostics else {}
    record = {**told, "loss": progress.losses, **watched, "seconds": round(seconds, 1), "resumed": bool(last),
              "tokens_per_second": round(progress.tokens_here / seconds, 1), "peak_memory_gb": round(models.peak_memory_gb(), 2)}
    if trainer.is_world_process_zero():
        save_adapter(trainer.model, folder, record)
        shutil.rmtree(work, ignore_errors=True)
    return record


def save_adapter(model, folder: Path, record: dict) -> None:
    """The adapter in bfloat16 safetensors, its configuration and its provenance."""
    import torch
    from safetensors.torch import load_file, save_file

    model.save_pretrained(folder, selected_adapters=["default"])
    path = folder / "adapter_model.safetensors"
    save_file({name: tensor.to(torch.bfloat16) for name, tensor in load_file(path).items()}, path, {"format": "pt"})
    (folder / "README.md").unlink(missing_ok=True)
    config = json.loads((folder / "adapter_config.json").read_text("utf-8"))
    config["base_model_name_or_path"] = record.get("base", settings.WHEEL_MODEL)
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n", "utf-8")
    told = {"base": settings.WHEEL_MODEL, **record, "adapter_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "versions": {package: importlib.metadata.version(package) for package in PACKAGES}}
    (folder / "provenance.json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")


def rows_digest(made: Sequence) -> str:
    """Digest of training rows: equal rows, equal digest."""
    return hashlib.sha256(json.dumps([asdict(row) for row in made], sort_keys=True).encode()).hexdigest()


def checkpoint_folder(made: Sequence, run, parent: Path | None = None, model_name: str = settings.WHEEL_MODEL) -> Path:
    """Where a run keeps its checkpoints: a folder of the cache named after model, settings, rows and parent."""
    told = json.dumps([model_name, asdict(run), parent_of(parent) if parent else {}], sort_keys=True) + rows_digest(made)
    return settings.cache() / "training" / hashlib.sha256(told.encode()).hexdigest()[:12]


def parent_of(parent: Path) -> dict:
    """Name and digest of the adapter that a run starts from."""
    return {"parent": parent.name,
            "parent_sha256": hashlib.sha256((parent / "adapter_model.safetensors").read_bytes()).hexdigest()}
