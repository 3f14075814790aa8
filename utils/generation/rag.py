"""Retrieval-augmented generation as plain function calls: hits → passages that fit → prompt → answer."""
from __future__ import annotations

import functools
import re
import sys
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import replace

from .. import metrics
from ..settings import Settings
from ..types import Answer, Generation, Hit, Question

# We tried five wordings on dev (51 questions, oracle passages): with a system turn, 0.16 of the replies contained the answer;
# with the other four, worked examples included, 0.25 to 0.27. This is the shortest that allows the model to abstain.
WITH_PASSAGES = f'Answer with a few words from the passages. If they do not hold the answer, reply "{metrics.ABSTENTION}".'
WITHOUT_PASSAGES = f'Answer with a few words. If you do not know, reply "{metrics.ABSTENTION}".'
INSTRUCTION_TOKENS = 200  # at most, for the instruction and the chat template
LONGEST_SECTION = 80  # characters of a section's name in a prompt; a heading may be a paragraph


def numbered_passages(hits: Sequence[Hit]) -> list[str]:
    """The passages as the prompt shows them: number, document id, section (if chunks follow sections), text."""
    places = [f"{hit.document_id} {hit.chunk.section[:LONGEST_SECTION]}" if hit.chunk.header else hit.document_id for hit in hits]
    return [f"[{n}] {place}: {hit.chunk.text}" for n, (place, hit) in enumerate(zip(places, hits, strict=True), 1)]


def build_prompt(question: str, hits: Sequence[Hit] = (), shown_before: bool = False) -> list[dict[str, str]]:
    """The chat prompt: numbered passages, question, instruction; closed-book without hits, unless passages were shown before."""
    task = f"Question: {question}\n{WITH_PASSAGES if hits or shown_before else WITHOUT_PASSAGES}"
    return [{"role": "user", "content": "\n\n".join([*numbered_passages(hits), task])}]


def count_that_fit(texts: Sequence[str], count: Callable[[str], int], k: int, budget: int) -> int:
    """How many of the first k passages, as the prompt shows them, fit into `budget` tokens; at least one if there are any."""
    used = spent = 0
    for text in texts[:k]:
        spent += count(text)
        if used and spent > budget:
            break
        used += 1
    return used


def cut_to(text: str, count: Callable[[str], int], tokens: int) -> str:
    """The longest beginning of a text that has at most `tokens` tokens."""
    return text[: bisect_right(range(1, len(text) + 1), tokens, key=lambda length: count(text[:length]))]


@functools.cache
def tell(sentence: str) -> None:
    """Print a sentence on stderr, once in a process."""
    print(sentence, file=sys.stderr)


def without_sentence(hit: Hit, sentence: str) -> Hit:
    """The hit without `sentence` in its passage: contexts must not contain the reference answers of `summary` questions."""
    flat = re.sub(r"\s+", r"\\s+", re.escape(sentence).replace(r"\ ", " "))
    return replace(hit, chunk=replace(hit.chunk, text=re.sub(flat, "", hit.chunk.text).strip()))


def _first_cut(hits: list[Hit], count: Callable[[str], int], budget: int) -> list[Hit]:
    """The hits, with the text of the first one cut if it alone exceeds the budget."""
    if not hits or count(numbered_passages(hits[:1])[0]) <= budget:
        return hits
    tell(f"passages longer than the budget of {budget} tokens are cut to it in the prompt")
    bare = numbered_passages([replace(hits[0], chunk=replace(hits[0].chunk, text=""))])[0]
    text = cut_to(hits[0].chunk.text, count, budget - count(bare))
    return [replace(hits[0], chunk=replace(hits[0].chunk, text=text)), *hits[1:]]


def _question_cut(question: Question, model, settings: Settings) -> str:
    """The question as the prompt shows it: cut where passages, instruction and answer would not fit into the window with it."""
    room = (getattr(model, "window", 0) or 10**9) - settings.context_tokens - settings.max_new_tokens - INSTRUCTION_TOKENS
    if len(question.question) <= room or (tokens := model.count(question.question)) <= room:
        return question.question
    tell(f"question {question.id} has {tokens} tokens; the prompt has room for {room}, the rest was cut")
    return cut_to(question.question, model.count, room)


def answer_questions(questions: Sequence[Question], hits: Sequence[Sequence[Hit]], seconds_retrieve: Sequence[float], model,
                     settings: Settings, held_out_sentences: Sequence[str] = (), turns: Sequence[list[dict[str, str]]] = (),
                     on_batch: Callable[[list[int], list[Answer]], None] | None = None) -> list[Answer]:
    """Answers to the questions from their hits, in order; closed-book where a question has no hits.

    By question, held_out_sentences: a sentence to cut from every passage, or ""; turns: messages before its prompt.
    on_batch(indices, answers): called after each batch, so that you can save it.
    """
    held_out_sentences = held_out_sentences or [""] * len(questions)
    shown = [_first_cut([without_sentence(hit, cut) if cut else hit for hit in ranked[: settings.k]], model.count,
                        settings.context_tokens) for ranked, cut in zip(hits, held_out_sentences, strict=True)]
    used = [count_that_fit(numbered_passages(ranked), model.count, settings.k, settings.context_tokens) for ranked in shown]
    prompts = [[*before, *build_prompt(_question_cut(q, model, settings), p[:u])]
               for before, q, p, u in zip(turns or [[]] * len(questions), questions, shown, used, strict=True)]

    def finish(i: int, reply: Generation) -> Answer:
        text, cited = strip_citations(reply.text, shown[i][: used[i]])
        silent = metrics.abstains(text)
        known = bool(reply.withheld and not metrics.abstains(reply.withheld)) == silent  # else the confidence is of another text
        return Answer(text, silent, cited, tuple(hits[i]), used[i], reply.prompt_tokens, reply.completion_tokens,
                      seconds_retrieve[i], reply.seconds, reply.confidence if known else None, reply.withheld if known else "")

    def report(indices: list[int], replies: list[Generation]) -> None:
        if on_batch:
            on_batch(indices, [finish(i, reply) for i, reply in zip(indices, replies, strict=True)])

    replies = model.generate(prompts, settings.max_new_tokens, settings.batch_size, report, metrics.ABSTENTION)
    return [finish(i, reply) for i, reply in enumerate(replies)]


def strip_citations(text: str, shown: Sequence[Hit]) -> tuple[str, tuple[str, ...]]:
    """The answer without its [n] markers, and the documents they cite; numbers without a passage are dropped."""
    numbers = [int(number) for number in re.findall(r"\[(\d+)\]", text)]
    cited = [shown[n - 1].document_id for n in numbers if 1 <= n <= len(shown)]
    return re.sub(r"\s*\[\d+\]\s*", " ", text).strip(), tuple(dict.fromkeys(cited))
