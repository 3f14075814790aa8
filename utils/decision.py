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
VOLUMES = tuple(10 ** (2 + 4 * i / 240) for i in range(241))
UPDATES = tuple(8 * i / 160 for i in range(161))


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
    def nothing(self) -> bool:
        """True where doing nothing is best more often than the best option, or that one loses on average."""
        choice = self.told["choice"]
        return self.told["mean"][choice] < 0 or self.told["probability_none"] > self.told["probability_best"][choice]

    @property
    def rival(self) -> roi.Option | None:
        """What the best option has to beat: the runner-up, or None, doing nothing, where that is ahead or nothing else is."""
        order = sorted(range(len(self.options)), key=lambda i: -self.told["mean"][i])
        return self.options[order[1]] if len(order) > 1 and not self.nothing else None


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
        "cost": plots_roi.pareto(points, f"{best.name}: most right answers, at "
                                 f"{roi.cost_per_1000(best, made.assumptions):,.0f} USD for 1,000 questions",
                                 "cost of 1,000 questions (USD)"),
    }
    rows = roi.tornado(made.rival, made.best, made.assumptions, made.ranges)
    against = made.rival.name if made.rival else roi.NOTHING
    title = f"{made.best.name} against {against}: the {prices.words(rows[0]['assumption'])} matters most"
    found["tornado"] = plots_roi.tornado(rows, title, "USD")
    names = [option.name for option in made.options]
    chart = roi.winner_map(made.options, made.assumptions, VOLUMES, UPDATES)
    found["winners"] = plots_roi.winners(chart, names, VOLUMES, UPDATES, made.assumptions)
    return found


def recommendation(made: Decision) -> str:
    """One sentence, as sure as the draws are."""
    share, none = float(made.told["probability_best"][made.told["choice"]]), made.told["probability_none"]
    today, mean = float(roi.npv(made.best, made.assumptions)), made.told["mean"][made.told["choice"]]
    if today <= 0 and mean < 0:
        return (f"**None of these options pays** under these assumptions; the least loss is with {made.best.name}. Improve the "
                "answers or change what an answer is worth before anything is bought.")
    if made.nothing:
        first, then = ("and", "but") if today * mean > 0 else ("but", "and")
        return (f"**Undecided**: {made.best.name} is the best of these options and brings {today:,.0f} USD at today's "
                f"assumptions, {first} {mean:,.0f} USD on average over their ranges, {then} doing nothing is best in {none:.0%} "
                f"of {DRAWS:,} draws ({made.best.name} in {share:.0%}). Before buying anything, settle the "
                "assumptions that would change it.")
    sure = "clearly the best" if share >= 0.9 else "probably the best" if share >= 0.7 else "ahead, but nothing is decided"
    return f"**Use {made.best.name}**: {sure} (best in {share:.0%} of {DRAWS:,} draws, doing nothing in {none:.0%})."


def markdown(made: Decision, pictures: dict[str, str]) -> str:
    """The page. pictures: name → address of the figure, as `figures` names them."""
    a, told = made.assumptions, made.told
    lines = ["# RAG, fine-tuning, or both: the decision", "", recommendation(made), ""]
    lines += [f"Measured on {made.questions} questions over {made.clusters} clusters; {_detectable(made)}.", ""]
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
              "accepted answer in a reply of at most 15 words; *silent* is an abstention. What goes stale between two updates "
              "is not in these sums, though the updates are.", "", "## How sure", ""]
    rows = [(option.name, *(each["probability_best"][i] for each in (told, made.quality_only)), told["regret"][i])
            for i, option in enumerate(made.options)]
    rows += [(roi.NOTHING, told["probability_none"], made.quality_only["probability_none"], told["regret_none"])]
    lines += [f"- {name}: best in {often:.0%} of draws ({fixed:.0%} with today's assumptions and only quality uncertain), "
              f"expected regret {regret:,.0f} USD" for name, often, fixed, regret in sorted(rows, key=lambda row: -row[1])]
    lines += ["", "The draws are of questions and of assumptions. That the same training, run once more, may give another reader "
              "is not in them: measure more than one run before a trained option is chosen for a small lead."]
    lines += ["", "## What would change it", "", *_changes(made), ""]
    lines += [f"![{name}]({where})" for name, where in pictures.items() if name in ("tornado", "winners")]
    lines += ["", "## What it costs to be wrong", "", *_wrong(made), "", "## Assumptions", "",
              "| | value | range | unit | kind | date | source |", "|---|---|---|---|---|---|---|"]
    lines += [f"| {r['name']} | {r['value']:g} | {r['low']:g} to {r['high']:g} | {r['unit']} | {r['kind']} | {r['date']} | "
              f"{r['source']} |" for r in made.rows]
    return "\n".join(lines) + "\n"


def _detectable(made: Decision) -> str:
    """What gap so many questions can show, in words; none where even the largest gap possible would be missed too often."""
    differ = 0.2  # share of questions on which two options differ: no gap can be larger
    gaps = [stats.smallest_detectable(many, differ) for many in (made.questions, made.clusters)]
    if gaps[0] > differ:
        return ("so few show no gap reliably: if two options differ on a fifth of the questions, even the largest gap possible "
                "would be missed more than one time in five")
    return (f"the smallest gap between two options that so many can show is {gaps[0]:.2f} if all questions are independent, "
            f"{gaps[1]:.2f} if those of one cluster are as good as one (found four times in five, when the two options differ on "
            "a fifth of the questions)")


def _changes(made: Decision) -> list[str]:
    against = made.rival.name if made.rival else roi.NOTHING
    lines = [f"{made.best.name} against {against}, at today's other assumptions:", ""]
    for what, unit in (("volume", "questions a month"), ("updates", "updates a month")):
        crossing = roi.break_even(made.rival, made.best, made.assumptions, what)
        lines.append(f"- ahead is {crossing.words(unit)} (now {getattr(made.assumptions, what):,.0f})")
    turns = [row for row in roi.tornado(made.rival, made.best, made.assumptions, made.ranges)
             if row["at_low"] * row["at_high"] < 0]
    for row in [row for row in turns if row["assumption"] not in ("volume", "updates")][:4]:
        what, now = row["assumption"], getattr(made.assumptions, row["assumption"])
        crossing = roi.break_even(made.rival, made.best, made.assumptions, what, (row["low"], row["high"]))
        lines.append(f"- the {prices.words(what)}: ahead is {crossing.below} below {crossing.at:.3g}, {crossing.above} above "
                     f"(now {now:g}, range {row['low']:g} to {row['high']:g})")
    lines += [] if turns else ["- no single assumption, moved through its range, turns the order"]
    return lines if len(made.options) > 1 else [*lines, "- only one option was measured: measure another to compare"]


def _wrong(made: Decision) -> list[str]:
    monthly, regret = made.assumptions.volume * made.best.wrong, made.told["regret"][made.told["choice"]]
    return [f"- Against knowing everything beforehand, choosing {made.best.name} costs {regret:,.0f} USD on average, and "
            f"{roi.NOTHING} {made.told['regret_none']:,.0f} USD.",
            f"- {made.best.name} answers wrongly about {monthly:,.0f} times a month, which costs "
            f"{monthly * made.assumptions.wrong:,.0f} USD.",
            f"- Measuring on {MORE} further labelled questions before deciding would be worth {made.labels_worth:,.0f} USD."]


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
        html = html.replace(f'alt="{name}"', f'alt="{escape(image.alt)}"', 1)
    out.write_text(PAGE.format(body=html), "utf-8")
    beside = []
    for name, image in drawn.items():
        beside.append(out.with_name(f"{out.stem}_{name}.png"))
        beside[-1].write_bytes(image.data)
    text, page = out.with_suffix(".md"), markdown(made, {name: path.name for name, path in zip(drawn, beside, strict=True)})
    for name, image in drawn.items():
        page = page.replace(f"![{name}](", f"![{image.alt}](", 1)
    text.write_text(page, "utf-8")
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
