"""Gold answers of the benchmark, computed by small queries over the service models and the rendered documents."""
from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from utils import corpus, settings

from .answer_forms import common_forms


@dataclass(frozen=True)
class GoldAnswer:
    """The result of evaluating a fact: gold value(s), and the ids of all documents that state them."""

    values: tuple[str, ...]
    evidence: tuple[str, ...]


class GoldAnswerContext:
    """The documents and service models against which facts are evaluated."""

    def __init__(self, services: Sequence[str] = settings.COURSE_SERVICES):
        self.services = tuple(sorted(services))
        self.documents = {document.id: document for document in corpus.load(self.services)}
        self.flat = {id_: " ".join(document.text.split()) for id_, document in self.documents.items()}

    @functools.cached_property
    def models(self) -> dict[str, dict]:
        """Service name → botocore's model of it."""
        return {service: corpus.service_model(service) for service in self.services}

    def of(self, service: str) -> list[str]:
        """Ids of the service's documents, sorted."""
        return [id_ for id_ in sorted(self.documents) if id_.startswith(service + ".")]

    def shape(self, document_id: str, side: str) -> dict:
        """The operation's input or output structure; {} when it has none."""
        service, operation = document_id.split(".")
        model = self.models[service]
        return model["shapes"].get(model["operations"][operation].get(side, {}).get("shape"), {})

    def errors(self, document_id: str) -> list[str]:
        """Names of the error shapes the operation lists."""
        service, operation = document_id.split(".")
        return [error["shape"] for error in self.models[service]["operations"][operation].get("errors", [])]


def evaluate(fact: dict, world: GoldAnswerContext) -> GoldAnswer:
    """Gold value(s) and evidence of a fact.

    Raises LookupError naming the part of the fact that the installed botocore no longer supports.
    """
    kind = KINDS.get(fact.get("kind", ""))
    if kind is None:
        raise LookupError(f"unknown kind of fact {fact.get('kind')!r}; known: {', '.join(sorted(KINDS))}")
    for name in ("operation", "a", "b"):
        if name in fact and fact["kind"] != "sharing" and fact[name] not in world.documents:
            raise LookupError(f"the corpus has no document {fact[name]}")
    truth = kind(fact, world)
    return GoldAnswer(truth.values, (*truth.evidence, *_also(fact, truth, world)))


def _also(fact: dict, truth: GoldAnswer, world: GoldAnswerContext) -> list[str]:
    """Documents listed in `also` (found by reading) that state the answer in other words; the value must occur in each."""
    added = [id_ for id_ in fact.get("also", []) if id_ not in truth.evidence]
    forms = [form for value in truth.values for form in [*common_forms(value), *fact.get("also_as", [])]]
    for id_ in added:
        text = world.flat.get(id_, "").lower()
        if not any(re.search(rf"(?<![\w.]){re.escape(form.lower())}(?!\w)", text) for form in forms):
            raise LookupError(f"{id_} does not mention any of {forms}")
    return added


def _pattern(fact: dict, world: GoldAnswerContext) -> GoldAnswer:
    """`pattern` captures the value in the home document; another document counts when it captures the same value there."""
    home = fact["operation"]
    match = re.search(fact["pattern"], world.flat[home])
    if not match:
        raise LookupError(f"{home} no longer says {fact['pattern']!r}")
    same = [id_ for id_ in _candidates(fact, world)
            if match[1] in [m[1] for m in re.finditer(fact["pattern"], world.flat[id_])]]
    return GoldAnswer((match[1],), _first(home, same))


def _constraint(fact: dict, world: GoldAnswerContext) -> GoldAnswer:
    """`min` or `max` of an input member."""
    home, side = fact["operation"], fact["constraint"]
    value = _limit(world, home, fact["member"], side)
    if value is None:
        raise LookupError(f"{home} sets no {side} on {fact['member']}")
    same = [id_ for id_ in _candidates(fact, world) if _limit(world, id_, fact["member"], side) == value]
    return GoldAnswer((f"{value}",), _first(home, same))


def _limit(world: GoldAnswerContext, document_id: str, member: str, side: str) -> int | None:
    shapes = world.models[document_id.split(".")[0]]["shapes"]
    reference = world.shape(document_id, "input").get("members", {}).get(member)
    value = shapes[reference["shape"]].get(side) if reference else None
    return int(value) if value is not None else None


def _required(fact: dict, world: GoldAnswerContext) -> GoldAnswer:
    """`yes` when the home operation requires this input member, else `no`."""
    home = fact["operation"]
    if fact["member"] not in world.shape(home, "input").get("members", {}):
        raise LookupError(f"{home} takes no {fact['member']}")
    return GoldAnswer(("yes" if fact["member"] in world.shape(home, "input").get("required", []) else "no",), (home,))


def _allowed(fact: dict, world: GoldAnswerContext) -> GoldAnswer:
    """The valid values of an input member, in the model's order."""

    def values(id_: str) -> str:
        shapes = world.models[id_.split(".")[0]]["shapes"]
        reference = world.shape(id_, "input").get("members", {}).get(fact["member"])
        return ", ".join(shapes[reference["shape"]].get("enum", [])) if reference else ""

    home = fact["operation"]
    if not values(home):
        raise LookupError(f"{home} lists no valid values of {fact['member']}")
    same = [id_ for id_ in world.of(home.split(".")[0]) if values(id_) == values(home)]
    return GoldAnswer((values(home),), _first(home, same))


def _status(fact: dict, world: GoldAnswerContext) -> GoldAnswer:
    """HTTP status of an error of the home operation."""
    error = _error(fact, world)
    shape = world.models[fact["operation"].split(".")[0]]["shapes"][fact["error"]]
    if "httpStatusCode" not in shape.get("error", {}):
        raise LookupError(f"{fact['error']} has no HTTP status")
    return GoldAnswer((f"{shape['error']['httpStatusCode']}",), error.evidence)


def _error(fact: dict, world: GoldAnswerContext) -> GoldAnswer:
    """An error of the home operation; every operation of the service that lists it is evidence."""
    home, shape = fact["operation"], fact["error"]
    service = home.split(".")[0]
    if shape not in world.errors(home):
        raise LookupError(f"{home} no longer lists the error {shape}")
    code = world.models[service]["shapes"][shape].get("error", {}).get("code")
    values = (shape, code) if code and code != shape else (shape,)
    return GoldAnswer(values, _first(home, [id_ for id_ in world.of(service) if shape in world.errors(id_)]))


def _routing(fact: dict, world: GoldAnswerContext) -> GoldAnswer:
    """The operation itself; its description must still begin with `lead`, so that a rewritten description is noticed."""
    home = fact["operation"]
    if not corpus.lead_sentence(world.documents[home]).startswith(fact["lead"]):
        raise LookupError(f"{home}: the description no longer begins with {fact['lead']!r}")
    return GoldAnswer((home.split(".")[1],), (home,))


def _summary(fact: dict, world: GoldAnswerContext) -> GoldAnswer:
    """No stored value: the reference is the lead sentence, read at run time."""
    _routing(fact, world)
    return GoldAnswer((), (fact["operation"],))


def _absent(fact: dict, world: GoldAnswerContext) -> GoldAnswer:
    """`pattern` occurs nowhere in the service's documents."""
    for id_ in world.of(fact["service"]):
        if match := re.search(fact["pattern"], world.flat[id_], re.I):
            raise LookupError(f"{id_} does mention {match[0]!r}")
    return GoldAnswer((), ())


def _operations_where(test: Callable[[dict, GoldAnswerContext, str], bool]) -> Callable[[dict, GoldAnswerContext], GoldAnswer]:
    def query(fact: dict, world: GoldAnswerContext) -> GoldAnswer:
        ids = [id_ for id_ in world.of(fact["service"]) if test(fact, world, id_)]
        if not ids:
            raise LookupError(f"no operation of {fact['service']} fits {fact}")
        return GoldAnswer(tuple(id_.split(".")[1] for id_ in ids), tuple(ids))

    return query


def _not_in(fact: dict, world: GoldAnswerContext) -> GoldAnswer:
    """Errors or input members of operation `a` that `b` does not have."""

    def names(id_: str) -> list[str]:
        return world.errors(id_) if fact["kind"] == "errors_a_not_b" else list(world.shape(id_, "input").get("members", {}))

    values = sorted(set(names(fact["a"])) - set(names(fact["b"])))
    if not values:
        raise LookupError(f"{fact['a']} has nothing that {fact['b']} lacks")
    return GoldAnswer(tuple(values), (fact["a"], fact["b"]))


def _sharing(fact: dict, world: GoldAnswerContext) -> GoldAnswer:
    """Services that have an operation with this name."""
    ids = [id_ for service in world.services if (id_ := f"{service}.{fact['operation']}") in world.documents]
    if len(ids) < 2:
        raise LookupError(f"fewer than two services have {fact['operation']}")
    return GoldAnswer(tuple(id_.split(".")[0] for id_ in ids), tuple(ids))


def _names(member: str, shape: dict, part: str) -> bool:
    """True when `member` is among the structure's `members` or `required`, ignoring case."""
    return member.lower() in [name.lower() for name in shape.get(part, [])]


def _candidates(fact: dict, world: GoldAnswerContext) -> list[str]:
    """All documents of the service, or the home document alone when the fact is marked `only`."""
    return [fact["operation"]] if fact.get("only") else world.of(fact["operation"].split(".")[0])


def _first(home: str, ids: Sequence[str]) -> tuple[str, ...]:
    return (home, *[id_ for id_ in ids if id_ != home])


KINDS: dict[str, Callable[[dict, GoldAnswerContext], GoldAnswer]] = {
    "pattern": _pattern,
    "constraint": _constraint,
    "required": _required,
    "allowed": _allowed,
    "status": _status,
    "error": _error,
    "routing": _routing,
    "summary": _summary,
    "absent": _absent,
    "raises": _operations_where(lambda fact, world, id_: fact["error"] in world.errors(id_)),
    "takes": _operations_where(lambda fact, world, id_: _names(fact["member"], world.shape(id_, "input"), "members")),
    "requires": _operations_where(lambda fact, world, id_: _names(fact["member"], world.shape(id_, "input"), "required")),
    "returns": _operations_where(lambda fact, world, id_: _names(fact["member"], world.shape(id_, "output"), "members")),
    "states": _operations_where(lambda fact, world, id_: fact["pattern"] in world.flat[id_]),
    "errors_a_not_b": _not_in,
    "members_a_not_b": _not_in,
    "sharing": _sharing,
}
