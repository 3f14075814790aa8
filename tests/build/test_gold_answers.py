"""The benchmark against its source: every gold answer and evidence set is recomputed from botocore."""
from __future__ import annotations

import json
import re
from collections import Counter, defaultdict

import pytest

from data.build import templates
from utils import evaluation, metrics, settings
from utils.text import content_words, sentences

ROWS = [json.loads(line) for line in settings.QUESTIONS.read_text("utf-8").splitlines()]
MULTI_KINDS = {"raises", "takes", "requires", "returns", "states", "errors_a_not_b", "members_a_not_b", "sharing"}


def of(split: str, task: str = "") -> list[dict]:
    return [row for row in ROWS if row["split"] == split and task in ("", row["task"])]


def similarity(a: str, b: str) -> float:
    """Jaccard similarity of the two questions' content words."""
    first, second = content_words(a), content_words(b)
    return len(first & second) / max(1, len(first | second))


def test_every_fact_still_gives_the_stored_answers_evidence_and_columns(world):
    computed = ("answers", "answer_set", "evidence", "home", "overlap", "names_service")
    stale = []
    for row in ROWS:
        again = templates.refresh(row, world)
        stale += [(row["id"], name) for name in computed if again[name] != row[name]]
    assert not stale


def test_the_file_loads_and_every_evidence_id_is_a_document(world):
    assert len(evaluation.load_questions(known=world.documents)) == len(ROWS)


def test_sizes_are_those_of_the_design():
    test = of("test")
    assert len(test) >= 240 and len(of("dev")) >= 80 and len(of("train")) >= 600
    homes = {row["home"] for row in test if row["evidence"] and row["task"] != "multi_doc"}
    assert len(homes) >= 80
    assert {home.split(".")[0] for home in homes} == set(settings.COURSE_SERVICES)
    assert min(Counter(row["task"] for row in test).values()) >= 30
    assert set(Counter(row["task"] for row in test)) == set(metrics.TASKS)


def test_error_questions_are_correct_and_share_nothing_with_dev_and_test(world):
    rows = [json.loads(line) for line in settings.ERROR_QUESTIONS.read_text("utf-8").splitlines()]
    assert len(rows) >= 100 and all(templates.refresh(row, world) == row for row in rows)
    held_out = of("dev") + of("test")
    assert not {row["home"] for row in rows} & {row["home"] for row in held_out}
    tested = {(row["home"].partition(".")[0], answer) for row in held_out if row["task"] == "error" for answer in row["answers"]}
    assert not {(row["home"].partition(".")[0], row["answers"][0]) for row in rows} & tested
    together = evaluation.load_questions() + evaluation.load_questions(settings.ERROR_QUESTIONS, known=world.documents)
    assert not [pair for pair in evaluation.near_duplicates(together) if "situation" in "".join(pair[:2])]


@pytest.mark.parametrize(("file", "many"), [
    (settings.MORE_QUESTIONS, {"fact": 926, "routing": 231, "unanswerable": 195, "error": 61}),
    (settings.FURTHER_QUESTIONS, {"fact": 1341, "routing": 314, "unanswerable": 192, "error": 54}),
])
def test_later_questions_state_their_answers_and_share_no_operation_or_fact_with_dev_and_test(world, file, many):
    rows = evaluation.load_questions(file, known=world.documents)
    assert Counter(row.task for row in rows) == many
    assert {row.split for row in rows} == {"train"} and len({row.id for row in rows}) == len(rows)
    held_out = of("dev") + of("test")
    assert not {row.home for row in rows} & {row["home"] for row in held_out}
    tested = {(row["home"].partition(".")[0], answer) for row in held_out if row["task"] == "error" for answer in row["answers"]}
    assert not {(row.home.partition(".")[0], row.answers[0]) for row in rows if row.answers and row.task != "routing"} & tested
    stating = {}  # of each row that asks for a fact or an error: the sentences of its section that state the answer
    for row in rows:
        if row.task in ("fact", "error"):
            text = world.documents[row.evidence[0]].section(row.places[0])
            stating[row.id] = {sentence for sentence in sentences(text) if metrics.stated_in(sentence, row.answers[:1])}
            assert stating[row.id] or metrics.stated_in(row.places[0], row.answers[:1]), row.id
        elif row.task == "routing":
            assert row.answers == (row.home.partition(".")[2],)
    learned = set().union(*stating.values())
    answering = {sentence for row in held_out if row["task"] in metrics.SINGLE_ANSWER_TASKS for id_ in row["evidence"]
                 for section in world.documents[id_].sections for sentence in learned & set(sentences(section.text))
                 if metrics.stated_in(sentence, row["answers"]) or section.name == f"error {row['answers'][0]}"}
    assert not [id_ for id_, own in stating.items() if own and own <= answering]


def test_later_questions_share_no_wording_with_any_other():
    later = (settings.MORE_QUESTIONS, settings.FURTHER_QUESTIONS)
    files = (settings.QUESTIONS, settings.UNANSWERABLE, settings.ERROR_QUESTIONS, *later)
    alike = evaluation.similar_questions([q for file in files for q in evaluation.load_questions(file)], 0.6)
    ids = {q.id for file in later for q in evaluation.load_questions(file)}
    assert not [pair for pair in alike if ids & {pair[0].id, pair[1].id}]


def test_nothing_states_what_the_further_unanswerable_questions_ask(world):
    rows = [json.loads(line) for line in settings.UNANSWERABLE.read_text("utf-8").splitlines()]
    assert Counter((row["split"], row["family"]) for row in rows) == {
        ("dev", "absent"): 22, ("dev", "near_miss"): 22, ("test", "absent"): 44, ("test", "near_miss"): 44}
    for fact in (row["fact"] for row in rows):
        places = [fact["operation"]] if fact["kind"] == "near_miss" else world.of(fact["service"])
        sections = [section.text for id_ in places for section in world.documents[id_].sections]
        assert not [s for text in sections for s in sentences(text) if re.search(fact["pattern"], s, re.I)], fact


def test_at_least_400_training_questions_are_written_one_by_one():
    natural = [r for r in of("train") if not r["family"].startswith("template_") and r["family"] != "seen_fact"]
    assert len(natural) >= 400 and {row["task"] for row in natural} == set(metrics.TASKS)


def test_splits_partition_the_home_operations():
    splits = defaultdict(set)
    for row in ROWS:
        if row["evidence"] and row["task"] != "multi_doc" and row["family"] != "seen_fact":
            splits[row["home"]].add(row["split"])
            assert row["home"] == row["evidence"][0]
    assert not [home for home, names in splits.items() if len(names) > 1]


def test_multi_doc_questions_are_partitioned_by_what_they_ask():
    splits = defaultdict(set)
    for row in ROWS:
        if row["task"] == "multi_doc":
            splits[json.dumps(row["fact"], sort_keys=True)].add(row["split"])
            assert row["evidence"][0] == row["home"] and len(row["evidence"]) > 1
    assert not [fact for fact, names in splits.items() if len(names) > 1]


def test_all_kinds_of_multi_doc_occur_in_test():
    assert {row["family"] for row in of("test", "multi_doc")} == MULTI_KINDS


@pytest.mark.parametrize(("split", "share"), [("test", 2 / 3), ("dev", 2 / 3), ("train", 1 / 2)])
def test_most_facts_rest_on_sentences_not_on_limits_in_the_model(split, share):
    facts = [row for row in of(split, "fact") if row["family"] != "seen_fact"]
    assert sum(row["fact"]["kind"] == "pattern" for row in facts) >= share * len(facts)


def test_no_near_duplicate_crosses_a_split():
    assert evaluation.near_duplicates(evaluation.load_questions()) == []


def test_whole_families_are_held_out_of_training():
    held_out = {row["family"] for row in of("test")} - {row["family"] for row in of("train")}
    assert len(held_out) >= 2


def test_template_families_have_five_or_more_phrasings_and_their_rows_are_the_generated_ones(world):
    assert all(len(set(phrasings)) >= 5 for phrasings in templates.PHRASINGS.values())
    held_out = {row["home"] for row in ROWS if row["split"] in ("dev", "test")}
    rows = templates.template_rows(world, [id_ for id_ in sorted(world.documents) if id_ not in held_out])
    stored = [row for row in ROWS if row["family"].startswith("template_")]
    assert [row["question"] for row in rows] == [row["question"] for row in stored]


def test_seen_facts_occur_in_training_in_other_words():
    seen = [row for row in of("test") if row["exposure"] == "seen-fact"]
    extra = {json.dumps(row["fact"], sort_keys=True): row for row in of("train") if row["family"] == "seen_fact"}
    assert len(seen) >= 40
    for row in seen:
        twin = extra[json.dumps(row["fact"], sort_keys=True)]
        assert similarity(twin["question"], row["question"]) < 0.75


def test_about_half_of_the_dev_and_test_questions_name_the_service():
    for split in ("dev", "test"):
        named = sum(row["names_service"] for row in of(split)) / len(of(split))
        assert 0.4 <= named <= 0.6


def test_questions_are_unique_in_wording():
    assert max(Counter(row["question"].lower() for row in ROWS).values()) == 1
