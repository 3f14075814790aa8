"""Arms of the benchmark: which model reads which context, run over a questions file with every record written.

A run can be interrupted at any batch and goes on where it stopped. Tables are `report`'s business.
"""
from __future__ import annotations

import functools
import hashlib
import json
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from . import advanced, baselines, benchmark, corpus, folder, knowledge, metrics, models, rag, registry, retrieval, settings
from .benchmark import Question

TRAINED = ("closed_book", "format_only", "raft", "raft_dpo_unbalanced", "raft_dpo_author", "raft_dpo_ai", "raft_dpo_mixed",
           "raft_kto", "raft_feedback")
MODELS = ("base", *TRAINED)
CONTEXTS = ("naive_rag", "advanced_rag", "graph", "oracle", "distractor")
BASELINES = baselines.NAMES
DEFAULT = "base,naive_rag"


@dataclass(frozen=True)
class Arm:
    """One arm: its name as typed, its context ("" is closed book), its model, or a baseline without a model."""

    name: str
    context: str = ""
    baseline: bool = False
    model: str = "base"  # base, a trained model's name with or without @SEED, or adapter:FOLDER


def parse(names: str) -> list[Arm]:
    """Arms of a comma-separated list. Raises ValueError that lists the known ones for an unknown arm."""
    arms = []
    for name in dict.fromkeys(part.strip() for part in names.split(",") if part.strip()):
        model, _, context = name.rpartition("+") if name.rpartition("+")[2] in CONTEXTS else (name, "", "")
        trained = model.startswith("adapter:") or re.fullmatch(rf"({'|'.join(TRAINED)})(@\d+)?", model)
        if name in BASELINES:
            arms.append(Arm(name, baseline=True))
        elif name in CONTEXTS:
            arms.append(Arm(name, name))
        elif model == "base" or trained:
            arms.append(Arm(name, context, model=model))
        else:
            known = [*MODELS, *CONTEXTS, "MODEL+CONTEXT", "MODEL@SEED+CONTEXT", "adapter:FOLDER", *BASELINES]
            raise ValueError(f"unknown arm {name!r}; known are {', '.join(known)}")
    if not arms:
        raise ValueError("no arm is named; give at least one, for example --arms base,naive_rag")
    return arms


class Room:
    """What the arms share, each part made when first asked for: documents, index, bounds and the language model."""

    def __init__(self, chosen: settings.Settings, documents: Sequence[corpus.Document] | None = None):
        self.chosen = chosen
        self.documents = {d.id: d for d in (corpus.load() if documents is None else documents)}

    @functools.cached_property
    def dense(self) -> retrieval.DenseRetriever:
        """The naive index: fixed-size chunks, dense vectors, Chroma."""
        embedder = models.embedder(self.chosen.embedder)
        chunks = retrieval.chunk_corpus(self.documents.values(), embedder.tokenizer, self.chosen)
        return retrieval.DenseRetriever(chunks, embedder, self.chosen)

    @functools.cached_property
    def advanced(self) -> advanced.Advanced:
        """The pipeline that dev chose, with its index of section chunks."""
        return advanced.Advanced(list(self.documents.values()), self.chosen)

    @functools.cached_property
    def knowledge(self) -> knowledge.Knowledge:
        """The graph of the documents, combined with the advanced pipeline."""
        return knowledge.Knowledge(list(self.documents.values()), self.advanced)

    @functools.cached_property
    def bounds(self) -> retrieval.Restricted:
        """Exact search inside or outside the evidence, for `oracle` and `distractor`."""
        return retrieval.Restricted(self.advanced.dense)

    def settings_of(self, context: str) -> settings.Settings:
        """The settings of a context: all but the naive one share the passages' number of the advanced pipeline."""
        return self.chosen if context in ("", "naive_rag") else replace(self.chosen, k=advanced.frozen().k)

    @property
    def model(self):
        """The generator these settings ask for."""
        return models.language_model(self.chosen)

    def model_of(self, name: str):
        """The generator of an arm's model: the base, or the base with an adapter merged."""
        if name == "base":
            return self.model
        return models.language_model(self.chosen, str(registry.folder(name)), registry.fingerprint(name))

    def reference(self, question: Question) -> str:
        """The lead sentence a summary question asks for, read from its document; "" for other tasks."""
        if question.task != "summary":
            return ""
        return corpus.lead_sentence(self.documents[question.evidence[0]])

    def hits(self, question: Question, context: str) -> list[retrieval.Hit]:
        """The ranking this context gives, down to at least 10 distinct documents where there are so many."""
        if context in ("naive_rag", "advanced_rag", "graph"):
            chosen = {"naive_rag": "dense", "advanced_rag": "advanced", "graph": "knowledge"}[context]
            return rag.retrieve(getattr(self, chosen).search, question.question, self.chosen.depth)
        inside = context == "oracle" and bool(question.evidence)

        def search(query: str, k: int) -> list[retrieval.Hit]:
            return self.bounds.search(query, k, question.evidence, inside)

        return rag.retrieve(search, question.question, self.chosen.depth)

    def digest(self, context: str = "", model: str = "base") -> str:
        """Short digest of everything that decides an answer: settings, prompt wording, corpus, rendering, pipeline."""
        chosen = {k: v for k, v in asdict(self.chosen).items() if k not in ("fast", "batch_size", "chroma_url")}
        wording = [rag.WITH_PASSAGES, rag.WITHOUT_PASSAGES]
        told = [chosen, wording, corpus.RENDERING, [(d.id, len(d.text)) for d in self.documents.values()]]
        if context not in ("", "naive_rag"):
            told += [asdict(advanced.frozen()), advanced.adapters()]
        if model != "base":
            told += [registry.fingerprint(model)]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def run(questions: Sequence[Question], arms: Sequence[Arm], room: Room, out: Path | None = None,
        retrieval_only: bool = False, train: Sequence[Question] = ()) -> list[dict]:
    """Records of every question under every arm, arms in order and questions in file order.

    out: where to write them as JSON lines; an interrupted run leaves `out` + `.part` and resumes from it.
    train: the questions that the two baselines learn from.
    """
    digests = {arm.name: room.digest(arm.context, arm.model) for arm in arms}
    done = _resume(out, digests, {q.id: q.question for q in questions})
    part = out.with_name(out.name + ".part").open("a", encoding="utf-8") if out else None
    try:
        for arm in arms:
            todo = [q for q in questions if (q.id, arm.name) not in done]
            for record in _records(arm, todo, room, retrieval_only, train):
                done[record["question_id"], arm.name] = record
                if part:
                    text = next(q.question for q in todo if q.id == record["question_id"])
                    part.write(json.dumps({"record": record, "question": text}, ensure_ascii=False) + "\n")
                    part.flush()
    finally:
        if part:
            part.close()
    records = [done[q.id, arm.name] for arm in arms for q in questions]
    if out:
        if out.exists():
            out.replace(out.with_name(out.name + ".bak"))
        out.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), "utf-8")
        out.with_name(out.name + ".part").unlink()
    return records


def _resume(out: Path | None, digests: dict[str, str], wanted: dict[str, str]) -> dict[tuple[str, str], dict]:
    part = out.with_name(out.name + ".part") if out else None
    done = {}
    if part and part.exists():
        for line in part.read_text("utf-8").splitlines():
            try:
                row = json.loads(line)
                record = row["record"]
            except (ValueError, KeyError):
                continue  # the line that was being written when the run was interrupted
            if record["settings_hash"] == digests.get(record["arm"]) and wanted.get(record["question_id"]) == row["question"]:
                done[record["question_id"], record["arm"]] = record
    return done


def _records(arm: Arm, questions: Sequence[Question], room: Room, retrieval_only: bool,
             train: Sequence[Question]) -> Iterator[dict]:
    """Records of one arm as they get ready, a batch of generation at a time."""
    from tqdm.auto import tqdm

    if arm.baseline:
        for question, answer in baselines.answers(arm.name, questions, train, room.reference):
            yield record(question, arm, answer, room)
        return
    size = max(room.chosen.batch_size * 4, 32)
    if arm.context and questions:
        room.hits(questions[0], arm.context)  # opens the index, so that the first question is not charged for it
    bar = tqdm(total=len(questions), desc=arm.name, unit="question", disable=len(questions) < 4)
    with bar:
        for start in range(0, len(questions), size):
            asked = questions[start : start + size]
            hits, seconds = [], []
            for question in asked:
                begun = time.perf_counter()
                hits.append(room.hits(question, arm.context) if arm.context else [])
                seconds.append(time.perf_counter() - begun)
            if retrieval_only:
                made = [(i, rag.Answer("", False, (), tuple(h), 0, 0, 0, seconds[i], 0.0)) for i, h in enumerate(hits)]
                yield from (record(asked[i], arm, answer, room) for i, answer in made)
                bar.update(len(asked))
                continue
            ready: list[tuple[int, rag.Answer]] = []

            def collect(indices: list[int], answers: list[rag.Answer], ready: list = ready) -> None:
                ready.extend(zip(indices, answers, strict=True))
                bar.update(len(indices))

            cuts = [room.reference(question) for question in asked]
            try:
                rag.answer_all(asked, hits, seconds, room.model_of(arm.model), room.settings_of(arm.context), cuts, collect)
            finally:
                yield from (record(asked[i], arm, answer, room) for i, answer in ready)


def record(question: Question, arm: Arm, answer: rag.Answer, room: Room) -> dict:
    """One line of a records file: what was retrieved and answered, what it cost, and its scores."""
    ranking = retrieval.distinct_documents(answer.hits)
    scores = metrics.answer_scores(question.task, answer.text, answer.abstained, question.answers,
                                   question.answer_set, room.reference(question))
    names = metrics.parse_set(answer.text) if question.task == "multi_doc" and not answer.abstained else []
    if question.task == "multi_doc" and arm.context == "graph":
        link = room.knowledge.link(question.question)
        scores["set_f1_text"], names = scores["set_f1"], list(link.names) if link else []
        scores["score"] = scores["set_f1"] = metrics.set_f1(names, question.answer_set)
    if question.task in ("fact", "error", "routing") and answer.used:
        scores["answer_in_context"] = answer_in_context(question, answer)
    if question.evidence and answer.used:
        right = [document in question.evidence for document in answer.cited]
        scores["cited_right"] = float(any(right))
        scores |= {"citation_precision": sum(right) / len(right)} if right else {}
    if question.task == "summary":
        scores["rouge_l_copy_first"] = copy_first_score(room, question)
    if question.evidence and arm.context:
        scores.update(metrics.retrieval_scores(ranking, question.evidence, question.task == "multi_doc"))
    return {
        "question_id": question.id,
        "arm": arm.name,
        "task": question.task,
        "cluster": question.cluster,
        "hits": [
            {"document_id": hit.document_id, "section": hit.chunk.section, "rank": hit.rank,
             "score": round(hit.score, 5), "in_prompt": hit.rank <= answer.used}
            for hit in answer.hits
        ],
        "answer": "" if answer.abstained else answer.text,
        "abstained": answer.abstained,
        "cited": list(answer.cited),
        "answer_set": names,
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        "seconds": {"retrieve": round(answer.seconds_retrieve, 5), "generate": round(answer.seconds_generate, 5)},
        "scores": {name: round(value, 5) for name, value in scores.items()},
        "settings_hash": room.digest(arm.context, arm.model),
    }


def answer_in_context(question: Question, answer: rag.Answer) -> float:
    """1 if an accepted answer occurs in the passages of the prompt, their labels included: what reading could find."""
    return metrics.contains(" ".join(rag.passages(answer.hits[: answer.used])), question.answers)


def copy_first_score(room: Room, question: Question) -> float:
    """ROUGE-L of copying the document's first sentence that is left once the reference is withheld."""
    document, reference = room.documents[question.evidence[0]], room.reference(question)
    rest = document.sections[0].text.replace(reference, "", 1).replace(document.title, "", 1).strip()
    later = rest or (document.sections[1].text if len(document.sections) > 1 else "")
    return metrics.rouge_l(later.split(". ")[0].split("\n")[0], reference)


def load_room(chosen: settings.Settings, directory: str = "") -> Room:
    """The course corpus, or the documents of a folder."""
    return Room(chosen, folder.load(directory) if directory else None)


def training_questions(questions: Sequence[Question]) -> list[Question]:
    """The file's own training questions, else the course's."""
    own = [q for q in questions if q.split == "train"]
    return own or benchmark.load(split="train")
