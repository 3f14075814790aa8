"""LoRA fine-tuning with TRL and PEFT: one frozen record of settings, one function that trains, resumes and saves.

`accelerate launch --num_processes 2 -m utils.finetune --recipe raft --out DIR` trains on several processes or nodes.
What to train on comes from `examples`; preferences are `alignment`'s business.
"""
from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from . import examples, memory, models, settings

LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]  # every linear layer of a block
SAVE_EVERY = 20  # optimiser steps between checkpoints: what an interruption can lose
PACKAGES = ("torch", "transformers", "trl", "peft", "botocore")


@dataclass(frozen=True)
class Sft:
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


def compact_head(model) -> None:
    """Score only the tokens that have a label, on CPUs too.

    TRL's trainers ask the model for log-probabilities of labels (`fused_lm_head=True`). Without Triton they are computed
    for every position of the prompt as well, 49,152 numbers each, and thrown away. Same result, a quarter of the time less.
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
        wanted = labels[:, 1:]
        mask = wanted != -100
        logits = model.get_output_embeddings()(hidden[mask]).float()  # (labelled tokens, vocabulary)
        every = torch.log_softmax(logits, -1)
        chosen = every.gather(-1, wanted[mask].unsqueeze(-1)).squeeze(-1)
        told = every.detach()

        def spread(values):
            return values.new_zeros(mask.shape).masked_scatter(mask, values)

        log_probs = spread(chosen)
        return FusedCausalLMOutput(
            loss=-log_probs.sum() / (mask.sum().clamp(min=1) if count is None else count), log_probs=log_probs,
            entropy=spread(-(told.exp() * told).sum(-1)), mean_logits=spread(logits.detach().mean(-1)),
            log_sum_sq_probs=spread(torch.logsumexp(2 * told, -1)),
            is_top1=mask.new_zeros(mask.shape).masked_scatter(mask, told.argmax(-1) == wanted[mask]), label_mask=mask)

    forward.compact = True
    model.forward = forward


def arguments(kind, folder: Path, chosen: Sft, **more):
    """TRL training arguments that all of the course's runs share; `kind` is TRL's class for them."""
    import torch

    processes = int(os.environ.get("WORLD_SIZE", "1"))
    half = models.prefers_bfloat16()
    if "max_length" in kind.__dataclass_fields__:
        more["max_length"] = chosen.max_length
    more.setdefault("gradient_checkpointing", False)
    return kind(
        str(folder), num_train_epochs=chosen.epochs, learning_rate=chosen.learning_rate, seed=chosen.seed,
        per_device_train_batch_size=chosen.micro_batch, lr_scheduler_type="cosine", warmup_steps=0.05,
        gradient_accumulation_steps=max(1, chosen.batch_size // chosen.micro_batch // processes),
        bf16=half, fp16=torch.cuda.is_available() and not half,
        use_cpu=models.device() == "cpu", ddp_backend="gloo" if processes > 1 and models.device() == "cpu" else None,
        save_strategy="steps", save_steps=SAVE_EVERY, save_total_limit=1, logging_steps=2, logging_first_step=True,
        disable_tqdm=True, report_to="none", dataloader_pin_memory=False, **more)


def lora(chosen: Sft):
    """LoRA on every linear layer of every block."""
    from peft import LoraConfig

    return LoraConfig(r=chosen.rank, lora_alpha=chosen.alpha, target_modules=LINEAR, lora_dropout=0.0, task_type="CAUSAL_LM")


def for_adapters(chosen: settings.Settings) -> settings.Settings:
    """The settings with the model that the shipped adapters belong to; says so where another one was chosen."""
    if (chosen.model, chosen.endpoint) != (settings.WHEEL_MODEL, ""):
        print(f"This lab trains and loads adapters of {settings.WHEEL_MODEL}; it takes that model instead of {chosen.model}.")
    return replace(chosen, model=settings.WHEEL_MODEL, endpoint="")


def base(name: str = settings.WHEEL_MODEL, four_bit: bool = False):
    """(model, tokenizer) ready for training. four_bit: QLoRA, which needs a GPU and bitsandbytes."""
    import datasets
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    models.quiet()
    datasets.disable_progress_bars()
    models.language_model.cache_clear()  # training needs the memory; readers are loaded again when asked for
    memory.hand_back()
    path, more = models.language_model_path(name), {}
    if four_bit:
        from transformers import BitsAndBytesConfig

        more["quantization_config"] = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4",
                                                         bnb_4bit_compute_dtype=torch.float16)
    tokenizer = AutoTokenizer.from_pretrained(path)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    return AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, **more), tokenizer


def going_on(model, parent: Path):
    """The base model with the adapter in `parent`, ready to be trained further."""
    from peft import PeftModel

    folder = model.config._name_or_path
    model = PeftModel.from_pretrained(model, str(parent), is_trainable=True)
    model.peft_config["default"].base_model_name_or_path = folder  # by its name PEFT would ask a hub when it saves
    return model


@memory.frugal
def train(made: Sequence[examples.Example], chosen: Sft, folder: Path, watch: Sequence = (), four_bit: bool = False,
          parent: Path | None = None, model_name: str = settings.WHEEL_MODEL) -> dict:
    """Train a LoRA adapter on the examples and save it, with its run record, in `folder`; returns the record.

    An interrupted run leaves its last checkpoint in the cache and goes on from there when called again with the same
    settings and examples. watch: extra trainer callbacks, for example a loss plot. parent: an adapter to go on from.
    model_name: another model than the course's: a hub id or a local directory.
    """
    from trl import SFTConfig, SFTTrainer

    made = list(made)[: chosen.limit or None]
    work = checkpoints(made, chosen, parent, model_name)
    model, tokenizer = base(model_name, four_bit)
    model = going_on(model, parent) if parent else model
    several = any(example.more for example in made)
    rows = examples.conversations(made, tokenizer) if several else examples.rows(made)
    trainer = SFTTrainer(model, arguments(SFTConfig, work, chosen, completion_only_loss=True,
                                          train_sampling_strategy="group_by_length"),
                         train_dataset=rows, processing_class=tokenizer, peft_config=None if parent else lora(chosen))
    told = {"base": model_name, "settings": asdict(chosen), "examples": len(made),
            **(lineage(parent) if parent else {}), "data_sha256": digest(made)}
    return fit(trainer, folder, work, told, watch)


def apart(function: Callable, *given):
    """Call a training function in a process of its own, which hands all its memory back; returns what it returns."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *given).result()


def fit(trainer, folder: Path, work: Path, told: dict, watch: Sequence = ()) -> dict:
    """Run a TRL trainer from its last checkpoint, if it has one, then save adapter and record; returns the record."""
    import shutil

    from transformers import PrinterCallback
    from transformers.trainer_utils import get_last_checkpoint

    from .progress import Progress, peak_gb

    compact_head(trainer.model.get_base_model())
    trainer.remove_callback(PrinterCallback)
    progress = Progress()
    for callback in (progress, *watch):
        trainer.add_callback(callback)
    last = get_last_checkpoint(str(work)) if work.exists() else None
    begun = time.monotonic()
    trainer.train(resume_from_checkpoint=last)
    seconds = time.monotonic() - begun
    watched = {"diagnostics": progress.diagnostics} if progress.diagnostics else {}
    record = {**told, "loss": progress.losses, **watched, "seconds": round(seconds, 1), "resumed": bool(last),
              "tokens_per_second": round(progress.tokens_here / seconds, 1), "peak_memory_gb": round(peak_gb(), 2)}
    if trainer.is_world_process_zero():
        save(trainer.model, folder, record)
        shutil.rmtree(work, ignore_errors=True)
    return record


def save(model, folder: Path, record: dict) -> None:
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


def digest(made: Sequence) -> str:
    """Digest of training rows: equal rows, equal digest."""
    return hashlib.sha256(json.dumps([asdict(row) for row in made], sort_keys=True).encode()).hexdigest()


def checkpoints(made: Sequence, chosen, parent: Path | None = None, model_name: str = settings.WHEEL_MODEL) -> Path:
    """Where a run keeps its checkpoints: a folder of the cache named after model, settings, rows and parent."""
    told = json.dumps([model_name, asdict(chosen), lineage(parent) if parent else {}], sort_keys=True) + digest(made)
    return settings.cache() / "training" / hashlib.sha256(told.encode()).hexdigest()[:12]


def lineage(parent: Path) -> dict:
    """Name and digest of the adapter that a run starts from."""
    return {"parent": parent.name,
            "parent_sha256": hashlib.sha256((parent / "adapter_model.safetensors").read_bytes()).hexdigest()}


def main(words: Sequence[str] | None = None) -> None:
    """Train from the command line, on one process or, under `accelerate launch`, on many."""
    import argparse

    from . import arms, benchmark

    parser = argparse.ArgumentParser(prog="python -m utils.finetune", description="LoRA fine-tuning of the course's model")
    parser.add_argument("--recipe", choices=("closed_book", "format_only", "raft"), default="raft")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the adapter")
    parser.add_argument("--limit", type=int, default=0, metavar="N", help="train on the first N examples only")
    parser.add_argument("--epochs", type=float, default=Sft.epochs)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--four-bit", action="store_true", help="QLoRA; needs a GPU and the package bitsandbytes")
    options = parser.parse_args(words)
    room = arms.Room(settings.load())  # LAB_PROFILE and LAB_MODEL choose the model
    made = getattr(examples, options.recipe)(benchmark.load(known=room.documents), room)
    made = examples.subset(made, options.limit or len(made), options.seed)
    chosen = Sft(recipe=options.recipe, epochs=options.epochs, seed=options.seed)
    record = train(made, chosen, Path(options.out), four_bit=options.four_bit, model_name=room.chosen.model)
    print(json.dumps({name: value for name, value in record.items() if name != "loss"}))


if __name__ == "__main__":
    main()
