"""The smallest reader: MiniLM with a head for the first and the last token of an answer in the passages, or "not here".

It copies a span of one passage, so it makes nothing up and cites by construction; it can neither list nor sum up. The
probabilities are shared by all passages of a prompt (Clark and Gardner, 2018). A passage counts by its rank in the search, too:
p(passage) · p(answer | passage) after RAG-Sequence (Lewis et al., 2020), with 1 / rank⁴ as the prior, and the best, not a sum.
"""
from __future__ import annotations

import functools
import math
import re
import time
from collections.abc import Callable, Sequence
from itertools import pairwise

from .. import settings
from ..types import Generation
from .adapters import merge_adapter
from .device import autocast, quiet, release_memory_after, torch_device
from .embedders import embedder_path

LONGEST = 256  # tokens of a question with one passage
BOUNDARY = r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])"  # inside an identifier
JOINT = "['’:]"  # inside a word: `Owner's`, `dynamodb:PutItem`
SPAN = 20  # most tokens of an answer
RANK = 4.0  # weight of −log(rank): how likely a passage is to hold the answer, before it is read
LENGTH = 0.4  # taken off for each further token
EAGER = 3.0  # added to how much the answer beats "not here": on dev, silent on one in seven questions that have an answer
DECODING = (RANK, LENGTH, EAGER, SPAN, LONGEST, BOUNDARY, JOINT)  # what determines the answers beside the adapter


def read_prompt(prompt: str) -> tuple[list[str], str]:
    """The numbered passages of a prompt, numbers included, and its question. A passage may hold such marks, too."""
    if prompt.startswith("Question: "):
        return [], prompt.removeprefix("Question: ").rpartition("\n")[0]
    rest, _, last = prompt.rpartition("\n\nQuestion: ")
    passages = []
    while (end := rest.find(f"\n\n[{len(passages) + 2}] ")) >= 0:
        passages.append(rest[:end])
        rest = rest[end + 2 :]
    return [*passages, rest], last.rpartition("\n")[0]


def spread(text: str) -> tuple[str, list[int]]:
    """The text with identifiers divided into words, as the network knows them, and each character's place in the original."""
    ends = [0, *(match.start() for match in re.finditer(BOUNDARY, text)), len(text)]
    parts = [text[begin:end] for begin, end in pairwise(ends)]
    places = [place for begin, end in pairwise(ends) for place in [*range(begin, end), end - 1]]
    return " ".join(parts), places[:-1]


def paired(tokenizer, question: str, passages: Sequence[str]):
    """Token ids of the question with each `spread` passage, with offsets; the passage is cut where both exceed `LONGEST`."""
    most = LONGEST // 2  # a character is about a token at most
    if len(question) > most:
        question = tokenizer.decode(tokenizer(question, add_special_tokens=False)["input_ids"][:most])
    texts = [spread(passage)[0] for passage in passages]
    return tokenizer([spread(question)[0]] * len(passages), texts, truncation="only_second", max_length=LONGEST,
                     return_offsets_mapping=True)


def answerable_tokens(encoded, place: int, passage: str) -> list[bool]:
    """Which tokens of a pair an answer may use: those of the passage, but for its number."""
    number = re.match(r"\[\d+\] ?", passage)  # `spread` leaves it as it is
    first = number.end() if number else 0
    parts = encoded.sequence_ids(place)
    return [part == 1 and begin >= first for part, (begin, _) in zip(parts, encoded["offset_mapping"][place], strict=True)]


def whole_words(text: str, begin: int, stop: int) -> tuple[int, int]:
    """The span widened to whole words and identifiers, those with an apostrophe or a colon inside among them."""
    left = len(re.search(rf"(?:\w+{JOINT})*\w*$", text[:begin])[0]) if re.match(r"\w", text[begin:stop]) else 0
    right = len(re.match(rf"\w*(?:{JOINT}\w+)*", text[stop:])[0]) if re.search(r"\w$", text[begin:stop]) else 0
    return begin - left, stop + right


class SpanReader:
    """A `Generator` that copies its answers. adapter: folder of the LoRA adapter and head. rank, length: `RANK`, `LENGTH`."""

    window = 0

    def __init__(self, adapter: str, name: str = settings.WHEEL_EMBEDDER, rank: float = RANK,
                 length: float = LENGTH):
        from transformers import AutoModelForQuestionAnswering, AutoTokenizer

        quiet()
        self.rank, self.length, path = rank, length, embedder_path(name)
        self.tokenizer = AutoTokenizer.from_pretrained(path)
        self.model = AutoModelForQuestionAnswering.from_pretrained(path).to(torch_device())
        self.name = f"{name}+{merge_adapter(self, 'model', adapter)}"

    def count(self, text: str) -> int:
        """Number of tokens in `text`, without special tokens."""
        return len(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    @release_memory_after()
    def generate(self, conversations: Sequence[list[dict[str, str]]], max_new_tokens: int = 32, batch_size: int = 16,
                 on_batch: Callable[[list[int], list[Generation]], None] | None = None, silence: str = "") -> list[Generation]:
        """The likeliest span as `answer [n]`, or `silence` where "not here" is likelier; one prompt at a time."""
        answers = []
        for i, conversation in enumerate(conversations):
            answers.append(self.answer(conversation[-1]["content"], silence))
            if on_batch:
                on_batch([i], answers[-1:])
        return answers

    def answer(self, prompt: str, silence: str = "") -> Generation:
        """The answer to one prompt."""
        begun, (passages, question) = time.perf_counter(), read_prompt(prompt)
        spans, tokens = self.spans(question, passages) if passages else ([], self.count(prompt))
        if not spans:
            return Generation(silence, tokens, 0, time.perf_counter() - begun)
        margin, text, place = max((margin - self.rank * math.log(place + 1), text, place) for margin, text, place in spans)
        confidence = _probability(margin + EAGER)
        said = f"{text} {passages[place].partition(' ')[0]}"
        silent = bool(silence) and confidence < 0.5
        return Generation(silence if silent else said, tokens, 0, time.perf_counter() - begun, confidence, said if silent else "")

    def spans(self, question: str, passages: Sequence[str]) -> tuple[list[tuple[float, str, int]], int]:
        """(by how much it beats "not here", text, place) of each passage's best span, and the number of tokens read."""
        import numpy

        encoded = paired(self.tokenizer, question, passages)
        batch = self.tokenizer.pad({key: encoded[key] for key in ("input_ids", "attention_mask", "token_type_ids")},
                                   return_tensors="pt").to(torch_device())
        with autocast():
            out = self.model(**batch)
        starts, ends = out.start_logits.float().cpu().numpy(), out.end_logits.float().cpu().numpy()
        nothing, spans = float(starts[:, 0].mean() + ends[:, 0].mean()), []
        for place, passage in enumerate(passages):
            allowed = numpy.flatnonzero(answerable_tokens(encoded, place, passage))
            if not len(allowed):
                continue
            start, end = starts[place][allowed], ends[place][allowed]
            steps, near = numpy.arange(len(allowed)), numpy.triu(numpy.tri(len(allowed), k=SPAN - 1)) > 0
            scores = numpy.where(near, numpy.add.outer(start + self.length * steps, end - self.length * steps), -numpy.inf)
            first, last = numpy.unravel_index(scores.argmax(), scores.shape)
            (begin, _), (_, stop) = (encoded["offset_mapping"][place][allowed[i]] for i in (first, last))
            origin = spread(passage)[1]
            begin, stop = whole_words(passage, origin[begin], origin[stop - 1] + 1)
            spans.append((float(scores[first, last]) - nothing, passage[begin:stop], place))
        return spans, int(batch["attention_mask"].sum())


def _probability(margin: float) -> float:
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, margin))))


@functools.lru_cache(maxsize=1)
def span_reader(adapter: str, digest: str = "") -> SpanReader:
    """The span reader with this adapter, loaded once. digest: of the adapter, so that a new one is loaded."""
    return SpanReader(adapter)
