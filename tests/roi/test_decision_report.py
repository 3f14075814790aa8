"""The decision report: from any records to a page, and what it refuses."""
from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest

from utils import __main__, course, environment, roi
from utils.roi import decision_page
from utils.types import Record


def records(arms: dict[str, float], n: int = 20, task: str = "fact", tokens: int = 9) -> list[Record]:
    """Records of arms that are correct on a share of the questions."""
    draw = random.Random(0)
    return [Record(f"q{i}", arm, task, f"c{i}", (), "x", False, (), (), 100, tokens, {"retrieve": 0.1, "generate": 0.5},
                   {"contains": float(i < share * n), "words": 2 + draw.randrange(3)}, "h")
            for arm, share in arms.items() for i in range(n)]


def test_a_page_of_one_task_and_twenty_questions_recommends_and_says_how_sure(tmp_path):
    rows = records({"base": 0.0, "raft+advanced_rag": 0.9, "oracle": 1.0, "question_only": 0.1, "raft@1+advanced_rag": 0.95,
                    "format_only": 0.9})
    paths = roi.write_report(rows, tmp_path / "page.html")
    text = (tmp_path / "page.md").read_text("utf-8")
    assert "**Use raft+advanced_rag**" in text and "none correct of 20" in text and "oracle" not in text
    assert not [name for name in ("question_only", "@1", "format_only") if name in text]
    assert "Measured on 20 questions over 20 clusters; this sample is too small to detect a difference reliably" in text
    html = paths[0].read_text("utf-8")
    assert html.count("data:image/png;base64,") == 4 and "none correct of 20" in html
    assert "http" not in html.partition("Assumptions")[0]
    assert 'alt="raft+advanced_rag is correct most often' in html and all(path.exists() for path in paths)
    for heading in ("How sure", "What would change it", "What it costs to be wrong", "Assumptions"):
        assert f"## {heading}" in text


def test_one_option_alone_still_gives_a_page():
    report = roi.build_report(records({"raft+advanced_rag": 0.9}))
    assert report.rival is None and len(decision_page.report_figures(report)) == 4
    assert "measure another to compare" in decision_page.report_markdown(report, {})


def test_only_questions_that_every_option_answered_count():
    report = roi.build_report([*records({"base": 0.5}, 30), *records({"closed_book": 0.8}, 20)])
    assert report.questions == 20 and all(interval.n == 20 for interval in report.correct)
    assert "every option answered count: base has 30, closed_book has 20" in decision_page.report_markdown(report, {})
    with pytest.raises(ValueError, match="same questions"):
        roi.build_report([*records({"base": 0.5}, 2), *(replace(r, question_id="z") for r in records({"closed_book": 0.8}, 1))])


def test_options_that_all_lose_are_not_recommended():
    report = roi.build_report(records({"base": 0.0, "naive_rag": 0.05}))
    assert report.nothing_is_ahead and "None of these options pays" in roi.recommendation(report)
    text = decision_page.report_markdown(report, {})
    assert "against doing nothing" in text and "What would change it" in text
    assert text.index("- doing nothing: best in 100%") < text.index("- base: best in")


def test_a_close_decision_is_called_not_decisive():
    report = roi.build_report(records({"raft_dpo_author": 0.8, "raft_kto": 0.8}))
    assert "**Not settled.**" in roi.recommendation(report) and "Use " not in roi.recommendation(report)


@pytest.mark.parametrize(("rows", "message"), [
    (records({"base": 0.5}, task="summary"), "no record is of an arm that you could deploy"),
    (records({"oracle": 0.5}), "no record is of an arm that you could deploy"),
    (records({"base": 0.0}, tokens=0), "--retrieval-only"),
])
def test_records_that_support_no_decision_are_refused_with_a_sentence(rows, message):
    with pytest.raises(ValueError, match=message):
        roi.build_report(rows)


def test_the_command_writes_the_page_and_refuses_bad_input(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(course, "prepare", lambda **_: None)
    monkeypatch.setattr(environment, "is_active", lambda: True)
    source = tmp_path / "r.jsonl"
    source.write_text("".join(json.dumps(r.to_json()) + "\n" for r in records({"base": 0.1, "closed_book": 0.8})), "utf-8")
    provenance = {"questions": {"file": "q.csv", "scored": 20, "retrieval_only": 3, "set_aside": [], "mended": ["x"]},
                  "corpus": {"folder": "docs", "documents": 7, "reading": {"read": 6, "in part": 1, "set aside": 0}},
                  "arms": {"base": {"model": "a model"}}, "date": "2024-03-01T10:00:00"}
    out = tmp_path / "new" / "page.html"
    assert __main__.main(["report", "--records", str(source), "--out", str(out)]) == 0
    assert out.exists() and str(out) in capsys.readouterr().out and "models: not recorded." in out.read_text("utf-8")
    (tmp_path / "r.json").write_text(json.dumps(provenance))
    assert __main__.main(["report", "--records", str(source), "--out", str(out)]) == 0 and capsys.readouterr()
    assert ("20 questions of q.csv (3 scored for retrieval only, 1 mended) on 7 documents of docs (1 in part), answered by a "
            "model on 2024-03-01.") in out.read_text("utf-8")
    for words, message in ((["--records", str(source), "--out", str(tmp_path / "x.pdf")], "name of an .html file"),
                           (["--records", str(tmp_path / "none"), "--out", str(out)], "none"),
                           (["--records", str(source), "--out", str(out), "--prices", str(source)], "not a price file")):
        assert __main__.main(["report", *words]) == 1
        assert message in capsys.readouterr().err


def test_doing_nothing_is_named_where_it_is_best_more_often():
    report = roi.build_report(records({"closed_book": 0.8, "raft": 0.8}))
    simulation = {**report.simulation, "probability_none": 0.6, "probability_best": [0.3, 0.1], "choice": 0}
    text = roi.recommendation(replace(report, simulation=simulation))
    assert text.startswith("**Undecided**") and "average over their ranges, but doing nothing is best in 60% of" in text
    simulation["mean"] = [-1.0, -2.0]
    text = roi.recommendation(replace(report, simulation=simulation))
    assert ", but -1 USD on average over their ranges, and doing nothing is best" in text


def test_the_page_gives_the_smallest_difference_the_sample_can_show():
    report = replace(roi.build_report(records({"closed_book": 0.8, "raft": 0.8})), questions=367, clusters=133)
    text = decision_page.report_markdown(report, {})
    assert "can show is 0.07 if all questions are independent, 0.11 if questions of one cluster" in text
