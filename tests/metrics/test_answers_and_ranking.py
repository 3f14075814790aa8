"""Metrics against hand arithmetic and against `ir-measures`."""
from __future__ import annotations

import random

import ir_measures
import pytest
from ir_measures import RR, R, Success, nDCG

from utils import metrics
from utils.metrics import answers, ranking


def rankings(seed: int = 3, count: int = 40):
    draw = random.Random(seed)
    documents = [f"d{i}" for i in range(20)]
    for _ in range(count):
        yield draw.sample(documents, 15), set(draw.sample(documents, draw.randint(1, 6)))


@pytest.mark.parametrize(("measure", "ours"), [
    (R @ 1, lambda r, e: ranking.recall_at_k(r, e, 1)),
    (R @ 5, lambda r, e: ranking.recall_at_k(r, e, 5)),
    (R @ 10, lambda r, e: ranking.recall_at_k(r, e, 10)),
    (Success @ 1, lambda r, e: metrics.success_at_k(r, e, 1)),
    (Success @ 5, lambda r, e: metrics.success_at_k(r, e, 5)),
    (RR @ 10, ranking.reciprocal_rank),
    (nDCG @ 10, ranking.ndcg),
])
def test_ranking_metrics_agree_with_ir_measures(measure, ours):
    for ranked, evidence in rankings():
        qrels = {"q": dict.fromkeys(evidence, 1)}
        run = {"q": {id_: 100.0 - rank for rank, id_ in enumerate(ranked)}}
        expected = ir_measures.calc_aggregate([measure], qrels, run)[measure]
        assert ours(ranked, evidence) == pytest.approx(expected)


def test_ranking_metrics_by_hand():
    ranked = ["a", "b", "c", "d"]
    assert ranking.recall_at_k(ranked, {"b", "x"}, 2) == 1 / 2
    assert ranking.reciprocal_rank(ranked, {"c"}) == 1 / 3
    assert ranking.all_evidence(ranked, {"a", "d"}) == 1 and ranking.all_evidence(ranked, {"a", "x"}) == 0
    assert ranking.ndcg(ranked, {"a"}) == 1


def test_one_document_is_enough_unless_all_are_needed():
    assert metrics.retrieval_scores(["a"], {"a", "b"}, all_needed=False)["recall@5"] == 1
    assert metrics.retrieval_scores(["a"], {"a", "b"}, all_needed=True)["recall@5"] == 1 / 2


def test_token_f1_is_two_times_shared_over_the_sum_of_lengths():
    assert answers.token_f1("up to five minutes", ["five minutes", "300"]) == pytest.approx(2 * 2 / (4 + 2))


def test_set_f1_and_parsing_of_lists():
    assert metrics.parse_set("- PutItem\n2. GetItem, `Scan` and Query.") == ["PutItem", "GetItem", "Scan", "Query"]
    assert metrics.parse_set("Berlin und Bonn; 1,024") == ["Berlin", "Bonn", "1,024"]
    assert metrics.parse_set("Cuba and Trinidad and Tobago", ["Trinidad and Tobago", "Cuba"]) == ["Cuba", "Trinidad and Tobago"]
    assert metrics.set_f1(["PutItem", "getitem", "Nope"], ["PutItem", "GetItem"]) == pytest.approx(2 * 2 / (3 + 2))


def test_rouge_l_is_one_for_the_same_sentence_and_zero_for_another():
    assert metrics.rouge_l("Deletes a queue.", "Deletes a queue.") == 1 and metrics.rouge_l("zzz", "Deletes a queue.") == 0
    for sentence in ("Лавка открыта с восьми.", "商店从八点开始营业。", "Les clés sont prêtées.", "Η πόρτα κλείνει."):
        assert metrics.rouge_l(sentence, sentence) == pytest.approx(1) and metrics.rouge_l("zzz", sentence) == 0
    assert metrics.rouge_l("Die Schlüssel lagen dort.", "Der Schlüssel lag dort.") >= 0.5  # forms of a word agree


def test_only_the_agreed_phrase_counts_as_abstaining():
    assert metrics.abstains("Not in the documentation.") and not metrics.abstains("The documentation says 5.")


@pytest.mark.parametrize(("task", "answer", "abstained", "score"), [
    ("unanswerable", "", True, 1), ("unanswerable", "5", False, 0), ("fact", "80", False, 1),
    ("multi_doc", "A, B", False, 1), ("multi_doc", "A, B", True, 0), ("summary", "Deletes it.", False, 1),
])
def test_the_headline_score_follows_the_task(task, answer, abstained, score):
    scores = metrics.answer_scores(task, answer, abstained, ["80"], ["A", "B"], "Deletes it.")
    assert scores["score"] == pytest.approx(score)
