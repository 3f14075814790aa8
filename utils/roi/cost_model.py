"""What an option costs and earns against doing nothing, where each question goes to a person: pure functions of assumptions."""
from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy

from .. import evaluation
from .assumptions import Assumptions, smallest


@dataclass(frozen=True)
class Option:
    """One way to answer questions. The shares of outcomes sum to 1; tokens and seconds are per question."""

    name: str
    correct: float
    wrong: float
    abstained: float
    tokens_in: float = 0.0
    tokens_out: float = 0.0
    seconds: float = 0.0  # on our own machine, retrieval and reranking included
    cached: float = 0.0  # share of input tokens read from a provider's prompt cache
    api: bool = False  # you pay per token; otherwise for the machine's time
    retrieves: bool = False
    uses_graph: bool = False
    trained: bool = False
    feedback_rounds: int = 0
    facts_in_weights: bool = False  # it learned the facts, so it must be retrained when they change
    quality: str = "measured"  # or "assumed"
    unanswerable: float = 0.0  # share of the measured questions that the documents do not answer
    wrong_unanswerable: float = 0.0  # what these contribute to `wrong`
    abstained_unanswerable: float = 0.0  # what these contribute to `abstained`

    def __post_init__(self):
        total = self.correct + self.wrong + self.abstained
        if not (abs(smallest(total) - 1) < 1e-6 and abs(smallest(-total) + 1) < 1e-6):
            raise ValueError(f"{self.name}: correct, wrong and abstained add up to {total}, not to 1; correct the shares")
        if min(map(smallest, (self.correct, self.wrong, self.abstained))) < -1e-9:
            raise ValueError(f"{self.name}: a share of outcomes is negative; give shares from 0 to 1")
        if not 0 <= self.cached <= 1:
            raise ValueError(f"{self.name}: cached is {self.cached}; give a share from 0 to 1")


NOTHING = "doing nothing"
HOURS_A_MONTH = 730.0
UTILISATION = 0.3  # usable share of a machine's time, since questions do not arrive evenly


def assumed_shares(option: Option, a: Assumptions) -> tuple:
    """Shares correct, wrong and abstained at the assumed share of unanswerable questions; as measured if all or none were."""
    measured = (option.correct, option.wrong, option.abstained)
    if not 0 < option.unanswerable < 1:
        return measured
    answerable, more = (1 - a.unanswerable) / (1 - option.unanswerable), a.unanswerable / option.unanswerable
    parts = (0.0, option.wrong_unanswerable, option.abstained_unanswerable)
    total = answerable + (more - answerable) * sum(parts)
    return tuple((answerable * share + (more - answerable) * part) / total for share, part in zip(measured, parts, strict=True))


def machines(option: Option, a: Assumptions):
    """Machines running all month: 0 for an API without retrieval, else 1, or more (a fraction too) if one is too slow."""
    if option.api and not option.retrieves:
        return 0.0
    return numpy.maximum(1.0, a.volume * option.seconds / (3600 * HOURS_A_MONTH * UTILISATION))


def query_cost(option: Option, a: Assumptions):
    """Cost of one more question: API tokens. Our own machines are paid by the month (`machines`)."""
    if not option.api:
        return 0.0
    fresh = option.tokens_in * (1 - option.cached) * a.api_input
    return (fresh + option.tokens_in * option.cached * a.api_cached + option.tokens_out * a.api_output) / 1e6


def build_cost(option: Option, a: Assumptions):
    """One-off cost."""
    hours = (option.retrieves * a.rag_build + option.uses_graph * a.graph_build + option.trained * a.tuning_build
             + option.feedback_rounds * a.feedback_build)
    return hours * a.engineer_hour + (option.retrieves * a.indexing + option.trained * a.training) * a.machine_hour


def update_cost(option: Option, a: Assumptions):
    """Cost of one update of the documents."""
    hours = option.retrieves * a.rag_update + option.facts_in_weights * a.tuning_update
    return hours * a.engineer_hour + (option.retrieves * a.indexing + option.facts_in_weights * a.training) * a.machine_hour


def monthly_cost(option: Option, a: Assumptions):
    """Fixed cost per month, at any volume: machines, evaluation, updates."""
    return machines(option, a) * HOURS_A_MONTH * a.machine_hour + a.evaluation + a.updates * update_cost(option, a)


def total_cost(option: Option, a: Assumptions):
    """Cost over the horizon of T months at V questions a month: build + T·monthly + V·T·query."""
    return build_cost(option, a) + a.months * (monthly_cost(option, a) + a.volume * query_cost(option, a))


def cost_per_1000(option: Option, a: Assumptions) -> float:
    """Total cost per 1,000 questions; inf without questions."""
    return float(1000 * total_cost(option, a) / questions) if (questions := a.volume * a.months) else math.inf


def cost_per_correct(option: Option, a: Assumptions) -> float:
    """Total cost per correct answer; inf if none is correct."""
    correct = a.volume * a.months * assumed_shares(option, a)[0]
    return float(total_cost(option, a) / correct) if correct else math.inf


def answer_value(option: Option, a: Assumptions):
    """Mean value of one question: correct answers earn, wrong ones cost, abstentions cost an escalation."""
    correct, wrong, abstained = assumed_shares(option, a)
    return correct * a.correct - wrong * a.wrong - abstained * a.abstained


def net_present_value(option: Option | None, a: Assumptions):
    """Net present value against doing nothing (None, 0): build cost now, then a discounted cash flow at each month's end."""
    if option is None:
        return 0.0 * (a.volume + a.updates)
    flow = a.volume * (answer_value(option, a) - query_cost(option, a)) - monthly_cost(option, a)
    monthly = (1 + a.discount) ** (1 / 12) - 1
    safe = numpy.where(monthly == 0, 1.0, monthly)
    return flow * numpy.where(monthly == 0, a.months, (1 - (1 + safe) ** -a.months) / safe) - build_cost(option, a)


@dataclass(frozen=True)
class BreakEven:
    """Where two options are worth the same (`at`; None: nowhere), and which is ahead below and above it."""

    at: float | None
    below: str
    above: str
    first: bool = False  # there are further break-even points above

    def words(self, unit: str) -> str:
        """The break-even in words."""
        if self.at is None:
            return f"at any number of {unit}, {self.above} is ahead"
        at = f"{self.at:,.0f}" if self.at >= 10 else f"{self.at:.1f}"
        more = " (the first of several turns)" * self.first
        return f"from {at} {unit} on, {self.above} is ahead, below that {self.below}{more}"


def break_even(one: Option | None, other: Option, a: Assumptions, what: str = "volume", within: tuple = ()) -> BreakEven:
    """Where an assumption makes two net present values equal (up to 1e-9), and which is ahead on either side.

    one: None for doing nothing. within: the range to search; ValueError without one unless `what` is volume or updates.
    """
    if not within and what not in ("volume", "updates"):
        raise ValueError(f"what is {what!r}: choose volume or updates, or give the range to search as within=(low, high)")

    def ahead(x):
        now = replace(a, **{what: x})
        values = [net_present_value(option, now) for option in (one, other)]
        return numpy.where(abs(values[0] - values[1]) <= 1e-9 * (abs(values[0]) + abs(values[1])), 0.0, values[1] - values[0])

    grid = (numpy.linspace(*within, 600) if within
            else numpy.concatenate([[0.0], numpy.geomspace(1e-3, 1e8 if what == "volume" else 1e3, 600)]))
    gaps = ahead(grid)
    names = {True: other.name, False: one.name if one else NOTHING}
    turns = numpy.nonzero((gaps[:-1] > 0) != (gaps[1:] > 0))[0]
    if not len(turns):
        return BreakEven(None, names[bool(gaps[0] > 0)], names[bool(gaps[-1] > 0)])
    low, high, before = float(grid[turns[0]]), float(grid[turns[0] + 1]), bool(gaps[turns[0]] > 0)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if bool(ahead(numpy.array(middle)) > 0) == before else (low, middle)
    return BreakEven((low + high) / 2, names[before], names[not before], len(turns) > 1)


def option_of_arm(name: str, shares: Mapping[str, float], usage: Mapping[str, float], served: bool = False) -> Option:
    """The option that an arm of the benchmark stands for; its model and context determine what it needs.

    shares: of outcomes, as `Option`'s. usage: tokens_in, tokens_out and seconds per question. served: paid by tokens.
    Raises ValueError for a model whose rounds of feedback are not recorded, since its cost is then unknown.
    """
    arm = evaluation.parse_arm(name)
    if arm.model.feedback_rounds is None:
        raise ValueError(f"{name}: its rounds of feedback are not recorded, so its cost is unknown; leave the arm out")
    return Option(name, **shares, **usage, api=arm.model.api or served, retrieves=arm.context.retrieves,
                  uses_graph=arm.context.uses_graph, trained=arm.is_trained, feedback_rounds=arm.model.feedback_rounds,
                  facts_in_weights=arm.model.facts_in_weights and not arm.context.retrieves)
