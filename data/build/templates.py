"""Template questions of the training split, and the computed columns of `data/questions.jsonl`."""
from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from pathlib import Path

from utils import corpus, settings
from utils.text import content_words

from .gold_answers import GoldAnswerContext, common_forms, evaluate

SEED = 20261122
ROWS_PER_FAMILY = 22
PHRASINGS = {
    "template_max_length": (
        "What is the maximum length of {member} in {operation}?",
        "{service} {operation}: how long may {member} be?",
        "Up to how many characters does {operation} accept for {member}?",
        "Tell me the longest {member} that {operation} of {service} takes.",
        "I keep getting a validation error on {member} in {operation}. What's its length cap?",
        "{member} in {service} {operation}, upper limit on its length?",
    ),
    "template_max_value": (
        "What's the largest {member} I can pass to {operation}?",
        "{service} {operation}: maximum for {member}?",
        "How high can {member} go in {operation}?",
        "Upper bound of {member} when calling {operation} in {service}, please.",
        "Which number is the ceiling for {member} in {operation}?",
    ),
    "template_max_items": (
        "How many entries can {member} of {operation} hold?",
        "{service} {operation}: maximum number of items in {member}?",
        "At most how many elements go into {member} for {operation}?",
        "What's the biggest {member} list that {operation} in {service} accepts?",
        "Is there a cap on the count of {member} in one {operation} call? Which?",
    ),
    "template_required": (
        "Do I have to pass {member} to {operation}?",
        "Is {member} mandatory in {service} {operation}?",
        "Can I call {operation} of {service} only if I give {member}?",
        "{operation}: is {member} required?",
        "Would {service} reject {operation} because {member} is missing?",
    ),
    "template_allowed": (
        "Which values may {member} of {operation} take?",
        "{service} {operation}: valid values for {member}?",
        "What are my choices for {member} when I call {operation}?",
        "List what {operation} in {service} allows as {member}.",
        "{member} in {operation}: what can I put there?",
    ),
    "template_status": (
        "What HTTP status comes with {error} from {service} {operation}?",
        "Which status code do I see when {operation} raises {error}?",
        "{error} from {operation} in {service}: HTTP code?",
        "My logs say {error} on {operation}. Which HTTP status is that?",
        "Status number of {error} as returned by {operation} of {service}?",
    ),
}


def template_rows(world: GoldAnswerContext, homes: list[str]) -> list[dict]:
    """Training rows that apply the phrasings to these home operations; a fixed seed gives the same rows every time."""
    rows = []
    for family, phrasings in PHRASINGS.items():
        random.seed(f"{SEED} {family}")
        slots = list(_slots(family, world, homes))
        for number, (fact, names) in enumerate(random.sample(slots, min(ROWS_PER_FAMILY, len(slots))), 1):
            service, operation = fact["operation"].split(".")
            text = phrasings[number % len(phrasings)].format(service=service, operation=operation, **names)
            rows.append({"id": f"train-{family.replace('_', '-')}-{number:02d}", "task": "fact", "split": "train",
                         "family": family, "question": text, "answers": [], "answer_set": [], "evidence": [],
                         "fact": fact, "home": fact["operation"], "exposure": "unseen-fact"})
    return rows


def _slots(family: str, world: GoldAnswerContext, homes: list[str]) -> Iterator[tuple[dict, dict]]:
    """(fact, names for its phrasings) of every fact of the family that the home operations have."""
    for home in homes:
        shapes = world.models[home.split(".")[0]]["shapes"]
        if family == "template_status":
            for error in world.errors(home):
                if "httpStatusCode" in shapes[error].get("error", {}):
                    yield {"kind": "status", "operation": home, "error": error}, {"error": error}
            continue
        for member, reference in world.shape(home, "input").get("members", {}).items():
            shape, fact = shapes[reference["shape"]], {"operation": home, "member": member}
            limit = {"string": "template_max_length", "list": "template_max_items", "integer": "template_max_value"}
            if family == limit.get(shape["type"]) and shape.get("max"):
                yield {"kind": "constraint", "constraint": "max", "only": True, **fact}, {"member": member}
            if family == "template_allowed" and 2 <= len(shape.get("enum", [])) <= 4:
                yield {"kind": "allowed", **fact}, {"member": member}
            if family == "template_required":
                yield {"kind": "required", **fact}, {"member": member}


def refresh(row: dict, world: GoldAnswerContext) -> dict:
    """The row with answers, answer_set, evidence and descriptive columns recomputed; extra aliases are kept."""
    truth = evaluate(row["fact"], world)
    row = {**row, "evidence": list(truth.evidence), "answer_set": []}
    if row["task"] == "multi_doc":
        row.update(answer_set=list(truth.values), answers=[", ".join(truth.values)])
        if truth.evidence and row.get("home") in truth.evidence:
            row["evidence"].sort(key=lambda id_: id_ != row["home"])
        row["home"] = row["evidence"][0]
    elif truth.values:
        forms = [form for value in truth.values for form in common_forms(value)]
        row["answers"] = list(dict.fromkeys([*forms, *row["answers"]]))
    sections = [section.text for id_ in truth.evidence for section in world.documents[id_].sections]
    row["overlap"] = word_overlap(row["question"], sections)
    row["names_service"] = bool(corpus.services_named(row["question"]))
    return row


def word_overlap(question: str, sections: Iterable[str]) -> str:
    """Largest share of the question's words in one evidence section: `low` below 0.4 or without evidence, `high` from 0.7."""
    content = content_words(question)
    share = max((len(content & content_words(text)) / max(1, len(content)) for text in sections), default=0.0)
    return "low" if share < 0.4 else "mid" if share < 0.7 else "high"


def rewrite(path: Path = settings.QUESTIONS) -> int:
    """Refresh the questions file in place and return its number of questions."""
    world = GoldAnswerContext()
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    written = [row for row in rows if not row["family"].startswith("template_")]
    held_out = {row["home"] for row in written if row["split"] in ("dev", "test")}
    homes = [id_ for id_ in sorted(world.documents) if id_ not in held_out]
    rows = [refresh(row, world) for row in [*written, *template_rows(world, homes)]]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return len(rows)


if __name__ == "__main__":
    print(f"{rewrite()} questions written to {settings.QUESTIONS.name}")
