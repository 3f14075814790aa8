"""Preference pairs: labelled by you in a widget, by the course's authors or by judges, and what labels depend on."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from .. import evaluation, generation, metrics, models, settings
from ..types import Chunk, Hit, PreferencePair, Question

SHIPPED = settings.DATA / "feedback.jsonl"
ENOUGH = 40  # number of your labels from which they replace the authors'
SOURCES = ("learner", "author", "ai", "program")
LABELS = ("a", "b", "tie")


def load_pairs(path: Path = SHIPPED) -> list[PreferencePair]:
    """Preference pairs of a JSON-lines file. Raises ValueError naming file, line and fix when a line is not a valid pair."""
    pairs: dict[str, PreferencePair] = {}
    for number, line in enumerate(path.read_text("utf-8").split("\n") if path.exists() else [], 1):
        if not line.strip():
            continue
        (pair, problems), where = evaluation.typed(PreferencePair, line), f"{path}, line {number}"
        if problems:
            raise ValueError(f"{where}: is not a preference pair ({problems[0]}); remove the line or restore the file")
        if pair.label not in ("", *LABELS) or (pair.label and pair.source not in SOURCES):
            raise ValueError(f"{where}: label {pair.label!r} from {pair.source!r}; use one of {LABELS} from one of {SOURCES}")
        pairs[pair.id] = pair  # a later line corrects an earlier one
    return list(pairs.values())


def save_pairs(pairs: Sequence[PreferencePair], path: Path) -> None:
    """Write pairs as JSON lines."""
    path.write_text("".join(json.dumps(asdict(pair), ensure_ascii=False) + "\n" for pair in pairs), "utf-8")


def in_pool(question: Question) -> bool:
    """True for the fifth of the training questions that SFT never sees, so that feedback is collected on unseen questions."""
    return question.split == "train" and int(hashlib.sha256(question.cluster.encode()).hexdigest(), 16) % 5 == 0


def pair_prompt(pair: PreferencePair, question: Question, chunks: dict[str, Chunk]) -> list[dict[str, str]]:
    """The chat prompt that both answers respond to."""
    return generation.build_prompt(question.question, [Hit(chunks[id_], n, 0.0) for n, id_ in enumerate(pair.passages, 1)])


def labels_in_use(learner: Sequence[PreferencePair], author: Sequence[PreferencePair]) -> tuple[list[PreferencePair], str]:
    """(labelled pairs, sentence naming their source): yours once you have labelled `ENOUGH`, until then the authors'."""
    own = [pair for pair in learner if pair.label]
    if len(own) >= ENOUGH:
        return own, f"labels in use: {len(own)} of yours (source: learner)"
    return list(author), f"labels in use: {len(author)} by the course's authors (source: author); yours so far: {len(own)}"


def label_bias(pairs: Sequence[PreferencePair]) -> dict[str, float]:
    """Share of pairs with a winner in which the first answer won, and, where lengths differ, the longer one."""
    won = [pair for pair in pairs if pair.label in ("a", "b")]
    differ = [pair for pair in won if len(pair.a.split()) != len(pair.b.split())]
    longer = [(len(pair.a.split()) > len(pair.b.split())) == (pair.label == "a") for pair in differ]
    return {"first won": sum(pair.label == "a" for pair in won) / max(1, len(won)), "pairs with a winner": len(won),
            "longer won": sum(longer) / max(1, len(longer)), "pairs that differ in length": len(differ)}


def label_by_phrase(pair: PreferencePair) -> str:
    """A baseline that every judge should beat: the answer that abstains wins, whatever the passages say; else a tie."""
    a, b = (metrics.ABSTENTION in text for text in (pair.a, pair.b))
    return "tie" if a == b else "a" if a else "b"


def label_by_length(pair: PreferencePair) -> str:
    """The other baseline: the answer with more words wins; equal lengths are a tie."""
    a, b = len(pair.a.split()), len(pair.b.split())
    return "tie" if a == b else "a" if a > b else "b"


def split_by_question(pairs: Sequence[PreferencePair]) -> tuple[list[PreferencePair], list[PreferencePair]]:
    """Two halves with no question in common: one to train judges on, one to evaluate them on."""
    first = [int(hashlib.sha256(pair.question_id.encode()).hexdigest(), 16) % 2 == 0 for pair in pairs]
    return ([pair for pair, is_first in zip(pairs, first, strict=True) if is_first],
            [pair for pair, is_first in zip(pairs, first, strict=True) if not is_first])


class Judges:
    """Judges of one reader's pairs: they learn from one half of the labelled pairs and are evaluated on the held-out half."""

    def __init__(self, labelled: Sequence[PreferencePair], questions: Sequence[Question], workspace: evaluation.Workspace,
                 reader: Path):
        self.questions, self.workspace, self.folder = questions, workspace, reader
        self.known, self.chunks = {q.id: q for q in questions}, {chunk.id: chunk for chunk in workspace.pipeline.chunks}
        self.learn, self.held_out = split_by_question(labelled)

    def label(self, judge: str, pairs: Sequence[PreferencePair]) -> list[PreferencePair]:
        """The pairs as labelled by a judge, source `ai`. Raises KeyError for an unknown judge."""
        return [replace(pair, label=label, source="ai") for pair, label in zip(pairs, self.labels(judge, pairs), strict=True)]

    def labels(self, judge: str, pairs: Sequence[PreferencePair]) -> list[str]:
        """The labels of `the phrase wins`, `the longer wins` or `asked`."""
        if judge == "asked":
            return ask_which(self.workspace.model(), pairs, self.known, self.chunks)
        return list(map({"the phrase wins": label_by_phrase, "the longer wins": label_by_length}[judge], pairs))


WHICH = ("Question: {}\nAnswer A: {}\nAnswer B: {}\nWhich answer is right according to the passages, short, and says so when "
         "they do not hold it? Reply with A or B.")


def ask_which(model, pairs: Sequence[PreferencePair], questions: dict[str, Question], chunks: dict[str, Chunk],
              batch_size: int = 8) -> list[str]:
    """Labels from asking the model directly: the likelier next token, "A" or "B", after the passages and both answers."""
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
