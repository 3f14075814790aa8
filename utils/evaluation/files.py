"""Files that people bring, as rows with their places (JSON lines, a JSON array, .csv, .tsv, .xlsx), and the types of fields."""
from __future__ import annotations

import csv
import functools
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from .. import corpus

UTF8 = ((b"\xef\xbb\xbf", "utf-8-sig"),)  # byte-order mark → encoding
ANY_UNICODE = (*UTF8, (b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
SHOWN = 20  # errors of one file that are printed
_adapter = functools.cache(TypeAdapter)


def refuse(errors: Sequence[str]) -> None:
    """Raises ValueError with a line for each error, if there are any."""
    if errors:
        more = [f"and {len(errors) - SHOWN} more"] if len(errors) > SHOWN else []
        raise ValueError("\n".join([*errors[:SHOWN], *more]))


def read_bytes(path: Path, what: str) -> bytes:
    """Content of a file, unpacked if it is gzipped. what: the kind of file, for the error."""
    if path.is_dir():
        raise ValueError(f"{path}: is a folder; give one {what}")
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
    except FileNotFoundError:
        raise ValueError(f"{path}: there is no such {what}; check the path") from None
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise ValueError(f"{path}: is a damaged .gz file; restore it") from None


def decode(data: bytes, path: Path, marks: Sequence[tuple[bytes, str]] = ANY_UNICODE) -> str:
    """Text of UTF-8, or of what one of these byte-order marks says. Raises ValueError naming file and line."""
    try:
        text = data.decode(next((encoding for mark, encoding in marks if data.startswith(mark)), "utf-8"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        other = next((f", but {encoding.upper()}" for mark, encoding in ANY_UNICODE[1:] if data.startswith(mark)), "")
        raise ValueError(f"{path}, line {line}: is not UTF-8 text{other}; save the file as UTF-8") from None
    if "\0" in text:
        raise ValueError(f"{path}: is a binary file, or UTF-16 without a byte-order mark; save it as UTF-8 text")
    return text


def text_lines(text: str) -> list[str]:
    """Lines of a file. `str.splitlines` would also split at what may stand inside a JSON string, such as U+2028."""
    return re.split(r"\r\n|\n|\r", text)


def typed(kind: type, text: str) -> tuple[object | None, list[str]]:
    """The dataclass that a JSON object holds, or None and what is wrong: fields missing, unknown or of another type."""
    try:
        return _adapter(kind).validate_json(text, strict=True), []
    except ValidationError as error:
        found = {".".join(str(part) for part in e["loc"] if part not in ("int", "float")): e["msg"] for e in error.errors()}
    missing = [repr(name) for name, problem in found.items() if problem == "Field required"]
    problems = [f"lacks the field {', '.join(missing)}; add it"] if missing else []
    return None, problems + [f"{repr(name) + ': ' if name else ''}{problem[0].lower()}{problem[1:]}"
                             for name, problem in found.items() if problem != "Field required"]


def read_rows(path: Path, what: str, errors: list[str]) -> list[tuple[str, dict | object]]:
    """(place, row) of each row, of a table by lower-case column, with its number under "".

    Lines that are not JSON are added to `errors`. Raises ValueError for a file that is none of these.
    """
    data = read_bytes(path, what)
    if data.startswith((b"PK", b"\xd0\xcf\x11\xe0")):
        return _by_column(_excel_cells(data, path, errors), path)
    text = decode(data, path)
    start = text.lstrip()[:1]
    if start and (path.suffix.lower() in (".csv", ".tsv") or start not in "[{"):
        return _by_column(_csv_cells(text, path), path)
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError) as error:
        if start == "[":
            raise ValueError(f"{path}, line {getattr(error, 'lineno', 1)}: {_not_json(error)}") from None
    else:
        items = whole.get("questions") if isinstance(whole, dict) else whole
        if not isinstance(items, list):
            return [(f"{path}, line 1", whole)]
        return [(f"{path}, item {number}", item) for number, item in enumerate(items, 1)]
    rows = []
    for number, line in enumerate(text_lines(text), 1):
        try:
            rows += [(f"{path}, line {number}", json.loads(line))] if line.strip() else []
        except (ValueError, RecursionError) as error:
            errors.append(f"{path}, line {number}: {_not_json(error)}")
    return rows


def _not_json(error: Exception) -> str:
    column = f", column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
    return f"is not valid JSON ({getattr(error, 'msg', error)}{column}); correct the line"


def _by_column(rows: Iterable[tuple[str, int, list[str]]], path: Path) -> list[tuple[str, dict]]:
    filled = [row for row in rows if any(row[2]) and not row[2][0].startswith("sep=")]  # Excel names the delimiter in `sep=;`
    columns = [name.casefold() for name in filled[0][2]] if filled else []
    named, misspelt = [name for name in columns if name], {"answer", "documents"} & set(columns)
    if "question" not in named or len(set(named)) < len(named) or misspelt:
        raise ValueError(f"{path}: the first row has to name the columns question, answers and document, each once; it has "
                         f"{', '.join(named) or 'none'}")
    for place, _, cells in filled:
        if any(cells[len(columns):]):
            raise ValueError(f"{path}, {place}: has {len(cells)} cells for {len(columns)} columns; put a cell that holds the "
                             "delimiter in double quotes")
    return [(f"{path}, {place}", {**dict(zip(columns, cells, strict=False)), "": str(number)})
            for place, number, cells in filled[1:]]


def _csv_cells(text: str, path: Path) -> Iterable[tuple[str, int, list[str]]]:
    header = next((line for line in text_lines(text) if "question" in line.casefold()), "")
    reader, line = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=max(",;\t", key=header.count)), 1
    try:
        for number, cells in enumerate(reader, 1):
            yield f"line {line} (row {number})", number, [cell.strip() for cell in cells]
            line = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"{path}, line {line}: is not a readable row of a table ({error}); check its quotes") from None


def _excel_cells(data: bytes, path: Path, errors: list[str]) -> Iterable[tuple[str, int, list[str]]]:
    import openpyxl

    try:
        book, formulas = (openpyxl.load_workbook(io.BytesIO(data), data_only=stored) for stored in (True, False))
    except Exception:
        raise ValueError(f"{path}: is not a readable Excel workbook; save it as .xlsx without a password, or as CSV") from None
    sheets = [sheet for sheet in book.worksheets if "question" in [corpus.shown_cell(cell).casefold() for cell in sheet[1]]]
    if len(sheets) != 1:
        raise ValueError(f"{path}: needs exactly one sheet with a column 'question' in its first row; {len(sheets)} of "
                         f"{', '.join(book.sheetnames)} have it")
    for row in sheets[0].iter_rows():
        for cell in row:
            formula = formulas[sheets[0].title][cell.coordinate]
            if cell.data_type == "e" or (cell.value is None and formula.data_type == "f"):
                errors.append(f"{path}, row {cell.row}: cell {cell.coordinate} holds {cell.value or formula.value}, which has no "
                              "stored value; write the value itself")
        yield f"row {row[0].row}", row[0].row, [corpus.shown_cell(cell) for cell in row]
