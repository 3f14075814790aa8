"""Splits your own questions into train, dev and test, so that no test question repeats what a training question teaches."""
from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from .. import evaluation, metrics
from ..types import Question

SHARES = {"train": 50, "dev": 15, "test": 35}  # % of the questions
FEWEST_DOCUMENTS = 10  # with questions; if there are fewer, the headings, rows and pages in them are split
NEAR_DUPLICATE, SAME_FACT = 0.75, 0.5  # overlap of words; the second suffices where the answers are the same
SHORTEST_FACT = 4  # characters; that two questions share a shorter answer, such as 30 or yes, says little
LEAKS = ("near-duplicates", "questions for the same fact")
KINDS = ("questions about documents", "unanswerable questions", "questions that name no document")  # each dealt by the shares
Unit = tuple[str, str]  # a document and a place in it, or "" for the whole document


@dataclass(frozen=True)
class Split:
    """The questions in file order, each with its split. by: file, document or place. notes: sentences about the split."""

    questions: tuple[Question, ...]
    by: str
    notes: tuple[str, ...]


def split_questions(questions: Sequence[Question], seed: int = 0, least: int = 20) -> Split:
    """The file's own split; else one by document (of fewer than ten, by place): train 50 %, dev 15 %, test 35 % of the questions.

    Documents whose questions repeat each other stay together. Raises ValueError if splits share a fact or a wording or only some
    questions have one, with a line for each; and for fewer than `least` test or training questions.
    """
    if any(question.split for question in questions):
        _refuse_leaks(questions)
        _refuse_few(questions, least, given=True)
        return Split(tuple(questions), "file", tuple(_sizes("The file's own split is kept", questions)))
    ordered = sorted(questions, key=lambda q: (q.question, q.evidence, q.places, q.answers, q.id))  # for any order of the file
    units, unplaced = _units(ordered)
    leaks = {leak: [] for leak in LEAKS}
    for a, b, overlap in evaluation.similar_questions(ordered, SAME_FACT):
        if overlap >= NEAR_DUPLICATE or (len(_fact(a)) >= SHORTEST_FACT and _fact(a) == _fact(b)):
            leaks[LEAKS[overlap < NEAR_DUPLICATE]].append((a, b))
    splits = _deal(ordered, units, chain(*leaks.values()), seed)
    done = tuple(replace(question, split=splits[question.id]) for question in questions)
    _refuse_few(done, least, unplaced=unplaced)
    by = "place" if any(place for mine in units.values() for _, place in mine) else "document"
    how = by if by == "document" else f"place, because fewer than {FEWEST_DOCUMENTS} documents have questions,"
    notes = _sizes(f"{len(done)} questions are split by {how} with seed {seed}, aiming at "
                   f"{' : '.join(map(str, SHARES.values()))} %", done) + _kept_together(ordered, units, leaks)
    notes += [f"Each stays whole, as a question names no heading, row or page in it: {_some(unplaced)}."] if unplaced else []
    for kind in KINDS[1:]:
        if sizes := Counter(q.split for q in done if _kind(q) == kind):
            notes.append(f"{kind.capitalize()} are dealt by the same shares: {', '.join(f'{s} {sizes[s]}' for s in SHARES)}.")
    return Split(done, by, tuple(notes))


def _kind(question: Question) -> str:
    return KINDS[0] if question.evidence else KINDS[1 if question.task == "unanswerable" else 2]


def _fact(question: Question) -> str:
    return metrics.normalise(question.answers[0]) if question.answers else ""


def _units(questions: Sequence[Question]) -> tuple[dict[str, set[Unit]], list[str]]:
    """What each question id is about; and, if there are few documents, those that a question names without a place."""
    named = {q.id: list(zip(q.evidence, q.places or [""] * len(q.evidence), strict=True)) for q in questions}
    documents = {document for mine in named.values() for document, _ in mine}
    unplaced = {document for mine in named.values() for document, place in mine if not place}
    whole, unplaced = (unplaced, sorted(unplaced)) if len(documents) < FEWEST_DOCUMENTS else (documents, [])
    return {id_: {(document, "" if document in whole else " ".join(place.casefold().split())) for document, place in mine}
            for id_, mine in named.items()}, unplaced


def _deal(questions: Sequence[Question], units: Mapping[str, set], pairs: Iterable[tuple], seed: int) -> dict[str, str]:
    """The split of each id: of each kind, the largest group first, to the split that lacks most; the last fill empty ones."""
    import networkx

    graph, splits, draw = networkx.Graph(), {}, random.Random(seed)
    graph.add_nodes_from(question.id for question in questions)
    graph.add_edges_from((id_, unit) for id_, mine in units.items() for unit in mine)
    graph.add_edges_from((a.id, b.id) for a, b in pairs)
    groups = [nodes & units.keys() for nodes in networkx.connected_components(graph)]
    for kind in KINDS:
        ids = {question.id for question in questions if _kind(question) == kind}
        waiting = [group for group in groups if group & ids and splits.keys().isdisjoint(group)]
        draw.shuffle(waiting)
        sizes = Counter(splits[id_] for id_ in ids & splits.keys())
        for dealt, group in enumerate(sorted(waiting, key=lambda group: -len(group & ids))):
            empty = [split for split in SHARES if not sizes[split]]
            lack = {split: (share * len(ids) - 100 * sizes[split], share) for split, share in SHARES.items()}
            split = max(empty if len(empty) >= len(waiting) - dealt else SHARES, key=lack.__getitem__)
            sizes[split] += len(group & ids)
            splits |= dict.fromkeys(group, split)
    return splits


def _refuse_leaks(questions: Sequence[Question]) -> None:
    wrong = [f"question {q.id!r} has {f'the split {q.split!r}' if q.split else 'no split, though others have one'}; write train, "
             "dev or test" for q in questions if q.split not in SHARES]
    split, facts, leaks = {q.id: q.split for q in questions}, defaultdict(list), {}
    for question in filter(_fact, questions):
        for same in (facts[document, _fact(question), question.task] for document in set(question.evidence)):
            leaks |= {(id_, question.id): LEAKS[1] for id_ in same if split[id_] != question.split}
            same.append(question.id)
    leaks |= {(a, b): LEAKS[0] for a, b, _ in evaluation.near_duplicates(questions, NEAR_DUPLICATE)}
    if lines := wrong or [f"{a!r} ({split[a]}) and {b!r} ({split[b]}) are {leak}; put both in one split or delete one"
                          for (a, b), leak in sorted(leaks.items())]:
        raise ValueError("\n".join(lines))


def _refuse_few(questions: Sequence[Question], least: int, given: bool = False, unplaced: Sequence[str] = ()) -> None:
    counts = Counter(q.split for q in questions if q.split == "test" or not q.retrieval_only)
    if missing := {split: least - counts[split] for split in ("test", "train") if counts[split] < least}:
        more = sum(missing.values()) if given else max(math.ceil(100 * many / SHARES[split]) for split, many in missing.items())
        places = f", or name headings, rows or pages of {_some(unplaced)} after #" if unplaced else ""
        raise ValueError(f"missing questions: {', '.join(f'{many} {split}' for split, many in missing.items())}; a split needs "
                         f"at least {least} test questions and {least} train questions with something to learn, so write "
                         f"{more} more, {len(questions) + more} in all{places}")


def _sizes(how: str, questions: Sequence[Question]) -> list[str]:
    """How the split was made, with its sizes; and a warning where questions about one document are in several splits."""
    found = {(document, q.split) for q in questions for document in q.evidence}
    several = sorted(document for document, many in Counter(document for document, _ in found).items() if many > 1)
    sizes = [f"{split} {sum(q.split == split for q in questions)} (documents: {sum(part == split for _, part in found)})"
             for split in SHARES]
    return [f"{how}: {', '.join(sizes)}."] + ([f"Weaker than a split by document: {_some(several)} have questions in several "
                                               "splits, so test says little about documents that are new."] if several else [])


def _kept_together(questions: Sequence[Question], units: Mapping[str, set], leaks: Mapping[str, list]) -> list[str]:
    names = {id_: " + ".join(sorted("#".join(filter(None, unit)) for unit in mine)) for id_, mine in units.items()}
    kept = {"all documents of a question": [f"{names[q.id]} ({q.id})" for q in questions if len(units[q.id]) > 1]}
    kept |= {leak: [f"{a.id} and {b.id}" for a, b in pairs if not units[a.id] & units[b.id]] for leak, pairs in leaks.items()}
    return [f"{what.capitalize()} stay together, so that test does not repeat train: {_some(them)}."
            for what, them in kept.items() if them]


def _some(names: Sequence[str], shown: int = 5) -> str:
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")


def few_of_each_part(questions: Sequence[Question]) -> list[Question]:
    """The first answerable questions of each split: four of train, two of dev and of test."""
    few = {"train": 4, "dev": 2, "test": 2}
    return [q for name, many in few.items() for q in [q for q in questions if q.split == name and q.answers][:many]]
