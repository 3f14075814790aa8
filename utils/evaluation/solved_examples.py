"""Solved training questions: which passage answers one, similar ones before a prompt (`few_shot`), and the two baselines."""
from __future__ import annotations

import functools
import random
import re
import time
import warnings
from collections.abc import Callable, Iterator, Sequence

from .. import corpus, generation, metrics, models, retrieval
from ..types import Answer, Chunk, Hit, Question
from .workspace import Workspace

SHOTS = 4  # solved questions before a prompt, the most similar last


def answering_chunk(question: Question, chunks: Sequence[Chunk], scores) -> int:
    """Index of the chunk that a question's fact, `#` place or accepted answers name; of several, or none, the best-scored."""
    home = [i for i, chunk in enumerate(chunks) if chunk.document_id in question.evidence[:1]]
    if question.fact.get("kind") == "pattern":
        answering = [i for i in home if re.search(question.fact["pattern"], " ".join(chunks[i].text.split()))]
    elif question.fact:
        section = corpus.fact_section(question.fact)
        answering = [i for i in home if chunks[i].section == section]
        answering = answering[:1] if section == "overview" else answering
    else:
        placed = [i for i in home if chunks[i].section == question.places[0]] if question.places else []
        answering = [i for i in placed or home if metrics.stated_in(chunks[i].text, question.answers)] or placed
    return max(answering or home, key=lambda i: scores[i])


def mined_examples(learnable: Sequence[Question], questions: Sequence[Question], pipeline: retrieval.RetrievalPipeline,
                   run: retrieval.RetrieverTraining) -> list[tuple[str, str, list[str]]]:
    """(question, answering passage, hard negatives) of each learnable one. questions: all; dev and test give no negatives."""
    words, vectors, draw, examples = pipeline.bm25, pipeline.dense.vectors, random.Random(run.seed), []
    allowed = {c.document_id for c in pipeline.chunks} - {q.cluster for q in questions if q.split in ("dev", "test")}
    for question, vector in zip(learnable, pipeline.embedder.encode([q.question for q in learnable]), strict=True):
        dense, lexical_scores = (retrieval.standardise(s) for s in (vectors @ vector, words.scores(question.question)))
        scores = (1 - run.bm25) * dense + run.bm25 * lexical_scores
        right = pipeline.chunks[answering_chunk(question, pipeline.chunks, scores)]
        wrong = retrieval.hard_negatives(question, pipeline.chunks, scores, allowed, 4 * run.negatives, run.negatives, draw)
        examples.append((question.question, right.indexed, [pipeline.chunks[i].indexed for i in wrong]))
    return examples


class SolvedExamples:
    """Training questions with their answers, found by similarity to a question."""

    def __init__(self, train: Sequence[Question], workspace: Workspace, context: str):
        """context: "" for examples without passages. Raises ValueError if no training question can be shown."""
        self.solved = [q for q in train if q.task == "unanswerable" or (q.answers and (q.evidence or not context))]
        if not any(q.answers for q in self.solved):
            raise ValueError("arm few_shot: there is no solved training question to show; add questions of split train")
        self.workspace, self.context = workspace, context
        self.embedder = models.embedder(workspace.settings.embedder)
        self.vectors = self.embedder.encode([q.question for q in self.solved])

    def turns(self, question: Question) -> list[dict[str, str]]:
        """The messages of the `SHOTS` most similar solved questions, each with the passage that answers it."""
        similarity = self.vectors @ self.embedder.encode([question.question])[0]
        return [message for place in similarity.argsort()[-SHOTS:] for message in self._turn(int(place))]

    @functools.cache  # noqa: B019 (lives as long as one run of an arm)
    def _turn(self, place: int) -> list[dict[str, str]]:
        solved, hits, pipeline = self.solved[place], [], self.workspace.pipeline if self.context else None
        if pipeline and solved.evidence:
            chunk = pipeline.chunks[answering_chunk(solved, pipeline.chunks, pipeline.bm25.scores(solved.question))]
            hits = [Hit(chunk, 1, 0.0)]
        elif pipeline:
            hits = pipeline.search(solved.question, 1)
        reply = f"{solved.answers[0]}{' [1]' * bool(hits)}" if solved.answers else metrics.ABSTENTION
        return [*generation.build_prompt(solved.question, hits), {"role": "assistant", "content": reply}]


def baseline_answers(name: str, questions: Sequence[Question], train: Sequence[Question],
                     reference: Callable[[Question], str]) -> Iterator[tuple[Question, Answer]]:
    """Each question with a baseline's answer. Raises ValueError without training questions.

    `nearest_question` repeats the answer of the most similar one (TF-IDF cosine); `question_only` is a linear classifier over
    words. reference(question): that of a summary question.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    examples = [q for q in train if q.family != "seen_fact"]
    if not examples:
        raise ValueError(f"arm {name}: there are no training questions to learn from; add questions of split train")
    if not questions:
        return
    start = time.perf_counter()
    replies = [_reply(q, reference) for q in examples]
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    try:
        fitted = vectorizer.fit_transform(q.question for q in examples)
    except ValueError:
        raise ValueError(f"arm {name}: the training questions hold no word of two letters to learn from") from None
    queries = vectorizer.transform(q.question for q in questions)
    if name == "nearest_question" or len(set(replies)) == 1:  # a classifier needs two answers
        guesses = [replies[i] for i in (queries @ fitted.T).toarray().argmax(axis=1)]
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn suspects a regression, since nearly every answer is its own class
            guesses = LogisticRegression(C=10, max_iter=200, class_weight="balanced").fit(fitted, replies).predict(queries)
    seconds = (time.perf_counter() - start) / len(questions)
    for question, guess in zip(questions, guesses, strict=True):
        yield question, Answer(str(guess), metrics.abstains(str(guess)), (), (), 0, 0, 0, 0.0, seconds)


def _reply(question: Question, reference: Callable[[Question], str]) -> str:
    """The answer a baseline learns: the first accepted answer, a summary's reference, or the abstention."""
    if question.task == "summary":
        try:
            return reference(question)
        except KeyError:
            return metrics.ABSTENTION  # the document is not in this corpus
    return question.answers[0] if question.answers else metrics.ABSTENTION
