"""One recipe for the reader: a fixed number of conversations of every task, drawn from one pool, one view each.

`python -m data.build.reader_recipe SIZE [SEED]` trains on SIZE of them and asks the held-out services, whose documents are not in
the pool. A smaller draw of the same seed is part of a larger one, so that sizes make a learning curve. Resumes.
"""
from __future__ import annotations

import hashlib
import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from utils import corpus, evaluation, generation, metrics, models, retrieval, settings, training
from utils.types import Document, Example, Question

from .common import made_already, reopen, work
from .reading_practice import natural, practice
from .reading_questions import READING, held_out_questions, reading_rows

SHARES = {"course": 0.45, "natural": 0.35, "practice": 0.08, "summary": 0.12}  # of a draw, until a part is used up
LARGEST = 2_800  # conversations of 415 tokens that the language model learns in 100 minutes, at 195 tokens a second
MADE = 500  # conversations that code words, of `practice` and of `summary`
SERVICES = 40  # of which summaries are made
WORDINGS = (
    "{service} {name}, in one sentence: what does it do?",
    "Sum up {name} of {service} in a sentence.",
    "what is {name} there for?",
    "{name}: its purpose in one line, please",
    "I see a call to {name} in {service}. Explain it in a sentence.",
    "Short description of {service}'s {name}",
)
CONTEXTS = {"dev": ("advanced_rag", "oracle"), "held-out": ("advanced_rag",)}
SUMMARIES = 30  # of held-out operations


def summaries(documents: Sequence[Document], many: int, count, draw: random.Random) -> Iterator[Example]:
    """Conversations that ask for an operation's lead sentence, which no passage shows. count: tokens of a text."""
    tokenizer = models.embedder().tokenizer
    by_service: dict[str, list[Document]] = {}
    for document in documents:
        by_service.setdefault(document.group, []).append(document)
    for own in by_service.values():
        chunks = retrieval.section_chunks(own, tokenizer, retrieval.load_selected_config().chunk_tokens)
        words, usable = retrieval.BM25Index(chunks), [d for d in own if 5 <= len(corpus.lead_sentence(d).split()) <= 30]
        for document in draw.sample(usable, min(many // len(by_service) + 1, len(usable))):
            question, lead = summary_question(document, draw), corpus.lead_sentence(document)
            hits = [generation.without_sentence(hit, lead) for hit in words.search(question.question, 20)]
            right = next((hit for hit in hits if hit.document_id == document.id and hit.chunk.text), None)
            if right is None:
                continue
            others = [hit for hit in hits if hit.chunk.id != right.chunk.id]
            place = 0 if draw.random() < training.FIRST else draw.randrange(1, 6)
            shown = training.fill_passages([right], others, count, draw.choice(training.BUDGETS[:2]), place)
            number = next(n for n, hit in enumerate(shown, 1) if hit.chunk.id == right.chunk.id)
            yield Example(question.id, generation.build_prompt(question.question, shown), f"{lead} [{number}]", "answer",
                          tuple(hit.chunk.id for hit in shown), question)


def summary_question(document: Document, draw: random.Random, split: str = "train") -> Question:
    """A question for the purpose of an operation."""
    text = draw.choice(WORDINGS).format(service=document.group, name=document.name)
    return Question(f"summary-{document.id}", "summary", text, (), (), (document.id,), split, "reading", home=document.id)


def pool(questions: Sequence[Question], workspace: evaluation.Workspace, seed: int) -> dict[str, list[Example]]:
    """All conversations that may be drawn, by part. Raises RuntimeError when the leak check finds a leak.

    The course's passages are found by the untrained embedder, since the trained one has learned from the same questions.
    """
    run, count, draw = workspace.settings, workspace.model().count, random.Random(seed)
    held_out = {row["document"].partition(".")[0] for row in reading_rows() if row.get("held_out")}
    others = [name for name in corpus.service_names() if name not in {*settings.COURSE_SERVICES, *held_out}]
    documents = corpus.load(sorted(draw.sample(others, SERVICES)))
    made = practice(2 * MADE, run, count, seed)
    untrained, more = without_training(workspace), learnable(settings.MORE_QUESTIONS, workspace)
    course = [*training.raft_examples(questions, untrained, seed), *training.own_raft_examples(more, untrained, seed=seed)]
    parts = {"course": course, "natural": natural(run, count, seed, together=2),
             "practice": [e for e in made if e.question.cluster.partition(".")[0] not in held_out][:MADE],
             "summary": list(summaries(documents, MADE, count, draw))}
    if leaks := [leak for examples in parts.values() for leak in training.find_leaks(examples, [*questions, *more])]:
        raise RuntimeError(f"{len(leaks)} leaks, the first: {leaks[0]}")
    return parts


def without_training(workspace: evaluation.Workspace) -> evaluation.Workspace:
    """The workspace with the untrained embedder."""
    return evaluation.Workspace(config=replace(workspace.config, tuned=False, adapter=""))


def learnable(file: Path, workspace: evaluation.Workspace) -> list[Question]:
    """The questions of a file without the fifth that feedback is collected on."""
    return [q for q in evaluation.load_questions(file, workspace.documents) if not training.in_pool(q)]


def further_conversations(seed: int) -> list[Example]:
    """Conversations of `further_questions.jsonl`, which are not in the pool. Raises RuntimeError when there is a leak."""
    def made() -> list[Example]:
        workspace = evaluation.Workspace()
        own = learnable(settings.FURTHER_QUESTIONS, workspace)
        examples = training.own_raft_examples(own, without_training(workspace), seed=seed)
        if leaks := training.find_leaks(examples, [*evaluation.load_questions(known=workspace.documents), *own]):
            raise RuntimeError(f"{len(leaks)} leaks, the first: {leaks[0]}")
        return examples

    return [Example(**row) for row in kept(f"recipe-further-{seed}", (settings.FURTHER_QUESTIONS,), made)]


def kept(name: str, files: Sequence[Path], make: Callable[[], Sequence[Example]]) -> list[dict]:
    """Rows of the examples that `make` returns, made once for these files as they are."""
    path = work(f"{name}-{hashlib.sha256(b''.join(file.read_bytes() for file in files)).hexdigest()[:8]}.json")
    if not path.exists():
        path.write_text(json.dumps([asdict(example) for example in make()]), "utf-8")
    return json.loads(path.read_text("utf-8"))


def drawn(parts: Mapping[str, Sequence], size: int | None, seed: int, shares: Mapping[str, float] = SHARES) -> list:
    """The first `size` items (None: all) of one order in which every part keeps its share; a smaller draw is its beginning."""
    draw, ranked = random.Random(seed), []
    for name, examples in parts.items():
        mixed = draw.sample(list(examples), len(examples))
        ranked += [((place + 0.5) / shares[name], name, place, example) for place, example in enumerate(mixed)]
    return [example for *_, example in sorted(ranked, key=lambda row: row[:3])][:size]


def figures(records: Sequence, arm: str) -> dict[str, str]:
    """What a reader is chosen by, of one arm over the held-out services; only of the tasks that it was asked."""
    def of(metric: str, *tasks: str) -> str:
        own = [r for r in records if r.task in tasks and r.arm == arm]
        return str(evaluation.metric_interval(own, arm, metric)) if own else ""

    single = metrics.SINGLE_ANSWER_TASKS
    rows = {"exact match": of("exact_match", *single), **{f"… {task}": of("exact_match", task) for task in single},
            "lists, set F1": of("set_f1", "multi_doc"), "summaries, ROUGE-L": of("rouge_l", "summary"),
            "silent: unanswerable": of("abstained", "unanswerable"), "silent: answerable": of("abstained", *single),
            "cites a right one": of("cited_right", *single)}
    return {name: value for name, value in rows.items() if value}


def pool_rows(seed: int) -> list[dict]:
    """All conversations in the order of this seed's draw, which is made once for the questions as they are."""
    def made() -> list[Example]:
        workspace = evaluation.Workspace()
        parts = pool(evaluation.load_questions(known=workspace.documents), workspace, seed)
        print({name: len(part) for name, part in parts.items()}, flush=True)
        return drawn(parts, None, seed)

    return kept(f"recipe-pool-{seed}", (settings.QUESTIONS, settings.MORE_QUESTIONS, settings.ERROR_QUESTIONS, READING), made)


def all_conversations(seed: int) -> list[Example]:
    """The whole pool and the conversations of the further questions."""
    return [Example(**{**row, "question": None}) for row in pool_rows(seed)] + further_conversations(seed)


def conversations(size: int, seed: int) -> list[Example]:
    """The first `size` conversations of the draw of this seed."""
    examples = [Example(**{**row, "question": None}) for row in pool_rows(seed)[:size]]
    print(len(examples), "conversations,", sum(1 + len(example.more) for example in examples), "questions,",
          Counter(example.question_id.partition("-")[0] for example in examples), flush=True)
    return examples


def trained(size: int, seed: int) -> str:
    """The adapter trained on a draw, made unless the like is there or committed, as the name of a model."""
    run, folder = training.SFTSettings(recipe="raft", epochs=1.0, seed=seed), work(f"recipe-{size}-{seed}")
    examples = conversations(size, seed)
    digest = training.rows_digest(examples)
    for known in (folder, models.CHECKPOINTS / "raft"):
        if made_already(known, run, digest):
            return f"adapter:{known}"
    models.language_model.cache_clear()
    record = training.run_in_subprocess(training.train_sft, examples, run, folder)
    print({key: value for key, value in record.items() if key not in ("loss", "settings")}, flush=True)
    return f"adapter:{folder}"


def print_figures(model: str, name: str) -> None:
    """Ask a model all tasks of dev and of the held-out services and print its figures."""
    documents, held_out = held_out_questions()
    draw = random.Random(0)
    usable = [d for d in documents if 5 <= len(corpus.lead_sentence(d).split()) <= 30]
    held_out += [summary_question(document, draw, "test") for document in draw.sample(usable, SUMMARIES)]
    for part, own, questions in (("dev", None, evaluation.load_questions(split="dev")), ("held-out", documents, held_out)):
        workspace = evaluation.Workspace(own)
        for context in CONTEXTS[part]:
            arm, out = f"{model}+{context}", work(f"{part}-{context}-{name}.jsonl")
            reopen(out, questions)
            records = evaluation.run_arms(questions, arm, workspace, out, calibrate=False)
            print(part, context, figures(records, arm), flush=True)


def main(words: Sequence[str]) -> None:
    """Train on so many conversations with this seed, or ask the adapter of that name, such as `raft`."""
    if not words[0].isdigit():
        print_figures(words[0], words[0])
        return
    size, seed = int(words[0]), int((*words, "0")[1])
    model = trained(size, seed)
    reader = evaluation.Workspace([]).model(model)
    print("perplexity on general text", round(models.perplexity(reader, models.general_text()), 2), flush=True)
    print_figures(model, f"{size}-{seed}")


if __name__ == "__main__":
    main(sys.argv[1:])
