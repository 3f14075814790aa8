"""How much results depend on the training seed: the same recipe, trained several times."""
from __future__ import annotations

from collections.abc import Sequence

from .. import metrics
from ..types import Record
from .arms import Arm, parse_arm
from .outcomes import abstention_counts, correct_share, metric_interval, paired_outcomes


def _runs(records: Sequence[Record], model: str, context: str) -> list[Arm]:
    """The arms of every training seed of a model in one context, in the order of the records."""
    arms = [parse_arm(name) for name in dict.fromkeys(record.arm for record in records)]
    return [arm for arm in arms if (arm.model.name, arm.context.name) == (model, context)]


def seed_table(records: Sequence[Record], models: Sequence[str], context: str = "advanced_rag"):
    """Correct answers, exact match and abstentions of these models: a DataFrame with one row per training seed."""
    import pandas

    rows, short = {}, [record for record in records if record.task in metrics.SINGLE_ANSWER_TASKS]
    for arm in (arm for model in models for arm in _runs(records, model, context)):
        counts = abstention_counts(records, [arm.name]).loc[arm.name]
        abstained = {kind: (counts[f"abstained, {kind}"], counts[f"abstained, {kind}"] + counts[f"answered, {kind}"])
                     for kind in ("answerable", "unanswerable")}
        rows[arm.model.name, arm.seed] = {
            "correct": str(correct_share(records, arm.name)),
            "exact match": str(metric_interval(short, arm.name, "exact_match")),
            **{f"abstained on {kind}": f"{count / max(1, n):.2f} of {n}" for kind, (count, n) in abstained.items()}}
    return pandas.DataFrame(rows).T.rename_axis(["model", "seed"])


def seed_spread(records: Sequence[Record], model: str, context: str = "advanced_rag") -> str:
    """A sentence on the spread of correct answers over a model's training seeds, and the first seed's interval width."""
    shares = [correct_share(records, arm.name) for arm in _runs(records, model, context)]
    if len(shares) < 2:
        return f"{model}: trained once, so the spread between seeds is unknown"
    means, first = [share.mean for share in shares], shares[0]
    return (f"{model}: {len(shares)} training runs, {max(means) - min(means):.2f} between best and worst; "
            f"the interval of the first is {first.high - first.low:.2f} wide")


def seed_differences(records: Sequence[Record], pairs: Sequence[tuple[str, str]]):
    """Paired difference in correct answers for each pair of arms, second minus first, by training seed: a DataFrame.

    An arm with only one seed, or none, is compared with every seed of the other.
    """
    import pandas

    present, rows = dict.fromkeys(record.arm for record in records), {}
    for first, second in pairs:
        row = rows[f"{second} − {first}"] = {}
        for seed in sorted({0, *(parse_arm(name).seed for name in present)}):
            seeded = {name: parse_arm(name).with_seed(seed).name for name in (first, second)}
            names = [other if other in present else name for name, other in seeded.items()]
            if not seed or names[1] != second:
                row[f"seed {seed}"] = str(paired_outcomes(records, *names))
    return pandas.DataFrame(rows).T.fillna("–")
