"""Calibration of judges: on held-out labels, on controls whose winner is known, and against code that knows the answers."""
from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from utils import evaluation, generation, metrics, training
from utils.types import Hit, PreferencePair, Question

CONTROLS = 40  # pairs of each control


def calibrate(judges: training.Judges) -> list[dict]:
    """One row for each judge: agreement with the held-out labels, and the share it gets right of each control."""
    controls = control_pairs(judges.questions, judges.workspace, {pair.question_id for pair in judges.learn})
    controls = {name: pairs[:CONTROLS] for name, pairs in controls.items()}
    rows = []
    for judge in training.JUDGES:
        found = [pair.label for pair in judges.label(judge, judges.held_out)]
        swapped = [pair.swapped() for pair in judges.held_out] if judge == "asked" else []
        turned = [pair.label for pair in judges.label(judge, swapped)]
        rows.append({"judge": judge, **training.agreement(found, judges.held_out, turned), **{
            name: training.agreement([pair.label for pair in judges.label(judge, pairs)], pairs)["accuracy"]
            for name, pairs in controls.items()}})
    truth = label_by_accepted_answers(judges.held_out, judges.known, judges.chunks)
    return [*rows, {"judge": training.CHECKED_BY_CODE, **training.agreement([pair.label for pair in truth], judges.held_out)}]


def control_pairs(questions: Sequence[Question], workspace: evaluation.Workspace,
                  learned: set[str]) -> dict[str, list[PreferencePair]]:
    """Pairs whose winner is known: the accepted answer against another question's where the passages hold it, and the phrase
    against the accepted answer, a lucky guess, where they do not.

    learned: ids of questions that a judge learned from; they are left out.
    """
    pool = [q for q in questions if q.split == "train" and q.task in metrics.SINGLE_ANSWER_TASKS]
    known = {q.id: q for q in pool}
    found: dict[str, list[PreferencePair]] = {"gold wins": [], "silence wins": []}
    for name, share in (("gold wins", 0.0), ("silence wins", 1.0)):
        for example in training.raft_examples(questions, workspace, seed=11, absent=share, pool=True):
            question = known.get(example.question_id)
            if not question or question.id in learned or (example.kind == "absent") != (share == 1.0):
                continue
            rivals = [q for q in pool if q.task == question.task and not metrics.exact_match(q.answers[0], question.answers)]
            number = len(found[name])
            wrong = f"{rivals[number * 7 % len(rivals)].answers[0]} [1]"
            better, worse = example.completion, wrong if share == 0.0 else f"{question.answers[0]} [1]"
            pair = PreferencePair(f"{name}-{number}", question.id, example.shown, better, worse, "a", "program")
            found[name].append(pair if number % 2 else pair.swapped())
    return found


def label_by_accepted_answers(pairs: Sequence[PreferencePair], questions: dict, chunks: dict) -> list[PreferencePair]:
    """The pairs labelled by code that knows the accepted answers, source `program`: the rubric without anyone's judgement.

    Only for questions whose answers somebody wrote down, so never for a live user's. Equal rewards are a tie.
    """
    made = []
    for pair in pairs:
        question, shown = questions[pair.question_id], [Hit(chunks[id_], n, 0.0) for n, id_ in enumerate(pair.passages, 1)]
        right = {hit.rank for hit, text in zip(shown, generation.numbered_passages(shown), strict=True)
                 if hit.document_id in question.evidence and metrics.contains(text, question.answers)}
        a, b = (verifiable_reward(text, question.answers if right else (), right) for text in (pair.a, pair.b))
        made.append(replace(pair, source="program", label="tie" if a == b else "a" if a > b else "b"))
    return made


def verifiable_reward(text: str, accepted: Sequence[str], right: set[int]) -> float:
    """What an answer is worth that code can check, between -0.5 and 1.3.

    accepted: accepted answers of its question; empty where the passages hold none. right: numbers of passages that answer.
    1 for an exact answer, 0.3 more for citing right passages only; 1 for silence where nothing can be found; 0 for silence
    where something can; -0.5 for a wrong answer, so that a guess has to be right one time in three to pay.
    """
    cited = {int(found) for found in re.findall(r"\[(\d+)\]", text)}
    answer = re.sub(r"\s*\[\d+\]\s*", " ", text).strip()
    if metrics.abstains(answer):
        return 0.0 if accepted else 1.0
    if accepted and metrics.exact_match(answer, accepted):
        return 1.0 + 0.3 * (bool(cited) and cited <= right)
    return -0.5
