"""A language model of two tiny layers, and a folder of documents with questions, for whole runs in seconds."""
from __future__ import annotations

import json

import pytest

from utils import models

ANIMALS = ("cat", "dog", "goat", "hen", "horse", "llama", "mole", "newt", "otter", "pig", "quail", "rook", "seal", "toad")
FACTS = (("eats", "grams of oats at dawn", "how much breakfast does the {} get?"),
         ("walks", "miles before noon", "distance the {} covers each morning"),
         ("sleeps", "hours in its shed", "for how long is a {} in bed?"),
         ("weighs", "stone when grown", "an adult {}: how heavy?"))


@pytest.fixture(autouse=True)
def full_size(monkeypatch):
    """`test` sets LAB_FAST, with which `decide` takes a few questions only."""
    monkeypatch.delenv("LAB_FAST", raising=False)


@pytest.fixture(scope="session")
def small_model(tmp_path_factory):
    """Folder of a language model with the course's tokenizer and untrained weights."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(models.language_model_path("SmolLM2-135M-Instruct-q4"))
    torch.manual_seed(0)
    shape = LlamaConfig(vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, pad_token_id=2,
                        num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=2048, tie_word_embeddings=True,
                        bos_token_id=1, eos_token_id=2)
    folder = tmp_path_factory.mktemp("small_model")
    LlamaForCausalLM(shape).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def farm(tmp_path_factory):
    """(folder of fourteen documents, questions file with four facts of each and four that no document answers)."""
    folder = tmp_path_factory.mktemp("farm")
    (folder / "documents").mkdir()
    rows = []
    for n, animal in enumerate(ANIMALS):
        stated = [f"The {animal} {verb} {10 * n + i + 2} {what}." for i, (verb, what, _) in enumerate(FACTS)]
        (folder / "documents" / f"{animal}.md").write_text(f"# The {animal}\n\n{' '.join(stated)}\n")
        rows += [{"id": f"{animal}-{i}", "task": "fact", "question": asks.format(animal), "answers": [str(10 * n + i + 2)],
                  "answer_set": [], "evidence": [f"{animal}.md"]} for i, (_, _, asks) in enumerate(FACTS)]
    rows += [{"id": f"none-{i}", "task": "unanswerable", "question": f"what is the price of a {animal} at the market?",
              "answers": [], "answer_set": [], "evidence": []} for i, animal in enumerate(ANIMALS[:4])]
    (folder / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / "documents", folder / "questions.jsonl"
