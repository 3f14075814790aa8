"""Own prices: what the sliders of lab 3 keep, what the recommendation and the page make of it, and what is refused."""
from __future__ import annotations

import time

import pytest
import yaml

from tests.roi.test_decision_report import records
from utils import course, roi
from utils.course import widgets

RECORDS = records({"base": 0.1, "raft+advanced_rag": 0.6})


@pytest.fixture
def report(tmp_path, monkeypatch):
    monkeypatch.setenv("LAB_CACHE", str(tmp_path))
    monkeypatch.delenv("LAB_UNATTENDED", raising=False)
    return roi.build_report(RECORDS)


def parts(report) -> tuple[dict, object, object]:
    """Sliders by assumption, the reset button, and the sentences under them."""
    *rows, button, answer, _ = course.own_prices(report).children
    return {name: row.children[0] for name, row in zip(widgets.OWN_PRICES, rows, strict=True)}, button, answer


def test_nothing_moves_before_somebody_moves_it(report):
    sliders, _, answer = parts(report)
    assert all(slider.value == getattr(report.assumptions, name) for name, slider in sliders.items())
    assert course.own_price_file() == roi.PRICE_FILE and "the given ones" in answer.value
    assert roi.recommendation(report)[0] in answer.value


def test_a_choice_changes_the_sentence_at_once_survives_and_can_be_taken_back(report, monkeypatch):
    sliders, _, answer = parts(report)
    begun = time.perf_counter()
    sliders["correct"].value = 0.3
    assert time.perf_counter() - begun < 0.3 and "of a correct answer 0.3 instead of 1." in answer.value
    own = course.own_price_file()
    assert own != roi.PRICE_FILE and roi.recommendation(roi.build_report(RECORDS, own))[0] in answer.value
    again, button, told = parts(report)
    assert again["correct"].value == 0.3 and again["wrong"].value == report.assumptions.wrong and told.value == answer.value
    monkeypatch.setenv("LAB_UNATTENDED", "1")
    assert course.own_price_file() == roi.PRICE_FILE and parts(report)[0]["correct"].value == 1.0
    monkeypatch.delenv("LAB_UNATTENDED")
    button.click()
    assert not own.exists() and again["correct"].value == 1.0 and "the given ones" in told.value


@pytest.mark.parametrize("value", [1.0437, 7.3], ids=["between two steps", "outside the range"])
def test_a_price_that_no_slider_step_hits_stays_exactly_and_is_on_the_page(report, value, tmp_path):
    own = tmp_path / "own_prices.yaml"
    roi.write_prices({"correct": value}, own)
    assert parts(report)[0]["correct"].value == value
    assumptions, ranges, _ = roi.load_assumptions(own)
    assert assumptions.correct == value and ranges["correct"] == (0.3, max(3.0, value)) and "months" not in ranges
    page = roi.write_report(RECORDS, tmp_path / "d.html", own).read_text("utf-8")
    assert f"values of your own: value of a correct answer {value} USD per answer." in page and f'"correct": {value},' in page


def test_own_prices_follow_the_given_ones_that_changed_meanwhile(report, tmp_path):
    own = tmp_path / "own_prices.yaml"
    given = yaml.safe_load(roi.PRICE_FILE.read_text("utf-8"))
    given["use"]["volume"]["value"] = 2000
    older = tmp_path / "older.yaml"
    older.write_text(yaml.safe_dump(given), "utf-8")
    roi.write_prices({"wrong": 2.0}, own, older)
    sliders, _, answer = parts(report)
    assert sliders["volume"].value == 10_000 == roi.load_assumptions(own)[0].volume and "questions a month" not in answer.value
    with pytest.raises(ValueError, match="cannot be negative|outside its own range"):
        own.write_text(own.read_text("utf-8").replace("value: 2.0", "value: -2.0"), "utf-8")
        roi.load_assumptions(own)
