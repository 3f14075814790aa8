"""The decision report: from any benchmark's records to one page that recommends, says how sure it is, and what would change it.

Works from the records and the price file alone; every number on the page comes from them.
"""
from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import outcomes, plots_roi, prices, roi, stats

BOUNDS = ("oracle", "distractor")  # contexts nobody can buy
BASELINES = ("question_only", "nearest_question")
DRAWS = 10_000
MORE = 200  # further labelled questions whose worth is told
VOLUMES = tuple(10 ** (2 + 4 * i / 48) for i in range(49))
UPDATES = tuple(8 * i / 32 for i in range(33))


@dataclass(frozen=True)
class Decision:
    """Everything the page is made of."""

    options: tuple[roi.Option, ...]
    right: tuple[stats.Interval, ...]  # share of right answers, option by option
    told: dict  # `roi.decide` of net present values with quality and assumptions drawn
    quality_only: dict  # the same with today's assumptions
    labels_worth: float
    assumptions: roi.Assumptions
    ranges: dict[str, tuple[float, float]]
    rows: tuple[dict, ...]  # of the price file
    questions: int
    clusters: int

    @property
    def best(self) -> roi.Option:
        """The option with the highest expected net present value."""
        return self.options[self.told["choice"]]

    @property
    def next(self) -> roi.Option | None:
        """The runner-up by expected net present value, or None when there is one option only."""
        order = sorted(range(len(self.options)), key=lambda i: -self.told["mean"][i])
        return self.options[order[1]] if len(order) > 1 else None


def decide(records: Sequence[dict], price_file: Path = prices.PRICES, seed: int = 0) -> Decision:
    """The decision that the records support. Raises ValueError where they hold no answers or nothing that can be right."""
    arms = [arm for arm in dict.fromkeys(record["arm"] for record in records) if _buyable(arm)]
    kept = [record for record in outcomes.scorable(records) if record["arm"] in arms]
    if not kept:
        raise ValueError(f"no record of a buyable arm has a right or wrong answer: score at least one arm on questions of "
                         f"{', '.join(outcomes.TASKS)}")
    if not any(record["completion_tokens"] for record in kept):
        raise ValueError("the records hold no answers (made with --retrieval-only?): run the benchmark without it")
    answered = [{record["question_id"] for record in kept if record["arm"] == arm} for arm in arms]
    asked = set.intersection(*answered)
    if not asked:
        raise ValueError(f"there is no question that all of {', '.join(arms)} answered: score them on the same questions")
    kept = [record for record in kept if record["question_id"] in asked]
    assumptions, ranges, rows = prices.load(price_file)
    options = [roi.option(arm, outcomes.shares(kept, arm), **outcomes.usage(kept, arm)) for arm in arms]
    right = [outcomes.right(kept, arm) for arm in arms]
    drawn = outcomes.draws(kept, arms, DRAWS, seed)
    fixed = roi.monte_carlo(options, drawn, assumptions, ranges, seed, vary=False)
    return Decision(tuple(options), tuple(right), roi.decide(roi.monte_carlo(options, drawn, assumptions, ranges, seed)),
                    roi.decide(fixed), roi.value_of_labels(fixed, len(asked), MORE), assumptions, ranges, tuple(rows),
                    len(asked), len({record["cluster"] for record in kept}))


def _buyable(arm: str) -> bool:
    """False for bounds, baselines, the control of closed-book training, and further seeds of an option that is there."""
    bound = any(arm == each or arm.endswith(f"+{each}") for each in BOUNDS)
    return not (bound or arm in BASELINES or arm.startswith("format_only") or re.search(r"@[1-9]", arm))


def figures(made: Decision) -> dict[str, object]:
    """Name → picture: outcomes, quality against cost, tornado, winners."""
    shares = {o.name: {"right": o.right, "silent": o.silent, "wrong": o.wrong} for o in made.options}
    best = max(made.options, key=lambda option: option.right)
    points = [{"arm": o.name, "cost": float(roi.cost_per_1000(o, made.assumptions)), "right": i.mean, "low": i.low,
               "high": i.high} for o, i in zip(made.options, made.right, strict=True)]
    found = {
        "outcomes": plots_roi.outcome_bars(shares, made.questions, f"{best.name} is right most often: {best.right:.0%}"),
        "cost": plots_roi.pareto(points, "What a share of right answers costs", "cost of 1,000 questions (USD)"),
    }
    if made.next:
        rows = roi.tornado(made.next, made.best, made.assumptions, made.ranges)
        title = f"{made.best.name} against {made.next.name}: {rows[0]['assumption']} matters most"
        found["tornado"] = plots_roi.tornado(rows, title, "USD")
        chart = roi.winner_map(made.options, made.assumptions, VOLUMES, UPDATES)
        names = [option.name for option in made.options]
        most = max(range(-1, len(names)), key=lambda i: (chart == i).sum())
        title = "none pays" if most < 0 else f"{names[most]} pays most"
        title = f"On {(chart == most).mean():.0%} of this map {title}"
        found["winners"] = plots_roi.winners(chart, names, VOLUMES, UPDATES, title)
    return found


def recommendation(made: Decision) -> str:
    """One sentence, as sure as the draws are."""
    share, none = float(made.told["probability_best"][made.told["choice"]]), made.told["probability_none"]
    if made.told["mean"][made.told["choice"]] < 0:
        return (f"**None of these options pays** under these assumptions; the least loss is with {made.best.name}. Improve the "
                "answers or change what an answer is worth before anything is bought.")
    if none > share:
        return (f"**Undecided**: {made.best.name} has the highest mean, but doing nothing is best in {none:.0%} of {DRAWS:,} "
                f"draws ({made.best.name} in {share:.0%}).")
    sure = "clearly the best" if share >= 0.9 else "probably the best" if share >= 0.7 else "ahead, but nothing is decided"
    return f"**Use {made.best.name}**: {sure} (best in {share:.0%} of {DRAWS:,} draws, doing nothing in {none:.0%})."


def markdown(made: Decision, pictures: dict[str, str]) -> str:
    """The page. pictures: name → address of the figure, as `figures` names them."""
    a, told = made.assumptions, made.told
    lines = ["# RAG, fine-tuning, or both: the decision", "", recommendation(made), ""]
    lines += [f"Measured on {made.questions} questions over {made.clusters} clusters; the smallest gap between two options that "
              f"so many can show is {stats.smallest_detectable(made.questions):.2f} (80 % power, 20 % discordant).", ""]
    lines += [f"![{name}]({where})" for name, where in pictures.items() if name in ("outcomes", "cost")]
    lines += ["", "| option | right [95 %] | wrong | silent | tokens | seconds | cost of 1,000 | cost of a right answer | "
              "NPV today | NPV, 95 % of draws |", "|---|---|---|---|---|---|---|---|---|---|"]
    for i, (option, right) in enumerate(zip(made.options, made.right, strict=True)):
        correct = roi.cost_per_correct(option, a)
        price = f"none correct of {made.questions}" if math.isinf(correct) else f"{correct:,.2f}"
        lines.append(f"| {option.name} | {right} | {option.wrong:.2f} | {option.silent:.2f} | "
                     f"{option.tokens_in + option.tokens_out:.0f} | {option.seconds:.2f} | {roi.cost_per_1000(option, a):,.2f} | "
                     f"{price} | {roi.npv(option, a):,.0f} | {told['low'][i]:,.0f} to {told['high'][i]:,.0f} |")
    lines += ["", "Money in USD; NPV is the net present value over the horizon against doing nothing. *Right* is an "
              "accepted answer in a reply of at most 15 words; *silent* is an abstention.", "", "## How sure", ""]
    order = sorted(range(len(made.options)), key=lambda i: -told["mean"][i])
    lines += [f"- {made.options[i].name}: best in {told['probability_best'][i]:.0%} of draws "
              f"({made.quality_only['probability_best'][i]:.0%} with today's assumptions and only quality uncertain), expected "
              f"regret {told['regret'][i]:,.0f}" for i in order]
    lines += [f"- doing nothing: best in {told['probability_none']:.0%} of draws"]
    lines += ["", "## What would change it", "", *_changes(made), ""]
    lines += [f"![{name}]({where})" for name, where in pictures.items() if name in ("tornado", "winners")]
    lines += ["", "## What it costs to be wrong", "", *_wrong(made), "", "## Assumptions", "",
              "| | value | range | unit | kind | date | source |", "|---|---|---|---|---|---|---|"]
    lines += [f"| {r['name']} | {r['value']:g} | {r['low']:g} to {r['high']:g} | {r['unit']} | {r['kind']} | {r['date']} | "
              f"{r['source']} |" for r in made.rows]
    return "\n".join(lines) + "\n"


def _changes(made: Decision) -> list[str]:
    if not made.next:
        return ["- Only one option was measured: measure another to compare."]
    lines = []
    for what, unit in (("volume", "questions a month"), ("updates", "updates a month")):
        crossing = roi.break_even(made.next, made.best, made.assumptions, what)
        lines.append(f"- Ahead of the two best: {crossing.words(unit)} (now {getattr(made.assumptions, what):,.0f}).")
    turns = [row for row in roi.tornado(made.next, made.best, made.assumptions, made.ranges)
             if row["at_low"] * row["at_high"] < 0]
    lines += [f"- Somewhere between {row['low']:g} and {row['high']:g}, {row['assumption'].replace('_', ' ')} turns the order."
              for row in turns[:3]]
    return lines if turns else [*lines, "- No single assumption, moved through its range, turns the order."]


def _wrong(made: Decision) -> list[str]:
    i = made.told["choice"]
    monthly = made.assumptions.volume * made.best.wrong
    return [f"- Choosing {made.best.name} costs {made.told['regret'][i]:,.0f} on average against knowing everything beforehand.",
            f"- It answers wrongly about {monthly:,.0f} times a month, which costs {monthly * made.assumptions.wrong:,.0f}.",
            f"- Measuring on {MORE} further labelled questions before deciding would be worth about {made.labels_worth:,.0f}."]


def write(records: Sequence[dict], out: Path, price_file: Path = prices.PRICES) -> list[Path]:
    """The page as HTML with its figures inside, and beside it as Markdown with the figures as files; returns all paths."""
    import base64
    from html import escape

    from markdown_it import MarkdownIt

    made = decide(records, price_file)
    drawn = figures(made)
    inside = {name: "data:image/png;base64," + base64.b64encode(image.data).decode() for name, image in drawn.items()}
    body = MarkdownIt("commonmark", {"html": False}).enable("table")
    body.validateLink = lambda url: True  # the only links are our own pictures
    html = body.render(markdown(made, inside))
    for name, image in drawn.items():
        html = html.replace(f'alt="{name}"', f'alt="{escape(image.alt)}"')
    out.write_text(PAGE.format(body=html), "utf-8")
    beside = []
    for name, image in drawn.items():
        beside.append(out.with_name(f"{out.stem}_{name}.png"))
        beside[-1].write_bytes(image.data)
    text = out.with_suffix(".md")
    text.write_text(markdown(made, {name: path.name for name, path in zip(drawn, beside, strict=True)}), "utf-8")
    return [out, text, *beside]


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>RAG, fine-tuning, or both: the decision</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{{font:15px/1.45 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}}
table{{border-collapse:collapse;font-size:13px}}td,th{{border:1px solid #ccc;padding:3px 7px;text-align:left}}
img{{max-width:100%;height:auto}}h1{{font-size:1.5rem}}h2{{font-size:1.15rem}}</style></head>
<body>
{body}</body></html>
"""
