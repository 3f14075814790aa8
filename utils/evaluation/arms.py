"""Arms of the benchmark: a model and the context it reads, each a row of `MODELS` or `CONTEXTS`."""
from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from .. import models

DEFAULT_ARMS = "base,naive_rag"


@dataclass(frozen=True)
class ModelSpec:
    """One model. recipe: "" for an untrained one. shipped: it is in `data/checkpoints`. `own_` models are trained by `decide`."""

    name: str
    recipe: str = ""
    feedback_rounds: int | None = 0  # None: not recorded
    facts_in_weights: bool = False  # trained on the answers themselves, so it must be retrained when they change
    shipped: bool = False
    colour: str = ""
    api: bool = False  # you pay per token


@dataclass(frozen=True)
class ContextSpec:
    """What a model reads. `is_bound`: it is selected with the evidence known, so you cannot deploy it."""

    name: str
    retrieves: bool = True
    is_bound: bool = False
    uses_graph: bool = False
    colour: str = ""


CLOSED_BOOK = ContextSpec("", retrieves=False)
CONTEXTS = {spec.name: spec for spec in (
    ContextSpec("naive_rag", colour="#56B4E9"),
    ContextSpec("advanced_rag", colour="#0072B2"),
    ContextSpec("graph", uses_graph=True, colour="#009E73"),
    ContextSpec("oracle", is_bound=True, colour="#000000"),
    ContextSpec("distractor", is_bound=True, colour="#BBBBBB"),
)}
MODELS = {spec.name: spec for spec in (
    ModelSpec("base", shipped=True, colour="#999999"),
    ModelSpec("closed_book", "closed_book", facts_in_weights=True, shipped=True, colour="#E69F00"),
    ModelSpec("format_only", "format_only"),
    ModelSpec("raft", "raft", shipped=True, colour="#D55E00"),
    ModelSpec("raft_dpo_unbalanced", "dpo", 1),
    ModelSpec("raft_dpo_author", "dpo", 1, colour="#882255"),
    ModelSpec("raft_dpo_ai", "dpo", 1),
    ModelSpec("raft_dpo_mixed", "dpo", 1),
    ModelSpec("raft_kto", "kto", 1),
    ModelSpec("raft_feedback", "dpo", 2, colour="#CC79A7"),
    ModelSpec("span_reader", "span", shipped=True, colour="#661100"),
    ModelSpec("few_shot", colour="#F0E442"),
    ModelSpec("endpoint", colour="#000000", api=True),
    ModelSpec("own_closed_book", "closed_book", facts_in_weights=True, colour="#E69F00"),
    ModelSpec("own_raft", "raft", colour="#D55E00"),
)}
BASELINES = {spec.name: spec for spec in (
    ModelSpec("question_only", colour="#DDDDDD"),
    ModelSpec("nearest_question", colour="#CCCCCC"),
)}
PAIR_COLOURS = {("raft", "graph"): "#332288"}  # pairs of model and context with their own colour
NEUTRAL = "#56B4E9"


@dataclass(frozen=True)
class Arm:
    """A model, its training seed and its context. `name` is the arm as you typed it."""

    model: ModelSpec
    seed: int = 0
    context: ContextSpec = CLOSED_BOOK
    name: str = ""

    def __post_init__(self):
        if not self.name:
            parts = [self.adapter] * (self.model.name != "base" or not self.context.name) + [self.context.name]
            object.__setattr__(self, "name", "+".join(part for part in parts if part))

    @property
    def adapter(self) -> str:
        """The adapter's name: model and seed; `base` for the untrained model."""
        return f"{self.model.name}@{self.seed}" if self.seed else self.model.name

    @property
    def is_baseline(self) -> bool:
        """True for baselines that use neither documents nor a language model."""
        return self.model.name in BASELINES

    @property
    def is_trained(self) -> bool:
        """True if an adapter is merged into the base model."""
        return bool(self.model.recipe)

    @property
    def is_option(self) -> bool:
        """True for an arm you could deploy: not a bound, baseline, control or further training seed."""
        return not (self.context.is_bound or self.is_baseline or self.model.recipe == "format_only" or self.seed)

    @property
    def colour(self) -> str:
        """The colour in every figure: a trained model's own; for the base model, its context's."""
        pair = PAIR_COLOURS.get((self.model.name, self.context.name))
        own = self.context.colour if self.model.name == "base" and self.context.name else self.model.colour
        return pair or own or NEUTRAL

    def with_seed(self, seed: int) -> Arm:
        """The same model and context, trained with another seed."""
        return replace(self, seed=seed, name="")


def parse_arm(name: str) -> Arm:
    """Parse `MODEL[@SEED][+CONTEXT]`, a context, a baseline or `adapter:FOLDER[+CONTEXT]`. Raises ValueError for other names."""
    if name in BASELINES:
        return Arm(BASELINES[name], name=name)
    model, _, context = name.rpartition("+")
    if context not in CONTEXTS:
        model, context = name, ""
    elif not model:
        model = "base"
    known, _, seed = model.partition("@")
    spec = _adapter_spec(model) if model.startswith("adapter:") else MODELS.get(known)
    seeded = bool(re.fullmatch(r"\d+", seed)) and bool(spec and spec.recipe)
    if spec is None or (seed and not seeded and not model.startswith("adapter:")):
        listed = [*MODELS, *CONTEXTS, "MODEL+CONTEXT", "MODEL@SEED+CONTEXT", "adapter:FOLDER", *BASELINES]
        raise ValueError(f"unknown arm {name!r}; known are {', '.join(listed)}")
    return Arm(spec, int(seed) if seeded else 0, CONTEXTS.get(context, CLOSED_BOOK), name)


def parse_arms(names: str) -> list[Arm]:
    """The distinct arms of a comma-separated list. Raises ValueError for an unknown arm or an empty list."""
    arms = [parse_arm(name) for name in dict.fromkeys(part.strip() for part in names.split(",") if part.strip())]
    if not arms:
        raise ValueError("no arm is named; give at least one, for example --arms base,naive_rag")
    return arms


def arm_colours(names: Iterable[str]) -> dict[str, str]:
    """Name of each arm → its colour in every figure."""
    return {name: parse_arm(name).colour for name in names}


def _adapter_spec(model: str) -> ModelSpec:
    """The spec of an adapter folder, from its provenance; without one, its rounds of feedback are None."""
    try:
        provenance = models.adapter_provenance(model)
    except ValueError:  # the folder is not on this machine
        provenance = {}
    recipe = provenance.get("settings", {}).get("recipe", "")
    return ModelSpec(model, recipe or "not recorded", _feedback_rounds(model, provenance), recipe == "closed_book")


def _feedback_rounds(model: str, provenance: dict) -> int | None:
    """Rounds of feedback of an adapter and its ancestors; None if one of them has no provenance."""
    if not provenance:
        return None
    parent, rounds = provenance.get("parent", ""), int("pairs" in provenance or "prompts" in provenance)
    if not parent:
        return rounds
    known, _, _ = parent.partition("@")
    if known in MODELS:
        return rounds + MODELS[known].feedback_rounds
    ancestor = f"adapter:{models.adapter_folder(model).parent / parent}"
    try:
        earlier = _feedback_rounds(ancestor, models.adapter_provenance(ancestor))
    except ValueError:
        earlier = None
    return None if earlier is None else rounds + earlier
