"""The plan of `decide`: steps with digest, forecast and seconds, kept in `plan.json`, and what is dropped to fit the time."""
from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .. import settings

# Left out in this order; what then is left are base, RAG, fine-tuning and both.
FROM_BASE = "train from base"  # a second reader that starts at the base model, to compare on dev
CONFIDENCE = "confidence on dev"  # asks the options dev, to decide between an answer and silence
DROPPED = (FROM_BASE, "embedder", "own_raft+oracle", "raft+advanced_rag", "naive_rag", "few_shot+advanced_rag", CONFIDENCE)
ARMS = ("base", "few_shot+advanced_rag", "naive_rag", "advanced_rag", "own_closed_book", "raft+advanced_rag",
        "own_raft+advanced_rag", "own_closed_book+advanced_rag", "own_raft+oracle")
LEAST_EXAMPLES = 100  # of training, if there are as many


def digest(*parts: object) -> str:
    """16 hex digits of anything that JSON can hold."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


@dataclass
class Step:
    """One step. state: planned, done or dropped. forecast and seconds are both in seconds."""

    name: str
    forecast: float = 0.0
    seconds: float = 0.0
    state: str = "planned"
    digest: str = ""


@dataclass
class Plan:
    """What `plan.json` holds. digests: of documents, questions, base, prices. test_read: one entry a reading of test."""

    path: Path
    minutes: float = 60.0
    digests: dict[str, str] = field(default_factory=dict)
    speed: dict[str, float] = field(default_factory=dict)  # seconds an answer or a training token takes here
    training: dict[str, float] = field(default_factory=dict)  # share of the examples that fits, and numbers of examples
    steps: dict[str, Step] = field(default_factory=dict)
    test_read: list[dict] = field(default_factory=list)
    dev_asked: bool = False  # in this run, to calibrate the options

    @classmethod
    def load(cls, path: Path) -> Plan:
        """The plan of an earlier run, or an empty one. Raises ValueError for a damaged file."""
        if not path.exists():
            return cls(path)
        try:
            row = json.loads(path.read_text("utf-8"))
            return cls(path, **{**row, "steps": {name: Step(**step) for name, step in row["steps"].items()}})
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ValueError(f"{path}: is damaged; delete it and run `decide` again (finished answers stay)") from None

    def start(self, digests: dict[str, str]) -> None:
        """Take the digests of this run; with other documents or another base model every step is due again."""
        if self.digests and any(self.digests.get(name) != digests[name] for name in ("documents", "base")):
            self.speed, self.training, self.steps = {}, {}, {}
        self.digests = digests

    def save(self) -> None:
        """Write the plan, whole or not at all."""
        row = {name: value for name, value in asdict(self).items() if name not in ("path", "dev_asked")}
        part = self.path.with_name(self.path.name + ".part")
        part.write_text(json.dumps(row, indent=1) + "\n", "utf-8")
        part.replace(self.path)

    def step(self, name: str) -> Step:
        """The step of this name, planned if it is new."""
        return self.steps.setdefault(name, Step(name))

    def is_done(self, name: str, key: str) -> bool:
        """True if the step was finished with the same inputs."""
        return self.step(name).state == "done" and self.step(name).digest == key

    @contextlib.contextmanager
    def running(self, name: str, key: str, bar) -> Iterator[None]:
        """Runs a step: books its seconds, also those of an interrupted one, and moves the bar over all steps on."""
        step, started = self.step(name), time.monotonic()
        before = step.seconds if step.digest == key and step.state != "done" else 0.0
        step.state, step.digest = "planned", key
        bar.set_description_str(name)
        try:
            yield
            step.state = "done"
        finally:
            bar.update(step.forecast)
            step.seconds = round(before + time.monotonic() - started, 1)
            self.save()

    def spent(self) -> float:
        """Seconds of all steps, finished or not."""
        return sum(step.seconds for step in self.steps.values())

    def fit(self) -> float:
        """Drop what does not fit; what comes too late stays dropped; returns the seconds missing even so, or 0."""
        late = (FROM_BASE, "embedder") if self.step("train own_raft").state == "done" else ()
        late += (CONFIDENCE,) if any(self.steps[name].state == "done" for name in ARMS if name in self.steps) else ()
        late += ARMS if self.dev_asked else ()
        for step in self.steps.values():
            if step.state == "dropped" and step.name not in late:
                step.state = "planned"
        for name in DROPPED:
            if self.spare() >= 0 and not settings.fast():  # a quick run leaves out all that may be
                break
            if name in self.steps and self.steps[name].state != "done":
                self.steps[name].state = "dropped"
        return max(0.0, -self.spare())

    def fit_training(self, seconds: float, examples: int, share: float) -> float:
        """`fit`, with a share of the training examples that fits; returns the seconds that are missing even so, or 0.

        seconds: for all examples. share: as planned; spare time buys more. For these minutes it stays, so that training resumes.
        """
        raft, also = self.step("train own_raft"), self.steps.get(FROM_BASE)
        settled = raft.state == "done" or self.training.get("minutes") == self.minutes
        share = self.training["share"] if settled and "share" in self.training else share

        def plan_share(part: float) -> float:
            self.training |= {"share": part, "minutes": self.minutes}
            for step in (raft, also) if also else (raft,):
                step.forecast = 40 + part * seconds
            return self.fit()

        missing = plan_share(share)
        if settled or not seconds:
            return missing
        if missing:
            return plan_share(max(min(share, LEAST_EXAMPLES / examples), share - missing / seconds))
        if all(step.state != "dropped" for step in self.steps.values()):
            missing = plan_share(min(1.0, share + self.spare() / (2 * seconds if also else seconds)))
        return missing

    def spare(self) -> float:
        """Seconds that are left when all planned steps take what was forecast; negative if they do not fit."""
        ahead = sum(max(0.0, step.forecast - step.seconds) for step in self.steps.values() if step.state == "planned")
        return self.minutes * 60 - self.spent() - ahead

    def read_test(self, arm: str, key: str, date: str) -> None:
        """Log that an arm reads test: with the last reading, or as another one if this arm read it with other inputs then."""
        if not self.test_read or self.test_read[-1]["arms"].get(arm, key) != key:
            self.test_read.append({"date": date, "digests": dict(self.digests), "arms": {}})
        self.test_read[-1]["arms"][arm] = key
        self.save()

    def table(self) -> str:
        """The plan as text: a line a step, in the order in which they run."""
        lines = []
        for step in self.steps.values():
            minutes = step.seconds / 60 if step.state == "done" else step.forecast / 60
            lines.append(f"  {step.name:32}" + ("left out" if step.state == "dropped" else f"{minutes:5.1f} min" +
                                                " (done)" * (step.state == "done")))
        ahead = sum(step.forecast for step in self.steps.values() if step.state == "planned")
        used = f"{self.minutes:g} minutes in all, {self.spent() / 60:.1f} used, about {ahead / 60:.1f} ahead"
        return "\n".join([f"Plan ({used}):", *lines])
