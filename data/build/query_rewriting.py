"""Steps before the search: rewriting the question with the language model."""
from __future__ import annotations

import re
from collections.abc import Sequence

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
