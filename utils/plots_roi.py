"""Figures of lab 3 and of the decision report: outcomes, quality against cost, tornado, and the map of winners."""
from __future__ import annotations

from collections.abc import Sequence

from . import plots

OUTCOME_COLOURS = {"right": "#0072B2", "silent": "#DDDDDD", "wrong": "#D55E00"}
MARKS = {False: "o", True: "s"}  # without and with passages


def colour(arm: str) -> str:
    """The colour of an arm in all labs; a trained model keeps its own with passages too."""
    model = arm.partition("+")[0].partition("@")[0]
    return plots.ARM_COLOURS.get(arm) or plots.ARM_COLOURS.get(model) or plots.NEUTRAL


def outcome_bars(shares: dict[str, dict[str, float]], n: int, title: str):
    """One bar for each arm: right, silent and wrong, which add up to one."""
    figure, area = plots.axes(title, f"share of questions (n = {n})", "", (8.0, 0.9 + 0.42 * len(shares)))
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
    figure, area = plots.axes(title, x, "share of right answers", (7.5, 4.2))
    top, place = max(0.5, max(point["high"] for point in points)) * 1.05, -1.0
    for point in sorted(points, key=lambda each: each["right"]):
        with_passages = "+" in point["arm"] or point["arm"] in ("naive_rag", "advanced_rag", "graph")
        area.errorbar([point["cost"]], [point["right"]], yerr=[[point["right"] - point["low"]], [point["high"] - point["right"]]],
                      fmt=MARKS[with_passages], ms=9, color=colour(point["arm"]), capsize=3)
        place = max(point["right"] + 0.01 * top, place + 0.05 * top)  # names of options that lie close go above each other
        area.annotate(point["arm"], (point["cost"], place), xytext=(9, 0), textcoords="offset points", fontsize=10)
    front, best = [], -1.0
    for point in sorted(points, key=lambda each: (each["cost"], -each["right"])):
        if point["right"] > best:
            front, best = [*front, point], point["right"]
    area.plot([p["cost"] for p in front], [p["right"] for p in front], "--", color="#444444", lw=1)
    area.set_ylim(0, top)
    area.margins(x=0.3)
    told = "; ".join(f"{p['arm']}: {p['right']:.2f} at {p['cost']:.2f}" for p in points)
    return plots.show(figure, f"{title}. {told}.")


def tornado(rows: Sequence[dict], title: str, currency: str, most: int = 8):
    """Swing of a difference in net present value for each assumption, widest on top; at the line both are equal."""
    rows = list(rows)[:most]
    figure, area = plots.axes(title, f"difference in net present value ({currency}, thousands)", "",
                              (8.0, 1.1 + 0.42 * len(rows)))
    for place, row in enumerate(rows):
        low, high = row["at_low"] / 1000, row["at_high"] / 1000
        area.barh(place, high - low, left=low, color=plots.NEUTRAL)
        rises = low <= high
        for value, end, side in ((low, row["low"], rises), (high, row["high"], not rises)):
            area.annotate(f"{end:g}", (value, place), xytext=(-4 if side else 4, 0), textcoords="offset points", fontsize=9,
                          ha="right" if side else "left", va="center")
    area.axvline(0, color="black", lw=1)
    area.set_yticks(range(len(rows)), [row["assumption"].replace("_", " ") for row in rows], fontsize=11)
    area.invert_yaxis()
    ends = [0.0, *(row[end] / 1000 for row in rows for end in ("at_low", "at_high"))]
    room = 0.14 * (max(ends) - min(ends))
    area.set_xlim(min(ends) - room, max(ends) + room)
    told = "; ".join(f"{row['assumption']}: {row['at_low']:.0f} to {row['at_high']:.0f}" for row in rows)
    return plots.show(figure, f"{title}. {told}.")


def winners(found, names: Sequence[str], volumes: Sequence[float], updates: Sequence[float], title: str):
    """Map of the option with the highest net present value over volume and updates a month; grey where every one loses money."""
    import numpy
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    used = sorted({int(value) for value in numpy.unique(found)})
    shades = {i: "#EEEEEE" if i < 0 else colour(names[i]) for i in used}
    figure, area = plots.axes(title, "questions a month (log scale)", "updates a month", (7.5, 4.2))
    place = {value: number for number, value in enumerate(used)}
    area.pcolormesh(volumes, updates, numpy.vectorize(place.get)(found), cmap=ListedColormap([shades[i] for i in used]),
                    vmin=-0.5, vmax=len(used) - 0.5, shading="nearest")
    area.set_xscale("log")
    labels = {i: "none pays" if i < 0 else names[i] for i in used}
    figure.legend(handles=[Patch(facecolor=shades[i], edgecolor="#444444", label=labels[i]) for i in used], fontsize=11,
                  frameon=False, ncols=3, loc="outside lower center")
    counts = {labels[i]: float((found == i).mean()) for i in used}
    return plots.show(figure, f"{title}. " + "; ".join(f"{name}: {share:.0%} of the map" for name, share in counts.items()) + ".")
