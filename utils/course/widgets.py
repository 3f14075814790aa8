"""Widgets of labs 2 and 3: pairs of answers to judge, and sliders over the cost model's assumptions."""
from __future__ import annotations

import html
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from .. import roi, settings, training
from ..types import Chunk, PreferencePair, Question


def learner_labels_file() -> Path:
    """Where the learner's labels are kept: outside the repository's tracked files."""
    return settings.cache() / "learner_feedback.jsonl"


class PreferenceAnnotator:
    """Pairs to judge, one at a time: the question, its passages, two answers in random order, four buttons.

    The pair's answer a stands on the left. Which answer is a was drawn when the pair was made, so a habit of preferring the
    left shows as "first won" far from one half (`label_bias`).
    """

    def __init__(self, pairs: Sequence[PreferencePair], questions: dict[str, Question], chunks: dict[str, Chunk],
                 path: Path | None = None):
        self.path, self.questions, self.chunks = path or learner_labels_file(), questions, chunks
        judged = {pair.id for pair in training.load_pairs(self.path)}
        self.left = [pair for pair in pairs if pair.id not in judged]
        self.done = len(judged)

    @property
    def present(self) -> PreferencePair | None:
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


SHOWN = ("volume", "updates", "correct", "wrong", "abstained", "engineer_hour")


def value_table(options: Sequence[roi.Option], now: roi.Assumptions) -> str:
    """Net present value, cost of 1,000 questions and of a correct answer for each option and doing nothing, best first; HTML."""
    rows = sorted([*options, None], key=lambda option: -float(roi.net_present_value(option, now)))
    cells = []
    for place, option in enumerate(rows):
        line = "".join(f"<td style='text-align:{'left' if n in (0, 4) else 'right'};padding:2px 10px'>{value}</td>"
                       for n, value in enumerate(_values(option, now)))
        cells.append(f"<tr style='{'font-weight:bold' if place == 0 else ''}'>{line}</tr>")
    head = "".join(f"<th style='padding:2px 10px'>{name}</th>" for name in
                   ("option", "net present value", "cost of 1,000", "cost of a correct answer", "quality"))
    return f"<table><tr>{head}</tr>{''.join(cells)}</table>"


def _values(option: roi.Option | None, now: roi.Assumptions) -> tuple[str, ...]:
    if option is None:
        return roi.NOTHING, "0", "", "", ""
    correct = roi.cost_per_correct(option, now)
    return (option.name, f"{roi.net_present_value(option, now):,.0f}", f"{roi.cost_per_1000(option, now):,.2f}",
            "none correct" if correct == float("inf") else f"{correct:,.2f}", option.quality)


def value_sliders(options: Sequence[roi.Option], now: roi.Assumptions, ranges: Mapping[str, tuple[float, float]]):
    """The sliders above the table, as an ipywidget for a notebook's last line."""
    import ipywidgets

    shown = ipywidgets.HTML(value_table(options, now))
    made = {}
    for name in (name for name in SHOWN if name in ranges):
        low, high = ranges[name]
        kind = ipywidgets.FloatLogSlider if low > 0 and high / low >= 20 else ipywidgets.FloatSlider
        span = ({"min": math.log10(low), "max": math.log10(high), "step": 0.05} if kind is ipywidgets.FloatLogSlider
                else {"min": low, "max": high, "step": (high - low) / 50})
        made[name] = kind(value=getattr(now, name), description=name.replace("_", " "), continuous_update=True, **span,
                          readout_format=",.0f" if high > 1000 else ".2f",
                          style={"description_width": "110px"})

    def moved(_) -> None:
        shown.value = value_table(options, replace(now, **{name: slider.value for name, slider in made.items()}))

    for slider in made.values():
        slider.observe(moved, "value")
    return ipywidgets.VBox([*made.values(), shown])
