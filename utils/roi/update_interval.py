"""How often to update: answers go stale as documents change, but every update costs money."""
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy

from .assumptions import Assumptions
from .cost_model import Option, net_present_value

WEEKS_A_MONTH = 365.25 / 12 / 7


def stale_share(weekly: float, weeks):
    """Mean stale share with `weeks` between updates: 1 − (1 − weekly)^t over t. Raises ValueError if weekly is not in [0, 1)."""
    if not 0 <= weekly < 1:
        raise ValueError(f"weekly is {weekly}: give the share of answers that goes stale in a week, from 0 to below 1")
    x = -math.log1p(-weekly) * numpy.asarray(weeks, float)
    safe = numpy.where(x > 0, x, 1.0)
    return numpy.where(x > 0, 1 + numpy.expm1(-safe) / safe, 0.0)


def with_staleness(option: Option, weekly: float, weeks) -> Option:
    """The option with the mean share of its correct answers that is stale counted as wrong."""
    stale = option.correct * stale_share(weekly, weeks)
    return replace(option, correct=option.correct - stale, wrong=option.wrong + stale)


def value_of_interval(option: Option, now: Assumptions, weekly: float, weeks):
    """Net present value with `weeks` between updates, including staleness and the cost of updates."""
    return net_present_value(with_staleness(option, weekly, weeks), replace(now, updates=WEEKS_A_MONTH / weeks))


def best_interval(option: Option, now: Assumptions, weekly: float) -> float | None:
    """Weeks between updates with the highest net present value, from one day to the horizon; None: never update."""
    horizon = now.months * WEEKS_A_MONTH
    weeks = numpy.geomspace(1 / 7, horizon, 400)
    values = value_of_interval(option, now, weekly, weeks)
    never = net_present_value(with_staleness(option, weekly, horizon), replace(now, updates=0.0))
    return None if float(never) >= float(values.max()) else float(weeks[int(values.argmax())])


def interval_table(options: Sequence[Option], now: Assumptions, weekly: float, waits: tuple[int, ...] = (1, 4, 13, 26, 52)):
    """Net present value by weeks between updates, with each option's best interval and the stale shares: a DataFrame."""
    import pandas

    rows = {"share of correct answers that are stale": {"best": "", **{w: f"{float(stale_share(weekly, w)):.1%}" for w in waits}}}
    for option in options:
        weeks = best_interval(option, now, weekly)
        rows[option.name] = {"best": "never" if weeks is None else f"every {weeks:.1f} weeks",
                             **{w: f"{float(value_of_interval(option, now, weekly, w)):,.0f}" for w in waits}}
    return pandas.DataFrame(rows).T.rename(columns={w: "every week" if w == 1 else f"every {w} weeks" for w in waits})


def stale_by_updates(weekly: float):
    """(60 numbers of updates a month, 1/12 to 8; mean share of stale answers at each; that share at one update a month)."""
    updates = numpy.geomspace(1 / 12, 8, 60)
    return updates, stale_share(weekly, WEEKS_A_MONTH / updates), float(stale_share(weekly, WEEKS_A_MONTH))
