"""Changed documents: what counts as stale, patched values, the older corpus."""
from __future__ import annotations

from dataclasses import replace

import pytest

from utils import corpus, downloads, evaluation, settings, training
from utils.types import Document, Question, Section


def document(id_: str, text: str) -> Document:
    return Document(id_, id_, "shop", (Section("overview", text),))


def question(task: str, home: str, answer: str) -> Question:
    return Question(f"{task}-{home}", task, "?", (answer,), (), (home,))


def test_an_answer_is_stale_when_the_older_documents_lack_it():
    before = {"a": document("a", "at most 256 KiB"), "b": document("b", "12 hours"), "gone": document("gone", "x")}
    after = {"a": document("a", "at most 1 MiB"), "b": document("b", "12 hours each"), "new": document("new", "y")}
    questions = [question("fact", "a", "1 MiB"), question("fact", "b", "12 hours"), question("routing", "new", "new"),
             question("routing", "a", "a"), question("summary", "a", "z"), question("error", "a", "nowhere")]
    assert [q.id for q in evaluation.stale_questions(questions, before, after)] == ["fact-a", "routing-new"]
    assert corpus.changes(before, after) == {"added": ["new"], "removed": ["gone"], "reworded": ["a", "b"]}


def test_a_patch_changes_the_value_as_a_word_and_nothing_else():
    patched = corpus.with_value_replaced(document("a", "12 hours, not 120 or 1.12, but 12."), "12", "36")
    assert patched.text == "36 hours, not 120 or 1.12, but 36."
    with pytest.raises(ValueError, match="does not contain '99'"):
        corpus.with_value_replaced(document("a", "12"), "99", "1")


def test_the_older_botocore_holds_the_course_and_some_answers_went_stale(world):
    before = {d.id: d for d in corpus.older_version()}
    assert {d.group for d in before.values()} == set(settings.COURSE_SERVICES)
    folders = [path.name for path in downloads.unpack_wheel(settings.OLDER_BOTOCORE).iterdir() if path.is_dir()]
    assert sorted(folders) == sorted(settings.COURSE_SERVICES)
    questions = [q for q in evaluation.load_questions() if q.split in ("dev", "test")]
    stale = evaluation.stale_questions(questions, before, world.documents)
    assert 20 <= len(stale) <= 40 and any(q.home.startswith("kinesis.") for q in stale)
    weeks = corpus.weeks_between()
    assert 67 < weeks < 68 and (1 - evaluation.stale_per_week(26, 400)) ** weeks == pytest.approx(1 - 26 / 400)
    with pytest.raises(ValueError, match="at least one"):
        evaluation.stale_per_week(0, 0)


def test_new_facts_are_worded_from_the_sentence_that_states_them():
    documents = {"a": document("a", "It waits 12 hours. A loaf in the basket may rest for at most 12 hours in all.")}
    fact = Question("q", "fact", "how long may a loaf rest in its basket?", ("12 hours",), (), ("a",))
    assert evaluation.answering_sentence(fact, documents).startswith("A loaf in the basket")
    examples = training.changed_fact_examples([fact], documents, 3)
    assert len(examples) == 3 and all(row.completion == "12 hours" and "12" not in row.prompt[0]["content"] for row in examples)
    with pytest.raises(ValueError, match="no sentence"):
        evaluation.answering_sentence(replace(fact, answers=("9 days",)), documents)
