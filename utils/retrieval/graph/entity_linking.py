"""Links a question to nodes of the knowledge graph, and from there to the set of names it asks for."""
from __future__ import annotations

import functools
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ... import corpus, models
from ...settings import Settings
from ...text import content_words, plain_words
from ...types import Chunk
from ..dense import DenseIndex
from .triples import lacking, sharing, subjects

# Wording that signals a relation, collected from training questions; the order does not matter.
CUES = {
    "raises": r"\bfail|refus|reject|\berror|raise|notice|complain|says? (?:so|that)|report|\bcheck|validat|\bblock|\bhit\b|"
              r"\bthrow|exception|missing|expire|too many|invalid|doesn't exist|corrupt|stopp|conflict|busy|\bcap\b|limit|"
              r"turned? down",
    "requires": r"\bneeds?\b|require|demand|\bmust\b|mandatory|(?:go|run|work|called|used) without|insist|oblig|compulsory|"
                r"not optional|\bforce",
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
    r"responses|replies|endpoints|methods|options|arguments|fields)\b|^\W*where\b|^\W*(?:list|name)\b|"
    r"\bevery (?:[\w'-]+ ){0,2}(?:operation|call|action|error|exception|service)\b|\bwho (?:gives|returns|hands|sends|tells)\b|"
    r"\bwhere (?:(?:can|could|do|does|might|may|would) (?:that|this|it|they)|in (?-i:[A-Z]))|"
    r"\b(?:which|what) (?:(?-i:[A-Z])\w+ ){1,2}(?!values|types|kinds|attributes|policies|keys|does|has|was)(?-i:[a-z]{3,})"
    r"(?<![suiy])s\b", re.I)
# What stands behind these is what the other operation is compared with.
SURPASSED = "on top of|beyond|besides|apart from|more than|than|compared to|compared with|already|everything|switching from"
NUMBERS = dict(zip("one two three four five six seven eight nine ten fifteen".split(),
                   ("1 2 3 4 5 6 7 8 9 10 15").split(), strict=True))


@dataclass(frozen=True)
class Link:
    """The `relation` of `nodes` that a question asks for; names and supporting documents found. confidence: 0 to about 2."""

    relation: str
    nodes: tuple[str, ...]
    names: tuple[str, ...]
    documents: tuple[str, ...]
    confidence: float


class Linker:
    """Links questions to one graph. The entities' texts are embedded once and stored in Chroma with the chunks."""

    def __init__(self, knowledge, embedder: models.Embedder, settings: Settings):
        self.graph, self.embed = knowledge, embedder.encode
        self.operations = {n: d for n, d in knowledge.nodes(data=True) if d["kind"] == "operation"}
        self.entities = [n for n, d in knowledge.nodes(data=True) if d["kind"] in ("error", "parameter", "output")]
        texts = [Chunk(node, node, "entity", self._text(node)) for node in self.entities]
        self.index = DenseIndex(texts, embedder, settings) if texts else None
        self.words = [content_words(chunk.text) for chunk in texts]
        self.names = [content_words(plain_words(self._spelled(node))) for node in self.entities]

    @functools.cached_property
    def conditions(self) -> dict[str, frozenset[str]]:
        """Condition node → its content words."""
        return {n: _content(d["name"]) for n, d in self.graph.nodes(data=True) if d["kind"] == "condition"}

    @functools.cached_property
    def rarity(self) -> dict[str, float]:
        """Word → how rare it is among the conditions: the logarithm of their number over that of the conditions with it."""
        counts = Counter(word for words in self.conditions.values() for word in words)
        return {word: math.log((len(self.conditions) + 1) / (count + 1)) for word, count in counts.items()}

    def _spelled(self, node: str) -> str:
        """The name as the documents spell it: of a member, whose node is in lower case, that is its first meaning."""
        data = self.graph.nodes[node]
        return data["name"] if data["kind"] == "error" else (data.get("means") or [data["name"]])[0]

    def _text(self, node: str) -> str:
        """Text to embed for an entity: its kind, its name in plain words, and its meaning according to the documents."""
        data = self.graph.nodes[node]
        meanings = data.get("means", [])
        meanings = meanings[:1] if data["kind"] == "error" else meanings[1:3]
        return " ".join([data["kind"], plain_words(self._spelled(node)), *meanings])

    def link(self, question: str, services: Sequence[str] = ()) -> Link | None:
        """The question's link to the graph, None if it asks for no set of names. services: those it is about; empty for all."""
        named = self.named_operations(question, services)
        asks_where = re.search(r"\bservices?\b|\bwhere (?:is|else|do|can)\b", question, re.I)
        if asks_where and len({self.operations[node]["name"] for node in named}) == 1:
            link = self._sharing(named[0])
            if link and (re.search(r"\bservices\b", question, re.I) or not services):
                return link
        if len(named) >= 2 and TWO.search(question):
            return self._lacking(question, named)
        if not PLURAL.search(question):
            return None
        return max(filter(None, [self._entity(question, services), self._condition(question, services)]),
                   key=lambda link: link.confidence, default=None)

    def named_operations(self, question: str, services: Sequence[str] = ()) -> list[str]:
        """Operations the question names, in its order; if they are of several services, those of the most named one."""
        spans: dict[str, int] = {}
        for node, data in self.operations.items():
            if services and data["service"] not in services:
                continue
            # the substring test avoids compiling a pattern for the many names that are not in the question
            if data["name"] in question and (match := re.search(rf"\b{re.escape(data['name'])}\b", question)):
                spans[node] = match.start()
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
        """Errors or inputs that operation `a` has and `b` lacks; the wording decides which operation is `a`."""
        a, b = named[:2]
        names = {node: re.escape(self.operations[node]["name"]) for node in (a, b)}
        surpassed = re.search(rf"(?:{SURPASSED})\W+(?:\w+\W+){{0,5}}{names[a]}\b", question, re.I)
        if surpassed or re.search(rf"(?:not|n't|lacks?|lacking|without|missing|never)\W+(?:\w+\W+){{0,4}}{names[a]}\b", question):
            a, b = b, a
        relation = "raises" if re.search(CUES["raises"], re.sub(r"can't|missing", "", question), re.I) else "takes"
        nodes = lacking(self.graph, a, b, relation)
        return Link(f"{relation}, less those of", (a, b), tuple(self._spelled(node) for node in nodes), (a, b), 2.0)

    def _entity(self, question: str, services: Sequence[str]) -> Link | None:
        """The error, parameter or output the question is about; a relation scores higher if the question has its cues."""
        if not self.entities:
            return None
        # Of several services one may be what the question is about, as KMS in an error of SQS: each is removed alone.
        bare = {service: corpus.without_service(question, service if services[1:] else "") for service in services or [""]}
        near = dict(zip(bare, self.embed(list(bare.values())) @ self.index.vectors.T, strict=True))
        cues = {relation: bool(re.search(pattern, question, re.I)) for relation, pattern in CUES.items()}
        best: tuple[float, str, str] | None = None
        for i, node in enumerate(self.entities):
            data = self.graph.nodes[node]
            if services and data["service"] not in services:
                continue
            service = data["service"] if services else ""
            cosines, question_words = near[service], content_words(bare[service])
            shared, shared_name = question_words & self.words[i], question_words & self.names[i]
            lexical = len(shared_name) / max(2, len(self.names[i])) + 0.5 * len(shared) / max(1, len(question_words))
            spelled = self._spelled(node)
            capital = spelled in question and any(c.isupper() for c in spelled)
            exact = float(capital and bool(re.search(rf"\b{re.escape(spelled)}\b", question)))
            value = float(cosines[i]) + 0.4 * lexical + 0.4 * exact
            for relation in (relation for relation, kind in KIND.items() if kind == data["kind"]):
                score = value + (0.3 if cues[relation] else 0.0) + (0.05 if relation == "takes" else 0.0)
                if (best is None or score > best[0]) and len(subjects(self.graph, relation, node)) > 1:
                    best = (score, relation, node)
        if best is None:
            return None
        value, relation, node = best
        documents = subjects(self.graph, relation, node)
        return Link(relation, (node,), tuple(self.operations[d]["name"] for d in documents), tuple(documents), value)

    def _condition(self, question: str, services: Sequence[str]) -> Link | None:
        """Operations with the condition the question describes: the nearest sentence and those with the same meaning."""
        if not re.search(CUES["states"], question, re.I):
            return None
        bare = corpus.without_service(question)
        question_words = _content(bare)
        pool = [c for c in self.conditions if not services or self.graph.nodes[c]["service"] in services]
        weight = {word: self.rarity.get(word, 0.0) for word in question_words}
        near = sorted(pool, key=lambda c: -sum(weight[w] for w in question_words & self.conditions[c]))[:20]
        if not near or not any(weight.values()):
            return None
        cosine = self.embed([self.graph.nodes[c]["name"] for c in near]) @ self.embed([bare])[0]
        lexical = [sum(weight[w] for w in question_words & self.conditions[c]) / sum(weight.values()) for c in near]
        values = [float(c) + 0.4 * share for c, share in zip(cosine, lexical, strict=True)]
        anchor = near[values.index(max(values))]
        equivalents = [c for c in pool if self.graph.nodes[c]["service"] == self.graph.nodes[anchor]["service"]
                       and _same(self.conditions[anchor], self.conditions[c], question_words)]
        documents = sorted({d for c in equivalents for d in subjects(self.graph, "states", c)})
        if len(documents) < 2:
            return None
        return Link("states", (anchor,), tuple(self.operations[d]["name"] for d in documents), tuple(documents), max(values))


def _content(text: str) -> frozenset[str]:
    """Content words, with number words as digits and without CamelCase names, so that sentences with one meaning match."""
    plain = " ".join(NUMBERS.get(word.lower(), word) for word in re.sub(r"\b[A-Z][a-z]+[A-Z]\w*", "", text).split())
    return frozenset(content_words(plain))


def _same(anchor: frozenset[str], other: frozenset[str], question_words: frozenset[str]) -> bool:
    """True when two sentences share their numbers, the anchor's words from the question, and half of their words."""
    numbers = {w for w in anchor if w.isdigit()}
    if numbers != {w for w in other if w.isdigit()} or not (anchor & question_words) <= other:
        return False
    return len(anchor & other) >= 0.5 * min(len(anchor), len(other))
