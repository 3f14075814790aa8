"""Figures of lab 3 and the decision report: outcomes, quality against cost, tornado, best option by volume, staleness."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy

from .style import NEUTRAL, axes, show, wrapped

OUTCOME_COLOURS = {"correct": "#0072B2", "abstained": "#DDDDDD", "wrong": "#D55E00"}
MARKS = {False: "o", True: "s"}  # without and with passages


def outcome_bars(shares: dict[str, dict[str, float]], n: int, title: str):
    """One bar per arm: shares of correct, abstained and wrong answers, which sum to 1. shares: arm → outcome → share."""
    figure, area = axes(wrapped(title, 5.5), f"share of questions (n = {n})", "", (8.0, 0.9 + 0.42 * len(shares)))
    left = [0.0] * len(shares)
    for name, shade in OUTCOME_COLOURS.items():
        widths = [outcomes[name] for outcomes in shares.values()]
        bars = area.barh(range(len(shares)), widths, left=left, color=shade, label=name, edgecolor="white")
        area.bar_label(bars, [f"{width:.2f}" if width >= 0.06 else "" for width in widths], label_type="center", fontsize=10,
                       color="black" if name == "abstained" else "white")
        left = [start + width for start, width in zip(left, widths, strict=True)]
    area.set_yticks(range(len(shares)), list(shares), fontsize=11)
    area.invert_yaxis()
    area.set_xlim(0, 1)
    figure.legend(fontsize=11, frameon=False, ncols=3, loc="outside lower center")
    values = "; ".join(f"{arm}: " + ", ".join(f"{name} {share:.2f}" for name, share in outcomes.items())
                       for arm, outcomes in shares.items())
    return show(figure, f"{title}. {values}.")


def pareto(points: Sequence[dict], title: str, x: str):
    """Share correct against cost; a line joins the unbeaten. points: name, colour, retrieves, cost, correct, low, high."""
    figure, area = axes(wrapped(title, 5.5), x, "share of correct answers", (8.5, 4.2))
    top = max(0.5, max(point["high"] for point in points)) * 1.05
    for point in sorted(points, key=lambda option: -option["correct"]):
        error = [[point["correct"] - point["low"]], [point["high"] - point["correct"]]]
        area.errorbar([point["cost"]], [point["correct"]], yerr=error, fmt=MARKS[point["retrieves"]], ms=9, mec="white",
                      color=point["colour"], capsize=3, label=point["name"])
    front, best = [], -1.0
    for point in sorted(points, key=lambda option: (option["cost"], -option["correct"])):
        if point["correct"] > best:
            front, best = [*front, point], point["correct"]
    area.plot([p["cost"] for p in front], [p["correct"] for p in front], "--", color="#444444", lw=1)
    area.set_ylim(0, top)
    area.margins(x=0.1)
    figure.legend(fontsize=10, frameon=False, loc="outside right upper")
    values = "; ".join(f"{p['name']}: {p['correct']:.2f} at {p['cost']:.2f}" for p in points)
    return show(figure, f"{title}. {values}.")


def tornado_bars(rows: Sequence[dict], title: str, currency: str):
    """Differences in value at both ends of assumptions. rows: assumption, label, low, high, at_low, at_high, widest first."""
    rows = list(rows)[:10]
    figure, area = axes(wrapped(title), f"difference in net present value ({currency}, thousands)\n"
                        "small numbers: the assumption's low and high value", "", (8.0, 1.1 + 0.42 * len(rows)))
    for number, row in enumerate(rows):
        low, high = row["at_low"] / 1000, row["at_high"] / 1000
        area.barh(number, high - low, left=low, color=NEUTRAL)
        rises = low <= high
        for value, end, is_left in ((low, row["low"], rises), (high, row["high"], not rises)):
            text = f"{end:,.0f}" if end >= 1000 else f"{end:g}"
            area.annotate(text, (value, number), xytext=(-4 if is_left else 4, 0), textcoords="offset points", fontsize=9,
                          ha="right" if is_left else "left", va="center")
    area.axvline(0, color="black", lw=1)
    area.set_yticks(range(len(rows)), [row["label"] for row in rows], fontsize=11)
    area.invert_yaxis()
    ends = [0.0, *(row[end] / 1000 for row in rows for end in ("at_low", "at_high"))]
    margin = 0.14 * (max(ends) - min(ends))
    area.set_xlim(min(ends) - margin, max(ends) + margin)
    values = "; ".join(f"{row['assumption']}: {row['at_low']:.0f} to {row['at_high']:.0f}" for row in rows)
    return show(figure, f"{title}. {values}.")


def winners_by_volume(winners, options: Mapping[str, str], volumes: Sequence[float], updates: Sequence[float],
                      today: tuple[float, float]):
    """Map of the option with the highest net present value by questions and updates a month; grey where all lose money.

    winners: its index, -1 if none pays, shape (updates, volumes). options: name → colour, by index. today: (volume, updates).
    """
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    best = int(winners[tuple(int(numpy.abs(numpy.asarray(axis) - at).argmin())
                             for axis, at in ((updates, today[1]), (volumes, today[0])))])
    title = f"{'No option pays' if best < 0 else f'{list(options)[best]} pays most'} today (+)"
    title += "; grey: none pays" if (winners < 0).any() else ""
    named = [("none pays", "#EEEEEE"), *options.items()]  # by index + 1
    figure, area = axes(title, "questions a month (log scale)", "updates a month", (7.5, 4.2))
    area.pcolormesh(volumes, updates, winners, vmin=-1.5, vmax=len(options) - 0.5, shading="nearest",
                    cmap=ListedColormap([shade for _, shade in named]))
    area.set_xscale("log")
    for shade, width in (("white", 5), ("black", 2)):
        area.plot([today[0]], [today[1]], "+", color=shade, ms=14, mew=width)
    shown = {name: (shade, share) for i, (name, shade) in enumerate(named, -1) if (share := float((winners == i).mean()))}
    figure.legend(handles=[Patch(facecolor=shade, edgecolor="#444444", label=name) for name, (shade, _) in shown.items()],
                  fontsize=11, frameon=False, ncols=3, loc="outside lower center")
    return show(figure, f"{title}. " + "; ".join(f"{name}: {share:.0%} of the map" for name, (_, share) in shown.items()) + ".")


def stale_curve(updates: Sequence[float], shares: Sequence[float], monthly_share: float, weekly: float):
    """Mean shares (0 to 1) of stale answers against updates a month, with the share at one a month, and a week's new share."""
    title = f"One update a month leaves {100 * monthly_share:.2f} % of answers stale, one a year {100 * shares[0]:.1f} %"
    figure, area = axes(title, "updates a month (log scale)", "stale answers (%, mean)", (7.5, 3.2))
    area.plot(updates, [100 * share for share in shares], color="#0072B2", lw=2)
    area.set_xscale("log")
    area.set_xticks([1 / 12, 4 / 12, 1, 4], ["one a year", "four a year", "1", "4"])
    area.minorticks_off()
    area.set_ylim(bottom=0)
    return show(figure, f"{title}; eight a month {100 * shares[-1]:.2f} %. {weekly:.2%} of answers go stale in a week.")
