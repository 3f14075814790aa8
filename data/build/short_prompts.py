"""A reader of short prompts: of many passages, only the sentences that rank best for the question are shown.

`python -m data.build.short_prompts SIZE [EMBEDDER]` trains an adapter on SIZE such prompts and asks the held-out services, with
passages found by the embedder of a try of `embedder_tries` (default: the shipped one). Resumes.
"""
from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace

import numpy

from utils import corpus, evaluation, generation, metrics, models, retrieval, settings, training
from utils.text import content_words, sentences
from utils.training.raft import templated_errors
from utils.types import Chunk, Example, Hit, Question

from .common import work
from .lab2 import made_already
from .reader_recipe import ARMS, MADE, SERVICES, SUMMARIES, drawn, figures, summaries, summary_question
from .reading_practice import asked_row, natural, stated_places
from .reading_questions import TASKS, held_out_questions, reading_rows

PASSAGES = 12  # whose sentences are ranked
TOKENS = 320  # of them, as the prompt shows them
BUDGETS = (200, 320, 440)  # the same in training, drawn at random
ABSENT = 0.1  # share of questions whose documents are withheld
SHOWN = 0.8  # share of questions whose answering sentence is shown whatever its rank
SHARES = {"course": 0.27, "natural": 0.53, "lists": 0.08, "summary": 0.12}  # of a draw
WEIGHTS = (1.0, 0.2, 0.4)  # of cosine, rare shared words and the passage's score, each standardised


def sentence_scores(question: str, hits: Sequence[Hit], embedder: models.Embedder) -> list[float]:
    """A score of every sentence of the passages, in order."""
    rows = [(hit, text) for hit in hits for text in sentences(hit.chunk.text)]
    words, own = content_words(question), [content_words(hit.chunk.header + " " + text) for hit, text in rows]
    common = Counter(word for found in own for word in found)
    shared = [sum(1 / common[word] for word in words & found) for found in own]
    cosine = embedder.encode([placed(hit.chunk, text) for hit, text in rows]) @ embedder.encode([question])[0]
    parts = (cosine, shared, [hit.score for hit, _ in rows])
    return sum(w * retrieval.standardise(numpy.asarray(part)) for w, part in zip(WEIGHTS, parts, strict=True)).tolist()


def placed(chunk: Chunk, sentence: str) -> str:
    """A sentence with its passage's header, as an embedder sees it."""
    return replace(chunk, text=sentence).indexed


def cut(hits: Sequence[Hit], scores: Sequence[float], count, tokens: int) -> list[Hit]:
    """The passages with their best sentences only, as many as fit; passages of which none is left are dropped.

    Of equal sentences the best-ranked stays.
    """
    rows = [(n, text) for n, hit in enumerate(hits) for text in sentences(hit.chunk.text)]
    kept, used, spent = set(), set(), 0
    for i in sorted(range(len(rows)), key=lambda i: -scores[i]):
        n, text = rows[i]
        if any(rows[other][1] == text for other in kept):
            continue
        bare = "" if n in used else generation.numbered_passages([replace(hits[n], chunk=replace(hits[n].chunk, text=""))])[0]
        cost = count(f"{bare} {text}")
        if kept and spent + cost > tokens:
            break
        kept.add(i)
        used.add(n)
        spent += cost
    texts = {n: " ".join(text for i, (m, text) in enumerate(rows) if m == n and i in kept) for n in used}
    return [replace(hit, chunk=replace(hit.chunk, text=texts[n])) for n, hit in enumerate(hits) if n in used]


class ShortPrompts(evaluation.Workspace):
    """A workspace whose passages are cut to their best sentences; those without one come after the others."""

    def hits(self, question: Question, context: str) -> list[Hit]:
        """As `Workspace.hits`. Where the sentences leave room, a short whole passage after them may be shown, too."""
        hits = super().hits(question, context)
        if question.task == "summary":
            hits = [generation.without_sentence(hit, self.reference(question)) for hit in hits]
        first = [hit for hit in hits[:PASSAGES] if hit.chunk.text]
        if not first:
            return hits
        kept = cut(first, sentence_scores(question.question, first, self.pipeline.embedder), self.model().count, TOKENS)
        ids = {hit.chunk.id for hit in kept}
        return [replace(hit, rank=rank) for rank, hit in enumerate([*kept, *(h for h in hits if h.chunk.id not in ids)], 1)]

    def settings_for(self, context: str) -> settings.Settings:
        """As many passages as fit."""
        return replace(super().settings_for(context), k=PASSAGES, context_tokens=TOKENS)

    def digest(self, arm, train=()) -> str:
        """As `Workspace.digest`, of short prompts."""
        return f"{super().digest(arm, train)}-short-{TOKENS}"


def example(question: Question, hits: Sequence[Hit], right: Sequence[Chunk], stating: Sequence[str], embedder, count,
            draw: random.Random) -> Example | None:
    """A prompt with the best sentences of these passages. right: the answering passages; stating: their answering sentences."""
    answerable, absent = bool(question.evidence), draw.random() < ABSENT
    forced = answerable and not absent and draw.random() < SHOWN
    if absent:
        hits = [hit for hit in hits if hit.document_id not in question.evidence]
    if forced and not {chunk.id for chunk in right} & {hit.chunk.id for hit in hits[:PASSAGES]}:
        place = draw.randrange(2, PASSAGES)
        hits = [*hits[:place], Hit(right[0], place, hits[min(place, len(hits) - 1)].score), *hits[place:]]
    hits = list(hits)[:PASSAGES]
    if not hits:
        return None
    rows = [text for hit in hits for text in sentences(hit.chunk.text)]
    scores = sentence_scores(question.question, hits, embedder)
    scores = [99.0 if forced and text in stating else score for text, score in zip(rows, scores, strict=True)]
    shown = cut(hits, scores, count, draw.choice(BUDGETS))
    number = next((n for n, (hit, text) in enumerate(zip(shown, generation.numbered_passages(shown), strict=True), 1)
                   if hit.document_id in question.evidence and metrics.stated_in(text, question.answers)), 0)
    if answerable and not number:  # neither the answer nor what only looks like it
        shown = [hit for hit in shown if hit.document_id not in question.evidence]
    if not shown:
        return None
    kind = "answer" if number else "absent" if answerable else "unanswerable"
    completion = f"{question.answers[0]} [{number}]" if number else metrics.ABSTENTION
    return Example(question.id, generation.build_prompt(question.question, shown), completion, kind,
                   tuple(hit.chunk.id for hit in shown), question)


def written(rows: Sequence[dict], embedder: models.Embedder, count, seed: int) -> Iterator[Example]:
    """A prompt of each question of `data/reading.jsonl`, with passages found by words and by the untrained embedder."""
    draw, by_service = random.Random(seed), {}
    for document in corpus.load(sorted({row["document"].partition(".")[0] for row in rows})):
        by_service.setdefault(document.group, []).append(document)
    for service, own in by_service.items():
        chunks = retrieval.section_chunks(own, embedder.tokenizer, retrieval.load_selected_config().chunk_tokens)
        asked = [row for row in rows if row["document"].partition(".")[0] == service]
        words, stated = retrieval.BM25Index(chunks), stated_places(asked, own, chunks)
        for row in asked:
            known, text = asked_row(row, stated, chunks), row["question"]
            home = {chunk.document_id for chunk in known.right}
            evidence = {c.document_id for c in chunks if any(s in c.text for s in known.sentences)} | home
            scores = words.scores(text)
            places = list(dict.fromkeys([*numpy.argsort(-scores, kind="stable")[:15],
                          *[i for i in numpy.argsort(-scores, kind="stable") if chunks[i].document_id in home][:5]]))
            dense = embedder.encode([chunks[i].indexed for i in places]) @ embedder.encode([text])[0]
            fused = 0.8 * retrieval.standardise(dense) + 0.2 * retrieval.standardise(scores[places])
            hits = [Hit(chunks[places[i]], rank, float(fused[i])) for rank, i in enumerate(numpy.argsort(-fused), 1)]
            near_miss = row["task"] == "unanswerable"
            question = Question(row["id"], TASKS.get(row["task"], row["task"]), text, () if near_miss else tuple(row["answers"]),
                                (), () if near_miss else tuple(sorted(evidence)), "train", "reading", home=row["document"])
            if made := example(question, hits, known.right, known.sentences, embedder, count, draw):
                yield made


def course(questions: Sequence[Question], workspace: evaluation.Workspace, seed: int) -> Iterator[Example]:
    """A prompt of each of the course's single-answer or unanswerable questions, found by the untrained embedder."""
    draw, pipeline, count = random.Random(seed), workspace.pipeline, workspace.model().count
    for question in questions:
        right, stating = [], []
        if question.evidence:
            scores = pipeline.bm25.scores(question.question)
            right = [pipeline.chunks[evaluation.answering_chunk(question, pipeline.chunks, scores)]]
            texts = sentences(right[0].text)
            stating = [text for text in texts if metrics.stated_in(text, question.answers)] or texts[:2]
        hits = pipeline.search(question.question, PASSAGES + 8)
        if made := example(question, hits, right, stating, pipeline.embedder, count, draw):
            yield made


def pool(size: int, workspace: evaluation.Workspace, seed: int) -> list[Example]:
    """A draw of `size`: short prompts of questions with one answer or none, and whole passages for lists and summaries."""
    questions, count = evaluation.load_questions(known=workspace.documents), workspace.model().count
    untrained = evaluation.Workspace(config=replace(workspace.config, tuned=False, adapter=""))
    sources = [q for q in questions if q.split == "train" and q.family != "seen_fact" and not training.in_pool(q)]
    sources += [*evaluation.load_questions(settings.ERROR_QUESTIONS), *templated_errors(questions, workspace.documents)]
    rows = [row for row in reading_rows() if not row.get("held_out")]
    lists = natural(workspace.settings, count, seed, only="|".join(row["id"] for row in rows if row["task"] == "list"))
    lists += training.raft_examples([q for q in questions if q.task == "multi_doc"], workspace, seed, errors=0)
    held_out = {row["document"].partition(".")[0] for row in reading_rows() if row.get("held_out")}
    others = [name for name in corpus.service_names() if name not in {*settings.COURSE_SERVICES, *held_out}]
    draw = random.Random(seed)
    lead = list(summaries(corpus.load(sorted(draw.sample(others, SERVICES))), MADE, count, draw))
    parts = {"course": [q for q in sources if q.task not in ("multi_doc", "summary")],
             "natural": [row for row in rows if row["task"] != "list"], "lists": lists, "summary": lead}
    taken = drawn(parts, size, seed, SHARES)
    made = [*course([item for item in taken if isinstance(item, Question)], untrained, seed),
            *written([item for item in taken if isinstance(item, dict)], untrained.pipeline.embedder, count, seed),
            *[item for item in taken if isinstance(item, Example)]]
    if leaks := training.find_leaks(made, questions):
        raise RuntimeError(f"{len(leaks)} leaks, the first: {leaks[0]}")
    print(Counter(f"{example.kind}" for example in made), flush=True)
    return made


def trained(size: int, seed: int, workspace: evaluation.Workspace) -> str:
    """The adapter trained on a draw, made unless it is there, as the name of a model."""
    folder, rows = work(f"short-{size}-{seed}"), work(f"short-{size}-{seed}.json")
    if not rows.exists():
        rows.write_text(json.dumps([asdict(example) for example in pool(size, workspace, seed)]), "utf-8")
    examples = [Example(**{**row, "question": None}) for row in json.loads(rows.read_text("utf-8"))]
    run = training.SFTSettings(recipe="raft", epochs=1.0, seed=seed)
    if not made_already(folder, run, training.rows_digest(examples)):
        models.language_model.cache_clear()
        record = training.run_in_subprocess(training.train_sft, examples, run, folder)
        print({key: value for key, value in record.items() if key not in ("loss", "settings")}, flush=True)
    return f"adapter:{folder}"


def main(words: Sequence[str]) -> None:
    """Train on so many prompts and print the figures on dev and on the held-out services."""
    size, config = int(words[0]), retrieval.load_selected_config()
    if words[1:]:
        config = replace(config, tuned=False, adapter=str(work(f"embedder-{words[1]}")))
    model = trained(size, 0, evaluation.Workspace())
    print("perplexity on general text", round(models.perplexity(models.language_model(settings.load(), *merged(model)),
                                                                models.general_text()), 2), flush=True)
    documents, questions = held_out_questions()
    draw = random.Random(0)
    usable = [d for d in documents if 5 <= len(corpus.lead_sentence(d).split()) <= 30]
    questions += [summary_question(document, draw, "test") for document in draw.sample(usable, SUMMARIES)]
    arms = [f"{model}+{context}" for context in ARMS]
    for name, own, asked in (("dev", None, evaluation.load_questions(split="dev")), ("held out", documents, questions)):
        workspace = ShortPrompts(own, settings.load(), config=config)
        out = work(f"short-{size}-{'-'.join(words[1:])}-{name}.jsonl")
        records = evaluation.run_arms(asked, ",".join(arms), workspace, out, calibrate=False)
        for arm in arms:
            print(name, arm.rpartition("+")[2], figures(records, arm), flush=True)


def merged(model: str) -> tuple[str, str]:
    """Folder and digest of an adapter, as `models.language_model` takes them."""
    return str(models.adapter_folder(model)), models.adapter_digest(model)


if __name__ == "__main__":
    main(sys.argv[1:])
