"""Feedback that a processor can do: sample eight answers, keep what is exact and rightly cited, and train on that.

`python -m data.build.rejection SIZE [SEED]` starts from the reader that `reader_recipe SIZE SEED` trained, samples on
conversations of the pool that it has not seen, trains on what was kept, and asks dev and the held-out services. Resumes.
"""
from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from utils import evaluation, metrics, models, settings, training
from utils.types import Example, Question

from .common import made_already, work
from .grpo import prompt_dataset
from .judge_controls import verifiable_reward
from .reader_recipe import pool_rows, print_figures, trained

PROMPTS, SAMPLES, TEMPERATURE = 400, 8, 0.8
RUN = training.SFTSettings(recipe="rejection", epochs=1.0, learning_rate=3e-4)


def kept_answers(examples: Sequence[Example], reader, path: Path) -> list[Example]:
    """A conversation for each different answer that earns the full reward; sampled once, then read from the file.

    Abstentions count where the answer was withheld, at most as many as there are answers.
    """
    if not path.exists():
        replies = [reader.generate([e.prompt for e in examples], temperature=TEMPERATURE, seed=seed) for seed in range(SAMPLES)]
        path.write_text(json.dumps([[reply.text for reply in own] for own in zip(*replies, strict=True)]), "utf-8")
    answers, abstentions, chances = [], [], []
    for example, row, texts in zip(examples, prompt_dataset(examples, {}), json.loads(path.read_text("utf-8")), strict=True):
        right = {row["right"]} if row["right"] else set()
        rewards = {text: verifiable_reward(text, row["accepted"], right) for text in texts}
        best = [text for text, reward in rewards.items() if reward == (1.3 if row["accepted"] else 1.0)]
        chances.append(sum(texts.count(text) for text in best) / SAMPLES)
        (answers if row["accepted"] else abstentions).extend(replace(example, completion=text, more=()) for text in best)
    some = sum(0 < chance < 1 for chance in chances)
    print(f"{len(answers)} answers and {len(abstentions)} abstentions kept; of {len(examples)} prompts {chances.count(1.0)} "
          f"always right, {some} sometimes, {chances.count(0.0)} never", flush=True)
    return answers + abstentions[: len(answers)]


def unseen(size: int, seed: int, workspace: evaluation.Workspace) -> list[Example]:
    """The conversations after the first `size` that ask for one short answer or for silence, each with its question."""
    known = {q.id: q for file in (settings.QUESTIONS, settings.MORE_QUESTIONS)
             for q in evaluation.load_questions(file, workspace.documents)}
    rows = [{**row, "question": Question(**row["question"]) if row["question"] else known[row["question_id"]], "more": ()}
            for row in pool_rows(seed)[size:]]
    return [Example(**row) for row in rows if row["question"].task in metrics.JUDGED_TASKS]


def main(words: Sequence[str]) -> None:
    """One round, from sampling to the figures."""
    size, seed = int(words[0]), int((*words, "0")[1])
    workspace, parent = evaluation.Workspace(), trained(size, seed)
    examples = kept_answers(unseen(size, seed, workspace)[:PROMPTS], workspace.model(parent), work(f"sampled-{size}-{seed}.json"))
    folder, start, run = work(f"rejection-{size}-{seed}"), models.adapter_folder(parent), replace(RUN, seed=seed)
    if not made_already(folder, run, training.rows_digest(examples), start):
        models.language_model.cache_clear()
        training.run_in_subprocess(training.train_sft, examples, run, folder, (), start)
    print_figures(f"adapter:{folder}", f"rejection-{size}-{seed}")


if __name__ == "__main__":
    main(sys.argv[1:])
