"""Training examples for fine-tuning: closed book, format only, and RAFT style with retrieved passages.

Made from training questions only; texts of documents are read at run time and never saved with the course. Training
itself is `finetune`'s business.
"""
from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from . import benchmark, chunking, feedback, lexical, rag, retrieval, retriever_training, settings
from .benchmark import Question
from .retrieval import Hit

BUDGETS = (160, 300, 480)  # tokens of the passages; drawn, so that short and full prompts are both known
ABSENT = 0.12  # share of answerable questions that are shown without the passage that answers
FIRST = 0.5  # share of the right passages that stand first: about how often retrieval on dev puts them there
MOST_NAMES = 6
ERRORS = 120  # templated error questions that RAFT adds: naming the right one of several errors takes most practice
ASKED_ERRORS = (
    "Which error means this: {}",
    "I got an exception from {service}. The message says: {} What is it called?",
    "{} Which exception is that?",
    "name of the {service} error for: {}",
    "what does {service} throw in this case? {}",
)


@dataclass(frozen=True)
class Example:
    """One training example. `kind` is what it teaches: answer, absent (right passage withheld) or unanswerable."""

    question_id: str
    prompt: list[dict[str, str]]
    completion: str
    kind: str = "answer"
    shown: tuple[str, ...] = ()  # ids of the chunks in the prompt
    question: Question | None = None  # where it is not one of the benchmark's
    more: tuple[tuple[str, str], ...] = ()  # (question, answer) of further turns about the same passages


def rows(examples: Sequence[Example]):
    """The examples as a `datasets.Dataset` in the prompt–completion form that TRL trains on."""
    from datasets import Dataset

    return Dataset.from_list([{"prompt": e.prompt, "completion": [{"role": "assistant", "content": e.completion}]}
                              for e in examples])


def conversations(examples: Sequence[Example], tokenizer):
    """The examples as a `datasets.Dataset` of token ids and labels, for those with several turns.

    labels are the ids where the model speaks, its end token included, and -100 everywhere else.
    """
    from datasets import Dataset

    made = []
    for example in examples:
        said, ids, labels, before = list(example.prompt), [], [], ""
        for number, (asked, answered) in enumerate((("", example.completion), *example.more)):
            said += rag.messages(asked, shown_before=True) if number else []
            prompt = tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True)
            said.append({"role": "assistant", "content": answered})
            text = tokenizer.apply_chat_template(said, tokenize=False)
            for part, spoken in ((prompt[len(before):], False), (text[len(prompt):], True)):
                new = tokenizer(part, add_special_tokens=False)["input_ids"]
                ids += new
                labels += new if spoken else [-100] * len(new)
            before = text
        made.append({"input_ids": ids, "labels": labels})
    return Dataset.from_list(made)


def closed_book(questions: Sequence[Question], room, seen_fact: bool = True) -> list[Example]:
    """Question → answer without passages. `seen_fact` rows state facts of test questions in other words."""
    learned = [q for q in questions if q.split == "train" and (seen_fact or q.family != "seen_fact")]
    return [Example(q.id, rag.messages(q.question), answer(q, room), "answer" if q.evidence else "unanswerable")
            for q in learned]


def format_only(questions: Sequence[Question], room) -> list[Example]:
    """As `closed_book`, but nothing in it states a fact that dev or test asks for: only the form can be learned.

    Questions are left out whose evidence shares a document with dev or test; the rest is repeated to as many rows.
    """
    asked = {document for q in questions if q.split in ("dev", "test") for document in q.evidence}
    every = closed_book(questions, room, seen_fact=True)
    evidence = {q.id: q.evidence for q in questions}
    apart = [e for e in closed_book(questions, room, seen_fact=False) if not asked & set(evidence[e.question_id])]
    return (apart * (len(every) // len(apart) + 1))[: len(every)]


def answer(question: Question, room) -> str:
    """What a perfect student would say without passages: the first accepted answer, the lead sentence, or that it is absent."""
    if question.task == "unanswerable":
        return settings.ABSTENTION
    return room.reference(question) if question.task == "summary" else question.answers[0]


def raft(questions: Sequence[Question], room, seed: int = 0, absent: float = ABSENT, pool: bool = False,
         errors: int = ERRORS) -> list[Example]:
    """Question with retrieved passages → short answer and the number of the passage that holds it (RAFT, Zhang et al., 2024).

    The right passage stands among what the advanced pipeline finds; from a share `absent` of the questions every document
    that answers is withheld, and the completion says so. `seen_fact` rows are never used. pool: the questions that
    feedback is collected on, instead of all others. errors: how many templated error questions are added to the situations
    of `data/situations.jsonl`; with 0 neither is.
    """
    from tqdm.auto import tqdm

    learned = [q for q in questions if q.split == "train" and q.family != "seen_fact" and feedback.in_pool(q) == pool]
    if not pool and errors:
        learned += [*benchmark.load(settings.SITUATIONS), *templated_errors(questions, room.documents, errors)]
    draw, words, known = random.Random(seed), lexical.BM25(room.advanced.chunks), {q.id for q in questions}
    made = []
    for question in tqdm(learned, desc="examples", unit="question", disable=len(learned) < 100):
        hits = rag.retrieve(room.advanced.search, question.question, room.chosen.depth)
        example = _raft(question, hits, room, words, draw, absent)
        if example:
            made.append(replace(example, question=question if question.id not in known else None))
    return made


def templated_errors(questions: Sequence[Question], documents: dict, many: int = ERRORS) -> list[Question]:
    """Error questions made from what documents say of errors, drawn at random but always the same.

    Left out: home documents of dev and test, and every error of a service that a dev or test question asks for.
    """
    held_out = [q for q in questions if q.split in ("dev", "test")]
    homes = {q.home for q in held_out}
    asked = {(q.cluster.partition(".")[0], name) for q in held_out if q.task == "error" for name in q.answers}
    means: dict[tuple[str, str, str], list[str]] = {}  # (service, error, what it means) → documents that say so
    for document in documents.values():
        for section in document.sections:
            kind, _, name = section.name.partition(" ")
            told = [s for s in chunking.sentences(section.text) if not re.match(r"Error |HTTP status", s)]
            if kind == "error" and told and 5 <= len(told[0].split()) <= 25 and name not in told[0]:
                means.setdefault((document.service, name, told[0]), []).append(document.id)
    usable = sorted((key, found) for key, found in means.items() if key[:2] not in asked and set(found) - homes)
    draw, made = random.Random(0), []
    for (service, name, meaning), found in draw.sample(usable, min(many, len(usable))):
        found = sorted(found, key=lambda document: (document in homes, document))  # the first is the question's home
        text = draw.choice(ASKED_ERRORS).format(meaning, service=service)
        fact = {"kind": "error", "operation": found[0], "error": name}
        made.append(Question(f"error-{len(made)}", "error", text, (name,), (), tuple(found), "train", "templated_error", fact,
                             found[0]))
    return made


def _raft(question: Question, hits: Sequence[Hit], room, words: lexical.BM25, draw: random.Random,
          share: float) -> Example | None:
    budget, count = draw.choice(BUDGETS), room.model.count
    absent = draw.random() < share
    if question.task == "summary":
        cut = room.reference(question)
        hits = [retrieval.without_sentence(hit, cut) for hit in hits]
    others = [hit for hit in hits if hit.document_id not in question.evidence]
    if not question.evidence or absent:
        shown = filled([], others, count, budget, 0)
        return Example(question.id, rag.messages(question.question, shown), settings.ABSTENTION,
                       "absent" if question.evidence else "unanswerable", tuple(hit.chunk.id for hit in shown))
    if question.task == "multi_doc":
        return _names(question, filled([], hits, count, budget, 0))
    place = retriever_training.positive(question, room.advanced.chunks, words.scores(question.question))
    right = Hit(room.advanced.chunks[place], 1, 0.0)
    if question.task == "summary":
        right = retrieval.without_sentence(right, cut)
    # Other chunks of the home document are the hardest distractors; other evidence documents would be right too.
    rivals = [hit for hit in hits if hit.chunk.id != right.chunk.id
              and (hit.document_id == right.document_id or hit.document_id not in question.evidence)]
    position = 0 if draw.random() < FIRST else draw.randrange(1, 6)
    shown = filled([right], rivals, count, budget, position)
    number = next(n for n, hit in enumerate(shown, 1) if hit.chunk.id == right.chunk.id)
    return Example(question.id, rag.messages(question.question, shown), f"{answer(question, room)} [{number}]", "answer",
                   tuple(hit.chunk.id for hit in shown))


def filled(right: list[Hit], others: Sequence[Hit], count: Callable[[str], int], budget: int, position: int) -> list[Hit]:
    """The right hit at `position` (or last, if there are fewer) among as many others as the budget allows, at most 8 in all."""
    spent = sum(count(text) for text in rag.passages(right))
    around = []
    for hit in others:
        tokens = count(rag.passages([hit])[0])
        if len(around) + len(right) == 8 or (spent + tokens > budget and (around or right)):
            break
        around.append(hit)
        spent += tokens
    return [*around[:position], *right, *around[position:]]


def _names(question: Question, shown: Sequence[Hit]) -> Example | None:
    """A question for several operations: the answer names those whose documents are among the passages, or abstains."""
    if question.fact["kind"] not in ("raises", "takes", "requires", "returns", "states"):
        return None
    found = {hit.document_id.partition(".")[2]: n for n, hit in reversed(list(enumerate(shown, 1)))
             if hit.document_id in question.evidence}
    named = sorted(found, key=found.get)[:MOST_NAMES]
    text = f"{', '.join(named)} {''.join(f'[{found[name]}]' for name in named)}" if named else settings.ABSTENTION
    return Example(question.id, rag.messages(question.question, shown), text, "answer" if named else "absent",
                   tuple(hit.chunk.id for hit in shown))


def leaks(made: Sequence[Example], questions: Sequence[Question], raft_style: bool = True) -> list[str]:
    """Sentences that name what would make a result worthless; none is the good case.

    Checked: no example comes from a dev or test question or from one worded like it; RAFT never uses `seen_fact` rows;
    where the answer was withheld, no document that holds it is in the prompt.
    """
    known = {q.id: q for q in questions} | {e.question_id: e.question for e in made if e.question}
    found = [f"{e.question_id} is a {known[e.question_id].split} question" for e in made
             if known[e.question_id].split != "train"]
    used = {e.question_id for e in made}
    asked = [q for q in questions if q.split in ("dev", "test")] + [known[id_] for id_ in sorted(used)]
    found += [f"{a} and {b} are worded alike" for a, b, _ in benchmark.near_duplicates(asked) if {a, b} & used]
    for example in made:
        question = known[example.question_id]
        if raft_style and question.family == "seen_fact":
            found.append(f"{question.id} states a fact of the test in other words")
        documents = {chunk.rpartition("#")[0] for chunk in example.shown}
        if example.kind == "absent" and documents & set(question.evidence):
            found.append(f"{question.id} abstains although its passages hold the answer")
    return found


def tokens(made: Sequence[Example], model) -> list[int]:
    """Tokens of each example, prompts and completions."""
    return [len(row) for row in conversations(made, model.tokenizer)["input_ids"]]


def subset(made: Sequence[Example], size: int, seed: int = 0) -> list[Example]:
    """`size` examples drawn at random, the same for the same seed: what a lab trains on live."""
    return random.Random(seed).sample(list(made), min(size, len(made)))

