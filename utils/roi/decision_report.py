"""The decision: from records and prices to what to choose, how sure that is, what would change it (as the page's script does)."""
from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy

from .. import evaluation, metrics
from ..types import Record
from .assumptions import PRICE_FILE, Assumptions, currency_of, load_assumptions
from .cost_model import NOTHING, BreakEven, Option, break_even, net_present_value, option_of_arm
from .option_words import headline, option_words, whole
from .sensitivity import compare_options, simulate, tornado, value_of_labels

DRAWS = 2_000
SETTLED = 0.9  # share of draws in which one choice is best
MORE = (0, 50, 100, 200, 400, 800, 1_600, 3_200, 6_400)  # further questions that are tried
VOLUMES = tuple(10 ** (2 + 4 * i / 240) for i in range(241))  # axes of the map of winners
UPDATES = tuple(8 * i / 160 for i in range(161))


@dataclass(frozen=True)
class DecisionReport:
    """Everything the page is made of. Sequences are in the order of `options`."""

    options: tuple[Option, ...]
    correct: tuple[metrics.MeanInterval, ...]  # share of correct answers
    simulation: dict  # `compare_options` with quality and assumptions drawn
    quality: object  # drawn `SHARES`: array (draws, options, 5), in steps of 1e-4
    assumptions: Assumptions
    ranges: dict[str, tuple[float, float]]
    rows: tuple[dict, ...]  # of the price file
    questions: int
    clusters: int
    unpriced: tuple[str, ...] = ()  # arms without a cost: their training is not recorded
    currency: str = "USD"
    uneven: tuple[str, ...] = ()  # each option with its number of questions, if that is not the same for all
    seed: int = 0

    def labels_worth(self, more: int) -> float:
        """Expected gain in value from measuring on `more` new questions before deciding."""
        fixed = simulate(self.options, self.quality, self.assumptions, self.ranges, self.seed, vary=False)
        return value_of_labels(fixed, self.questions, more)

    @property
    def best(self) -> Option:
        """The option with the highest expected net present value."""
        return self.options[self.simulation["choice"]]

    @property
    def nothing_is_ahead(self) -> bool:
        """True if doing nothing is best more often than the best option, or that option loses money on average."""
        choice, simulation = self.simulation["choice"], self.simulation
        return simulation["mean"][choice] < 0 or simulation["probability_none"] > simulation["probability_best"][choice]

    @property
    def rival(self) -> Option | None:
        """What the best option has to beat: the runner-up, or doing nothing (None) if that is ahead or there is no other."""
        order = sorted(range(len(self.options)), key=lambda i: -self.simulation["mean"][i])
        return self.options[order[1]] if len(order) > 1 and not self.nothing_is_ahead else None

    @property
    def detectable(self) -> tuple[int, int] | None:
        """Smallest difference in right answers of 100 that these questions, and clusters, can show; None if above a fifth."""
        gaps = [metrics.smallest_detectable_difference(n, 0.2) for n in (self.questions, self.clusters)]
        return tuple(whole(100 * gap) for gap in gaps) if gaps[0] <= 0.2 else None


def build_report(records: Sequence[Record], price_file: Path = PRICE_FILE, seed: int = 0,
                 served: Collection[str] = ()) -> DecisionReport:
    """The decision that records support. served: arms paid by tokens. Raises ValueError if no option has an outcome."""
    parsed = [evaluation.parse_arm(name) for name in dict.fromkeys(record.arm for record in records)]
    buyable = [arm for arm in parsed if arm.is_option]
    arms = [arm.name for arm in buyable if arm.model.feedback_rounds is not None]
    unpriced = tuple(arm.name for arm in buyable if arm.name not in arms)
    scored = [record for record in evaluation.scorable(records) if record.arm in arms]
    if not scored:
        raise ValueError(f"no record is of an arm that you could deploy and of a task with an outcome: score at least one arm "
                         f"on questions of {', '.join(evaluation.SCORABLE_TASKS)}")
    if not any(record.completion_tokens for record in scored):
        raise ValueError("the records hold no answers (made with --retrieval-only?): run the benchmark without it")
    shared = set.intersection(*({record.question_id for record in scored if record.arm == arm} for arm in arms))
    if not shared:
        raise ValueError(f"there is no question that all of {', '.join(arms)} answered: score them on the same questions")
    counts = {arm: sum(record.arm == arm for record in scored) for arm in arms}
    uneven = tuple(f"{arm} has {n}" for arm, n in counts.items()) if {*counts.values()} != {len(shared)} else ()
    scored = [record for record in scored if record.question_id in shared]
    assumptions, ranges, rows = load_assumptions(price_file)
    options = [option_of_arm(arm, _shares(scored, arm), evaluation.mean_usage(scored, arm), arm in served) for arm in arms]
    if not 0 < options[0].unanswerable < 1:  # then nothing depends on the assumed share
        ranges.pop("unanswerable", None)
    every, unanswerable = (evaluation.outcome_draws(scored, arms, DRAWS, seed, task).round(4) for task in ("", "unanswerable"))
    every[:, :, 2] = 1 - every[:, :, 0] - every[:, :, 1]
    quality = numpy.concatenate([every, numpy.minimum(every, unanswerable)[:, :, 1:]], axis=2)
    return DecisionReport(
        tuple(options), tuple(evaluation.correct_share(scored, arm, assumptions.unanswerable) for arm in arms),
        compare_options(simulate(options, quality, assumptions, ranges, seed)), quality, assumptions, ranges, tuple(rows),
        len(shared), len({record.cluster for record in scored}), unpriced, currency_of(price_file), uneven, seed)


def with_prices(report: DecisionReport, price_file: Path) -> DecisionReport:
    """The report at the assumptions of another price file in the same currency; quality is not drawn anew."""
    assumptions, ranges, rows = load_assumptions(price_file)
    simulation = compare_options(simulate(report.options, report.quality, assumptions, ranges, report.seed))
    return replace(report, simulation=simulation, assumptions=assumptions, ranges=ranges, rows=tuple(rows))


def _shares(records: Sequence[Record], arm: str) -> dict[str, float]:
    """Shares of an arm's outcomes, and what unanswerable questions, on which an answer is wrong, contribute to them."""
    part = evaluation.outcome_shares(records, arm, "unanswerable")
    return {**evaluation.outcome_shares(records, arm), "unanswerable": sum(part.values()),
            **{f"{name}_unanswerable": part[name] for name in ("wrong", "abstained")}}


def recommendation(report: DecisionReport) -> tuple[str, str]:
    """What to choose, and how sure that is: two sentences."""
    today = [float(net_present_value(option, report.assumptions)) for option in report.options]
    return headline([option_words(option.name) for option in report.options], today, report.simulation)


def questions_to_settle(report: DecisionReport) -> int | None:
    """How many further questions would let one choice be best in `SETTLED` of the draws; None if no number would.

    With n questions more, the doubt about quality shrinks by the square root of N / (N + n); the assumptions stay as open.
    """
    centre = report.quality.mean(axis=0)

    def settled(shrink: float) -> bool:
        quality = centre + shrink * (report.quality - centre)
        result = compare_options(simulate(report.options, quality, report.assumptions, report.ranges, report.seed))
        return max(float(max(result["probability_best"])), result["probability_none"]) >= SETTLED

    if not settled(0.0):
        return None
    return next((more for more in MORE if settled((report.questions / (report.questions + more)) ** 0.5)), MORE[-1])


def turning_points(report: DecisionReport) -> tuple[dict[str, BreakEven], list[dict]]:
    """Where volume and updates change the order; and rows of the assumptions that change it within their range, with `even`."""
    called = {report.best.name: "the first", NOTHING: NOTHING, **({report.rival.name: "the second"} if report.rival else {})}

    def even(name: str, within: tuple = ()) -> BreakEven:
        found = break_even(report.rival, report.best, report.assumptions, name, within)
        return replace(found, below=called[found.below], above=called[found.above])

    rows = tornado(report.rival, report.best, report.assumptions, report.ranges)
    return {name: even(name) for name in ("volume", "updates")}, [
        {**row, "even": even(row["assumption"], (row["low"], row["high"]))} for row in rows if row["at_low"] * row["at_high"] < 0]
