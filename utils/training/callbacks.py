"""What a training run shows while it runs: one progress bar with the loss, and the loss drawn anew."""
from __future__ import annotations

from collections.abc import Callable

from .. import plots


class Callback:
    """Answers every event of a transformers trainer with nothing; a subclass defines the events it cares about.

    Stands in for `transformers.TrainerCallback`, whose import takes seconds.
    """

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("on_"):
            return lambda *given, **named: None
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")


class TrainingProgress(Callback):
    """A bar over optimiser steps with time left; keeps (step, loss) pairs and counts the tokens of this process's run.

    diagnostics: of a run on preferences, (step, {what: value}) for what TRL logs of `WATCHED`.
    """

    WATCHED = ("rewards/margins", "rewards/accuracies", "logps/chosen", "logps/rejected", "kl")

    def __init__(self):
        self.losses: list[tuple[int, float]] = []
        self.diagnostics: list[tuple[int, dict[str, float]]] = []
        self.tokens_here = 0
        self.tokens_before: int | None = None
        self.bar = None

    def on_train_begin(self, args, state, control, **_):
        """Open the bar where the run begins or resumes."""
        from tqdm.auto import tqdm

        self.losses = [(row["step"], round(row["loss"], 4)) for row in state.log_history if "loss" in row]
        before = [row["num_tokens"] for row in state.log_history if "num_tokens" in row]
        self.tokens_before = int(before[-1]) if before else 0
        self.bar = tqdm(total=state.max_steps, initial=state.global_step, desc="training", unit="step",
                        disable=not state.is_world_process_zero)

    def on_step_end(self, args, state, control, **_):
        """One step further."""
        self.bar.update(1)

    def on_log(self, args, state, control, logs=None, **_):
        """Keep the loss and show it."""
        if logs and "loss" in logs:
            self.losses.append((state.global_step, round(float(logs["loss"]), 4)))
            self.bar.set_postfix(loss=f"{float(logs['loss']):.3f}", refresh=False)
        if found := {name: round(float(logs[name]), 4) for name in self.WATCHED if name in (logs or {})}:
            self.diagnostics.append((state.global_step, found))
        if logs and "num_tokens" in logs:
            if int(logs["num_tokens"]) < self.tokens_before:
                self.tokens_before = 0  # a trainer that counts anew after it resumed
            self.tokens_here = int(logs["num_tokens"]) - self.tokens_before

    def on_train_end(self, args, state, control, **_):
        """Close the bar."""
        self.bar.close()


class LossPlot(Callback):
    """Draws the loss anew in the notebook every few logs while training runs."""

    def __init__(self, every: int = 2):
        self.every, self.losses, self.handle = every, [], None

    def on_log(self, args, state, control, logs=None, **_):
        """Redraw."""
        if not logs or "loss" not in logs:
            return
        self.losses.append((state.global_step, float(logs["loss"])))
        if len(self.losses) % self.every == 0:
            self._draw()

    def on_train_end(self, args, state, control, **_):
        """The last losses, too."""
        if self.losses:
            self._draw()

    def _draw(self) -> None:
        from IPython.display import display

        drawn = plots.loss_curve(self.losses, f"Loss {self.losses[0][1]:.2f} → {self.losses[-1][1]:.2f}")
        if self.handle is None:
            self.handle = display(drawn, display_id=True)
        else:
            self.handle.update(drawn)
