"""Tables from records: every metric with its n and cluster-bootstrap interval, by task; and how much a training seed matters."""
from __future__ import annotations

from collections.abc import Sequence

import numpy

from .. import metrics
from ..types import Record
from . import outcomes
from .arms import Arm, parse_arm

ANSWER_METRICS = ("score", "exact_match", "token_f1", "contains", "set_f1", "rouge_l", "rouge_l_copy_first", "abstained", "words",
                  "answer_in_context", "cited_right", "citation_precision")
RETRIEVAL_METRICS = ("recall@1", "recall@5", "recall@10", "mrr@10", "ndcg@10", "all_evidence@10")


def summarise(records: Sequence[Record]):
    """Mean, low, high, n, clusters by arm, task ("all" too, see `record_weights`) and metric: a pandas DataFrame."""
    import pandas

    rows = []
    for arm in dict.fromkeys(r.arm for r in records):
        for task in ("all", *dict.fromkeys(r.task for r in records)):
            own = [r for r in records if r.arm == arm and task in ("all", r.task)]
            for metric, values in _columns(own).items():
                scored = [(v, r) for v, r in zip(values, own, strict=True) if v is not None]
                if scored:
                    interval = metrics.mean_interval([v for v, _ in scored], [r.cluster for _, r in scored],
                                                     weights=outcomes.record_weights([r for _, r in scored]))
                    rows.append({"arm": arm, "task": task, "metric": metric, **vars(interval)})
    return pandas.DataFrame(rows)


def _columns(records: Sequence[Record]) -> dict[str, list[float | None]]:
    columns = {name: [r.scores.get(name) for r in records] for name in (*ANSWER_METRICS, *RETRIEVAL_METRICS)}
    columns["tokens"] = [r.prompt_tokens + r.completion_tokens for r in records]
    columns["seconds"] = [r.seconds["retrieve"] + r.seconds["generate"] for r in records]
    return columns


def wide_table(summary, metrics: Sequence[str], task: str = ""):
    """A row per arm and task, a column per metric as `mean [low, high]`, and n (a range if it differs): a pandas DataFrame."""
    import pandas

    rows = summary[summary.metric.isin(list(metrics))]
    rows = rows[rows.task == task] if task else rows
    digits = [{"words": 1, "tokens": 0}.get(metric, 2) for metric in rows.metric]
    cells = [f"{row['mean']:.{n}f} [{row.low:.{n}f}, {row.high:.{n}f}]"
             for n, (_, row) in zip(digits, rows.iterrows(), strict=True)]
    table = rows.assign(cell=cells).pivot_table(
        index=["arm", "task"], columns="metric", values="cell", aggfunc="first", sort=False)
    counts = rows.groupby(["arm", "task"], sort=False)["n"].agg(["min", "max"])
    spans = [f"{low}" if low == high else f"{low}–{high}" for low, high in zip(counts["min"], counts["max"], strict=True)]
    table.insert(0, "n", pandas.Series(spans, counts.index))
    return table[["n", *[m for m in metrics if m in table.columns]]].fillna("-").rename_axis(columns=None)


def benchmark_tables(records: Sequence[Record], retrieval_only: bool = False) -> str:
    """The tables that `benchmark` prints: answers, retrieval and cost, with 95 % intervals."""
    import pandas

    summary = summarise(records)
    answered = [] if retrieval_only else [
        ("Answers, all tasks ('score': exact match, set F1, ROUGE-L or abstention, by task)", ("score", "words"), "all"),
        ("Answers by task", ("exact_match", "token_f1", "contains", "set_f1", "rouge_l", "rouge_l_copy_first",
                             "abstained", "answer_in_context", "cited_right", "citation_precision"), ""),
        ("Cost per question (tokens include the context)", ("tokens", "seconds"), "all"),
    ]
    parts = [*answered, ("Retrieval by task (a document counts once; multi_doc needs all its evidence)", RETRIEVAL_METRICS, "")]
    blocks = [f"{title}\n{wide_table(summary, names, task).to_string()}" for title, names, task in parts
              if summary.metric.isin(names).any()]
    if not retrieval_only and {r.question_id for r in records} & outcomes.further_unanswerable():
        arms = dict.fromkeys(record.arm for record in records)
        rates = pandas.DataFrame({arm: outcomes.abstention_rates(records, arm) for arm in arms}).T
        blocks.append(f"Abstention on unanswerable questions: the benchmark's, those of data/unanswerable.jsonl, both\n{rates}")
    headline = summary[(summary.task == "all") & (summary.metric == ("recall@5" if retrieval_only else "score"))]
    if headline.empty:
        why = "no question names evidence" if any(record.hits for record in records) else "these arms retrieve nothing"
        return "\n\n".join([*blocks, f"{len(records)} records, but {why}, so there is nothing to score."])
    n, clusters = int(headline.n.max()), int(headline.clusters.max())
    note = (f"{n} questions scored, {summary.arm.nunique()} arm(s). Intervals: 95 %, bootstrap over {clusters} clusters (home "
            f"operation, else first evidence document). Smallest difference between two arms that n can show (80 % power, 20 % "
            f"discordant): {metrics.smallest_detectable_difference(n):.2f}.")
    few = " With fewer than 10 clusters the intervals are too narrow to trust." if clusters < 10 else ""
    return "\n\n".join([*blocks, note + few])


def _runs(records: Sequence[Record], model: str, context: str) -> list[Arm]:
    """The arms of every training seed of a model in one context, in the order of the records."""
    arms = [parse_arm(name) for name in dict.fromkeys(record.arm for record in records)]
    return [arm for arm in arms if (arm.model.name, arm.context.name) == (model, context)]


def seed_table(records: Sequence[Record], models: Sequence[str], context: str = "advanced_rag"):
    """Correct answers, exact match and abstentions of these models: a DataFrame with one row per training seed."""
    import pandas

    rows, short = {}, [record for record in records if record.task in metrics.SINGLE_ANSWER_TASKS]
    for arm in (arm for model in models for arm in _runs(records, model, context)):
        row = rows[arm.model.name, arm.seed] = {"correct": str(outcomes.correct_share(records, arm.name)),
                                                "exact match": str(outcomes.metric_interval(short, arm.name, "exact_match"))}
        for kind in ("answerable", "unanswerable"):
            abstained = [outcomes.outcome(record) == "abstained" for record in outcomes.scorable(records)
                         if record.arm == arm.name and (record.task == "unanswerable") == (kind == "unanswerable")]
            row[f"abstained on {kind}"] = f"{sum(abstained) / max(1, len(abstained)):.0%} of {len(abstained)}"
    return pandas.DataFrame(rows).T.rename_axis(["model", "seed"])


def seed_spread(records: Sequence[Record], model: str, context: str = "advanced_rag") -> str:
    """A sentence on a model's training seeds: the spread of correct answers, the first one's interval, and consistency."""
    arms = [arm.name for arm in _runs(records, model, context)]
    shares = [outcomes.correct_share(records, name) for name in arms]
    if len(shares) < 2:
        return f"{model}: trained once, so the spread between seeds is unknown"
    means, first, rows = [share.mean for share in shares], shares[0], outcomes.shared_records(records, *arms)
    alike = sum(len({(r.abstained, r.abstained or (r.answer, r.answer_sha256)) for r in row}) == 1 for row in rows) / len(rows)
    return (f"{model}: {len(shares)} training runs, {max(means) - min(means):.2f} between best and worst; "
            f"the interval of the first is {first.high - first.low:.2f} wide; all give the same answer to {alike:.0%}")


def seed_differences(records: Sequence[Record], pairs: Sequence[tuple[str, str]]):
    """Difference in correct answers of each pair of arms, second minus first, by training seed and over all: a DataFrame."""
    import pandas

    present, rows = dict.fromkeys(record.arm for record in records), {}
    for first, second in pairs:
        row = rows[f"{second} − {first}"] = {}
        for seed in sorted({0, *(parse_arm(name).seed for name in present)}):
            seeded = {name: parse_arm(name).with_seed(seed).name for name in (first, second)}
            names = [other if other in present else name for name, other in seeded.items()]
            if not seed or names[1] != second:
                row[f"seed {seed}"] = str(outcomes.paired_outcomes(records, *names))
        if len(row) > 1:
            row["all seeds"] = str(all_seeds_difference(records, first, second))
    return pandas.DataFrame(rows).T.fillna("–")


def all_seeds_difference(records: Sequence[Record], first: str, second: str) -> metrics.PairedDifference:
    """Correct answers of the second arm minus the first, for luck of questions and of training: over all seeds of either."""
    chosen = [(arm.model.name, arm.context.name) for arm in map(parse_arm, (first, second))]
    names = [[arm.name for arm in _runs(records, *own)] for own in chosen]
    rows = outcomes.shared_records(records, *names[0], *names[1])
    right = numpy.array([[float(outcomes.outcome(record) == "correct") for record in row] for row in rows]).T
    told = [row[0] for row in rows]
    return metrics.seeded_difference(right[: len(names[0])], right[len(names[0]) :], [record.cluster for record in told],
                                     outcomes.record_weights(told))
