"""The reading questions against their documents, against each other, and against the benchmark."""
from __future__ import annotations

import re
from collections import Counter

import pytest

from data.build import reading_figures, reading_questions
from data.build.answer_forms import WORDS, common_forms
from utils import evaluation, metrics, settings
from utils.text import STOPWORDS, content_words, sentences, split_identifiers
from utils.types import Question

ROWS = reading_questions.reading_rows()
FREE = 218  # accepted answers that say the same in other words, read one by one: "newest first" for a descending order
NUMBERED = 8  # near-misses whose sentence has a number, of something else


@pytest.fixture(scope="module")
def documents():
    """Id → document of the operations that the questions name, rivals included."""
    return {document.id: document for document in reading_questions.named_documents(ROWS)}


@pytest.fixture(scope="module")
def stated(documents):
    """(document, digest) → [(sentence, name and text of its section)]."""
    places: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for document in documents.values():
        for section in document.sections:
            own = sentences(section.text)
            for sentence in [*own, *map(" ".join, zip(own, own[1:], strict=False))]:  # a chunk may join two lines
                place = (document.id, reading_questions.sentence_digest(sentence))
                places.setdefault(place, []).append((sentence, f"{section.name}: {section.text}"))
    return places


def of(*tasks: str) -> list[dict]:
    return [row for row in ROWS if row["task"] in tasks]


def same_in_other_form(answer: str, first: str) -> bool:
    """True if the two share a word's stem, an identifier's part, or a value in common units."""
    one, other = ({WORDS.get(stem, stem) for stem in content_words(split_identifiers(text))} | {*common_forms(text)}
                  for text in (answer, first))
    return bool(one & other)


def test_the_files_form_and_counts():
    fields = {"id", "task", "document", "sentence", "sentences", "question", "answers", "answer_set", "rival", "held_out"}
    assert len({row["id"] for row in ROWS}) == len(ROWS) and not {field for row in ROWS for field in row} - fields
    assert Counter(row["task"] for row in ROWS) == {"fact": 1676, "routing": 596, "unanswerable": 540, "error": 301, "list": 273}
    assert {(row["task"], "answers" in row, "answer_set" in row) for row in ROWS} == {
        ("fact", True, False), ("routing", True, False), ("error", True, False), ("list", False, True),
        ("unanswerable", False, False)}
    services = {row["document"].partition(".")[0] for row in ROWS}
    held_out = {row["document"].partition(".")[0] for row in ROWS if row.get("held_out")}
    assert len(services) == 211 and not services & set(settings.COURSE_SERVICES) and len(held_out) == 15
    assert sum("held_out" in row for row in ROWS) == sum(row["document"].partition(".")[0] in held_out for row in ROWS) >= 300


def test_the_readme_holds_the_printed_counts():
    readme, sets = (settings.DATA / "README.md").read_text("utf-8"), reading_figures.sets_of_questions()
    assert reading_figures.counts(sets) in readme and reading_figures.kinds_of_services(sets) in readme


def test_every_sentence_stands_in_its_document(stated):
    assert [row["id"] for row in ROWS if any(place not in stated for place in row["sentences"])] == []


def test_every_answer_stands_in_its_sentence_or_is_a_plain_other_form(stated):
    wrong, free = [], 0
    for row in of("fact", "error"):
        found, (first, *others) = stated[row["sentences"][0]], row["answers"]
        here = [place for place in found if metrics.stated_in(place[0], [first])]
        # otherwise the sentence describes a member or an error, and the answer is its name
        wrong += [row["id"]] if not here and not any(first in text for _, text in found) else []
        free += sum(not metrics.stated_in(found[0][0], [form]) and not same_in_other_form(form, first) for form in others)
    assert not wrong
    assert free <= FREE
    for row in of("list"):
        texts = " ".join(f"{place[0]} {text}" for place in row["sentences"] for _, text in stated[place])
        assert all(name in texts for name in row["answer_set"]), row["id"]
        assert 2 <= len(row["answer_set"]) <= 9
    assert all(row["answers"] == [row["document"].partition(".")[2]] for row in of("routing"))


def test_a_near_miss_has_no_answer_in_its_sentence(stated):
    numbered = [row["id"] for row in of("unanswerable")
                if re.search(r"(?<![\w-])\d[\d,.]*(?![\w-])", stated[row["sentences"][0]][0][0])]
    assert len(numbered) <= NUMBERED


def test_every_rival_is_another_operation_of_the_service(documents):
    rivals = [(row["document"], f"{row['document'].partition('.')[0]}.{row['rival']}") for row in of("routing") if "rival" in row]
    assert len(rivals) == 542 and not [pair for pair in rivals if pair[0] == pair[1] or pair[1] not in documents]


def test_no_question_resembles_another_or_one_of_dev_and_test():
    benchmark = [*evaluation.load_questions(), *evaluation.load_questions(settings.UNANSWERABLE)]
    reading = [Question(row["id"], "fact", row["question"], ("-",), (), (), "train") for row in ROWS]
    alike = [(a.id, b.id) for a, b, _ in evaluation.similar_questions([*benchmark, *reading], 0.6)
             if "reading-" in a.id + b.id]
    assert alike == [("reading-115", "reading-117")]


def test_no_answering_sentence_answers_a_dev_or_test_question(world):
    digests, leaks = {digest for row in ROWS for _, digest in row["sentences"]}, []
    for question in evaluation.load_questions():
        if question.split in ("dev", "test") and question.task in metrics.SINGLE_ANSWER_TASKS:
            for section in (section for id_ in question.evidence for section in world.documents[id_].sections):
                shared = [s for s in sentences(section.text) if reading_questions.sentence_digest(s) in digests]
                leaks += [(question.id, s) for s in shared if metrics.stated_in(s, question.answers)
                          or section.name == f"error {question.answers[0]}"]
    assert not leaks


def test_questions_open_and_are_built_in_many_ways():
    openings = Counter(" ".join(re.findall(r"[\w']+", row["question"].lower())[:4]) for row in ROWS)
    assert max(openings.values()) <= 0.02 * len(ROWS)
    tokens = [re.findall(r"[\w'’]+|[^\w\s]", row["question"].lower()) for row in ROWS]
    skeletons = Counter(re.sub(r"(_ )+", "_ ", " ".join(t if t in STOPWORDS or not t[0].isalnum() else "_" for t in own) + " ")
                        for own in tokens)
    assert max(skeletons.values()) <= 0.01 * len(ROWS)


def test_the_held_out_questions_can_be_asked_in_a_workspace_of_their_documents():
    documents, questions = reading_questions.held_out_questions()
    ids = {document.id for document in documents}
    assert len(questions) == 316 and {q.split for q in questions} == {"test"}
    assert all(q.home in ids and set(q.evidence) <= ids and bool(q.evidence) != (q.task == "unanswerable") for q in questions)
    assert {q.task for q in questions} == {"fact", "error", "routing", "multi_doc", "unanswerable"}
    assert not [q.id for q in questions if q.retrieval_only] and sum(len(q.evidence) > 1 for q in questions) > 10
