"""Calibration of judges on held-out labels, on control pairs with a known winner, and against the accepted answers."""
from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from utils import evaluation, generation, metrics, training
from utils.types import Hit, PreferencePair, Question

from .scoring_judges import JUDGES, AllJudges

CONTROLS = 40  # pairs of each control
CHECKED_BY_CODE = "accepted answers"  # not a judge: code that compares answers with the accepted ones


def calibrate(judges: AllJudges) -> list[dict]:
    """One row per judge: agreement with the held-out labels, and accuracy on each set of control pairs."""
    controls = control_pairs(judges.questions, judges.workspace, {pair.question_id for pair in judges.learn})
    controls = {name: pairs[:CONTROLS] for name, pairs in controls.items()}
    rows = []
    for judge in JUDGES:
        labels = [pair.label for pair in judges.label(judge, judges.held_out)]
        swapped = [pair.swapped() for pair in judges.held_out] if judge == "asked" else []
        turned = [pair.label for pair in judges.label(judge, swapped)]
        rows.append({"judge": judge, **agreement(labels, judges.held_out, turned), **{
            name: agreement([pair.label for pair in judges.label(judge, pairs)], pairs)["accuracy"]
            for name, pairs in controls.items()}})
    truth = label_by_accepted_answers(judges.held_out, judges.known, judges.chunks)
    return [*rows, {"judge": CHECKED_BY_CODE, **agreement([pair.label for pair in truth], judges.held_out)}]


def agreement(labels: Sequence[str], pairs: Sequence[PreferencePair], swapped: Sequence[str] = ()) -> dict[str, float]:
    """Agreement of a judge's labels with those of the pairs: accuracy and n (on pairs with a winner), and Cohen's kappa.

    swapped: its labels with each pair in the other order. Labels that depend on the order count as ties, and the result
    also has the share that does not.
    """
    turned = {"a": "b", "b": "a"}
    same = [turned.get(other, other) == label for label, other in zip(labels, swapped, strict=True)] if swapped else []
    firm = [label if stable else "tie" for label, stable in zip(labels, same, strict=True)] if same else list(labels)
    won = [label == pair.label for label, pair in zip(firm, pairs, strict=True) if pair.label != "tie"]
    scores = {"accuracy": sum(won) / max(1, len(won)), "n": len(won),
              "kappa": metrics.cohen_kappa(firm, [pair.label for pair in pairs])}
    return scores | ({"same in both orders": sum(same) / len(same)} if same else {})


def control_pairs(questions: Sequence[Question], workspace: evaluation.Workspace,
                  exclude: set[str]) -> dict[str, list[PreferencePair]]:
    """Pairs with a known winner. Where the passages contain the answer, it beats another question's answer; where they do
    not, abstaining beats the accepted answer, which would be a guess.

    exclude: ids of the questions that judges were trained on.
    """
    pool = [q for q in questions if q.split == "train" and q.task in metrics.SINGLE_ANSWER_TASKS]
    known = {q.id: q for q in pool}
    controls: dict[str, list[PreferencePair]] = {"gold wins": [], "silence wins": []}
    for name, share in (("gold wins", 0.0), ("silence wins", 1.0)):
        for example in training.raft_examples(questions, workspace, seed=11, absent=share, pool=True):
            question = known.get(example.question_id)
            if not question or question.id in exclude or (example.kind == "absent") != (share == 1.0):
                continue
            rivals = [q for q in pool if q.task == question.task and not metrics.exact_match(q.answers[0], question.answers)]
            number = len(controls[name])
            wrong = f"{rivals[number * 7 % len(rivals)].answers[0]} [1]"
            better, worse = example.completion, wrong if share == 0.0 else f"{question.answers[0]} [1]"
            pair = PreferencePair(f"{name}-{number}", question.id, example.shown, better, worse, "a", "program")
            controls[name].append(pair if number % 2 else pair.swapped())
    return controls


def label_by_accepted_answers(pairs: Sequence[PreferencePair], questions: dict, chunks: dict) -> list[PreferencePair]:
    """The pairs labelled by comparing them with the accepted answers, source `program`; equal rewards are a tie.

    Works only for questions with stored answers, so not for a live user's questions.
    """
    labelled = []
    for pair in pairs:
        question, shown = questions[pair.question_id], [Hit(chunks[id_], n, 0.0) for n, id_ in enumerate(pair.passages, 1)]
        right = {hit.rank for hit, text in zip(shown, generation.numbered_passages(shown), strict=True)
                 if hit.document_id in question.evidence and metrics.contains(text, question.answers)}
        a, b = (verifiable_reward(text, question.answers if right else (), right) for text in (pair.a, pair.b))
        labelled.append(replace(pair, source="program", label="tie" if a == b else "a" if a > b else "b"))
    return labelled


def verifiable_reward(text: str, accepted: Sequence[str], right: set[int]) -> float:
    """Reward of an answer that code can check, from -0.5 to 1.3.

    accepted: accepted answers; empty when no passage has one. right: numbers of the passages that answer. An exact match scores
    1, plus 0.3 when it cites only passages in `right`; abstaining scores 1 without an accepted answer and 0 with one; a wrong
    answer scores -0.5, so that guessing pays only when at least one guess in three is correct.
    """
    cited = {int(number) for number in re.findall(r"\[(\d+)\]", text)}
    answer = re.sub(r"\s*\[\d+\]\s*", " ", text).strip()
    if metrics.abstains(answer):
        return 0.0 if accepted else 1.0
    if accepted and metrics.exact_match(answer, accepted):
        return 1.0 + 0.3 * (bool(cited) and cited <= right)
    return -0.5
