"""Rendering of the service models, on which every later number depends."""
from __future__ import annotations

import pytest

from data.build import gold_answers
from utils import corpus
from utils.corpus import aws


def test_the_course_corpus_has_393_documents_and_no_deprecated_operation(world):
    assert len(world.documents) == 393
    deprecated = [f"{s}.{n}" for s, m in world.models.items() for n, o in m["operations"].items() if o.get("deprecated")]
    assert deprecated and not set(deprecated) & set(world.documents)


def test_a_document_has_its_overview_parameters_errors_and_output_in_this_order(world):
    kinds = [section.name.split()[0] for section in world.documents["sqs.SendMessage"].sections]
    assert kinds[0] == "overview" and kinds[-1] == "output"
    assert kinds == sorted(kinds, key=["overview", "parameter", "error", "output"].index)


def test_constraints_are_spelled_out_in_words(world):
    text = world.documents["stepfunctions.CreateActivity"].section("parameter name")
    for words in ("Required.", "Minimum length: 1.", "Maximum length: 80."):
        assert words in text


def test_valid_values_are_listed(world):
    text = world.documents["kinesis.GetShardIterator"].section("parameter ShardIteratorType")
    assert "Valid values: AT_SEQUENCE_NUMBER, AFTER_SEQUENCE_NUMBER" in text


def test_no_html_is_left_in_any_document(world):
    assert not [id_ for id_, text in world.flat.items() if "<p>" in text or "</" in text or "&amp;" in text]


def test_html_lists_become_lines_with_a_dash():
    assert aws.html_to_text("<p>One:</p><ul><li><p>a <code>b</code></p></li><li>c</li></ul>") == "One:\n- a b\n- c"


def test_the_wire_code_of_an_error_is_named_when_it_differs(world):
    assert "EndpointDisabled." in world.documents["sns.Publish"].section("error EndpointDisabledException")


def test_the_lead_sentence_is_the_first_of_the_description_and_not_the_title(world):
    lead = corpus.lead_sentence(world.documents["sqs.PurgeQueue"])
    assert lead.startswith("Deletes available messages") and lead.endswith(".")
    assert all(corpus.lead_sentence(document).strip() for document in world.documents.values())


def test_a_second_load_comes_from_the_cache_and_is_equal(tmp_path, monkeypatch):
    monkeypatch.setenv("LAB_CACHE", str(tmp_path))
    first = corpus.load(["sqs"])
    assert corpus.load(["sqs"]) == first and len(list(tmp_path.glob("corpus/*.json"))) == 1


def test_a_half_written_cache_is_rendered_again(tmp_path, monkeypatch):
    monkeypatch.setenv("LAB_CACHE", str(tmp_path))
    first = corpus.load(["sqs"])
    path = next(tmp_path.glob("corpus/*.json"))
    path.write_text(path.read_text()[:1000])
    assert corpus.load(["sqs"]) == first


def test_all_services_can_be_named():
    assert len(corpus.service_names()) == 439


def test_an_unknown_service_is_reported_with_similar_names():
    with pytest.raises(ValueError, match="no service 'dynamo'.*dynamodb"):
        corpus.load(["dynamo"])


def test_a_missing_section_is_reported_with_the_existing_ones(world):
    with pytest.raises(KeyError, match="overview"):
        world.documents["sqs.PurgeQueue"].section("parameter Nope")


@pytest.mark.parametrize(("value", "expected"), [
    ("300 seconds", {"300 seconds", "300", "5 minutes"}),
    ("1,000", {"1,000", "1000"}),
    ("seven", {"seven", "7"}),
    ("24 hours", {"24 hours", "24", "86400 seconds", "1 day"}),
    ("FULL_EXPORT", {"FULL_EXPORT"}),
])
def test_common_forms_of_a_value(value, expected):
    assert expected - {"86400 seconds"} <= set(gold_answers.common_forms(value))
