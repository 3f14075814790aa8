"""RAFT examples: a question with retrieved passages, with or without the one that answers it (Zhang et al., 2024)."""
from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from tqdm.auto import tqdm

from .. import corpus, evaluation, generation, metrics, retrieval, settings
from ..types import Document, Example, Hit, Question
from .examples import target_answer
from .feedback import in_pool

BUDGETS = (160, 300, 480)  # tokens of passages, drawn at random so that the model sees short and full prompts
ABSENT = 0.12  # share of answerable questions shown without the passage that answers
OWN_ABSENT = 0.04  # the same for one's own questions, among which people write unanswerable ones
FIRST = 0.5  # share of answering passages placed first, about as often as retrieval ranks them first on dev
MOST_NAMES = 6
TURNS = 4  # most questions about the same passages
ERRORS = 120  # templated error questions that RAFT adds, because choosing among several errors needs most practice
ERROR_TEMPLATES = (
    "Which error means this: {}",
    "I got an exception from {service}. The message says: {} What is it called?",
    "{} Which exception is that?",
    "name of the {service} error for: {}",
    "what does {service} throw in this case? {}",
)


def raft_examples(questions: Sequence[Question], workspace: evaluation.Workspace, seed: int = 0, absent: float = ABSENT,
                  pool: bool = False, errors: int = ERRORS) -> list[Example]:
    """Question with retrieved passages, the answering one among them → short answer and the number of its passage.

    absent: share of questions whose evidence is withheld, so that the answer is to abstain. `seen_fact` rows are never used.
    pool: the feedback questions instead of all others. errors: templated error questions to add to the written ones, if any.
    """
    sources = [q for q in questions if q.split == "train" and q.family != "seen_fact" and in_pool(q) == pool]
    if not pool and errors:
        sources += [*evaluation.load_questions(settings.ERROR_QUESTIONS),
                    *templated_errors(questions, workspace.documents, errors)]
    draw, known, examples = random.Random(seed), {q.id for q in questions}, []
    for question in tqdm(sources, desc="examples", unit="question", disable=len(sources) < 100):
        hits = retrieval.search_documents(workspace.pipeline.search, question.question, workspace.settings.depth)
        example = _raft_example(question, hits, workspace, draw, absent)
        if example:
            examples.append(replace(example, question=question if question.id not in known else None))
    return examples


def own_raft_examples(questions: Sequence[Question], workspace: evaluation.Workspace, views: int = 1, seed: int = 0,
                      split: str = "train") -> list[Example]:
    """RAFT examples of one's own questions: every question of the split once a view, and nothing of the course's.

    The first view shows passages as search ranks them if the answering one is there. Up to `TURNS` questions on the same
    passages are turns of one conversation, since passages dominate its cost.
    """
    sources, examples = [q for q in questions if q.split == split and not q.retrieval_only], []
    pipeline, hits, answering, by_document = workspace.pipeline, {}, {}, {}
    for question in tqdm(sources, desc="examples", unit="question", disable=len(sources) < 40, leave=False):
        by_document.setdefault(question.evidence[:1], []).append(question)
        hits[question.id] = retrieval.search_documents(pipeline.search, question.question, workspace.settings.depth)
        if question.task in metrics.SINGLE_ANSWER_TASKS and question.evidence:
            place = evaluation.answering_chunk(question, pipeline.chunks, pipeline.bm25.scores(question.question))
            answering[question.id] = pipeline.chunks[place].id
    for view in range(views):
        draw, used = random.Random(f"{seed} {view}"), set()
        for question in draw.sample(sources, len(sources)):
            if question.id in used:
                continue
            used.add(question.id)
            example, withheld = None, draw.random() < OWN_ABSENT
            if view == 0 and question.id in answering and not withheld:
                example = _ranked_example(question, hits[question.id], workspace, answering[question.id])
            example = example or _raft_example(question, hits[question.id], workspace, draw, float(withheld))
            if example is None:
                continue
            also = [q for q in by_document[question.evidence[:1]] if q.id not in used and answering.get(q.id) in example.shown]
            also = draw.sample(also, min(TURNS - 1, len(also))) if example.kind == "answer" else []
            used |= {q.id for q in also}
            turns = [(q.question, f"{q.answers[0]} [{example.shown.index(answering[q.id]) + 1}]") for q in also]
            examples.append(replace(example, more=tuple(turns)))
    return examples


def templated_errors(questions: Sequence[Question], documents: Mapping[str, Document], many: int = ERRORS) -> list[Question]:
    """Error questions from the documents' descriptions, always the same; none of dev's and test's homes and errors."""
    held_out = [q for q in questions if q.split in ("dev", "test")]
    homes = {q.home for q in held_out}
    tested = {(documents[q.cluster].group, name) for q in held_out if q.task == "error" for name in q.answers}
    meanings = corpus.error_meanings(documents.values())
    usable = sorted((key, ids) for key, ids in meanings.items() if key[:2] not in tested and set(ids) - homes)
    draw, templated = random.Random(0), []
    for (service, name, meaning), ids in draw.sample(usable, min(many, len(usable))):
        evidence = sorted(ids, key=lambda id_: (id_ in homes, id_))  # the first is the question's home
        text = draw.choice(ERROR_TEMPLATES).format(meaning, service=service)
        fact = {"kind": "error", "operation": evidence[0], "error": name}
        templated.append(Question(f"error-{len(templated)}", "error", text, (name,), (), tuple(evidence), "train",
                                  "templated_error", fact, evidence[0]))
    return templated


def _raft_example(question: Question, hits: Sequence[Hit], workspace: evaluation.Workspace, draw: random.Random,
                  absent_share: float) -> Example | None:
    budget, count, pipeline = draw.choice(BUDGETS), workspace.model().count, workspace.pipeline
    absent, reference = draw.random() < absent_share, workspace.reference(question)
    if reference:
        hits = [generation.without_sentence(hit, reference) for hit in hits]
    others = [hit for hit in hits if hit.document_id not in question.evidence]
    if not question.evidence or absent:
        shown = fill_passages([], others, count, budget, 0)
        return _example(question, shown, metrics.ABSTENTION, "absent" if question.evidence else "unanswerable")
    if question.task == "multi_doc":
        return _list_example(question, fill_passages([], hits, count, budget, 0), workspace.documents)
    place = evaluation.answering_chunk(question, pipeline.chunks, pipeline.bm25.scores(question.question))
    answering = Hit(pipeline.chunks[place], 1, 0.0)
    if reference:
        answering = generation.without_sentence(answering, reference)
    # Other chunks of the home document are the hardest distractors; other evidence documents would answer as well.
    distractors = [hit for hit in hits if hit.chunk.id != answering.chunk.id
                   and (hit.document_id == answering.document_id or hit.document_id not in question.evidence)]
    position = 0 if draw.random() < FIRST else draw.randrange(1, 6)
    shown = fill_passages([answering], distractors, count, budget, position)
    number = next(n for n, hit in enumerate(shown, 1) if hit.chunk.id == answering.chunk.id)
    return _example(question, shown, f"{target_answer(question, workspace)} [{number}]", "answer")


def _ranked_example(question: Question, hits: Sequence[Hit], workspace: evaluation.Workspace, answering: str) -> Example | None:
    """An example with the passages as search ranks them; None if the answering one does not fit into the prompt."""
    shown = fill_passages([], hits, workspace.model().count, BUDGETS[-1], 0)
    number = next((n for n, hit in enumerate(shown, 1) if hit.chunk.id == answering), 0)
    return _example(question, shown, f"{target_answer(question, workspace)} [{number}]", "answer") if number else None


def _example(question: Question, shown: Sequence[Hit], completion: str, kind: str) -> Example:
    prompt = generation.build_prompt(question.question, shown)
    return Example(question.id, prompt, completion, kind, tuple(hit.chunk.id for hit in shown))


def _list_example(question: Question, shown: Sequence[Hit], documents: Mapping[str, Document]) -> Example | None:
    """An example for several operations: the answer lists those whose documents are shown, or abstains."""
    if question.fact.get("kind", "states") not in ("raises", "takes", "requires", "returns", "states"):
        return None
    shown_last_first = list(reversed(list(enumerate(shown, 1))))
    if question.fact:
        number_of = {documents[hit.document_id].name: n for n, hit in shown_last_first if hit.document_id in question.evidence}
    else:  # one's own question: names that stand in the passages
        number_of = {name: n for name in question.answer_set for n, hit in shown_last_first
                     if metrics.contains(f"{hit.document_id} {hit.chunk.section} {hit.chunk.text}", [name])}
    names = sorted(number_of, key=number_of.get)[:MOST_NAMES]
    citations = "".join(f"[{number_of[name]}]" for name in names)
    return _example(question, shown, f"{', '.join(names)} {citations}" if names else metrics.ABSTENTION,
                    "answer" if names else "absent")


def fill_passages(answering: list[Hit], others: Sequence[Hit], count: Callable[[str], int], budget: int,
                  position: int) -> list[Hit]:
    """The answering hits at `position` (or last) among as many others as fit `budget` tokens, at most 8 hits in all."""
    spent, around = sum(count(text) for text in generation.numbered_passages(answering)), []
    for hit in others:
        tokens = count(generation.numbered_passages([hit])[0])
        if len(around) + len(answering) == 8 or (spent + tokens > budget and (around or answering)):
            break
        around.append(hit)
        spent += tokens
    return [*around[:position], *answering, *around[position:]]
