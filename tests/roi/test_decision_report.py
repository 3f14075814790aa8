"""The decision report: from any records to a page, and what it refuses."""
from __future__ import annotations

import html
import json
import random
from collections import Counter
from dataclasses import replace

import pytest

from utils import __main__, course, environment, evaluation, roi
from utils.roi import option_words
from utils.roi.decision_report import questions_to_settle
from utils.types import Record


def records(arms: dict[str, float], n: int = 20, task: str = "fact", tokens: int = 9) -> list[Record]:
    """Records of arms that are correct on a share of the questions."""
    draw = random.Random(0)
    return [Record(f"q{i}", arm, task, f"c{i}", (), "x", False, (), (), 100, tokens, {"retrieve": 0.1, "generate": 0.5},
                   {"contains": float(i < share * n), "words": 2 + draw.randrange(3)}, "h")
            for arm, share in arms.items() for i in range(n)]


def page(rows, folder, **more) -> str:
    return " ".join(html.unescape(roi.write_report(rows, folder / "page.html", **more).read_text("utf-8")).split())


def test_a_page_of_one_task_and_twenty_questions_recommends_and_says_how_sure(tmp_path):
    rows = records({"base": 0.0, "raft+advanced_rag": 0.9, "oracle": 1.0, "question_only": 0.1, "raft@1+advanced_rag": 0.95,
                    "format_only": 0.9})
    text = page(rows, tmp_path)
    assert "Use search, with a model that the course trained to read." in text and "raft+advanced_rag" in text
    assert not [name for name in ("oracle", "question_only", "@1", "format_only") if name in text]
    assert "Measured on 20 questions" in text and "This sample is too small to tell two options apart reliably." in text
    for kind, arm in (("search and training", "raft+advanced_rag"), ("neither", "base")):
        assert f'<span class="kind">{kind}</span> <span class="arm">{arm}</span>' in text


def test_todays_money_is_as_before_unanswerable_questions_were_an_assumption():
    assumptions, ranges, _ = roi.load_assumptions()
    tasks = Counter(question.task for question in evaluation.load_questions(split="test"))
    assert assumptions.unanswerable == tasks["unanswerable"] / (tasks.total() - tasks["summary"])
    assert [*ranges][-1] == "unanswerable"  # so that the draws of the other assumptions stay
    report = roi.build_report([r for r in evaluation.load_records("lab3_test") if r.arm in ("base", "raft+graph", "closed_book")])
    plain = [replace(option, unanswerable=0.0) for option in report.options]
    for option, before, share in zip(report.options, plain, report.correct, strict=True):
        assert roi.net_present_value(option, assumptions) == pytest.approx(roi.net_present_value(before, assumptions), rel=1e-12)
        assert 0 < option.unanswerable < 1 and share.mean == pytest.approx(option.correct, rel=1e-12)
    known = {name: ends for name, ends in ranges.items() if name != "unanswerable"}
    drawn = roi.simulate(report.options, report.quality, assumptions, known)
    assert drawn == pytest.approx(roi.simulate(plain, report.quality[:, :, :3], assumptions, known), rel=1e-9)
    assert drawn != pytest.approx(roi.simulate(report.options, report.quality, assumptions, ranges), rel=1e-3)


def test_one_option_alone_still_gives_a_page(tmp_path):
    rows = records({"raft+advanced_rag": 0.9})
    assert roi.build_report(rows).rival is None and "measure another to compare" in page(rows, tmp_path)


def test_only_questions_that_every_option_answered_count(tmp_path):
    rows = [*records({"base": 0.5}, 30), *records({"closed_book": 0.8}, 20)]
    report = roi.build_report(rows)
    assert report.questions == 20 and all(interval.n == 20 for interval in report.correct)
    assert "every option answered count: base has 30, closed_book has 20" in page(rows, tmp_path)
    with pytest.raises(ValueError, match="same questions"):
        roi.build_report([*records({"base": 0.5}, 2), *(replace(r, question_id="z") for r in records({"closed_book": 0.8}, 1))])


def test_options_that_all_lose_are_not_recommended():
    report = roi.build_report(records({"base": 0.0, "naive_rag": 0.05}))
    answer, sure = roi.recommendation(report)
    assert report.nothing_is_ahead and answer.startswith("Use none of these options") and "best to do nothing" in sure
    assert report.rival is None


def test_a_close_decision_is_not_called_sure():
    misses = {"raft_dpo_author": 0, "raft_kto": 1}
    rows = [replace(r, scores={**r.scores, "contains": float(int(r.question_id[1:]) % 5 != misses[r.arm])})
            for r in records(dict.fromkeys(misses, 0.8), 200)]
    answer, _ = roi.recommendation(roi.build_report(rows))
    assert answer.startswith("Ahead, but not settled: ")


@pytest.mark.parametrize(("today", "mean", "share", "none", "key"), [
    (-1, -1, 0.1, 0.9, "none"), (1, -1, 0.5, 0.5, "open"), (1, 1, 0.3, 0.6, "open"), (1, 1, 0.6, 0.1, "ahead"),
    (1, 1, 0.7, 0.1, "probable"), (1, 1, 0.9, 0.1, "clear"),
])
def test_the_first_sentence_is_as_firm_as_the_draws(today, mean, share, none, key):
    assert option_words.headline_key(today, mean, share, none) == key


def test_how_many_more_questions_would_settle_it():
    clear, close = (roi.build_report(records(shares, 40)) for shares in
                    ({"raft+advanced_rag": 0.95, "base": 0.1}, {"raft+advanced_rag": 0.95, "advanced_rag": 0.925}))
    assert questions_to_settle(clear) == 0
    assert questions_to_settle(close) is None or questions_to_settle(close) > 0


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


def test_the_page_gives_the_smallest_difference_the_sample_can_show():
    report = replace(roi.build_report(records({"closed_book": 0.8, "raft": 0.8})), questions=367, clusters=133)
    assert report.detectable == (7, 11) and replace(report, questions=9).detectable is None
