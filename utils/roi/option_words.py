"""Options and the recommendation in words that a manager reads; the page's script fills the same sentences anew."""
from __future__ import annotations

import functools
import math
import re
from collections.abc import Sequence
from pathlib import Path

import yaml

from .. import evaluation
from .cost_model import NOTHING, Option


@functools.cache
def page_words() -> dict[str, dict]:
    """Words for models and contexts, and `headlines`: sentences for the answer and how sure it is."""
    return yaml.safe_load(Path(__file__).with_name("page").joinpath("words.yaml").read_text("utf-8"))


def option_words(name: str) -> str:
    """An arm's name in words, with a capital."""
    arm, words = evaluation.parse_arm(name), page_words()
    model = words["models"].get(arm.model.name, f"the model {arm.model.name.removeprefix('adapter:')}")
    if not arm.context.retrieves:
        return f"{model[0].upper()}{model[1:]}, without search"
    return f"{words['contexts'][arm.context.name]}, with {model}"


def option_kind(option: Option) -> str:
    """What a company would build: search, training, both, or neither."""
    return {(True, True): "search and training", (True, False): "search", (False, True): "training"}.get(
        (option.retrieves, option.trained), "neither")


def headline_key(today: float, mean: float, share: float, none: float) -> str:
    """Which of the headlines fits. today, mean: the best option's value now and over the draws; share, none: shares of draws."""
    if today <= 0 and mean < 0:
        return "none"
    if mean < 0 or none > share:
        return "open"
    return "ahead" if share < 0.7 else "clear" if share >= 0.9 else "probable"


def headline(names: Sequence[str], today: Sequence[float], simulation: dict) -> tuple[str, str]:
    """The answer and how sure it is. names: of the options in words; simulation: as from `compare_options`."""
    mean, share, none = simulation["mean"], simulation["probability_best"], simulation["probability_none"]
    order = sorted(range(len(names)), key=lambda i: (-mean[i], i))
    first, ties = order[0], equals(mean, order[0])
    second = next((i for i in order if i != first and i not in ties), None)
    total = float(share[first]) + sum(float(share[i]) for i in ties)
    best = " or ".join(inside(names[i]) for i in (first, *ties)) + " (they come out equal)" * bool(ties)
    fill = {"share": whole(100 * total), "rival": 0 if second is None else whole(100 * float(share[second])),
            "none": whole(100 * none), "second": inside(NOTHING if second is None else names[second]), "best": best}
    key = headline_key(float(today[first]), float(mean[first]), total, none)
    answer, sure = (re.sub(r"\{(\w+)\}", lambda found: str(fill[found[1]]), text) for text in page_words()["headlines"][key])
    return answer, sure


def equals(mean: Sequence[float], first: int) -> list[int]:
    """The other options whose mean value equals the first one's up to rounding."""
    return [i for i, value in enumerate(mean)
            if i != first and abs(value - mean[first]) <= 1e-9 * max(1.0, abs(mean[first]))]


def inside(words: str) -> str:
    """Words of an option within a sentence."""
    return words[0].lower() + words[1:]


def whole(value: float) -> int:
    """Rounded half up, as the page's script rounds."""
    return math.floor(value + 0.5)


def rounded(value: float) -> float:
    """Money to two significant digits, half up: more is not known."""
    if not value or not math.isfinite(value):
        return value
    unit = 10.0 ** max(0, math.floor(math.log10(abs(value))) - 1)
    return math.copysign(whole(abs(value) / unit) * unit, value)


def money(value: float, currency: str) -> str:
    """An amount in words, such as `−2,700 USD`."""
    sign = "−" if value < 0 and rounded(value) else ""
    return f"{sign}{abs(rounded(value)):,.0f} {currency}"
