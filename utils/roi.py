"""What an option costs, what it earns, and how sure that is: pure functions over one frozen set of assumptions.

Money is in USD, token prices are per 1M tokens, time is in months. Costs and values take numbers or NumPy arrays that broadcast,
so that a Monte Carlo is the same arithmetic as a single table. Nothing here reads a file. The zero of all values is doing
nothing: every question goes to a person as before.
"""
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace


@dataclass(frozen=True)
class Assumptions:
    """Everything that is not a property of an option. Raises ValueError for a negative one."""

    volume: float  # questions a month
    updates: float  # document changes a month that change answers
    months: float  # horizon
    discount: float  # a year
    right: float  # what a right answer earns
    wrong: float  # what a wrong one costs
    silent: float  # what an abstention costs
    engineer_hour: float
    machine_hour: float
    evaluation: float  # a month, whatever runs
    api_input: float  # per 1M tokens
    api_cached: float  # per 1M tokens
    api_output: float  # per 1M tokens
    rag_build: float  # hours of a person, once, for an option that retrieves
    tuning_build: float  # once, for a trained one
    graph_build: float  # once more, for one that retrieves with a knowledge graph
    feedback_build: float  # once more for each round of feedback
    rag_update: float  # hours for each update: look that the new documents are in
    tuning_update: float  # hours for each update of what is kept in weights: new examples, a gate
    indexing: float  # machine hours, at the start and for each update
    training: float  # machine hours, at the start and for each update of what is kept in weights

    def __post_init__(self):
        for field in fields(self):
            if not _least(value := getattr(self, field.name)) >= 0:
                raise ValueError(f"{field.name} is {value}: a price, rate or count cannot be negative: mend data/prices.yaml")


@dataclass(frozen=True)
class Option:
    """One way to answer questions. Shares of outcomes sum to 1; tokens and seconds are per question."""

    name: str
    right: float
    wrong: float
    silent: float
    tokens_in: float = 0.0
    tokens_out: float = 0.0
    seconds: float = 0.0  # of our own machine, retrieval and reranking included
    cached: float = 0.0  # share of input tokens read from a provider's prompt cache
    api: bool = False  # tokens are bought; otherwise the machine's seconds are what costs
    retrieves: bool = False
    graph: bool = False
    trained: bool = False
    rounds: int = 0  # of feedback
    remembers: bool = False  # its facts are in the weights, so that it is trained again when they change
    quality: str = "measured"  # or assumed

    def __post_init__(self):
        total = self.right + self.wrong + self.silent
        if not (abs(_least(total) - 1) < 1e-6 and abs(_least(-total) + 1) < 1e-6):
            raise ValueError(f"{self.name}: right, wrong and silent add up to {total}, not to 1")
        if min(map(_least, (self.right, self.wrong, self.silent))) < -1e-9:
            raise ValueError(f"{self.name}: a share of outcomes is negative")
        if not 0 <= self.cached <= 1:
            raise ValueError(f"{self.name}: cached is {self.cached}: it is a share between 0 and 1")


CONTEXTS = ("naive_rag", "advanced_rag", "graph", "oracle", "distractor")
NOTHING = "doing nothing"
HOURS_A_MONTH = 730.0
UTILISATION = 0.3  # share of a machine's time that can be spent answering, since questions do not come evenly


def machines(option: Option, a: Assumptions):
    """Machines kept running all month: none for a priced API without retrieval, else one, and more where one is too slow."""
    import numpy

    if option.api and not option.retrieves:
        return 0.0
    return numpy.maximum(1.0, a.volume * option.seconds / (3600 * HOURS_A_MONTH * UTILISATION))


def query_cost(option: Option, a: Assumptions):
    """What one more question costs: bought tokens. Our own machines are paid by the month (`machines`)."""
    if not option.api:
        return 0.0
    fresh = option.tokens_in * (1 - option.cached) * a.api_input
    return (fresh + option.tokens_in * option.cached * a.api_cached + option.tokens_out * a.api_output) / 1e6


def build_cost(option: Option, a: Assumptions):
    """What is paid once."""
    hours = (option.retrieves * a.rag_build + option.graph * a.graph_build + option.trained * a.tuning_build
             + option.rounds * a.feedback_build)
    return hours * a.engineer_hour + (option.retrieves * a.indexing + option.trained * a.training) * a.machine_hour


def update_cost(option: Option, a: Assumptions):
    """What one change of the documents costs."""
    hours = option.retrieves * a.rag_update + option.remembers * a.tuning_update
    return hours * a.engineer_hour + (option.retrieves * a.indexing + option.remembers * a.training) * a.machine_hour


def monthly_cost(option: Option, a: Assumptions):
    """What is paid each month whether anybody asks or not: machines, evaluation, updates."""
    return machines(option, a) * HOURS_A_MONTH * a.machine_hour + a.evaluation + a.updates * update_cost(option, a)


def total_cost(option: Option, a: Assumptions):
    """Over the horizon: build + T·(host + evaluation + updates) + V·T·query."""
    return build_cost(option, a) + a.months * (monthly_cost(option, a) + a.volume * query_cost(option, a))


def cost_per_1000(option: Option, a: Assumptions) -> float:
    """Everything, spread over the questions, times a thousand. inf without questions."""
    return float(1000 * total_cost(option, a) / asked) if (asked := a.volume * a.months) else math.inf


def cost_per_correct(option: Option, a: Assumptions) -> float:
    """Everything, spread over the right answers. inf when none is right."""
    right = a.volume * a.months * option.right
    return float(total_cost(option, a) / right) if right else math.inf


def answer_value(option: Option, a: Assumptions):
    """What one question brings on average: right answers earn, wrong ones cost, abstentions cost an escalation."""
    return option.right * a.right - option.wrong * a.wrong - option.silent * a.silent


def npv(option: Option | None, a: Assumptions):
    """Net present value against doing nothing (None, worth 0): build now, then a discounted cash flow at each month's end."""
    import numpy

    if option is None:
        return 0.0 * (a.volume + a.updates)
    flow = a.volume * (answer_value(option, a) - query_cost(option, a)) - monthly_cost(option, a)
    monthly = (1 + a.discount) ** (1 / 12) - 1
    safe = numpy.where(monthly == 0, 1.0, monthly)
    return flow * numpy.where(monthly == 0, a.months, (1 - (1 + safe) ** -a.months) / safe) - build_cost(option, a)


@dataclass(frozen=True)
class Crossing:
    """Where two options draw level: at `at` (None: nowhere); which is ahead below it and above it (or everywhere)."""

    at: float | None
    below: str
    above: str
    first: bool = False  # they draw level again further on

    def words(self, unit: str) -> str:
        """The crossing as a phrase."""
        if self.at is None:
            return f"{self.above} at any number of {unit}"
        at = f"{self.at:,.0f}" if self.at >= 10 else f"{self.at:.1f}"
        return f"{self.above} from {at} {unit} on, {self.below} below" + " (the first of several turns)" * self.first


def break_even(one: Option | None, other: Option, a: Assumptions, what: str = "volume", within: tuple = ()) -> Crossing:
    """Where an assumption makes the two net present values equal, and which is ahead on either side.

    one: None for doing nothing. within: (low, high), where to look; volume and updates need none. A billionth is no gap.
    """
    import numpy

    if not within and what not in ("volume", "updates"):
        raise ValueError(f"what is {what!r}: choose volume or updates, or say within which range to look")

    def ahead(x):
        now = replace(a, **{what: x})
        values = [npv(option, now) for option in (one, other)]
        return numpy.where(abs(values[0] - values[1]) <= 1e-9 * (abs(values[0]) + abs(values[1])), 0.0, values[1] - values[0])

    wide = numpy.concatenate([[0.0], numpy.geomspace(1e-3, 1e8 if what == "volume" else 1e3, 600)])
    grid = numpy.linspace(*within, 600) if within else wide
    found = ahead(grid)
    names = {True: other.name, False: one.name if one else NOTHING}
    turns = numpy.nonzero((found[:-1] > 0) != (found[1:] > 0))[0]
    if not len(turns):
        return Crossing(None, names[bool(found[0] > 0)], names[bool(found[-1] > 0)])
    low, high, before = float(grid[turns[0]]), float(grid[turns[0] + 1]), bool(found[turns[0]] > 0)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if bool(ahead(numpy.array(middle)) > 0) == before else (low, middle)
    return Crossing((low + high) / 2, names[before], names[not before], len(turns) > 1)


def tornado(one: Option | None, other: Option, a: Assumptions, ranges: Mapping[str, tuple[float, float]]) -> list[dict]:
    """For each assumption: net present value of other minus that of one (None: doing nothing) at its ends; widest swing first."""

    def gap(**changed) -> float:
        now = replace(a, **changed)
        return float(npv(other, now) - npv(one, now))

    rows = [{"assumption": name, "low": low, "high": high, "at_low": gap(**{name: low}), "at_high": gap(**{name: high})}
            for name, (low, high) in ranges.items()]
    return sorted(rows, key=lambda row: -abs(row["at_high"] - row["at_low"]))


def monte_carlo(options: Sequence[Option], quality, a: Assumptions, ranges: Mapping[str, tuple[float, float]],
                seed: int = 0, vary: bool = True):
    """Net present values, shape (draws, options), with drawn quality and, if vary, drawn assumptions.

    quality: array (draws, options, 3) of right, wrong, silent shares, from one bootstrap for all options. Assumptions come from
    a triangle between low and high with today's value on top; where high is four times low or more, on the log scale, so that
    long upper ends do not pull the mean far from today's value.
    """
    import numpy

    if quality.shape[1:] != (len(options), 3):
        raise ValueError(f"quality has shape {quality.shape}: it has to be (draws, {len(options)}, 3)")
    random, drawn = numpy.random.default_rng(seed), {}
    for name, (low, high) in ranges.items() if vary else ():
        top = getattr(a, name)
        if low > 0 and high >= 4 * low:
            drawn[name] = numpy.exp(random.triangular(math.log(low), math.log(top), math.log(high), len(quality)))
        elif low < high:
            drawn[name] = random.triangular(low, top, high, len(quality))
    now = replace(a, **drawn)
    made = [replace(option, right=quality[:, i, 0], wrong=quality[:, i, 1], silent=quality[:, i, 2])
            for i, option in enumerate(options)]
    return numpy.stack([numpy.broadcast_to(npv(option, now), len(quality)) for option in made], axis=1)


def decide(values) -> dict[str, object]:
    """From net present values (draws, options): probability of being best and better than nothing, that nothing is best,
    expected regret of each and of doing nothing against knowing which is best, and which has the highest mean."""
    import numpy

    top = values.max(axis=1, keepdims=True)
    wins = (values == top) / (values == top).sum(axis=1, keepdims=True) * (top > 0)
    return {"choice": int(values.mean(axis=0).argmax()), "probability_best": wins.mean(axis=0),
            "probability_none": float((top <= 0).mean()), "regret": (numpy.maximum(top, 0) - values).mean(axis=0),
            "regret_none": float(numpy.maximum(top, 0).mean()), "mean": values.mean(axis=0),
            "low": numpy.percentile(values, 2.5, axis=0),
            "high": numpy.percentile(values, 97.5, axis=0)}


def value_of_labels(values, questions: int, more: int) -> float:
    """Expected gain in net present value from measuring on `more` further questions before deciding (normal approximation).

    values: net present values (draws, options) in which only quality varies; doing nothing, worth 0, may be chosen too. The mean
    that the further data would move each option to has r = more / (questions + more) of the present variance (preposterior
    analysis; Raiffa and Schlaifer, 1961). The further questions have to come from as many new operations in proportion.
    """
    import numpy

    mean = values.mean(axis=0)
    moved = mean + math.sqrt(more / (questions + more)) * (values - mean)
    return float(numpy.maximum(moved.max(axis=1), 0).mean() - max(mean.max(), 0))


def winner_map(options: Sequence[Option], a: Assumptions, volumes: Sequence[float], updates: Sequence[float]):
    """Index of the option with the highest net present value, shape (updates, volumes); -1 where every one loses money."""
    import numpy

    grid = replace(a, volume=numpy.asarray(volumes, float)[None, :], updates=numpy.asarray(updates, float)[:, None])
    values = numpy.stack([numpy.broadcast_to(npv(option, grid), (len(updates), len(volumes))) for option in options])
    return numpy.where(values.max(axis=0) < 0, -1, values.argmax(axis=0))


def option(arm: str, outcome: Mapping[str, float], tokens_in: float, tokens_out: float, seconds: float) -> Option:
    """The option that an arm of the benchmark stands for; what it needs follows from its name.

    A CONTEXT retrieves, a MODEL other than base is trained, names with dpo or kto learned from one round of feedback and
    those with feedback from two, and what a trained model says without CONTEXT is in its weights.
    """
    model, _, context = arm.rpartition("+")
    if context not in CONTEXTS:
        model, context = arm, ""
    model = model or "base"
    trained = model not in ("base", "question_only", "nearest_question")
    named = "" if model.startswith("adapter:") else model
    rounds = 2 if "feedback" in named else int("dpo" in named or "kto" in named)
    return Option(arm, **outcome, tokens_in=tokens_in, tokens_out=tokens_out, seconds=seconds, retrieves=bool(context),
                  graph=context == "graph", trained=trained, rounds=rounds, remembers=trained and not context)


def _least(value) -> float:
    import numpy

    return float(numpy.min(value))
