"""How often to update, against simulation and closed form."""
from __future__ import annotations

from dataclasses import replace

import numpy
import pytest

from utils import roi
from utils.roi import update_interval

SHARES = {"correct": 0.6, "wrong": 0.3, "abstained": 0.1}
NOW = roi.load_assumptions()[0]
RAG = roi.option_of_arm("advanced_rag", SHARES, {"tokens_in": 500, "tokens_out": 10, "seconds": 1.0})
CLOSED = roi.option_of_arm("closed_book", SHARES, {"tokens_in": 50, "tokens_out": 10, "seconds": 0.5})


def test_the_stale_share_is_what_a_simulation_of_answers_gives():
    draw = numpy.random.default_rng(0)
    weekly, weeks = 0.02, 26.0
    gone_at = draw.exponential(-1 / numpy.log1p(-weekly), 200_000)  # week in which each answer goes stale
    asked_at = draw.uniform(0, weeks, 200_000)
    assert update_interval.stale_share(weekly, weeks) == pytest.approx((gone_at < asked_at).mean(), abs=0.003)
    assert update_interval.stale_share(0.0, 10.0) == 0.0 and update_interval.stale_share(0.02, 0.0) == 0.0
    both = update_interval.stale_share(0.02, numpy.array([1.0, 4.0]))
    assert list(both) == sorted(update_interval.stale_share(0.02, [1.0, 4.0]))
    with pytest.raises(ValueError, match="goes stale in a week"):
        update_interval.stale_share(1.5, 1.0)


def test_stale_answers_turn_from_correct_to_wrong():
    old = update_interval.with_staleness(RAG, 0.02, 26.0)
    assert old.correct < RAG.correct and old.correct + old.wrong + old.abstained == pytest.approx(1.0)
    assert old.abstained == RAG.abstained


def test_the_best_interval_is_near_the_square_root_rule_and_longer_if_updates_cost_more():
    weekly = 0.002
    often, seldom = update_interval.best_interval(RAG, NOW, weekly), update_interval.best_interval(CLOSED, NOW, weekly)
    for option, weeks in ((RAG, often), (CLOSED, seldom)):
        a_week = NOW.volume / update_interval.WEEKS_A_MONTH * option.correct * (NOW.correct + NOW.wrong) * weekly
        assert weeks == pytest.approx((2 * roi.update_cost(option, NOW) / a_week) ** 0.5, rel=0.1)
    assert often < seldom


def test_never_is_an_answer():
    assert update_interval.best_interval(CLOSED, NOW, 0.0) is None
    assert update_interval.best_interval(CLOSED, replace(NOW, volume=0.0), 0.002) is None


def test_the_table_shows_stale_shares_and_an_interval_for_each_option():
    shown = roi.interval_table([RAG, CLOSED], NOW, 0.002)
    assert list(shown.columns) == ["best", "every week", *(f"every {w} weeks" for w in (4, 13, 26, 52))]
    assert shown.loc["advanced_rag", "best"].startswith("every ") and shown.iloc[0]["every 52 weeks"] == "5.0%"
