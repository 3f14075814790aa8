"""The graph against the service models: extraction scores, traversal for every kind of multi_doc, linking."""
from __future__ import annotations

import json

import pytest

from data.build import gold_answers
from utils import corpus, evaluation, metrics, models, retrieval, settings
from utils.retrieval.graph import entity_linking, triples
from utils.types import Document, Section


def score_extraction(extracted, gold) -> list[tuple[str, float, float]]:
    """(relation, precision, recall) of extracted triples against those of the service models."""
    extracted, rows = {(t.subject, t.relation, t.object) for t in extracted}, []
    for relation in triples.SCORED_RELATIONS:
        ours, theirs = ({t for t in side if t[1] == relation} for side in (extracted, gold))
        correct = len(ours & theirs)
        rows.append((relation, correct / len(ours) if ours else 0.0, correct / len(theirs) if theirs else 0.0))
    return rows


@pytest.fixture(scope="module")
def documents(world):
    return list(world.documents.values())


@pytest.fixture(scope="module")
def knowledge(documents):
    return triples.build_graph(retrieval.extract_triples(documents))


@pytest.fixture(scope="module")
def linker(knowledge, chosen):
    return entity_linking.Linker(knowledge, models.embedder(chosen.embedder, str(retrieval.BI_ENCODER)), chosen)


def test_a_small_document_gives_the_triples_a_reader_would_find():
    text = (Section("overview", "shop Bake\nBakes. See Paint for colours."),
            Section("parameter Size", "Size (string). Required. Maximum length: 9.\nHow big it is."),
            Section("error OvenBusy", "Error OvenBusy. The oven is busy."),
            Section("output", "Returns:\nLoaf (string).\nThe bread."))
    both = [Document("shop.Bake", "shop Bake", "shop", text),
            Document("shop.Paint", "shop Paint", "shop", (Section("overview", "shop Paint\nPaints."),))]
    extracted = {(t.subject, t.relation, t.object) for t in retrieval.extract_triples(both)}
    assert {("shop", "has", "shop.Bake"), ("shop.Bake", "takes", "shop:parameter:size"), ("shop.Bake", "mentions", "shop.Paint"),
            ("shop.Bake", "requires", "shop:parameter:size"), ("shop.Bake", "raises", "shop:error:OvenBusy"),
            ("shop.Bake", "returns", "shop:output:loaf"), ("shop:error:OvenBusy", "means", "The oven is busy.")} <= extracted
    assert ("shop.Bake", "takes", "shop:parameter:loaf") not in extracted


def test_extraction_is_precise_and_complete_for_every_relation(documents):
    for relation, precision, recall in score_extraction(retrieval.extract_triples(documents), corpus.true_triples(documents)):
        assert precision >= 0.95 and recall >= 0.90, relation


def test_the_score_would_notice_a_wrong_and_a_missing_triple():
    _, *row = score_extraction([triples.Triple("a", "has", "x", "a"), triples.Triple("a", "has", "y", "a")],
                                   {("a", "has", "x"), ("a", "has", "z")})[0]
    assert row == [0.5, 0.5]


@pytest.mark.parametrize("kind", ["raises", "takes", "requires", "returns", "errors_a_not_b", "sharing"])
def test_traversal_returns_the_gold_set_of_every_kind(kind, knowledge, world):
    questions = [q for q in evaluation.load_questions() if q.fact.get("kind") == kind and q.split != "test"]
    assert questions
    for question in questions:
        fact = question.fact
        if kind == "sharing":
            names = triples.sharing(knowledge, fact["operation"])
        elif kind == "errors_a_not_b":
            names = [n.split(":")[-1] for n in triples.lacking(knowledge, fact["a"], fact["b"], "raises")]
        else:
            kind_of_node = {"raises": "error", "returns": "output"}.get(kind, "parameter")
            name = fact.get("error") or fact["member"].lower()
            names = [d.split(".")[1] for d in triples.subjects(knowledge, kind, f"{fact['service']}:{kind_of_node}:{name}")]
        assert metrics.set_f1(names, gold_answers.evaluate(fact, world).values) == 1.0, question.question


def test_an_unknown_node_has_no_neighbours(knowledge):
    assert triples.subjects(knowledge, "raises", "sqs:error:Nope") == [] and triples.objects(knowledge, "nope", "takes") == []


def test_most_dev_questions_are_linked_to_the_correct_set(linker):
    questions = [q for q in evaluation.load_questions(split="dev") if q.task == "multi_doc"]
    links = [linker.link(q.question, corpus.services_named(q.question)) for q in questions]
    scores = [metrics.set_f1(link.names if link else (), q.answer_set) for link, q in zip(links, questions, strict=True)]
    assert sum(scores) / len(scores) >= 0.8


@pytest.mark.parametrize(("part", "least"), [("tune", 0.9), ("check", 0.85)])
def test_wordings_that_nobody_had_in_mind_are_linked_to_the_correct_set(part, least, linker, world):
    rows = [json.loads(line) for line in (settings.DATA / "list_questions.jsonl").read_text("utf-8").splitlines()]
    scores = []
    for row in [row for row in rows if row["part"] == part]:
        link = linker.link(row["question"], corpus.services_named(row["question"]))
        scores.append(metrics.set_f1(link.names if link else (), gold_answers.evaluate(row["fact"], world).values))
    assert len(scores) in (119, 46) and sum(scores) / len(scores) >= least


def test_no_list_question_asks_what_the_benchmark_asks():
    rows = [json.loads(line) for line in (settings.DATA / "list_questions.jsonl").read_text("utf-8").splitlines()]
    asked = [q.fact for q in evaluation.load_questions() if q.task == "multi_doc"]
    assert not [row["id"] for row in rows if row["fact"] in asked] and len({row["question"] for row in rows}) == len(rows) == 165


@pytest.mark.parametrize("question", ["Which values may BillingModeOverride of RestoreTableToPointInTime take?",
                                      "who has access to this table? show its policy document",
                                      "what named pointers does a function have?", "Which SQS attribute controls the delay?",
                                      "Which Lambda operation deletes a function?", "which SNS operation sends a fax?"])
def test_a_plural_that_asks_for_no_operations_is_not_linked(question, linker):
    assert linker.link(question) is None


def test_a_question_for_one_fact_is_not_linked(linker):
    assert linker.link("How long does a message stay hidden in SQS?", ["sqs"]) is None


def test_the_wording_decides_which_operation_lacks_the_errors(linker):
    forward = linker.link("which errors does Decrypt have that Encrypt hasn't?", ["kms"])
    backward = linker.link("which errors are missing from Encrypt but listed for Decrypt?", ["kms"])
    already = linker.link("Which errors not already in Encrypt does Decrypt raise?", ["kms"])
    switched = linker.link("Switching from Encrypt to Decrypt, what additional errors can come?", ["kms"])
    assert {"IncorrectKeyException", "InvalidCiphertextException"} == set(forward.names) == set(backward.names)
    assert set(already.names) == set(switched.names) == set(forward.names)


def test_a_service_named_in_an_error_of_another_is_no_second_service(linker):
    link = linker.link("SQS says the KMS key has the wrong usage: which calls can fail so?", ["kms", "sqs"])
    assert link.nodes == ("sqs:error:KmsInvalidKeyUsage",)
