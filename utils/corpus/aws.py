"""The course's corpus: AWS operations, rendered from the service models that ship with `botocore`."""
from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from .. import settings
from ..text import sentences
from ..types import Document, Section

RENDERING = 2  # part of the cache key: increase it whenever the rendering changes
NESTING = 1  # how many levels of nested structures a section spells out
BLOCKS = ["p", "li", "ul", "ol", "dl", "dt", "dd", "note", "important", "div", "br", "h1", "h2", "h3", "h4", "tr", "pre"]
SERVICE_PATTERNS = {
    "dynamodb": r"dynamo ?db|partiql",
    "kinesis": r"kinesis",
    "kms": r"\bkms\b|key management service",
    "lambda": r"\blambda\b",
    "secretsmanager": r"secrets ?manager",
    "sns": r"\bsns\b",
    "sqs": r"\bsqs\b",
    "stepfunctions": r"step ?functions?",
}
MEMBER_LINE = re.compile(
    r"^([A-Za-z][\w-]*) \((?:string|structure|list|map|integer|long|boolean|blob|timestamp|double|float)\)\.( Required\.)?"
)
ERROR_LINE = re.compile(r"^Error (\w+)\.(.*)$")


def html_to_text(html: str) -> str:
    """Plain text of a service model's HTML documentation, one line per block."""
    from bs4 import BeautifulSoup

    if "<" not in html and "&" not in html:
        return " ".join(html.split())
    soup = BeautifulSoup(html, "html.parser")
    for tag in soup.find_all(BLOCKS):
        tag.insert_before("\n- " if tag.name == "li" else "\n")
        tag.insert_after("\n")
    lines = [" ".join(line.split()) for line in soup.get_text().split("\n")]
    return re.sub(r"^-\n+", "- ", "\n".join(line for line in lines if line), flags=re.M)


def service_names(data_dir: Path | None = None) -> list[str]:
    """Every service the installed botocore knows (439 in 1.44.5)."""
    return _loader(data_dir).list_available_services("service-2")


def service_model(service: str, data_dir: Path | None = None) -> dict:
    """The service's botocore model: `operations`, `shapes`, `metadata`. Raises ValueError for an unknown service."""
    from botocore.exceptions import UnknownServiceError

    try:
        return _loader(data_dir).load_service_model(service, "service-2")
    except UnknownServiceError:
        near = [name for name in service_names(data_dir) if service.lower() in name or name in service.lower()]
        hint = f"did you mean {', '.join(near[:5])}?" if near else "`corpus.service_names()` lists all services"
        raise ValueError(f"botocore has no service {service!r}: {hint}") from None


def load(services: Iterable[str] = settings.COURSE_SERVICES, data_dir: Path | None = None) -> list[Document]:
    """Documents of these services, one per operation that is not deprecated, sorted by id; cached.

    data_dir: the unpacked data folder of another botocore. Raises ValueError for unknown services.
    """
    import botocore

    names = sorted(set(services))
    key = hashlib.sha256(json.dumps([str(data_dir or botocore.__version__), RENDERING, NESTING, names]).encode()).hexdigest()[:16]
    path = settings.cache() / "corpus" / f"{key}.json"
    if path.exists():
        try:
            rows = json.loads(path.read_text("utf-8"))
            return [Document(row["id"], row["title"], row["group"], tuple(Section(**s) for s in row["sections"])) for row in rows]
        except (ValueError, KeyError, TypeError):
            path.unlink()  # half-written by an interrupted run: render again
    documents = []
    for service in names:
        model = service_model(service, data_dir)
        current = [(name, op) for name, op in sorted(model["operations"].items()) if not op.get("deprecated")]
        documents += [render_operation(service, name, operation, model["shapes"]) for name, operation in current]
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.part")  # another process may render at the same time
    partial.write_text(json.dumps([asdict(d) for d in documents]), "utf-8")
    partial.replace(path)
    return documents


def render_operation(service: str, name: str, operation: dict, shapes: dict) -> Document:
    """The document of one operation of a service model."""
    lead = html_to_text(operation.get("documentation", "")) or "No description is given."
    sections = [Section("overview", f"{service} {name}\n{lead}")]
    source = shapes.get(operation.get("input", {}).get("shape"), {})
    for member, reference in source.get("members", {}).items():
        text = _member(member, reference, shapes, member in source.get("required", []), 0, ())
        sections.append(Section(f"parameter {member}", text))
    for reference in operation.get("errors", []):
        sections.append(Section(f"error {reference['shape']}", _error(reference["shape"], shapes)))
    target = shapes.get(operation.get("output", {}).get("shape"), {})
    members = [_member(m, r, shapes, False, 0, ()) for m, r in target.get("members", {}).items()]
    sections.append(Section("output", "\n".join(["Returns:", *members]) if members else "Returns nothing."))
    return Document(f"{service}.{name}", f"{service} {name}", service, tuple(sections))


def _error(shape: str, shapes: dict) -> str:
    error = shapes[shape].get("error", {})
    code = error.get("code")
    facts = [f"Error {shape}."]
    facts += [f"Error code on the wire: {code}."] if code and code != shape else []
    facts += [f"HTTP status: {error['httpStatusCode']}."] if "httpStatusCode" in error else []
    return " ".join([*facts, html_to_text(shapes[shape].get("documentation", ""))]).strip()


def _member(name: str, reference: dict, shapes: dict, required: bool, level: int, above: tuple[str, ...]) -> str:
    shape = shapes[reference["shape"]]
    text = html_to_text(reference.get("documentation") or shape.get("documentation", ""))
    facts = [f"{name} ({shape['type']}).", *(["Required."] if required else []), *constraints(shape, shapes)]
    lines = [" ".join(facts), *([text] if text else [])]
    inner = shape
    while inner["type"] in ("list", "map"):
        above = (*above, reference["shape"])
        reference = inner["member"] if inner["type"] == "list" else inner["value"]
        inner = shapes[reference["shape"]]
    if inner["type"] == "structure" and reference["shape"] not in above and level < NESTING:
        for child, child_reference in inner.get("members", {}).items():
            needed = child in inner.get("required", [])
            nested = (*above, reference["shape"])
            lines.append(_member(f"{name}.{child}", child_reference, shapes, needed, level + 1, nested))
    return "\n".join(lines)


def constraints(shape: dict, shapes: dict) -> list[str]:
    """The shape's machine-readable limits as sentences ("Maximum length: 128.", "Valid values: A, B.")."""
    units = {"string": "length", "list": "number of items", "map": "number of items", "blob": "length"}
    unit, limits = units.get(shape["type"], "value"), (("Minimum", "min"), ("Maximum", "max"))
    facts = [f"{limit} {unit}: {shape[key]}." for limit, key in limits if shape.get(key) is not None]
    facts += [f"Valid values: {', '.join(shape['enum'])}."] if shape.get("enum") else []
    if shape["type"] == "list":
        facts += [f"Each item: {c}" for c in constraints(shapes[shape["member"]["shape"]], shapes)]
    return facts


def _loader(data_dir: Path | None):
    from botocore.loaders import Loader

    return Loader(extra_search_paths=[str(data_dir)], include_default_search_paths=False) if data_dir else Loader()


def services_named(question: str) -> list[str]:
    """Services the question names explicitly, matched by `SERVICE_PATTERNS`.

    >>> services_named("how long does a Lambda function run when SQS calls it?")
    ['lambda', 'sqs']
    """
    return [service for service, pattern in SERVICE_PATTERNS.items() if re.search(pattern, question, re.I)]


def without_service(question: str, service: str = "") -> str:
    """The question without the names of services, or without that of one service."""
    for pattern in [SERVICE_PATTERNS[service]] if service else SERVICE_PATTERNS.values():
        question = re.sub(pattern, "", question, flags=re.I)
    return question


def true_triples(documents: Sequence[Document]) -> set[tuple[str, str, str]]:
    """The triples of `SCORED_RELATIONS` according to botocore's service models; `mentions` come from links in the markup."""
    triples = set()
    models = {service: service_model(service) for service in {d.group for d in documents}}
    for document in documents:
        service, name, model = document.group, document.name, models[document.group]
        operation, shapes = model["operations"][name], model["shapes"]
        triples.add((service, "has", document.id))
        triples |= {(document.id, "raises", f"{service}:error:{error['shape']}") for error in operation.get("errors", [])}
        source = shapes.get(operation.get("input", {}).get("shape"), {})
        target = shapes.get(operation.get("output", {}).get("shape"), {})
        triples |= {(document.id, "takes", f"{service}:parameter:{m.lower()}") for m in source.get("members", {})}
        triples |= {(document.id, "requires", f"{service}:parameter:{m.lower()}") for m in source.get("required", [])}
        triples |= {(document.id, "returns", f"{service}:output:{m.lower()}") for m in target.get("members", {})}
        links = re.findall(r"<(?:a|code)\b[^>]*>\s*(\w+)\s*</(?:a|code)>", operation.get("documentation", ""))
        ids = {d.id for d in documents if d.group == service}
        triples |= {(document.id, "mentions", f"{service}.{m}") for m in links if m != name and f"{service}.{m}" in ids}
    return triples


def fact_section(fact: dict) -> str:
    """Name of the section that states a benchmark fact: that of its error or parameter, else the overview."""
    if "error" in fact:
        return f"error {fact['error']}"
    return f"parameter {fact['member']}" if "member" in fact else "overview"


def error_meanings(documents: Iterable[Document]) -> dict[tuple[str, str, str], list[str]]:
    """(service, error, its explanation in 5 to 25 words that do not name it) → ids of the documents with that sentence."""
    meanings: dict[tuple[str, str, str], list[str]] = {}
    for document in documents:
        for section in document.sections:
            kind, _, name = section.name.partition(" ")
            statements = [s for s in sentences(section.text) if not re.match(r"Error |HTTP status", s)]
            if kind == "error" and statements and 5 <= len(statements[0].split()) <= 25 and name not in statements[0]:
                meanings.setdefault((document.group, name, statements[0]), []).append(document.id)
    return meanings
