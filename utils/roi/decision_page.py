"""The page of a decision: one HTML file that works without a network, from templates that escape every text."""
from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType

from .. import evaluation, metrics
from ..types import Question, Record
from .assumptions import OWN, PRICE_FILE, label, price_units
from .cost_model import HOURS_A_MONTH, NOTHING, UTILISATION, assumed_shares, cost_per_1000
from .decision_report import DecisionReport, build_report, questions_to_settle, recommendation, turning_points
from .option_words import inside, money, option_kind, option_words, page_words, rounded, whole
from .sensitivity import SHARES, uniform_draws

TEMPLATES = Path(__file__).with_name("page")
NEAR = 0.5  # token F1 with an accepted answer from which a wrong answer may be right but for its form


def page_data(report: DecisionReport) -> dict:
    """What the page's script computes with; quality (`SHARES` but abstained, by option) and uniforms in steps of 1e-4."""
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
            "headlines": page_words()["headlines"], "nothing": NOTHING, "currency": report.currency,
            "hours_a_month": HOURS_A_MONTH, "utilisation": UTILISATION}


def answers_appendix(records: Sequence[Record], report: DecisionReport, questions: Sequence[Question], template,
                     provenance: Mapping) -> str:
    """HTML of the appendix; "" without the questions' texts. template: a Jinja template that escapes."""
    asked, arms = {q.id: q for q in questions}, [option.name for option in report.options]
    by_question: dict[str, dict[str, Record]] = {}
    for record in evaluation.scorable(records):
        if record.arm in arms and record.question_id in asked:
            by_question.setdefault(record.question_id, {})[record.arm] = record
    rows, near = [], []
    for id_, answered in by_question.items():
        outcomes = {arm: evaluation.outcome(record) for arm, record in answered.items()}
        first = outcomes.get(report.best.name)
        rows.append({"asked": asked[id_], "differ": len({*outcomes.values()}) > 1, "failed": "wrong" in outcomes.values(),
                     "first_right": first == "correct", "first_wrong": first == "wrong",
                     "answers": [(option_words(arm), outcomes[arm], answered[arm]) for arm in arms if arm in answered]})
        missed = {record.answer: record for arm, record in answered.items()
                  if outcomes[arm] == "wrong" and record.scores.get("token_f1", 0.0) >= NEAR}
        near += [(asked[id_], missed[text]) for text in sorted(missed)]
    if not rows:
        return ""
    random.Random(0).shuffle(near)
    rows.sort(key=lambda row: (not row["differ"], not row["failed"]))
    filters = ("differ", "failed", "first_right", "first_wrong")
    counts = {name: sum(row[name] for row in rows) for name in filters} | {"all": len(rows)}
    file = provenance.get("questions", {}).get("file", "the questions file")
    return template.render(questions=rows, counts=counts, near=near, best=inside(option_words(report.best.name)),
                           accepted_file=f"{file}.accepted.csv")


def write_report(records: Sequence[Record], out: Path, price_file: Path = PRICE_FILE,
                 provenance: Mapping = MappingProxyType({}), questions: Sequence[Question] = (), answers: bool = True) -> Path:
    """Write the page and return its path.

    provenance: of the records, as `evaluation.read_provenance` returns it. questions: those of the records, for the appendix with
    all answers, which `answers=False` leaves out.
    """
    from jinja2 import Environment, FileSystemLoader
    from markupsafe import Markup

    report = build_report(records, price_file, served=evaluation.served_arms(provenance))
    templates = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    templates.globals |= {"money": lambda value: money(value, report.currency), "hundred": lambda share: whole(100 * share)}
    answer, sure = recommendation(report)
    own = [f"{label(row['name'])} {row['value']:,.12g} {price_units(report.currency)[row['name']]}" for row in report.rows
           if row["source"] == OWN]
    wrong = report.assumptions.volume * assumed_shares(report.best, report.assumptions)[1]
    evens, turns = turning_points(report)
    options = [{"words": option_words(option.name), "kind": option_kind(option), "arm": option.name, "right": share,
                "shares": assumed_shares(option, report.assumptions), "cost": cost_per_1000(option, report.assumptions)}
               for option, share in zip(report.options, report.correct, strict=True)]
    appendix = answers_appendix(records, report, questions, templates.get_template("answers.html"), provenance) if answers else ""
    text = templates.get_template("decision.html").render(
        css=Markup((TEMPLATES / "decision.css").read_text("utf-8")), answer=answer, sure=sure, report=report, own=own,
        script=Markup("".join((TEMPLATES / name).read_text("utf-8") for name in ("model.js", "view.js"))),
        currency=report.currency, months=f"{report.assumptions.months:g}", options=options, gaps=report.detectable,
        measured=report.options[0].unanswerable, assumed=report.assumptions.unanswerable, evens=evens, turns=turns,
        more=questions_to_settle(report), longest=metrics.LONGEST_ANSWER, best=inside(option_words(report.best.name)),
        rival=inside(option_words(report.rival.name)) if report.rival else NOTHING, wrong=rounded(wrong),
        wrong_cost=wrong * report.assumptions.wrong, about=provenance, arms={record.arm for record in records},
        rows=[{**row, "label": label(row["name"]), **{end: f"{row[end]:g}" for end in ("value", "low", "high")}}
              for row in report.rows], appendix=Markup(appendix), data=page_data(report))
    out.write_text(text, "utf-8")
    return out
