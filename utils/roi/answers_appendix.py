"""The appendix of the page: the answers of all options side by side, failures first, and near misses without names."""
from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from .. import evaluation
from ..types import Question, Record
from .decision_report import DecisionReport
from .option_words import inside, option_words

MARKS = {"correct": "right", "wrong": "wrong", "abstained": "no answer"}
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
        question, outcomes = asked[id_], {arm: evaluation.outcome(record) for arm, record in answered.items()}
        row = {"text": question.question, "task": question.task, "accepted": accepted_words(question),
               "evidence": ", ".join(question.evidence) or "no document", "differ": len({*outcomes.values()}) > 1,
               "failed": "wrong" in outcomes.values(), "first_wrong": outcomes.get(report.best.name) == "wrong",
               "answers": [{"words": option_words(arm), "outcome": outcomes[arm], "mark": MARKS[outcomes[arm]],
                            "text": answer_words(answered[arm]), "cited": ", ".join(answered[arm].cited)}
                           for arm in arms if arm in answered]}
        rows.append(row)
        missed = {answer_words(record) for arm, record in answered.items()
                  if outcomes[arm] == "wrong" and record.scores.get("token_f1", 0.0) >= NEAR}
        near += [{"id": id_, "text": question.question, "accepted": row["accepted"], "answer": text} for text in sorted(missed)]
    if not rows:
        return ""
    random.Random(0).shuffle(near)
    rows.sort(key=lambda row: (not row["differ"], not row["failed"]))
    counts = {name: sum(row[name] for row in rows) for name in ("differ", "failed", "first_wrong")} | {"all": len(rows)}
    file = provenance.get("questions", {}).get("file", "the questions file")
    return template.render(questions=rows, counts=counts, near=near, best=inside(option_words(report.best.name)),
                           accepted_file=f"{file}.accepted.csv")


def accepted_words(question: Question) -> str:
    """The accepted answers of a question, in words."""
    names = question.answer_set or question.answers
    return (", " if question.answer_set else " | ").join(names) or "no answer: nothing in the documents says it"


def answer_words(record: Record) -> str:
    """What an option answered, in words."""
    return "said that the documents do not tell" if record.abstained else record.answer or "(a long answer, which is not stored)"
