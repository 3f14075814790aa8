"""The interval for luck of questions and of training together."""
from __future__ import annotations

import numpy
import pytest

from data.build import seed_luck
from utils import metrics


def test_with_one_seed_it_is_about_the_interval_of_the_cluster_bootstrap():
    draw = numpy.random.default_rng(1)
    clusters = [f"c{i // 3}" for i in range(240)]
    a, b = (draw.random((1, 240)) < share for share in (0.4, 0.5))
    difference, low, high = seed_luck.seeded_interval(a, b, clusters)
    plain = metrics.paired_difference(list(a[0] + 0.0), list(b[0] + 0.0), clusters)
    assert difference == pytest.approx(plain.difference)
    assert (low, high) == pytest.approx((plain.low, plain.high), abs=0.01)


def test_seeds_that_differ_as_a_whole_widen_it_and_equal_ones_do_not():
    clusters = [f"c{i}" for i in range(100)]
    one = numpy.arange(100) % 2 + 0.0
    alike = numpy.stack([one] * 3)
    spread = numpy.stack([numpy.clip(one + shift, 0, 1) for shift in (-0.2, 0.0, 0.2)])
    assert seed_luck.seeded_interval(alike, alike, clusters) == (0.0, 0.0, 0.0)
    _, low, high = seed_luck.seeded_interval(alike, spread, clusters)
    assert high - low > 0.2


def test_equal_arms_are_seldom_called_different_where_questions_alone_often_do():
    draw, index = numpy.random.default_rng(0), numpy.arange(240) // 3
    clusters, false = [f"c{i}" for i in index], numpy.zeros(2)
    for _ in range(300):
        a, b = seed_luck.equal_pair(index, 0.1, draw)
        means = (a.mean(0)[None], b.mean(0)[None])
        intervals = (seed_luck.seeded_interval(*means, clusters), seed_luck.seeded_interval(a, b, clusters))
        false += [low > 0 or high < 0 for _, low, high in intervals]
    assert false[0] / 300 > 0.15 and 0.02 <= false[1] / 300 <= 0.08
