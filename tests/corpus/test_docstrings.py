"""The second corpus: docstrings of an installed package, and the authors' questions about it."""
from __future__ import annotations

from pathlib import Path

import pytest

from utils import corpus, evaluation, metrics, settings

HANDBOOK = Path("/usr/share/doc/debian-handbook/html/en-US")


def test_the_second_corpus_is_written_once_and_holds_every_answer(tmp_path):
    files = corpus.write_docstrings("networkx", tmp_path)
    before = {path: path.stat().st_mtime_ns for path in files}
    assert corpus.write_docstrings("networkx", tmp_path) == files and {p: p.stat().st_mtime_ns for p in files} == before
    documents = {document.id: document for document in corpus.load_folder(tmp_path)}
    assert len(documents) == len(files) > 600
    assert wrong_answers(documents, "questions_networkx.jsonl", 226) == []


def wrong_answers(documents: dict, name: str, many: int) -> list[str]:
    """Ids of the file's questions with a document that does not state an accepted answer."""
    questions = evaluation.load_questions(settings.DATA / name, known=documents)
    assert len(questions) == many and {q.task for q in questions} == {"fact", "error", "routing", "unanswerable"}
    assert len({" ".join(q.question.lower().split()) for q in questions}) == many
    return [q.id for q in questions for id_ in q.evidence if not metrics.stated_in(f"{id_} {documents[id_].text}", q.answers)]


@pytest.mark.skipif(not HANDBOOK.exists(), reason="Debian's package debian-handbook is not installed")
def test_every_answer_of_the_handbook_stands_in_its_document():
    documents = {document.id: document for document in corpus.load_folder(HANDBOOK)}
    assert wrong_answers(documents, "questions_handbook.csv", 224) == []


def test_a_package_that_is_missing_or_undocumented_is_named(tmp_path):
    with pytest.raises(ValueError, match="'no_such_package' is not installed"):
        corpus.write_docstrings("no_such_package", tmp_path)
    with pytest.raises(ValueError, match="has no function"):
        corpus.write_docstrings("utils", tmp_path)
