"""Baselines that see no document: what a leak in the questions' wording, or a lucky guess, would score."""
from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence

from .. import metrics
from ..types import Answer, Question


def baseline_answers(name: str, questions: Sequence[Question], train: Sequence[Question],
                     reference: Callable[[Question], str]) -> Iterator[tuple[Question, Answer]]:
    """Each question with the answer that its wording suggests.

    `nearest_question` repeats the answer of the most similar training question (TF-IDF cosine);
    `question_only` predicts an answer with a linear classifier over the question's words.
    reference(question): the reference of a summary question. Raises ValueError without training questions.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    learned = [q for q in train if q.family != "seen_fact"]
    if not learned:
        raise ValueError(f"arm {name}: there are no training questions to learn from")
    if not questions:
        return
    begun = time.perf_counter()
    replies = [_reply(q, reference) for q in learned]
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    known = vectorizer.fit_transform(q.question for q in learned)
    asked = vectorizer.transform(q.question for q in questions)
    if name == "nearest_question":
        guesses = [replies[i] for i in (asked @ known.T).toarray().argmax(axis=1)]
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it suspects a regression, because nearly every answer is its own class
            guesses = LogisticRegression(C=10, max_iter=200, class_weight="balanced").fit(known, replies).predict(asked)
    each = (time.perf_counter() - begun) / len(questions)
    for question, guess in zip(questions, guesses, strict=True):
        yield question, Answer(str(guess), metrics.abstains(str(guess)), (), (), 0, 0, 0, 0.0, each)


def _reply(question: Question, reference: Callable[[Question], str]) -> str:
    """What a baseline learns to say: the first accepted answer, a summary's reference, else the abstention."""
    if question.task == "summary":
        try:
            return reference(question)
        except KeyError:
            return metrics.ABSTENTION  # the document is not in this corpus
    return question.answers[0] if question.answers else metrics.ABSTENTION
