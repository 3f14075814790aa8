"""Training examples: closed book, rows for the trainer, a leak check, and questions that code words from a sentence."""
from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from .. import evaluation, generation, metrics
from ..text import STOPWORDS, plain_words
from ..types import Document, Example, Question

DROPPED = 0.15  # share of content words that a question leaves out
UNITS = r"seconds|minutes|hours|days|weeks|months|years|characters|bytes|KB|MB|GB|TB|KiB|MiB|GiB|percent"
VALUE = re.compile(r"\b(?:up to|maximum of|default(?: value)? is|default of|limit of|at most|at least|minimum of|within|for|"
                   rf"after|every|last|than|is) (\d+(?:,\d{{3}})*(?:\.\d+)?(?: (?:{UNITS}))?)(?=[\s.,;)])")
NAMED = re.compile(r"\b(?:default(?: value)? is|set to|set|must be|must use|must specify|specify|use|using|value of|value is|"
                   r"returns|status is|state is|either) ([A-Z][A-Z_]{3,}|[A-Z][a-z]+[A-Z]\w+|[a-z]+[A-Z]\w+)(?=[\s.,;)])")
TIMES = re.compile(r"seconds|minutes|hours|days|weeks|months|years")
SIZES = re.compile(r"bytes|KB|MB|GB|TB|KiB|MiB|GiB")


def tokenized_conversations(examples: Sequence[Example], tokenizer):
    """A `datasets.Dataset` of token ids and labels: those of the model's turns with their end tokens, -100 elsewhere."""
    from datasets import Dataset

    rows = []
    for example in examples:
        messages, ids, labels, before = list(example.prompt), [], [], ""
        for number, (question, answer) in enumerate((("", example.completion), *example.more)):
            messages += generation.build_prompt(question, shown_before=True) if number else []
            prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
            messages.append({"role": "assistant", "content": answer})
            text = tokenizer.apply_chat_template(messages, tokenize=False)
            for part, is_answer in ((prompt[len(before):], False), (text[len(prompt):], True)):
                new = tokenizer(part, add_special_tokens=False)["input_ids"]
                ids += new
                labels += new if is_answer else [-100] * len(new)
            before = text
        rows.append({"input_ids": ids, "labels": labels})
    return Dataset.from_list(rows)


def closed_book_examples(questions: Sequence[Question], workspace: evaluation.Workspace, seen_fact: bool = True,
                         split: str = "train") -> list[Example]:
    """Question → answer without passages. `seen_fact` rows paraphrase facts that test questions ask for."""
    return [Example(q.id, generation.build_prompt(q.question), target_answer(q, workspace),
                    "answer" if q.evidence else "unanswerable")
            for q in questions if q.split == split and not q.retrieval_only and (seen_fact or q.family != "seen_fact")]


def target_answer(question: Question, workspace: evaluation.Workspace) -> str:
    """The target without passages: the first accepted answer, the lead sentence of a summary, or the abstention."""
    if question.task == "unanswerable":
        return metrics.ABSTENTION
    if question.task == "summary":
        return workspace.reference(question)
    return question.answers[0] if question.answers else ", ".join(question.answer_set)


def find_leaks(examples: Sequence[Example], questions: Sequence[Question], raft_style: bool = True) -> list[str]:
    """One sentence for each leak that would invalidate the results; an empty list means no leak.

    Dev or test questions and their near-duplicates, in further turns, too; `seen_fact` rows in RAFT; abstentions that show a
    document with the answer.
    """
    known = {q.id: q for q in questions} | {e.question_id: e.question for e in examples if e.question}
    leaks = [f"{e.question_id} is a {known[e.question_id].split} question" for e in examples
             if known[e.question_id].split != "train"]
    used = {e.question_id: known[e.question_id] for e in examples}
    used |= {(turn := f"{e.question_id}, turn {n}"): replace(known[e.question_id], id=turn, question=text, split="train")
             for e in examples for n, (text, _) in enumerate(e.more, 2)}
    compared = [q for q in questions if q.split in ("dev", "test")] + [used[id_] for id_ in sorted(used)]
    leaks += [f"{a} and {b} are near-duplicates" for a, b, _ in evaluation.near_duplicates(compared) if {a, b} & used.keys()]
    for example in examples:
        question = known[example.question_id]
        if raft_style and question.family == "seen_fact":
            leaks.append(f"{question.id} paraphrases a fact that a test question asks for")
        documents = {chunk.rpartition("#")[0] for chunk in example.shown}
        if example.kind == "absent" and documents & set(question.evidence):
            leaks.append(f"{question.id} abstains although its passages hold the answer")
    return leaks


def example_tokens(examples: Sequence[Example], model) -> list[int]:
    """Number of tokens of each example, prompts and completions."""
    return [len(row) for row in tokenized_conversations(examples, model.tokenizer)["input_ids"]]


def sample_examples(examples: Sequence[Example], size: int, seed: int = 0) -> list[Example]:
    """`size` random examples for a live training run; the same seed draws the same examples."""
    return random.Random(seed).sample(list(examples), min(size, len(examples)))


def changed_fact_examples(questions: Sequence[Question], documents: Mapping[str, Document], many: int,
                          seed: int = 0) -> list[Example]:
    """Closed-book examples for changed facts: `many` questions each, worded from the sentence that states the fact."""
    draw, examples = random.Random(seed), []
    for question in questions:
        sentence = evaluation.answering_sentence(question, documents)
        kind, answer = "value" if question.task == "fact" else question.task, question.answers[0]
        examples += [Example(question.id, generation.build_prompt(word_question(kind, sentence, answer, draw)), answer)
                     for _ in range(many)]
    return examples


def value_in(sentence: str) -> str:
    """The value a sentence states, or "" when it states none or several, or is too short or too long to ask about."""
    values = [*VALUE.findall(sentence), *NAMED.findall(sentence)]
    plain = len(values) == 1 and 8 <= len(sentence.split()) <= 40 and sentence.count(values[0]) == 1
    return values[0] if plain else ""


def word_question(kind: str, sentence: str, answer: str, draw: random.Random) -> str:
    """A terse question from the sentence's content words without the answer; some words are dropped at random."""
    names = re.findall(r"[A-Za-z][A-Za-z'-]+", sentence.replace(answer, " ", 1))
    content = [plain_words(name) if name[1:].lower() != name[1:] else name.lower() for name in names
               if name.lower() not in STOPWORDS]
    words = [word for word in content if draw.random() > DROPPED]
    text = " ".join((words if len(words) > 2 else content)[:14])
    if kind == "error":
        return draw.choice((text, f"failed: {text}", f"{text}, which error?", f"exception when {text}"))
    if kind == "routing":
        return draw.choice((f"which call {text}?", f"how do I {text}", text, f"want to {text}"))
    if kind == "member" or not answer[0].isdigit():
        return draw.choice((f"{text}: which one?", f"which value {text}", f"what {text}?", f"{text} is set to what?"))
    how = "how long" if TIMES.search(answer) else "how large" if SIZES.search(answer) else "how many"
    return draw.choice((f"{how} {text}?", f"{text}: {how}?", f"{how} {text}", f"what is the limit: {text}"))
