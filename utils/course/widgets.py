"""Widgets of labs 2 and 3: preference pairs to label, your own prices, the page of the decision."""
from __future__ import annotations

import html
import json
import math
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from .. import environment, metrics, roi, settings, training
from ..types import Chunk, PreferencePair, Question


def learner_labels_file() -> Path:
    """File with the learner's labels, in the cache, which git ignores."""
    return settings.cache() / "learner_feedback.jsonl"


class PreferenceAnnotator:
    """Shows pairs to label, one at a time: the question, its passages, two answers and five buttons.

    Sides are random, so a taste for one shows in `label_bias`. After `SHOW_AFTER` labels you see where the authors differ.
    """

    SHOW_AFTER = 10

    def __init__(self, pairs: Sequence[PreferencePair], questions: dict[str, Question], chunks: dict[str, Chunk],
                 path: Path | None = None):
        self.path, self.questions, self.chunks = path or learner_labels_file(), questions, chunks
        self.pairs = {pair.id: pair for pair in pairs}
        judged = {pair.id for pair in self.labelled()}
        self.left = [pair for pair in pairs if pair.id not in judged]

    def labelled(self) -> list[PreferencePair]:
        """The learner's pairs with their labels, oldest first."""
        return training.load_pairs(self.path)

    @property
    def present(self) -> PreferencePair | None:
        """The pair to label next, or None if all are labelled."""
        return self.left[0] if self.left else None

    def choose(self, side: str) -> None:
        """Save a label (left, right, tie), `skip` the pair, or `undo` the last label. Raises ValueError for another side."""
        if side not in ("left", "right", "tie", "skip", "undo"):
            raise ValueError(f"side is {side!r}: choose left, right, tie, skip or undo")
        if side == "undo":
            *earlier, last = self.labelled() or [None]
            if last:
                training.save_pairs(earlier, self.path)
                self.left.insert(0, self.pairs.get(last.id, replace(last, label="", source="")))
        elif self.present is not None:
            pair = self.left.pop(0)
            if side == "skip":
                self.left.append(pair)
                return
            label = {"left": "a", "right": "b", "tie": "tie"}[side]
            with self.path.open("a", encoding="utf-8") as out:
                out.write(json.dumps(asdict(replace(pair, label=label, source="learner")), ensure_ascii=False) + "\n")

    def text(self) -> str:
        """The current pair as HTML, with a comparison of your labels with the authors' above it."""
        mine = self.labelled()
        both = [(own, self.pairs[own.id]) for own in mine if own.id in self.pairs and self.pairs[own.id].label]
        kappa = metrics.cohen_kappa(*([pair.label for pair in side] for side in zip(*both, strict=True))) if both else 0.0
        page = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True).get_template("annotator.html")
        return page.render(pair=self.present, count=len(mine), left=len(self.left), questions=self.questions, chunks=self.chunks,
                           both=both, kappa=kappa, show_after=self.SHOW_AFTER, bias=training.label_bias([own for own, _ in both]))

    def widget(self):
        """The pair and its buttons as an ipywidget for the last line of a cell."""
        import ipywidgets

        pair = ipywidgets.HTML(self.text())
        names = {"left": "Left is better", "right": "Right is better", "tie": "No difference", "skip": "Skip",
                 "undo": "Undo last label"}
        buttons = {side: ipywidgets.Button(description=name) for side, name in names.items()}

        def press(side: str) -> None:
            self.choose(side)
            show()

        def show() -> None:
            pair.value = self.text()
            for side, button in buttons.items():
                button.disabled = not self.labelled() if side == "undo" else self.present is None

        show()
        for side, button in buttons.items():
            button.on_click(lambda _, side=side: press(side))
        return ipywidgets.VBox([pair, ipywidgets.HBox(list(buttons.values()))])


def show_page(path: Path, height: int = 720):
    """A page within the notebook, with its sliders; one from elsewhere is copied beside it, where JupyterLab finds it."""
    from IPython.display import HTML, IFrame

    if path.resolve().parent != Path.cwd():
        path = Path(shutil.copy(path, "my_decision.html"))
    if environment.on_colab():  # which serves no files to a notebook
        return HTML(f'<iframe srcdoc="{html.escape(path.read_text("utf-8"))}" width="100%" height="{height}"></iframe>')
    return IFrame(path.name, "100%", height)


OWN_PRICES = ("correct", "wrong", "abstained", "volume", "updates", "engineer_hour")
NAME_SLIDERS = Path(__file__).with_name("name_sliders.js")  # ipywidgets gives a slider no name for a screen reader


def own_price_file() -> Path:
    """The learner's own price file, in the cache; the course's where nothing was chosen, and in unattended runs."""
    own = settings.cache() / "own_prices.yaml"
    return own if own.exists() and not os.environ.get("LAB_UNATTENDED") else roi.PRICE_FILE


def _slider_steps(low: float, high: float) -> set[float]:
    """Both ends and every value of two significant digits between them (if low is 0, only from a hundredth of high on)."""
    decades = range(math.floor(math.log10(low or high / 100)) - 1, math.ceil(math.log10(high)))
    return {low, high, *(x for k in decades for n in range(10, 100) if low < (x := float(f"{n}e{k}")) < high)}


def own_prices(report: roi.DecisionReport):
    """Sliders for the learner's own prices above the recommendation, as an ipywidget; `own_price_file` keeps what is chosen."""
    import ipywidgets
    from IPython.display import Javascript

    given, units = report.assumptions, roi.price_units(report.currency)
    earlier = {row["name"]: row["value"] for row in roi.load_assumptions(own_price_file())[2] if row["source"] == roi.OWN}
    sliders, values, answer, names = {}, {}, ipywidgets.HTML().add_class("own-answer"), ipywidgets.Output()
    for name in (name for name in OWN_PRICES if name in report.ranges):
        value = earlier.get(name, getattr(given, name))
        steps = sorted({*_slider_steps(*report.ranges[name]), getattr(given, name), value})
        sliders[name] = ipywidgets.SelectionSlider(
            options=[(f"{step:g}", step) for step in steps], value=value, description=roi.label(name), readout=False,
            style={"description_width": "13rem"}, layout={"width": "70%"})
        values[name] = ipywidgets.Label().add_class("own-value")

    def tell(chosen: dict[str, float]) -> None:
        told = "; ".join(f"{roi.label(name)} {value:,.12g} instead of {getattr(given, name):,.12g}"
                         for name, value in chosen.items())
        kept = f"Kept for the next time and for the page below: {told}." if told else "All prices are the given ones."
        sentences = roi.recommendation(roi.with_prices(report, own_price_file()))
        answer.value = "<p><b>{}</b> {}</p><p>{}</p>".format(*map(html.escape, (*sentences, kept)))
        for name, slider in sliders.items():
            values[name].value = f"{slider.value:,.12g} {units[name]}"

    def keep(_=None) -> None:
        chosen = {name: slider.value for name, slider in sliders.items() if slider.value != getattr(given, name)}
        roi.write_prices(chosen, settings.cache() / "own_prices.yaml")
        tell(chosen)

    def reset(_) -> None:
        for name, slider in sliders.items():
            slider.value = getattr(given, name)

    keep() if earlier else tell({})
    for slider in sliders.values():
        slider.observe(keep, "value")
    button = ipywidgets.Button(description="Back to the given prices", layout={"width": "16rem"}).add_class("own-reset")
    button.on_click(reset)
    names.append_display_data(Javascript(NAME_SLIDERS.read_text("utf-8")))
    rows = [ipywidgets.HBox([sliders[name], values[name]]).add_class("own-price") for name in sliders]
    return ipywidgets.VBox([*rows, button, answer, names])
