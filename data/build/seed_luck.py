"""Training luck in an interval: an A/A test of four intervals on pairs of arms that are equally good.

`python -m data.build.seed_luck` draws 1,000 pairs for each size of the luck, three training seeds an arm, over the clusters of
test, and prints how often each interval calls one of two equal arms better. It reads no answer of test, only which questions
belong together.
"""
from __future__ import annotations

from collections.abc import Sequence

import numpy

from utils import evaluation, metrics

PAIRS, SEEDS, RESAMPLES = 1000, 3, 400
CLUSTER, QUESTION, ARM, DRAW = 0.5, 0.6, 0.3, 0.5  # spread on the probit scale: operation, question, arm on it, seed on it
LUCK = (0.0, 0.05, 0.1, 0.15)  # of a seed as a whole
LEVEL = -0.25  # makes .43 correct, about what the reader reaches


def seeded_interval(a, b, clusters: Sequence[str]) -> tuple[float, float, float]:
    """(difference, low, high) of the mean of b minus a, for luck of questions and of training together.

    a, b: scores of shape (seeds, questions). The variance of the difference is that of its clusters, without what the seeds add
    to it question by question, plus that of each arm's seed means; the quantile is Student's, with degrees of freedom by
    Satterthwaite (1946), the two arms' seeds pooled.
    """
    from scipy import stats

    arms, index = [numpy.asarray(a, float), numpy.asarray(b, float)], numpy.unique(list(clusters), return_inverse=True)[1]
    questions, groups = arms[0].shape[1], index.max() + 1
    gap = arms[1].mean(0) - arms[0].mean(0)
    sums = numpy.bincount(index, weights=gap - gap.mean())
    of_questions, of_seeds, free = (sums**2).sum() / questions**2 * groups / (groups - 1), 0.0, 0
    for arm in (arm for arm in arms if len(arm) > 1):
        rest = arm - arm.mean(0) - arm.mean(1, keepdims=True) + arm.mean()
        of_questions -= (rest**2).sum() / (len(arm) - 1) / questions**2 / len(arm)
        of_seeds += arm.mean(1).var(ddof=1) / len(arm)
        free += len(arm) - 1
    of_questions = max(of_questions, 0.0)
    whole = of_questions + of_seeds
    if not whole:
        return gap.mean(), gap.mean(), gap.mean()
    degrees = whole**2 / ((of_seeds**2 / free if free else 0.0) + of_questions**2 / (groups - 1))
    width = stats.t.ppf(0.975, degrees) * whole**0.5
    return gap.mean(), gap.mean() - width, gap.mean() + width


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
            intervals = (seeded_interval(a[:1], b[:1], clusters)[1:],
                         seeded_interval(a.mean(0)[None], b.mean(0)[None], clusters)[1:],
                         bootstrapped(a, b, index, draw), seeded_interval(a, b, clusters)[1:])
            false += [low > 0 or high < 0 for low, high in intervals]
        print(f"| {numpy.mean(spread):.3f} | " + " | ".join(f"{share:.1%}" for share in false / PAIRS) + " |", flush=True)


if __name__ == "__main__":
    main()
