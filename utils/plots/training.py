"""Figures of lab 2: models by context, named curves, training loss."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

from .style import CURVES, axes, grouped_bars, show


def models_by_context(rows, title: str, alt: str, colours: Mapping[str, str]):
    """Bars by context (x) and model, in their colours. rows: frame with model, context, mean, low, high."""
    figure, area = axes(title, "passages in the prompt", "exact match (share of questions)", (8.0, 4.0))
    grouped_bars(area, rows, "context", "model", colours)
    area.legend(fontsize=11, frameon=False, ncols=rows.model.nunique(), loc="upper left")
    return show(figure, alt)


def curves(lines: dict[str, tuple[Sequence[float], Sequence[float]]], title: str, x: str, y: str, alt: str):
    """Named lines, each a pair (xs, ys)."""
    figure, area = axes(title, x, y, (7.5, 4.0))
    for (name, (xs, ys)), (style, colour) in zip(lines.items(), CURVES, strict=False):
        area.plot(xs, ys, style, color=colour, lw=2, label=name)
    area.legend(fontsize=11, frameon=False)
    return show(figure, alt)


def loss_curve(losses: Sequence[tuple[int, float]], title: str):
    """Training loss over optimiser steps."""
    steps, values = zip(*losses, strict=True) if losses else ((), ())
    figure, area = axes(title, "optimiser step", "loss (nats per answer token)", (7.0, 3.2))
    area.plot(steps, values, "o-", ms=4, color="#D55E00")
    area.set_ylim(bottom=0)
    return show(figure, f"Training loss by step. {title}")
