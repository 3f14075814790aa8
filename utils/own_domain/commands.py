"""The commands `draft`, `train`, `decide` and `ask`."""
from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .. import corpus, evaluation, roi, settings
from .decision import Decision
from .drafting import REVIEW, write_drafts
from .output_folder import ask
from .own_training import train


def draft_command(options: argparse.Namespace, prepare: evaluation.Prepare) -> int:
    """Draft questions for review."""
    if options.many < 1:
        raise ValueError(f"--many {options.many} is too small: give at least 1")
    documents, reading = corpus.read_folder(options.corpus)
    for note in evaluation.language_notes(documents, (), settings.load()):
        print(note, file=sys.stderr)
    drafts = write_drafts(documents, Path(options.out), options.many)
    print(f"{drafts} drafts in {options.out}, each marked {REVIEW!r}: reword them, add other accepted answers and "
          "delete drafts that are not real questions")
    if drafts < options.many:
        print(f"{options.many - drafts} fewer than asked for: no more sentences of these documents state a value")
    return evaluation.close_command(Path(options.out), reading)


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


def decide_command(options: argparse.Namespace, prepare: evaluation.Prepare) -> int:
    """Train, measure and price RAG, fine-tuning and both on your documents."""
    out, prices = evaluation.new_folder(options.out, "plan.json"), Path(options.prices or roi.PRICE_FILE)
    prepare(index=False)
    decision = Decision(options.corpus, options.questions, out, prices, options.minutes)
    print(decision())
    return evaluation.close_command(out / "page", decision.reading, decision.file)


def ask_command(options: argparse.Namespace, prepare: evaluation.Prepare) -> int:
    """Ask what was decided."""
    prepare(index=False)
    print(ask(Path(options.out), options.question, options.arm))
    return 0
