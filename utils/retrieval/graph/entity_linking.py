"""From a question to a place in the knowledge graph, and from there to the set of names it asks for."""
from __future__ import annotations

import functools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ... import corpus, models, settings
from ...text import content_words, plain_words
from ...types import Chunk
from ..dense import DenseIndex
from .triples import lacking, sharing, subjects

# What people say when they mean a relation. Read off training questions; order does not matter.
CUES = {
    "raises": r"\bfail|refus|reject|\berror|raise|notice|complain|says? (?:so|that)|report|\bcheck|validat|\bblock|\bhit\b|"
              r"\bthrow|exception|missing|expire|too many|invalid|doesn't exist|corrupt|stopp|conflict|busy|\bcap\b|limit|"
              r"turned? down",
    "requires": r"\bneeds?\b|require|demand|\bmust\b|mandatory|go without|insist|obligatory|compulsory",
    "returns": r"\breturn|gives? back|give me back|hands? (?:out|back|me)|respon|get back|\bshow|come back|output|\btells?\b|"
               r"\breveal",
    "takes": r"\btakes?\b|accept|argument|parameter|\bset\b|\bpass\b|\bname the\b|choose|\ballow|\boption|where I|can I|"
             r"lets? me|\bfilter|input|specify|for which|support",
    "states": r"per second|\bvalid for\b|good for|cross-account|another account|at most|eventual|asynchron|minutes|hours|days|"
              r"\btimes\b|idempoten|can't be used|only work|deprecated|recommend|documented",
}
KIND = {"raises": "error", "requires": "parameter", "takes": "parameter", "returns": "output", "states": "condition"}
TWO = re.compile(r"\bnot\b|n't|never|but|lack|on top of|beyond|missing|without|extra|additional|only|unlike|more than|than", re.I)
PLURAL = re.compile(
    r"\b(?:operations|calls|actions|apis|services|errors|exceptions|parameters|inputs|members|everything|commands|requests|"
    r"endpoints|methods|options|arguments|fields)\b|^\W*where\b|^\W*(?:list|name)\b", re.I)
NUMBERS = dict(zip("one two three four five six seven eight nine ten fifteen".split(),
                   ("1 2 3 4 5 6 7 8 9 10 15").split(), strict=True))


@dataclass(frozen=True)
class Link:
    """Where a question meets the graph: `relation` of `nodes`, and what the traversal from there returns.

    names: the bare names asked for. documents: ids of the operations the answer rests on. confidence: 0 to about 2.
    """

    relation: str
    nodes: tuple[str, ...]
    names: tuple[str, ...]
    documents: tuple[str, ...]
    confidence: float


class Linker:
    """Links questions to one graph. The entities' texts are embedded once and kept in Chroma beside the chunks."""

    def __init__(self, knowledge, embedder: models.Embedder, chosen: settings.Settings):
        self.graph, self.embed = knowledge, embedder.encode
        self.operations = {n: d for n, d in knowledge.nodes(data=True) if d["kind"] == "operation"}
        self.entities = [n for n, d in knowledge.nodes(data=True) if d["kind"] in ("error", "parameter", "output")]
        texts = [Chunk(node, node, "entity", self._text(node)) for node in self.entities]
        self.vectors = DenseIndex(texts, embedder, chosen).vectors if texts else None
        self.words = [content_words(chunk.text) for chunk in texts]
        self.names = [content_words(plain_words(self._spelled(node))) for node in self.entities]
        self._seen: dict[str, float] = {}

    @functools.cached_property
    def conditions(self) -> dict[str, frozenset[str]]:
        """Condition node → its content words."""
        return {n: _content(d["name"]) for n, d in self.graph.nodes(data=True) if d["kind"] == "condition"}

    def _spelled(self, node: str) -> str:
        """The name as the documents write it; a member's node is in lower case, and its first meaning is its name."""
        data = self.graph.nodes[node]
        return data["name"] if data["kind"] == "error" else (data.get("means") or [data["name"]])[0]

    def _text(self, node: str) -> str:
        """What an embedder should know of an entity: kind, name in plain words, and what the documents say it means."""
        data = self.graph.nodes[node]
        told = data.get("means", [])
        told = told[:1] if data["kind"] == "error" else told[1:3]
        return " ".join([data["kind"], plain_words(self._spelled(node)), *told])

    def link(self, question: str, services: Sequence[str] = ()) -> Link | None:
        """Where the question meets the graph; None when it asks for no set of names.

        services: those the question is about, if known; [] for all.
        """
        named = self.named_operations(question, services)
        asks_where = re.search(r"\bservices?\b|\bwhere (?:is|else|do|can)\b", question, re.I)
        if asks_where and len({self.operations[node]["name"] for node in named}) == 1:
            found = self._sharing(named[0])
            if found and (re.search(r"\bservices\b", question, re.I) or not services):
                return found
        if len(named) >= 2 and TWO.search(question):
            return self._lacking(question, named)
        if not PLURAL.search(question):
            return None
        return max(filter(None, [self._entity(question, services), self._condition(question, services)]),
                   key=lambda link: link.confidence, default=None)

    def named_operations(self, question: str, services: Sequence[str] = ()) -> list[str]:
        """Operations the question names, in its order; only those of one service where that is clear."""
        spans: dict[str, int] = {}
        for node, data in self.operations.items():
            if services and data["service"] not in services:
                continue
            # most names are not in the question at all, and a plain search says so without compiling a pattern
            place = data["name"] in question and re.search(rf"\b{data['name']}\b", question)
            if place:
                spans[node] = place.start()
        by_service: dict[str, list[str]] = {}
        for node in sorted(spans, key=spans.get):
            by_service.setdefault(self.operations[node]["service"], []).append(node)
        return max(by_service.values(), key=len, default=[])

    def _sharing(self, node: str) -> Link | None:
        name = self.operations[node]["name"]
        services = sharing(self.graph, name)
        if len(services) < 2:
            return None
        documents = [n for n, d in self.operations.items() if d["name"] == name]
        return Link("sharing", (name,), tuple(services), tuple(sorted(documents)), 2.0)

    def _lacking(self, question: str, named: Sequence[str]) -> Link:
        """Errors or inputs of the one operation that the other lacks; which one is `a` follows from the wording."""
        a, b = named[:2]
        names = {node: self.operations[node]["name"] for node in (a, b)}
        if re.search(r"on top of|beyond|compared (?:to|with)|than|lacks? ", question, re.I):
            first = re.search(rf"(?:on top of|beyond|than|compared (?:to|with))\W+(?:\w+\W+){{0,3}}{names[a]}", question)
            a, b = (b, a) if first else (a, b)
        if re.search(rf"(?:not|n't|lacks?|lacking|without|missing|never)\W+(?:\w+\W+){{0,4}}{names[a]}\b", question):
            a, b = b, a
        relation = "raises" if re.search(CUES["raises"], re.sub(r"can't|missing", "", question), re.I) else "takes"
        nodes = lacking(self.graph, a, b, relation)
        return Link(f"{relation}, less those of", (a, b), tuple(self._spelled(node) for node in nodes), (a, b), 2.0)

    def _entity(self, question: str, services: Sequence[str]) -> Link | None:
        """The error, parameter or output that the question speaks of, weighted by what its verbs ask for."""
        if not self.entities:
            return None
        bare = corpus.without_service(question)
        cosines, asked = self.vectors @ self.embed([bare])[0], content_words(bare)
        cues = {relation: bool(re.search(pattern, question, re.I)) for relation, pattern in CUES.items()}
        best: tuple[float, str, str] | None = None
        for i, node in enumerate(self.entities):
            data = self.graph.nodes[node]
            if services and data["service"] not in services:
                continue
            name = self.names[i]
            lexical = len(asked & name) / max(2, len(name)) + 0.5 * len(asked & self.words[i]) / max(1, len(asked))
            spelled = self._spelled(node)
            capital = spelled in question and any(c.isupper() for c in spelled)
            exact = float(capital and bool(re.search(rf"\b{spelled}\b", question)))
            value = float(cosines[i]) + 0.4 * lexical + 0.4 * exact
            for relation, kind in KIND.items():
                if kind != data["kind"]:
                    continue
                scored = value + (0.3 if cues[relation] else 0.0) + (0.05 if relation == "takes" else 0.0)
                if (best is None or scored > best[0]) and len(subjects(self.graph, relation, node)) > 1:
                    best = (scored, relation, node)
        if best is None:
            return None
        value, relation, node = best
        documents = subjects(self.graph, relation, node)
        return Link(relation, (node,), tuple(self.operations[d]["name"] for d in documents), tuple(documents), value)

    def _condition(self, question: str, services: Sequence[str]) -> Link | None:
        """Operations that state what the question says: the sentence nearest to it, and those that say the same."""
        if not re.search(CUES["states"], question, re.I):
            return None
        bare = corpus.without_service(question)
        asked = _content(bare)
        pool = [c for c in self.conditions if not services or self.graph.nodes[c]["service"] in services]
        weight = {word: self._rarity(word) for word in asked}
        near = sorted(pool, key=lambda c: -sum(weight[w] for w in asked & self.conditions[c]))[:20]
        if not near or not any(weight.values()):
            return None
        cosine = self.embed([self.graph.nodes[c]["name"] for c in near]) @ self.embed([bare])[0]
        lexical = [sum(weight[w] for w in asked & self.conditions[c]) / sum(weight.values()) for c in near]
        values = [float(c) + 0.4 * share for c, share in zip(cosine, lexical, strict=True)]
        anchor = near[values.index(max(values))]
        said = self.conditions[anchor]
        alike = [c for c in pool if self.graph.nodes[c]["service"] == self.graph.nodes[anchor]["service"]
                 and _same(said, self.conditions[c], asked)]
        documents = sorted({d for c in alike for d in subjects(self.graph, "states", c)})
        if len(documents) < 2:
            return None
        return Link("states", (anchor,), tuple(self.operations[d]["name"] for d in documents), tuple(documents), max(values))

    def _rarity(self, word: str) -> float:
        if word not in self._seen:
            count = sum(word in words for words in self.conditions.values())
            self._seen[word] = math.log((len(self.conditions) + 1) / (count + 1)) if count else 0.0
        return self._seen[word]


def _content(text: str) -> frozenset[str]:
    """Content words with number words as digits and operation-like names left out: they differ where sense does not."""
    spoken = " ".join(NUMBERS.get(word.lower(), word) for word in re.sub(r"\b[A-Z][a-z]+[A-Z]\w*", "", text).split())
    return frozenset(content_words(spoken))


def _same(anchor: frozenset[str], other: frozenset[str], asked: frozenset[str]) -> bool:
    """True when two sentences share their numbers, what the question asks, and half of their words."""
    numbers = {w for w in anchor if w.isdigit()}
    if numbers != {w for w in other if w.isdigit()} or not (anchor & asked) <= other:
        return False
    return len(anchor & other) >= 0.5 * min(len(anchor), len(other))
