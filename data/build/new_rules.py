"""Scores the committed records anew after the scoring rules changed: `python -m data.build new_rules`.

The arms without training are asked again first, because many of their answers are too long to be committed:
`python3 -m utils benchmark --questions data/questions.jsonl --split dev|test --arms ARMS --out CACHE/asked/SPLIT.jsonl`.
Every other arm is scored from its stored answers. Milliseconds stay as they were measured.
"""
from __future__ import annotations

import functools
import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from utils import evaluation, metrics, settings, training
from utils.evaluation.scoring import same_hits
from utils.types import Question, Record

from .common import compact, work, write_rows
from .lab1 import measure_order, picture
from .lab3 import ROUNDS
from .stages import AllStages

ARMS = "base,naive_rag,advanced_rag,graph,oracle,distractor"
SPLIT = {"lab1_dev": "dev", "lab2_dev": "dev", "lab1_test": "test", "lab3_test": "test"}
NOTE = "answers scored anew by the rules of November 2026"


def new_rules() -> None:
    """Score every committed record, stage, order, confidence and gate anew, and print what changed."""
    workspace = evaluation.Workspace()
    questions = evaluation.load_questions(known=workspace.documents)
    dev = [q for q in questions if q.split == "dev"]
    for name, split in SPLIT.items():
        _arms(name, [q for q in questions if q.split == split], questions, workspace)
    _confidence()
    _gates()
    _order(dev, workspace)
    _stages(dev, workspace)
    picture()


def _arms(name: str, asked: Sequence[Question], questions: Sequence[Question], workspace: evaluation.Workspace) -> None:
    """Rescore a table of arms: with the answers asked again where there are any, with the stored ones elsewhere."""
    stored, count = evaluation.load_records(name), Counter()
    again = {(r.arm, r.question_id): r for r in evaluation.read_records(settings.cache() / "asked" / f"{SPLIT[name]}.jsonl")}
    if name == "lab1_test":  # retrieval only
        again = {}
    train = [q for q in questions if q.split == "train"]
    out = settings.cache() / "asked" / f"baselines-{SPLIT[name]}.jsonl"
    baselines = evaluation.parse_arms("question_only,nearest_question")
    again |= {(r.arm, r.question_id): r for r in evaluation.run_arms(asked, baselines, workspace, out, False, train)}
    whole = [_with_answer(record, again.get((record.arm, record.question_id)), count) for record in stored]
    new = [replace(record, rescored=None if record.rescored else False)
           for record in evaluation.rescore(whole, asked, workspace)]
    _count_hits(name, stored, asked, workspace, count)
    print(f"\n## {name}\n{dict(count)}\n{evaluation.score_changes(stored, new)}", flush=True)
    work(f"before-{name}.json").write_text(json.dumps([record.to_json() for record in stored]), "utf-8")
    _rewrite(name, [compact(record).to_json() for record in new])


def _with_answer(stored: Record, asked: Record | None, count: Counter) -> Record:
    """The stored record with the whole answer of the same arm asked again."""
    if asked is None:
        count["kept long answer"] += stored.answer_words is not None
        return stored
    if stored.answer_words is None:
        same = (stored.answer, stored.abstained) == (asked.answer, asked.abstained)
    else:
        same = stored.answer_sha256 == hashlib.sha256(asked.answer.encode()).hexdigest()[:16]
    count["asked again, same answer" if same else "asked again, other answer"] += 1
    return replace(stored, answer=asked.answer, abstained=asked.abstained, cited=asked.cited, answer_set=asked.answer_set,
                   completion_tokens=asked.completion_tokens, answer_words=None, answer_sha256=None)


def _count_hits(name: str, stored: Sequence[Record], asked: Sequence[Question], workspace: evaluation.Workspace,
                count: Counter) -> None:
    """Count the records whose search, repeated now, gives the stored hits, whole and those of the prompt."""
    by_id, search = {q.id: q for q in asked}, functools.cache(workspace.hits)
    for record in stored:
        if record.hits:
            same = same_hits(record, by_id[record.question_id], search) is not None
            prompt = replace(record, hits=tuple(hit for hit in record.hits if hit.in_prompt))
            count["same hits" if same else "other hits"] += 1
            count["other hits in the prompt"] += same_hits(prompt, by_id[record.question_id], search) is None


def _rewrite(name: str, rows: Sequence[dict]) -> None:
    """Write a committed table again; its provenance keeps all but the date of its scores."""
    provenance = json.loads((evaluation.RECORDS_FOLDER / f"{name}.json").read_text("utf-8"))
    path = write_rows(rows, name, provenance["command"], provenance["note"])
    note = provenance["note"] if NOTE in provenance["note"] else "; ".join(filter(None, (provenance["note"], NOTE)))
    path.with_name(f"{name}.json").write_text(json.dumps({**provenance, "records": len(rows), "note": note}, indent=1) + "\n",
                                              "utf-8")


def _confidence() -> None:
    scores = {r.question_id: r.scores for r in evaluation.load_records("lab2_dev") if r.arm == "raft+advanced_rag"}
    rows = evaluation.load_rows("lab2_confidence")
    new = [{**row, "right": scores[row["question_id"]].get("exact_match", 0.0)} for row in rows]
    print(f"\nlab2_confidence: {sum(a != b for a, b in zip(rows, new, strict=True))} of {len(rows)} rows changed", flush=True)
    _rewrite("lab2_confidence", new)


def _gates() -> None:
    """Seed 0's decisions; the answers of the other seeds on dev are not committed, so theirs stay."""
    stored = evaluation.load_records("lab2_dev")
    perplexity = {row["model"]: row["perplexity"] for row in evaluation.load_rows("lab2_perplexity")}
    rows, new = evaluation.load_rows("lab3_gates"), []
    for row in rows:
        if row["seed"] == 0 and (row["present"], row["candidate"]) in ROUNDS:
            result = training.gate_results(stored, perplexity, [row["candidate"]], row["present"])[row["candidate"]]
            row = {**row, "promoted": result.promoted, "checks": [list(check) for check in result.checks]}
        new.append(row)
    print(f"lab3_gates: {sum(a != b for a, b in zip(rows, new, strict=True))} of 2 decisions of seed 0 changed", flush=True)
    _rewrite("lab3_gates", new)


def _order(dev: Sequence[Question], workspace: evaluation.Workspace) -> None:
    path = work("order-new-rules.json")
    if not path.exists():
        path.write_text(json.dumps(measure_order(dev, workspace)), "utf-8")
    old, new = evaluation.load_rows("lab1_order"), json.loads(path.read_text("utf-8"))
    print(f"lab1_order: {sum(a != b for a, b in zip(old, new, strict=True))} of {len(old)} rows changed", flush=True)
    _rewrite("lab1_order", new)


def _stages(dev: Sequence[Question], workspace: evaluation.Workspace) -> None:
    """Measure every stage again; a row takes the new answer score if its ranking is the stored one."""
    asked = [q for q in dev if q.task in metrics.SINGLE_ANSWER_TASKS]
    catalog, now = AllStages(workspace, list(asked)), {}
    for stage in catalog.stages():
        path = work(f"stage-new-rules-{stage.name.replace(' ', '_').replace('+', 'and')}.json")
        if not path.exists():
            path.write_text(json.dumps(evaluation.measure_stage(stage, asked, workspace)), "utf-8")
            print(f"stage {stage.name}: done", flush=True)
        now |= {(row["stage"], row["question_id"]): row for row in json.loads(path.read_text("utf-8"))}
    rows, changed, kept = evaluation.load_rows("lab1_stages"), Counter(), Counter()
    same = {(row["stage"], row["question_id"]): all(now[row["stage"], row["question_id"]][name] == row[name]
                                                    for name in ("documents", "passages", "tokens")) for row in rows}
    # A stage whose passages are cut otherwise now (sentences by Unicode's rules) is taken as it is measured now.
    anew = {stage.name for stage in catalog.stages()
            if sum(not equal for (name, _), equal in same.items() if name == stage.name) > len(asked) / 2}
    new = []
    for row in rows:
        again = now[row["stage"], row["question_id"]]
        if row["stage"] in anew:
            row = {**again, "milliseconds": row["milliseconds"]}
        elif same[row["stage"], row["question_id"]]:
            changed[row["stage"]] += again["scores"] != row["scores"]
            row = {**row, "scores": {**row["scores"], "answer_in_prompt": again["scores"]["answer_in_prompt"]}}
        else:
            kept[row["stage"]] += 1
        new.append(row)
    print(f"lab1_stages: {changed.total()} of {len(rows)} rows changed ({dict(changed)}); {kept.total()} have other hits and "
          f"keep their value ({dict(kept)}); measured anew: {', '.join(anew) or 'none'}", flush=True)
    _rewrite("lab1_stages", new)
