"""The assumptions of the cost model, read from a price file: each with unit, range, date and source."""
from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from .. import settings


def smallest(value) -> float:
    """The smallest element of a number or an array."""
    import numpy

    return float(numpy.min(value))


@dataclass(frozen=True)
class Assumptions:
    """Everything that is not a property of an option. Money is in the price file's currency.

    Each field is a number or a NumPy array; arrays broadcast, so a simulation uses the same arithmetic as a single table.
    Raises ValueError for a negative field or a share above 1.
    """

    volume: float  # questions a month
    updates: float  # a month: document changes that change answers
    months: float  # horizon
    discount: float  # a year
    correct: float  # what a correct answer earns
    wrong: float  # what a wrong answer costs
    abstained: float  # what an abstention costs
    engineer_hour: float
    machine_hour: float
    evaluation: float  # a month, for any option
    api_input: float  # per 1M tokens
    api_cached: float  # per 1M tokens
    api_output: float  # per 1M tokens
    rag_build: float  # hours of an engineer, once, for an option that retrieves
    tuning_build: float  # hours, once, for a trained option
    graph_build: float  # extra hours, once, for a knowledge graph
    feedback_build: float  # extra hours for each round of feedback
    rag_update: float  # hours per update: check that the new documents are indexed
    tuning_update: float  # hours per update of facts in weights: new examples, a gate
    indexing: float  # machine hours, at the start and per update
    training: float  # machine hours, at the start and per update of facts in weights
    label_minutes: float  # to write and check one more question
    unanswerable: float  # share of questions that the documents do not answer

    def __post_init__(self):
        if not smallest(1 - self.unanswerable) >= 0:
            raise ValueError(f"unanswerable is {self.unanswerable}: give a share from 0 to 1 in the price file")
        for field in fields(self):
            if not smallest(value := getattr(self, field.name)) >= 0:
                raise ValueError(f"{field.name} is {value}: it cannot be negative; correct it in the price file")


PRICE_FILE = settings.DATA / "prices.yaml"
OWN = "yours"  # source of a value that replaces the given one
PARTS = ("prices", "value_of_answers", "use", "work", "questions")
UNITS = {"machine_hour": "per hour", "api_input": "per 1M tokens", "api_cached": "per 1M tokens", "api_output": "per 1M tokens",
         "engineer_hour": "per hour", "correct": "per answer", "wrong": "per answer", "abstained": "per answer",
         "volume": "questions per month", "updates": "per month", "months": "months", "discount": "per year",
         "evaluation": "per month", "rag_build": "hours", "graph_build": "hours", "tuning_build": "hours",
         "feedback_build": "hours", "rag_update": "hours per update", "tuning_update": "hours per update",
         "indexing": "machine hours", "training": "machine hours", "label_minutes": "minutes per question",
         "unanswerable": "share of questions"}
MONEY = ("machine_hour", "engineer_hour", "api_input", "api_cached", "api_output", "correct", "wrong", "abstained", "evaluation")
LABELS = {"volume": "questions a month", "updates": "updates a month", "correct": "value of a correct answer",
          "wrong": "cost of a wrong answer", "abstained": "cost of giving no answer", "discount": "discount a year",
          "engineer_hour": "cost of an engineer's hour", "machine_hour": "cost of a machine's hour",
          "api_input": "price of input tokens", "api_cached": "price of cached tokens", "api_output": "price of output tokens",
          "indexing": "machine hours to index", "training": "machine hours to train",
          "evaluation": "evaluation a month", "rag_build": "hours to build search", "graph_build": "hours to build the graph",
          "tuning_build": "hours to train", "feedback_build": "hours for a round of feedback",
          "rag_update": "hours to update search", "tuning_update": "hours to update a trained model",
          "unanswerable": "share of unanswerable questions"}


def label(name: str) -> str:
    """An assumption's name in figures and sentences."""
    return LABELS.get(name, name.replace("_", " "))


def price_units(currency: str) -> dict[str, str]:
    """Assumption → its unit, with the currency where it is money."""
    return {name: f"{currency} {unit}" if name in MONEY else unit for name, unit in UNITS.items()}


def currency_of(path: Path = PRICE_FILE) -> str:
    """The currency of a price file's money; USD if it names none."""
    import yaml

    return str((yaml.safe_load(path.read_text("utf-8")) or {}).get("currency", "USD"))


def load_assumptions(path: Path = PRICE_FILE) -> tuple[Assumptions, dict[str, tuple[float, float]], list[dict]]:
    """(assumptions, their ranges, every entry as a row). Raises ValueError naming the invalid entry and the fix."""
    import yaml

    try:
        parts = yaml.safe_load(path.read_text("utf-8"))
        entries = {name: entry for part in PARTS for name, entry in parts[part].items()}
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: is not a price file ({type(error).__name__}); restore it from the repository") from None
    missing, values, ranges, rows = set(UNITS) - set(entries), {}, {}, []
    if missing:
        raise ValueError(f"{path}: {', '.join(sorted(missing))} is missing; add it with value, unit, kind, date and source")
    for name, entry in entries.items():
        if name not in UNITS:
            raise ValueError(f"{path}: {name} is not an entry of the cost model; remove it or use one of {', '.join(UNITS)}")
        if entry.get("unit") != UNITS[name]:
            raise ValueError(f"{path}: the unit of {name} is {entry.get('unit')!r}; give its value {UNITS[name]}")
        if entry.get("kind") not in ("assumed", "measured") or not entry.get("date") or not entry.get("source"):
            raise ValueError(f"{path}: {name} needs kind (assumed or measured), date and source")
        try:
            low, value, high = (float(entry.get(key, entry["value"])) for key in ("low", "value", "high"))
        except (KeyError, TypeError, ValueError):
            raise ValueError(f"{path}: {name} needs a number as value, and as low and high if given") from None
        if not low <= value <= high:
            raise ValueError(f"{path}: {name} is {value}, outside its own range of {low} to {high}; correct one of them")
        values[name], ranges[name] = value, (low, high)
        rows.append({"name": name, "value": value, "low": low, "high": high, "unit": entry["unit"], "kind": entry["kind"],
                     "date": str(entry["date"]), "source": entry["source"]})
    return Assumptions(**values), {name: span for name, span in ranges.items() if span[0] < span[1]}, rows


def write_prices(own: Mapping[str, float], out: Path, price_file: Path = PRICE_FILE) -> None:
    """Write a price file with your own values, dated today; a range grows to hold its value. Without any, the file goes."""
    import yaml

    if not own:
        return out.unlink(missing_ok=True)
    parts = yaml.safe_load(price_file.read_text("utf-8"))
    for name, entry in ((name, entry) for part in PARTS for name, entry in parts[part].items() if name in own):
        entry |= {"value": own[name], "kind": "assumed", "date": datetime.date.today(), "source": OWN}
        entry |= {end: pick(entry[end], own[name]) for end, pick in (("low", min), ("high", max)) if end in entry}
    part = out.with_name(out.name + ".part")
    part.write_text(yaml.safe_dump(parts, sort_keys=False, allow_unicode=True), "utf-8")
    part.replace(out)
