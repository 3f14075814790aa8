"""The widget where a learner judges pairs of answers. Choices are saved at once and a later session goes on with the rest."""
from __future__ import annotations

import html
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from . import feedback, settings
from .benchmark import Question
from .feedback import Pair
from .retrieval import Chunk


def file() -> Path:
    """Where the learner's labels are kept: outside the repository's tracked files."""
    return settings.cache() / "learner_feedback.jsonl"


class Ballot:
    """Pairs to judge, one at a time: the question, its passages, two answers in random order, four buttons.

    The pair's answer a stands on the left. Which answer is a was drawn when the pair was made, so a habit of preferring the
    left shows as "first won" far from one half (`feedback.bias`).
    """

    def __init__(self, pairs: Sequence[Pair], questions: dict[str, Question], chunks: dict[str, Chunk],
                 path: Path | None = None):
        self.path, self.questions, self.chunks = path or file(), questions, chunks
        judged = {pair.id for pair in feedback.load(self.path)}
        self.left = [pair for pair in pairs if pair.id not in judged]
        self.done = len(judged)

    @property
    def present(self) -> Pair | None:
        """The pair on show, or None when all are judged."""
        return self.left[0] if self.left else None

    def choose(self, side: str) -> None:
        """Save a choice: `left`, `right`, `tie`, or `skip`, which puts the pair at the end. Raises ValueError for another."""
        if side not in ("left", "right", "tie", "skip"):
            raise ValueError(f"side is {side!r}: choose left, right, tie or skip")
        if self.present is None:
            return
        pair = self.left.pop(0)
        if side == "skip":
            self.left.append(pair)
        else:
            label = {"left": "a", "right": "b", "tie": "tie"}[side]
            with self.path.open("a", encoding="utf-8") as out:
                out.write(json.dumps(asdict(replace(pair, label=label, source="learner")), ensure_ascii=False) + "\n")
            self.done += 1

    def text(self) -> str:
        """The present pair as HTML."""
        pair = self.present
        if pair is None:
            return f"<p>All pairs are judged: {self.done} labels saved. Thank you.</p>"
        passages = "".join(f"<p style='margin:4px 0'><b>[{n}]</b> {html.escape(self.chunks[id_].document_id)} "
                           f"{html.escape(self.chunks[id_].section)}: {html.escape(self.chunks[id_].text)}</p>"
                           for n, id_ in enumerate(pair.passages, 1))
        shown = "".join(f"<td style='width:50%;padding:8px;border:1px solid #888;text-align:left'><b>{side}</b><br>"
                        f"{html.escape(answer)}</td>" for side, answer in zip(("left", "right"), (pair.a, pair.b), strict=True))
        return (f"<p>Judged: {self.done}, to go: {len(self.left)}</p><h4>{html.escape(self.questions[pair.question_id].question)}"
                f"</h4><details><summary>{len(pair.passages)} passages</summary>{passages}</details>"
                f"<table style='width:100%'><tr>{shown}</tr></table>")

    def widget(self):
        """The ballot as an ipywidget for a notebook's last line."""
        import ipywidgets

        shown = ipywidgets.HTML(self.text())
        names = {"left": "Left is better", "right": "Right is better", "tie": "No difference", "skip": "Skip"}
        buttons = [ipywidgets.Button(description=name) for name in names.values()]

        def press(button, side: str) -> None:
            self.choose(side)
            shown.value = self.text()
            for each in buttons:
                each.disabled = self.present is None

        for button, side in zip(buttons, names, strict=True):
            button.on_click(lambda pressed, side=side: press(pressed, side))
        return ipywidgets.VBox([shown, ipywidgets.HBox(buttons)])
