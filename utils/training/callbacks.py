"""Live display of a training run: a progress bar with the loss, and a loss curve that updates in the notebook."""
from __future__ import annotations

from collections.abc import Callable

from .. import plots


class Callback:
    """Ignores every trainer event it does not define; replaces `transformers.TrainerCallback`, which is slow to import."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("on_"):
            return lambda *arguments, **named: None
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")


class TrainingProgress(Callback):
    """A progress bar over optimiser steps; records (step, loss) pairs and counts the tokens since the run started or resumed.

    diagnostics: (step, {name: value}) of the `WATCHED` values that TRL logs in a preference run.
    """

    WATCHED = ("rewards/margins", "rewards/accuracies", "logps/chosen", "logps/rejected", "kl")

    def __init__(self):
        self.losses: list[tuple[int, float]] = []
        self.diagnostics: list[tuple[int, dict[str, float]]] = []
        self.tokens_here = 0
        self.tokens_before: int | None = None
        self.bar = None

    def on_train_begin(self, args, state, control, **_):
        """Open the bar at the step where the run starts or resumes."""
        from tqdm.auto import tqdm

        self.losses = [(row["step"], round(row["loss"], 4)) for row in state.log_history if "loss" in row]
        before = [row["num_tokens"] for row in state.log_history if "num_tokens" in row]
        self.tokens_before = int(before[-1]) if before else 0
        self.bar = tqdm(total=state.max_steps, initial=state.global_step, desc="training", unit="step",
                        disable=not state.is_world_process_zero)

    def on_step_end(self, args, state, control, **_):
        """Advance the bar by one step."""
        self.bar.update(1)

    def on_log(self, args, state, control, logs=None, **_):
        """Record the loss and show it."""
        if logs and "loss" in logs:
            self.losses.append((state.global_step, round(float(logs["loss"]), 4)))
            self.bar.set_postfix(loss=f"{float(logs['loss']):.3f}", refresh=False)
        if values := {name: round(float(logs[name]), 4) for name in self.WATCHED if name in (logs or {})}:
            self.diagnostics.append((state.global_step, values))
        if logs and "num_tokens" in logs:
            if int(logs["num_tokens"]) < self.tokens_before:
                self.tokens_before = 0  # this trainer restarted its count when it resumed
            self.tokens_here = int(logs["num_tokens"]) - self.tokens_before

    def on_train_end(self, args, state, control, **_):
        """Close the bar."""
        self.bar.close()


class LossPlot(Callback):
    """Redraws the loss curve in the notebook after every `interval` logged losses."""

    def __init__(self, interval: int = 2):
        self.interval, self.losses, self.handle = interval, [], None

    def on_log(self, args, state, control, logs=None, **_):
        """Record the loss and redraw the curve when it is due."""
        if not logs or "loss" not in logs:
            return
        self.losses.append((state.global_step, float(logs["loss"])))
        if len(self.losses) % self.interval == 0:
            self._draw()

    def on_train_end(self, args, state, control, **_):
        """Draw the final losses."""
        if self.losses:
            self._draw()

    def _draw(self) -> None:
        from IPython.display import display

        figure = plots.loss_curve(self.losses, f"Loss {self.losses[0][1]:.2f} → {self.losses[-1][1]:.2f}")
        if self.handle is None:
            self.handle = display(figure, display_id=True)
        else:
            self.handle.update(figure)
