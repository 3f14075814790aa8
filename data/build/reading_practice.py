"""Reading practice: questions that code makes from the documents of services outside the course.

It teaches a model to pick the correct value or name among several, and uses none of the course's documents, so it cannot leak
benchmark facts. Passages dominate the cost of a step, so one conversation asks several questions about the same passages.
"""
from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from utils import corpus, generation, metrics, models, retrieval, settings, training
from utils.text import STOPWORDS, sentences
from utils.types import Chunk, Document, Example, Hit, Question

from .reading_questions import TASKS, document_sentences, reading_rows, sentence_digest

SERVICES = 60  # number of services to draw
ALIKE = 0.5  # a question is ambiguous when another passage has more than this share of its words
ABSENT = 0.1  # share of questions whose document is withheld
TURNS = 4  # maximum number of questions about the same passages
MEMBER = re.compile(r"\b(\w{4,}) \((?:string|list|integer|long|boolean|structure|map|timestamp|float|double|blob)[^)]*\)\. "
                    r"([A-Z][^.]{25,200}\.)")
NO_ANSWER = ("For more", "For information", "See ")


@dataclass(frozen=True)
class Asked:
    """A question to make an example of.

    right: the chunks that state the answer or, for a near-miss, only look as if they did. sentences: those that state it. names:
    the answer of a list. rival: lead chunk of the operation most easily taken for the right one. wording: by the authors.
    """

    id: str
    kind: str  # value, error, routing, member, list, or unanswerable for a near-miss
    service: str
    right: tuple[Chunk, ...]
    sentences: tuple[str, ...]
    answer: str
    names: tuple[str, ...] = ()
    rival: Chunk | None = None
    wording: str = ""


def practice(many: int, run: settings.Settings, count, seed: int = 0) -> list[Example]:
    """`many` conversations in the format of `raft_examples`. Half start with a question for a value, a quarter each with one for
    an error or an operation; further questions about the same passages follow.

    count: function that returns the number of tokens of a text, by the language model's tokenizer.
    """
    draw = random.Random(seed)
    others = [name for name in corpus.service_names() if name not in settings.COURSE_SERVICES]
    documents = corpus.load(sorted(draw.sample(others, SERVICES)))
    tokenizer = models.embedder(run.embedder).tokenizer
    by_service: dict[str, list[Document]] = {}
    for document in documents:
        by_service.setdefault(document.group, []).append(document)
    share, examples = many // len(by_service) + 1, []
    for service, own in by_service.items():
        chunks = retrieval.section_chunks(own, tokenizer, retrieval.load_selected_config().chunk_tokens)
        of_kind: dict[str, list[tuple[Chunk, str, str]]] = {"value": [], "error": [], "routing": [], "member": []}
        for chunk in chunks:
            for kind, text, answer in asked_of(chunk):
                of_kind[kind].append((chunk, text, answer))
        words = retrieval.BM25Index(chunks)
        askable = [(chunk, kind, text, answer) for kind, rows in of_kind.items() for chunk, text, answer in rows]
        for kind, size in (("value", share // 2 + 1), ("error", share // 4 + 1), ("routing", share // 4 + 1)):
            # one question per wording, because many documents share boilerplate
            unique = list({text: (chunk, text, answer) for chunk, text, answer in of_kind[kind]}.values())
            for chunk, text, answer in draw.sample(unique, min(size, len(unique))):
                asked = Asked(f"practice-{len(examples)}", kind, service, (chunk,), (text,), answer)
                first = _example(asked, chunks, words, count, draw)
                examples.append(replace(first, more=_further(first, askable, chunks, service, draw)))
    draw.shuffle(examples)
    return examples[:many]


def natural(run: settings.Settings, count, seed: int = 0, only: str = ".*", together: int = 1) -> list[Example]:
    """A conversation for each question in `data/reading.jsonl`, written by the authors about other services' documents.

    The file has no document text: a digest of the answering sentence identifies its passage. only: a pattern of ids. together: 2
    for conversations that ask a second such question, about a further passage of the same service. Questions about the held-out
    services are never used.
    """
    rows = [row for row in reading_rows() if not row.get("held_out") and re.fullmatch(only, row["id"])]
    by_service: dict[str, list[Document]] = {}
    for document in corpus.load(sorted({row["document"].partition(".")[0] for row in rows})):
        by_service.setdefault(document.group, []).append(document)
    tokenizer, draw, examples = models.embedder(run.embedder).tokenizer, random.Random(seed), []
    for service, own in by_service.items():
        chunks = retrieval.section_chunks(own, tokenizer, retrieval.load_selected_config().chunk_tokens)
        askable = [(chunk, kind, text, answer) for chunk in chunks for kind, text, answer in asked_of(chunk)]
        asked = [row for row in rows if row["document"].partition(".")[0] == service]
        words, stated = retrieval.BM25Index(chunks), stated_places(asked, own, chunks)
        waiting = [asked_row(row, stated, chunks) for row in (draw.sample(asked, len(asked)) if together > 1 else asked)]
        while waiting:
            first = waiting.pop(0)
            beside = next((i for i, other in enumerate(waiting) if together > 1 and not {first.names, other.names} - {()}), None)
            second = waiting[beside] if beside is not None else None
            example = _example(first, chunks, words, count, draw, second)
            turns = _turn(second, example) if second else ()
            if turns:
                waiting.pop(beside)
            more = _further(example, askable, chunks, service, draw, TURNS - 1 - len(turns))
            examples.append(replace(example, more=(*turns, *more)))
    return examples


def _turn(asked: Asked, example: Example) -> tuple[tuple[str, str], ...]:
    """The question as a further turn, if the example shows its passage."""
    if asked.right[0].id not in example.shown:
        return ()
    place = example.shown.index(asked.right[0].id) + 1
    return ((asked.wording, metrics.ABSTENTION if asked.kind == "unanswerable" else f"{asked.answer} [{place}]"),)


def stated_places(rows: Sequence[dict], documents: Sequence[Document], chunks: Sequence[Chunk]) -> dict:
    """(document, digest) → (chunk, sentence) of every place that states the sentence; all that the rows name are among them."""
    stated: dict[tuple[str, str], list[tuple[Chunk, str]]] = {}
    for chunk in chunks:
        for sentence in sentences(chunk.text):
            stated.setdefault((chunk.document_id, sentence_digest(sentence)), []).append((chunk, sentence))
    cut = {place for row in rows for place in row["sentences"]} - stated.keys()
    for document, sentence in document_sentences(documents):  # a chunk may join it to its neighbour, or hold most of it
        if (place := (document.id, sentence_digest(sentence))) in cut:
            own = [chunk for chunk in chunks if chunk.document_id == document.id]
            stated[place] = [(max(own, key=lambda chunk: len(_words(chunk.text) & _words(sentence))), sentence)]
    return stated


def asked_row(row: dict, stated: dict, chunks: Sequence[Chunk]) -> Asked:
    """The question of a row. stated: `stated_places` of its service."""
    service, names = row["document"].partition(".")[0], tuple(row.get("answer_set", ()))
    answer, right = row.get("answers", [", ".join(names)])[0], []
    for place in row["sentences"]:  # a document may repeat a sentence: the right place has the answer
        fitting = [chunk for chunk, _ in stated[place]
                   if any(name in f"{chunk.section} {chunk.text}" for name in names or [answer])]
        right += (fitting or [stated[place][0][0]])[: None if row["sentences"][1:] else 1]
    rival = next((chunk for chunk in chunks if chunk.id == f"{service}.{row.get('rival')}#0"), None)
    return Asked(row["id"], "value" if row["task"] == "fact" else row["task"], service, tuple(dict.fromkeys(right)),
                 tuple(stated[place][0][1] for place in row["sentences"]), answer, names, rival, row["question"])


def asked_of(chunk: Chunk) -> Iterator[tuple[str, str, str]]:
    """(kind, sentence, answer) of each question that can be asked about a chunk."""
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
        lead = stated[0].partition(name)[2].strip() or (stated[1] if len(stated) > 1 else "")
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
             draw: random.Random, many: int = TURNS - 1) -> tuple[tuple[str, str], ...]:
    """(question, answer) of up to `many` further turns: most ask what exactly one passage states, a few what none does."""
    shown = {id_: place for place, id_ in enumerate(first.shown, 1)}
    texts = {chunk.id: _words(chunk.text) for chunk in chunks if chunk.id in shown}
    documents = {chunk.document_id for chunk in chunks if chunk.id in shown} | set(first.question.evidence)
    used = {first.completion.rpartition(" [")[0]}

    def unambiguous(row) -> bool:
        content = _words(row[2]) - _words(row[3])
        return all(len(content & words) <= ALIKE * len(content) for id_, words in texts.items() if id_ != row[0].id)

    answerable = [row for row in askable if row[0].id in shown and unambiguous(row)]
    absent = [row for row in draw.sample(askable, min(20, len(askable)))
              if row[0].document_id not in documents and unambiguous(row)]
    draw.shuffle(answerable)
    turns = []
    for chunk, kind, sentence, answer in answerable:
        if answer not in used and len(turns) < many:
            used.add(answer)
            turns.append((_asks(kind, service, sentence, answer, draw), f"{answer} [{shown[chunk.id]}]"))
    if absent and turns and draw.random() < ABSENT * (len(turns) + 1):
        _, kind, sentence, answer = draw.choice(absent)
        turns[draw.randrange(len(turns))] = (_asks(kind, service, sentence, answer, draw), metrics.ABSTENTION)
    return tuple(turns)


def _example(asked: Asked, chunks: Sequence[Chunk], words: retrieval.BM25Index, count, draw: random.Random,
             second: Asked | None = None) -> Example:
    """An example of a question. second: another whose passage is shown, too, where it does not answer the first."""
    text = asked.wording or _asks(asked.kind, asked.service, asked.sentences[0], asked.answer, draw)
    own, right_ids = {chunk.document_id for chunk in asked.right}, {chunk.id for chunk in asked.right}
    evidence = {c.document_id for c in chunks if any(sentence in c.text for sentence in asked.sentences)} | own
    others = [hit for hit in words.search(text, 20) if hit.chunk.id not in right_ids
              and (hit.document_id in own or hit.document_id not in evidence)]
    if asked.rival and asked.rival.document_id not in evidence:
        others = [Hit(asked.rival, 1, 0.0), *(hit for hit in others if hit.chunk.id != asked.rival.id)]
    forced = second.right[0] if second and second.right[0].document_id not in evidence else None
    if forced:
        others = [hit for hit in others if hit.chunk.id != forced.id]
        others.insert(draw.randrange(3), Hit(forced, 1, 0.0))
    apart = [hit for hit in others if hit.document_id not in evidence]
    absent = draw.random() < ABSENT and bool(apart)
    right, rivals = ([], apart) if absent else ([Hit(chunk, 1, 0.0) for chunk in asked.right], others)
    position = 0 if draw.random() < training.FIRST else draw.randrange(1, 6)
    wanted = max((n for n, hit in enumerate(rivals, 1) if forced and hit.chunk.id == forced.id), default=int(bool(asked.rival)))
    least = sum(map(count, generation.numbered_passages([*right, *rivals[:wanted]]))) if wanted else 0
    budget = draw.choice(training.BUDGETS if second else training.BUDGETS[:2])
    shown = training.fill_passages(right, rivals, count, max(least, budget), position)
    cited = "".join(f"[{n}]" for n, hit in enumerate(shown, 1) if hit.chunk.id in right_ids)
    near_miss = asked.kind == "unanswerable"
    kind = "unanswerable" if near_miss else "absent" if absent else "answer"
    question = Question(asked.id, TASKS.get(asked.kind, asked.kind), text, () if asked.names or near_miss else (asked.answer,),
                        asked.names, () if near_miss else tuple(sorted(evidence)), "train", "reading",
                        {"kind": asked.kind, "operation": asked.right[0].document_id}, asked.right[0].document_id)
    return Example(question.id, generation.build_prompt(text, shown),
                   f"{asked.answer} {cited}" if kind == "answer" else metrics.ABSTENTION, kind,
                   tuple(hit.chunk.id for hit in shown), question)
