"""The appendix of the page: the answers of all options side by side, failures first, and near misses without names."""
from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from .. import evaluation
from ..types import Question, Record
from .decision_report import DecisionReport
from .option_words import inside, option_words

NEAR = 0.5  # token F1 with an accepted answer from which a wrong answer may be right but for its form


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
        rows.append({"asked": asked[id_], "differ": len({*outcomes.values()}) > 1, "failed": "wrong" in outcomes.values(),
                     "first_wrong": outcomes.get(report.best.name) == "wrong",
                     "answers": [(option_words(arm), outcomes[arm], answered[arm]) for arm in arms if arm in answered]})
        missed = {record.answer: record for arm, record in answered.items()
                  if outcomes[arm] == "wrong" and record.scores.get("token_f1", 0.0) >= NEAR}
        near += [(asked[id_], missed[text]) for text in sorted(missed)]
    if not rows:
        return ""
    random.Random(0).shuffle(near)
    rows.sort(key=lambda row: (not row["differ"], not row["failed"]))
    counts = {name: sum(row[name] for row in rows) for name in ("differ", "failed", "first_wrong")} | {"all": len(rows)}
    file = provenance.get("questions", {}).get("file", "the questions file")
    return template.render(questions=rows, counts=counts, near=near, best=inside(option_words(report.best.name)),
                           accepted_file=f"{file}.accepted.csv")
