"""Ranking metrics of one question. Rankings are lists of distinct document ids, best first."""
from __future__ import annotations

import math
from collections.abc import Collection, Sequence


def success_at_k(ranking: Sequence[str], evidence: Collection[str], k: int) -> float:
    """1 if any evidence document is among the first k: Recall@k where one document suffices (fact, error, routing)."""
    return float(any(id_ in evidence for id_ in ranking[:k]))


def recall_at_k(ranking: Sequence[str], evidence: Collection[str], k: int) -> float:
    """|evidence in the first k| / |evidence|: Recall@k where every document is needed (multi_doc)."""
    return len(set(ranking[:k]) & set(evidence)) / len(set(evidence))


def all_evidence(ranking: Sequence[str], evidence: Collection[str], k: int = 10) -> float:
    """1 if the first k hold every evidence document."""
    return float(set(evidence) <= set(ranking[:k]))


def reciprocal_rank(ranking: Sequence[str], evidence: Collection[str], k: int = 10) -> float:
    """1 / rank of the first evidence document, 0 beyond rank k. Its mean is MRR@k."""
    return next((1.0 / rank for rank, id_ in enumerate(ranking[:k], 1) if id_ in evidence), 0.0)


def ndcg(ranking: Sequence[str], evidence: Collection[str], k: int = 10) -> float:
    """Binary nDCG@k: sum of 1/log2(rank + 1) over the evidence in the first k, divided by the best possible sum."""
    gain = sum(1 / math.log2(rank + 1) for rank, id_ in enumerate(ranking[:k], 1) if id_ in evidence)
    return gain / sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(set(evidence))) + 1))


def retrieval_scores(ranking: Sequence[str], evidence: Collection[str], all_needed: bool) -> dict[str, float]:
    """All retrieval scores of one question. all_needed: every evidence document is needed, not just one."""
    recall = recall_at_k if all_needed else success_at_k
    return {
        **{f"recall@{k}": recall(ranking, evidence, k) for k in (1, 5, 10)},
        "mrr@10": reciprocal_rank(ranking, evidence),
        "ndcg@10": ndcg(ranking, evidence),
        "all_evidence@10": all_evidence(ranking, evidence),
    }
