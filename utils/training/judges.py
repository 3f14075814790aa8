"""Judges that label preference pairs: two baselines, and the language model asked directly."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from .. import evaluation, models
from ..types import Chunk, PreferencePair, Question
from .feedback import label_by_length, label_by_phrase, pair_prompt, split_by_question


class Judges:
    """Judges of one reader's pairs: they learn from one half of the labelled pairs and are evaluated on the held-out half."""

    def __init__(self, labelled: Sequence[PreferencePair], questions: Sequence[Question], workspace: evaluation.Workspace,
                 reader: Path):
        self.questions, self.workspace, self.folder = questions, workspace, reader
        self.known, self.chunks = {q.id: q for q in questions}, {chunk.id: chunk for chunk in workspace.pipeline.chunks}
        self.learn, self.held_out = split_by_question(labelled)

    def label(self, judge: str, pairs: Sequence[PreferencePair]) -> list[PreferencePair]:
        """The pairs as labelled by a judge, source `ai`. Raises KeyError for an unknown judge."""
        return [replace(pair, label=label, source="ai") for pair, label in zip(pairs, self.labels(judge, pairs), strict=True)]

    def labels(self, judge: str, pairs: Sequence[PreferencePair]) -> list[str]:
        """The labels of `the phrase wins`, `the longer wins` or `asked`."""
        if judge == "asked":
            return ask_which(self.workspace.model(), pairs, self.known, self.chunks)
        return list(map({"the phrase wins": label_by_phrase, "the longer wins": label_by_length}[judge], pairs))


WHICH = ("Question: {}\nAnswer A: {}\nAnswer B: {}\nWhich answer is right according to the passages, short, and says so when "
         "they do not hold it? Reply with A or B.")


def ask_which(model, pairs: Sequence[PreferencePair], questions: dict[str, Question], chunks: dict[str, Chunk],
              batch_size: int = 8) -> list[str]:
    """Labels from asking the model directly: the likelier next token, "A" or "B", after the passages and both answers."""
    tokenizer, labels = model.tokenizer, []
    letters = [tokenizer(letter, add_special_tokens=False)["input_ids"][0] for letter in "AB"]
    prompts = []
    for pair in pairs:
        text = pair_prompt(pair, questions[pair.question_id], chunks)[0]["content"]
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
