"""How robust a ranking of options is: tornado, Monte Carlo, value of more labels, map of winners."""
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy

from .assumptions import Assumptions, label
from .cost_model import Option, net_present_value

SHARES = ("correct", "wrong", "abstained", "wrong_unanswerable", "abstained_unanswerable")  # of an option, in drawn quality


def tornado(one: Option | None, other: Option, a: Assumptions, ranges: Mapping[str, tuple[float, float]]) -> list[dict]:
    """Net present value of other minus one (None: doing nothing) at both ends of each assumption's range, widest swing first."""

    def gap(**changes) -> float:
        now = replace(a, **changes)
        return float(net_present_value(other, now) - net_present_value(one, now))

    rows = [{"assumption": name, "label": label(name), "low": low, "high": high, "at_low": gap(**{name: low}),
             "at_high": gap(**{name: high})} for name, (low, high) in ranges.items()]
    return sorted(rows, key=lambda row: -abs(row["at_high"] - row["at_low"]))


def triangular(uniform, low: float, mode: float, high: float):
    """Quantiles of a triangular distribution, on the log scale if high is at least 4·low, so that a long upper tail does not
    pull the mean far from the mode. uniform: numbers between 0 and 1."""
    logarithmic = low > 0 and high >= 4 * low
    if logarithmic:
        low, mode, high = math.log(low), math.log(mode), math.log(high)
    drawn = numpy.where(uniform < (mode - low) / (high - low), low + numpy.sqrt(uniform * (high - low) * (mode - low)),
                        high - numpy.sqrt((1 - uniform) * (high - low) * (high - mode)))
    return numpy.exp(drawn) if logarithmic else drawn


def uniform_draws(ranges: Mapping[str, tuple[float, float]], draws: int, seed: int = 0) -> dict:
    """For each assumption with a range, `draws` numbers between 0 and 1, rounded to 1e-4 as the page stores them."""
    random = numpy.random.default_rng(seed)
    return {name: random.integers(1, 10_000, draws) / 10_000 for name, (low, high) in ranges.items() if low < high}


def simulate(options: Sequence[Option], quality, a: Assumptions, ranges: Mapping[str, tuple[float, float]],
             seed: int = 0, vary: bool = True):
    """Net present values, shape (draws, options), with drawn quality and, if vary, drawn assumptions.

    quality: array (draws, options, 3 or 5) of `SHARES`, from one bootstrap for all options. Assumptions are triangular from low
    to high with their mode at today's value.
    """
    if quality.shape[1:] not in ((len(options), 3), (len(options), len(SHARES))):
        raise ValueError(f"quality has shape {quality.shape}; give shares of shape (draws, {len(options)}, 3)")
    uniforms = uniform_draws(ranges, len(quality), seed) if vary else {}
    now = replace(a, **{name: triangular(drawn, ranges[name][0], getattr(a, name), ranges[name][1])
                        for name, drawn in uniforms.items()})
    varied = [replace(option, **dict(zip(SHARES, quality[:, i].T, strict=False))) for i, option in enumerate(options)]
    return numpy.stack([numpy.broadcast_to(net_present_value(option, now), len(quality)) for option in varied], axis=1)


def compare_options(values) -> dict[str, object]:
    """How certain the ranking of options is, from net present values of shape (draws, options).

    choice: the highest mean's index. mean, low, high (95 %), probability_best, regret (mean loss against the best choice in each
    draw): by option; probability_none, regret_none: doing nothing.
    """
    top = values.max(axis=1, keepdims=True)
    wins = (values == top) / (values == top).sum(axis=1, keepdims=True) * (top > 0)
    return {"choice": int(values.mean(axis=0).argmax()), "probability_best": wins.mean(axis=0),
            "probability_none": float((top <= 0).mean()), "regret": (numpy.maximum(top, 0) - values).mean(axis=0),
            "regret_none": float(numpy.maximum(top, 0).mean()), "mean": values.mean(axis=0),
            "low": numpy.percentile(values, 2.5, axis=0), "high": numpy.percentile(values, 97.5, axis=0)}


def value_of_labels(values, questions: int, more: int) -> float:
    """Expected gain in net present value from `more` new questions before deciding (preposterior; Raiffa and Schlaifer, 1961).

    values: (draws, options), only quality varied; doing nothing is worth 0. An option's posterior mean then has
    more / (questions + more) of today's variance, if clusters grow with questions.
    """
    mean = values.mean(axis=0)
    posterior = mean + math.sqrt(more / (questions + more)) * (values - mean)
    return float(numpy.maximum(posterior.max(axis=1), 0).mean() - max(mean.max(), 0))


def winner_map(options: Sequence[Option], a: Assumptions, volumes: Sequence[float], updates: Sequence[float]):
    """Index of the option with the highest net present value, shape (updates, volumes); -1 where all of them lose money."""
    grid = replace(a, volume=numpy.asarray(volumes, float)[None, :], updates=numpy.asarray(updates, float)[:, None])
    shape = (len(updates), len(volumes))
    values = numpy.stack([numpy.broadcast_to(net_present_value(option, grid), shape) for option in options])
    return numpy.where(values.max(axis=0) < 0, -1, values.argmax(axis=0))
