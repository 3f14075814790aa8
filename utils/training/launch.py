"""Training from the command line: `accelerate launch --num_processes 2 -m utils.training.launch --recipe raft --out DIR`."""
from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from .. import evaluation
from .examples import closed_book_examples, format_only_examples, sample_examples
from .raft import raft_examples
from .sft import SFTSettings, train_sft

RECIPES = {"closed_book": closed_book_examples, "format_only": format_only_examples, "raft": raft_examples}


def main(words: Sequence[str] | None = None) -> None:
    """Train from the command line: in one process, or in several under `accelerate launch`."""
    import argparse

    parser = argparse.ArgumentParser(prog="python -m utils.training.launch", description="LoRA fine-tuning of the course's model")
    parser.add_argument("--recipe", choices=tuple(RECIPES), default="raft")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to save the adapter in")
    parser.add_argument("--limit", type=int, default=0, metavar="N", help="train on N random examples only; 0 means all")
    parser.add_argument("--epochs", type=float, default=SFTSettings.epochs)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--four-bit", action="store_true", help="train with QLoRA; needs a GPU and the bitsandbytes package")
    options = parser.parse_args(words)
    workspace = evaluation.Workspace()  # LAB_PROFILE and LAB_MODEL select the model
    examples = RECIPES[options.recipe](evaluation.load_questions(known=workspace.documents), workspace)
    examples = sample_examples(examples, options.limit or len(examples), options.seed)
    run = SFTSettings(recipe=options.recipe, epochs=options.epochs, seed=options.seed)
    record = train_sft(examples, run, Path(options.out), four_bit=options.four_bit, model_name=workspace.settings.model)
    print(json.dumps({name: value for name, value in record.items() if name != "loss"}))


if __name__ == "__main__":
    main()
