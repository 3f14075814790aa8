"""Energy of the processor, where the machine reports it (Intel and AMD on Linux, through powercap)."""
from __future__ import annotations

from pathlib import Path

COUNTERS = Path("/sys/class/powercap")


def joules(folder: Path = COUNTERS) -> float | None:
    """Joules counted so far by all processor packages, or None where nothing is reported or may be read.

    The counters begin anew when they are full, so a later reading may be smaller: then the difference says nothing.
    """
    found = []
    for path in sorted(folder.glob("*-rapl:[0-9]/energy_uj")):
        try:
            found.append(int(path.read_text("utf-8")) / 1e6)
        except (OSError, ValueError):
            return None
    return sum(found) if found else None


def told(before: float | None, answers: int) -> str:
    """Words for the energy of each answer since `joules` said `before`; that there is no figure, where there is none."""
    now = joules()
    if before is None or now is None or now <= before:
        return "this machine reports none"
    return f"{(now - before) / answers:.0f} J an answer"
