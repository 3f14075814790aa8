"""The price file of the cost model: every assumption with unit, range, date and source, or a sentence that says what is wrong."""
from __future__ import annotations

from pathlib import Path

from . import settings
from .roi import Assumptions

PRICES = settings.DATA / "prices.yaml"
UNITS = {"machine_hour": "per hour", "api_input": "per 1M tokens", "api_cached": "per 1M tokens", "api_output": "per 1M tokens",
         "engineer_hour": "per hour", "right": "per answer", "wrong": "per answer", "silent": "per answer",
         "volume": "questions per month", "updates": "per month", "months": "months", "discount": "per year",
         "evaluation": "per month", "rag_build": "hours", "graph_build": "hours", "tuning_build": "hours",
         "feedback_build": "hours", "rag_update": "hours per update", "tuning_update": "hours per update",
         "indexing": "machine hours", "training": "machine hours"}
WORDS = {"volume": "questions a month", "updates": "updates a month", "right": "value of a right answer",
         "wrong": "cost of a wrong answer", "silent": "cost of a silent answer", "discount": "discount a year",
         "evaluation": "evaluation a month", "rag_build": "hours to build search", "graph_build": "hours to build the graph",
         "tuning_build": "hours to train", "feedback_build": "hours for a round of feedback",
         "rag_update": "hours to update search", "tuning_update": "hours to update a trained model"}


def words(name: str) -> str:
    """An assumption's name as a figure or a sentence says it."""
    return WORDS.get(name, name.replace("_", " "))


def load(path: Path = PRICES) -> tuple[Assumptions, dict[str, tuple[float, float]], list[dict]]:
    """(assumptions, their ranges, every entry as a row). Raises ValueError naming entry and remedy for what makes no sense."""
    import yaml

    try:
        told = yaml.safe_load(path.read_text("utf-8"))
        entries = {name: entry for part in ("prices", "value_of_answers", "use", "work") for name, entry in told[part].items()}
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: is not a price file ({type(error).__name__}); restore it from the repository") from None
    missing, values, ranges, rows = set(UNITS) - set(entries), {}, {}, []
    if missing:
        raise ValueError(f"{path}: {', '.join(sorted(missing))} is missing; add it with value, unit, kind, date and source")
    for name, entry in entries.items():
        if name not in UNITS:
            raise ValueError(f"{path}: {name} is not an entry of the cost model; known are {', '.join(UNITS)}")
        if entry.get("unit") != UNITS[name]:
            raise ValueError(f"{path}: {name} is {entry.get('unit')!r}; give its value {UNITS[name]}")
        if entry.get("kind") not in ("assumed", "measured") or not entry.get("date") or not entry.get("source"):
            raise ValueError(f"{path}: {name} needs kind (assumed or measured), date and source")
        try:
            low, value, high = (float(entry.get(key, entry["value"])) for key in ("low", "value", "high"))
        except (KeyError, TypeError, ValueError):
            raise ValueError(f"{path}: {name} needs a number as value, and as low and high if it has them") from None
        if not low <= value <= high:
            raise ValueError(f"{path}: {name} is {value}, outside its own range of {low} to {high}")
        values[name], ranges[name] = value, (low, high)
        rows.append({"name": name, "value": value, "low": low, "high": high, "unit": entry["unit"], "kind": entry["kind"],
                     "date": str(entry["date"]), "source": entry["source"]})
    return Assumptions(**values), {name: span for name, span in ranges.items() if span[0] < span[1]}, rows
