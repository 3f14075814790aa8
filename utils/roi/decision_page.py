"""The page of a decision: one HTML file that works without a network, from templates that escape every text."""
from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType

from .. import evaluation
from ..types import Question, Record
from .answers_appendix import answers_appendix
from .assumptions import OWN, PRICE_FILE, label, price_units
from .cost_model import HOURS_A_MONTH, NOTHING, UTILISATION, assumed_shares, cost_per_1000
from .decision_report import (
    DecisionReport,
    build_report,
    cost_of_error,
    detectable_gap,
    questions_to_settle,
    recommendation,
    turning_points,
)
from .option_words import HEADLINES, money, option_kind, option_words, whole
from .sensitivity import SHARES, uniform_draws

TEMPLATES = Path(__file__).with_name("page")


def page_data(report: DecisionReport) -> dict:
    """What the page's script computes with: options, assumptions, ranges, and draws in steps of 1e-4.

    quality: for each option `SHARES` but `abstained`, as many numbers as draws; uniforms: for each assumption with a range.
    """
    keep = ("name", "unanswerable", "tokens_in", "tokens_out", "seconds", "cached", "api", "retrieves", "uses_graph", "trained",
            "feedback_rounds", "facts_in_weights")
    options = [{**{name: value for name, value in asdict(option).items() if name in keep}, "words": option_words(option.name),
                **{name: float(getattr(option, name)) for name in SHARES}} for option in report.options]
    quality = [{name: [round(10_000 * float(x)) for x in report.quality[:, i, place]]
                for place, name in enumerate(SHARES) if name != "abstained"} for i in range(len(options))]
    uniforms = uniform_draws(report.ranges, len(report.quality), report.seed)
    return {"options": options, "quality": quality, "assumptions": asdict(report.assumptions), "ranges": report.ranges,
            "uniforms": {name: [round(10_000 * float(x)) for x in drawn] for name, drawn in uniforms.items()},
            "labels": {name: label(name) for name in report.ranges}, "units": price_units(report.currency),
            "headlines": HEADLINES, "nothing": NOTHING, "currency": report.currency, "hours_a_month": HOURS_A_MONTH,
            "utilisation": UTILISATION}


def option_rows(report: DecisionReport) -> list[dict]:
    """For each option what the page says of it without a script; shares are of 100 questions."""
    rows = []
    for option, share in zip(report.options, report.correct, strict=True):
        correct, wrong, abstained = assumed_shares(option, report.assumptions)
        parts = {"correct": correct, "abstained": abstained, "wrong": wrong}
        rows.append({"words": option_words(option.name), "kind": option_kind(option), "arm": option.name,
                     **{name: whole(100 * part) for name, part in parts.items()},
                     **{f"{name}_width": round(100 * part, 2) for name, part in parts.items()},
                     "low": whole(100 * share.low), "high": whole(100 * share.high),
                     "cost": money(cost_per_1000(option, report.assumptions), report.currency)})
    return rows


def settle_words(report: DecisionReport) -> str:
    """How many more questions would settle the choice and what they cost, or that no number would."""
    more, labelling = questions_to_settle(report), report.assumptions.label_minutes / 60 * report.assumptions.engineer_hour
    if more is None:
        return ("No number of further questions would settle the choice: what is open are the assumptions, so settle those that "
                "can turn the order.")
    if not more:
        return "The choice is as settled as nine draws in ten can make it: more questions would change little."
    return (f"About {more:,} more questions about other documents would settle the choice in nine cases of ten; to write and "
            f"check them costs some {money(more * labelling, report.currency)}, and knowing before deciding is worth "
            f"{money(report.labels_worth(more), report.currency)}.")


def about(provenance: Mapping, arms: Collection[str]) -> dict:
    """What the records of these arms are about: a paragraph, the date, and rows of model, digests, adapters and seeds."""
    rows = []
    for arm, model in ((arm, model) for arm, model in provenance.get("arms", {}).items() if arm in arms):
        said = [f"model {model.get('model', 'not recorded')}"]
        said += [f"{name.replace('_', ' ')} {model[name]}" for name in ("endpoint", "adapter", "adapter_sha256", "parent", "seed")
                 if model.get(name) not in (None, "", "not recorded")]
        trained = model.get("trained_on")
        if isinstance(trained, Mapping):
            said.append(f"trained on {trained['training_questions']} questions of {trained['questions']} about "
                        f"{trained['corpus']}")
        elif numbers := [f"{model[name]} {name}" for name in ("pairs", "examples") if isinstance(model.get(name), int)]:
            said.append(f"trained on {numbers[0]}, SHA-256 {model['data_sha256']}")
        rows.append((arm, "; ".join(said)))
    for name in ("corpus", "questions"):
        if isinstance(part := provenance.get(name), Mapping):
            rows.append((name, f"{part.get('folder') or part.get('file')}, SHA-256 {part.get('sha256', 'not recorded')}"))
    rows += [(name, provenance[name]) for name in ("embedder", "command", "date") if name in provenance]
    return {"subject": evaluation.subject(provenance), "rows": rows, "date": str(provenance.get("date", "")).partition("T")[0]}


def write_report(records: Sequence[Record], out: Path, price_file: Path = PRICE_FILE,
                 provenance: Mapping = MappingProxyType({}), questions: Sequence[Question] = (), answers: bool = True) -> Path:
    """Write the page and return its path.

    provenance: of the records, as `evaluation.read_provenance` returns it. questions: those of the records, for the appendix with
    all answers, which `answers=False` leaves out.
    """
    from jinja2 import Environment, FileSystemLoader
    from markupsafe import Markup

    report = build_report(records, price_file, served=evaluation.served_arms(provenance))
    templates = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=False)
    answer, sure = recommendation(report)
    notes = [f"Only questions that every option answered count: {', '.join(report.uneven)}."] if report.uneven else []
    notes += [f"Left out, because their training is not recorded: {', '.join(report.unpriced)}."] if report.unpriced else []
    if own := [f"{label(row['name'])} {row['value']:,.12g} {price_units(report.currency)[row['name']]}" for row in report.rows
               if row["source"] == OWN]:
        notes.append(f"The given assumptions include values of your own: {'; '.join(own)}.")
    measured, assumed = report.options[0].unanswerable, report.assumptions.unanswerable
    if 0 < measured < 1 and abs(measured - assumed) > 0.005:
        notes.append(f"The documents do not answer {whole(100 * measured)} of 100 of these questions; all shares are given as if "
                     f"it were {whole(100 * assumed)} of 100, as assumed.")
    if accepted := provenance.get("accepted"):
        told = ", ".join(f"{option_words(arm)} {whole(100 * accepted['before'].get(arm, 0))} → {whole(100 * share)}"
                         for arm, share in accepted["after"].items() if arm in {option.name for option in report.options})
        notes.append(f"{accepted['forms']} forms of answers were accepted after reading them, for all options alike; right of "
                     f"100 before → after: {told}.")
    notes.append(f"{detectable_gap(report).capitalize()}.")
    appendix = answers_appendix(records, report, questions, templates.get_template("answers.html"), provenance) if answers else ""
    text = templates.get_template("decision.html").render(
        css=Markup((TEMPLATES / "decision.css").read_text("utf-8")), answer=answer, sure=sure, report=report,
        script=Markup("".join((TEMPLATES / name).read_text("utf-8") for name in ("model.js", "view.js"))),
        currency=report.currency, months=f"{report.assumptions.months:g}", options=option_rows(report), notes=notes,
        turns=turning_points(report), settle=settle_words(report), wrong=cost_of_error(report),
        about=about(provenance, {record.arm for record in records}),
        rows=[{**row, "label": label(row["name"]), **{end: f"{row[end]:g}" for end in ("value", "low", "high")}}
              for row in report.rows], appendix=Markup(appendix), data=page_data(report))
    out.write_text(text, "utf-8")
    return out
