"""Splits of a person's own questions: sizes, what stays together, the file's own split, and what is refused."""
from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from utils import evaluation, own_domain, settings
from utils.text import content_words
from utils.types import Question

SPLITS = ("train", "dev", "test")


def question(id_: str, document: str = "", answer: str = "", text: str = "", split: str = "", **fields) -> Question:
    """A question with words of its own; without a document it is unanswerable."""
    text = text or " ".join(f"word{id_}{letter}" for letter in "abcd")
    document, _, place = document.partition("#")
    return Question(id_, "fact" if document else "unanswerable", text, (answer or f"answer {id_}",) if document else (), (),
                    (document,) if document else (), split, places=(place,) if place else (), **fields)


def about(sizes: dict[str, int]) -> list[Question]:
    """So many questions about each document."""
    return [question(f"{name}{i}", f"{name}.md") for name, size in sizes.items() for i in range(size)]


def sizes(split: own_domain.Split) -> list[int]:
    return [sum(q.split == name for q in split.questions) for name in SPLITS]


def split_of(split: own_domain.Split) -> dict[str, str]:
    return {q.id: q.split for q in split.questions}


def test_documents_are_dealt_by_shares_of_the_questions_and_none_is_divided():
    questions = about({f"d{i}x": 1 + i % 7 for i in range(40)})
    split = own_domain.split_questions(questions)
    assert split.by == "document" and [replace(q, split="") for q in split.questions] == questions
    assert all(abs(size - share * len(questions)) <= 2 for size, share in zip(sizes(split), (0.5, 0.15, 0.35), strict=True))
    assert max(Counter(document for document, _ in {(q.evidence[0], q.split) for q in split.questions}).values()) == 1
    train, dev, test = sizes(split)
    assert "seed 0" in split.notes[0] and f"train {train} (documents: " in split.notes[0] and f"test {test} (" in split.notes[0]
    assert sum(int(part.split(")")[0]) for part in split.notes[0].split("documents: ")[1:]) == 40 and len(split.notes) == 1


def test_a_document_with_most_of_the_questions_leaves_the_others_to_dev_and_test():
    split = own_domain.split_questions(about({"large": 60} | {f"d{i}x": 2 for i in range(20)}))
    train, dev, test = sizes(split)
    assert train == 60 and dev == 10 and test == 30


def test_no_split_stays_empty_where_three_documents_can_fill_three():
    for many in (1, 33):
        assert min(sizes(own_domain.split_questions(about({"a": many, "b": many, "c": many}), least=1))) == many


def test_the_split_depends_on_the_seed_and_not_on_the_order_or_the_numbers_of_the_lines():
    questions = [*about({f"d{i}x": 3 for i in range(30)}), *(question(f"u{i}") for i in range(20))]
    split = own_domain.split_questions(questions, seed=1)
    assert split == own_domain.split_questions(questions, seed=1)
    assert split_of(split) != split_of(own_domain.split_questions(questions, seed=2))
    for seed in range(3):
        shuffled = random.Random(seed).sample(questions, len(questions))
        again = own_domain.split_questions(shuffled, seed=1)
        assert split_of(again) == split_of(split) and [q.id for q in again.questions] == [q.id for q in shuffled]
        assert again.notes == split.notes
        numbered = own_domain.split_questions([replace(q, id=str(i)) for i, q in enumerate(shuffled)], seed=1)
        assert [q.split for q in numbered.questions] == [q.split for q in again.questions]


def test_documents_stay_together_through_a_question_a_wording_or_a_fact():
    base = about({f"d{i}x": 4 for i in range(40)})
    linked = [
        replace(question("both", "d0x.md"), evidence=("d0x.md", "d1x.md")),
        question("long1", "d2x.md", text="How long may a rented bike stay out?"),
        question("long2", "d3x.md", text="How long may the rented bike stay out, please?"),
        question("fee1", "d4x.md", "25 euros", "What does the yearly membership cost?"),
        question("fee2", "d5x.md", "25 Euro", "Which membership cost is due yearly for families?"),
        question("no1", "d6x.md", "yes", "Does the yearly membership admit dogs?"),
        question("no2", "d7x.md", "Yes.", "Does the yearly membership admit children?"),
    ]
    pairs = {frozenset((a.id, b.id)): overlap for a, b, overlap in evaluation.similar_questions(linked, 0.1)}
    assert pairs[frozenset(("long1", "long2"))] >= 0.75
    assert all(0.5 <= pairs[frozenset((f"{name}1", f"{name}2"))] < 0.75 for name in ("fee", "no"))
    apart = Counter()
    for seed in range(12):
        split = own_domain.split_questions([*base, *linked], seed)
        where = {q.evidence[0]: q.split for q in split.questions}
        assert where["d0x.md"] == where["d1x.md"] and where["d2x.md"] == where["d3x.md"] and where["d4x.md"] == where["d5x.md"]
        apart[where["d6x.md"] == where["d7x.md"]] += 1
    assert apart[False]  # yes is too short an answer to be the same fact
    notes = "\n".join(split.notes)
    assert "d0x.md + d1x.md (both)" in notes and "Near-duplicates stay together" in notes and "long1 and long2" in notes
    assert "Questions for the same fact stay together" in notes and "fee1 and fee2" in notes and "no1" not in notes


def test_fewer_than_ten_documents_are_split_by_place_and_the_notes_call_it_weaker():
    questions = [question(f"q{d}x{p}x{i}", f"d{d}.md#{'Part' if i else ' part'} {p}") for d in range(3) for p in range(12)
                 for i in range(3)]
    split = own_domain.split_questions(questions)
    assert split.by == "place" and sizes(split) in ([54, 15, 39], [54, 18, 36])
    assert len({(q.evidence, q.places[0].strip().lower(), q.split) for q in split.questions}) == 36
    assert "fewer than 10 documents" in split.notes[0] and "Weaker than a split by document: d0.md, d1.md, d2" in split.notes[1]
    ten = [replace(q, evidence=(f"d{i % 10}.md",)) for i, q in enumerate(questions)]
    assert own_domain.split_questions(ten).by == "document"


def test_one_question_without_a_place_keeps_its_document_whole():
    questions = [question(f"q{d}x{p}", f"d{d}.md#{p}") for d in range(3) for p in range(30)] + [question("lost", "d1.md")]
    split = own_domain.split_questions(questions)
    assert {d: len({q.split for q in split.questions if q.evidence == (f"d{d}.md",)}) for d in range(3)} == {0: 3, 1: 1, 2: 3}
    assert any(note.startswith("Each stays whole") and note.endswith(": d1.md.") for note in split.notes)
    whole = own_domain.split_questions(about({"a": 40, "b": 30, "c": 20}))
    assert whole.by == "document" and sizes(whole) == [40, 20, 30] and "a.md, b.md, c.md" in whole.notes[-1]


def test_unanswerable_questions_are_dealt_evenly_and_stay_with_their_near_duplicates():
    questions = about({"large": 60} | {f"d{i}x": 2 for i in range(20)})
    absent = [question(f"u{i}") for i in range(18)]
    twins = [question("twin1", text="Who mends the roof in winter?"), question("twin2", text="In winter who mends a roof?")]
    split = own_domain.split_questions([*questions, *absent, *twins])
    assert Counter(q.split for q in split.questions if not q.evidence) == {"train": 10, "dev": 3, "test": 7}
    assert split_of(split)["twin1"] == split_of(split)["twin2"]
    assert "Unanswerable questions are dealt by the same shares: train 10, dev 3, test 7." in split.notes
    near = [question(f"near{i}", text=" ".join(questions[i].question.split()[:3])) for i in range(8)]  # like those about large.md
    split = own_domain.split_questions([*questions, *absent[:12], *near])
    assert {split_of(split)[q.id] for q in near} == {split_of(split)["large0"]} == {"train"}
    assert Counter(q.split for q in split.questions if not q.evidence) == {"train": 10, "dev": 3, "test": 7}


def test_questions_that_name_no_document_are_dealt_too():
    loose = [replace(question(f"l{i}"), task="fact", answers=(f"loose {i}",)) for i in range(20)]
    split = own_domain.split_questions([*about({f"d{i}x": 5 for i in range(20)}), *loose])
    assert Counter(q.split for q in split.questions if not q.evidence) == {"train": 10, "dev": 3, "test": 7}
    assert "Questions that name no document are dealt by the same shares: train 10, dev 3, test 7." in split.notes


def test_the_split_of_the_file_is_kept():
    questions = [question(f"q{i}", f"d{i % 7}.md", split=SPLITS[i % 3]) for i in range(90)]
    split = own_domain.split_questions(questions)
    assert split.by == "file" and split.questions == tuple(questions)
    kept, weaker = split.notes
    assert "own split is kept: train 30 (documents: 7)" in kept and "d0.md" in weaker and "2 more" in weaker
    assert len(own_domain.split_questions([replace(q, evidence=(f"{q.split}.md",)) for q in questions]).notes) == 1


def test_a_file_that_gives_only_some_splits_is_refused_with_every_question_named():
    questions = [question(f"q{i}", "a.md", split="train") for i in range(30)]
    mixed = [question("none", "a.md"), *questions, question("odd", "a.md", split="validation")]
    with pytest.raises(ValueError) as refused:
        own_domain.split_questions(mixed)
    first, second = str(refused.value).splitlines()
    assert "'none' has no split" in first and "'odd' has the split 'validation'" in second and "train, dev or test" in first
    with pytest.raises(ValueError) as refused:
        own_domain.split_questions([question(f"n{i}", "a.md") for i in range(50)] + questions)
    assert len(str(refused.value).splitlines()) == 50


def test_every_pair_that_the_splits_of_the_file_share_is_refused_by_name():
    questions = [question(f"q{i}", f"d{i % 7}.md", split=SPLITS[i % 3]) for i in range(90)]
    leaks = [
        question("bike1", "d1.md", text="How long may a rented bike stay out?", split="train"),
        question("bike2", "d2.md", text="How long may the rented bike stay out?", split="test"),
        question("fee1", "d1.md", "25 euros", "What does it cost?", "train"),
        question("fee2", "d1.md", "€25", "How much is one year?", "dev"),
        question("fee3", "d1.md", "25 euros", "Which price has a membership?", "train"),
        question("fee4", "d2.md", "25 euros", "And for a family?", "dev"),
        replace(question("fee5", "d1.md", "25 euros", "Whereof is this the price?", "test"), task="routing"),
        question("roof1", text="Who mends the roof in winter?", split="dev"),
        question("roof2", text="Who mends the roof in winter?", split="test"),
        question("roof3", text="Who mends the roof in winter?", split="test"),
    ]
    with pytest.raises(ValueError) as refused:
        own_domain.split_questions([*questions, *leaks])
    lines = str(refused.value).splitlines()
    named = {tuple(line.split("'")[1:4:2]) for line in lines}
    assert named == {("bike1", "bike2"), ("fee1", "fee2"), ("fee2", "fee3"), ("roof1", "roof2"), ("roof1", "roof3")}
    assert len(lines) == 5 and all("put both in one split or delete one" in line for line in lines)
    assert "'fee1' (train) and 'fee2' (dev) are questions for the same fact" in refused.value.args[0]


def test_too_few_questions_are_refused_with_the_number_to_write():
    with pytest.raises(ValueError, match="missing questions: 6 test; .* at least 20 .* write 18 more, 58 in all$"):
        own_domain.split_questions(about({f"d{i}x": 1 for i in range(40)}))
    with pytest.raises(ValueError, match="missing questions: 13 test, 10 train; .* write 38 more, 58 in all$"):
        own_domain.split_questions(about({f"d{i}x": 1 for i in range(20)}))
    with pytest.raises(ValueError, match="missing questions: 20 test; .* or name headings, rows or pages of a.md after #"):
        own_domain.split_questions(about({"a": 100}))
    assert sizes(own_domain.split_questions(about({f"d{i}x": 1 for i in range(58)}))) == [29, 9, 20]
    assert sum(sizes(own_domain.split_questions(about({f"d{i}x": 1 for i in range(10)}), least=3))) == 10
    given = [question(f"q{i}", f"{SPLITS[i % 3]}.md", split=SPLITS[i % 3]) for i in range(51)]
    with pytest.raises(ValueError, match="missing questions: 3 test, 3 train; .* write 6 more, 57 in all$"):
        own_domain.split_questions(given)
    assert own_domain.split_questions(given, least=17).by == "file"


def test_questions_without_an_accepted_answer_are_tested_but_not_trained_on():
    found = [replace(q, answers=()) for q in about({f"d{i}x": 1 for i in range(100)})]
    with pytest.raises(ValueError, match="missing questions: 20 train;"):
        own_domain.split_questions(found)
    given = [question(f"q{i}", f"{i}.md", split=SPLITS[i % 3]) for i in range(60)]
    tested = [replace(q, answers=() if q.split == "test" else q.answers) for q in given]
    assert own_domain.split_questions(tested).questions == tuple(tested)


def test_similar_questions_are_those_that_comparing_every_pair_finds():
    draw = random.Random(5)
    questions = [question(str(i), "a.md", text=" ".join(draw.choices([f"w{n}" for n in range(12)], k=draw.randint(1, 7))),
                          split=draw.choice(SPLITS)) for i in range(150)] + [question("empty", "a.md", text="How is it?")]
    bags = [(q, content_words(q.question)) for q in questions]
    for threshold in (0.3, 0.5, 0.6, 0.75, 1.0):
        every = [(a, b, len(x & y) / len(x | y)) for i, (a, x) in enumerate(bags) for b, y in bags[i + 1 :]
                 if len(x & y) >= threshold * max(1, len(x | y))]
        assert every and evaluation.similar_questions(questions, threshold) == every
        across = [(a.id, b.id, overlap) for a, b, overlap in every if a.split != b.split]
        assert evaluation.near_duplicates(questions, threshold) == across


def test_the_worked_example_is_the_same_as_a_workbook_and_gives_enough_of_each_part(tmp_path):
    import csv

    import openpyxl

    table = settings.ROOT / "data" / "questions_handbook.csv"
    book = openpyxl.Workbook()
    for row in csv.reader(table.read_text("utf-8").splitlines()):
        book.active.append(row)
    book.save(tmp_path / "questions.xlsx")
    files = [evaluation.read_questions(path) for path in (table, tmp_path / "questions.xlsx")]
    assert [replace(q, id="") for q in files[0].questions] == [replace(q, id="") for q in files[1].questions]
    split = own_domain.split_questions(files[1].questions)
    counts = Counter(q.split for q in split.questions)
    assert counts["train"] >= 60 and counts["dev"] >= 20 and counts["test"] >= 60
