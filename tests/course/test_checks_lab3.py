"""Lab 3's checks: each passes the reference, and rejects at least two named wrong answers."""
from __future__ import annotations

import pytest

from tests.solved import SOLVED
from utils import course, metrics, roi
from utils.course.checks import lab3
from utils.evaluation import outcomes
from utils.metrics import answers


def counts_a_set(answer, accepted):
    a, b = set(answer.lower().split()), set(accepted.lower().split())
    return 2 * len(a & b) / (len(a) + len(b)) if a & b else 0.0


def shares_a_set(answer, accepted):
    a, b = answer.lower().split(), accepted.lower().split()
    shared = len(set(a) & set(b))
    return 2 * shared / (len(a) + len(b)) if shared else 0.0


def recall_only(answer, accepted):
    b = accepted.lower().split()
    return sum(token in answer.lower().split() for token in b) / len(b)


def mean_of_means(values, clusters, drawn):
    of = {name: [v for v, c in zip(values, clusters, strict=True) if c == name] for name in clusters}
    return sum(sum(of[name]) / len(of[name]) for name in drawn) / len(drawn)


def drawn_clusters_once(values, clusters, drawn):
    return SOLVED.cluster_mean(values, clusters, sorted(set(drawn)))


def read_result(low, high, worth):
    if low > 0:
        return "better"
    if high < 0:
        return "worse"
    return "no difference that matters" if -worth < low and high < worth else "inconclusive"


def no_evidence_is_no_difference(low, high, worth):
    return "better" if low > 0 else "worse" if high < 0 else "no difference that matters"


def asks_for_worth_first(low, high, worth):
    return "no difference that matters" if -worth < low and high < worth else read_result(low, high, worth)


def looks_at_the_middle(low, high, worth):
    return "better" if low + high > 0 else "worse"


def spread_over_questions(fixed, per_question, questions, right):
    return fixed / questions + per_question / right if questions * right else None


def zero_when_none(fixed, per_question, questions, right):
    return SOLVED.cost_per_correct(fixed, per_question, questions, right) or 0.0


def pays_all_of_it_back(fixed_a, each_a, fixed_b, each_b):
    return fixed_b / (each_a - each_b) if each_a > each_b else None


def negative_volumes(fixed_a, each_a, fixed_b, each_b):
    return (fixed_b - fixed_a) / (each_a - each_b) if each_a != each_b else None


def whichever_way_round(fixed_a, each_a, fixed_b, each_b):
    if fixed_b <= fixed_a and each_b <= each_a:
        return 0.0
    crossing = (fixed_b - fixed_a) / (each_a - each_b) if each_a != each_b else -1.0
    return crossing if crossing > 0 else None


def signed_swings(result, ranges):
    return sorted(SOLVED.swings(result, ranges), key=lambda row: row[1] - row[2])


def in_the_order_given(result, ranges):
    return [(name, result(**{name: low}), result(**{name: high})) for name, (low, high) in ranges.items()]


def against_the_best_on_average(values):
    means = [sum(row[i] for row in values) / len(values) for i in range(len(values[0]))]
    return [max(means) - mean for mean in means]


def summed(values):
    return [sum(max(row) - row[i] for row in values) for i in range(len(values[0]))]


REFERENCES = (SOLVED.token_f1, SOLVED.cluster_mean, read_result, SOLVED.cost_per_correct,
         SOLVED.break_even, SOLVED.swings, SOLVED.expected_regret)
WRONG = [
    ("token_f1", counts_a_set), ("token_f1", recall_only), ("token_f1", shares_a_set),
    ("cluster_mean", mean_of_means), ("cluster_mean", drawn_clusters_once),
    ("read_result", no_evidence_is_no_difference), ("read_result", asks_for_worth_first), ("read_result", looks_at_the_middle),
    ("cost_per_correct", spread_over_questions), ("cost_per_correct", zero_when_none),
    ("break_even", pays_all_of_it_back), ("break_even", negative_volumes), ("break_even", whichever_way_round),
    ("swings", signed_swings), ("swings", in_the_order_given),
    ("expected_regret", against_the_best_on_average), ("expected_regret", summed),
]


@pytest.mark.parametrize("reference", REFERENCES, ids=lambda fn: fn.__name__)
def test_a_check_passes_the_reference(reference, capsys):
    getattr(lab3, f"check_{reference.__name__}")(reference)
    assert "solved" in capsys.readouterr().out and course.exercise_progress()


@pytest.mark.parametrize("name", [fn.__name__ for fn in REFERENCES])
def test_an_unsolved_exercise_is_to_do(name, capsys):
    def unsolved(*_):
        raise NotImplementedError

    unsolved.__name__ = name
    getattr(lab3, f"check_{name}")(unsolved)
    assert "to do" in capsys.readouterr().out


@pytest.mark.parametrize(("name", "wrong"), WRONG, ids=lambda value: getattr(value, "__name__", value))
def test_a_check_rejects_a_wrong_answer(name, wrong):
    with pytest.raises(AssertionError, match=r"expected|gave|raised"):
        getattr(lab3, f"check_{name}")(wrong)


def test_the_exercises_agree_with_the_package():
    f1 = SOLVED.token_f1("it is 5 minutes", "5 minutes")
    assert f1 == pytest.approx(answers.token_f1("it is 5 minutes", ["5 minutes"]))
    values, clusters = [1.0, 0.0, 1.0, 0.0, 1.0, 1.0], list("aabbcd")
    mean = SOLVED.cluster_mean(values, clusters, list("abcd"))
    assert mean == pytest.approx(metrics.mean_interval(values, clusters).mean)
    for low, high in ((0.1, 0.3), (-0.3, -0.1), (-0.2, 0.3), (-0.02, 0.03), (-0.02, 0.08), (0.0, 0.2)):
        assert read_result(low, high, 0.05) == metrics.read_result(low, high, 0.05)
    import numpy

    values = [[3.0, 1.0], [1.0, 2.0]]
    assert SOLVED.expected_regret(values) == pytest.approx(roi.compare_options(numpy.array(values))["regret"].tolist())
    assert set(outcomes.OUTCOMES) == {"correct", "wrong", "abstained"}
