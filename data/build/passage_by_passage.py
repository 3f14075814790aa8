"""Several passages, one answer: each passage is read alone, and equal answers add up (RAG-Sequence, Lewis et al., 2020).

`python -m data.build.passage_by_passage MODEL` asks a reader such as `raft`, or `adapter:FOLDER`, the held-out questions with one
prompt for each passage that the usual prompt would hold, so that both read the same tokens. It then sums
p(passage) · p(answer | passage) over equal answers, with several p(passage). Resumes.
"""
from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy

from utils import evaluation, generation, metrics, models
from utils.types import Hit, Question

from .common import reopen, work
from .reading_questions import held_out_questions

PRIORS = {  # name → p(passage) from the retriever's scores, best first, not divided by its sum
    "equal": numpy.ones_like,
    **{f"temperature {t}": lambda scores, t=t: numpy.exp((scores - scores.max()) / t) for t in (4.0, 2.0, 1.0, 0.5)},
    **{f"1 / rank^{power}": lambda scores, power=power: 1.0 / numpy.arange(1, len(scores) + 1) ** power for power in (1, 2, 4)},
}
SILENCE = (None, 1.0, 0.5, 0.25)  # weight of the abstention beside the answers; None: only if every passage abstains


@dataclass(frozen=True)
class Reading:
    """One question read passage by passage. log_probability[a][p]: of the whole answer a, given passage p alone."""

    question: str
    scores: list[float]
    documents: list[str]
    answers: list[str]
    log_probability: list[list[float]]


def read(question: Question, hits: Sequence[Hit], reader) -> Reading:
    """Ask for one answer a passage, and let every passage judge every answer."""
    prompts = [generation.build_prompt(question.question, [hit]) for hit in hits]
    said = [generation.strip_citations(reply.text, [hit])[0] for reply, hit in zip(reader.generate(prompts), hits, strict=True)]
    answers = list(dict.fromkeys(metrics.ABSTENTION if metrics.abstains(text) else text for text in said if text))
    texts = [text if text == metrics.ABSTENTION else f"{text} [1]" for text in answers]
    pairs = [(prompt, text) for text in texts for prompt in prompts]
    means = models.mean_log_probability(reader, *map(list, zip(*pairs, strict=True))) if pairs else []
    whole = [mean * (reader.count(text) + 1) for mean, (_, text) in zip(means, pairs, strict=True)]  # and the end token
    table = [whole[start : start + len(hits)] for start in range(0, len(whole), len(hits))]
    return Reading(question.id, [hit.score for hit in hits], [hit.document_id for hit in hits], answers, table)


def all_readings(questions: Sequence[Question], workspace: evaluation.Workspace, model: str) -> list[Reading]:
    """The readings of all questions, kept after each."""
    from tqdm.auto import tqdm

    path = work(f"passages-{hashlib.sha256(model.encode()).hexdigest()[:8]}.jsonl")
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    done, reader, run = {row["question"] for row in rows}, workspace.model(model), workspace.settings_for("advanced_rag")
    with path.open("a", encoding="utf-8") as out:
        for question in tqdm([q for q in questions if q.id not in done], desc="passages", unit="question"):
            hits = workspace.hits(question, "advanced_rag")[: run.k]
            used = generation.count_that_fit(generation.numbered_passages(hits), reader.count, run.k, run.context_tokens)
            rows.append(vars(read(question, hits[:used], reader)))
            out.write(json.dumps(rows[-1]) + "\n")
            out.flush()
    return [Reading(**row) for row in rows]


def answer(reading: Reading, prior: str, silence: float | None) -> str:
    """The answer with the largest sum, with one of `PRIORS`; "" for an abstention."""
    weights = PRIORS[prior](numpy.array(reading.scores))
    sums: dict[str, float] = {}
    for text, row in zip(reading.answers, reading.log_probability, strict=True):
        key = "" if text == metrics.ABSTENTION else text
        sums[key] = sums.get(key, 0.0) + float(weights @ numpy.exp(row)) * (silence or 1e-9 if key == "" else 1.0)
    return max(sums, key=sums.get, default="")


def main(words: Sequence[str]) -> None:
    """Print exact match and silence of every variant, and of one prompt with all passages, on the held-out questions."""
    model, (documents, questions) = words[0], held_out_questions()
    single = [q for q in questions if q.task in metrics.JUDGED_TASKS]
    known, workspace = {q.id: q for q in single}, evaluation.Workspace(documents)
    readings = all_readings(single, workspace, model)
    out = work(f"usual-{model.rpartition('/')[2]}.jsonl")
    reopen(out, single)
    usual = evaluation.run_arms(single, f"{model}+advanced_rag", workspace, out, calibrate=False)
    one_prompt = {record.question_id: ("" if record.abstained else record.answer) for record in usual}
    variants = {"one prompt": one_prompt} | {
        f"{prior}, silence {s}": {r.question: answer(r, prior, s) for r in readings} for prior in PRIORS for s in SILENCE}
    right = {name: {id_: metrics.exact_match(text, known[id_].answers) if text else 0.0 for id_, text in said.items()}
             for name, said in variants.items()}
    for name, said in variants.items():
        answerable = [q.id for q in single if q.task in metrics.SINGLE_ANSWER_TASKS]
        clusters = [known[id_].cluster for id_ in answerable]
        gain = metrics.paired_difference(*([right[which][id_] for id_ in answerable] for which in ("one prompt", name)), clusters)
        silent, needless = (numpy.mean([said[q.id] == "" for q in single if (q.task == "unanswerable") == kind])
                            for kind in (True, False))
        print(f"{name}: exact match {numpy.mean([right[name][id_] for id_ in answerable]):.2f} ({gain}); silent on "
              f"{silent:.2f} of the unanswerable, {needless:.2f} of the others", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
