"""Training luck in an interval: an A/A test of four intervals on pairs of arms that are equally good.

`python -m data.build.seed_luck` draws 1,000 pairs for each size of the luck, three training seeds an arm, over the clusters of
test, and prints how often each interval calls one of two equal arms better. It reads no answer of test, only which questions
belong together.
"""
from __future__ import annotations

import numpy

from utils import evaluation, metrics

PAIRS, SEEDS, RESAMPLES = 1000, 3, 400
CLUSTER, QUESTION, ARM, DRAW = 0.5, 0.6, 0.3, 0.5  # spread on the probit scale: operation, question, arm on it, seed on it
LUCK = (0.0, 0.05, 0.1, 0.15)  # of a seed as a whole
LEVEL = -0.25  # makes .43 correct, about what the reader reaches


def bootstrapped(a, b, index, draw) -> tuple[float, float]:
    """Percentile interval that draws clusters and seeds with replacement: too narrow by nature with few seeds."""
    groups, sizes = index.max() + 1, numpy.bincount(index)
    drawn = draw.integers(0, groups, (RESAMPLES, groups))
    means = []
    for arm in (a, b):
        sums = numpy.array([numpy.bincount(index, weights=row) for row in arm])
        by_seed = sums[:, drawn].sum(2) / sizes[drawn].sum(1)
        means.append(numpy.take_along_axis(by_seed, draw.integers(0, len(arm), (len(arm), RESAMPLES)), 0).mean(0))
    return tuple(numpy.percentile(means[1] - means[0], [2.5, 97.5]))


def equal_pair(index, luck: float, draw):
    """Scores of two arms of equal quality, each of shape (seeds, questions)."""
    count = len(index)
    common = LEVEL + draw.normal(0, CLUSTER, index.max() + 1)[index] + draw.normal(0, QUESTION, count)
    arms = (common + draw.normal(0, ARM, count) + draw.normal(0, luck, (SEEDS, 1)) for _ in range(2))
    return [(arm + draw.normal(0, DRAW, (SEEDS, count)) > 0) + 0.0 for arm in arms]


def main() -> None:
    """Print the share of false verdicts by interval and size of the luck."""
    clusters = [q.cluster for q in evaluation.load_questions(split="test") if q.task in metrics.SINGLE_ANSWER_TASKS]
    index, draw = numpy.unique(clusters, return_inverse=True)[1], numpy.random.default_rng(0)
    print(f"{len(clusters)} questions, {index.max() + 1} operations, {PAIRS} pairs", "| spread of three seeds | one seed, "
          "questions | three seeds, questions | bootstrap of three seeds | seeds and questions |", "|---" * 5 + "|", sep="\n")
    for luck in LUCK:
        false, spread = numpy.zeros(4), []
        for _ in range(PAIRS):
            a, b = equal_pair(index, luck, draw)
            spread += [a.mean(1).std(ddof=1)]
            seeded = [metrics.seeded_difference(*arms, clusters)
                      for arms in ((a[:1], b[:1]), (a.mean(0)[None], b.mean(0)[None]), (a, b))]
            intervals = [(gap.low, gap.high) for gap in seeded]
            intervals.insert(2, bootstrapped(a, b, index, draw))
            false += [low > 0 or high < 0 for low, high in intervals]
        print(f"| {numpy.mean(spread):.3f} | " + " | ".join(f"{share:.1%}" for share in false / PAIRS) + " |", flush=True)


if __name__ == "__main__":
    main()
