"""Figures of lab 2: models by context, named curves, training loss."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

from .style import CURVES, axes, show


def models_by_context(rows, title: str, alt: str, colours: Mapping[str, str]):
    """Bars with intervals: contexts on the x axis, one bar per model. colours: model → colour.

    rows: frame with model, context, mean, low, high.
    """
    contexts, names = list(dict.fromkeys(rows.context)), list(dict.fromkeys(rows.model))
    figure, area = axes(title, "passages in the prompt", "exact match (share of questions)", (8.0, 4.0))
    for number, name in enumerate(names):
        bars = rows[rows.model == name].set_index("context")
        positions = [contexts.index(context) + (number - (len(names) - 1) / 2) * 0.8 / len(names) for context in bars.index]
        area.bar(positions, bars["mean"], 0.76 / len(names), color=colours[name], label=name,
                 yerr=[bars["mean"] - bars.low, bars.high - bars["mean"]], capsize=3, ecolor="#444444")
        for x, mean in zip(positions, bars["mean"], strict=True):
            if mean == 0:
                area.text(x, 0.01, "0", ha="center", fontsize=10)
    area.set_xticks(range(len(contexts)), contexts, fontsize=11)
    area.set_ylim(0, 1)
    area.legend(fontsize=11, frameon=False, ncols=len(names), loc="upper left")
    return show(figure, alt)


def curves(lines: dict[str, tuple[Sequence[float], Sequence[float]]], title: str, x: str, y: str, alt: str,
           points: dict[str, tuple[float, float]] | None = None, colours: Mapping[str, str] | None = None):
    """Named lines, each a pair (xs, ys), and named single points. colours: point → colour."""
    figure, area = axes(title, x, y, (7.5, 4.0))
    for (name, (xs, ys)), (style, colour) in zip(lines.items(), CURVES, strict=False):
        area.plot(xs, ys, style, color=colour, lw=2, label=name)
    for name, point in (points or {}).items():
        area.plot(*point, "o", ms=10, color=(colours or {}).get(name, "black"))
        area.annotate(name, point, xytext=(8, 8), textcoords="offset points", fontsize=11)
    area.legend(fontsize=11, frameon=False)
    return show(figure, alt)


def loss_curve(losses: Sequence[tuple[int, float]], title: str):
    """Training loss over optimiser steps."""
    steps, values = zip(*losses, strict=True) if losses else ((), ())
    figure, area = axes(title, "optimiser step", "loss (nats per answer token)", (7.0, 3.2))
    area.plot(steps, values, "o-", ms=4, color="#D55E00")
    area.set_ylim(bottom=0)
    return show(figure, f"Training loss by step. {title}")
