"""Baselines that see no document: what you could score from the questions' wording or by guessing."""
from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence

from .. import metrics
from ..types import Answer, Question


def baseline_answers(name: str, questions: Sequence[Question], train: Sequence[Question],
                     reference: Callable[[Question], str]) -> Iterator[tuple[Question, Answer]]:
    """Each question with a baseline's answer. Raises ValueError without training questions.

    `nearest_question` repeats the answer of the most similar training question (TF-IDF cosine); `question_only` predicts it
    with a linear classifier over the question's words. reference(question): the reference of a summary question.
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
