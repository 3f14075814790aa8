"""Figures of lab 3 and of the decision report: outcomes, quality against cost, tornado, and the map of winners."""
from __future__ import annotations

import re
from collections.abc import Sequence

from . import cadence, plots, prices

OUTCOME_COLOURS = {"right": "#0072B2", "silent": "#DDDDDD", "wrong": "#D55E00"}
MARKS = {False: "o", True: "s"}  # without and with passages


def colour(arm: str) -> str:
    """The colour of an arm in all labs; a trained model keeps its own with passages too."""
    model = arm.partition("+")[0]
    arm = re.sub(r"@\d+", "", arm)
    return plots.ARM_COLOURS.get(arm) or plots.ARM_COLOURS.get(model) or plots.NEUTRAL


def outcome_bars(shares: dict[str, dict[str, float]], n: int, title: str):
    """One bar for each arm: right, silent and wrong, which add up to one."""
    figure, area = plots.axes(plots.wrapped(title, 5.5), f"share of questions (n = {n})", "", (8.0, 0.9 + 0.42 * len(shares)))
    left = [0.0] * len(shares)
    for name, shade in OUTCOME_COLOURS.items():
        widths = [each[name] for each in shares.values()]
        area.barh(range(len(shares)), widths, left=left, color=shade, label=name, edgecolor="white")
        for place, (start, width) in enumerate(zip(left, widths, strict=True)):
            if width >= 0.06:
                area.text(start + width / 2, place, f"{width:.2f}", ha="center", va="center", fontsize=10,
                          color="black" if name == "silent" else "white")
        left = [start + width for start, width in zip(left, widths, strict=True)]
    area.set_yticks(range(len(shares)), list(shares), fontsize=11)
    area.invert_yaxis()
    area.set_xlim(0, 1)
    figure.legend(fontsize=11, frameon=False, ncols=3, loc="outside lower center")
    told = "; ".join(f"{arm}: " + ", ".join(f"{name} {value:.2f}" for name, value in each.items())
                     for arm, each in shares.items())
    return plots.show(figure, f"{title}. {told}.")


def pareto(points: Sequence[dict], title: str, x: str):
    """Share of right answers against a cost, with intervals; options that no other beats on both are joined.

    points: arm, cost, right, low, high. Squares answer with passages, circles without.
    """
    figure, area = plots.axes(plots.wrapped(title, 5.5), x, "share of right answers", (8.5, 4.2))
    top = max(0.5, max(point["high"] for point in points)) * 1.05
    for point in sorted(points, key=lambda each: -each["right"]):
        with_passages = "+" in point["arm"] or point["arm"] in ("naive_rag", "advanced_rag", "graph")
        area.errorbar([point["cost"]], [point["right"]], yerr=[[point["right"] - point["low"]], [point["high"] - point["right"]]],
                      fmt=MARKS[with_passages], ms=9, mec="white", color=colour(point["arm"]), capsize=3, label=point["arm"])
    front, best = [], -1.0
    for point in sorted(points, key=lambda each: (each["cost"], -each["right"])):
        if point["right"] > best:
            front, best = [*front, point], point["right"]
    area.plot([p["cost"] for p in front], [p["right"] for p in front], "--", color="#444444", lw=1)
    area.set_ylim(0, top)
    area.margins(x=0.1)
    figure.legend(fontsize=10, frameon=False, loc="outside right upper")
    told = "; ".join(f"{p['arm']}: {p['right']:.2f} at {p['cost']:.2f}" for p in points)
    return plots.show(figure, f"{title}. {told}.")


def tornado(rows: Sequence[dict], title: str, currency: str, most: int = 10):
    """Swing of a difference in net present value for each assumption, widest on top; at the line both are equal."""
    rows = list(rows)[:most]
    figure, area = plots.axes(plots.wrapped(title),
                              f"difference in net present value ({currency}, thousands)\n"
                              "small numbers: the assumption's low and high value", "",
                              (8.0, 1.1 + 0.42 * len(rows)))
    for place, row in enumerate(rows):
        low, high = row["at_low"] / 1000, row["at_high"] / 1000
        area.barh(place, high - low, left=low, color=plots.NEUTRAL)
        rises = low <= high
        for value, end, side in ((low, row["low"], rises), (high, row["high"], not rises)):
            text = f"{end:,.0f}" if end >= 1000 else f"{end:g}"
            area.annotate(text, (value, place), xytext=(-4 if side else 4, 0), textcoords="offset points", fontsize=9,
                          ha="right" if side else "left", va="center")
    area.axvline(0, color="black", lw=1)
    area.set_yticks(range(len(rows)), [prices.words(row["assumption"]) for row in rows], fontsize=11)
    area.invert_yaxis()
    ends = [0.0, *(row[end] / 1000 for row in rows for end in ("at_low", "at_high"))]
    room = 0.14 * (max(ends) - min(ends))
    area.set_xlim(min(ends) - room, max(ends) + room)
    told = "; ".join(f"{row['assumption']}: {row['at_low']:.0f} to {row['at_high']:.0f}" for row in rows)
    return plots.show(figure, f"{title}. {told}.")


def winners(found, names: Sequence[str], volumes: Sequence[float], updates: Sequence[float], now):
    """Map of the option with the highest net present value over volume and updates a month; grey where every one loses money.

    now: today's `roi.Assumptions`, marked by a cross; the title says what wins there.
    """
    import numpy
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    here = int(found[tuple(int(numpy.abs(numpy.asarray(axis) - at).argmin())
                           for axis, at in ((updates, now.updates), (volumes, now.volume)))])
    title = f"{'No option pays' if here < 0 else f'{names[here]} pays most'} today (+)"
    title += "; grey: none pays" if (found < 0).any() else ""
    used = sorted({int(value) for value in numpy.unique(found)})
    shades = {i: "#EEEEEE" if i < 0 else colour(names[i]) for i in used}
    figure, area = plots.axes(title, "questions a month (log scale)", "updates a month", (7.5, 4.2))
    place = {value: number for number, value in enumerate(used)}
    area.pcolormesh(volumes, updates, numpy.vectorize(place.get)(found), cmap=ListedColormap([shades[i] for i in used]),
                    vmin=-0.5, vmax=len(used) - 0.5, shading="nearest")
    area.set_xscale("log")
    for shade, width in (("white", 5), ("black", 2)):
        area.plot([now.volume], [now.updates], "+", color=shade, ms=14, mew=width)
    labels = {i: "none pays" if i < 0 else names[i] for i in used}
    figure.legend(handles=[Patch(facecolor=shades[i], edgecolor="#444444", label=labels[i]) for i in used], fontsize=11,
                  frameon=False, ncols=3, loc="outside lower center")
    counts = {labels[i]: float((found == i).mean()) for i in used}
    return plots.show(figure, f"{title}. " + "; ".join(f"{name}: {share:.0%} of the map" for name, share in counts.items()) + ".")


def stale(weekly: float):
    """Mean share of stale answers against updates a month, when this share goes stale each week."""
    import numpy

    updates = numpy.geomspace(1 / 12, 8, 60)
    share = 100 * cadence.stale_share(weekly, cadence.WEEKS_A_MONTH / updates)
    once = 100 * float(cadence.stale_share(weekly, cadence.WEEKS_A_MONTH))
    title = f"One update a month leaves {once:.2f} % of answers stale, one a year {share[0]:.1f} %"
    figure, area = plots.axes(title, "updates a month (log scale)", "stale answers (%, mean)", (7.5, 3.2))
    area.plot(updates, share, color=plots.ARM_COLOURS["advanced_rag"], lw=2)
    area.set_xscale("log")
    area.set_xticks([1 / 12, 4 / 12, 1, 4], ["one a year", "four a year", "1", "4"])
    area.minorticks_off()
    area.set_ylim(bottom=0)
    return plots.show(figure, f"{title}; eight a month {share[-1]:.2f} %. {weekly:.2%} of answers go stale in a week.")
