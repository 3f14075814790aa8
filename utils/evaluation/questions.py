"""Questions files, checked as a whole before anything starts; near-duplicates, and questions whose answers go stale."""
from __future__ import annotations

import difflib
import json
import posixpath
import sys
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .. import corpus, metrics, settings
from ..text import content_words, sentences
from ..types import Document, Question
from .files import SHOWN, read_rows, refuse, typed

COLUMNS = ("id", "task", "question", "answers", "answer_set", "split", "family", "home", "exposure", "overlap")  # of a table


@dataclass(frozen=True)
class QuestionsFile:
    """What a questions file holds. mended, set_aside: sentences about questions that were changed or left out."""

    path: Path
    questions: tuple[Question, ...]
    mended: tuple[str, ...] = ()
    set_aside: tuple[str, ...] = ()

    @property
    def notes(self) -> list[str]:
        """What was mended, set aside or is scored for retrieval only, one sentence each."""
        many = sum(question.retrieval_only for question in self.questions)
        return [*self.mended, *self.set_aside,
                *([f"{many} question(s) have no accepted answer and are scored for retrieval only"] if many else [])]

    def select(self, split: str) -> list[Question]:
        """The questions of a split, "" for all. Raises ValueError if there is none."""
        selected = [q for q in self.questions if split in ("", q.split)]
        if not selected:
            splits = ", ".join(sorted({q.split or "(none)" for q in self.questions}))
            raise ValueError(f"{self.path}: holds no question of split {split!r}; its splits are {splits}")
        return selected


def load_questions(path: Path | str = settings.QUESTIONS, known: Iterable[str] = (), split: str = "") -> list[Question]:
    """Questions of a file, in file order, optionally only those of a split; see `read_questions`."""
    file = read_questions(path, known)
    for note in file.notes:
        print(f"{path}: {note}", file=sys.stderr)
    return file.select(split)


def read_questions(path: Path | str, known: Iterable[str] = (), unread: Collection[str] = ()) -> QuestionsFile:
    """The questions of a file of JSON lines, a JSON array, or a table with the columns question, answers and document.

    known: the corpus's document ids, if evidence is to be among them. unread: files that could not be read, whose questions are
    set aside. Raises ValueError with a line for each error: file, place, problem and remedy.
    """
    path, errors, first, questions, mended, set_aside = Path(path), [], {}, [], [], []
    names, closed = {_plain_name(id_): id_ for id_ in known}, {_plain_name(id_) for id_ in unread}
    for where, row in read_rows(path, "questions file", errors):
        if isinstance(row, dict) and {"question_id", "arm"} <= set(row):
            errors.append(f"{where}: is a record of a benchmark; give the file with the questions")
            break
        if isinstance(row, dict):
            row = _from_table(row) if "" in row else {name: value for name, value in row.items() if value is not None}
        text = json.dumps(row, ensure_ascii=False)
        question, problems = typed(Question, _mend(text))
        problems = problems or _problems(question)
        if question and question.id in first:
            problems.append(f"the id {question.id!r} is used twice (also in {first[question.id]}); give each question its own id")
        errors += [f"{where}: {problem}" for problem in problems]
        if problems:
            continue
        first[question.id] = where.removeprefix(f"{path}, ")
        places = [_place(name, names.keys() | closed) for name in question.evidence]
        unknown = [name for name, _ in places if names and name not in names.keys() | closed]
        errors += [f"{where}: evidence {name!r} is not in the corpus; {_nearest(name, names) if len(errors) < SHOWN else ''}"
                   "correct the name or the corpus" for name in unknown]
        readable = {names.get(name, name): place for name, place in places if name in names or not names}
        note = f"{first[question.id]}, question {question.id!r}: "
        if lost := [name for name, _ in places if names and name in closed]:
            note += f"{', '.join(lost)} could not be read, so "
            if not readable or question.task not in metrics.SINGLE_ANSWER_TASKS:
                set_aside.append(note + "it is set aside")
                continue
            mended.append(note + "its other documents count")
        if _mend(text) != text:
            mended.append(note + "half a character is replaced by U+FFFD")
        questions.append(replace(question, evidence=tuple(readable),
                                 places=tuple(readable.values()) if any(readable.values()) else ()))
    refuse(errors)
    if not questions:
        raise ValueError("\n".join(f"{path}, {note}" for note in set_aside) or
                         f"{path}: holds no questions; write one JSON object per line, or a table with one question a row")
    return QuestionsFile(path, tuple(questions), tuple(mended), tuple(set_aside))


def _from_table(row: dict[str, str]) -> dict:
    """The question of a table's row. Names and accepted forms are divided by `|`; an id left out is the row's number."""
    def parts(*columns: str) -> list[str]:
        return [part.strip() for column in columns if row.get(column) for part in row[column].split("|")]

    return {**{name: row[name] for name in COLUMNS if row.get(name)}, "id": row.get("id") or row[""],
            "task": row.get("task", "").lower() or "fact", "question": row["question"], "answers": parts("answers"),
            "answer_set": parts("answer_set"), "evidence": parts("document", "evidence")}


def _problems(question: Question) -> list[str]:
    task, problems = question.task, []
    if not question.id or _blank(question.question):
        problems.append("'id' and 'question' must not be empty")
    problems += [f"{name!r} holds an empty entry; fill or delete it" for name in ("answers", "answer_set", "evidence")
                 if any(map(_blank, getattr(question, name)))]
    if task not in metrics.TASKS:
        problems.append(f"unknown task {task!r}; known are {', '.join(metrics.TASKS)}")
    if question.retrieval_only and not question.evidence:
        problems.append(f"a {task} question needs at least one accepted answer, or a document to be scored for retrieval; if the "
                        "documents do not answer it, its task is unanswerable")
    if task == "multi_doc" and not question.answer_set:
        problems.append("a multi_doc question needs an answer_set")
    if task == "summary" and not question.evidence:
        problems.append("a summary question needs the document it is about as evidence")
    if task == "unanswerable" and (question.answers or question.evidence):
        problems.append("an unanswerable question can have neither answers nor evidence")
    return problems


def _blank(text: str) -> bool:
    return all(unicodedata.category(character)[0] in "ZC" for character in text)  # spaces, control and invisible characters


def _mend(text: str) -> str:
    """The text with U+FFFD for every half of a character pair."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _plain_name(name: str) -> str:
    """A path inside the folder in one spelling: composed Unicode, forward slashes, no leading `./` or `/`."""
    return posixpath.normpath(unicodedata.normalize("NFC", _mend(name)).replace("\\", "/")).lstrip("/")


def _place(name: str, names: Collection[str]) -> tuple[str, str]:
    """A document's plain name, and the heading, row or page that follows it after `#`, or ""."""
    name = _plain_name(name)
    ends = [i for i, character in enumerate(name) if character == "#" and (name[:i] in names if names else "." in name[:i])]
    return (name, "") if name in names or not ends else (name[: ends[-1]], name[ends[-1] + 1 :])


def _nearest(name: str, names: Iterable[str]) -> str:
    base = name.partition("#")[0].casefold()
    folded = {known.casefold(): known for known in names}
    near = [known for key, known in folded.items() if posixpath.basename(key) == posixpath.basename(base)]
    near += [folded[key] for key in difflib.get_close_matches(base, folded, 3) if folded[key] not in near]
    return f"nearest are {', '.join(map(repr, near[:3]))}; " if near else ""


def near_duplicates(questions: Sequence[Question], threshold: float = 0.75) -> list[tuple[str, str, float]]:
    """Pairs of ids from different splits whose words overlap by at least `threshold`, with the overlap (Jaccard)."""
    return [(a.id, b.id, overlap) for a, b, overlap in similar_questions(questions, threshold) if a.split != b.split]


def similar_questions(questions: Sequence[Question], threshold: float) -> list[tuple[Question, Question, float]]:
    """Pairs of questions, in file order, whose words overlap by at least `threshold` (above 0), with the overlap (Jaccard)."""
    from sklearn.preprocessing import MultiLabelBinarizer

    bags = [content_words(question.question) for question in questions]
    words = MultiLabelBinarizer(sparse_output=True).fit_transform(bags)  # (questions, words)
    shared = (words @ words.T).tocoo()
    pairs = [(i, j, n / (len(bags[i]) + len(bags[j]) - n))
             for i, j, n in zip(shared.row.tolist(), shared.col.tolist(), shared.data.tolist(), strict=True) if i < j]
    return [(questions[i], questions[j], overlap) for i, j, overlap in sorted(pairs) if overlap >= threshold]


def training_questions(questions: Sequence[Question]) -> list[Question]:
    """The training questions among these, or the course's, and then it says so."""
    own = [q for q in questions if q.split == "train" and not q.retrieval_only]
    if not own:
        print("no question has the split 'train', so the baselines learn from the course's training questions", file=sys.stderr)
    return own or load_questions(split="train")


def stale_questions(questions: Sequence[Question], before: Mapping[str, Document],
                    after: Mapping[str, Document]) -> list[Question]:
    """Short questions whose evidence states an accepted answer (routing: exists) after the change but not before it."""
    def holds(documents: Mapping[str, Document], question: Question) -> bool:
        texts = [documents[id_].text for id_ in question.evidence if id_ in documents]
        return bool(texts) if question.task == "routing" else any(metrics.contains(text, question.answers) for text in texts)

    return [q for q in questions if q.task in ("fact", "error", "routing") and holds(after, q) and not holds(before, q)]


def stale_per_week(stale: int, questions: int) -> float:
    """Share of the current answers that goes stale each week (compounding), from the number stale between the two releases."""
    if questions < 1:
        raise ValueError(f"questions is {questions}: give at least one question to compute a share")
    return 1 - (1 - stale / questions) ** (1 / corpus.weeks_between())


def answering_sentence(question: Question, documents: Mapping[str, Document]) -> str:
    """The evidence's sentence that answers and is most like the question (routing: its lead). Raises ValueError without one."""
    evidence = [documents[id_] for id_ in question.evidence if id_ in documents]
    if question.task == "routing" and evidence:
        return corpus.lead_sentence(evidence[0])
    words = set(question.question.lower().split())
    candidates = [sentence for document in evidence for section in document.sections for sentence in sentences(section.text)
                  if metrics.contains(sentence, question.answers)]
    if not candidates:
        raise ValueError(f"{question.id}: no sentence of its evidence contains an accepted answer; correct the question")
    return max(candidates, key=lambda sentence: len(words & set(sentence.lower().split())))
