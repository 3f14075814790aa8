"""Common parts of all figures: title, axes, a colour-blind-safe palette (Okabe and Ito), alt text."""
from __future__ import annotations

import base64
import io
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

NEUTRAL = "#56B4E9"
CURVES = (("-", "#0072B2"), ("--", "#D55E00"), (":", "#009E73"), ("-.", "#CC79A7"))
LABS = {"1": "Lab 1\nadvanced RAG", "2": "Lab 2\nfine-tuning\nwith feedback", "3": "Lab 3\nevaluation\nand ROI"}


def wrapped(title: str, inches: float = 6.0) -> str:
    """The title wrapped to fit a plotting area of this width; existing line breaks are kept."""
    return "\n".join(line for part in title.split("\n") for line in textwrap.wrap(part, int(9 * inches)))


def axes(title: str, x: str, y: str, size: tuple[float, float] = (7.5, 3.8)):
    """(figure, axes) with title and labels large enough to project. size: inches."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, area = pyplot.subplots(figsize=size, layout="constrained")
    area.set_title(wrapped(title, size[0]), fontsize=13, loc="left")
    area.set_xlabel(x, fontsize=12)
    area.set_ylabel(y, fontsize=12)
    area.tick_params(labelsize=11)
    area.spines[["top", "right"]].set_visible(False)
    return figure, area


def grouped_bars(area, rows, group: str, bar: str, colours: Mapping[str, str]) -> None:
    """Bars with intervals: `group` on the x axis, a bar for each value of `bar`. rows: frame with both and mean, low, high."""
    groups, names = (list(dict.fromkeys(rows[column])) for column in (group, bar))
    for number, name in enumerate(names):
        own = rows[rows[bar] == name]
        places = [groups.index(value) + (number - (len(names) - 1) / 2) * 0.8 / len(names) for value in own[group]]
        area.bar(places, own["mean"], 0.75 / len(names), color=colours[name], label=name, capsize=3, ecolor="#444444",
                 yerr=[own["mean"] - own.low, own.high - own["mean"]])
        for place, mean in zip(places, own["mean"], strict=True):
            if mean == 0:
                area.text(place, 0.01, "0", ha="center", fontsize=10)
    area.set_xticks(range(len(groups)), groups, fontsize=11)
    area.set_ylim(0, 1)
    area.legend(fontsize=11, frameon=False, ncols=len(names), loc="upper right")


@dataclass(frozen=True)
class Picture:
    """A PNG with alt text for a notebook; the image class of Colab's IPython takes no alt text."""

    data: bytes
    alt: str

    def __repr__(self) -> str:
        return self.alt

    def _repr_png_(self) -> tuple[str, dict[str, str]]:
        return base64.b64encode(self.data).decode("ascii"), {"alt": self.alt}


def show(figure, alt: str) -> Picture:
    """The figure as a PNG of 256 colours with alt text, which a notebook displays. Closes the figure."""
    import PIL.Image
    from matplotlib import pyplot

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=90)
    pyplot.close(figure)
    small = io.BytesIO()
    PIL.Image.open(buffer).convert("RGB").quantize(256).save(small, format="png", optimize=True)
    return Picture(small.getvalue(), alt)


def you_are_here(part: str):
    """The three labs in a row with the lab numbered `part` filled."""
    figure, area = axes("", "", "", (7.5, 1.4))
    for place, (name, label) in enumerate(LABS.items()):
        current = name == part
        area.text(place, 0, label, ha="center", va="center", fontsize=12, color="white" if current else "black",
                  bbox={"boxstyle": "round,pad=0.5", "facecolor": "#0072B2" if current else "white", "edgecolor": "#0072B2"})
        if place:
            area.annotate("", (place - 0.3, 0), (place - 0.7, 0), arrowprops={"arrowstyle": "->", "lw": 2})
    area.set(xlim=(-0.5, 2.5), ylim=(-0.6, 0.6))
    area.axis("off")
    return show(figure, f"The three labs in a row; you are in lab {part}.")
