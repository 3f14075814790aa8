"""The cost model: closed form against simulation, directions that must hold, units and labels that cannot be mixed up."""
from __future__ import annotations

import math
from dataclasses import replace

import numpy
import pytest
import yaml

from utils import roi
from utils.roi import assumptions, cost_model

A = roi.Assumptions(volume=1000, updates=2, months=12, discount=0.1, correct=1.0, wrong=2.0, abstained=0.2, engineer_hour=80.0,
                    machine_hour=0.1, evaluation=100.0, api_input=0.15, api_cached=0.075, api_output=0.6, rag_build=20,
                    graph_build=15, tuning_build=40, feedback_build=10, rag_update=0.5, tuning_update=4, indexing=0.1, training=2,
                    label_minutes=5, unanswerable=0.1)
RAG = roi.Option("rag", 0.6, 0.3, 0.1, tokens_in=500, tokens_out=10, seconds=2.0, retrieves=True)
TUNED = roi.Option("tuned", 0.3, 0.6, 0.1, tokens_in=50, tokens_out=10, seconds=0.5, trained=True, facts_in_weights=True)
OUTCOMES, USAGE = {"correct": 1.0, "wrong": 0.0, "abstained": 0.0}, {"tokens_in": 10, "tokens_out": 5, "seconds": 1.0}


def simulated(option: roi.Option, a: roi.Assumptions) -> float:
    """Month by month and question by question, with nothing but additions."""
    money = -a.engineer_hour * (a.rag_build if option.retrieves else a.tuning_build)
    money -= a.machine_hour * (a.indexing if option.retrieves else a.training)
    for month in range(1, int(a.months) + 1):
        flow = 0.0
        for number in range(int(a.volume)):
            share = (number + 0.5) / a.volume
            flow += a.correct if share < option.correct else -a.wrong if share < option.correct + option.wrong else -a.abstained
        flow -= 730 * a.machine_hour + a.evaluation
        for _ in range(int(a.updates)):
            flow -= a.engineer_hour * (a.rag_update if option.retrieves else a.tuning_update)
            flow -= a.machine_hour * (a.indexing if option.retrieves else a.training)
        money += flow / (1 + a.discount) ** (month / 12)
    return money


@pytest.mark.parametrize("option", [RAG, TUNED])
def test_closed_form_equals_simulation(option):
    flat = replace(A, discount=0.0)
    assert roi.net_present_value(option, A) == pytest.approx(simulated(option, A))
    assert roi.net_present_value(option, flat) == pytest.approx(simulated(option, flat))
    value = A.volume * A.months * roi.answer_value(option, A)
    assert roi.net_present_value(option, flat) == pytest.approx(value - cost_model.total_cost(option, A))
    both = replace(A, discount=numpy.array([0.0, 0.1]))
    one_by_one = [roi.net_present_value(option, replace(A, discount=d)) for d in (0.0, 0.1)]
    assert roi.net_present_value(option, both).tolist() == pytest.approx(one_by_one)


def test_by_hand():
    bought = roi.Option("api", 0.5, 0.5, 0.0, tokens_in=1000, tokens_out=100, cached=0.5, api=True)
    assert roi.query_cost(bought, A) == pytest.approx((500 * 0.15 + 500 * 0.075 + 100 * 0.6) / 1e6)
    free = replace(A, evaluation=0.0, updates=0.0)
    assert roi.cost_per_1000(bought, free) == pytest.approx(1000 * roi.query_cost(bought, A))
    assert roi.cost_per_correct(bought, free) == pytest.approx(2 * roi.query_cost(bought, A))
    assert roi.answer_value(RAG, A) == pytest.approx(0.6 - 0.6 - 0.02)


def test_context_costs_and_without_questions_the_fixed_cost_remains():
    bought = [roi.Option("k", 1.0, 0.0, 0.0, tokens_in=100 + 120 * k, api=True) for k in (1, 3, 6)]
    costs = [roi.query_cost(option, A) for option in bought]
    assert costs == sorted(costs) and len(set(costs)) == 3
    quiet = replace(A, volume=0)
    assert cost_model.total_cost(RAG, quiet) == roi.build_cost(RAG, A) + A.months * roi.monthly_cost(RAG, A)
    assert roi.cost_per_1000(RAG, quiet) == math.inf and roi.cost_per_correct(replace(RAG, correct=0, wrong=0.9), A) == math.inf


def test_break_even_says_where_and_who_is_ahead():
    always = roi.break_even(RAG, TUNED, A)
    assert always.at is None and always.above == always.below == "rag"
    assert "any number of questions a month, rag is ahead" in always.words("questions a month")
    dear = replace(A, rag_build=400.0)
    volume = roi.break_even(TUNED, RAG, dear)
    at = replace(dear, volume=volume.at)
    assert roi.net_present_value(TUNED, at) == pytest.approx(roi.net_present_value(RAG, at), rel=1e-6)
    assert (volume.below, volume.above) == ("tuned", "rag")
    cadence = roi.break_even(replace(TUNED, correct=0.8, wrong=0.1), RAG, A, "updates")
    assert cadence.at > 0 and (cadence.below, cadence.above) == ("tuned", "rag") and "rag is ahead" in cadence.words("updates")
    turns = cost_model.BreakEven(0.42, "a", "b", True)
    assert turns.words("updates") == "from 0.4 updates on, b is ahead, below that a (the first of several turns)"
    with pytest.raises(ValueError, match="volume or updates"):
        roi.break_even(RAG, TUNED, A, "months")
    worth = roi.break_even(None, RAG, A, "wrong", (0.0, 10.0))
    assert (worth.below, worth.above) == ("rag", "doing nothing")
    assert roi.net_present_value(RAG, replace(A, wrong=worth.at)) == pytest.approx(0, abs=1e-3)


def test_equal_update_costs_never_cross_whatever_the_rounding():
    random = numpy.random.default_rng(0)
    for correct, seconds in random.uniform(0.05, 0.9, (200, 2)):
        one = roi.Option("one", correct, 1 - correct, 0.0, seconds=seconds, retrieves=True)
        other = roi.Option("other", correct * 0.9, 1 - correct * 0.9, 0.0, seconds=1.3 * seconds, retrieves=True, trained=True)
        assert roi.break_even(one, other, A, "updates").at is None


def test_doing_nothing_is_an_option_worth_zero():
    crossing = roi.break_even(None, RAG, replace(A, wrong=0.1))
    assert (crossing.below, crossing.above) == ("doing nothing", "rag")
    assert roi.net_present_value(RAG, replace(A, wrong=0.1, volume=crossing.at)) == pytest.approx(0, abs=1e-3)
    bars = roi.tornado(None, RAG, A, {"correct": (0.5, 3.0)})
    assert bars[0]["at_low"] == pytest.approx(float(roi.net_present_value(RAG, replace(A, correct=0.5))))
    comparison = roi.compare_options(numpy.array([[3.0, -1.0], [-2.0, -1.0]]))
    assert comparison["regret_none"] == 1.5 and comparison["regret"].tolist() == [1.0, 2.5]


def test_a_graph_and_each_round_of_feedback_cost_hours():
    two = replace(RAG, uses_graph=True, trained=True, feedback_rounds=2)
    assert roi.build_cost(two, A) - roi.build_cost(RAG, A) == pytest.approx(80 * (15 + 40 + 2 * 10) + 0.1 * 2)


def test_more_machines_run_only_if_one_is_too_slow():
    assert cost_model.machines(RAG, A) == 1.0 and cost_model.machines(RAG, replace(A, volume=4e6)) > 9
    assert cost_model.machines(roi.Option("api", 1.0, 0.0, 0.0, api=True), A) == 0.0
    assert cost_model.machines(roi.Option("api", 1.0, 0.0, 0.0, api=True, retrieves=True), A) == 1.0


def test_tornado_orders_by_swing_and_is_signed():
    rows = roi.tornado(TUNED, RAG, A, {"updates": (0, 4), "volume": (0, 100_000), "abstained": (0, 1)})
    assert [row["assumption"] for row in rows] == ["volume", "updates", "abstained"]
    assert rows[1]["at_high"] > rows[1]["at_low"] and rows[2]["at_low"] == pytest.approx(rows[2]["at_high"])


def test_shares_follow_the_assumed_share_of_unanswerable_questions():
    option = replace(RAG, unanswerable=0.25, wrong_unanswerable=0.2, abstained_unanswerable=0.05)
    shares = {u: cost_model.assumed_shares(option, replace(A, unanswerable=u)) for u in (0.0, 0.25, 0.5, 1.0)}
    assert shares[0.25] == (RAG.correct, RAG.wrong, RAG.abstained)
    assert shares[0.0] == pytest.approx((0.6 / 0.75, 0.1 / 0.75, 0.05 / 0.75)) and shares[1.0] == pytest.approx((0, 0.8, 0.2))
    assert shares[0.5] == pytest.approx([sum(pair) / 2 for pair in zip(shares[0.0], shares[1.0], strict=True)])
    assert roi.net_present_value(RAG, A) == roi.net_present_value(RAG, replace(A, unanswerable=0.9))  # none was measured
    assert roi.net_present_value(option, A) > roi.net_present_value(option, replace(A, unanswerable=0.25))
    with pytest.raises(ValueError, match="share from 0 to 1"):
        replace(A, unanswerable=1.5)


def test_monte_carlo_uses_the_given_quality_and_keeps_options_in_order():
    sure = numpy.array([[[0.9, 0.1, 0.0], [0.1, 0.9, 0.0]]] * 500)
    rich = replace(A, correct=5.0)
    first = roi.compare_options(roi.simulate([RAG, TUNED], sure, rich, {"volume": (900, 1100)}))
    assert first["choice"] == 0 and first["probability_best"].tolist() == [1.0, 0.0] and first["regret"][0] == 0
    second = roi.compare_options(roi.simulate([TUNED, RAG], sure[:, ::-1], rich, {"volume": (900, 1100)}))
    assert second["choice"] == 1 and second["probability_none"] == 0
    poor = roi.compare_options(roi.simulate([TUNED, RAG], sure, replace(A, correct=0.0), {}))
    assert poor["probability_none"] == 1 and min(poor["regret"]) > 0 and poor["probability_best"].tolist() == [0, 0]
    with pytest.raises(ValueError, match="draws, 1, 3"):
        roi.simulate([RAG], sure, A, {})
    same = roi.simulate([RAG, RAG], numpy.repeat(sure[:, :1], 2, axis=1), rich, {})
    assert roi.compare_options(same)["probability_best"].tolist() == [0.5, 0.5]


def test_wide_ranges_are_drawn_on_the_log_scale_around_todays_value():
    sure = numpy.array([[[0.9, 0.1, 0.0]]] * 4000)
    wide = roi.simulate([RAG], sure, replace(A, correct=5.0), {"volume": (100, 10_000)})
    today = float(roi.net_present_value(replace(RAG, correct=0.9, wrong=0.1, abstained=0.0), replace(A, correct=5.0)))
    assert numpy.median(wide) == pytest.approx(today, rel=0.25)


def test_more_labels_are_worth_something_only_where_the_decision_is_open():
    random = numpy.random.default_rng(0)
    close = random.normal([9.0, 9.1], 1.0, (4000, 2))
    clear = random.normal([0.0, 50.0], 1.0, (4000, 2))
    assert roi.value_of_labels(close - 50, 100, 200) == pytest.approx(0, abs=1e-6)  # doing nothing is clearly better
    assert roi.value_of_labels(close, 100, 200) > 0.1 and roi.value_of_labels(clear, 100, 200) == pytest.approx(0, abs=1e-6)
    assert roi.value_of_labels(close, 100, 400) > roi.value_of_labels(close, 100, 50)


def test_the_winner_changes_over_the_map_and_minus_one_marks_a_loss_everywhere():
    cheap = roi.Option("cheap", 0.5, 0.0, 0.5)
    good = roi.Option("good", 0.9, 0.0, 0.1, trained=True, facts_in_weights=True)
    winners = roi.winner_map([cheap, good], A, [10, 100_000], [0, 10])
    assert winners.shape == (2, 2) and winners[0, 1] == 1 and winners[0, 0] == -1
    assert (roi.winner_map([TUNED], replace(A, correct=0.0), [10], [1]) == -1).all()


@pytest.mark.parametrize(("arm", "needs"), [
    ("base", (False, False, 0, False)), ("advanced_rag", (True, False, 0, False)), ("raft+graph", (True, True, 0, False)),
    ("closed_book", (False, True, 0, True)), ("raft+advanced_rag", (True, True, 0, False)),
    ("raft_feedback@1+advanced_rag", (True, True, 2, False)), ("raft_kto", (False, True, 1, False)),
    ("nearest_question", (False, False, 0, False))])
def test_an_arms_name_determines_what_it_needs(arm, needs):
    option = roi.option_of_arm(arm, OUTCOMES, USAGE)
    assert (option.retrieves, option.trained, option.feedback_rounds, option.facts_in_weights) == needs and option.name == arm
    assert option.uses_graph == arm.endswith("graph")


def test_an_adapter_whose_training_is_not_recorded_has_no_price():
    with pytest.raises(ValueError, match="not recorded"):
        roi.option_of_arm("adapter:/a+b/my_dpo+oracle", OUTCOMES, USAGE)


def test_the_shipped_prices_load_and_are_dated_and_sourced():
    shipped, ranges, rows = roi.load_assumptions()
    assert set(ranges) <= set(assumptions.UNITS) and len(rows) == len(assumptions.UNITS)
    assert all(row["date"] >= "2026" and row["source"] for row in rows) and shipped.api_input < 100


@pytest.mark.parametrize(("name", "change", "message"), [
    ("api_input", {"unit": "per 1k tokens"}, "per 1M tokens"), ("correct", {"value": -1, "low": -2}, "negative"),
    ("volume", {"value": 5}, "outside its own range"), ("machine_hour", {"source": ""}, "needs kind"),
    ("wrong", {"kind": "guessed"}, "needs kind"), ("updates", {"value": "often"}, "needs a number")])
def test_a_price_that_makes_no_sense_is_refused(tmp_path, name, change, message):
    prices = yaml.safe_load(assumptions.PRICE_FILE.read_text("utf-8"))
    part = next(part for part in prices.values() if isinstance(part, dict) and name in part)
    part[name] |= change
    path = tmp_path / "prices.yaml"
    path.write_text(yaml.safe_dump(prices), "utf-8")
    with pytest.raises(ValueError, match=message):
        roi.load_assumptions(path)


def test_a_broken_price_file_and_shares_that_do_not_sum_to_one_are_refused(tmp_path):
    path = tmp_path / "prices.yaml"
    path.write_text("prices: [", "utf-8")
    with pytest.raises(ValueError, match="restore it"):
        roi.load_assumptions(path)
    for shares, message in (((0.5, 0.1, 0.1), "not to 1"), ((1.5, -0.5, 0.0), "negative"),
                            ((numpy.array([0.5, 0.9]), 0.5, 0.0), "not to 1")):
        with pytest.raises(ValueError, match=message):
            roi.Option("x", *shares)
    with pytest.raises(ValueError, match="cannot be negative"):
        replace(A, volume=float("nan"))
