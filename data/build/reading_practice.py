"""Reading practice from services outside the course: questions made by code from their documents, thousands if need be.

A model learns to pick the right number or name among several; nothing of the course's own documents is in it, so nothing can
leak. Passages are most of what a step costs, so several questions are asked of the same ones, as turns of one conversation.
"""
from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from utils import corpus, generation, metrics, models, retrieval, settings, training
from utils.text import STOPWORDS, sentences
from utils.types import Chunk, Document, Example, Hit, Question

SERVICES = 60  # services drawn
ALIKE = 0.5  # share of a question's words that another passage may hold before the question counts as ambiguous
ABSENT = 0.1  # share of questions whose document is withheld
TURNS = 4  # questions asked of the same passages, at most
MEMBER = re.compile(r"\b(\w{4,}) \((?:string|list|integer|long|boolean|structure|map|timestamp|float|double|blob)[^)]*\)\. "
                    r"([A-Z][^.]{25,200}\.)")
NO_ANSWER = ("For more", "For information", "See ")


def practice(many: int, chosen: settings.Settings, count, seed: int = 0) -> list[Example]:
    """`many` conversations in the form of `raft_examples`: the first question of half of them asks for a value, that of a
    quarter each for an error or an operation; further questions of the same passages follow.

    count: tokens of a text, by the language model's tokenizer.
    """
    draw = random.Random(seed)
    others = [name for name in corpus.service_names() if name not in settings.COURSE_SERVICES]
    drawn = sorted(draw.sample(others, SERVICES))
    documents = corpus.load(drawn)
    tokenizer = models.embedder(chosen.embedder).tokenizer
    by_service: dict[str, list[Document]] = {}
    for document in documents:
        by_service.setdefault(document.group, []).append(document)
    share, made = many // len(by_service) + 1, []
    for service, own in by_service.items():
        chunks = retrieval.section_chunks(own, tokenizer, retrieval.load_selected_config().chunk_tokens)
        found: dict[str, list[tuple[Chunk, str, str]]] = {"value": [], "error": [], "routing": [], "member": []}
        for chunk in chunks:
            for kind, text, answer in asked_of(chunk):
                found[kind].append((chunk, text, answer))
        words = retrieval.BM25Index(chunks)
        askable = [(chunk, kind, text, answer) for kind, of_kind in found.items() for chunk, text, answer in of_kind]
        for kind, size in (("value", share // 2 + 1), ("error", share // 4 + 1), ("routing", share // 4 + 1)):
            # one question for each wording: boilerplate that many documents share would otherwise fill the set
            once = list({text: (chunk, text, answer) for chunk, text, answer in found[kind]}.values())
            for chunk, text, answer in draw.sample(once, min(size, len(once))):
                first = _example(f"practice-{len(made)}", kind, service, chunk, text, answer, chunks, words, count, draw)
                made.append(replace(first, more=_further(first, askable, chunks, service, draw)))
    draw.shuffle(made)
    return made[:many]


def natural(chosen: settings.Settings, count, seed: int = 0) -> list[Example]:
    """An example for each question of `data/reading.jsonl`, which the authors wrote about other services' documents.

    The file holds no text of theirs: the passage is found again by the digest of the sentence that answers.
    """
    asked = [json.loads(line) for line in settings.READING.read_text("utf-8").splitlines()]
    by_service: dict[str, list[Document]] = {}
    for document in corpus.load(sorted({row["document"].partition(".")[0] for row in asked})):
        by_service.setdefault(document.group, []).append(document)
    tokenizer, draw, made = models.embedder(chosen.embedder).tokenizer, random.Random(seed), []
    for service, own in by_service.items():
        chunks = retrieval.section_chunks(own, tokenizer, retrieval.load_selected_config().chunk_tokens)
        askable = [(chunk, kind, text, answer) for chunk in chunks for kind, text, answer in asked_of(chunk)]
        words, said = retrieval.BM25Index(chunks), {}
        for chunk in chunks:
            for sentence in sentences(chunk.text):
                said.setdefault((chunk.document_id, sentence_digest(sentence)), (chunk, sentence))
        for row in asked:
            if row["document"].partition(".")[0] == service:
                chunk, sentence = said[row["document"], row["sentence"]]
                kind = "value" if row["task"] == "fact" else row["task"]
                first = _example(row["id"], kind, service, chunk, sentence, row["answer"], chunks, words, count, draw,
                                 row["question"])
                made.append(replace(first, more=_further(first, askable, chunks, service, draw)))
    return made


def sentence_digest(sentence: str) -> str:
    """Twelve hex digits that stand for a sentence without quoting it."""
    return hashlib.sha256(sentence.encode()).hexdigest()[:12]


def asked_of(chunk: Chunk) -> Iterator[tuple[str, str, str]]:
    """(kind, sentence, answer) of what can be asked about a chunk."""
    kind, _, name = chunk.section.partition(" ")
    stated = sentences(chunk.text)
    if kind == "error":
        meanings = [s for s in stated if not re.match(r"Error |HTTP status", s) and name not in s]
        if meanings and 5 <= len(meanings[0].split()) <= 30:
            yield "error", meanings[0], name
        return
    for member, meaning in MEMBER.findall(chunk.text):
        if member not in meaning and not meaning.startswith(NO_ANSWER) and len(meaning.split()) <= 30:
            yield "member", meaning, member
    name = chunk.document_id.partition(".")[2]
    if kind == "overview" and chunk.id.endswith("#0"):
        lead = stated[0].partition(f"{name}")[2].strip() or (stated[1] if len(stated) > 1 else "")
        if 5 <= len(lead.split()) <= 30 and not lead.startswith(NO_ANSWER):
            yield "routing", lead, name
    for sentence in stated:
        if value := training.value_in(sentence):
            yield "value", sentence, value


def _words(text: str) -> set[str]:
    return {word for word in re.findall(r"\w+", text.lower()) if word not in STOPWORDS}


def _asks(kind: str, service: str, sentence: str, answer: str, draw: random.Random) -> str:
    text = training.word_question(kind, sentence, answer, draw)
    return f"{service}: {text}" if draw.random() < 0.5 else text


def _further(first: Example, askable: Sequence[tuple[Chunk, str, str, str]], chunks: Sequence[Chunk], service: str,
             draw: random.Random) -> tuple[tuple[str, str], ...]:
    """(question, answer) of further turns: each asks what one passage alone says, some what none of them does."""
    shown = {id_: place for place, id_ in enumerate(first.shown, 1)}
    texts = {chunk.id: _words(chunk.text) for chunk in chunks if chunk.id in shown}
    documents = {chunk.document_id for chunk in chunks if chunk.id in shown} | set(first.question.evidence)
    told = {first.completion.rpartition(" [")[0]}

    def alone(each) -> bool:
        said = _words(each[2]) - _words(each[3])
        return all(len(said & words) <= ALIKE * len(said) for id_, words in texts.items() if id_ != each[0].id)

    here = [each for each in askable if each[0].id in shown and alone(each)]
    absent = [each for each in draw.sample(askable, min(20, len(askable)))
              if each[0].document_id not in documents and alone(each)]
    draw.shuffle(here)
    turns = []
    for chunk, kind, sentence, answer in here:
        if answer not in told and len(turns) < TURNS - 1:
            told.add(answer)
            turns.append((_asks(kind, service, sentence, answer, draw), f"{answer} [{shown[chunk.id]}]"))
    if absent and turns and draw.random() < ABSENT * (len(turns) + 1):
        _, kind, sentence, answer = draw.choice(absent)
        turns[draw.randrange(len(turns))] = (_asks(kind, service, sentence, answer, draw), metrics.ABSTENTION)
    return tuple(turns)


def _example(id_: str, kind: str, service: str, chunk: Chunk, sentence: str, answer: str, chunks: Sequence[Chunk],
             words: retrieval.BM25Index, count, draw: random.Random, text: str = "") -> Example:
    text = text or _asks(kind, service, sentence, answer, draw)
    hits = words.search(text, 20)
    evidence = {c.document_id for c in chunks if sentence in c.text} | {chunk.document_id}
    others = [hit for hit in hits if hit.chunk.id != chunk.id
              and (hit.document_id == chunk.document_id or hit.document_id not in evidence)]
    apart = [hit for hit in others if hit.document_id not in evidence]
    absent = draw.random() < ABSENT and bool(apart)
    right, rivals = ([], apart) if absent else ([Hit(chunk, 1, 0.0)], others)
    position = 0 if draw.random() < training.FIRST else draw.randrange(1, 6)
    shown = training.fill_passages(right, rivals, count, draw.choice(training.BUDGETS[:2]), position)
    place = next((n for n, hit in enumerate(shown, 1) if hit.chunk.id == chunk.id), 0)
    fact = {"kind": kind, "operation": chunk.document_id}
    task = "fact" if kind == "value" else kind
    question = Question(id_, task, text, (answer,), (), tuple(sorted(evidence)), "train", "reading", fact,
                        chunk.document_id)
    return Example(question.id, generation.build_prompt(text, shown), metrics.ABSTENTION if absent else f"{answer} [{place}]",
                   "absent" if absent else "answer", tuple(hit.chunk.id for hit in shown), question)
