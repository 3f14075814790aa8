"""The second corpus: docstrings of an installed package, and the authors' questions about it."""
from __future__ import annotations

import pytest

from utils import corpus, evaluation, metrics, settings


def test_the_second_corpus_is_written_once_and_holds_every_answer(tmp_path):
    files = corpus.write_docstrings("networkx", tmp_path)
    before = {path: path.stat().st_mtime_ns for path in files}
    assert corpus.write_docstrings("networkx", tmp_path) == files and {p: p.stat().st_mtime_ns for p in files} == before
    documents = {document.id: document for document in corpus.load_folder(tmp_path)}
    assert len(documents) == len(files) > 600
    questions = evaluation.load_questions(settings.DATA / "questions_networkx.jsonl", known=documents)
    assert len(questions) >= 36 and {q.task for q in questions} == {"fact", "error", "routing", "unanswerable"}
    for question in questions:
        if question.evidence:
            assert metrics.contains(documents[question.evidence[0]].text, question.answers), question.id


def test_a_package_that_is_missing_or_undocumented_is_named(tmp_path):
    with pytest.raises(ValueError, match="'no_such_package' is not installed"):
        corpus.write_docstrings("no_such_package", tmp_path)
    with pytest.raises(ValueError, match="has no function"):
        corpus.write_docstrings("utils", tmp_path)
