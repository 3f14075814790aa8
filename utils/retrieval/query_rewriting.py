"""Steps before the search: rewriting the question with the language model, and predicting the service it is about."""
from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from .. import corpus
from ..types import Document, Question

EXPAND = "Write five technical keywords for searching the API documentation about this question, separated by commas."
HYDE = "Write one sentence of API documentation that answers this question."
DECOMPOSE = "Split this question into two simpler questions, one a line."


def rewrite_questions(questions: Sequence[str], instruction: str, model, max_new_tokens: int = 48,
                      batch_size: int = 16) -> list[str]:
    """The language model's rewriting of each question under one of the instructions above, in order."""
    prompts = [[{"role": "user", "content": f"{instruction}\nQuestion: {question}"}] for question in questions]
    return [generation.text for generation in model.generate(prompts, max_new_tokens, batch_size)]


def subquestions(text: str, limit: int = 3) -> list[str]:
    """The first `limit` questions of a decomposition, one per line, without bullets and numbers."""
    lines = (re.sub(r"^\s*(?:[-*•]|\d+[.)])\s*", "", line).strip() for line in text.split("\n"))
    return [line for line in lines if len(line.split()) > 2][:limit]


class ServiceClassifier:
    """Predicts the service a question is about, by logistic regression on embeddings of training questions.

    If the question names a service, a rule decides instead.
    """

    def __init__(self, questions: Sequence[Question], documents: Mapping[str, Document], embed: Callable):
        """questions: training questions, labelled by the service of the home document. embed: texts → array of vectors."""
        from sklearn.linear_model import LogisticRegression

        examples = [q for q in questions if q.evidence and q.family != "seen_fact"]
        self.embed = embed
        self.model = LogisticRegression(C=10, max_iter=500, class_weight="balanced")
        self.model.fit(embed([q.question for q in examples]), [documents[q.evidence[0]].group for q in examples])

    def probabilities(self, question: str) -> dict[str, float]:
        """Service → probability. Services that the question names share 0.98."""
        named = [service for service in corpus.services_named(question) if service in self.model.classes_]
        if named:
            rest = 0.02 / max(1, len(self.model.classes_) - len(named))
            return {c: 0.98 / len(named) if c in named else rest for c in self.model.classes_}
        return dict(zip(self.model.classes_, self.model.predict_proba(self.embed([question]))[0], strict=True))
