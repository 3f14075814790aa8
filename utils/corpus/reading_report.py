"""What was read from a folder and what was not, file by file, and why."""
from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

NAMED = 10  # so many files are named when many share a reason
STATUSES = ("set aside", "in part", "left out", "read")  # problems first


@dataclass(frozen=True)
class Content:
    """What the reader of a format found in a file. lost: what it could not read; note: what else to know; both "" for nothing."""

    sections: list[tuple[str, str]]
    title: str = ""
    lost: str = ""
    note: str = ""


@dataclass(frozen=True)
class FileReading:
    """One file. status: `read`, `in part`, `set aside` (it cannot be read) or `left out` (no document)."""

    file: str
    status: str
    reason: str = ""
    format: str = ""
    encoding: str = ""
    sections: int = 0
    words: int = 0


@dataclass(frozen=True)
class ReadingReport:
    """One row for every file of the folder, by name; a folder such as `.git` has one row for all its files."""

    files: tuple[FileReading, ...]

    def counts(self) -> dict[str, int]:
        """Number of files of every status."""
        return {status: sum(row.status == status for row in self.files) for status in reversed(STATUSES)}

    @property
    def share_set_aside(self) -> float:
        """Share of the documents (files left out are none) that could not be read, 0 to 1; 0 without documents."""
        counts = self.counts()
        return counts["set aside"] / max(1, len(self.files) - counts["left out"])

    def sentence(self) -> str:
        """The sum in one line; a single file that was read in part is named."""
        counts, part = self.counts(), [row for row in self.files if row.status == "in part"]
        more = {"read": f" ({sum(row.words for row in self.files):,} words)",
                "in part": f" ({part[0].file}: {part[0].reason})" if len(part) == 1 else ""}
        sums = [f"{count} {('file ' if count == 1 else 'files ') * (status == 'read')}{status}{more.get(status, '')}"
                for status in ("read", "in part", "set aside", "left out") if (count := counts[status]) or status == "read"]
        return ", ".join(sums) + "; details in read.json"

    def lines(self) -> list[str]:
        """One line for every reason: the files, at most ten of them by name, and what is to be known about them."""
        groups: dict[tuple[int, str], list[str]] = {}
        for row in self.files:
            if row.reason:
                groups.setdefault((STATUSES.index(row.status), row.reason), []).append(row.file)
        return [f"{STATUSES[status]}: " + (f"{len(files)} files: " if len(files) > 1 else "") + ", ".join(files[:NAMED])
                + (f" and {len(files) - NAMED} more" if len(files) > NAMED else "") + f": {reason}"
                for (status, reason), files in sorted(groups.items(), key=lambda group: group[0][0])]

    def save(self, path: Path) -> None:
        """Write the sum and all rows as JSON."""
        rows = [asdict(row) for row in self.files]
        path.write_text(json.dumps({"summary": self.sentence(), "files": rows}, ensure_ascii=False, indent=1) + "\n", "utf-8")
