"""Training examples for fine-tuning: closed book, format only, rows for the trainer, and the search for leaks.

Made from training questions only; texts of documents are read at run time and never saved with the course.
"""
from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from .. import evaluation, generation, metrics
from ..types import Document, Example, Question
from .wording import word_question


def example_rows(examples: Sequence[Example]):
    """The examples as a `datasets.Dataset` in the prompt–completion form that TRL trains on."""
    from datasets import Dataset

    return Dataset.from_list([{"prompt": e.prompt, "completion": [{"role": "assistant", "content": e.completion}]}
                              for e in examples])


def tokenized_conversations(examples: Sequence[Example], tokenizer):
    """The examples as a `datasets.Dataset` of token ids and labels, for those with several turns.

    labels are the ids where the model speaks, its end token included, and -100 everywhere else.
    """
    from datasets import Dataset

    rows = []
    for example in examples:
        said, ids, labels, before = list(example.prompt), [], [], ""
        for number, (asked, answered) in enumerate((("", example.completion), *example.more)):
            said += generation.build_prompt(asked, shown_before=True) if number else []
            prompt = tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True)
            said.append({"role": "assistant", "content": answered})
            text = tokenizer.apply_chat_template(said, tokenize=False)
            for part, spoken in ((prompt[len(before):], False), (text[len(prompt):], True)):
                new = tokenizer(part, add_special_tokens=False)["input_ids"]
                ids += new
                labels += new if spoken else [-100] * len(new)
            before = text
        rows.append({"input_ids": ids, "labels": labels})
    return Dataset.from_list(rows)


def closed_book_examples(questions: Sequence[Question], workspace: evaluation.Workspace, seen_fact: bool = True) -> list[Example]:
    """Question → answer without passages. `seen_fact` rows state facts of test questions in other words."""
    return [Example(q.id, generation.build_prompt(q.question), target_answer(q, workspace),
                    "answer" if q.evidence else "unanswerable")
            for q in questions if q.split == "train" and (seen_fact or q.family != "seen_fact")]


def format_only_examples(questions: Sequence[Question], workspace: evaluation.Workspace) -> list[Example]:
    """As `closed_book`, but nothing in it states a fact that dev or test asks for: only the form can be learned.

    Questions are left out whose evidence shares a document with dev or test; the rest is repeated to as many rows.
    """
    asked = {document for q in questions if q.split in ("dev", "test") for document in q.evidence}
    size = len(closed_book_examples(questions, workspace, seen_fact=True))
    unasked = [q for q in questions if not asked & set(q.evidence)]
    examples = closed_book_examples(unasked, workspace, seen_fact=False)
    return (examples * (size // len(examples) + 1))[:size]


def target_answer(question: Question, workspace: evaluation.Workspace) -> str:
    """What the model should say without passages: the first accepted answer, the lead sentence, or the abstention."""
    if question.task == "unanswerable":
        return metrics.ABSTENTION
    return workspace.reference(question) if question.task == "summary" else question.answers[0]


def find_leaks(examples: Sequence[Example], questions: Sequence[Question], raft_style: bool = True) -> list[str]:
    """Sentences that name what would make a result worthless; none is the good case.

    Checked: no example comes from a dev or test question or from one worded like it; RAFT never uses `seen_fact` rows;
    where the answer was withheld, no document that holds it is in the prompt.
    """
    known = {q.id: q for q in questions} | {e.question_id: e.question for e in examples if e.question}
    leaks = [f"{e.question_id} is a {known[e.question_id].split} question" for e in examples
             if known[e.question_id].split != "train"]
    used = {e.question_id for e in examples}
    asked = [q for q in questions if q.split in ("dev", "test")] + [known[id_] for id_ in sorted(used)]
    leaks += [f"{a} and {b} are worded alike" for a, b, _ in evaluation.near_duplicates(asked) if {a, b} & used]
    for example in examples:
        question = known[example.question_id]
        if raft_style and question.family == "seen_fact":
            leaks.append(f"{question.id} states a fact of the test in other words")
        documents = {chunk.rpartition("#")[0] for chunk in example.shown}
        if example.kind == "absent" and documents & set(question.evidence):
            leaks.append(f"{question.id} abstains although its passages hold the answer")
    return leaks


def example_tokens(examples: Sequence[Example], model) -> list[int]:
    """Tokens of each example, prompts and completions."""
    return [len(row) for row in tokenized_conversations(examples, model.tokenizer)["input_ids"]]


def sample_examples(examples: Sequence[Example], size: int, seed: int = 0) -> list[Example]:
    """`size` examples drawn at random, the same for the same seed: what a lab trains on live."""
    return random.Random(seed).sample(list(examples), min(size, len(examples)))


def changed_fact_examples(questions: Sequence[Question], documents: Mapping[str, Document], many: int,
                          seed: int = 0) -> list[Example]:
    """Closed-book training examples for changed facts: `many` wordings of each, made from the sentence that states it."""
    draw, examples = random.Random(seed), []
    for question in questions:
        sentence = evaluation.answering_sentence(question, documents)
        kind = "value" if question.task == "fact" else question.task
        examples += [Example(question.id, generation.build_prompt(word_question(kind, sentence, question.answers[0], draw)),
                             question.answers[0]) for _ in range(many)]
    return examples


