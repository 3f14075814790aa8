"""Training tokens a second and peak memory: ours, TRL at its defaults, and a bare PyTorch loop, on the same examples.

`python -m tests.training_speed` runs each way in a process of its own, one after another, and prints a table. Run it alone.
"""
from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from utils import evaluation, models, training
from utils.training import sft
from utils.types import Example

COUNT = 32  # examples, one pass
WAYS = ("ours", "bare", "trl_defaults")


def rows() -> list[Example]:
    """The same RAFT examples for every way; made in each process, before its clock and memory matter."""
    questions = evaluation.load_questions()
    train = [q for q in questions if q.split == "train" and q.task == "routing"]
    return training.sample_examples(training.raft_examples(train, evaluation.Workspace(), errors=0), COUNT)


def ours(made: list, folder: Path) -> float:
    """The course's training; seconds."""
    return training.train_sft(made, training.SFTSettings(epochs=1.0), folder)["seconds"]


def trl_defaults(made: list, folder: Path) -> float:
    """TRL's SFTTrainer with nothing set but LoRA on the same layers; seconds."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    rows = [{"prompt": e.prompt, "completion": [{"role": "assistant", "content": e.completion}]} for e in made]
    model, tokenizer = training.load_base_model()
    trainer = SFTTrainer(model, SFTConfig(str(folder), num_train_epochs=1, report_to="none", disable_tqdm=True, use_cpu=True),
                         train_dataset=Dataset.from_list(rows), processing_class=tokenizer,
                         peft_config=sft.lora_config(training.SFTSettings()))
    begun = time.monotonic()
    trainer.train()
    return time.monotonic() - begun


def bare(made: list, folder: Path) -> float:
    """A loop of forward, backward and AdamW over the same examples, two at a time; seconds."""
    import torch
    from peft import get_peft_model

    model, tokenizer = training.load_base_model()
    model = get_peft_model(model, sft.lora_config(training.SFTSettings())).train()
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    batches = []
    for start in range(0, len(made), 2):
        ids, labels = [], []
        for example in made[start : start + 2]:
            said = [{"role": "assistant", "content": example.completion}]
            prompt = tokenizer.apply_chat_template(example.prompt, add_generation_prompt=True, tokenize=True, return_dict=True)
            whole = tokenizer.apply_chat_template([*example.prompt, *said], tokenize=True, return_dict=True)
            ids.append(whole["input_ids"])
            labels.append([-100] * len(prompt["input_ids"]) + whole["input_ids"][len(prompt["input_ids"]) :])
        padded = tokenizer.pad({"input_ids": ids}, return_tensors="pt", padding_side="right")
        width = padded["input_ids"].shape[1]
        batches.append({**padded, "labels": torch.tensor([row + [-100] * (width - len(row)) for row in labels])})
    begun = time.monotonic()
    for batch in batches:
        with torch.autocast("cpu", torch.bfloat16, enabled=models.prefers_bfloat16()):
            model(**batch).loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    return time.monotonic() - begun


def main() -> None:
    """Run every way in its own process."""
    if len(sys.argv) > 1:
        made = rows()
        count = sum(training.example_tokens(made, evaluation.Workspace().model()))
        models.language_model.cache_clear()
        with tempfile.TemporaryDirectory() as folder:
            seconds = globals()[sys.argv[1]](made, Path(folder) / "adapter")
        print(f"{sys.argv[1]}: {count / seconds:.0f} tokens/s, {count} tokens in {seconds:.0f} s, "
              f"peak {models.peak_memory_gb():.2f} GB")
        return
    for way in WAYS:
        done = subprocess.run([sys.executable, "-m", "tests.training_speed", way], capture_output=True, text=True)
        told = [line for line in done.stdout.splitlines() if line.startswith(way)]
        print(told[0] if told else f"{way}: {done.stderr[-300:]}", flush=True)


if __name__ == "__main__":
    main()
