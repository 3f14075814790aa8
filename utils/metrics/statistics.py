"""Intervals and verdicts that account for clusters: questions about one document are not independent."""
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy

RESAMPLES = 4000


@dataclass(frozen=True)
class MeanInterval:
    """A mean with its 95 % bootstrap interval, the number of questions and of clusters."""

    mean: float
    low: float
    high: float
    n: int
    clusters: int

    def __str__(self) -> str:
        return f"{self.mean:.2f} [{self.low:.2f}, {self.high:.2f}]"


@dataclass(frozen=True)
class PairedDifference:
    """A paired difference (b minus a) with interval, p-value and verdict: better, worse or inconclusive."""

    difference: float
    low: float
    high: float
    p: float
    n: int
    clusters: int

    def __str__(self) -> str:
        return f"{self.difference:+.2f} [{self.low:+.2f}, {self.high:+.2f}]"

    def verdict(self, p: float | None = None, alpha: float = 0.05) -> str:
        """better, worse or inconclusive at level alpha; pass the Holm-adjusted p if you make several comparisons."""
        if (self.p if p is None else p) >= alpha:
            return "inconclusive"
        return "better" if self.difference > 0 else "worse"


def mean_interval(values: Sequence[float], clusters: Sequence[str], seed: int = 0, resamples: int = RESAMPLES,
                  weights: Sequence[float] = ()) -> MeanInterval:
    """Mean and 95 % percentile interval, resampling whole clusters. Raises ValueError without values or if lengths differ."""
    weights = weights or [1.0] * len(values)
    _, low, high = _resampled_means(values, clusters, seed, resamples, weights)
    mean = float(sum(w * x for w, x in zip(weights, values, strict=True)) / sum(weights))
    return MeanInterval(mean, low, high, len(values), len(set(clusters)))


def paired_difference(a: Sequence[float], b: Sequence[float], clusters: Sequence[str], seed: int = 0,
                      resamples: int = RESAMPLES, weights: Sequence[float] = ()) -> PairedDifference:
    """Mean of b − a per question, resampling clusters and keeping the pairs. Raises ValueError if the lengths differ or are 0.

    p is two-sided: the share of resampled differences, centred on zero, at least as large as the observed one (plus one, both).
    """
    if len(a) != len(b):
        raise ValueError(f"a has {len(a)} values and b has {len(b)}: pair the same questions")
    gaps = [y - x for x, y in zip(a, b, strict=True)]
    weights = weights or [1.0] * len(gaps)
    means, low, high = _resampled_means(gaps, clusters, seed, resamples, weights)
    mean = sum(w * gap for w, gap in zip(weights, gaps, strict=True)) / sum(weights)
    extreme = int((numpy.abs(means - mean) >= abs(mean) - 1e-12).sum())
    return PairedDifference(mean, low, high, (extreme + 1) / (resamples + 1), len(gaps), len(set(clusters)))


def seeded_difference(a, b, clusters: Sequence[str], weights: Sequence[float] = ()) -> PairedDifference:
    """Mean of b − a for luck of questions and of training together. a, b: scores of shape (training seeds, questions).

    The variance is that of the clusters' differences, without what the seeds add to it question by question, plus that of each
    arm's seed means; quantile and p are Student's, with degrees of freedom by Satterthwaite (1946), all seeds pooled. A bootstrap
    over three seeds is too narrow. Raises ValueError if the numbers of questions differ or are 0.
    """
    from scipy import stats

    arms, (names, index) = [numpy.asarray(a, float), numpy.asarray(b, float)], numpy.unique(list(clusters), return_inverse=True)
    if arms[0].shape[1] != arms[1].shape[1] or arms[0].shape[1] != len(index) or not len(index):
        raise ValueError(f"a has {arms[0].shape[1]} questions, b {arms[1].shape[1]}, there are {len(index)} clusters: pair them")
    share = numpy.asarray(weights or [1.0] * len(index)) / sum(weights or [1.0] * len(index))
    gap = arms[1].mean(0) - arms[0].mean(0)
    mean, of_seeds, free = float(share @ gap), 0.0, 0
    of_questions = (numpy.bincount(index, weights=share * (gap - mean)) ** 2).sum() * len(names) / max(1, len(names) - 1)
    for arm in (arm for arm in arms if len(arm) > 1):
        of_mean = arm @ share
        rest = arm - arm.mean(0) - of_mean[:, None] + of_mean.mean()
        of_questions -= ((share * rest) ** 2).sum() / (len(arm) - 1) / len(arm)
        of_seeds += of_mean.var(ddof=1) / len(arm)
        free += len(arm) - 1
    variance = max(of_questions, 0.0) + of_seeds
    if not variance:
        return PairedDifference(mean, mean, mean, float(not mean), len(index), len(names))
    free_questions = max(of_questions, 0.0) ** 2 / max(1, len(names) - 1)
    degrees = variance**2 / ((of_seeds**2 / free if free else 0.0) + free_questions)
    width = stats.t.ppf(0.975, degrees) * variance**0.5
    p = float(2 * stats.t.sf(abs(mean) / variance**0.5, degrees))
    return PairedDifference(mean, float(mean - width), float(mean + width), p, len(index), len(names))


def read_result(low: float, high: float, worth: float) -> str:
    """better, worse, no difference that matters (inside ±worth, which would change a decision), or inconclusive."""
    if low > 0:
        return "better"
    if high < 0:
        return "worse"
    return "no difference that matters" if -worth < low and high < worth else "inconclusive"


def _resampled_means(values: Sequence[float], clusters: Sequence[str], seed: int, resamples: int, weights: Sequence[float]):
    """The mean of every resample, and the two ends of their 95 % percentile interval."""
    if not len(values) or len(values) != len(clusters):
        raise ValueError(f"there are {len(values)} values and {len(clusters)} clusters: pass one cluster for each value")
    names, index = numpy.unique(list(clusters), return_inverse=True)
    sizes = numpy.bincount(index, weights=weights)
    sums = numpy.bincount(index, weights=numpy.multiply(weights, values))
    draws = numpy.random.default_rng(seed).integers(0, len(names), size=(resamples, len(names)))
    means = sums[draws].sum(axis=1) / sizes[draws].sum(axis=1)
    return means, *map(float, numpy.percentile(means, [2.5, 97.5]))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment: p sorted ascending times (m, m − 1, …), made monotone, at most 1 (Holm, 1979)."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, largest = [0.0] * len(p_values), 0.0
    for step, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - step) * p_values[i]))
        adjusted[i] = largest
    return adjusted


def smallest_detectable_difference(n: int, discordant: float = 0.2, power: float = 0.8, alpha: float = 0.05) -> float:
    """Smallest paired difference that n ≥ 1 questions detect: (z₁₋α/₂ + z_power) · √(discordant / n); 0.125 for n = 100.

    discordant: share of questions on which the two arms differ.
    """
    from statistics import NormalDist

    if n < 1:
        raise ValueError(f"n is {n}: pass at least one question")
    z = NormalDist().inv_cdf
    return (z(1 - alpha / 2) + z(power)) * math.sqrt(discordant / n)


def cohen_kappa(first: Sequence[str], second: Sequence[str]) -> float:
    """Cohen's kappa of two labellers over the same pairs (scikit-learn); 1.0 when both use a single common label."""
    from sklearn.metrics import cohen_kappa_score

    if len(set(first) | set(second)) == 1:
        return 1.0
    return float(cohen_kappa_score(list(first), list(second)))


def risk_coverage_area(confidence: Sequence[float], right: Sequence[bool]) -> float:
    """Area under the share wrong against coverage over all thresholds (Geifman and others, 2019), 0 to 1; lower is better.

    Equal confidences are answered together. Raises ValueError without answers.
    """
    if not len(confidence):
        raise ValueError("there are no answers to order")
    sure, correct = numpy.asarray(confidence), numpy.asarray(right, dtype=float)
    order = numpy.argsort(-sure, kind="stable")
    wrong = 1 - numpy.cumsum(correct[order]) / numpy.arange(1, len(sure) + 1)
    last = numpy.searchsorted(-sure[order], -sure, side="right") - 1  # the last answer of the same confidence
    return float(wrong[last].mean())


def risk_coverage_interval(confidence: Sequence[float], right: Sequence[bool], clusters: Sequence[str],
                           seed: int = 0, resamples: int = 1000) -> MeanInterval:
    """`risk_coverage_area` and its 95 % percentile interval, resampling whole clusters. ValueError if lengths differ or are 0."""
    if not len(confidence) == len(right) == len(clusters):
        raise ValueError(f"{len(confidence)} confidences, {len(right)} outcomes, {len(clusters)} clusters: pass one each")
    sure, correct = numpy.asarray(confidence), numpy.asarray(right)
    area = risk_coverage_area(sure, correct)
    names, index = numpy.unique(list(clusters), return_inverse=True)
    members = [numpy.flatnonzero(index == i) for i in range(len(names))]
    draws = numpy.random.default_rng(seed).integers(0, len(names), (resamples, len(names)))
    drawn = (numpy.concatenate([members[i] for i in row]) for row in draws)
    low, high = numpy.percentile([risk_coverage_area(sure[rows], correct[rows]) for rows in drawn], [2.5, 97.5])
    return MeanInterval(area, float(low), float(high), len(sure), len(names))
