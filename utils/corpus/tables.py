"""Tables as text: every row of a .csv or .xlsx file, and every item of a .json list, is a section of `column: value` lines."""
from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from .office import check_archive
from .reading_report import Content

Pairs = list[tuple[str, str]]


def csv_content(text: str) -> Content:
    """The delimiter is the one named by `sep=`, or the one that divides most of the first rows as it divides the head."""
    csv.field_size_limit(10**9)
    named = text[4:5] if text[:4].lower() == "sep=" else ""
    lines = text.split("\n")[bool(named):]

    def regular(delimiter: str) -> tuple[int, int]:
        counts = [len(row) for row in csv.reader(lines[:50], delimiter=delimiter) if row]
        return (counts.count(counts[0]), counts[0]) if counts and max(counts) > 1 else (0, 0)

    rows = csv.reader((line + "\n" for line in lines), delimiter=named or max(",;\t|", key=regular))
    return Content(_rows([[cell.strip() for cell in row] for row in rows]))


def xlsx_content(path: Path) -> Content:
    """Values as stored; formulas that no program has computed yet are told."""
    from openpyxl import load_workbook

    check_archive(path)
    values, formulas = (load_workbook(path, read_only=True, data_only=stored) for stored in (True, False))
    sheets, unknown = {}, 0
    for sheet, written in zip(values.worksheets, formulas.worksheets, strict=True):
        sheet.reset_dimensions()
        written.reset_dimensions()
        rows = []
        for cells, sources in zip(sheet.iter_rows(), written.iter_rows(), strict=True):
            rows.append([shown_cell(cell) for cell in cells])
            unknown += sum(a.value is None and b.value is not None for a, b in zip(cells, sources, strict=True))
        if any(map(any, rows)):
            sheets[sheet.title] = rows
    pairs = [pair for name, rows in sheets.items() for pair in _rows(rows, f"{name} " if len(sheets) > 1 else "")]
    return Content(pairs, lost=f"{unknown} formulas hold no value; open and save it in a spreadsheet program" if unknown else "")


def shown_cell(cell) -> str:
    """A cell as the sheet shows it, as far as value and percent format tell."""
    value = cell.value
    if value is None or isinstance(value, bool):
        return "" if value is None else str(value).upper()
    if hasattr(value, "isoformat"):
        return value.isoformat().removesuffix("T00:00:00")
    if isinstance(value, (int, float)) and "%" in (cell.number_format or ""):
        decimals = re.search(r"\.(0+)%", cell.number_format)
        return f"{value:.{len(decimals[1]) if decimals else 0}%}"
    return f"{value:.15g}" if isinstance(value, float) else str(value).strip()


def _rows(rows: Sequence[Sequence[str]], prefix: str = "") -> Pairs:
    """One section per row, numbered as in the file, below the head: the first row of more than one cell, if any has."""
    filled = [sum(map(bool, row)) for row in rows]
    head = next((number for number, count in enumerate(filled) if count >= min(2, max(filled))), 0)
    below = rows[head + 1:]
    complete = all(any(row[at:at + 1] > [""] for row in below) for at, name in enumerate(rows[head]) if name) if rows else True
    pairs = []
    for number, row in enumerate(rows):
        names = [name or f"column {at}" for at, name in enumerate([*rows[head], *[""] * len(row)], 1)]
        lines = [f"{name}: {cell}" if number > head else cell for name, cell in zip(names, row, strict=False) if cell]
        if lines and (number != head or not complete):  # a column without values is told by the head alone
            pairs.append((f"{prefix}row {number + 1}", "\n".join(lines)))
    return pairs


def json_content(text: str) -> Content:
    """A list is rows; of an object, every list of objects is rows, anything else a section. JSON lines are a list too."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        try:
            data = [json.loads(line) for line in text.split("\n") if line.strip()]
        except json.JSONDecodeError:
            raise ValueError(f"it is not JSON: {error.msg} in line {error.lineno}, column {error.colno}") from None
    plain, pairs = {}, []
    for name, value in data.items() if isinstance(data, dict) else [("", data)]:
        if isinstance(value, list) and (not name or any(isinstance(item, dict) for item in value)):
            pairs += [(f"{name} row {number}".strip(), "\n".join(_flat(item))) for number, item in enumerate(value, 1)]
        elif isinstance(value, (dict, list)):
            pairs.append((name, "\n".join(_flat(value))))
        else:
            plain[name] = value
    return Content([("overview", "\n".join(_flat(plain))), *pairs])


def _flat(value: object, name: str = "") -> Iterable[str]:
    """Lines `name: value`; names of nested objects are joined with dots, plain lists with commas."""
    if isinstance(value, list) and any(isinstance(part, (dict, list)) for part in value):
        value = dict(enumerate(value, 1))
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _flat(part, f"{name}.{key}" if name else str(key))
    elif value not in (None, "", []):
        shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        yield f"{name}: {shown}" if name else shown
