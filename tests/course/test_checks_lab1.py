"""Each check passes the reference, names the mistake of a wrong answer, and lets the notebook continue after a blank one."""
from __future__ import annotations

import re

import pytest

from tests.solved import SOLVED
from utils import course
from utils.course.checks import lab1


def split_tokens(tokens, size, overlap):
    step = size - overlap
    return [tokens[i : i + size] for i in range(0, len(tokens), step) if i == 0 or len(tokens) - i > overlap]


def recall_at_k(ranking, evidence, k):
    return float(any(id_ in evidence for id_ in ranking[:k]))


def passages_that_fit(token_counts, k, budget):
    used = spent = 0
    for count in token_counts[:k]:
        spent += count
        if used and spent > budget:
            break
        used += 1
    return used


def last_window_dropped(tokens, size, overlap):
    return [tokens[i : i + size] for i in range(0, len(tokens) - size + 1, size - overlap)]


def overlap_added_to_the_step(tokens, size, overlap):
    return [tokens[i : i + size] for i in range(0, len(tokens), size)]


def repeats_the_overlap(tokens, size, overlap):
    return [tokens[i : i + size] for i in range(0, len(tokens), size - overlap)]


def divides_by_evidence(ranking, evidence, k):
    return len(set(ranking[:k]) & set(evidence)) / len(evidence)


def precision_instead(ranking, evidence, k):
    return len(set(ranking[:k]) & set(evidence)) / k


def looks_one_too_few(ranking, evidence, k):
    return float(any(id_ in evidence for id_ in ranking[: k - 1]))


def forgets_to_return(*_):
    return None


def returns_a_bool(ranking, evidence, k):
    return any(id_ in evidence for id_ in ranking[:k])


def ignores_k(ranking, evidence, k):
    return float(any(id_ in evidence for id_ in ranking))


def skips_and_continues(token_counts, k, budget):
    used = spent = 0
    for count in token_counts[:k]:
        if spent + count <= budget or not used:
            used, spent = used + 1, spent + count
    return used


def may_be_empty(token_counts, k, budget):
    used = spent = 0
    for count in token_counts[:k]:
        spent += count
        if spent > budget:
            break
        used += 1
    return used


def budget_excluded(token_counts, k, budget):
    used = spent = 0
    for count in token_counts[:k]:
        spent += count
        if used and spent >= budget:
            break
        used += 1
    return used


def identifier_words(name):
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]


def cuts_at_every_capital(name):
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]*|\d+", name.replace("_", "")) if word]


def keeps_the_capitals(name):
    return re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)


def forgets_digits(name):
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def glues_digits_on(name):
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+|\d+", name)]


def breaks_ties_by_name(rankings, k):
    scores = {id_: 0 for ranking in rankings for id_ in ranking}
    for ranking in rankings:
        for rank, id_ in enumerate(ranking, 1):
            scores[id_] += 1 / (k + rank)
    return sorted(scores, key=lambda id_: (-scores[id_], id_))


def reciprocal_rank_fusion(rankings, k):
    scores = {}
    for ranking in rankings:
        for rank, id_ in enumerate(ranking, 1):
            scores[id_] = scores.get(id_, 0) + 1 / (k + rank)
    return sorted(scores, key=lambda id_: -scores[id_])


def counts_from_zero(rankings, k):
    scores = {}
    for ranking in rankings:
        for rank, id_ in enumerate(ranking):
            scores[id_] = scores.get(id_, 0) + 1 / (k + rank)
    return sorted(scores, key=lambda id_: -scores[id_])


def keeps_the_best_rank_only(rankings, k):
    scores = {}
    for ranking in rankings:
        for rank, id_ in enumerate(ranking, 1):
            scores[id_] = max(scores.get(id_, 0), 1 / (k + rank))
    return sorted(scores, key=lambda id_: -scores[id_])


def always_sixty(rankings, k):
    return reciprocal_rank_fusion(rankings, 60)


def precision_and_recall(extracted, gold):
    correct = len(extracted & gold)
    return (correct / len(extracted) if extracted else 0.0, correct / len(gold) if gold else 0.0)


def recall_first(extracted, gold):
    return precision_and_recall(extracted, gold)[::-1]


def divides_by_the_union(extracted, gold):
    correct = len(extracted & gold)
    return (correct / max(1, len(extracted | gold)), correct / max(1, len(gold)))


def only_first(edges, a, b, relation):
    def of(who):
        return {o for s, r, o in edges if (s, r) == (who, relation)}
    return sorted(of(a) - of(b))


def any_relation(edges, a, b, relation):
    return sorted({o for s, r, o in edges if s == a and r == relation} - {o for s, r, o in edges if s == b})


def both_directions(edges, a, b, relation):
    return sorted(set(only_first(edges, a, b, relation)) | set(only_first(edges, b, a, relation)))


def does_not_deduplicate(edges, a, b, relation):
    theirs = {o for s, r, o in edges if (s, r) == (b, relation)}
    return sorted(o for s, r, o in edges if (s, r) == (a, relation) and o not in theirs)


EXERCISES = [
    (course.check_split_tokens, split_tokens, {last_window_dropped: "last, shorter window",
     overlap_added_to_the_step: "begin size - overlap", forgets_to_return: "return statement",
     repeats_the_overlap: "only repeats the overlap"}),
    (course.check_recall_at_k, recall_at_k, {divides_by_evidence: "divide by how many", precision_instead: "not 1/k",
     returns_a_bool: "return a float",
     looks_one_too_few: "", ignores_k: "first k documents only"}),
    (course.check_passages_that_fit, passages_that_fit, {skips_and_continues: "worse one in its place",
     may_be_empty: "Always include the best", budget_excluded: "Exactly filling"}),
    (course.check_identifier_words, identifier_words, {cuts_at_every_capital: "", keeps_the_capitals: "in lower case",
     forgets_digits: "Digits are a separate word", glues_digits_on: "after small letters, too"}),
    (course.check_reciprocal_rank_fusion, reciprocal_rank_fusion, {counts_from_zero: "counted from 1",
     keeps_the_best_rank_only: "added up", always_sixty: "not a fixed 60", breaks_ties_by_name: "ties keep the order"}),
    (course.check_precision_and_recall, precision_and_recall, {recall_first: "divide precision by the size of `found`",
     divides_by_the_union: ""}),
    (course.check_only_first, only_first, {any_relation: "same relation only", both_directions: "depend on the direction",
     does_not_deduplicate: "with each name once"}),
]


@pytest.mark.parametrize(("check", "reference", "wrong"), EXERCISES)
def test_the_reference_passes_and_is_used(check, reference, wrong, capsys):
    check(reference)
    assert "solved" in capsys.readouterr().out
    assert course.use_mine_or_reference(reference) is reference


@pytest.mark.parametrize(("check", "wrong", "mistake"),
                         [(check, wrong, mistake) for check, _, mistakes in EXERCISES for wrong, mistake in mistakes.items()])
def test_wrong_answers_are_rejected_and_the_mistake_is_named(check, wrong, mistake, monkeypatch):
    name = check.__name__.removeprefix("check_")
    monkeypatch.setattr(wrong, "__name__", name)
    with pytest.raises(AssertionError) as caught:
        check(wrong)
    assert mistake in str(caught.value) and wrong.__name__ in str(caught.value)
    assert course.use_mine_or_reference(wrong).__code__.co_filename == f"<solution of {name}>"


def test_every_check_rejects_at_least_two_wrong_answers():
    names = {name for name in vars(lab1) if name.startswith("check_")}
    assert names == {check.__name__ for check, _, wrong in EXERCISES if len(wrong) >= 2}


@pytest.mark.parametrize(("check", "reference", "wrong"), EXERCISES)
def test_a_blank_exercise_is_to_do_and_the_reference_is_used(check, reference, wrong, capsys):
    def blank(*_):
        raise NotImplementedError

    blank.__name__ = reference.__name__
    check(blank)
    assert "to do" in capsys.readouterr().out
    assert course.use_mine_or_reference(blank).__code__.co_filename == f"<solution of {reference.__name__}>"


def test_an_error_inside_an_answer_is_reported_with_the_call_and_its_hint():
    with pytest.raises(AssertionError, match="raised ZeroDivisionError.*do not divide by zero"):
        course.check_precision_and_recall(lambda extracted, gold: (len(extracted & gold) / len(extracted),
                                                                   len(extracted & gold) / len(gold)))


@pytest.mark.parametrize("name", vars(SOLVED))
def test_the_solution_of_every_notebook_passes_its_check(name, capsys):
    getattr(course, f"check_{name}")(getattr(SOLVED, name))
    assert f"{name}: solved" in capsys.readouterr().out
