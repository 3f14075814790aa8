"""The decision: from any benchmark's records and a price file to what to choose, how sure that is, and what would change it.

Every number on the page (`decision_page`) is computed here.
"""
from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import evaluation, metrics
from ..types import Record
from .assumptions import PRICE_FILE, Assumptions, currency_of, label, load_assumptions
from .cost_model import NOTHING, Option, break_even, net_present_value, option_of_arm
from .sensitivity import compare_options, simulate, tornado, value_of_labels

DRAWS = 10_000
MORE_QUESTIONS = 200  # further labelled questions whose value is computed
VOLUMES = tuple(10 ** (2 + 4 * i / 240) for i in range(241))  # axes of the map of winners
UPDATES = tuple(8 * i / 160 for i in range(161))


@dataclass(frozen=True)
class DecisionReport:
    """Everything the page is made of. Sequences are in the order of `options`."""

    options: tuple[Option, ...]
    correct: tuple[metrics.MeanInterval, ...]  # share of correct answers
    simulation: dict  # `compare_options` with quality and assumptions drawn
    quality_only: dict  # the same with today's assumptions
    labels_worth: float
    assumptions: Assumptions
    ranges: dict[str, tuple[float, float]]
    rows: tuple[dict, ...]  # of the price file
    questions: int
    clusters: int
    unpriced: tuple[str, ...] = ()  # arms without a cost: their training is not recorded
    currency: str = "USD"
    uneven: tuple[str, ...] = ()  # each option with its number of questions, if that is not the same for all

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


def build_report(records: Sequence[Record], price_file: Path = PRICE_FILE, seed: int = 0,
                 served: Collection[str] = ()) -> DecisionReport:
    """The decision that the records support. Raises ValueError if they hold no answers or none with an outcome.

    served: arms whose model was behind an endpoint (`evaluation.served_arms`); they are paid by tokens.
    """
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
    options = [option_of_arm(arm, evaluation.outcome_shares(scored, arm), evaluation.mean_usage(scored, arm), arm in served)
               for arm in arms]
    quality = evaluation.outcome_draws(scored, arms, DRAWS, seed)
    fixed = simulate(options, quality, assumptions, ranges, seed, vary=False)
    return DecisionReport(
        tuple(options), tuple(evaluation.correct_share(scored, arm) for arm in arms),
        compare_options(simulate(options, quality, assumptions, ranges, seed)), compare_options(fixed),
        value_of_labels(fixed, len(shared), MORE_QUESTIONS), assumptions, ranges, tuple(rows),
        len(shared), len({record.cluster for record in scored}), unpriced, currency_of(price_file), uneven)


def recommendation(report: DecisionReport) -> str:
    """The recommendation in Markdown, worded as firmly as the draws allow."""
    simulation, name = report.simulation, report.best.name
    share, none = float(simulation["probability_best"][simulation["choice"]]), simulation["probability_none"]
    today, mean = float(net_present_value(report.best, report.assumptions)), simulation["mean"][simulation["choice"]]
    if today <= 0 and mean < 0:
        return (f"**None of these options pays** under these assumptions; {name} loses least. Improve the answers, or reconsider "
                "what an answer is worth, before you buy anything.")
    if report.nothing_is_ahead:
        first, then = ("and", "but") if today * mean > 0 else ("but", "and")
        money = report.currency
        return (f"**Undecided**: {name} is the best of these options and brings {today:,.0f} {money} at today's assumptions, "
                f"{first} {mean:,.0f} {money} on average over their ranges, {then} doing nothing is best in {none:.0%} "
                f"of {DRAWS:,} draws ({name} in {share:.0%}). Before you buy anything, settle the assumptions that would change "
                "this.")
    if share < 0.7:
        return (f"**Not settled.** {name} is best in {share:.0%} of {DRAWS:,} draws, more often than any other, and doing "
                f"nothing in {none:.0%}. Before you buy, measure on more questions or settle the assumptions that would change "
                "this.")
    sure = "clearly the best" if share >= 0.9 else "probably the best"
    return f"**Use {name}**: {sure} (best in {share:.0%} of {DRAWS:,} draws, doing nothing in {none:.0%})."


def detectable_gap(report: DecisionReport) -> str:
    """The smallest difference that this sample can show, in words, or that it is too small for any."""
    discordant = 0.2  # share of questions on which two options differ: no gap can be larger
    gaps = [metrics.smallest_detectable_difference(n, discordant) for n in (report.questions, report.clusters)]
    if gaps[0] > discordant:
        return "this sample is too small to detect a difference reliably"
    return (f"the smallest difference between two options that this sample can show is {gaps[0]:.2f} if all questions are "
            f"independent, {gaps[1]:.2f} if questions of one cluster count as one (80 % power, options that differ on a fifth of "
            "the questions)")


def turning_points(report: DecisionReport) -> list[str]:
    """What would change the order, as lines of Markdown: volume, updates, and assumptions within their range."""
    lines = [f"{report.best.name} against {report.rival.name if report.rival else NOTHING}, at today's other assumptions:", ""]
    for assumption, unit in (("volume", "questions a month"), ("updates", "updates a month")):
        even = break_even(report.rival, report.best, report.assumptions, assumption)
        lines.append(f"- ahead is {even.words(unit)} (now {getattr(report.assumptions, assumption):,.0f})")
    turns = [row for row in tornado(report.rival, report.best, report.assumptions, report.ranges)
             if row["at_low"] * row["at_high"] < 0]
    for row in [row for row in turns if row["assumption"] not in ("volume", "updates")][:4]:
        name, now = row["assumption"], getattr(report.assumptions, row["assumption"])
        even = break_even(report.rival, report.best, report.assumptions, name, (row["low"], row["high"]))
        lines.append(f"- the {label(name)}: ahead is {even.below} below {even.at:.3g}, {even.above} above "
                     f"(now {now:g}, range {row['low']:g} to {row['high']:g})")
    lines += [] if turns else ["- no single assumption changes the order within its range"]
    return lines if len(report.options) > 1 else [*lines, "- only one option was measured: measure another to compare"]


def cost_of_error(report: DecisionReport) -> list[str]:
    """The cost of choosing wrongly and of answering wrongly, as lines of Markdown."""
    simulation, assumptions, money = report.simulation, report.assumptions, report.currency
    wrong, regret = assumptions.volume * report.best.wrong, simulation["regret"][simulation["choice"]]
    return [f"- Compared with knowing everything beforehand, choosing {report.best.name} costs {regret:,.0f} {money} on average, "
            f"{NOTHING} {simulation['regret_none']:,.0f} {money}.",
            f"- {report.best.name} gives about {wrong:,.0f} wrong answers a month, which cost "
            f"{wrong * assumptions.wrong:,.0f} {money}.",
            f"- Measuring on {MORE_QUESTIONS} further labelled questions before deciding would be worth "
            f"{report.labels_worth:,.0f} {money}."]
