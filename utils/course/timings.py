"""Seconds by cell of the solved notebooks, kept in `solutions/timings.json` and summed up in the schedules of `labs/`."""
from __future__ import annotations

import json
import os
import re
import time
from datetime import datetime
from pathlib import Path

from .. import settings

SLOW_SECONDS = 20
ROW = re.compile(r"^\| (\d+)(?:–(\d+))? \| (.+) \| [^|]* \|$")  # sections, what, minutes; last the machine's seconds


def cell_seconds(notebook: dict) -> dict[str, float]:
    """Seconds of every cell that a learner's kernel runs, by its id, from the timing that nbclient puts into the metadata."""
    seconds = {}
    for cell in notebook["cells"]:
        times = cell["metadata"].get("execution", {})
        ran = {"iopub.execute_input", "shell.execute_reply"} <= set(times)
        if ran and "author-check" not in cell["metadata"].get("tags", []):
            begin, end = (datetime.fromisoformat(times[name]) for name in ("iopub.execute_input", "shell.execute_reply"))
            seconds[cell["id"]] = round((end - begin).total_seconds(), 1)
    return seconds


def store_timings(name: str, seconds: dict[str, float], root: Path = settings.ROOT) -> None:
    """Store the seconds of one notebook by cell id, with date and cores, and renew the schedules."""
    measured = {"date": time.strftime("%Y-%m-%d"), "cores": os.cpu_count(), "seconds": seconds}
    timings = {**load_timings(root), name: measured}
    (root / "solutions" / "timings.json").write_text(json.dumps(timings, indent=1, sort_keys=True) + "\n", "utf-8")
    readme = root / "labs" / "README.md"
    readme.write_text(with_machine_seconds(readme.read_text("utf-8"), root), "utf-8")


def load_timings(root: Path = settings.ROOT) -> dict[str, dict]:
    """Notebook name → date, cores and seconds by cell id; empty before the first measurement."""
    path = root / "solutions" / "timings.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def section_seconds(cells: list[dict], seconds: dict[str, float]) -> dict[int, float]:
    """Seconds by section number; what stands before the first section counts to it."""
    section, sums = 1, {}
    for cell in cells:
        if cell["cell_type"] == "markdown":
            section = int((re.findall(r"^## (\d+)\.", "".join(cell["source"]), re.M) or [section])[-1])
        sums[section] = sums.get(section, 0.0) + seconds.get(cell["id"], 0.0)
    return sums


def with_machine_seconds(readme: str, root: Path = settings.ROOT) -> str:
    """The labs' README with the last column of every schedule, and the line on slow cells below it, as measured."""
    timings, lines, sums = load_timings(root), [], {}
    for line in readme.split("\n"):
        if header := re.match(r"\| sections \| lab (\d),", line):
            (path,) = (root / "solutions").glob(f"0{header[1]}_*.ipynb")
            cells, measured = json.loads(path.read_text("utf-8"))["cells"], timings.get(path.name, {"seconds": {}})
            sums = section_seconds(cells, measured["seconds"])
        elif (row := ROW.match(line)) and sums:
            total = sum(sums.get(section, 0.0) for section in range(int(row[1]), int(row[2] or row[1]) + 1))
            line = f"{line.rpartition(' | ')[0]} | {f'{total:.0f}' if any(sums.values()) else '–'} |"
        elif line.startswith("Slow cells") and sums:
            slow = [f"[{cell['execution_count']}] {time_:.0f}" for cell in cells
                    if (time_ := measured["seconds"].get(cell["id"], 0)) >= SLOW_SECONDS]
            told = f"on {measured['cores']} cores, {measured['date']}" if "date" in measured else "not measured yet"
            line, sums = f"Slow cells, seconds by cell number ({told}): {', '.join(slow) or '–'}.", {}
        lines.append(line)
    return "\n".join(lines)
