"""From an answer to its scores and its record: pure functions without model, search or files."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from .. import metrics, retrieval
from ..types import Answer, Hit, Question, Record, RecordedHit
from .arms import Arm


def score_answer(question: Question, answer: Answer, reference: str = "", copied: str = "",
                 linked: Sequence[str] | None = None) -> dict[str, float]:
    """Every score of one answer; `score` is the headline metric of its task (`metrics.answer_scores`).

    reference: a summary's reference. copied: the answer of a baseline that copies the document. linked: names that the graph
    returned; a `multi_doc` question is scored on them, and the model's text is scored as `set_f1_text`.
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
        scores={name: round(value, 5) for name, value in scores.items()}, settings_hash=settings_hash)
