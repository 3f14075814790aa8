"""What the committed records of lab 3 say they are about agrees with the files here, and the page says it."""
from __future__ import annotations

import hashlib
import html

import pytest

from utils import evaluation, models, roi, settings

NAME = "lab3_test"
PROVENANCE = evaluation.read_provenance(evaluation.RECORDS_FOLDER / f"{NAME}.jsonl.gz")
SHIPPED = {arm: model for arm, model in PROVENANCE["arms"].items()
           if "adapter_sha256" in model and evaluation.MODELS[model["adapter"]].shipped}


@pytest.fixture(scope="module")
def records():
    return evaluation.load_records(NAME)


def test_documents_and_questions_are_those_on_disk(records, monkeypatch, tmp_path):
    monkeypatch.setattr("utils.models.adapters.local_registry", lambda: tmp_path)  # an adapter that is not here is not checked
    workspace, questions = evaluation.Workspace(settings=settings.Settings()), PROVENANCE["questions"]
    assert PROVENANCE["corpus"]["sha256"] == evaluation.corpus_digest(workspace)
    assert PROVENANCE["corpus"]["documents"] == len(workspace.documents)
    assert questions["sha256"] == hashlib.sha256((settings.ROOT / questions["file"]).read_bytes()).hexdigest()
    assert questions["scored"] == len({record.question_id for record in records})
    evaluation.check_digests(records, [*SHIPPED, "base", "advanced_rag", "raft_feedback+advanced_rag"], workspace)


def test_every_arm_names_its_model_and_every_shipped_adapter_is_the_one_on_disk(records):
    assert PROVENANCE["arms"].keys() == {record.arm for record in records}
    assert {"raft+graph", "closed_book"} <= SHIPPED.keys()
    for model in SHIPPED.values():
        trained = models.adapter_provenance(model["adapter"])
        assert model["adapter_sha256"] == models.adapter_digest(model["adapter"]) == trained["adapter_sha256"]
        assert (model["base"], model["data_sha256"]) == (trained["base"], trained["data_sha256"])
        assert model.get("pairs", model["examples"]) == trained.get("pairs", trained.get("examples"))


def test_the_page_of_the_courses_own_records_names_model_documents_questions_and_adapters(records, tmp_path):
    page = roi.write_report([r for r in records if r.arm in ("base", "raft+graph")], tmp_path / "d.html", provenance=PROVENANCE)
    text = html.unescape(page.read_text("utf-8"))
    raft = SHIPPED["raft+graph"]
    for words in (raft["adapter_sha256"], f"trained on {raft['examples']} examples", settings.WHEEL_MODEL, "data/questions.jsonl",
                  f"on the course's {PROVENANCE['corpus']['documents']} documents", PROVENANCE["corpus"]["sha256"]):
        assert words in text
    assert "not recorded" not in text
