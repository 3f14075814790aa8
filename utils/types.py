"""The types that all subpackages share: documents, chunks, hits, questions, answers, records, training examples.

A benchmark question in a questions file (one JSON object per line):

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
    """One part of a document. `name`: `overview` or a heading; in an operation also `parameter X`, `error X` or `output`."""

    name: str
    text: str


@dataclass(frozen=True)
class Document:
    """An operation, or a file of a folder; evidence refers to its `id`. group: its service or folder ("" for none)."""

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
        """All sections in reading order, separated by blank lines."""
        return "\n\n".join(section.text for section in self.sections)

    def section(self, name: str) -> str:
        """Text of the section called `name`; KeyError lists the sections that exist."""
        for section in self.sections:
            if section.name == name:
                return section.text
        raise KeyError(f"{self.id} has no section {name!r}; it has {[s.name for s in self.sections]}")


@dataclass(frozen=True)
class Chunk:
    """A passage of one document. `section` is where it begins; `header`, if any, gives its context in the document."""

    id: str
    document_id: str
    section: str
    text: str
    header: str = ""

    @property
    def indexed(self) -> str:
        """The text a retriever indexes: header and text."""
        return f"{self.header}\n{self.text}" if self.header else self.text


@dataclass(frozen=True)
class Hit:
    """A retrieved passage. `rank` counts from 1; a larger `score` is better (cosine for dense retrieval)."""

    chunk: Chunk
    rank: int
    score: float

    @property
    def document_id(self) -> str:
        """Id of the passage's document."""
        return self.chunk.document_id


class Retriever(Protocol):
    """Anything that ranks passages for a query."""

    def search(self, query: str, k: int) -> list[Hit]:
        """The k best passages, best first."""


@dataclass(frozen=True)
class Generation:
    """One generated text and its cost. `seconds` is the time of its batch, divided equally among the prompts."""

    text: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    confidence: float | None = None  # 0 to 1, not calibrated: of the text, or of what it withholds
    withheld: str = ""  # what it says if it may not begin as the silence it was given does


class Generator(Protocol):
    """Anything that answers prompts: a model on this machine, or a server."""

    name: str

    def count(self, text: str) -> int:
        """Number of tokens of a text."""

    def generate(self, conversations: Sequence[list[dict[str, str]]], max_new_tokens: int = 32, batch_size: int = 16,
                 on_batch: Callable[[list[int], list[Generation]], None] | None = None, silence: str = "") -> list[Generation]:
        """One answer per conversation, in order; calls on_batch(indices, generations) after each batch.

        silence: the reply that gives no answer. With it a model on this machine adds `confidence` and `withheld`.
        """


@dataclass(frozen=True)
class Question:
    """One line of a questions file. Your own files need only the first six fields."""

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
    places: tuple[str, ...] = ()  # for each evidence document, the heading, row or page that a questions file names after #

    @property
    def retrieval_only(self) -> bool:
        """True without an accepted answer where one is needed: there are no answer scores then."""
        return not self.answers and self.task not in ("multi_doc", "summary", "unanswerable")

    @property
    def cluster(self) -> str:
        """The resampling unit: the home operation, or the question's own id if it has no evidence."""
        return (self.home or self.evidence[0]) if self.evidence else self.id


@dataclass(frozen=True)
class Answer:
    """What a pipeline returns for one question. The first `used` hits were in the prompt."""

    text: str
    abstained: bool
    cited: tuple[str, ...]
    hits: tuple[Hit, ...]
    used: int
    prompt_tokens: int
    completion_tokens: int
    seconds_retrieve: float
    seconds_generate: float
    confidence: float | None = None  # 0 to 1, not calibrated: of the text, or of what an abstention withholds
    withheld: str = ""  # what an abstention withholds, with its citations as [n]


@dataclass(frozen=True, slots=True)
class RecordedHit:
    """The part of a hit that a record stores. `rank` counts from 1; `in_prompt`: the model saw the passage."""

    document_id: str
    section: str
    rank: int
    score: float
    in_prompt: bool
    chunk_id: str | None = None
    __pydantic_config__ = {"extra": "forbid", "allow_inf_nan": False}  # when a records file is read


@dataclass(frozen=True)
class Record:
    """One question under one arm: hits, answer, cost and scores. A line of a records file:

    {"question_id": "test-fact-003", "arm": "raft+advanced_rag", "task": "fact", "cluster": "sqs.ChangeMessageVisibility",
     "hits": [{"document_id": "sqs.ChangeMessageVisibility", "section": "overview", "rank": 1, "score": 3.2, "in_prompt": true}],
     "answer": "120,000", "abstained": false, "cited": ["sqs.ChangeMessageVisibility"], "answer_set": [],
     "prompt_tokens": 517, "completion_tokens": 10, "seconds": {"retrieve": 0.03684, "generate": 0.93247},
     "scores": {"exact_match": 1.0, "contains": 1.0, "words": 1.0, "recall@5": 1.0}, "settings_hash": "ada78aed8c60ec2c"}

    cluster: the resampling unit. answer: without citations, "" for an abstention. cited: the cited documents. answer_set:
    names in a `multi_doc` answer. settings_hash: digest of everything that affects an answer.
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
    scores: dict[str, int | float]  # an integer stays one when a record is read and written
    settings_hash: str
    answer_words: int | None = None  # set, with the digest, where a committed record omits a long answer
    answer_sha256: str | None = None
    rescored: bool | None = None  # False: scored anew, but the answer was omitted, so its scores are the stored ones
    confidence: float | None = None  # 0 to 1, of the answer or of the one withheld; calibrated where the provenance says so
    withheld_answer: str | None = None  # what an abstention would have said, with citations as [n]; never scored as the answer
    __pydantic_config__ = {"extra": "forbid", "allow_inf_nan": False}

    @classmethod
    def from_json(cls, row: dict) -> Record:
        """The record from a parsed line. Raises KeyError or TypeError for a missing or unknown field."""
        hits = tuple(RecordedHit(**hit) for hit in row["hits"])
        return cls(**{**row, "hits": hits, "cited": tuple(row["cited"]), "answer_set": tuple(row["answer_set"])})

    def to_json(self) -> dict:
        """The record as a dict in field order, ready for a line of a file; optional fields that are None are omitted."""
        return asdict(self, dict_factory=lambda fields: {name: list(value) if isinstance(value, tuple) else value
                                                         for name, value in fields if value is not None})


@dataclass(frozen=True)
class Example:
    """One training example. `kind`: answer, absent (the passage with the answer is withheld) or unanswerable."""

    question_id: str
    prompt: list[dict[str, str]]
    completion: str
    kind: str = "answer"
    shown: tuple[str, ...] = ()  # ids of the chunks in the prompt
    question: Question | None = None  # set if it is not a benchmark question
    more: tuple[tuple[str, str], ...] = ()  # (question, answer) of further turns about the same passages


@dataclass(frozen=True)
class PreferencePair:
    """Two answers to one question from the same passages. `label` is `a`, `b`, `tie`, or "" for an unlabelled pair."""

    id: str
    question_id: str
    passages: tuple[str, ...]  # chunk ids, in prompt order
    a: str  # with its [n] citation
    b: str
    label: str = ""
    source: str = ""

    def swapped(self) -> PreferencePair:
        """The same pair with answers and label swapped."""
        return replace(self, a=self.b, b=self.a, label={"a": "b", "b": "a"}.get(self.label, self.label))
