"""Reading practice from services outside the course: questions made by code from their documents, thousands if need be.

A model learns to pick the right number or name among several; nothing of the course's own documents is in it, so nothing
can leak. The wording is made from the words of the document with some dropped, which is no natural question.
"""
from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence

from . import advanced, benchmark, chunking, corpus, examples, lexical, models, rag, settings
from .benchmark import Question
from .examples import Example
from .retrieval import Chunk, Hit

SERVICES = 60  # services drawn
DROPPED = 0.25  # share of content words that a question leaves out
ABSENT = 0.1  # share of questions whose document is withheld
UNITS = r"seconds|minutes|hours|days|weeks|months|years|characters|bytes|KB|MB|GB|TB|KiB|MiB|GiB|percent"
VALUE = re.compile(r"\b(?:up to|maximum of|default(?: value)? is|default of|limit of|at most|at least|minimum of|within|for|"
                   rf"after|every|last|than|is) (\d+(?:,\d{{3}})*(?:\.\d+)?(?: (?:{UNITS}))?)(?=[\s.,;)])")
TIMES = re.compile(r"seconds|minutes|hours|days|weeks|months|years")
SIZES = re.compile(r"bytes|KB|MB|GB|TB|KiB|MiB|GiB")


def practice(many: int, chosen: settings.Settings, count, seed: int = 0) -> list[Example]:
    """`many` examples in the form of `examples.raft`: half ask for a value, a quarter each for an error or an operation.

    count: tokens of a text, by the language model's tokenizer.
    """
    draw = random.Random(seed)
    others = [name for name in corpus.service_names() if name not in settings.COURSE_SERVICES]
    drawn = sorted(draw.sample(others, SERVICES))
    documents = corpus.load(drawn)
    tokenizer = models.embedder(chosen.embedder).tokenizer
    by_service: dict[str, list[corpus.Document]] = {}
    for document in documents:
        by_service.setdefault(document.service, []).append(document)
    share, made = many // len(by_service) + 1, []
    for service, own in by_service.items():
        chunks = advanced.section_chunks(own, tokenizer, advanced.frozen().chunk_tokens)
        found: dict[str, list[tuple[Chunk, str, str]]] = {"value": [], "error": [], "routing": []}
        for chunk in chunks:
            for kind, text, answer in asked_of(chunk):
                found[kind].append((chunk, text, answer))
        words = lexical.BM25(chunks)
        for kind, size in (("value", share // 2 + 1), ("error", share // 4 + 1), ("routing", share // 4 + 1)):
            # one question for each wording: boilerplate that many documents share would otherwise fill the set
            once = list({text: (chunk, text, answer) for chunk, text, answer in found[kind]}.values())
            for chunk, text, answer in draw.sample(once, min(size, len(once))):
                made.append(_example(len(made), kind, service, chunk, text, answer, chunks, words, count, draw))
    draw.shuffle(made)
    return made[:many]


def asked_of(chunk: Chunk) -> Iterator[tuple[str, str, str]]:
    """(kind, sentence, answer) of what can be asked about a chunk."""
    kind, _, name = chunk.section.partition(" ")
    sentences = chunking.sentences(chunk.text)
    if kind == "error":
        told = [s for s in sentences if not re.match(r"Error |HTTP status", s) and name not in s]
        if told and 5 <= len(told[0].split()) <= 30:
            yield "error", told[0], name
        return
    lead = sentences[1] if kind == "overview" and chunk.id.endswith("#0") and len(sentences) > 1 else ""
    if 5 <= len(lead.split()) <= 30 and not lead.startswith(("For more", "For information", "See ")):
        yield "routing", lead, chunk.document_id.partition(".")[2]
    for sentence in sentences:
        values = VALUE.findall(sentence)
        if len(values) == 1 and 8 <= len(sentence.split()) <= 40:
            yield "value", sentence, values[0]


def worded(kind: str, sentence: str, answer: str, draw: random.Random) -> str:
    """A terse question from the sentence's content words, some dropped, the answer cut out."""
    rest = sentence.replace(answer, " ", 1)
    names = re.findall(r"[A-Za-z][A-Za-z'-]+", rest)
    content = [chunking.plain_words(name) if name[1:].lower() != name[1:] else name.lower() for name in names
               if name.lower() not in benchmark.STOPWORDS]
    kept = [word for word in content if draw.random() > DROPPED]
    kept = kept if len(kept) > 2 else content
    said = " ".join(kept[:14])
    if kind == "error":
        return draw.choice((said, f"failed: {said}", f"{said}, which error?", f"exception when {said}"))
    if kind == "routing":
        return draw.choice((f"which call {said}?", f"how do I {said}", said, f"want to {said}"))
    how = "how long" if TIMES.search(answer) else "how large" if SIZES.search(answer) else "how many"
    return draw.choice((f"{how} {said}?", f"{said}: {how}?", f"{how} {said}", f"what is the limit: {said}"))


def _example(number: int, kind: str, service: str, chunk: Chunk, sentence: str, answer: str, chunks: Sequence[Chunk],
             words: lexical.BM25, count, draw: random.Random) -> Example:
    text = worded(kind, sentence, answer, draw)
    text = f"{service}: {text}" if draw.random() < 0.5 else text
    hits = words.search(text, 20)
    evidence = {c.document_id for c in chunks if sentence in c.text} | {chunk.document_id}
    others = [hit for hit in hits if hit.chunk.id != chunk.id
              and (hit.document_id == chunk.document_id or hit.document_id not in evidence)]
    apart = [hit for hit in others if hit.document_id not in evidence]
    absent = draw.random() < ABSENT and bool(apart)
    right, rivals = ([], apart) if absent else ([Hit(chunk, 1, 0.0)], others)
    position = 0 if draw.random() < examples.FIRST else draw.randrange(1, 6)
    shown = examples.filled(right, rivals, count, draw.choice(examples.BUDGETS[:2]), position)
    place = next((n for n, hit in enumerate(shown, 1) if hit.chunk.id == chunk.id), 0)
    fact = {"kind": kind, "operation": chunk.document_id}
    task = "fact" if kind == "value" else kind
    question = Question(f"reading-{number}", task, text, (answer,), (), tuple(sorted(evidence)), "train", "reading", fact,
                        chunk.document_id)
    return Example(question.id, rag.messages(text, shown), settings.ABSTENTION if absent else f"{answer} [{place}]",
                   "absent" if absent else "answer", tuple(hit.chunk.id for hit in shown), question)
