"""The assumptions of the cost model, read from a price file: each with unit, range, date and source."""
from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy
import yaml

from .. import settings


def smallest(value) -> float:
    """The smallest element of a number or an array."""
    return float(numpy.min(value))


def _entry(unit: str, label: str = "", money: bool = False):
    """An assumption: its unit in the price file, its name in figures and sentences, and whether it is money."""
    return field(metadata={"unit": unit, "label": label, "money": money})


@dataclass(frozen=True)
class Assumptions:
    """Everything that is not a property of an option: numbers or NumPy arrays, which broadcast. Money: the file's currency.

    Raises ValueError for a negative field or a share above 1.
    """

    volume: float = _entry("questions per month", "questions a month")
    updates: float = _entry("per month", "updates a month")  # document changes that change answers
    months: float = _entry("months")  # horizon
    discount: float = _entry("per year", "discount a year")
    correct: float = _entry("per answer", "value of a correct answer", money=True)
    wrong: float = _entry("per answer", "cost of a wrong answer", money=True)
    abstained: float = _entry("per answer", "cost of giving no answer", money=True)
    engineer_hour: float = _entry("per hour", "cost of an engineer's hour", money=True)
    machine_hour: float = _entry("per hour", "cost of a machine's hour", money=True)
    evaluation: float = _entry("per month", "evaluation a month", money=True)  # for any option
    api_input: float = _entry("per 1M tokens", "price of input tokens", money=True)
    api_cached: float = _entry("per 1M tokens", "price of cached tokens", money=True)
    api_output: float = _entry("per 1M tokens", "price of output tokens", money=True)
    rag_build: float = _entry("hours", "hours to build search")  # of an engineer, once, for an option that retrieves
    tuning_build: float = _entry("hours", "hours to train")  # once, for a trained option
    graph_build: float = _entry("hours", "hours to build the graph")  # once, on top
    feedback_build: float = _entry("hours", "hours for a round of feedback")
    rag_update: float = _entry("hours per update", "hours to update search")  # check that new documents are indexed
    tuning_update: float = _entry("hours per update", "hours to update a trained model")  # facts in weights: examples, a gate
    indexing: float = _entry("machine hours", "machine hours to index")  # at the start and per update
    training: float = _entry("machine hours", "machine hours to train")  # at the start and per update of facts in weights
    label_minutes: float = _entry("minutes per question")  # to write and check one more question
    unanswerable: float = _entry("share of questions", "share of unanswerable questions")

    def __post_init__(self):
        if not smallest(1 - self.unanswerable) >= 0:
            raise ValueError(f"unanswerable is {self.unanswerable}: give a share from 0 to 1 in the price file")
        for entry in fields(self):
            if not smallest(value := getattr(self, entry.name)) >= 0:
                raise ValueError(f"{entry.name} is {value}: it cannot be negative; correct it in the price file")


PRICE_FILE = settings.DATA / "prices.yaml"
OWN = "yours"  # source of a value that replaces the given one
PARTS = ("prices", "value_of_answers", "use", "work", "questions")
UNITS = {entry.name: entry.metadata["unit"] for entry in fields(Assumptions)}
LABELS = {entry.name: entry.metadata["label"] or entry.name.replace("_", " ") for entry in fields(Assumptions)}


def label(name: str) -> str:
    """An assumption's name in figures and sentences."""
    return LABELS[name]


def price_units(currency: str) -> dict[str, str]:
    """Assumption → its unit, with the currency where it is money."""
    return {entry.name: f"{currency} {UNITS[entry.name]}" if entry.metadata["money"] else UNITS[entry.name]
            for entry in fields(Assumptions)}


def currency_of(path: Path = PRICE_FILE) -> str:
    """The currency of a price file's money; USD if it names none."""
    return str((yaml.safe_load(path.read_text("utf-8")) or {}).get("currency", "USD"))


def load_assumptions(path: Path = PRICE_FILE) -> tuple[Assumptions, dict[str, tuple[float, float]], list[dict]]:
    """(assumptions, their ranges, every entry as a row). Raises ValueError naming the invalid entry and the fix."""
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
    if not own:
        return out.unlink(missing_ok=True)
    parts = yaml.safe_load(price_file.read_text("utf-8"))
    for name, entry in ((name, entry) for part in PARTS for name, entry in parts[part].items() if name in own):
        entry |= {"value": own[name], "kind": "assumed", "date": datetime.date.today(), "source": OWN}
        entry |= {end: pick(entry[end], own[name]) for end, pick in (("low", min), ("high", max)) if end in entry}
    part = out.with_name(out.name + ".part")
    part.write_text(yaml.safe_dump(parts, sort_keys=False, allow_unicode=True), "utf-8")
    part.replace(out)
