"""Sliders over the cost model's assumptions: every move shows net present values and the best option again."""
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from . import roi

SHOWN = ("volume", "updates", "right", "wrong", "silent", "engineer_hour")


def table(options: Sequence[roi.Option], now: roi.Assumptions) -> str:
    """Net present value, cost of 1,000 questions and of a right answer for each option and doing nothing, best first; HTML."""
    rows = sorted([*options, None], key=lambda option: -float(roi.npv(option, now)))
    cells = []
    for place, option in enumerate(rows):
        line = "".join(f"<td style='text-align:{'left' if n in (0, 4) else 'right'};padding:2px 10px'>{value}</td>"
                       for n, value in enumerate(_values(option, now)))
        cells.append(f"<tr style='{'font-weight:bold' if place == 0 else ''}'>{line}</tr>")
    head = "".join(f"<th style='padding:2px 10px'>{name}</th>" for name in
                   ("option", "net present value", "cost of 1,000", "cost of a right answer", "quality"))
    return f"<table><tr>{head}</tr>{''.join(cells)}</table>"


def _values(option: roi.Option | None, now: roi.Assumptions) -> tuple[str, ...]:
    if option is None:
        return roi.NOTHING, "0", "", "", ""
    correct = roi.cost_per_correct(option, now)
    return (option.name, f"{roi.npv(option, now):,.0f}", f"{roi.cost_per_1000(option, now):,.2f}",
            "none correct" if correct == float("inf") else f"{correct:,.2f}", option.quality)


def widget(options: Sequence[roi.Option], now: roi.Assumptions, ranges: Mapping[str, tuple[float, float]]):
    """The sliders above the table, as an ipywidget for a notebook's last line."""
    import ipywidgets

    shown = ipywidgets.HTML(table(options, now))
    made = {}
    for name in (name for name in SHOWN if name in ranges):
        low, high = ranges[name]
        kind = ipywidgets.FloatLogSlider if low > 0 and high / low >= 20 else ipywidgets.FloatSlider
        span = ({"min": math.log10(low), "max": math.log10(high), "step": 0.05} if kind is ipywidgets.FloatLogSlider
                else {"min": low, "max": high, "step": (high - low) / 50})
        made[name] = kind(value=getattr(now, name), description=name.replace("_", " "), continuous_update=True, **span,
                          readout_format=",.0f" if high > 1000 else ".2f",
                          style={"description_width": "110px"})

    def moved(_) -> None:
        shown.value = table(options, replace(now, **{name: slider.value for name, slider in made.items()}))

    for slider in made.values():
        slider.observe(moved, "value")
    return ipywidgets.VBox([*made.values(), shown])
