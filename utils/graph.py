"""A knowledge graph read out of document *text*: triples, their score against the service models, and traversal.

Questions are linked to the graph in `linking`; this module knows nothing about questions.
"""
from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from . import chunking, corpus
from .corpus import Document

RELATIONS = ("has", "raises", "takes", "requires", "returns", "states", "mentions", "means")
SCORED = ("has", "raises", "takes", "requires", "returns", "mentions")  # those whose truth a service model holds
MEMBER = re.compile(
    r"^([A-Za-z][\w-]*) \((?:string|structure|list|map|integer|long|boolean|blob|timestamp|double|float)\)\.( Required\.)?"
)
ERROR = re.compile(r"^Error (\w+)\.(.*)$")


@dataclass(frozen=True)
class Triple:
    """subject → relation → object, with the document whose text says so."""

    subject: str
    relation: str
    object: str
    document_id: str


def extract(documents: Iterable[Document]) -> list[Triple]:
    """Triples of every relation, read line by line from the documents' text.

    Nodes are `service`, `service.Operation`, `service:error:X`, `service:parameter:x`, `service:output:x` (names of
    members in lower case, since spellings vary) and `service:condition:sentence`.
    """
    documents = list(documents)
    names: dict[str, set[str]] = {}
    for document in documents:
        names.setdefault(document.service, set()).add(document.id.rpartition(".")[2])
    return [triple for document in documents for triple in _read(document, names[document.service])]


def _read(document: Document, operations: set[str]) -> list[Triple]:
    """One pass over the lines: title, description, inputs, errors, and after "Returns:" the outputs."""
    service, subject, found = document.service, document.id, []

    def say(relation: str, what: str, who: str = subject) -> None:
        found.append(Triple(who, relation, what, subject))

    lines = document.text.split("\n")
    if lines[0].split() == subject.split("."):
        say("has", subject, service)
    returning, error, described, owner = False, "", True, ""
    for line in lines[1:]:
        member, raised = MEMBER.match(line), ERROR.match(line)
        if owner and line.strip() and not member and not raised:
            say("means", chunking.sentences(line)[0], owner)
        owner = ""
        if line == "Returns:":
            returning, error = True, ""
        elif raised:
            error, described = f"{service}:error:{raised[1]}", False
            say("raises", error)
            say("means", " ".join(chunking.sentences(raised[2])[:2]), error)
        elif member:
            described, owner = False, f"{service}:{'output' if returning else 'parameter'}:{member[1].lower()}"
            say("returns" if returning else "takes", owner)
            say("means", member[1], owner)
            if member[2] and not returning:
                say("requires", owner)
        elif described:
            for name in sorted(operations & set(re.findall(r"[A-Z]\w+", line)) - {subject.rpartition(".")[2]}):
                say("mentions", f"{service}.{name}")
        if line.strip() and not error and not raised:
            for sentence in chunking.sentences(line):
                say("states", f"{service}:condition:{sentence}")
    return list(dict.fromkeys(found))


def truth(documents: Sequence[Document]) -> set[tuple[str, str, str]]:
    """The triples of `SCORED` relations as botocore's service models have them; `mentions` from the markup's links."""
    found = set()
    models = {service: corpus.service_model(service) for service in {d.service for d in documents}}
    for document in documents:
        service, name = document.id.split(".")
        model = models[service]
        operation, shapes = model["operations"][name], model["shapes"]
        found.add((service, "has", document.id))
        found |= {(document.id, "raises", f"{service}:error:{error['shape']}") for error in operation.get("errors", [])}
        source = shapes.get(operation.get("input", {}).get("shape"), {})
        target = shapes.get(operation.get("output", {}).get("shape"), {})
        found |= {(document.id, "takes", f"{service}:parameter:{m.lower()}") for m in source.get("members", {})}
        found |= {(document.id, "requires", f"{service}:parameter:{m.lower()}") for m in source.get("required", [])}
        found |= {(document.id, "returns", f"{service}:output:{m.lower()}") for m in target.get("members", {})}
        marked = re.findall(r"<(?:a|code)\b[^>]*>\s*(\w+)\s*</(?:a|code)>", operation.get("documentation", ""))
        known = {d.id for d in documents if d.service == service}
        found |= {(document.id, "mentions", f"{service}.{m}") for m in marked if m != name and f"{service}.{m}" in known}
    return found


@dataclass(frozen=True)
class Extraction:
    """Precision and recall of one relation: `right` of `found` triples are true, `wanted` are true in all."""

    relation: str
    found: int
    wanted: int
    right: int

    @property
    def precision(self) -> float:
        """Share of the extracted triples that the service models confirm."""
        return self.right / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        """Share of the service models' triples that were extracted."""
        return self.right / self.wanted if self.wanted else 0.0


def score(triples: Iterable[Triple], wanted: set[tuple[str, str, str]]) -> list[Extraction]:
    """Precision and recall for each relation of `SCORED`."""
    told = {(t.subject, t.relation, t.object) for t in triples}
    rows = []
    for relation in SCORED:
        mine, theirs = ({t for t in side if t[1] == relation} for side in (told, wanted))
        rows.append(Extraction(relation, len(mine), len(theirs), len(mine & theirs)))
    return rows


def build(triples: Iterable[Triple]):
    """A networkx.MultiDiGraph with the relation as edge key; every node carries `kind`, `service` and `name`."""
    import networkx

    graph = networkx.MultiDiGraph()
    for triple in triples:
        if triple.relation == "means":
            told = graph.nodes[triple.subject].setdefault("means", []) if triple.subject in graph else [triple.object]
            graph.add_node(triple.subject, **_described(triple.subject), means=told)
            if triple.object not in told:
                told.append(triple.object)
            continue
        for node in (triple.subject, triple.object):
            if node not in graph or "kind" not in graph.nodes[node]:
                graph.add_node(node, **_described(node))
        graph.add_edge(triple.subject, triple.object, key=triple.relation)
    return graph


def _described(node: str) -> dict[str, str]:
    if ":" in node:
        service, kind, name = node.split(":", 2)
        return {"kind": kind, "service": service, "name": name}
    service, _, name = node.partition(".")
    return {"kind": "operation" if name else "service", "service": service, "name": name or service}


def subjects(graph, relation: str, node: str) -> list[str]:
    """Who has this relation to the node, sorted: `subjects(g, "raises", error)` are the operations that raise it."""
    return sorted(u for u, _, key in graph.in_edges(node, keys=True) if key == relation) if node in graph else []


def objects(graph, node: str, relation: str) -> list[str]:
    """What the node has this relation to, in document order."""
    return [v for _, v, key in graph.out_edges(node, keys=True) if key == relation] if node in graph else []


def lacking(graph, a: str, b: str, relation: str) -> list[str]:
    """Objects of `relation` that operation a has and b lacks, sorted."""
    return sorted(set(objects(graph, a, relation)) - set(objects(graph, b, relation)))


def sharing(graph, operation: str) -> list[str]:
    """Services that have an operation of this name, sorted."""
    found = [n for n, d in graph.nodes(data=True) if d["kind"] == "operation" and d["name"].lower() == operation.lower()]
    return sorted({graph.nodes[node]["service"] for node in found})
