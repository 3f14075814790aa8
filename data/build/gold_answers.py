"""The truth behind the benchmark: small queries over the service models and the rendered documents."""
from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from utils import corpus, settings

from .answer_forms import common_forms


@dataclass(frozen=True)
class GoldAnswer:
    """What a fact evaluates to: the gold value(s) and the ids of every document that states it."""

    values: tuple[str, ...]
    evidence: tuple[str, ...]


class GoldAnswerContext:
    """The documents and service models that facts are evaluated against."""

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

    Raises LookupError saying which part of the fact no longer holds in the installed botocore.
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
    """Documents that state the answer in other words (`also`, found by reading); the value has to occur there."""
    added = [id_ for id_ in fact.get("also", []) if id_ not in truth.evidence]
    forms = [form for value in truth.values for form in [*common_forms(value), *fact.get("also_as", [])]]
    for id_ in added:
        text = world.flat.get(id_, "").lower()
        if not any(re.search(rf"(?<![\w.]){re.escape(form.lower())}(?!\w)", text) for form in forms):
            raise LookupError(f"{id_} does not mention any of {forms}")
    return added


def _pattern(fact: dict, world: GoldAnswerContext) -> GoldAnswer:
    """`pattern` captures the value in the home document; others count when they say the same in the same words."""
    home = fact["operation"]
    found = re.search(fact["pattern"], world.flat[home])
    if not found:
        raise LookupError(f"{home} no longer says {fact['pattern']!r}")
    candidates = _candidates(fact, world)
    says_it = [
        id_ for id_ in candidates if found[1] in [m[1] for m in re.finditer(fact["pattern"], world.flat[id_])]
    ]
    return GoldAnswer((found[1],), _first(home, says_it))


def _constraint(fact: dict, world: GoldAnswerContext) -> GoldAnswer:
    """`min` or `max` of an input member, or of a member one level inside it."""
    home, side = fact["operation"], fact["constraint"]
    value = _limit(world, home, fact["member"], side)
    if value is None:
        raise LookupError(f"{home} sets no {side} on {fact['member']}")
    candidates = _candidates(fact, world)
    same = [id_ for id_ in candidates if _limit(world, id_, fact["member"], side) == value]
    return GoldAnswer((f"{value}",), _first(home, same))


def _limit(world: GoldAnswerContext, document_id: str, member: str, side: str) -> int | None:
    shapes = world.models[document_id.split(".")[0]]["shapes"]
    reference = world.shape(document_id, "input").get("members", {}).get(member)
    value = shapes[reference["shape"]].get(side) if reference else None
    return int(value) if value is not None else None


def _required(fact: dict, world: GoldAnswerContext) -> GoldAnswer:
    """`yes` or `no`: must the home operation be given this input member?"""
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
    """HTTP status that goes with an error of the home operation."""
    listed = _error(fact, world)
    shape = world.models[fact["operation"].split(".")[0]]["shapes"][fact["error"]]
    if "httpStatusCode" not in shape.get("error", {}):
        raise LookupError(f"{fact['error']} carries no HTTP status")
    return GoldAnswer((f"{shape['error']['httpStatusCode']}",), listed.evidence)


def _error(fact: dict, world: GoldAnswerContext) -> GoldAnswer:
    """An error of the home operation; every operation of the service that lists it states it too."""
    home, shape = fact["operation"], fact["error"]
    service = home.split(".")[0]
    if shape not in world.errors(home):
        raise LookupError(f"{home} no longer lists the error {shape}")
    code = world.models[service]["shapes"][shape].get("error", {}).get("code")
    values = (shape, code) if code and code != shape else (shape,)
    return GoldAnswer(values, _first(home, [id_ for id_ in world.of(service) if shape in world.errors(id_)]))


def _routing(fact: dict, world: GoldAnswerContext) -> GoldAnswer:
    """The operation itself; `lead` is how its description begins, so that a rewritten description is noticed."""
    home = fact["operation"]
    if not corpus.lead_sentence(world.documents[home]).startswith(fact["lead"]):
        raise LookupError(f"{home}: the description no longer begins with {fact['lead']!r}")
    return GoldAnswer((home.split(".")[1],), (home,))


def _summary(fact: dict, world: GoldAnswerContext) -> GoldAnswer:
    """The lead sentence is the reference; it is read at run time, so there is no value to store."""
    _routing(fact, world)
    return GoldAnswer((), (fact["operation"],))


def _absent(fact: dict, world: GoldAnswerContext) -> GoldAnswer:
    """`pattern` occurs nowhere in the service's documents."""
    for id_ in world.of(fact["service"]):
        if found := re.search(fact["pattern"], world.flat[id_], re.I):
            raise LookupError(f"{id_} does mention {found[0]!r}")
    return GoldAnswer((), ())


def _operations_where(test: Callable[[dict, GoldAnswerContext, str], bool]) -> Callable[[dict, GoldAnswerContext], GoldAnswer]:
    def query(fact: dict, world: GoldAnswerContext) -> GoldAnswer:
        found = [id_ for id_ in world.of(fact["service"]) if test(fact, world, id_)]
        if not found:
            raise LookupError(f"no operation of {fact['service']} fits {fact}")
        return GoldAnswer(tuple(id_.split(".")[1] for id_ in found), tuple(found))

    return query


def _not_in(fact: dict, world: GoldAnswerContext) -> GoldAnswer:
    """Errors, or input members, of operation `a` that `b` lacks."""

    def names(id_: str) -> list[str]:
        if fact["kind"] == "errors_a_not_b":
            return world.errors(id_)
        return list(world.shape(id_, "input").get("members", {}))

    values = sorted(set(names(fact["a"])) - set(names(fact["b"])))
    if not values:
        raise LookupError(f"{fact['a']} has nothing that {fact['b']} lacks")
    return GoldAnswer(tuple(values), (fact["a"], fact["b"]))


def _sharing(fact: dict, world: GoldAnswerContext) -> GoldAnswer:
    """Services that have an operation of this name."""
    found = [f"{service}.{fact['operation']}" for service in world.services]
    found = [id_ for id_ in found if id_ in world.documents]
    if len(found) < 2:
        raise LookupError(f"fewer than two services have {fact['operation']}")
    return GoldAnswer(tuple(id_.split(".")[0] for id_ in found), tuple(found))


def _names(member: str, shape: dict, part: str) -> bool:
    """True when `member` is among the structure's `members` or `required`; `phoneNumber` counts as `PhoneNumber`."""
    return member.lower() in [name.lower() for name in shape.get(part, [])]


def _candidates(fact: dict, world: GoldAnswerContext) -> list[str]:
    """`only` marks words or members that mean something else in the service's other documents."""
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
    "requires": _operations_where(
        lambda fact, world, id_: _names(fact["member"], world.shape(id_, "input"), "required")
    ),
    "returns": _operations_where(
        lambda fact, world, id_: _names(fact["member"], world.shape(id_, "output"), "members")
    ),
    "states": _operations_where(lambda fact, world, id_: fact["pattern"] in world.flat[id_]),
    "errors_a_not_b": _not_in,
    "members_a_not_b": _not_in,
    "sharing": _sharing,
}
