"""Retrieval-augmented generation as plain function calls: hits → passages that fit → prompt → answer."""
from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from .. import metrics, retrieval, settings
from ..types import Answer, Generation, Hit, Question

# Of five wordings tried on dev (51 questions, oracle passages), one with a system turn held the answer in 0.16; the
# other four, worked examples included, in 0.25 to 0.27. This is the shortest of those that allow to abstain.
WITH_PASSAGES = (
    f'Answer with a few words from the passages. If they do not hold the answer, reply "{metrics.ABSTENTION}".'
)
WITHOUT_PASSAGES = f'Answer with a few words. If you do not know, reply "{metrics.ABSTENTION}".'


def numbered_passages(hits: Sequence[Hit]) -> list[str]:
    """The passages as they stand in the prompt: number, document id, section where chunks follow sections, text."""
    places = [f"{hit.document_id} {hit.chunk.section}" if hit.chunk.header else hit.document_id for hit in hits]
    return [f"[{n}] {place}: {hit.chunk.text}" for n, (place, hit) in enumerate(zip(places, hits, strict=True), 1)]


def build_prompt(question: str, hits: Sequence[Hit] = (), shown_before: bool = False) -> list[dict[str, str]]:
    """The chat prompt: numbered passages, the question, one instruction; without hits it asks closed book.

    shown_before: the passages stand earlier in the conversation.
    """
    task = f"Question: {question}\n{WITH_PASSAGES if hits or shown_before else WITHOUT_PASSAGES}"
    return [{"role": "user", "content": "\n\n".join([*numbered_passages(hits), task])}]


def count_that_fit(texts: Sequence[str], count: Callable[[str], int], k: int, budget: int) -> int:
    """How many of the first k passages, as printed, fit into `budget` tokens; at least one if there are any."""
    used = spent = 0
    for text in texts[:k]:
        spent += count(text)
        if used and spent > budget:
            break
        used += 1
    return used


def answer_questions(questions: Sequence[Question], hits: Sequence[Sequence[Hit]], seconds_retrieve: Sequence[float], model,
                     chosen: settings.Settings, withheld: Sequence[str] = (),
                     on_batch: Callable[[list[int], list[Answer]], None] | None = None) -> list[Answer]:
    """Answers to the questions with their hits, in order; closed book where a question has no hits.

    withheld: per question, a sentence to cut from every passage (the reference of a summary), or "".
    on_batch(indices, answers) is called after each batch of generation, so that a caller can save it.
    """
    withheld = withheld or [""] * len(questions)
    shown = [
        [retrieval.without_sentence(hit, cut) for hit in ranked[: chosen.k]] if cut else list(ranked[: chosen.k])
        for ranked, cut in zip(hits, withheld, strict=True)
    ]
    used = [count_that_fit(numbered_passages(ranked), model.count, chosen.k, chosen.context_tokens) for ranked in shown]
    prompts = [build_prompt(q.question, p[:u]) for q, p, u in zip(questions, shown, used, strict=True)]

    def finish(i: int, made: Generation) -> Answer:
        text, cited = strip_citations(made.text, shown[i][: used[i]])
        return Answer(text, metrics.abstains(text), cited, tuple(hits[i]), used[i], made.prompt_tokens,
                      made.completion_tokens, seconds_retrieve[i], made.seconds)

    def report(indices: list[int], made: list[Generation]) -> None:
        if on_batch:
            on_batch(indices, [finish(i, generation) for i, generation in zip(indices, made, strict=True)])

    made = model.generate(prompts, chosen.max_new_tokens, chosen.batch_size, report)
    return [finish(i, generation) for i, generation in enumerate(made)]


def strip_citations(text: str, shown: Sequence[Hit]) -> tuple[str, tuple[str, ...]]:
    """The bare answer and the documents its [n] markers point to; numbers without a passage are dropped."""
    numbers = [int(number) for number in re.findall(r"\[(\d+)\]", text)]
    cited = [shown[n - 1].document_id for n in numbers if 1 <= n <= len(shown)]
    return re.sub(r"\s*\[\d+\]\s*", " ", text).strip(), tuple(dict.fromkeys(cited))
