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
