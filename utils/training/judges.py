"""Judges of pairs, calibrated: on labels they did not learn from, in both orders, and on controls whose winner is known."""
from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from .. import evaluation, generation, metrics, models, settings
from ..types import Chunk, Hit, PreferencePair, Question
from .feedback import agreement, label_by_length, label_by_phrase, pair_prompt, split_by_question
from .preferences import PreferenceSettings, RewardModel, preference_rows, train_reward_model
from .raft import raft_examples

REWARD_SETTINGS = PreferenceSettings(recipe="reward", rank=8, alpha=16, epochs=2.0)
SCORING_JUDGES = ("likelihood", "reward model")  # judges that give each answer a score
CONTROLS = 40  # pairs of each control
CHECKED_BY_CODE = "accepted answers"  # no judge: code that compares with what somebody wrote down
JUDGES = ("the phrase wins", "the longer wins", "asked", *SCORING_JUDGES)


class Judges:
    """Judges over the pairs of one reader: one half of the labelled pairs to learn from, the other to judge the judges."""

    def __init__(self, labelled: Sequence[PreferencePair], questions: Sequence[Question], workspace: evaluation.Workspace,
                 reader: Path, run: PreferenceSettings = REWARD_SETTINGS):
        self.questions, self.workspace, self.folder, self.run = questions, workspace, reader, run
        self.known, self.chunks = {q.id: q for q in questions}, {chunk.id: chunk for chunk in workspace.pipeline.chunks}
        self.learn, self.held_out = split_by_question(labelled)

    @cached_property
    def reward(self) -> RewardModel:
        """The reward model, trained on the half to learn from."""
        rows = preference_rows(self.learn, self.known, self.chunks, self.run.balance)
        return train_reward_model(rows, self.folder, self.run, settings.cache() / "rebuild" / "reward")[0]

    def label(self, judge: str, pairs: Sequence[PreferencePair]) -> list[PreferencePair]:
        """The pairs with the labels of a judge, source `ai`. Raises KeyError for a name that is no judge."""
        prompts = [pair_prompt(pair, self.known[pair.question_id], self.chunks) for pair in pairs]

        def sure(asked: list, texts: list) -> list[float]:
            return models.mean_log_probability(self.workspace.model(f"adapter:{self.folder}"), asked, texts)

        def scored(score: Callable) -> list[str]:
            a, b = (score(prompts, [getattr(pair, side) for pair in pairs]) for side in "ab")
            return [pair.label for pair in label_by_scores(pairs, a, b)]

        ways = {"the phrase wins": lambda: [label_by_phrase(pair) for pair in pairs],
                "the longer wins": lambda: [label_by_length(pair) for pair in pairs],
                "asked": lambda: ask_which(self.workspace.model(), pairs, self.known, self.chunks),
                "likelihood": lambda: scored(sure),
                "reward model": lambda: scored(self.reward.score)}
        return [replace(pair, label=label, source="ai") for pair, label in zip(pairs, ways[judge](), strict=True)]

    def calibrate(self) -> list[dict]:
        """One row for each judge: agreement with the held-out labels, and the share it gets right of each control."""
        controls = control_pairs(self.questions, self.workspace, {pair.question_id for pair in self.learn})
        controls = {name: pairs[:CONTROLS] for name, pairs in controls.items()}
        rows = []
        for judge in JUDGES:
            found = [pair.label for pair in self.label(judge, self.held_out)]
            swapped = [pair.swapped() for pair in self.held_out] if judge == "asked" else []
            turned = [pair.label for pair in self.label(judge, swapped)]
            rows.append({"judge": judge, **agreement(found, self.held_out, turned), **{
                name: agreement([pair.label for pair in self.label(judge, pairs)], pairs)["accuracy"]
                for name, pairs in controls.items()}})
        truth = label_by_accepted_answers(self.held_out, self.known, self.chunks)
        return [*rows, {"judge": CHECKED_BY_CODE, **agreement([pair.label for pair in truth], self.held_out)}]


WHICH = ("Question: {}\nAnswer A: {}\nAnswer B: {}\nWhich answer is right according to the passages, short, and says so when "
         "they do not hold it? Reply with A or B.")


def ask_which(model, pairs: Sequence[PreferencePair], questions: dict[str, Question], chunks: dict[str, Chunk],
              batch_size: int = 8) -> list[str]:
    """Labels of a model that is asked outright: the likelier of the next tokens "A" and "B" after passages and both answers."""
    tokenizer, labels = model.tokenizer, []
    letters = [tokenizer(letter, add_special_tokens=False)["input_ids"][0] for letter in "AB"]
    prompts = []
    for pair in pairs:
        text = pair_prompt(pair, questions[pair.question_id], chunks)[0]["content"]
        passages = text[: text.rindex("Question: ")]
        task = WHICH.format(questions[pair.question_id].question, pair.a, pair.b)
        prompts.append(model.prompt([{"role": "user", "content": passages + task}]))
    for start in range(0, len(prompts), batch_size):
        ids = tokenizer(prompts[start : start + batch_size], add_special_tokens=False)["input_ids"]
        padded = tokenizer.pad({"input_ids": ids}, return_tensors="pt", padding_side="left").to(model.model.device)
        with models.autocast():
            logits = model.model(**padded, logits_to_keep=1, use_cache=False).logits[:, -1]
        labels += ["a" if first > second else "b" for first, second in logits[:, letters].tolist()]
    return labels


def label_by_scores(pairs: Sequence[PreferencePair], a: Sequence[float], b: Sequence[float], margin: float = 0.0,
                    source: str = "ai") -> list[PreferencePair]:
    """The pairs labelled by two lists of scores; scores closer than `margin` are a tie."""
    return [replace(pair, source=source, label="tie" if abs(x - y) <= margin else "a" if x > y else "b")
            for pair, x, y in zip(pairs, a, b, strict=True)]


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
        for example in raft_examples(questions, workspace, seed=11, absent=share, pool=True):
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
