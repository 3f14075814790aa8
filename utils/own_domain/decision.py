"""`decide`: from a folder of documents and a file of questions to RAG, fine-tuning or both, measured and priced."""
from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tqdm.auto import tqdm

from .. import corpus, evaluation, models, retrieval, roi, settings, training
from ..types import Example, Question, Record
from . import own_training
from .answering import answer_test, calibrate, measure_speed, options, tell_changed_answers
from .output_folder import FROM_BASE_FOLDER, own_workspace, question_row, start_words
from .own_training import RECIPES, examples_for, kept_examples, parent_folder, train_adapter
from .plan import ARMS, CONFIDENCE, FROM_BASE, Plan, digest
from .search_choice import CANDIDATES, OWN, choose_search, measure_search
from .splitting import few_of_each_part, split_questions

ENOUGH = 0.98  # Recall@5 on dev from which an embedder of one's own cannot gain
EMBEDDER_SECONDS = 0.65  # a question and pass, measured once on two cores (64 questions in one pass: 42 s)
SOLVED_COST = 2.0  # a prompt with solved examples against one without, in seconds


class Decision:
    """One run of `decide` over a folder, a questions file and an output folder; every step resumes."""

    def __init__(self, folder: str, questions: str, out: Path, prices: Path = roi.PRICE_FILE, minutes: float = 60.0):
        """Reads and checks documents, questions and prices. Raises ValueError, listing every mistake, before anything starts."""
        self.folder, self.out, self.prices = folder, out, prices
        roi.load_assumptions(prices)
        if not minutes > 0:
            raise ValueError(f"--minutes {minutes:g} is too little: give the minutes that all runs together may take")
        documents, self.reading = corpus.read_folder(folder)
        self.workspace = evaluation.Workspace(documents, reading=self.reading)
        self.file = evaluation.questions_of(questions, self.workspace)
        split = split_questions(self.file.questions)
        self.questions, self.notes = split.questions, list(split.notes)
        if settings.fast():
            self.questions = few_of_each_part(self.questions)
            self.notes.append(f"LAB_FAST is set: {len(self.questions)} of these are used; the numbers mean nothing")
        out.mkdir(parents=True, exist_ok=True)
        self.plan = Plan.load(out / "plan.json")
        self.plan.minutes = minutes
        self.run = self.workspace.settings
        self.parts = {name: [q for q in self.questions if q.split == name] for name in ("train", "dev", "test")}
        digests = {"documents": evaluation.corpus_digest(self.workspace), "base": models.base_digest(self.run.model),
                   "questions": digest([question_row(q) for q in self.questions]), "prices": digest(prices.read_text("utf-8"))}
        self.plan.start(digests)

    def __call__(self) -> Path:
        """Run every step that is not done, and return the page. Raises ValueError while another run uses the folder."""
        for note in self.notes:
            print(note)
        shape = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"
        with evaluation.only_writer(self.out / "plan.json"), tqdm(total=1, desc="decide", unit="s", bar_format=shape) as bar:
            self.plan.save()
            self.reading.save(self.out / "read.json")
            lines = [json.dumps(question_row(q), ensure_ascii=False) for q in self.questions]
            (self.out / "questions.jsonl").write_text("".join(line + "\n" for line in lines), "utf-8")
            self._choose_search(bar)
            self._use_search()
            parents = {recipe: parent_folder("", recipe, self.workspace) for recipe in RECIPES}
            made = self._examples()
            self._forecast(made, parents["raft"], bar)
            if "embedder" in self.plan.steps and self._train_embedder(bar):
                made = self._examples()
            for recipe, examples in made.items():
                self._train(f"train own_{recipe}", examples, parents[recipe], bar)
            if FROM_BASE in self.plan.steps:
                self._train_from_base(made["raft"], bar)
            return self._page(self._answer(bar), bar)

    def _choose_search(self, bar) -> None:
        asked = [(q.question, q.evidence, q.task) for q in self.parts["dev"]]
        key = digest(self.plan.digests["documents"], asked, self.run.embedder, list(CANDIDATES))
        if not self.plan.is_done("search", key) or not (self.out / "retrieval.json").exists():
            with self.plan.running("search", key, bar):
                self._save_search(measure_search(self.parts["dev"], self.workspace, CANDIDATES))

    def _save_search(self, rows: Sequence[dict]) -> None:
        (self.out / "retrieval.json").write_text(json.dumps(choose_search(rows), indent=1) + "\n", "utf-8")

    def _use_search(self) -> None:
        """A workspace with the chosen search and the adapters of this run; prints the choice."""
        tqdm.write(json.loads((self.out / "retrieval.json").read_text("utf-8"))["why"])
        self.workspace = own_workspace(self.out, list(self.workspace.documents.values()), self.reading)

    def _forecast(self, made: dict[str, list[Example]], parent: Path | None, bar) -> None:
        """Measure the speed of training and answering once, forecast every step, fit the plan into the minutes, print it."""
        plan, test = self.plan, self.parts["test"]
        key = digest(plan.digests["documents"], plan.digests["base"])
        if not plan.is_done("measure speed", key):
            with plan.running("measure speed", key, bar):
                plan.speed = measure_speed(made["raft"], parent, self.parts["train"], self.workspace)
        rows = json.loads((self.out / "retrieval.json").read_text("utf-8"))["candidates"]
        if rows[0]["questions"] and max(row["recall@5"][0] for row in rows if OWN not in row["name"]) < ENOUGH:
            passes, index = retrieval.RetrieverTraining.epochs, plan.step("search").seconds / 4  # of the four made for search
            plan.step("embedder").forecast = EMBEDDER_SECONDS * passes * len(self.parts["train"]) + index
        model = self.workspace.model()
        plan.step("train own_raft")
        raft, closed_book = (own_training.forecast(made[recipe], plan.speed["train_token"], model, RECIPES[recipe].epochs)
                             for recipe in ("raft", "closed_book"))
        plan.step("train own_closed_book").forecast = 40 + closed_book
        if parent:
            plan.step(FROM_BASE)
        for name in self._arms():
            arm = evaluation.parse_arm(name)
            each = plan.speed["answer_with_passages" if arm.context.retrieves else "answer"]
            plan.step(name).forecast = each * len(test) * (SOLVED_COST if arm.model.name == "few_shot" else 1.0) + 5
        if len(self._judged_dev()) >= evaluation.FEWEST:
            share = len(self._judged_dev()) / len(test)
            plan.step(CONFIDENCE).forecast = sum(share * plan.step(name).forecast for name in options(plan, self._arms()))
        plan.step("page").forecast = 10
        missing = plan.fit_training(raft, len(made["raft"]), own_training.VIEWS / RECIPES["raft"].views)
        if missing > 0 and any(step.state == "planned" for step in plan.steps.values()):
            needs = (missing + plan.minutes * 60) / 60
            raise ValueError(f"base, search, fine-tuning and both do not fit into {plan.minutes:g} minutes on this machine: they "
                             f"need about {needs:.0f}; give --minutes {1.1 * needs:.0f}, or a file with fewer test questions")
        plan.save()
        tqdm.write(plan.table())
        bar.total = max(1, round(sum(step.forecast for step in plan.steps.values() if step.state == "planned")))

    def _arms(self) -> list[str]:  # the course's adapters belong to its own base model
        return [name for name in ARMS if self.run.model == settings.WHEEL_MODEL or not name.startswith("raft")]

    def _train_embedder(self, bar) -> bool:
        """Train an embedder and choose search again with it; False if there is no time for it, or it is there."""
        folder, run = self.out / "adapters" / "own_embedder", retrieval.RetrieverTraining()
        rows = json.loads((self.out / "retrieval.json").read_text("utf-8"))["candidates"]
        key = digest(self.plan.digests["documents"], self.plan.digests["questions"], self.run.embedder, vars(run))
        if self.plan.step("embedder").state == "dropped" or self.plan.is_done("embedder", key):
            return False
        with self.plan.running("embedder", key, bar):
            learnable = [q for q in self.parts["train"] if q.evidence and q.task in ("fact", "error", "routing")]
            examples = evaluation.mined_examples(learnable, self.questions, self.workspace.pipeline, run)
            training.run_in_subprocess(retrieval.train_embedder, examples, run, folder, self.run.embedder,
                                       self.out / "questions.jsonl")
            own = {f"sections, {OWN}{words}": replace(CANDIDATES["sections"], adapter=str(folder), bm25=weight)
                   for words, weight in (("", 0.0), (" + BM25", 0.3))}
            self._save_search([*rows, *measure_search(self.parts["dev"], self.workspace, own)])
        self._use_search()
        return True

    def _examples(self) -> dict[str, list[Example]]:
        key = digest({**self.plan.digests, "prices": ""}, (self.out / "retrieval.json").read_text("utf-8"), settings.fast())
        return kept_examples(self.out / "examples.json", key, self.questions, self.workspace)

    def _train_from_base(self, examples: list[Example], bar) -> None:
        """A second reader that starts at the base model; the one with the lower loss on dev is `own_raft`."""
        self.plan.fit()  # the first reader may have taken longer than forecast
        if self.plan.steps[FROM_BASE].state == "dropped":
            shutil.rmtree(self.out / "adapters" / FROM_BASE_FOLDER, ignore_errors=True)
        else:
            self._train(FROM_BASE, examples, None, bar)
        self.workspace = own_workspace(self.out, list(self.workspace.documents.values()), self.reading)

    def _train(self, step: str, examples: list[Example], parent: Path | None, bar) -> None:
        """Train one adapter on as many of the examples as fit."""
        recipe = "closed_book" if step.endswith("closed_book") else "raft"
        name, run = FROM_BASE_FOLDER if step == FROM_BASE else f"own_{recipe}", RECIPES[recipe]
        if recipe == "raft":
            examples = examples[: max(1, round(self.plan.training["share"] * len(examples)))]
        self.plan.training[recipe] = len(examples)
        folder = self.out / "adapters" / name
        parents = training.parent_of(parent) if parent else {}
        key = digest(training.rows_digest(examples), vars(run), self.plan.digests["base"], parents)
        if self.plan.is_done(step, key) and (folder / "adapter_model.safetensors").exists():
            return
        about = own_training.trained_on(self.workspace, self.folder, self.out / "questions.jsonl", len(self.parts["train"]))
        held_out = examples_for(recipe, self.questions, self.workspace, split="dev")
        with self.plan.running(step, key, bar):
            record = train_adapter(examples, held_out, parent, folder, run, about, self.run.model)
        loss = record["held_out_loss"]
        tqdm.write(f"{name}: {len(examples)} examples, {record['questions_seen']} questions seen; loss on {loss['examples']} dev "
                   f"examples {loss['before']} → {loss['after']}")

    def _answer(self, bar) -> list[Record]:
        """Ask dev, then test; writes the records, decided at the prices between an answer and silence, with their provenance."""
        (self.out / "arms").mkdir(exist_ok=True)
        train, test = self.parts["train"], self.parts["test"]
        calibrate(self.plan, self._arms(), self._judged_dev(), train, self.out, self.workspace, bar)
        records = answer_test(self.plan, self._arms(), test, train, self.out, self.workspace, bar)
        arms = evaluation.parse_arms(",".join(dict.fromkeys(record.arm for record in records)))
        provenance = evaluation.records_provenance(arms, self.workspace, self.folder, self.file, records)
        provenance["decide"] = {"training_questions": len(train), "training_examples": self.plan.training,
                                "search": json.loads((self.out / "retrieval.json").read_text("utf-8"))["why"],
                                "start": start_words(self.out, self.workspace),
                                "changed_answers": tell_changed_answers(records, self.workspace),
                                "left_out": [step.name for step in self.plan.steps.values() if step.state == "dropped"],
                                "test_read": len(self.plan.test_read), "split": [*self.file.notes, *self.notes]}
        records, provenance = roi.decided_at_prices(records, test, provenance, self.prices, self.workspace.copies)
        text = "".join(evaluation.record_line(record.to_json()) for record in records)
        (self.out / "records.jsonl").write_text(text, "utf-8")
        evaluation.provenance_file(self.out / "records.jsonl").write_text(json.dumps(provenance, indent=1) + "\n", "utf-8")
        return records

    def _judged_dev(self) -> list[Question]:
        return [q for q in self.parts["dev"] if q.task != "summary" and not q.retrieval_only]

    def _page(self, records: Sequence[Record], bar) -> Path:
        provenance = evaluation.read_provenance(self.out / "records.jsonl")
        with self.plan.running("page", digest(self.plan.digests, [step.digest for step in self.plan.steps.values()]), bar):
            return roi.write_report(records, self.out / "decision.html", self.prices, provenance, self.parts["test"])


def decide(folder: str, questions: str, out: str, prices: Path = roi.PRICE_FILE, minutes: float = 60.0) -> Path:
    """`Decision` in one call, for a notebook; returns the page. Raises ValueError for bad input, before anything starts."""
    return Decision(folder, questions, evaluation.new_folder(out, "plan.json"), prices, minutes)()


def decide_command(options: argparse.Namespace, prepare: evaluation.Prepare) -> int:
    """Train, measure and price RAG, fine-tuning and both on your documents."""
    out, prices = evaluation.new_folder(options.out, "plan.json"), Path(options.prices or roi.PRICE_FILE)
    prepare(index=False)
    decision = Decision(options.corpus, options.questions, out, prices, options.minutes)
    print(decision())
    return evaluation.close_command(out / "page", decision.reading, decision.file)
