"""Silence as a decision: an answer is given where the confidence in it reaches a threshold that the caller passes."""
from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from .. import generation, metrics
from ..types import Answer, Chunk, Hit, Question, Record
from .outcomes import outcome
from .scoring import score_answer

FEWEST = 30  # questions to fit a calibration on, with at least 5 right and 5 wrong answers
KEPT_SCORES = ("answer_in_context", "recall@", "mrr@", "ndcg@", "all_evidence@")  # of the passages, not of the answer


@dataclass(frozen=True)
class Calibration:
    """The share of answers of this confidence that is right: sigmoid(slope · logit(confidence) + intercept) (Platt, 1999)."""

    slope: float
    intercept: float
    questions: int = 0  # that it was fitted on

    def __call__(self, confidence: float) -> float:
        """The calibrated confidence, 0 to 1."""
        return _sigmoid(self.slope * _logit(confidence) + self.intercept)

    def undo(self, calibrated_confidence: float) -> float:
        """The model's own confidence, from the calibrated one."""
        return _sigmoid((_logit(calibrated_confidence) - self.intercept) / self.slope)


def _sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, logit))))


def _logit(confidence: float) -> float:
    inside = max(1e-20, min(1 - 1e-9, confidence))
    return math.log(inside / (1 - inside))


def load_calibrations(path: Path | None) -> dict[str, tuple[str, Calibration]]:
    """Arm → (settings hash of the records that its calibration was fitted on, calibration); empty without the file."""
    rows = json.loads(path.read_text("utf-8")) if path and path.exists() else {}
    return {arm: (row.pop("settings_hash"), Calibration(**row)) for arm, row in rows.items()}


def save_calibrations(records: Sequence[Record], questions: Sequence[Question], path: Path) -> None:
    """Fit a calibration for each arm whose records, with the model's own confidence, allow one, and write them to a file."""
    rows = {}
    for arm in dict.fromkeys(record.arm for record in records):
        own = [record for record in records if record.arm == arm]
        if fitted := fit_calibration(own, questions):
            rows[arm] = {**asdict(fitted), "settings_hash": own[0].settings_hash}
    path.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")


def used_calibrations(path: Path, records: Sequence[Record]) -> dict[str, dict]:
    """The calibrations of a file that hold for the settings of these records, by arm, as provenance states them."""
    hashes = {record.arm: record.settings_hash for record in records if record.confidence is not None}
    return {arm: asdict(calibration) for arm, (hash_, calibration) in load_calibrations(path).items() if hashes.get(arm) == hash_}


def calibrated(record: Record, calibrations: Mapping[str, tuple[str, Calibration]]) -> Record:
    """The record with its confidence calibrated, if its arm has a calibration for its settings."""
    hash_, calibration = calibrations.get(record.arm, ("", None))
    if record.confidence is None or hash_ != record.settings_hash:
        return record
    return replace(record, confidence=float(f"{calibration(record.confidence):.5g}"))


def would_be_right(record: Record, question: Question) -> bool | None:
    """Whether the answer of a record, given or withheld, is right; None without a confidence or an outcome."""
    if record.confidence is None or record.task == "summary" or "set_f1_text" in record.scores or question.retrieval_only:
        return None  # the graph returns the list of a `set_f1_text`, whatever the model says
    if record.task != question.task:
        return None
    return outcome(decided_record(record, question, 0.0)) == "correct"


def risk_coverage(records: Sequence[Record], questions: Sequence[Question]):
    """How well confidence tells right answers from wrong ones, a row per arm that has one: a pandas DataFrame.

    area: under the share wrong against coverage, over all thresholds; an order that knows nothing has the share wrong if always
    answered. Unanswerable questions count, and every answer to them is wrong; every question weighs the same.
    """
    import pandas

    known, rows = {question.id: question for question in questions}, {}
    for arm in dict.fromkeys(record.arm for record in records):
        own = [(record, right) for record in records if record.arm == arm and record.question_id in known
               and (right := would_be_right(record, known[record.question_id])) is not None]
        if own:
            sure, right = [record.confidence for record, _ in own], [float(correct) for _, correct in own]
            given = [correct for record, correct in own if not record.abstained]
            rows[arm] = {"n": len(own), "answers": f"{len(given) / len(own):.0%}", "right of them":
                         f"{sum(given) / len(given):.2f}" if given else "–", "area under risk and coverage":
                         str(metrics.risk_coverage_interval(sure, right, [record.cluster for record, _ in own])),
                         "wrong if always answered": f"{1 - sum(right) / len(right):.2f}"}
    return pandas.DataFrame(rows).T


def fit_calibration(records: Sequence[Record], questions: Sequence[Question]) -> Calibration | None:
    """The calibration of one arm on its records, whose confidence is the model's own; None if they are too few to tell.

    Also None where a more confident answer is not more often right.
    """
    from sklearn.linear_model import LogisticRegression

    known = {question.id: question for question in questions}
    pairs = [(_logit(record.confidence), right) for record in records
             if (right := would_be_right(record, known[record.question_id])) is not None]
    right = sum(correct for _, correct in pairs)
    if len(pairs) < FEWEST or min(right, len(pairs) - right) < 5:
        return None
    model = LogisticRegression(C=1.0).fit([[logit] for logit, _ in pairs], [correct for _, correct in pairs])
    slope, intercept = float(model.coef_[0][0]), float(model.intercept_[0])
    return Calibration(round(slope, 4), round(intercept, 4), len(pairs)) if slope > 0 else None


def decided_answer(answer: Answer, threshold: float) -> Answer:
    """The answer as it is where one is given if the confidence in it is at least `threshold`; without a confidence, unchanged."""
    gives = answer.confidence is None or answer.confidence >= threshold
    if answer.confidence is None or gives != answer.abstained or (gives and not answer.withheld):
        return answer
    shown = answer.hits[: answer.used]
    if gives:
        text, cited = generation.strip_citations(answer.withheld, shown)
        return replace(answer, text=text, abstained=False, cited=cited, withheld="")
    places = {hit.document_id: place for place, hit in reversed([*enumerate(shown, 1)])}
    withheld = " ".join([answer.text, *(f"[{places[document]}]" for document in answer.cited if document in places)])
    return replace(answer, text=metrics.ABSTENTION, abstained=True, cited=(), withheld=withheld)


def decided_record(record: Record, question: Question, threshold: float, copies: Mapping[str, str] | None = None) -> Record:
    """As `decided_answer`, scored anew. A summary and a list that the graph returned stay. copies: as in `make_record`."""
    shown = tuple(Hit(Chunk("", hit.document_id, hit.section, ""), hit.rank, hit.score) for hit in record.hits if hit.in_prompt)
    before = Answer(record.answer, record.abstained, record.cited, shown, len(shown), record.prompt_tokens,
                    record.completion_tokens, 0.0, 0.0, record.confidence, record.withheld_answer or "")
    answer = decided_answer(before, threshold)
    other = record.task != question.task or question.retrieval_only  # the question has changed since
    if answer is before or other or record.task == "summary" or "set_f1_text" in record.scores:
        return record
    same = {id_: (copies or {}).get(id_, id_) for id_ in (*question.evidence, *answer.cited)}
    evidence, cited = (tuple(dict.fromkeys(map(same.get, ids))) for ids in (question.evidence, answer.cited))
    scores = score_answer(replace(question, evidence=evidence), replace(answer, cited=cited))
    kept = {name: value for name, value in record.scores.items() if name.startswith(KEPT_SCORES)}
    names = metrics.parse_set(answer.text, question.answer_set) if record.task == "multi_doc" and not answer.abstained else ()
    return replace(record, answer="" if answer.abstained else answer.text, abstained=answer.abstained, cited=answer.cited,
                   answer_set=tuple(names), withheld_answer=answer.withheld or None,
                   scores={name: round(value, 5) for name, value in {**scores, **kept}.items()})


def decided(records: Sequence[Record], questions: Sequence[Question], threshold: float, arms: Collection[str],
            copies: Mapping[str, str] | None = None) -> list[Record]:
    """The records, those of `arms` as `decided_record`; no model is asked. Records of other questions stay as they are."""
    known = {question.id: question for question in questions}
    return [decided_record(record, known[record.question_id], threshold, copies)
            if record.arm in arms and record.question_id in known else record for record in records]
