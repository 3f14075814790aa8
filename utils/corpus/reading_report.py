"""What was read from a folder and what was not, file by file, and why."""
from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

NAMED = 10  # so many files are named when many share a reason
STATUSES = ("set aside", "in part", "left out", "read")  # worst first


@dataclass(frozen=True)
class Content:
    """What a format's reader found in a file. lost: what it could not read; note: what else to know, both "" for nothing."""

    sections: list[tuple[str, str]]
    title: str = ""
    lost: str = ""
    note: str = ""


@dataclass(frozen=True)
class FileReading:
    """What became of one file. status: `read`; `in part`; `set aside`: a document that cannot be read; `left out`: no document.

    reason: a sentence, "" for a file that was simply read. encoding: of the bytes, "" for formats that have none.
    """

    file: str
    status: str
    reason: str = ""
    format: str = ""
    encoding: str = ""
    sections: int = 0
    words: int = 0


@dataclass(frozen=True)
class ReadingReport:
    """One row for every file of the folder; a folder that holds no documents, such as `.git`, has one row for all its files."""

    files: tuple[FileReading, ...]

    def with_status(self, status: str) -> list[FileReading]:
        """The rows of one status."""
        return [row for row in self.files if row.status == status]

    @property
    def share_set_aside(self) -> float:
        """Share of the documents (files left out are none) that could not be read, 0 to 1; 0 without documents."""
        documents = len(self.files) - len(self.with_status("left out"))
        return len(self.with_status("set aside")) / documents if documents else 0.0

    def sentence(self) -> str:
        """The sum in one line."""
        read, part = self.with_status("read"), self.with_status("in part")
        words = sum(row.words for row in self.files)
        parts = [f"{len(read)} {'file' if len(read) == 1 else 'files'} read ({words:,} words)"]
        parts += [f"{len(part)} in part ({part[0].file}: {part[0].reason})"] if len(part) == 1 else []
        parts += [f"{len(part)} in part"] if len(part) > 1 else []
        parts += [f"{len(rows)} {status}" for status in ("set aside", "left out") if (rows := self.with_status(status))]
        return ", ".join(parts) + "; details in read.json"

    def lines(self) -> list[str]:
        """One line for every reason: the files, at most ten of them by name, and what is to be known about them."""
        groups: dict[tuple[str, str], list[str]] = {}
        for row in self.files:
            if row.reason:
                groups.setdefault((row.status, row.reason), []).append(row.file)
        order = sorted(groups, key=lambda group: STATUSES.index(group[0]))
        return [f"{status}: {_names(groups[status, reason])}: {reason}" for status, reason in order]

    def table(self, rows: int = 12) -> str:
        """A table for a terminal of at most `rows` files, problems first."""
        ranked = sorted(self.files, key=lambda row: (STATUSES.index(row.status), not row.reason))
        cells = [("file", "status", "words", "why")]
        cells += [(row.file[-48:], row.status, f"{row.words:,}", row.reason[:60]) for row in ranked[:rows]]
        widths = [max(len(row[column]) for row in cells) for column in range(3)]
        lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}  {d}".rstrip() for a, b, c, d in cells]
        return "\n".join(lines + ([f"and {len(ranked) - rows} more"] if len(ranked) > rows else []))

    def save(self, path: Path) -> None:
        """Write the sum and all rows as JSON."""
        rows = [asdict(row) for row in self.files]
        path.write_text(json.dumps({"summary": self.sentence(), "files": rows}, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _names(files: Sequence[str]) -> str:
    more = f" and {len(files) - NAMED} more" if len(files) > NAMED else ""
    return (f"{len(files)} files: " if len(files) > 1 else "") + ", ".join(files[:NAMED]) + more
