"""Arms: a name is parsed once, and all that is known of it comes from two tables."""
from __future__ import annotations

import json

import pytest

from utils import evaluation, roi
from utils.evaluation.arms import BASELINES, CONTEXTS, MODELS


@pytest.mark.parametrize(("name", "model", "seed", "context"), [
    ("base", "base", 0, ""), ("naive_rag", "base", 0, "naive_rag"), ("base+oracle", "base", 0, "oracle"),
    ("raft@2+graph", "raft", 2, "graph"), ("raft_kto", "raft_kto", 0, ""), ("question_only", "question_only", 0, ""),
    ("adapter:/some/where+advanced_rag", "adapter:/some/where", 0, "advanced_rag"),
    ("adapter:/a+b/mine", "adapter:/a+b/mine", 0, ""),
])
def test_a_name_is_taken_apart(name, model, seed, context):
    arm = evaluation.parse_arm(name)
    assert (arm.name, arm.model.name, arm.seed, arm.context.name) == (name, model, seed, context)


@pytest.mark.parametrize("name", ["raft_orpo", "base@1", "raft@x", "raft+nowhere", "question_only+naive_rag", "+", ""])
def test_an_unknown_name_is_refused_with_the_known_ones(name):
    with pytest.raises(ValueError, match="unknown arm .*; known are base, closed_book"):
        evaluation.parse_arm(name)


def test_every_model_in_every_context_keeps_its_name_and_has_a_colour():
    for model in MODELS:
        for context in ("", *CONTEXTS):
            name = f"{model}+{context}" if context else model
            arm = evaluation.parse_arm(name)
            assert arm.name == name and arm.colour.startswith("#")
            if arm.is_trained:
                assert evaluation.parse_arm(arm.with_seed(3).name).with_seed(0).name == name


def test_only_what_can_be_bought_is_an_option():
    options = {name for name in (*MODELS, *CONTEXTS, *BASELINES, "raft@1", "raft+oracle") if evaluation.parse_arm(name).is_option}
    assert options == {*MODELS, "naive_rag", "advanced_rag", "graph"} - {"format_only"}


def adapter(folder, **provenance):
    folder.mkdir()
    (folder / "adapter_model.safetensors").write_bytes(b"weights")
    if provenance:
        (folder / "provenance.json").write_text(json.dumps(provenance))
    return f"adapter:{folder}+advanced_rag"


def test_the_rounds_of_an_adapter_are_counted_along_its_provenance(tmp_path):
    first = adapter(tmp_path / "raft_orpo", settings={"recipe": "orpo"}, pairs=40, parent="raft")
    second = adapter(tmp_path / "again", settings={"recipe": "dpo"}, pairs=40, parent="raft_orpo")
    plain = adapter(tmp_path / "plain", settings={"recipe": "closed_book"}, examples=40)
    lost = adapter(tmp_path / "lost", settings={"recipe": "dpo"}, pairs=40, parent="not here")
    names = (first, second, plain, lost, adapter(tmp_path / "bare"))
    rounds = [evaluation.parse_arm(name).model.feedback_rounds for name in names]
    assert rounds == [1, 2, 0, None, None]
    shares, usage = {"correct": 1.0, "wrong": 0.0, "abstained": 0.0}, {"tokens_in": 1, "tokens_out": 1, "seconds": 1}
    option = roi.option_of_arm(second, shares, usage)
    assert option.trained and option.retrieves and option.feedback_rounds == 2 and not option.facts_in_weights
    with pytest.raises(ValueError, match="not recorded"):
        roi.option_of_arm(lost, shares, usage)
