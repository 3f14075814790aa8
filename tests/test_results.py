"""The numbers in `data/RESULTS.md` and README.md equal those of the committed records, to the digit."""
from __future__ import annotations

import functools
import hashlib
import itertools
import re
from collections import Counter

import pytest

from utils import evaluation, metrics, roi, settings
from utils.evaluation.records import load_rows
from utils.evaluation.solved_examples import SHOTS
from utils.types import Record

RESULTS = (settings.DATA / "RESULTS.md").read_text("utf-8")
README = (settings.ROOT / "README.md").read_text("utf-8")
TEXT = " ".join(RESULTS.split())  # sentences without line breaks
load_records = functools.cache(evaluation.load_records)  # each file once for all rows
ONE = metrics.SINGLE_ANSWER_TASKS
OPTIONAL_INTERVAL = re.compile(r"(\.\d\d)(?: \[(\.\d\d), (\.\d\d|1\.0)\])?$")


def table(first: str) -> list[list[str]]:
    """Cells of the rows of the table whose header row starts with these words; arm names without their comment."""
    rows = RESULTS.partition(f"\n| {first} |")[2].partition("\n\n")[0].split("\n")[2:]
    return [[re.sub(r"\*\*", "", cell).strip() for cell in row.strip("|").split("|")] for row in rows]


def printed(value: float) -> str:
    """.37 for 0.366."""
    return f"{value:.2f}".lstrip("0") if value < 0.995 else "1.0"


def as_printed(difference: metrics.PairedDifference) -> str:
    """+.21 [+.14, +.28], as the pages write it."""
    return str(difference).replace("0.", ".").replace("-", "−")


def as_interval(interval: metrics.MeanInterval) -> str:
    """.10 [.04, .18], as the pages write it."""
    return "{} [{}, {}]".format(*map(printed, (interval.mean, interval.low, interval.high)))


def agrees(cell: str, interval: metrics.MeanInterval) -> bool:
    """True if a cell `.37 [.32, .41]`, or `.37` alone, equals the interval."""
    match = OPTIONAL_INTERVAL.match(cell)
    values = [printed(number) for number in (interval.mean, interval.low, interval.high)]
    return bool(match) and [part for part in match.groups() if part] == values[: 3 if match[2] else 1]


def abstention_rate(stored: list[Record], arm: str, tasks: tuple) -> float:
    """Share of abstentions of an arm on these tasks."""
    own = [r.abstained for r in stored if r.arm == arm and r.task in tasks]
    return sum(own) / len(own)


TEST, DEV = table("option"), table("reader")


@pytest.mark.parametrize("row", TEST, ids=lambda row: row[0].partition(":")[0].strip("`"))
def test_the_answer_on_test(row):
    stored = load_records("lab3_test")
    arm = re.match(r"`([^`]+)`", row[0])[1]
    one = [r for r in stored if r.task in ONE]
    assert agrees(row[1], evaluation.correct_share(stored, arm))
    assert agrees(row[2], evaluation.metric_interval(one, arm, "exact_match"))
    assert row[3] == "–" or agrees(row[3], evaluation.metric_interval(one, arm, "cited_right"))
    assert row[4].split(" / ") == [printed(abstention_rate(stored, arm, tasks)) for tasks in (("unanswerable",), ONE)]


@pytest.mark.parametrize("row", DEV, ids=lambda row: row[0])
def test_the_readers_on_dev(row):
    one = [r for r in load_records("lab2_dev") if r.task in ONE]
    name = re.match(r"`([^`]+)`", row[0])
    context = "oracle" if "right documents" in row[0] else "advanced_rag"
    arm = f"{name[1]}+{context}" if name else "advanced_rag"
    assert agrees(row[1], evaluation.metric_interval(one, arm, "exact_match"))
    assert row[2] == "–" or agrees(row[2], evaluation.metric_interval(one, arm, "cited_right"))


def test_planned_differences_on_test():
    stored = load_records("lab3_test")
    for pair in (("advanced_rag", "raft+advanced_rag"), ("closed_book", "raft+advanced_rag"), ("format_only", "closed_book"),
                 ("raft+advanced_rag", "raft+graph")):
        assert pair in evaluation.planned_comparisons()
        difference = as_printed(evaluation.paired_outcomes(stored, *pair))
        assert difference in TEXT, f"{pair}: {difference}"


def test_the_order_of_passages():
    first, last = ([r for r in load_rows("lab1_order") if r["order"] == f"best {order}"] for order in ("first", "last"))
    gain = metrics.paired_difference(*([r["contains"] for r in rows] for rows in (first, last)), [r["cluster"] for r in first])
    assert f"of {gain.n} fact and error replies that contain the answer by {as_printed(gain)}" in TEXT


def test_the_planted_sentences():
    trials = [row for row in load_rows("lab1_injection") if "reader" in row]
    obeyed = Counter()
    for row in trials:
        obeyed[row["kind"], row["reader"], row["defence"]] += int(row["obeyed"])
    assert len(trials) == 16 * 30 and not any(count for key, count in obeyed.items() if key[0] == "order")
    base, raft = ([obeyed["claim", reader, way] for way in ("none", "reminder", "screen", "both")] for reader in ("base", "raft"))
    assert f"`base` in {base[0]} and by `raft` in {raft[0]} of 30 replies; the best defence tried leaves {min(raft)}" in TEXT


def test_the_variance_of_training():
    stored = load_records("lab3_test")
    for name in ("raft", "raft_feedback"):
        runs = sorted({r.arm for r in stored if re.fullmatch(rf"{name}(@\d+)?\+advanced_rag", r.arm)})
        shares = [printed(evaluation.correct_share(stored, arm).mean) for arm in sorted(runs, key=lambda arm: ("@" in arm, arm))]
        assert len(shares) > 1 and f"of `{name}`: {', '.join(shares[:-1])} and {shares[-1]} correct" in TEXT
    feedback = as_printed(evaluation.paired_outcomes(stored, "raft@1+advanced_rag", "raft_feedback@1+advanced_rag"))
    abstentions = [printed(abstention_rate(stored, "raft_feedback@1+advanced_rag", tasks)) for tasks in (("unanswerable",), ONE)]
    assert feedback in TEXT
    assert f"abstains on {abstentions[0]} of the unanswerable questions and {abstentions[1]} of the 293" in TEXT
    first_rounds = [{name: numbers for name, _, numbers in row["checks"]}["exact match kept"]
                    for row in load_rows("lab3_gates") if row["candidate"].startswith("raft_dpo_author@")]
    assert f"({' and '.join(first_rounds)} exact match".replace("0.", ".").replace("-", "−") in TEXT
    assert [row["candidate"] for row in load_rows("lab3_gates") if row["promoted"]] == ["raft_dpo_author"]
    best, feedback = "raft+advanced_rag", "raft_feedback+advanced_rag"
    over_all = [as_printed(evaluation.all_seeds_difference(stored, *pair)) for pair in (("advanced_rag", best), (best, feedback))]
    assert f"alone by {over_all[0]}; feedback − `raft` is {over_all[1]}" in TEXT
    alike = [evaluation.seed_spread(stored, name).rpartition(" ")[2].rstrip("%") for name in ("raft", "raft_feedback")]
    assert f"the same answer to {alike[0]} % (`raft`) and {alike[1]} % (`raft_feedback`)" in TEXT
    runs = (best, "raft@1+advanced_rag", "raft@2+advanced_rag")
    equal = [evaluation.paired_outcomes(stored, *pair) for pair in itertools.combinations(runs, 2)]
    assert "pairwise: {}, {} and {}, all inconclusive".format(*map(as_printed, equal)) in TEXT
    assert {gap.verdict() for gap in equal} == {"inconclusive"}


def test_the_money_sentence():
    bought = [match[1] for row in TEST if "refused" not in row[0] or "second" in row[0]
              if (match := re.match(r"`([^`]+)`", row[0])) and "oracle" not in match[1]]
    report = roi.build_report([r for r in load_records("lab3_test") if r.arm in bought])
    simulation, today = report.simulation, float(roi.net_present_value(report.best, report.assumptions))
    choice = simulation["choice"]
    assert len(bought) == 9 and report.best.name == "raft+graph" and "Of nine options only `raft+graph` brings anything" in TEXT
    assert sum(float(roi.net_present_value(option, report.assumptions)) > 0 for option in report.options) == 1
    for sentence in (f"({round(today, -2):,.0f} USD in a year)",
                     f"loses {-round(simulation['mean'][choice], -2):,.0f} on average",
                     f"best in {simulation['probability_none']:.0%}".replace("%", " %"),
                     f"`raft+graph` in {simulation['probability_best'][choice]:.0%}".replace("%", " %")):
        assert sentence in TEXT, sentence
    fixed = {name: ends for name, ends in report.ranges.items() if name != "unanswerable"}
    drawn = roi.compare_options(roi.simulate(report.options, report.quality, report.assumptions, fixed))
    assert f"at that of the test questions, it is −{-round(drawn['mean'][choice], -2):,.0f}.)" in TEXT
    bought_records = [r for r in load_records("lab3_test") if r.arm in bought]
    others = [roi.build_report(bought_records, seed=seed).simulation for seed in (1, 2, 3)]
    losses = sorted(-round(other["mean"][other["choice"]], -2) for other in others)
    assert f"other draws gave −{losses[0]:,.0f} to −{losses[-1]:,.0f} and 65 to 66 %" in TEXT
    assert {round(other["probability_none"], 2) for other in others} == {0.65, 0.66}


@pytest.mark.parametrize("row", table("domain"), ids=lambda row: row[0])
def test_another_domain(row):
    name, own = ("lab3_test", "") if row[0] == "cloud services" else (f"own_{row[0]}", "own_")
    stored = load_records(name)
    arms = ("base", "advanced_rag", f"{own}closed_book", f"{own}raft+advanced_rag")
    assert agrees(row[1], evaluation.metric_interval([r for r in stored if r.task in ONE], "advanced_rag", "recall@5"))
    assert all(agrees(cell, evaluation.correct_share(stored, arm)) for cell, arm in zip(row[2:6], arms, strict=True))
    assert row[6] == as_printed(evaluation.paired_outcomes(stored, "advanced_rag", arms[-1]))


def test_what_is_said_of_services_never_seen():
    stored = load_records("reading_held_out")
    groups = {name: [r for r in stored if r.task in tasks] for name, tasks in
              (("one", ONE), ("lists", ("multi_doc",)), ("none", ("unanswerable",)))}
    told = [as_interval(evaluation.metric_interval(groups[name], f"{model}+advanced_rag", metric)) for name, metric in
            (("one", "exact_match"), ("lists", "set_f1"), ("none", "abstained"), ("one", "abstained"))
            for model in ("raft", "span_reader")]
    told += [as_interval(evaluation.metric_interval(groups["one"], "raft+advanced_rag", "recall@5")),
             as_printed(gain_of_copying(groups["one"])),
             as_printed(gain_of_copying([r for r in load_records("lab2_dev") if r.task in ONE]))]
    dev = [r for r in load_records("lab2_dev") if r.task in ONE]
    wrong = [as_interval(evaluation.metric_interval(dev, f"{m}+distractor", "abstained")) for m in ("raft", "span_reader")]
    assert "`raft` abstains {} of the time, `span_reader` only {};".format(*wrong) in TEXT
    asked = [len({r.question_id for r in rows}) for rows in (stored, groups["one"], groups["none"])]
    assert asked == [316, 239, 52]
    assert [value for value in told if value not in TEXT.partition("never saw")[2].partition("starts here")[0]] == []


def gain_of_copying(records: list) -> metrics.PairedDifference:
    """Exact match of `span_reader` minus that of `raft`, question by question."""
    right = evaluation.frame([r for r in records if r.arm in ("raft+advanced_rag", "span_reader+advanced_rag")])
    table = right.pivot(index=["question_id", "cluster"], columns="arm", values="exact_match")
    return metrics.paired_difference(list(table["raft+advanced_rag"]), list(table["span_reader+advanced_rag"]),
                                     list(table.index.get_level_values("cluster")))


def own_domain_details(name: str) -> list[str]:
    """What the table of the two other domains says of one of them."""
    stored, about = load_records(f"own_{name}"), evaluation.read_provenance(evaluation.RECORDS_FOLDER / f"own_{name}.jsonl.gz")
    both, parent = "own_raft+advanced_rag", "raft+advanced_rag"
    questions = evaluation.load_questions(settings.DATA / about["questions"]["file"].removeprefix("data/"))
    losses = ["{before:.2f} → {after:.2f}".format(**about["trained"][adapter]["held_out_loss"]).replace("0.", ".") +
              f" ({about['trained'][adapter]['questions_seen']} seen)" for adapter in ("own_raft", "own_closed_book")]
    asked = len({record.question_id for record in stored})
    changed = [about["decide"]["changed_answers"][arm].partition(" ")[0] for arm in (both, "own_closed_book")]
    search = re.match(r"search is (.*): Recall@5 0(.*?) \[(0.*?|1.*?), (.*?)\]", about["decide"]["search"]).groups()
    return [f"{about['corpus']['documents']}", f"{len(questions)} ({about['decide']['training_questions']} / {asked})",
            f"{sum(step['seconds'] for step in about['steps'].values()) / 60:.0f}",
            f"{search[0]}, {search[1]}",
            as_interval(evaluation.correct_share(stored, parent)),
            as_printed(evaluation.paired_outcomes(stored, parent, both)),
            f"{printed(abstention_rate(stored, parent, ONE))} → {printed(abstention_rate(stored, both, ONE))}",
            printed(evaluation.outcome_shares(stored, both)["wrong"]),
            as_interval(evaluation.correct_share(stored, "own_raft+oracle")),
            as_interval(evaluation.correct_share(stored, "few_shot+advanced_rag")),
            f"{changed[0]}, {changed[1]}", *losses, ", ".join(about["decide"]["left_out"]),
            str(about["decide"]["test_read"])]


@pytest.mark.parametrize("place, name", enumerate(["networkx", "handbook"], 1))
def test_the_details_of_another_domain(place, name):
    assert [row[place] for row in table("of the other domains")] == own_domain_details(name)
    about = evaluation.read_provenance(evaluation.RECORDS_FOLDER / f"own_{name}.jsonl.gz")
    file = settings.DATA / about["questions"]["file"].removeprefix("data/")
    assert about["questions"]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert f"`few_shot`, {('no', 'one', 'two', 'three', 'four', 'five')[SHOTS]} solved" in TEXT
    assert "none of these options" in roi.recommendation(roi.build_report(load_records(f"own_{name}")))[0]


def test_the_findings_of_the_front_page():
    retrieved, test = load_records("lab1_test"), load_records("lab3_test")

    def paired(records: list[Record], first: str, second: str, metric: str) -> metrics.PairedDifference:
        own = [{r.question_id: r for r in records if r.arm == arm and r.task in ONE} for arm in (first, second)]
        return metrics.paired_difference(*([rows[id_].scores[metric] for id_ in own[0]] for rows in own),
                                         [record.cluster for record in own[0].values()])

    findings = README.partition("## What we found")[2].partition("## The labs")[0]
    search = as_printed(paired(retrieved, "naive_rag", "advanced_rag", "recall@5")).replace("[+", "[").replace(", +", ", ")
    feedback = paired(test, "raft+advanced_rag", "raft_dpo_author+advanced_rag", "exact_match")
    for difference in (search, as_printed(evaluation.paired_outcomes(test, "advanced_rag", "raft+advanced_rag")),
                       as_printed(evaluation.paired_outcomes(test, "format_only", "closed_book")), as_printed(feedback),
                       *(as_printed(evaluation.paired_outcomes(load_records(f"own_{name}"), "advanced_rag",
                                                               "own_raft+advanced_rag")) for name in ("networkx", "handbook"))):
        assert difference in findings, difference
