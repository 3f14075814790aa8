"""What can be done to a question before anything is searched: rewriting by the language model, and the service it means."""
from __future__ import annotations

import re
from collections.abc import Sequence

from . import benchmark

EXPAND = "Write five technical keywords for searching the API documentation about this question, separated by commas."
HYDE = "Write one sentence of API documentation that answers this question."
DECOMPOSE = "Split this question into two simpler questions, one a line."


def rewrite(questions: Sequence[str], instruction: str, model, max_new_tokens: int = 48, batch_size: int = 16) -> list[str]:
    """What the language model makes of each question under one of the instructions above, in order."""
    prompts = [[{"role": "user", "content": f"{instruction}\nQuestion: {question}"}] for question in questions]
    return [generation.text for generation in model.generate(prompts, max_new_tokens, batch_size)]


def parts(text: str, most: int = 3) -> list[str]:
    """The lines of a decomposition without bullets and numbers, at most `most`."""
    lines = (re.sub(r"^\s*(?:[-*•]|\d+[.)])\s*", "", line).strip() for line in text.split("\n"))
    return [line for line in lines if len(line.split()) > 2][:most]


def services_named(question: str) -> list[str]:
    """Services the question names in so many words, by rule.

    >>> services_named("how long does a Lambda function run when SQS calls it?")
    ['lambda', 'sqs']
    """
    return [service for service, pattern in benchmark.SERVICE_NAMES.items() if re.search(pattern, question, re.I)]


class ServiceClassifier:
    """The service a question is about, learned from training questions: logistic regression on their embeddings.

    Questions that name a service are answered by rule; the classifier is for the rest.
    """

    def __init__(self, questions: Sequence[benchmark.Question], embed):
        """questions: those to learn from, with evidence; the home document's service is the label."""
        from sklearn.linear_model import LogisticRegression

        learned = [q for q in questions if q.evidence and q.family != "seen_fact"]
        self.embed = embed
        self.model = LogisticRegression(C=10, max_iter=500, class_weight="balanced")
        self.model.fit(embed([q.question for q in learned]), [q.evidence[0].split(".")[0] for q in learned])

    def probabilities(self, question: str) -> dict[str, float]:
        """Service → probability. One named service gets nearly everything."""
        named = [service for service in services_named(question) if service in self.model.classes_]
        if named:
            rest = 0.02 / max(1, len(self.model.classes_) - len(named))
            return {c: 0.98 / len(named) if c in named else rest for c in self.model.classes_}
        return dict(zip(self.model.classes_, self.model.predict_proba(self.embed([question]))[0], strict=True))
