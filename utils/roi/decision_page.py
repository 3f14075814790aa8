"""The page of a decision: figures, Markdown and HTML, without arithmetic of its own."""
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from .. import evaluation, plots
from ..types import Record
from .assumptions import PRICE_FILE, label
from .cost_model import NOTHING, cost_per_1000, cost_per_correct, net_present_value
from .decision_report import (
    UPDATES,
    VOLUMES,
    DecisionReport,
    build_report,
    cost_of_error,
    detectable_gap,
    recommendation,
    turning_points,
)
from .sensitivity import tornado, winner_map


def report_figures(report: DecisionReport) -> dict[str, object]:
    """Name → picture: outcomes, quality against cost, tornado, winners."""
    options, assumptions = report.options, report.assumptions
    arms = {option.name: evaluation.parse_arm(option.name) for option in options}
    shares = {o.name: {"correct": o.correct, "abstained": o.abstained, "wrong": o.wrong} for o in options}
    best = max(options, key=lambda option: option.correct)
    points = [{"name": o.name, "colour": arms[o.name].colour, "retrieves": o.retrieves,
               "cost": float(cost_per_1000(o, assumptions)), "correct": share.mean, "low": share.low, "high": share.high}
              for o, share in zip(options, report.correct, strict=True)]
    rows = tornado(report.rival, report.best, assumptions, report.ranges)
    against = report.rival.name if report.rival else NOTHING
    return {
        "outcomes": plots.outcome_bars(shares, report.questions, f"{best.name} is correct most often: {best.correct:.0%}"),
        "cost": plots.pareto(points, f"{best.name}: most correct answers, at "
                             f"{cost_per_1000(best, assumptions):,.0f} {report.currency} for 1,000 questions",
                             f"cost of 1,000 questions ({report.currency})"),
        "tornado": plots.tornado_bars(
            rows, f"{report.best.name} against {against}: the {label(rows[0]['assumption'])} matters most", report.currency),
        "winners": plots.winners_by_volume(
            winner_map(options, assumptions, VOLUMES, UPDATES), {name: arm.colour for name, arm in arms.items()},
            VOLUMES, UPDATES, (assumptions.volume, assumptions.updates)),
    }


def report_markdown(report: DecisionReport, pictures: dict[str, str], subject: str = "") -> str:
    """The page. pictures: name (as in `report_figures`) → address of the figure. subject: what the records are about."""
    lines = ["# RAG, fine-tuning, or both: the decision", "", subject or evaluation.subject({}), "", recommendation(report), ""]
    lines += [f"Measured on {report.questions} questions over {report.clusters} clusters; {detectable_gap(report)}.", ""]
    if report.uneven:
        lines += [f"Only questions that every option answered count: {', '.join(report.uneven)}.", ""]
    if report.unpriced:
        lines += [f"Left out, because their training is not recorded: {', '.join(report.unpriced)}.", ""]
    lines += [f"![{name}]({where})" for name, where in pictures.items() if name in ("outcomes", "cost")]
    lines += ["", *_option_table(report)]
    lines += ["", f"Money in {report.currency}; NPV is the net present value over the horizon against doing nothing. *Correct* "
              "means an accepted answer in a reply of at most 15 words. Answers that go stale between two updates are not in "
              "these sums; the updates are.", "", "## How sure", "", *_certainty(report)]
    lines += ["", "The draws vary questions and assumptions. They do not vary the training seed: before you choose a trained "
              "option for a small lead, measure more than one training run."]
    lines += ["", "## What would change it", "", *turning_points(report), ""]
    lines += [f"![{name}]({where})" for name, where in pictures.items() if name in ("tornado", "winners")]
    lines += ["", "## What it costs to be wrong", "", *cost_of_error(report), "", "## Assumptions", "",
              "| | value | range | unit | kind | date | source |", "|---|---|---|---|---|---|---|"]
    lines += [f"| {r['name']} | {r['value']:g} | {r['low']:g} to {r['high']:g} | {r['unit']} | {r['kind']} | {r['date']} | "
              f"{r['source']} |" for r in report.rows]
    return "\n".join(lines) + "\n"


def _option_table(report: DecisionReport) -> list[str]:
    columns = ("option", "correct [95 %]", "wrong", "abstained", "tokens", "seconds", "cost of 1,000", "cost of a correct answer",
               "NPV today", "NPV, 95 % of draws")
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    spans = zip(report.simulation["low"], report.simulation["high"], strict=True)
    for option, share, (low, high) in zip(report.options, report.correct, spans, strict=True):
        price = cost_per_correct(option, report.assumptions)
        cells = (option.name, share, f"{option.wrong:.2f}", f"{option.abstained:.2f}",
                 f"{option.tokens_in + option.tokens_out:.0f}", f"{option.seconds:.2f}",
                 f"{cost_per_1000(option, report.assumptions):,.2f}",
                 f"none correct of {report.questions}" if math.isinf(price) else f"{price:,.2f}",
                 f"{net_present_value(option, report.assumptions):,.0f}", f"{low:,.0f} to {high:,.0f}")
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return lines


def _certainty(report: DecisionReport) -> list[str]:
    """How often each option and doing nothing is best, most often first."""
    varied, fixed = report.simulation, report.quality_only
    rows = [(option.name, varied["probability_best"][i], fixed["probability_best"][i], varied["regret"][i])
            for i, option in enumerate(report.options)]
    rows += [(NOTHING, varied["probability_none"], fixed["probability_none"], varied["regret_none"])]
    return [f"- {name}: best in {often:.0%} of draws ({today:.0%} with today's assumptions and only quality uncertain), "
            f"expected regret {regret:,.0f} {report.currency}"
            for name, often, today, regret in sorted(rows, key=lambda row: -row[1])]


def write_report(records: Sequence[Record], out: Path, price_file: Path = PRICE_FILE,
                 provenance: Mapping = MappingProxyType({})) -> list[Path]:
    """Write the page as HTML with embedded figures, and as Markdown with figure files; returns all paths.

    provenance: of the records, as `evaluation.read_provenance` returns it.
    """
    import base64
    from html import escape

    from markdown_it import MarkdownIt

    report = build_report(records, price_file, served=evaluation.served_arms(provenance))
    subject = evaluation.subject(provenance)
    pictures = report_figures(report)
    embedded = {name: "data:image/png;base64," + base64.b64encode(image.data).decode() for name, image in pictures.items()}
    renderer = MarkdownIt("commonmark", {"html": False}).enable("table")
    renderer.validateLink = lambda url: True  # the only links are our own pictures
    html = renderer.render(report_markdown(report, embedded, subject))
    for name, image in pictures.items():
        html = html.replace(f'alt="{name}"', f'alt="{escape(image.alt)}"', 1)
    out.write_text(PAGE.format(body=html), "utf-8")
    files = {name: out.with_name(f"{out.stem}_{name}.png") for name in pictures}
    for name, image in pictures.items():
        files[name].write_bytes(image.data)
    markdown = report_markdown(report, {name: path.name for name, path in files.items()}, subject)
    for name, image in pictures.items():
        markdown = markdown.replace(f"![{name}](", f"![{image.alt}](", 1)
    out.with_suffix(".md").write_text(markdown, "utf-8")
    return [out, out.with_suffix(".md"), *files.values()]


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>RAG, fine-tuning, or both: the decision</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{{font:15px/1.45 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}}
table{{border-collapse:collapse;font-size:13px}}td,th{{border:1px solid #ccc;padding:3px 7px;text-align:left}}
img{{max-width:100%;height:auto}}h1{{font-size:1.5rem}}h2{{font-size:1.15rem}}</style></head>
<body>
{body}</body></html>
"""
