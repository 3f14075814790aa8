"""Choose a pipeline, and be scored: each try is measured by the package's own pipeline over a small corpus, and kept."""
from __future__ import annotations

import copy
import html
from collections.abc import Sequence
from dataclasses import asdict, replace

from .. import evaluation, retrieval
from ..types import Question
from .learner import learner_state, note, store_learner_state
from .preparation import authors_checks

QUESTIONS, OTHERS = 30, 70  # questions of a try; documents that answer none of them
TOKEN_PRICE = 0.02  # points of the score for each token of passages
CHUNK_TOKENS, PASSAGES, BUDGETS = (60, 120, 240), (1, 2, 3, 5, 8), (240, 480, 960)
STAGES = {
    "section chunks with headers": {"sections": True},
    "fused with BM25": {"bm25": 0.2},
    "tuned embedder": {"tuned": True},
    "share of the overview's score": {"overview": 0.2},
    "reranked by the cross-encoder (slow)": {"rerank": 0.5, "rerank_documents": 5},
}
SCORES = ("recall@1", "recall@5", "answer_in_prompt")


def chosen_pipeline() -> retrieval.PipelineConfig:
    """The configuration of the learner's best try, or the tuned embedder alone if nothing was tried."""
    best = max(learner_state("tries").values(), key=lambda row: row["score"], default=None)
    return retrieval.PipelineConfig(**best["config"]) if best else retrieval.PipelineConfig(tuned=True)


def pipeline_config(chunk_tokens: int, k: int, stages: Sequence[str]) -> retrieval.PipelineConfig:
    """The configuration with these stages, named as in `STAGES`; without any, windows and dense search."""
    return replace(retrieval.PipelineConfig(chunk_tokens=chunk_tokens, k=k, sections=False),
                   **{name: value for stage in stages for name, value in STAGES[stage].items()})


class PipelineChoice:
    """Configurations that the learner tries, each scored on the same dev questions over the same small corpus."""

    def __init__(self, workspace: evaluation.Workspace, questions: Sequence[Question]):
        few = [question for question in questions if len(question.evidence) <= 3]
        self.questions = few[:: max(1, len(few) // QUESTIONS)][:QUESTIONS]
        evidence = {id_ for question in self.questions for id_ in question.evidence}
        others = [id_ for id_ in workspace.documents if id_ not in evidence]
        used = evidence.union(others[:: max(1, len(others) // OTHERS)][:OTHERS])
        self.workspace, self.documents = workspace, [d for id_, d in workspace.documents.items() if id_ in used]
        self._pipelines: dict[tuple, retrieval.RetrievalPipeline] = {}

    def measure(self, config: retrieval.PipelineConfig, budget: int, label: str) -> dict:
        """Scores of one configuration within `budget` tokens of passages, stored under `label`."""
        small = evaluation.Workspace(self.documents, replace(self.workspace.settings, context_tokens=budget))
        small.model = self.workspace.model  # its tokenizer counts; do not load the model again
        key = (config.chunk_tokens, config.sections, config.tuned)
        if key not in self._pipelines:
            self._pipelines[key] = retrieval.RetrievalPipeline(self.documents, small.settings, config)
        pipeline = copy.copy(self._pipelines[key])
        pipeline.config = config
        pipeline.search("", 1)  # loads what is loaded once
        rows = _measured(pipeline, self.questions, small)
        tokens = sum(row["tokens"] for row in rows) / len(rows)
        result = {"config": asdict(config), **{name: sum(row["scores"][name] for row in rows) / len(rows) for name in SCORES},
                  "tokens": tokens, "ms": sorted(row["milliseconds"] for row in rows)[len(rows) // 2]}
        result["score"] = 100 * result["answer_in_prompt"] - TOKEN_PRICE * tokens
        store_learner_state("tries", label, result)
        return result

    def leaderboard(self) -> str:
        """HTML table of all tries, best score first."""
        rows = sorted(learner_state("tries").items(), key=lambda item: -item[1]["score"])
        if not rows:
            return note("No try yet.")
        places = {**dict.fromkeys(SCORES, 2), "tokens": 0, "ms": 0, "score": 0}  # digits shown behind the point
        head = "".join(f"<th>{name.replace('_', ' ')}</th>" for name in ("try", *places))
        lines = ["".join(f"<td>{row[name]:.{digits}f}</td>" for name, digits in places.items()) for _, row in rows]
        lines = [f"<tr><td>{html.escape(label)}</td>{line}</tr>" for (label, _), line in zip(rows, lines, strict=True)]
        return f"<table><tr>{head}</tr>{''.join(lines)}</table>"

    def widget(self):
        """The choices, a button that scores them, and the learner's own leaderboard, as an ipywidget."""
        import ipywidgets

        sizes = [ipywidgets.Dropdown(options=options, value=value, description=text, style={"description_width": "160px"})
                 for text, options, value in (("tokens a chunk", CHUNK_TOKENS, 120), ("passages at most", PASSAGES, 3),
                                              ("tokens of passages", BUDGETS, 480))]
        boxes = [ipywidgets.Checkbox(description=name, indent=False, layout={"width": "max-content"}) for name in STAGES]
        button, progress = ipywidgets.Button(description="Score it"), ipywidgets.Output()
        status, table = ipywidgets.HTML(note("")), ipywidgets.HTML(self.leaderboard())
        def score(_) -> None:
            chunk_tokens, k, budget = (size.value for size in sizes)
            stages = [box.description for box in boxes if box.value]
            label = ", ".join([f"{chunk_tokens} tokens, {k} of {budget}", *stages])
            status.value = note("Measuring …")
            with progress:  # of an index that is built first; an error is shown here too
                result = self.measure(pipeline_config(chunk_tokens, k, stages), budget, label)
                status.value, table.value = note(f"Score {result['score']:.0f}: {label}"), self.leaderboard()

        button.on_click(score)
        return ipywidgets.VBox([*sizes, *boxes, ipywidgets.HBox([button, status]), progress, table])


def read_test_once(workspace: evaluation.Workspace, questions: Sequence[Question]) -> dict:
    """The chosen `config` on test, and metric → question id → score; the first reading is stored and returned again."""
    learning = not (workspace.settings.fast or authors_checks())
    if learning and (stored := learner_state("test").get("lab1")):
        return stored
    pipeline = retrieval.RetrievalPipeline(list(workspace.documents.values()), workspace.settings, chosen_pipeline())
    rows = _measured(pipeline, questions, workspace)
    result = {"config": asdict(pipeline.config), "scores": {name: {row["question_id"]: row["scores"][name] for row in rows}
                                                   for name in SCORES}}
    if learning:
        store_learner_state("test", "lab1", result)
    return result


def _measured(pipeline: retrieval.RetrievalPipeline, questions: Sequence[Question], workspace: evaluation.Workspace):
    stage = evaluation.Stage("yours", "all", pipeline.search, lambda hits, _: hits[: pipeline.config.k])
    return evaluation.measure_stage(stage, questions, workspace)
