"""Live display of a training run: a progress bar with the loss, and a loss curve that updates in the notebook."""
from __future__ import annotations

from collections.abc import Callable, Sequence

from .. import models, plots

WATCHED = ("rewards/margins", "rewards/accuracies", "logps/chosen", "logps/rejected", "kl")


def training_bar():
    """A progress bar over optimiser steps that shows the loss, where the one of transformers writes a line for every log.

    After each step it returns freed memory: rows of many lengths leave gaps in it, 2 GB after half an hour.
    """
    from transformers.trainer_callback import ProgressCallback

    class Bar(ProgressCallback):
        def on_log(self, args, state, control, logs=None, **_):
            if self.training_bar is not None and "loss" in (logs or {}):
                self.training_bar.set_postfix(loss=f"{float(logs['loss']):.3f}", refresh=False)

        def on_step_end(self, args, state, control, **named):
            super().on_step_end(args, state, control, **named)
            models.release_memory()

    return Bar()


def training_log(history: Sequence[dict], start: int) -> tuple[dict[str, list], int]:
    """(losses and, of a preference run, `WATCHED` values by step; number of tokens since step `start`) of a trainer's log."""
    values = [(row["step"], {name: round(float(row[name]), 4) for name in WATCHED if name in row}) for row in history]
    logged = {"loss": [(row["step"], round(float(row["loss"]), 4)) for row in history if "loss" in row],
              "diagnostics": [(step, watched) for step, watched in values if watched]}
    before, here = ([int(row["num_tokens"]) for row in history if "num_tokens" in row and (row["step"] <= start) == earlier]
                    for earlier in (True, False))
    offset = before[-1] if before and here and here[0] >= before[-1] else 0  # some trainers count anew when they resume
    return {name: rows for name, rows in logged.items() if rows or name == "loss"}, here[-1] - offset if here else 0


class LossPlot:
    """Redraws the loss curve in the notebook at every second logged loss; `transformers.TrainerCallback` is slow to import."""

    def __init__(self):
        self.losses, self.handle = [], None

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("on_"):
            return lambda *arguments, **named: None  # every trainer event that is not defined here
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def on_log(self, args, state, control, logs=None, **_):
        """Record the loss and redraw the curve when it is due."""
        if logs and "loss" in logs:
            self.losses.append((state.global_step, float(logs["loss"])))
            if len(self.losses) % 2 == 0:
                self.on_train_end(args, state, control)

    def on_train_end(self, args, state, control, **_):
        """Draw the losses."""
        from IPython.display import display

        if not self.losses:
            return
        figure = plots.loss_curve(self.losses, f"Loss {self.losses[0][1]:.2f} → {self.losses[-1][1]:.2f}")
        if self.handle is None:
            self.handle = display(figure, display_id=True)
        else:
            self.handle.update(figure)
