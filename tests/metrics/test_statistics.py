"""Intervals against scipy, adjustments against hand arithmetic, and the reason for clusters."""
from __future__ import annotations

import numpy
import pytest
import scipy.stats

from utils import metrics


def test_with_one_question_per_cluster_the_interval_is_the_ordinary_bootstrap():
    values = numpy.random.default_rng(1).normal(size=80)
    ours = metrics.mean_interval(list(values), [str(i) for i in range(80)], resamples=9999)
    theirs = scipy.stats.bootstrap((values,), numpy.mean, method="percentile", n_resamples=9999, rng=2)
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=0.02)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=0.02)


def test_clusters_of_equal_answers_widen_the_interval():
    values = [float(i % 2) for i in range(20) for _ in range(5)]
    alone = metrics.mean_interval(values, [str(i) for i in range(100)])
    together = metrics.mean_interval(values, [str(i // 5) for i in range(100)])
    assert together.high - together.low == pytest.approx((alone.high - alone.low) * 5**0.5, rel=0.15)
    assert (together.n, together.clusters) == (100, 20)


def test_a_weight_of_two_counts_like_a_value_twice():
    clusters = ["a", "b", "c"]
    twice = metrics.mean_interval([1.0, 0.0, 1.0, 1.0], [*clusters, "c"])
    weighted = metrics.mean_interval([1.0, 0.0, 1.0], clusters, weights=[1.0, 1.0, 2.0])
    assert (weighted.mean, weighted.low, weighted.high) == (twice.mean, twice.low, twice.high) and weighted.n == 3
    gaps = [metrics.paired_difference([0.0] * len(b), b, c, weights=w) for b, c, w in (
        ([1.0, 0.0, 1.0, 1.0], [*clusters, "c"], ()), ([1.0, 0.0, 1.0], clusters, [1.0, 1.0, 2.0]))]
    assert (gaps[0].difference, gaps[0].p) == (gaps[1].difference, gaps[1].p)


def test_a_paired_difference_keeps_its_pairs():
    a = [0.0, 1.0] * 30
    b = [value + 0.1 for value in a]
    result = metrics.paired_difference(a, b, [str(i) for i in range(60)])
    assert result.difference == pytest.approx(0.1) and result.low == pytest.approx(0.1) and result.high == pytest.approx(0.1)
    assert result.verdict() == "better"


def test_no_difference_is_inconclusive():
    draw = numpy.random.default_rng(5)
    a, b = draw.integers(0, 2, 100).astype(float), draw.integers(0, 2, 100).astype(float)
    result = metrics.paired_difference(list(a), list(a), [str(i) for i in range(100)])
    assert result.p == 1 and result.verdict() == "inconclusive"
    assert metrics.paired_difference(list(a), list(b), [str(i) for i in range(100)]).verdict() == "inconclusive"


def test_the_paired_p_value_is_near_the_permutation_test_of_scipy():
    draw = numpy.random.default_rng(7)
    gaps = draw.normal(0.15, 0.6, 80)
    ours = metrics.paired_difference([0.0] * 80, list(gaps), [str(i) for i in range(80)], resamples=9999).p
    theirs = scipy.stats.permutation_test((gaps,), numpy.mean, permutation_type="samples", n_resamples=9999, rng=1).pvalue
    assert ours == pytest.approx(theirs, abs=0.03)


def test_the_naive_bootstrap_rejects_a_true_null_too_often_and_the_cluster_bootstrap_does_not():
    draw = numpy.random.default_rng(11)
    naive = clustered = 0
    for _ in range(120):
        gaps = numpy.repeat(draw.normal(size=25), 6) + draw.normal(scale=0.3, size=150)
        zero = [0.0] * 150
        naive += metrics.paired_difference(zero, list(gaps), [str(i) for i in range(150)], resamples=400).p < 0.05
        clustered += metrics.paired_difference(zero, list(gaps), [str(i // 6) for i in range(150)], resamples=400).p < 0.05
    assert naive > 0.25 * 120 and clustered < 0.13 * 120


def test_holm_by_hand():
    assert metrics.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert metrics.holm([0.5, 0.9]) == pytest.approx([1.0, 1.0]) and metrics.holm([]) == []


@pytest.mark.parametrize(("n", "points"), [(30, 23), (100, 13), (200, 9), (400, 6)])
def test_smallest_detectable_difference_in_points(n, points):
    assert round(metrics.smallest_detectable_difference(n) * 100) == pytest.approx(points, abs=0.6)


def test_wrong_input_is_refused():
    with pytest.raises(ValueError, match="one cluster for each value"):
        metrics.mean_interval([1.0], ["a", "b"])
    with pytest.raises(ValueError, match="one cluster for each value"):
        metrics.mean_interval([], [])
    with pytest.raises(ValueError, match="pair the same questions"):
        metrics.paired_difference([1.0], [1.0, 2.0], ["a"])
    with pytest.raises(ValueError, match="at least one question"):
        metrics.smallest_detectable_difference(0)


def test_with_one_seed_the_seeded_interval_is_about_that_of_the_cluster_bootstrap():
    draw = numpy.random.default_rng(1)
    clusters, weights = [f"c{i // 3}" for i in range(240)], [0.5, 1.0, 1.0] * 80
    a, b = (draw.random((1, 240)) < share for share in (0.4, 0.5))
    ours = metrics.seeded_difference(a, b, clusters, weights)
    plain = metrics.paired_difference(list(a[0] + 0.0), list(b[0] + 0.0), clusters, weights=weights)
    assert (ours.difference, ours.n, ours.clusters) == (pytest.approx(plain.difference), 240, 80)
    assert (ours.low, ours.high, ours.p) == pytest.approx((plain.low, plain.high, plain.p), abs=0.01)


def test_seeds_that_differ_as_a_whole_widen_the_interval_and_equal_ones_do_not():
    clusters, one = [f"c{i}" for i in range(100)], numpy.arange(100) % 2 + 0.0
    alike = numpy.stack([one] * 3)
    spread = numpy.stack([numpy.clip(one + shift, 0, 1) for shift in (-0.2, 0.0, 0.2)])
    same = metrics.seeded_difference(alike, alike, clusters)
    assert (same.difference, same.low, same.high, same.p) == pytest.approx((0, 0, 0, 1))
    wide = metrics.seeded_difference(alike, spread, clusters)
    assert wide.high - wide.low > 0.2
    with pytest.raises(ValueError, match="pair them"):
        metrics.seeded_difference(alike, spread[:, :50], clusters)


def test_the_area_under_risk_and_coverage_is_the_mean_share_wrong_over_all_thresholds():
    sure, right = [0.9, 0.8, 0.8, 0.1], [True, False, True, False]
    at = [0, 1 / 3, 1 / 3, 2 / 4]  # of those that are at least as sure as each
    assert metrics.risk_coverage_area(sure, right) == pytest.approx(sum(at) / 4)
    assert metrics.risk_coverage_area([1.0] * 4, right) == 0.5  # a constant knows nothing
    best, worst = (metrics.risk_coverage_area(order, [True] * 5 + [False] * 5) for order in (range(10, 0, -1), range(10)))
    assert best < 0.25 < 0.7 < worst
    with pytest.raises(ValueError, match="no answers"):
        metrics.risk_coverage_area([], [])


def test_the_interval_of_the_area_resamples_whole_clusters():
    draw = numpy.random.default_rng(3)
    sure = draw.random(120)
    right = draw.random(120) < sure
    alone = metrics.risk_coverage_interval(sure, right, [f"c{i}" for i in range(120)])
    assert alone.mean == metrics.risk_coverage_area(sure, right) and alone.low < alone.mean < alone.high
    repeated = metrics.risk_coverage_interval(numpy.tile(sure, 4), numpy.tile(right, 4), [f"c{i}" for i in range(120)] * 4)
    assert (repeated.n, repeated.clusters) == (480, 120)
    assert repeated.high - repeated.low == pytest.approx(alone.high - alone.low, rel=0.25)  # copies tell nothing new
    with pytest.raises(ValueError, match="one each"):
        metrics.risk_coverage_interval(sure, right, ["c"])
