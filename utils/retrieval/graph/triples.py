"""A knowledge graph extracted from document text: triples, the graph, and its traversal."""
from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ... import corpus
from ...text import sentences
from ...types import Document

SCORED_RELATIONS = ("has", "raises", "takes", "requires", "returns", "mentions")  # relations that a service model can verify

MEMBER = re.compile(r"(.*?):(error|parameter|output|condition):(.*)", re.DOTALL)


@dataclass(frozen=True)
class Triple:
    """subject → relation → object, with the document whose text states it."""

    subject: str
    relation: str
    object: str
    document_id: str


def extract_triples(documents: Iterable[Document]) -> list[Triple]:
    """Triples of every relation, read line by line from the documents' text.

    Nodes: `service`, `service.Operation`, `service:KIND:name`; KIND: error, parameter or output (lower case), condition.
    """
    documents = list(documents)
    names: dict[str, dict[str, str]] = {}
    for document in documents:
        names.setdefault(document.group, {})[document.name] = document.id
    return [triple for document in documents for triple in _read(document, names[document.group])]


def _read(document: Document, operations: dict[str, str]) -> list[Triple]:
    """One pass over the lines: title, description, inputs, errors, and outputs after "Returns:"."""
    service, subject, triples = document.group, document.id, []

    def add(relation: str, target: str, source: str = subject) -> None:
        triples.append(Triple(source, relation, target, subject))

    lines = document.text.split("\n")
    if lines[0].split() == [service, document.name]:
        add("has", subject, service)
    returning, error, described, owner = False, "", True, ""
    for line in lines[1:]:
        member, error_line = corpus.MEMBER_LINE.match(line), corpus.ERROR_LINE.match(line)
        if owner and line.strip() and not member and not error_line:
            add("means", sentences(line)[0], owner)
        owner = ""
        if line == "Returns:":
            returning, error = True, ""
        elif error_line:
            error, described = f"{service}:error:{error_line[1]}", False
            add("raises", error)
            add("means", " ".join(sentences(error_line[2])[:2]), error)
        elif member:
            described, owner = False, f"{service}:{'output' if returning else 'parameter'}:{member[1].lower()}"
            add("returns" if returning else "takes", owner)
            add("means", member[1], owner)
            if member[2] and not returning:
                add("requires", owner)
        elif described:
            for name in sorted(operations.keys() & set(re.findall(r"[A-Z]\w+", line)) - {document.name}):
                add("mentions", operations[name])
        if line.strip() and not error and not error_line:
            for sentence in sentences(line):
                add("states", f"{service}:condition:{sentence}")
    return list(dict.fromkeys(triples))


def build_graph(triples: Iterable[Triple], documents: Iterable[Document] = ()):
    """A networkx.MultiDiGraph, edge keys the relations; nodes have kind, service, name (of a file in `documents`, its id)."""
    import networkx

    graph, triples = networkx.MultiDiGraph(), list(triples)
    names = {triple.document_id: triple.document_id.partition(".")[::2] for triple in triples}
    names |= {d.id: (d.group, d.name if d.id == f"{d.group}.{d.name}" else d.id) for d in documents}
    for triple in triples:
        if triple.relation == "means":
            meanings = graph.nodes[triple.subject].setdefault("means", []) if triple.subject in graph else []
            graph.add_node(triple.subject, **_described(triple.subject, names), means=meanings)
            if triple.object not in meanings:
                meanings.append(triple.object)
            continue
        for node in (triple.subject, triple.object):
            if node not in graph or "kind" not in graph.nodes[node]:
                graph.add_node(node, **_described(node, names))
        graph.add_edge(triple.subject, triple.object, key=triple.relation)
    return graph


def _described(node: str, names: dict[str, tuple[str, str]]) -> dict[str, str]:
    if node in names:  # before anything else, since the name of a file may hold colons and full stops
        return {"kind": "operation", "service": names[node][0], "name": names[node][1]}
    if member := MEMBER.fullmatch(node):
        return {"kind": member[2], "service": member[1], "name": member[3]}
    service, _, name = node.partition(".")
    return {"kind": "operation" if name else "service", "service": service, "name": name or service}


def subjects(graph, relation: str, node: str) -> list[str]:
    """Nodes that have this relation to `node`, sorted: `subjects(g, "raises", error)` are the operations that raise it."""
    return sorted(u for u, _, key in graph.in_edges(node, keys=True) if key == relation) if node in graph else []


def objects(graph, node: str, relation: str) -> list[str]:
    """Nodes that `node` has this relation to, in document order."""
    return [v for _, v, key in graph.out_edges(node, keys=True) if key == relation] if node in graph else []


def lacking(graph, a: str, b: str, relation: str) -> list[str]:
    """Objects of `relation` that operation a has and b lacks, sorted."""
    return sorted(set(objects(graph, a, relation)) - set(objects(graph, b, relation)))


def sharing(graph, operation: str) -> list[str]:
    """Services that have an operation of this name, sorted."""
    operations = [d for _, d in graph.nodes(data=True) if d["kind"] == "operation"]
    return sorted({d["service"] for d in operations if d["name"].lower() == operation.lower()})
