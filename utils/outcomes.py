"""What a user got from each answer, and how context changed it: outcome shares, rescue and distraction, sufficient context.

Takes plain records. A reply counts as right when it is at most 15 words long and an accepted answer stands in it: stricter than
`contains`, which rewards chatter, and milder than exact match, which punishes a harmless extra word.
"""
from __future__ import annotations

from collections.abc import Sequence

from . import feedback, metrics, stats

OUTCOMES = ("right", "wrong", "silent")
TASKS = ("fact", "error", "routing", "multi_doc", "unanswerable")  # summaries have no right and wrong
SET_F1 = 0.8  # from which a list of names counts as right


def outcome(record: dict) -> str:
    """right, wrong or silent. Raises ValueError for a task that has no right and wrong."""
    if record["task"] not in TASKS:
        raise ValueError(f"{record['question_id']}: task {record['task']} has no right and wrong; leave it out")
    scores = record["scores"]
    if record["task"] == "multi_doc" and scores["set_f1"] >= SET_F1:
        return "right"  # with the graph the set is what its traversal returns, whatever the model says beside it
    if record["abstained"]:
        return "silent"
    if record["task"] in ("multi_doc", "unanswerable"):
        return "wrong"
    return "right" if scores["contains"] and scores["words"] <= feedback.WORDS else "wrong"


def scorable(records: Sequence[dict]) -> list[dict]:
    """Records with an outcome."""
    return [record for record in records if record["task"] in TASKS]


def shares(records: Sequence[dict], arm: str) -> dict[str, float]:
    """Share of each outcome for one arm. Raises ValueError when it has no record with an outcome."""
    found = [outcome(record) for record in scorable(records) if record["arm"] == arm]
    if not found:
        raise ValueError(f"{arm}: none of its records has a right or wrong answer; known tasks are {', '.join(TASKS)}")
    return {name: found.count(name) / len(found) for name in OUTCOMES}


def draws(records: Sequence[dict], arms: Sequence[str], resamples: int = 10_000, seed: int = 0):
    """Bootstrapped outcome shares, shape (resamples, arms, 3): whole clusters drawn once for all arms, so they stay paired.

    Only questions that every arm answered count. Raises ValueError when there are none.
    """
    import numpy

    kept = scorable(records)
    answered = [{r["question_id"]: r for r in kept if r["arm"] == arm} for arm in arms]
    asked = [id_ for id_ in answered[0] if all(id_ in each for each in answered[1:])]
    if not asked:
        raise ValueError(f"there is no question that all of {', '.join(arms)} answered: score them on the same questions")
    names, index = numpy.unique([answered[0][id_]["cluster"] for id_ in asked], return_inverse=True)
    hits = numpy.zeros((len(names), len(arms), len(OUTCOMES)))
    for place, id_ in zip(index, asked, strict=True):
        for number, each in enumerate(answered):
            hits[place, number, OUTCOMES.index(outcome(each[id_]))] += 1
    sizes = numpy.bincount(index)
    drawn = numpy.random.default_rng(seed).integers(0, len(names), size=(resamples, len(names)))
    counts = numpy.zeros((resamples, len(names)))
    numpy.add.at(counts, (numpy.arange(resamples)[:, None], drawn), 1)
    return numpy.einsum("rc,cao->rao", counts, hits) / (counts @ sizes)[:, None, None]


def changed_by_context(records: Sequence[dict], without: str, with_: str) -> dict[str, object]:
    """Rescue and distraction of one arm by another: what context mended, and what it broke.

    rescue: of the questions wrong or silent without context, the share right with it. distraction: of those right without,
    the share not right with it. Both as `stats.Interval`, or None where nothing is in the denominator.
    """
    before = {r["question_id"]: outcome(r) == "right" for r in scorable(records) if r["arm"] == without}
    after = [r for r in scorable(records) if r["arm"] == with_ and r["question_id"] in before]
    found = {}
    for name, was, becomes in (("rescue", False, True), ("distraction", True, False)):
        chosen = [r for r in after if before[r["question_id"]] == was and r["task"] != "unanswerable"]
        moved = [float((outcome(r) == "right") == becomes) for r in chosen]
        found[name] = stats.interval(moved, [r["cluster"] for r in chosen]) if chosen else None
    return found


def rescue_table(records: Sequence[dict], pairs: Sequence[tuple[str, str]]):
    """Table of `changed_by_context` for pairs of arms, with n; counts instead of an interval of fewer than ten questions."""
    import pandas

    def words(found: stats.Interval | None) -> str:
        if found is None:
            return "none was right before"
        return f"{found} (n = {found.n})" if found.n >= 10 else f"{round(found.mean * found.n)} of {found.n}"

    rows = {f"{without} → {with_}": {name: words(found) for name, found in changed_by_context(records, without, with_).items()}
            for without, with_ in pairs}
    return pandas.DataFrame(rows).T


def by_context(records: Sequence[dict], arm: str) -> dict[str, dict[str, float]]:
    """Outcome shares where the passages held the answer (sufficient) and where they did not, with n."""
    chosen = [r for r in scorable(records) if r["arm"] == arm and "answer_in_context" in r["scores"]]
    split = {"sufficient": [r for r in chosen if r["scores"]["answer_in_context"]],
             "insufficient": [r for r in chosen if not r["scores"]["answer_in_context"]]}
    return {name: {**{kind: sum(outcome(r) == kind for r in rows) / max(1, len(rows)) for kind in OUTCOMES}, "n": len(rows)}
            for name, rows in split.items()}


def known_to(records: Sequence[dict], arm: str = "base") -> set[str]:
    """Ids of questions whose accepted answer stands in what the arm said without passages, chatter or not."""
    return {r["question_id"] for r in records if r["arm"] == arm and r["scores"].get("contains")}


def groups(record: dict, question, known: set[str] = frozenset()) -> list[str]:
    """Names of the reporting groups a record belongs to: "all" first, then its task, exposure (facts only, since no other task
    has seen facts), wording overlap (where there is an answer), and whether the base model says an accepted answer (`known_to`).
    """
    named = ["all", record["task"]]
    named += [question.exposure] if question.exposure and record["task"] == "fact" else []
    named += [f"overlap {question.overlap}"] if question.overlap and record["task"] != "unanswerable" else []
    short = record["task"] in ("fact", "error", "routing")
    return [*named, f"base {'says it' if question.id in known else 'does not say it'}"] if short else named


def score(records: Sequence[dict], arm: str, metric: str) -> stats.Interval:
    """Mean and cluster interval of one metric for one arm, over the records that have it."""
    found = [(r["scores"][metric], r["cluster"]) for r in records if r["arm"] == arm and metric in r["scores"]]
    return stats.interval(*zip(*found, strict=True))


def right(records: Sequence[dict], arm: str) -> stats.Interval:
    """Share of right answers of one arm, with its cluster interval."""
    own = [r for r in scorable(records) if r["arm"] == arm]
    return stats.interval([float(outcome(r) == "right") for r in own], [r["cluster"] for r in own])


def paired(records: Sequence[dict], a: str, b: str, kind: str = "right") -> stats.Comparison:
    """Share of an outcome of arm b minus that of a, on the questions that both answered."""
    found = [{r["question_id"]: r for r in scorable(records) if r["arm"] == arm} for arm in (a, b)]
    ids = [id_ for id_ in found[0] if id_ in found[1]]
    values = [[float(outcome(each[id_]) == kind) for id_ in ids] for each in found]
    return stats.paired(*values, [found[0][id_]["cluster"] for id_ in ids])


def usage(records: Sequence[dict], arm: str) -> dict[str, float]:
    """Mean prompt tokens, answer tokens and seconds a question of one arm, over the records with an outcome."""
    own = [r for r in scorable(records) if r["arm"] == arm]
    return {"tokens_in": sum(r["prompt_tokens"] for r in own) / len(own),
            "tokens_out": sum(r["completion_tokens"] for r in own) / len(own),
            "seconds": sum(r["seconds"]["retrieve"] + r["seconds"]["generate"] for r in own) / len(own)}


def by_group(records: Sequence[dict], questions: dict, arms: Sequence[str]):
    """Share of right answers by reporting group (rows) and arm (columns), with n: a pandas DataFrame."""
    import pandas

    known, found = known_to(records), {}
    for record in scorable(records):
        if record["arm"] in arms:
            for group in groups(record, questions[record["question_id"]], known):
                found.setdefault(group, {}).setdefault(record["arm"], []).append(outcome(record) == "right")
    order = ["all", *TASKS, *sorted(group for group in found if group != "all" and group not in TASKS)]
    rows = {group: {"n": len(next(iter(found[group].values()))),
                    **{arm: round(sum(found[group][arm]) / len(found[group][arm]), 2) for arm in arms if arm in found[group]}}
            for group in order if group in found}
    return pandas.DataFrame(rows).T.astype({"n": int})


def silence(records: Sequence[dict], arms: Sequence[str]):
    """Table: for each arm the counts of silence (as `outcome` says) or an answer, where an answer exists and where none does."""
    import pandas

    found = {}
    for arm in arms:
        own = [r for r in scorable(records) if r["arm"] == arm]
        cells = metrics.abstention_table([outcome(r) == "silent" for r in own], [r["task"] != "unanswerable" for r in own])
        found[arm] = {name.replace("_", ", "): count for name, count in cells.items()}
    return pandas.DataFrame(found).T


def seeds(records: Sequence[dict], names: Sequence[str], context: str = "advanced_rag"):
    """Table: right answers, exact match and silence for each training seed of these models, one row a seed."""
    import pandas

    rows, have = {}, dict.fromkeys(r["arm"] for r in records)
    short = [r for r in records if r["task"] in ("fact", "error", "routing")]
    for name in names:
        for arm in have:
            model, _, seed = arm.removesuffix(f"+{context}").partition("@")
            if model == name and arm.endswith(f"+{context}"):
                cells = silence(records, [arm]).loc[arm]
                silent = {kind: (cells[f"abstained, {kind}"], cells[f"abstained, {kind}"] + cells[f"answered, {kind}"])
                          for kind in ("answerable", "unanswerable")}
                rows[name, int(seed or 0)] = {"right": str(right(records, arm)),
                                              "exact match": str(score(short, arm, "exact_match")),
                                              **{f"silent on {kind}": f"{count / max(1, n):.2f} of {n}"
                                                 for kind, (count, n) in silent.items()}}
    return pandas.DataFrame(rows).T.rename_axis(["model", "seed"])


def seed_spread(records: Sequence[dict], name: str, context: str = "advanced_rag") -> str:
    """How far right answers lie apart over a model's training seeds, beside the interval of the first, in words."""
    found = {arm: right(records, arm) for arm in dict.fromkeys(r["arm"] for r in records)
             if arm.endswith(f"+{context}") and arm.removesuffix(f"+{context}").partition("@")[0] == name}
    if len(found) < 2:
        return f"{name}: one training run, so nothing is known of its luck"
    first, means = next(iter(found.values())), [each.mean for each in found.values()]
    return (f"{name}: {len(found)} training runs, {max(means) - min(means):.2f} between best and worst; "
            f"the interval of the first is {first.high - first.low:.2f} wide")


def seed_differences(records: Sequence[dict], pairs: Sequence[tuple[str, str]]):
    """Table: paired difference in right answers of each pair of arms, second minus first, from seed to seed.

    An arm that was trained once, or not at all, stands against every seed of the other.
    """
    import pandas

    have = {r["arm"] for r in records}

    def seeded(arm: str, seed: str) -> str:
        model, plus, context = arm.partition("+")
        return f"{model}@{seed}{plus}{context}"

    rows = {}
    for pair in pairs:
        rows[f"{pair[1]} − {pair[0]}"] = found = {"seed 0": str(paired(records, *pair))}
        for seed in sorted({arm.partition("+")[0].partition("@")[2] for arm in have} - {""}):
            there = [seeded(arm, seed) if seeded(arm, seed) in have else arm for arm in pair]
            if there[1] != pair[1]:
                found[f"seed {seed}"] = str(paired(records, *there))
    return pandas.DataFrame(rows).T.fillna("–")
