"""Trains an adapter on the training questions of a file: examples, leak check, a measured forecast, loss on held-out dev."""
from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from pydantic import TypeAdapter

from .. import evaluation, models, settings, training
from ..types import Example, Question
from .splitting import split_questions

RECIPES = {
    "raft": training.SFTSettings(recipe="raft", epochs=1.0, learning_rate=1e-3, batch_size=4, views=4),
    "closed_book": training.SFTSettings(recipe="closed_book", epochs=3.0, batch_size=8, micro_batch=4),
}
VIEWS = 2  # of each question; `decide` buys up to the recipe's with minutes to spare
HELD_OUT = 40  # most dev examples that the loss is measured on
STEPS = 4  # training steps of the forecast, after one to warm up


def examples_for(recipe: str, questions: Sequence[Question], workspace: evaluation.Workspace, views: int = 1,
                 split: str = "train", seed: int = 0) -> list[Example]:
    """Training examples of one's own questions. Raises ValueError if an example leaks a question of dev or test."""
    if recipe == "raft":
        examples = training.own_raft_examples(questions, workspace, views, seed, split)
    else:
        examples = training.closed_book_examples(questions, workspace, split=split)
    leaks = training.find_leaks(examples, questions, raft_style=False) if split == "train" else []
    if leaks:
        raise ValueError("\n".join(f"{leak}: put both in one split, or delete one" for leak in leaks))
    return examples


def parent_folder(name: str, recipe: str, workspace: evaluation.Workspace) -> Path | None:
    """The adapter to go on from, or None for the base model. Raises ValueError for an adapter of another base.

    name: an adapter, `none`, or "": the course's `raft` for reading if the base is its own.
    """
    if not name:
        name = "raft" if recipe == "raft" and workspace.settings.model == settings.WHEEL_MODEL else "none"
        if recipe == "raft" and name == "none":
            print(f"training starts at {workspace.settings.model} itself: the course's adapters belong to {settings.WHEEL_MODEL}")
    if name == "none":
        return None
    chosen = name if name in evaluation.MODELS or name.startswith("adapter:") else f"adapter:{name}"
    workspace.check_models([evaluation.parse_arm(chosen)])
    if models.is_extractive(chosen):
        raise ValueError(f"{name} is a span reader, which this command cannot train: go on from an adapter of the language "
                         "model, or from none")
    return models.adapter_folder(chosen)


def kept_examples(path: Path, key: str, questions: Sequence[Question],
                  workspace: evaluation.Workspace) -> dict[str, list[Example]]:
    """Training examples of each recipe, from the file if it holds this key: search is approximate, made again some may differ."""
    form = TypeAdapter(tuple[str, dict[str, list[Example]]])
    try:
        kept, examples = form.validate_json(path.read_bytes())
    except (OSError, ValueError):
        kept, examples = "", {}
    if kept != key:
        examples = {recipe: examples_for(recipe, questions, workspace, 1 if settings.fast() else run.views)
                    for recipe, run in RECIPES.items()}
        path.write_bytes(form.dump_json((key, examples)))
    return examples


def seconds_per_token(examples: Sequence[Example], parent: Path | None, model_name: str) -> float:
    """Seconds of a training step per token of its example, measured on a few steps. Run it in a process of its own."""
    model, tokenizer = training.load_base_model(model_name)
    if parent:
        model = training.resume_from_adapter(model, parent)
    else:
        from peft import get_peft_model

        model = get_peft_model(model, training.lora_config(RECIPES["raft"]))
    import torch

    rows = training.tokenized_conversations(random.Random(0).sample(list(examples), min(STEPS + 1, len(examples))), tokenizer)
    training.score_labelled_tokens_only(model.get_base_model())
    started = tokens = 0
    for number, row in enumerate(rows):
        if number == min(1, len(rows) - 1):
            started, tokens = time.perf_counter(), 0
        ids, labels = (torch.tensor([row[name]], device=models.torch_device()) for name in ("input_ids", "labels"))
        model(input_ids=ids, labels=labels, fused_lm_head=True).loss.backward()
        tokens += ids.numel()
    return (time.perf_counter() - started) / max(1, tokens)


def held_out_loss(examples: Sequence[Example], adapter: Path | None, model_name: str) -> float | None:
    """Mean loss per example on the first turns of held-out examples; None without any."""
    if not examples:
        return None
    reader = models.LanguageModel(model_name, adapter=str(adapter) if adapter else "")
    means = models.mean_log_probability(reader, [e.prompt for e in examples], [e.completion for e in examples])
    return round(-sum(means) / len(means), 4)


def _trained_unmeasured(examples: list[Example], parent: Path | None, out: Path, run: training.SFTSettings,
                        model_name: str) -> bool:
    """True if `out` holds the adapter of this very training, which was interrupted before its loss was measured."""
    try:
        record = json.loads((out / "provenance.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    same = {"base": model_name, "settings": asdict(run), "data_sha256": training.rows_digest(examples),
            **(training.parent_of(parent) if parent else {})}
    return "held_out_loss" not in record and same.items() <= record.items()


def _train_between_losses(examples: list[Example], held_out: list[Example], parent: Path | None, out: Path,
                          run: training.SFTSettings, model_name: str) -> tuple[float | None, float | None]:
    before = held_out_loss(held_out, parent, model_name)
    if not _trained_unmeasured(examples, parent, out, run, model_name):
        training.train_sft(examples, run, out, parent=parent, model_name=model_name)
    return before, held_out_loss(held_out, out, model_name)


def forecast(examples: Sequence[Example], per_token: float, model, epochs: float) -> float:
    """Seconds of a training run over the examples."""
    return per_token * sum(training.example_tokens(examples, model)) * epochs


def train_adapter(examples: Sequence[Example], held_out: Sequence[Example], parent: Path | None, out: Path,
                  run: training.SFTSettings, about: dict, model_name: str = settings.WHEEL_MODEL) -> dict:
    """Train an adapter, or resume; its provenance, with the loss before and after. about: what it was trained on."""
    held_out = list(held_out)[:HELD_OUT]
    models.language_model.cache_clear()  # training needs the memory
    models.release_memory()
    before, after = training.run_in_subprocess(_train_between_losses, list(examples), held_out, parent, out, run, model_name)
    path = out / "provenance.json"
    questions = sum(1 + len(example.more) for example in examples)
    record = json.loads(path.read_text("utf-8")) | {
        "questions_seen": round(questions * run.epochs), "trained_on": about,
        "held_out_loss": {"examples": len(held_out), "before": before, "after": after}}
    path.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    return record


def train(file: evaluation.QuestionsFile, workspace: evaluation.Workspace, folder: str, recipe: str, out: Path, parent: str = "",
          limit: int = 0, seed: int = 0) -> None:
    """The command `train`, under `accelerate launch` too. folder: of your documents; "" trains the course's recipe on its own."""
    run = replace(RECIPES[recipe], seed=seed, views=VIEWS)
    if folder:
        split = split_questions(file.questions, seed)
        print(*split.notes, sep="\n")
        examples, held_out = (examples_for(recipe, split.questions, workspace, views, part, seed)
                              for views, part in ((run.views, "train"), (1, "dev")))
    else:
        make = training.raft_examples if recipe == "raft" else training.closed_book_examples
        examples, held_out = make(list(file.questions), workspace), []
    examples = training.sample_examples(examples, limit or len(examples), seed)
    start = parent_folder(parent, recipe, workspace)
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        training.train_sft(examples, run, out, parent=start, model_name=workspace.settings.model)
        return
    per_token = training.run_in_subprocess(seconds_per_token, examples, start, workspace.settings.model)
    minutes = forecast(examples, per_token, workspace.model(), run.epochs) / 60
    origin = start.name if start else workspace.settings.model
    print(f"{len(examples)} examples, starting from {origin}: about {minutes:.0f} minutes", flush=True)
    about = trained_on(workspace, folder, file.path, len({example.question_id for example in examples}))
    record = train_adapter(examples, held_out, start, out, run, about, workspace.settings.model)
    loss = record["held_out_loss"]
    print(f"{record['questions_seen']} questions seen in {record['seconds'] / 60:.1f} minutes; loss on {loss['examples']} "
          f"held-out dev examples {loss['before']} → {loss['after']}; adapter in {out}")


def trained_on(workspace: evaluation.Workspace, folder: str, questions: Path, many: int) -> dict:
    """What an adapter was trained on: folder and digest of the documents, file and digest of the questions, their number."""
    return {"corpus": folder or "the course's documents", "corpus_sha256": evaluation.corpus_digest(workspace),
            "questions": str(questions), "questions_sha256": hashlib.sha256(questions.read_bytes()).hexdigest(),
            "training_questions": many}


def train_command(options: argparse.Namespace, prepare: evaluation.Prepare) -> int:
    """Train an adapter on the training questions of a file."""
    if options.limit < 0:
        raise ValueError(f"--limit {options.limit} is too small: give at least 1")
    out = evaluation.new_folder(options.out, "adapter_config.json")
    workspace = evaluation.load_workspace(options.corpus)
    file = evaluation.questions_of(options.questions, workspace)
    prepare(index=not options.corpus)
    train(file, workspace, options.corpus, options.recipe, out, options.parent, options.limit, options.seed)
    print(f"use it as the arm adapter:{out}+advanced_rag of `benchmark`")
    return evaluation.close_command(out / "adapter", workspace.reading, file)
