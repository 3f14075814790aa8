"""Figures of lab 1: lengths, Recall@k, arms by task, gain against cost, part of the graph."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy

from .style import CURVES, NEUTRAL, axes, grouped_bars, show


def length_histogram(counts: Sequence[int], window: int, title: str, alt: str, what: str = "document",
                     note: str = "the embedder reads"):
    """Histogram of lengths in tokens (log scale) with a line at `window` tokens. what: singular name of the items."""
    figure, area = axes(title, f"{what} length (tokens, log scale)", f"{what}s")
    area.hist(counts, bins=numpy.geomspace(min(counts), max(counts), 30), color=NEUTRAL)
    area.set_xscale("log")
    area.axvline(window, color="black", ls="--")
    area.annotate(f"{note}\n{window} tokens", (window * 0.94, area.get_ylim()[1] * 0.8), fontsize=11, ha="right")
    return show(figure, alt)


def recall_curve(curves: dict[str, list], ks: Sequence[int], title: str, alt: str):
    """Recall@k against k for each named curve of Intervals, with the intervals as bands."""
    figure, area = axes(title, "k (documents looked at)", "Recall@k (share of questions)")
    for (style, colour), (name, points) in zip(CURVES, curves.items(), strict=False):
        area.plot(ks, [p.mean for p in points], style, color=colour, marker="o", label=f"{name} (n={points[0].n})", lw=2)
        area.fill_between(ks, [p.low for p in points], [p.high for p in points], alpha=0.12, color=colour)
    area.set(ylim=(0, 1.02), xticks=list(ks))
    area.legend(fontsize=11, frameon=False, loc="lower right")
    return show(figure, alt)


def arm_bars(summary, metric_of: dict[str, str], title: str, alt: str, colours: Mapping[str, str]):
    """Bars by task and arm. summary: frame with arm, task, metric, mean, low, high, n. metric_of: by task. colours: by arm."""
    figure, area = axes(title, "", "score (0 to 1)", (8.5, 4.2))
    tasks = list(metric_of)
    rows = summary[summary.metric == summary.task.map(metric_of)].sort_values("task", key=lambda column: column.map(tasks.index),
                                                                              kind="stable")
    grouped_bars(area, rows, "task", "arm", colours)
    labels = [f"{row.task}\n{row.metric.replace('_', ' ')}\nn={row.n:.0f}" for row in rows.drop_duplicates("task").itertuples()]
    area.set_xticks(range(len(labels)), labels, fontsize=10)
    area.set_ylim(0, 1.02)
    return show(figure, alt)


GROUP_COLOURS = {"before": "#E69F00", "search": "#0072B2", "after": "#009E73", "all": "#000000"}


def gain_against_cost(rows, title: str, alt: str):
    """Stages as points: added milliseconds (x) against the gain in prompts that contain the answer (y), with intervals.

    rows: frame with stage, group, difference, low, high, added_ms, verdict. Hollow points are inconclusive.
    """
    figure, area = axes(title, "added milliseconds a question (log scale beyond 10)", "gain: answer in the prompt", (8.5, 4.6))
    area.axhline(0, color="#444444", lw=1)
    named = 0
    for row in rows.sort_values("added_ms").itertuples():
        colour = GROUP_COLOURS[row.group]
        conclusive = row.verdict != "inconclusive"
        area.errorbar(row.added_ms, row.difference, [[row.difference - row.low], [row.high - row.difference]], fmt="o", ms=9,
                      color=colour, mfc=colour if conclusive else "white", alpha=1.0 if conclusive else 0.7, lw=1.2)
        if row.low > 0 or row.high < 0 or row.added_ms > 100:
            last = row.added_ms > 1000
            area.annotate(row.stage, (row.added_ms, row.difference), xytext=(-8, 5) if last else (8, 5 - 16 * (named % 2)),
                          fontsize=10, textcoords="offset points", ha="right" if last else "left")
            named += 1
    area.set_xscale("symlog", linthresh=10)
    handles = [area.plot([], [], "o", color=colour, label=f"{group} search" if group in ("before", "after") else group)[0]
               for group, colour in GROUP_COLOURS.items()]
    area.legend(handles=handles, fontsize=10, frameon=False, loc="lower right", ncols=4)
    return show(figure, alt)


NODE_COLOURS = {"operation": "#0072B2", "error": "#D55E00", "parameter": "#009E73"}


def subgraph(knowledge, centre: Sequence[str], title: str, alt: str):
    """Operations of a networkx graph: shared errors and parameters on the right with names, their own on the left as dots."""
    kinds = {node: data.get("kind", "") for node, data in knowledge.nodes(data=True)}
    neighbours = {op: [n for n in knowledge.successors(op) if kinds[n] in ("error", "parameter")] for op in centre}
    owners = {node: [op for op in centre if node in neighbours[op]] for members in neighbours.values() for node in members}
    shared = sorted((n for n in owners if len(owners[n]) > 1), key=lambda n: (-len(owners[n]), owners[n], n))
    unshared = sorted((n for n in owners if len(owners[n]) == 1), key=lambda n: (centre.index(owners[n][0]), n))
    positions = {}
    for x, nodes in ((-1.0, unshared), (0.0, list(centre)), (1.0, shared)):
        positions |= {node: (x, 1 - (i + 0.5) / len(nodes)) for i, node in enumerate(nodes)}
    figure, area = axes(title, "", "", (8.5, 5.2))
    for node, operations in owners.items():
        for operation in operations:
            area.plot(*zip(positions[operation], positions[node], strict=True), color="#BBBBBB", lw=1, zorder=1)
    for kind in ("operation", "error", "parameter"):
        points = [point for node, point in positions.items() if kinds[node] == kind]
        area.scatter(*zip(*points, strict=True), s=160 if kind == "operation" else 60, color=NODE_COLOURS[kind], label=kind,
                     zorder=2)
    for node in centre:
        name = knowledge.nodes[node]["name"]
        area.annotate(name, positions[node], (0, 9), textcoords="offset points", ha="center", fontsize=11)
    for node in shared:
        name = (knowledge.nodes[node].get("means") or [""])[0] if ":parameter:" in node else knowledge.nodes[node]["name"]
        area.annotate(name, positions[node], (8, -4), textcoords="offset points", fontsize=10)
    area.legend(fontsize=10, frameon=False, loc="upper left", ncols=3, bbox_to_anchor=(0, 0.02))
    area.set_xlim(-1.1, 1.9)
    area.axis("off")
    return show(figure, alt)
