"""The nouns that flow through every workspace: documents, chunks, hits, questions, answers, records, training examples.

A benchmark question reads like this in a questions file (one JSON object a line):

    {"id": "q1", "task": "fact", "question": "How long may I return a bike?", "answers": ["30 days", "30"],
     "answer_set": [], "evidence": ["returns.md"]}
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import PurePosixPath
from typing import Protocol


@dataclass(frozen=True)
class Section:
    """One part of a document: `overview` or a heading; of an operation `parameter X`, `error X` or `output`, too."""

    name: str
    text: str


@dataclass(frozen=True)
class Document:
    """One operation of a service, or one file of a folder. `id` is what records and evidence name.

    group: what the document belongs to: its service, or the folder it lies in ("" for none).
    """

    id: str
    title: str
    group: str
    sections: tuple[Section, ...]

    @property
    def name(self) -> str:
        """The id without group and file suffix: `SendMessage` of `sqs.SendMessage`, `returns` of `guides/returns.md`."""
        return PurePosixPath(self.id.removeprefix(self.group).lstrip("./")).stem

    @property
    def text(self) -> str:
        """All sections in reading order, a blank line between two."""
        return "\n\n".join(section.text for section in self.sections)

    def section(self, name: str) -> str:
        """Text of the section called `name`; KeyError names those there are."""
        for section in self.sections:
            if section.name == name:
                return section.text
        raise KeyError(f"{self.id} has no section {name!r}; it has {[s.name for s in self.sections]}")


@dataclass(frozen=True)
class Chunk:
    """A passage of one document. `section` is the section it begins in; `header` says where it stands, if it has one."""

    id: str
    document_id: str
    section: str
    text: str
    header: str = ""

    @property
    def indexed(self) -> str:
        """What a retriever reads: header and text."""
        return f"{self.header}\n{self.text}" if self.header else self.text


@dataclass(frozen=True)
class Hit:
    """A retrieved passage. `rank` counts from 1; a larger `score` is better (cosine for dense retrieval)."""

    chunk: Chunk
    rank: int
    score: float

    @property
    def document_id(self) -> str:
        """Id of the document the passage is from."""
        return self.chunk.document_id


class Retriever(Protocol):
    """Anything that ranks passages for a query."""

    def search(self, query: str, k: int) -> list[Hit]:
        """The k best passages, best first."""
        ...


@dataclass(frozen=True)
class Generation:
    """One generated text with what it cost. `seconds` is the batch's time shared equally by its prompts."""

    text: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float


class Generator(Protocol):
    """Anything that answers prompts: a model on this machine, or a server."""

    name: str

    def count(self, text: str) -> int:
        """Tokens of a text."""
        ...

    def generate(self, conversations: Sequence[list[dict[str, str]]], max_new_tokens: int = 32, batch_size: int = 16,
                 on_batch: Callable[[list[int], list[Generation]], None] | None = None) -> list[Generation]:
        """One answer for each conversation, in order; on_batch(indices, generations) is called after each batch."""
        ...


@dataclass(frozen=True)
class Question:
    """One line of a questions file. Only the first six fields have to be there in other people's files."""

    id: str
    task: str
    question: str
    answers: tuple[str, ...]
    answer_set: tuple[str, ...]
    evidence: tuple[str, ...]
    split: str = ""
    family: str = ""
    fact: dict = field(default_factory=dict, hash=False)
    home: str | None = None
    exposure: str = ""
    overlap: str = ""
    names_service: bool = False

    @property
    def cluster(self) -> str:
        """The resampling unit: the home operation; a question without evidence is its own."""
        return (self.home or self.evidence[0]) if self.evidence else self.id


@dataclass(frozen=True)
class Answer:
    """What a pipeline gives back for one question. The first `used` hits went into the prompt."""

    text: str
    abstained: bool
    cited: tuple[str, ...]
    hits: tuple[Hit, ...]
    used: int
    prompt_tokens: int
    completion_tokens: int
    seconds_retrieve: float
    seconds_generate: float


@dataclass(frozen=True)
class RecordedHit:
    """What a record keeps of a hit. `rank` counts from 1; `in_prompt` says whether the passage was read."""

    document_id: str
    section: str
    rank: int
    score: float
    in_prompt: bool


@dataclass(frozen=True)
class Record:
    """One question under one arm: what was retrieved and answered, what it cost, and its scores. A line of a records file:

        {"question_id": "test-fact-003", "arm": "raft+advanced_rag", "task": "fact", "cluster": "sqs.ChangeMessageVisibility",
         "hits": [{"document_id": "sqs.ChangeMessageVisibility", "section": "overview", "rank": 1, "score": 3.165,
                   "in_prompt": true}],
         "answer": "120,000", "abstained": false, "cited": ["sqs.ChangeMessageVisibility"], "answer_set": [],
         "prompt_tokens": 517, "completion_tokens": 10, "seconds": {"retrieve": 0.03684, "generate": 0.93247},
         "scores": {"exact_match": 1.0, "contains": 1.0, "words": 1.0, "recall@5": 1.0}, "settings_hash": "ada78aed8c60ec2c"}

    cluster: the resampling unit. answer: bare, "" for an abstention. cited: documents its citations point to. answer_set:
    names of a `multi_doc` answer. settings_hash: digest of everything that decides an answer.
    """

    question_id: str
    arm: str
    task: str
    cluster: str
    hits: tuple[RecordedHit, ...]
    answer: str
    abstained: bool
    cited: tuple[str, ...]
    answer_set: tuple[str, ...]
    prompt_tokens: int
    completion_tokens: int
    seconds: dict[str, float]
    scores: dict[str, float]
    settings_hash: str
    answer_words: int | None = None  # of a committed record whose answer was too long to keep, with its digest
    answer_sha256: str | None = None

    @classmethod
    def from_json(cls, row: dict) -> Record:
        """The record of a parsed line. Raises KeyError or TypeError where a field is missing or unknown."""
        hits = tuple(RecordedHit(**hit) for hit in row["hits"])
        return cls(**{**row, "hits": hits, "cited": tuple(row["cited"]), "answer_set": tuple(row["answer_set"])})

    def to_json(self) -> dict:
        """The record as a line of a file holds it, in the order of the fields; absent optional fields are left out."""
        return {name: list(value) if isinstance(value, tuple) else value
                for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Example:
    """One training example. `kind` is what it teaches: answer, absent (right passage withheld) or unanswerable."""

    question_id: str
    prompt: list[dict[str, str]]
    completion: str
    kind: str = "answer"
    shown: tuple[str, ...] = ()  # ids of the chunks in the prompt
    question: Question | None = None  # where it is not one of the benchmark's
    more: tuple[tuple[str, str], ...] = ()  # (question, answer) of further turns about the same passages


@dataclass(frozen=True)
class PreferencePair:
    """Two answers to one question over the same passages. `label` is `a`, `b`, `tie`, or "" while nobody judged it."""

    id: str
    question_id: str
    passages: tuple[str, ...]  # chunk ids, as they stood in the prompt
    a: str  # with its [n] citation
    b: str
    label: str = ""
    source: str = ""

    def swapped(self) -> PreferencePair:
        """The same pair with the answers exchanged."""
        return replace(self, a=self.b, b=self.a, label={"a": "b", "b": "a"}.get(self.label, self.label))
