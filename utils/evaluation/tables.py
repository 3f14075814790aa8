"""Tables from records: every metric with its n and cluster-bootstrap interval, overall and per task."""
from __future__ import annotations

from collections.abc import Sequence

from .. import metrics
from ..types import Record

ANSWER_METRICS = ("score", "exact_match", "token_f1", "contains", "set_f1", "rouge_l", "rouge_l_copy_first", "abstained", "words",
                  "answer_in_context", "cited_right", "citation_precision")
RETRIEVAL_METRICS = ("recall@1", "recall@5", "recall@10", "mrr@10", "ndcg@10", "all_evidence@10")


def summarise(records: Sequence[Record], resamples: int = metrics.RESAMPLES):
    """One row for each arm, task ("all" included) and metric: a pandas DataFrame with mean, low, high, n, clusters."""
    import pandas

    rows = []
    arms = list(dict.fromkeys(r.arm for r in records))
    tasks = ["all", *dict.fromkeys(r.task for r in records)]
    for arm in arms:
        for task in tasks:
            chosen = [r for r in records if r.arm == arm and task in ("all", r.task)]
            for metric, values in _columns(chosen).items():
                scored = [(v, r.cluster) for v, r in zip(values, chosen, strict=True) if v is not None]
                if scored:
                    found = metrics.mean_interval(*zip(*scored, strict=True), resamples=resamples)
                    rows.append({"arm": arm, "task": task, "metric": metric, **vars(found)})
    return pandas.DataFrame(rows)


def _columns(records: Sequence[Record]) -> dict[str, list[float | None]]:
    columns = {name: [r.scores.get(name) for r in records] for name in (*ANSWER_METRICS, *RETRIEVAL_METRICS)}
    columns["tokens"] = [r.prompt_tokens + r.completion_tokens for r in records]
    columns["seconds"] = [r.seconds["retrieve"] + r.seconds["generate"] for r in records]
    return columns


def wide_table(summary, metrics: Sequence[str], task: str = ""):
    """A line for each arm and task, a column for each metric as `mean [low, high]`, and n: a pandas DataFrame of text.

    n is a span where metrics score different questions (exact match skips summaries, say).
    """
    import pandas

    chosen = summary[summary.metric.isin(list(metrics))]
    if task:
        chosen = chosen[chosen.task == task]
    digits = {"words": 1, "tokens": 0}
    cells = [
        f"{row['mean']:.{digits.get(row.metric, 2)}f} [{row.low:.{digits.get(row.metric, 2)}f}, "
        f"{row.high:.{digits.get(row.metric, 2)}f}]"
        for _, row in chosen.iterrows()
    ]
    made = chosen.assign(cell=cells).pivot_table(index=["arm", "task"], columns="metric", values="cell", aggfunc="first",
                                                 sort=False)
    counts = chosen.groupby(["arm", "task"], sort=False)["n"].agg(["min", "max"])
    spans = [f"{low}" if low == high else f"{low}–{high}" for low, high in zip(counts["min"], counts["max"], strict=True)]
    made.insert(0, "n", pandas.Series(spans, counts.index))
    return made[["n", *[m for m in metrics if m in made.columns]]].fillna("-").rename_axis(columns=None)


def text_table(summary, metrics: Sequence[str], task: str = "") -> str:
    """`wide` as text for a terminal; "" when none of the metrics was scored."""
    import pandas

    if not summary.metric.isin(list(metrics)).any():
        return ""
    with pandas.option_context("display.width", 250, "display.max_columns", None, "display.max_rows", None):
        return wide_table(summary, metrics, task).to_string()


def benchmark_tables(records: Sequence[Record], retrieval_only: bool = False) -> str:
    """The tables that `benchmark` prints: answers, retrieval and cost, with 95 % intervals."""
    summary = summarise(records)
    answered = [] if retrieval_only else [
        ("Answers, all tasks ('score': exact match, set F1, ROUGE-L or abstention, by task)", ("score", "words"), "all"),
        ("Answers by task", ("exact_match", "token_f1", "contains", "set_f1", "rouge_l", "rouge_l_copy_first",
                             "abstained", "answer_in_context", "cited_right", "citation_precision"), ""),
        ("Cost for each question (tokens include the context)", ("tokens", "seconds"), "all"),
    ]
    parts = [*answered, ("Retrieval by task (a document counts once; multi_doc needs every one)", RETRIEVAL_METRICS, "")]
    blocks = [f"{title}\n{text}" for title, metrics, task in parts if (text := text_table(summary, metrics, task))]
    headline = summary[(summary.task == "all") & (summary.metric == ("recall@5" if retrieval_only else "score"))]
    if headline.empty:
        return "\n\n".join([*blocks, f"{len(records)} records; these arms retrieve nothing, so there is nothing to score."])
    n, clusters = int(headline.n.max()), int(headline.clusters.max())
    note = (f"{n} questions scored, {summary.arm.nunique()} arm(s). Intervals: 95 %, bootstrap over {clusters} clusters (home "
            f"operation, else first evidence document). Smallest gap between two arms this n can show (80 % power, 20 % "
            f"discordant): {metrics.smallest_detectable_difference(n):.2f}.")
    few = " With fewer than 10 clusters the intervals are too narrow to trust." if clusters < 10 else ""
    return "\n\n".join([*blocks, note + few])
