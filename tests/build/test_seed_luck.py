"""The A/A test of intervals: equal arms are seldom called different."""
from __future__ import annotations

import numpy

from data.build import seed_luck
from utils import metrics


def test_equal_arms_are_seldom_called_different_where_questions_alone_often_do():
    draw, index = numpy.random.default_rng(0), numpy.arange(240) // 3
    clusters, false = [f"c{i}" for i in index], numpy.zeros(2)
    for _ in range(300):
        a, b = seed_luck.equal_pair(index, 0.1, draw)
        means = (a.mean(0)[None], b.mean(0)[None])
        gaps = (metrics.seeded_difference(*means, clusters), metrics.seeded_difference(a, b, clusters))
        false += [gap.low > 0 or gap.high < 0 for gap in gaps]
    assert false[0] / 300 > 0.15 and 0.02 <= false[1] / 300 <= 0.08
