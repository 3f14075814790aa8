"""Widgets of labs 2 and 3: preference pairs to label, and sliders for the cost model's assumptions."""
from __future__ import annotations

import html
import json
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from .. import environment, roi, settings, training
from ..types import Chunk, PreferencePair, Question


def learner_labels_file() -> Path:
    """File with the learner's labels, in the cache, which git ignores."""
    return settings.cache() / "learner_feedback.jsonl"


class PreferenceAnnotator:
    """Shows pairs to label, one at a time: the question, its passages, two answers and four buttons.

    Answer a is on the left. Which answer is a was random when the pair was built, so a preference for the left side shows as
    "first won" far from one half (`label_bias`).
    """

    def __init__(self, pairs: Sequence[PreferencePair], questions: dict[str, Question], chunks: dict[str, Chunk],
                 path: Path | None = None):
        self.path, self.questions, self.chunks = path or learner_labels_file(), questions, chunks
        judged = {pair.id for pair in training.load_pairs(self.path)}
        self.left = [pair for pair in pairs if pair.id not in judged]
        self.done = len(judged)

    @property
    def present(self) -> PreferencePair | None:
        """The pair to label next, or None if all are labelled."""
        return self.left[0] if self.left else None

    def choose(self, side: str) -> None:
        """Save the label of the present pair, or with `skip` move it to the end. Raises ValueError for an unknown side."""
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
        """The current pair as HTML."""
        pair = self.present
        if pair is None:
            return f"<p>You have labelled all pairs: {self.done} labels saved. Thank you.</p>"
        passages = "".join(f"<p style='margin:4px 0'><b>[{n}]</b> {html.escape(self.chunks[id_].document_id)} "
                           f"{html.escape(self.chunks[id_].section)}: {html.escape(self.chunks[id_].text)}</p>"
                           for n, id_ in enumerate(pair.passages, 1))
        answers = "".join(f"<td style='width:50%;padding:8px;border:1px solid #888;text-align:left'><b>{side}</b><br>"
                          f"{html.escape(answer)}</td>" for side, answer in zip(("left", "right"), (pair.a, pair.b), strict=True))
        return (f"<p>Labelled: {self.done}, remaining: {len(self.left)}</p>"
                f"<h4>{html.escape(self.questions[pair.question_id].question)}</h4>"
                f"<details><summary>{len(pair.passages)} passages</summary>{passages}</details>"
                f"<table style='width:100%'><tr>{answers}</tr></table>")

    def widget(self):
        """The pair and its buttons as an ipywidget for the last line of a cell."""
        import ipywidgets

        pair = ipywidgets.HTML(self.text())
        names = {"left": "Left is better", "right": "Right is better", "tie": "No difference", "skip": "Skip"}
        buttons = [ipywidgets.Button(description=name) for name in names.values()]

        def press(side: str) -> None:
            self.choose(side)
            pair.value = self.text()
            for button in buttons:
                button.disabled = self.present is None

        for button, side in zip(buttons, names, strict=True):
            button.on_click(lambda _, side=side: press(side))
        return ipywidgets.VBox([pair, ipywidgets.HBox(buttons)])


SHOWN = ("volume", "updates", "correct", "wrong", "abstained", "engineer_hour")


def show_page(path: Path, height: int = 720):
    """A page within the notebook, with its sliders; one from elsewhere is copied beside it, where JupyterLab finds it."""
    from IPython.display import HTML, IFrame

    if path.resolve().parent != Path.cwd():
        path = Path(shutil.copy(path, "my_decision.html"))

    if environment.on_colab():  # which serves no files to a notebook
        return HTML(f'<iframe srcdoc="{html.escape(path.read_text("utf-8"))}" width="100%" height="{height}"></iframe>')
    return IFrame(path.name, "100%", height)


def value_table(options: Sequence[roi.Option], now: roi.Assumptions) -> str:
    """HTML table: net present value, costs and quality of every option and of doing nothing, best first."""
    rows = sorted([*options, None], key=lambda option: -float(roi.net_present_value(option, now)))
    lines = []
    for place, option in enumerate(rows):
        columns = "".join(f"<td style='text-align:{'left' if n in (0, 4) else 'right'};padding:2px 10px'>{value}</td>"
                          for n, value in enumerate(_values(option, now)))
        lines.append(f"<tr style='{'font-weight:bold' if place == 0 else ''}'>{columns}</tr>")
    head = "".join(f"<th style='padding:2px 10px'>{name}</th>" for name in
                   ("option", "net present value", "cost of 1,000", "cost of a correct answer", "quality"))
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>"


def _values(option: roi.Option | None, now: roi.Assumptions) -> tuple[str, ...]:
    if option is None:
        return roi.NOTHING, "0", "", "", ""
    correct = roi.cost_per_correct(option, now)
    return (option.name, f"{roi.net_present_value(option, now):,.0f}", f"{roi.cost_per_1000(option, now):,.2f}",
            "none correct" if correct == float("inf") else f"{correct:,.2f}", option.quality)


def value_sliders(options: Sequence[roi.Option], now: roi.Assumptions, ranges: Mapping[str, tuple[float, float]]):
    """A slider per assumption above the table, as an ipywidget for the last line of a cell."""
    import ipywidgets

    table = ipywidgets.HTML(value_table(options, now))
    sliders = {}
    for name in (name for name in SHOWN if name in ranges):
        low, high = ranges[name]
        kind = ipywidgets.FloatLogSlider if low > 0 and high / low >= 20 else ipywidgets.FloatSlider
        span = ({"min": math.log10(low), "max": math.log10(high), "step": 0.05} if kind is ipywidgets.FloatLogSlider
                else {"min": low, "max": high, "step": (high - low) / 50})
        sliders[name] = kind(value=getattr(now, name), description=name.replace("_", " "), continuous_update=True, **span,
                             readout_format=",.0f" if high > 1000 else ".2f", style={"description_width": "110px"})

    def update(_) -> None:
        table.value = value_table(options, replace(now, **{name: slider.value for name, slider in sliders.items()}))

    for slider in sliders.values():
        slider.observe(update, "value")
    return ipywidgets.VBox([*sliders.values(), table])
