"""From an answer to its scores and its record, and stored answers scored anew; no model is asked and no file is touched."""
from __future__ import annotations

import csv
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tqdm.auto import tqdm

from .. import metrics, retrieval
from ..types import Answer, Chunk, Hit, Question, Record, RecordedHit
from .arms import Arm, parse_arm
from .files import decode, read_bytes, refuse
from .workspace import Workspace

HEADLINES = ("score", "exact_match", "set_f1", "rouge_l", "abstained", "recall@5", "answer_in_context")


def score_answer(question: Question, answer: Answer, reference: str = "", copied: str = "",
                 linked: Sequence[str] | None = None) -> dict[str, float]:
    """Every score of one answer; `score` is the headline metric of its task (`metrics.answer_scores`).

    reference: a summary's. copied: a baseline's copy of the document. linked: names that the graph returned, which are then
    scored in place of the model's text (`set_f1_text`).
    """
    scores = metrics.answer_scores(question.task, answer.text, answer.abstained, question.answers, question.answer_set, reference)
    if linked is not None:
        scores["set_f1_text"] = scores["set_f1"]
        scores["score"] = scores["set_f1"] = metrics.set_f1(linked, question.answer_set)
    if question.retrieval_only:
        scores = {name: value for name, value in scores.items() if name in ("words", "abstained")}
    elif question.task in metrics.SINGLE_ANSWER_TASKS and answer.used:
        scores["answer_in_context"] = answer_in_passages(question, answer.hits[: answer.used])
    if question.evidence and answer.used:
        correct = [document in question.evidence for document in answer.cited]
        scores["cited_right"] = float(any(correct))
        scores |= {"citation_precision": sum(correct) / len(correct)} if correct else {}
    if question.task == "summary":
        scores["rouge_l_copy_first"] = metrics.rouge_l(copied, reference)
    return scores


def answer_in_passages(question: Question, hits: Sequence[Hit]) -> float:
    """1 if a passage contains an accepted answer (in document or section, too, where that is a name), whatever its number."""
    names = question.task in ("routing", "error")
    return max((metrics.stated_in(f"{hit.document_id} {hit.chunk.section}: {hit.chunk.text}" if names else hit.chunk.text,
                                 question.answers) for hit in hits), default=0.0)


def make_record(question: Question, arm: Arm, answer: Answer, settings_hash: str, reference: str = "", copied: str = "",
                linked: Sequence[str] | None = None, copies: Mapping[str, str] | None = None) -> Record:
    """The record of one answer; most is as in `score_answer`. copies: id of a copy → id of the document that it counts as."""
    same = {id_: (copies or {}).get(id_, id_) for id_ in (*question.evidence, *answer.cited)}
    evidence, cited = (tuple(dict.fromkeys(map(same.get, ids))) for ids in (question.evidence, answer.cited))
    scores = score_answer(replace(question, evidence=evidence), replace(answer, cited=cited), reference, copied, linked)
    if evidence and arm.context.retrieves:
        ranking = retrieval.distinct_documents(answer.hits, copies)
        scores |= metrics.retrieval_scores(ranking, evidence, question.task == "multi_doc")
    names = metrics.parse_set(answer.text, question.answer_set) if question.task == "multi_doc" and not answer.abstained else []
    hits = [RecordedHit(hit.document_id, hit.chunk.section, hit.rank, round(hit.score, 5), hit.rank <= answer.used)
            for hit in answer.hits]
    return Record(
        question.id, arm.name, question.task, question.cluster, tuple(hits),
        answer="" if answer.abstained else answer.text, abstained=answer.abstained, cited=tuple(answer.cited),
        answer_set=tuple(names if linked is None else linked),
        prompt_tokens=answer.prompt_tokens, completion_tokens=answer.completion_tokens,
        seconds={"retrieve": round(answer.seconds_retrieve, 5), "generate": round(answer.seconds_generate, 5)},
        scores={name: round(value, 5) for name, value in scores.items()}, settings_hash=settings_hash,
        confidence=None if answer.confidence is None else float(f"{answer.confidence:.5g}"),
        withheld_answer=answer.withheld or None)


def accepted_forms(questions: Path | str) -> Path:
    """The file of further accepted answers beside a questions file: a table with the columns id and answer."""
    return Path(f"{questions}.accepted.csv")


def with_accepted(questions: Sequence[Question], path: Path) -> tuple[list[Question], int]:
    """(questions with the answers that `path`, if it exists, accepts besides; how many). Raises ValueError, a line an error."""
    if not path.exists():
        return list(questions), 0
    known, errors, added = {q.id: q for q in questions}, [], 0
    rows = csv.DictReader(decode(read_bytes(path, "file of accepted answers"), path).splitlines())
    if not {"id", "answer"} <= set(rows.fieldnames or ()):
        raise ValueError(f"{path}: the first row has to name the columns id and answer")
    for row in rows:
        id_, answer = (row["id"] or "").strip(), (row["answer"] or "").strip()
        question = known.get(id_)
        if not question or not answer or not question.answers:
            problem = (f"there is no question {id_!r}" if not question else "the answer is empty" if not answer else
                       f"question {id_!r} takes no short answer")
            errors.append(f"{path}, line {rows.line_num}: {problem}; correct or delete the line")
        elif not metrics.exact_match(answer, question.answers):
            known[id_], added = replace(question, answers=(*question.answers, answer)), added + 1
    refuse(errors)
    return [known[q.id] for q in questions], added


def same_hits(record: Record, question: Question, search: Callable[[Question, str], list[Hit]]) -> tuple[Hit, ...] | None:
    """The hits of the search repeated now, if they are those of the record, else None. search: as `Workspace.hits`."""
    hits = search(question, parse_arm(record.arm).context.name)[: len(record.hits)]
    places = [(hit.document_id, hit.chunk.section, hit.rank) for hit in hits]
    return tuple(hits) if places == [(hit.document_id, hit.section, hit.rank) for hit in record.hits] else None


def rescored_record(record: Record, question: Question, workspace: Workspace, hits: tuple[Hit, ...] | None = None) -> Record:
    """The record with the scores that its answer and hits have under the question as it is now.

    hits: with their passages; without them `answer_in_context` stays. Without answer or document, all scores stay.
    """
    if record.answer_words is not None or (question.task == "summary" and question.evidence[0] not in workspace.documents):
        return replace(record, rescored=False)
    arm, used = parse_arm(record.arm), sum(hit.in_prompt for hit in record.hits)
    shown = hits or tuple(Hit(Chunk("", hit.document_id, hit.section, ""), hit.rank, hit.score) for hit in record.hits)
    text = metrics.ABSTENTION if record.abstained else record.answer
    answer = Answer(text, record.abstained, record.cited, shown, used, record.prompt_tokens, record.completion_tokens, 0.0, 0.0)
    linked = record.answer_set if arm.context.uses_graph and record.task == question.task == "multi_doc" else None
    new = make_record(question, arm, answer, record.settings_hash, workspace.reference(question),
                      workspace.copied_sentence(question), linked, workspace.copies)
    kept = {"answer_in_context"} if not hits else set()  # what the record alone does not tell
    if record.abstained and record.task == question.task:
        kept |= {"words", "exact_match", "token_f1", "contains", "rouge_l"} | ({"score"} if question.task == "summary" else set())
    scores = {name: record.scores.get(name, value) if name in kept else value for name, value in new.scores.items()}
    if not hits and "answer_in_context" not in record.scores:
        scores.pop("answer_in_context", None)
    return replace(record, task=new.task, cluster=new.cluster, answer_set=new.answer_set, scores=scores, rescored=None)


def rescore(records: Sequence[Record], questions: Sequence[Question], workspace: Workspace) -> list[Record]:
    """The records scored anew (`rescored` False: as stored). Raises ValueError naming records whose question is missing."""
    by_id = {question.id: question for question in questions}
    absent = sorted({record.question_id for record in records} - set(by_id))
    if absent:
        raise ValueError(f"{len(absent)} questions of the records are not in the questions file: {', '.join(absent[:20])}"
                         f"{' and more' * (len(absent) > 20)}; give the file that the records were made with")
    new, search = [], functools.cache(workspace.hits)
    for record in tqdm(records, desc="rescore", unit="record", disable=len(records) < 200):
        question = by_id[record.question_id]
        asks = question.task in metrics.SINGLE_ANSWER_TASKS and any(hit.in_prompt for hit in record.hits)
        found = {hit.document_id for hit in record.hits} <= set(workspace.documents)
        changed = rescored_record(record, question, workspace, same_hits(record, question, search) if asks and found else None)
        new.append(replace(changed, rescored=changed.rescored is None))
    return new


def score_changes(before: Sequence[Record], after: Sequence[Record]) -> str:
    """How many records have other scores now, and the mean of the main scores of each arm before and after, as text."""
    other = sum(old.scores != new.scores for old, new in zip(before, after, strict=True))
    kept = sum(record.rescored is False for record in after)
    lines = [f"{other} of {len(after)} records have other scores" + (f"; {kept} keep their stored ones" if kept else "")]
    for arm in dict.fromkeys(record.arm for record in after):
        for name in HEADLINES:
            means = [f"{sum(values) / len(values):.3f} (n = {len(values)})" if (values := [
                r.scores[name] for r in records if r.arm == arm and name in r.scores]) else "-" for records in (before, after)]
            lines += [f"{arm}, {name}: {means[0]} → {means[1]}"] if means != ["-", "-"] else []
    return "\n".join(lines)
