"""The page of a decision in a real browser: its arithmetic against Python's, sliders, widths, text that tries to break out."""
from __future__ import annotations

import random
import statistics
from dataclasses import asdict, replace

import pytest

from tests.browser import needs_browser, open_browser, unnamed_controls
from utils import roi
from utils.roi import decision_page, option_words
from utils.types import Question, Record

ARMS = {"base": 0.1, "advanced_rag": 0.3, "raft+advanced_rag": 0.55, "closed_book": 0.2, "raft_kto+advanced_rag": 0.55}
ATTACKS = ("<script>document.title='x'</script>", "</script><script>document.title='x'</script>", "<img src=x onerror=alert(1)>",
           '"><b id=out>', "'><b id=out>", "{{ 7*7 }}", "{% raw %}", "${7*7}", "=1+1", "&lt;b&gt;", "<!-- ", "-->", "]]>",
           "<style>body{display:none}</style>", "<iframe src=//x></iframe>", "\u2028", "</title>", "<a href='javascript:x'>y</a>",
           "`${document.title='x'}`", "<svg/onload=document.title='x'>")


def records(n: int = 60, text=lambda i: f"answer {i}") -> list[Record]:
    draw = random.Random(0)
    right = {arm: [draw.random() < share for _ in range(n)] for arm, share in ARMS.items()}
    right["raft_kto+advanced_rag"] = right["raft+advanced_rag"]
    return [Record(f"q{i}", arm, task(i), f"c{i // 2}", (), text(i), task(i) != "fact" and right[arm][i], (text(i),), (), 100, 9,
                   {"retrieve": 0.1, "generate": 0.5},
                   {"contains": float(right[arm][i]), "words": 2, "token_f1": 0.6 * (i % 2)}, "h")
            for arm in ARMS for i in range(n)]


def task(i: int) -> str:
    return "unanswerable" if i % 9 == 4 else "fact"


def questions(n: int = 60, text=lambda i: f"question {i}?") -> list[Question]:
    return [Question(f"q{i}", task(i), text(i), *(((text(i),), (), ("a.md",)) if task(i) == "fact" else ((), (), ())))
            for i in range(n)]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return roi.write_report(records(), tmp_path_factory.mktemp("page") / "d.html", questions=questions())


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    needs_browser()
    with open_browser(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.mark.browser
def test_the_script_computes_what_python_computes(browser, page):
    browser.get(page.as_uri())
    report, draw = roi.build_report(records()), random.Random(0)
    names = [option_words.option_words(option.name) for option in report.options]
    for _ in range(50):
        now = replace(report.assumptions, **{name: draw.uniform(low, high) for name, (low, high) in report.ranges.items()})
        expected = roi.compare_options(roi.simulate(report.options, report.quality, now, report.ranges, report.seed))
        today = [float(roi.net_present_value(option, now)) for option in report.options]
        found, sentences = browser.execute_script(
            "const found = compare(data, arguments[0]); return [found, headline(data, found)]", asdict(now))
        for name, values in (("mean", expected["mean"]), ("low", expected["low"]), ("high", expected["high"]), ("today", today)):
            assert found[name] == pytest.approx(list(values), abs=0.01), name
        assert found["best"] == pytest.approx(list(expected["probability_best"]), abs=1e-9)
        assert found["none"] == pytest.approx(expected["probability_none"], abs=1e-9)
        assert tuple(sentences) == option_words.headline(names, today, expected)
        swings = browser.execute_script("return swings(data, arguments[0], 0, 1)", asdict(now))
        rows = {row["assumption"]: row for row in roi.tornado(report.options[1], report.options[0], now, report.ranges)}
        assert {row["name"] for row in swings} == set(rows)
        assert all(row["low"] == pytest.approx(rows[row["name"]]["at_low"], abs=0.01) for row in swings)


@pytest.mark.browser
def test_a_slider_redoes_sentence_order_and_money_at_once(browser, page):
    browser.get(page.as_uri())
    before = browser.find_element("id", "answer").text
    took = browser.execute_script("""
        const took = [], slider = document.getElementById("slider-correct");
        for (let i = 0; i < 20; i++) {
          slider.value = 50 * i; const start = performance.now();
          slider.dispatchEvent(new Event("input")); took.push(performance.now() - start);
        }
        return took""")
    assert statistics.median(took) < 100
    browser.execute_script(
        "const slider = document.getElementById('slider-correct'); slider.value = 0; slider.dispatchEvent(new Event('input'))")
    assert browser.find_element("id", "answer").text != before
    browser.find_element("id", "reset").click()
    assert browser.find_element("id", "answer").text == before
    assert not [row for row in browser.get_log("browser") if row["level"] == "SEVERE"]


@pytest.mark.browser
def test_options_with_equal_values_are_both_named(browser, page):
    browser.get(page.as_uri())
    text = page.read_text("utf-8")
    assert all(f'data-option="{i}"' in text for i in range(len(ARMS)))
    report = roi.build_report([replace(r, arm=r.arm.replace("raft+", "raft_dpo_ai+")) for r in records()])
    assert "(they come out equal)" in roi.recommendation(report)[0]


@pytest.mark.browser
def test_a_slider_moves_by_keyboard_and_the_filter_shows_failures(browser, page):
    from selenium.webdriver.common.keys import Keys

    browser.get(page.as_uri())
    slider = browser.find_element("css selector", "#sliders input")
    before = slider.get_attribute("aria-valuetext")
    slider.send_keys(Keys.PAGE_UP)
    assert slider.get_attribute("aria-valuetext") != before and unnamed_controls(browser, "body") == []
    shown = [len([q for q in browser.find_elements("class name", "question") if q.is_displayed()])
             for name in ("differ", "all") if not browser.find_element("css selector", f"input[value={name}]").click()]
    assert 0 < shown[0] <= shown[1] == 20
    browser.find_element("id", "more-answers").click()
    assert len([q for q in browser.find_elements("class name", "question") if q.is_displayed()]) == 40


@pytest.mark.browser
@pytest.mark.parametrize("width", [1366, 390])
def test_nothing_runs_off_the_screen(tmp_path, page, width):
    needs_browser()
    with open_browser(tmp_path, width) as driver:
        driver.get(page.as_uri())
        assert driver.execute_script("return document.documentElement.scrollWidth") <= width


@pytest.mark.browser
def test_text_that_tries_to_break_out_stays_text(browser, tmp_path):
    attack = {i: ATTACKS[i % len(ATTACKS)] for i in range(60)}
    prices = tmp_path / "prices.yaml"
    prices.write_text(roi.PRICE_FILE.read_text("utf-8").replace('source: "ours: horizon"', "source: '<b id=out>x</b>'"), "utf-8")
    prices.write_text(prices.read_text("utf-8").replace("currency: USD", "currency: '<b id=out>'"), "utf-8")
    provenance = {"arms": {"base": {"model": "<b id=out>"}}, "questions": {"file": "<b id=out>"}, "date": "<b id=out>"}
    page = roi.write_report(records(text=attack.get), tmp_path / "d.html", prices, provenance, questions(text=attack.get))
    browser.get(page.as_uri())
    assert browser.title == "RAG, fine-tuning, or both: the decision" and not browser.find_elements("id", "out")
    assert len(browser.find_elements("class name", "question")) == 60 and not browser.find_elements("tag name", "iframe")
    shown = browser.execute_script("return document.body.textContent")
    assert all(text in shown for text in ATTACKS)


def test_the_page_is_small_needs_no_network_and_leaves_answers_out(tmp_path, page):
    text = page.read_text("utf-8")
    assert page.stat().st_size < 2e6 and "http" not in text.partition("The given assumptions")[0]
    without = roi.write_report(records(), tmp_path / "d.html", questions=questions(), answers=False).read_text("utf-8")
    assert "side by side" in text and "side by side" not in without and "question 7?" not in without
    assert "do not answer 12 of 100 of these questions; the shares above are weighed as if they did not answer 9" in text
    assert "Right but for the form?" in text and decision_page.page_data(roi.build_report(records()))["currency"] == "USD"
