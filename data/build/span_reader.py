"""The smallest reader: the embedder's network with a head for the start and the end of the answer, or "not here".

It copies a span of one passage, so it makes nothing up and cites by construction. `python -m data.build.span_reader SIZE [SEED]`
trains it on the same draw as `reader_recipe` and asks the held-out services.
"""
from __future__ import annotations

import math
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy

from utils import evaluation, metrics, models, settings
from utils.types import Example, Generation

from .common import work
from .reader_recipe import drawn, figures, pool
from .reading_questions import held_out_questions

LONGEST = 256  # tokens of question and passage
SPAN = 16  # most tokens of an answer
MARGINS = (-4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0)  # thresholds of silence that are looked at


@dataclass(frozen=True)
class Reading:
    """One question with one passage; answer: a part of the passage, or "" if it stands elsewhere or nowhere."""

    question: str
    passage: str
    answer: str = ""


def asked(prompt: str) -> tuple[list[str], str]:
    """The passages as a prompt shows them, without their numbers, and its question."""
    *passages, last = re.split(r"\n\n(?=\[\d+\] |Question: )", prompt)
    return [re.sub(r"^\[\d+\] ", "", passage) for passage in passages], last.removeprefix("Question: ").rpartition("\n")[0]


def readings(example: Example) -> Iterator[Reading]:
    """Every question of a conversation with every passage. Lists and summaries are left out: no span answers them."""
    passages, question = asked(example.prompt[0]["content"])
    for text, completion in ((question, example.completion), *example.more):
        answer, _, number = completion.rpartition(" [")
        numbers = re.findall(r"\d+", number)
        if completion != metrics.ABSTENTION and (len(numbers) != 1 or answer not in passages[int(numbers[0]) - 1]):
            continue
        for place, passage in enumerate(passages, 1):
            yield Reading(text, passage, answer if numbers == [str(place)] else "")


def rows(examples: Sequence[Example], tokenizer) -> Iterator[dict]:
    """Token ids with the first and the last token of the answer; both are 0, the place of [CLS], where it is not here."""
    for reading in (reading for example in examples for reading in readings(example)):
        row = tokenizer(reading.question, reading.passage, truncation="only_second", max_length=LONGEST,
                        return_offsets_mapping=True)
        offsets, begin = row.pop("offset_mapping"), reading.passage.find(reading.answer) if reading.answer else -1
        ends, parts = begin + len(reading.answer), row.sequence_ids(0)
        inside = [place for place, (first, last) in enumerate(offsets) if parts[place] == 1 and first < ends and last > begin]
        inside = inside if reading.answer else []
        if reading.answer and not inside:  # cut off
            continue
        yield {**row, "start_positions": inside[0] if inside else 0, "end_positions": inside[-1] if inside else 0}


def train(examples: Sequence[Example], folder, seed: int, epochs: float = 3.0, learning_rate: float = 2e-4) -> None:
    """Train network and head together and save them."""
    import transformers
    from datasets import Dataset
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    transformers.set_seed(seed)
    path = models.embedder().path
    tokenizer, model = AutoTokenizer.from_pretrained(path), AutoModelForQuestionAnswering.from_pretrained(path)
    arguments = transformers.TrainingArguments(
        str(folder / "steps"), num_train_epochs=epochs, learning_rate=learning_rate, seed=seed, per_device_train_batch_size=16,
        lr_scheduler_type="cosine", warmup_steps=0.05, train_sampling_strategy="group_by_length", save_steps=500,
        save_total_limit=1, report_to="none", use_cpu=models.torch_device() == "cpu", dataloader_pin_memory=False)
    data = Dataset.from_list(list(rows(examples, tokenizer)))
    print(len(data), "pairs of question and passage", flush=True)
    begun = time.monotonic()
    collate = transformers.DataCollatorWithPadding(tokenizer)
    transformers.Trainer(model, arguments, train_dataset=data, data_collator=collate).train()
    print(f"{(time.monotonic() - begun) / 60:.1f} minutes", flush=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@dataclass
class SpanReader:
    """A `Generator` that copies its answer from a passage; its confidence is the span's probability beside "not here"."""

    folder: object
    name: str = "span"
    window: int = 0

    def __post_init__(self) -> None:
        from transformers import AutoModelForQuestionAnswering, AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(self.folder)
        self.model = AutoModelForQuestionAnswering.from_pretrained(self.folder).eval()

    def count(self, text: str) -> int:
        """Tokens of a text."""
        return len(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def generate(self, conversations: Sequence[list[dict[str, str]]], max_new_tokens: int = 32, batch_size: int = 16,
                 on_batch: Callable[[list[int], list[Generation]], None] | None = None, silence: str = "") -> list[Generation]:
        """The best span of all passages as `answer [n]`, however little it beats "not here"."""
        answers = [self.answer(conversation[-1]["content"]) for conversation in conversations]
        if on_batch:
            on_batch(list(range(len(answers))), answers)
        return answers

    def answer(self, prompt: str) -> Generation:
        """The answer to one prompt."""
        import torch

        begun, (passages, question) = time.perf_counter(), asked(prompt)
        batch = self.tokenizer([question] * len(passages), passages, truncation="only_second", max_length=LONGEST, padding=True,
                               return_offsets_mapping=True, return_tensors="pt")
        offsets = batch.pop("offset_mapping")
        with torch.inference_mode():
            out = self.model(**batch)
        best = (-numpy.inf, "", 0)
        for place, passage in enumerate(passages):
            start, end = out.start_logits[place].numpy(), out.end_logits[place].numpy()
            allowed = numpy.array([part == 1 for part in batch.sequence_ids(place)])
            fitting = numpy.triu(numpy.tri(len(start), k=SPAN - 1)) * numpy.outer(allowed, allowed) > 0
            scores = numpy.where(fitting, numpy.add.outer(start, end), -numpy.inf)
            first, last = numpy.unravel_index(scores.argmax(), scores.shape)
            margin = float(scores[first, last] - start[0] - end[0])
            best = max(best, (margin, passage[offsets[place][first][0] : offsets[place][last][1]], place + 1))
        sure = 1 / (1 + math.exp(-max(-50.0, min(50.0, best[0]))))
        return Generation(f"{best[1]} [{best[2]}]", int(batch["attention_mask"].sum()), 0, time.perf_counter() - begun, sure)


def main(words: Sequence[str]) -> None:
    """Train on a draw unless that was done, and print the held-out figures by threshold."""
    size, seed = int(words[0]), int((*words, "0")[1])
    folder, workspace = work(f"span-{size}-{seed}"), evaluation.Workspace()
    if not (folder / "config.json").exists():
        questions = evaluation.load_questions(known=workspace.documents)
        train(drawn(pool(questions, workspace, seed), size, seed), folder, seed)
    documents, questions = held_out_questions()
    single = [q for q in questions if q.task in metrics.JUDGED_TASKS]
    own, reader = evaluation.Workspace(documents, settings.load()), SpanReader(folder)
    own.model = lambda _="base": reader
    records = evaluation.run_arms(single, "advanced_rag,oracle", own, work(f"held-out-span-{size}-{seed}.jsonl"))
    milliseconds = 1000 * numpy.median([record.seconds["generate"] for record in records])
    print(f"{milliseconds:.0f} ms an answer", flush=True)
    for arm in ("advanced_rag", "oracle"):
        for margin in MARGINS:
            said = evaluation.decided(records, single, 1 / (1 + math.exp(-margin)), {arm})
            print(f"{arm}, margin {margin}:", figures(said, arm), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
