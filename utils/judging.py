"""Judges of pairs, calibrated: on labels they did not learn from, in both orders, and on controls whose winner is known."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from . import alignment, examples, feedback, metrics, rag, reinforce, settings
from .alignment import Preference
from .feedback import Pair
from .retrieval import Hit

REWARD = Preference(recipe="reward", rank=8, alpha=16, epochs=2.0)
SCORED = ("likelihood", "reward model")  # judges that give each answer a score
CONTROLS = 40  # pairs of each control
CHECK = "accepted answers"  # no judge: code that compares with what somebody wrote down
JUDGES = ("the phrase wins", "the longer wins", "asked", *SCORED)


class Bench:
    """Judges over the pairs of one reader: one half of the labelled pairs to learn from, the other to judge the judges."""

    def __init__(self, labelled: Sequence[Pair], questions: Sequence, room, reader: Path, chosen: Preference = REWARD):
        self.questions, self.room, self.folder, self.chosen = questions, room, reader, chosen
        self.known, self.chunks = {q.id: q for q in questions}, {chunk.id: chunk for chunk in room.advanced.chunks}
        self.learn, self.held_out = feedback.halves(labelled)

    @cached_property
    def reward(self) -> alignment.RewardModel:
        """The reward model, trained on the half to learn from."""
        rows = alignment.rows(self.learn, self.known, self.chunks, self.chosen.balance)
        return alignment.reward_model(rows, self.folder, self.chosen, settings.cache() / "rebuild" / "reward")[0]

    def label(self, judge: str, pairs: Sequence[Pair]) -> list[Pair]:
        """The pairs with the labels of a judge, source `ai`. Raises KeyError for a name that is no judge."""
        prompts = [feedback.prompt(pair, self.known[pair.question_id], self.chunks) for pair in pairs]

        def sure(asked: list, texts: list) -> list[float]:
            return alignment.likelihood(self.room.model_of(f"adapter:{self.folder}"), asked, texts)

        def scored(score: Callable) -> list[str]:
            a, b = (score(prompts, [getattr(pair, side) for pair in pairs]) for side in "ab")
            return [pair.label for pair in alignment.label(pairs, a, b)]

        ways = {"the phrase wins": lambda: [feedback.by_phrase(pair) for pair in pairs],
                "the longer wins": lambda: [feedback.by_length(pair) for pair in pairs],
                "asked": lambda: alignment.asked_which(self.room.model, pairs, self.known, self.chunks),
                "likelihood": lambda: scored(sure),
                "reward model": lambda: scored(self.reward.score)}
        return [replace(pair, label=label, source="ai") for pair, label in zip(pairs, ways[judge](), strict=True)]

    def calibrate(self) -> list[dict]:
        """One row for each judge: agreement with the held-out labels, and the share it gets right of each control."""
        controls = controlled(self.questions, self.room, {pair.question_id for pair in self.learn})
        controls = {name: pairs[:CONTROLS] for name, pairs in controls.items()}
        rows = []
        for judge in JUDGES:
            found = [pair.label for pair in self.label(judge, self.held_out)]
            swapped = [pair.swapped() for pair in self.held_out] if judge == "asked" else []
            turned = [pair.label for pair in self.label(judge, swapped)]
            rows.append({"judge": judge, **feedback.agreement(found, self.held_out, turned), **{
                name: feedback.agreement([pair.label for pair in self.label(judge, pairs)], pairs)["accuracy"]
                for name, pairs in controls.items()}})
        truth = checked(self.held_out, self.known, self.chunks)
        return [*rows, {"judge": CHECK, **feedback.agreement([pair.label for pair in truth], self.held_out)}]


def checked(pairs: Sequence[Pair], questions: dict, chunks: dict) -> list[Pair]:
    """The pairs labelled by code that knows the accepted answers, source `program`: the rubric without anyone's judgement.

    Only for questions whose answers somebody wrote down, so never for a live user's. Equal rewards are a tie.
    """
    made = []
    for pair in pairs:
        question, shown = questions[pair.question_id], [Hit(chunks[id_], n, 0.0) for n, id_ in enumerate(pair.passages, 1)]
        right = {hit.rank for hit, text in zip(shown, rag.passages(shown), strict=True)
                 if hit.document_id in question.evidence and metrics.contains(text, question.answers)}
        a, b = (reinforce.reward(text, question.answers if right else (), right) for text in (pair.a, pair.b))
        made.append(replace(pair, source="program", label="tie" if a == b else "a" if a > b else "b"))
    return made


def controlled(questions: Sequence, room, learned: set[str]) -> dict[str, list[Pair]]:
    """Pairs whose winner is known: the accepted answer against another question's where the passages hold it, and the phrase
    against the accepted answer, a lucky guess, where they do not.

    learned: ids of questions that a judge learned from; they are left out.
    """
    pool = [q for q in questions if q.split == "train" and q.task in ("fact", "error", "routing")]
    known = {q.id: q for q in pool}
    found: dict[str, list[Pair]] = {"gold wins": [], "silence wins": []}
    for name, share in (("gold wins", 0.0), ("silence wins", 1.0)):
        for example in examples.raft(questions, room, seed=11, absent=share, pool=True):
            question = known.get(example.question_id)
            if not question or question.id in learned or (example.kind == "absent") != (share == 1.0):
                continue
            rivals = [q for q in pool if q.task == question.task and not metrics.exact_match(q.answers[0], question.answers)]
            number = len(found[name])
            wrong = f"{rivals[number * 7 % len(rivals)].answers[0]} [1]"
            better, worse = example.completion, wrong if share == 0.0 else f"{question.answers[0]} [1]"
            pair = Pair(f"{name}-{number}", question.id, example.shown, better, worse, "a", "program")
            found[name].append(pair if number % 2 else pair.swapped())
    return found
