"""Drafted questions and energy: small tools of lab 3."""
from __future__ import annotations

import pytest

from utils import evaluation, models
from utils.models import device
from utils.own_domain import drafting
from utils.types import Document, Section


def document(name: str, *sentences: str) -> Document:
    return Document(name, name, "", (Section("text", " ".join(sentences)),))


def test_drafts_are_marked_spread_over_documents_and_load_as_questions(tmp_path):
    documents = [document("bread.txt", "A fresh loaf of bread may rest for at most 12 hours in the basket.",
                          "The oven keeps its heat for up to 30 minutes after the last loaf is out."),
                 document("cat.txt", "The cat of the house gets dinner within 20 minutes after the bell.")]
    drafts = drafting.draft_questions(documents, 2)
    assert {row["evidence"][0] for row in drafts} == {"bread.txt", "cat.txt"}
    assert all(row["note"] == "draft, review me" and row["answers"][0] not in row["question"] for row in drafts)
    out = tmp_path / "d" / "q.jsonl"
    assert drafting.write_drafts(documents, out, 9) == 3
    assert len(evaluation.load_questions(out, known={d.id: d for d in documents})) == 3
    with pytest.raises(ValueError, match="already exists"):
        drafting.write_drafts(documents, out, 9)
    with pytest.raises(ValueError, match="by hand"):
        drafting.draft_questions([document("x.txt", "Nothing to count.")], 3)


def test_energy_is_read_if_the_machine_reports_it_and_none_otherwise(tmp_path, monkeypatch):
    assert models.joules(tmp_path) is None
    for number, value in enumerate((1_500_000, 500_000)):
        (tmp_path / f"intel-rapl:{number}").mkdir()
        (tmp_path / f"intel-rapl:{number}" / "energy_uj").write_text(f"{value}\n", "utf-8")
    assert models.joules(tmp_path) == 2.0
    monkeypatch.setattr(device, "joules", lambda: 12.0)
    assert models.energy_per_answer(2.0, 5) == "2 J an answer"
    assert "none" in models.energy_per_answer(None, 5) and "none" in models.energy_per_answer(20.0, 5)
    monkeypatch.undo()
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("no", "utf-8")
    assert models.joules(tmp_path) is None
