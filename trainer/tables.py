"""Labelled tables: TSV as GLUE has it (no quoting), CSV with quotes, JSON lines; columns by name or by number."""

from __future__ import annotations

import csv
import difflib
import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bertdata.errors import InputError
from trainer.textfile import parse_json_line, read_json, read_lines, read_text


@dataclass(frozen=True)
class Table:
    """A file's rows: `columns` are its header's names, or "1", "2", … where it has none; `lines` count from 1."""

    path: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    lines: list[int]
    has_header: bool = True

    def index_of(self, column: str, option: str) -> int:
        """Return the position of a column by its name or its number from 1.

        Raises InputError that lists the columns there are, and names `option` as the way to choose another.
        """
        found = [i for i, name in enumerate(self.columns) if name == column]
        if len(found) == 1:
            return found[0]
        if found:
            numbers = " and ".join(str(i + 1) for i in found)
            raise InputError(
                f"{self.path} has {len(found)} columns called {column!r}: choose one of {numbers} ({option})."
            )
        if column.isascii() and column.isdigit() and 1 <= int(column) <= len(self.columns):
            return int(column) - 1
        raise InputError(self._no_column(column, option))

    def _no_column(self, column: str, option: str) -> str:
        if not self.has_header:
            return (
                f"{self.path} has no column {column!r}: read without a header it has columns 1 to {len(self.columns)}; "
                f"name one of them with {option}."
            )
        names = ", ".join(repr(_short(name)) for name in self.columns[:20])
        close = _close_name(column, self.columns)
        guess = f" Did you mean {close!r}?" if close else ""
        return (
            f"{self.path} has no column {column!r}; it has {names}.{guess} Name the right one with {option}, or add "
            f"--no-header if line {self.lines[0] - 1 if self.lines else 1} is an example already."
        )


def read_table(path: str, *, header: bool = True) -> Table:
    """Read a .tsv, .csv, .jsonl or .json file; another suffix is judged by its first line.

    Blank lines hold no example. A row that is shorter than the header has "" in its missing columns.

    Raises InputError for a file that is missing, empty, without rows, not UTF-8 or malformed, with the line.
    """
    form = _form(path)
    if form == "json":
        return _json_table(path)
    if form == "csv":
        found = list(_csv_rows(path))
    else:
        found = [(n, tuple(line.split("\t"))) for n, line in enumerate(read_lines(path), 1) if line.strip()]
    first = found[0][1]
    columns = tuple(name.strip() for name in first) if header else tuple(str(i + 1) for i in range(_width(found)))
    found = found[1:] if header else found
    if not found:
        raise InputError(f"{path} has a header and no example below it.")
    width = len(columns)
    rows = [row + ("",) * (width - len(row)) for _, row in found]
    return Table(path, columns, rows, [n for n, _ in found], header)


def _form(path: str) -> str:
    name = path.lower().removesuffix(".gz").removesuffix(".bz2").removesuffix(".xz").removesuffix(".zst")
    for suffix, form in ((".tsv", "tsv"), (".csv", "csv"), (".jsonl", "json"), (".json", "json"), (".ndjson", "json")):
        if name.endswith(suffix):
            return form
    first = next(line for line in read_lines(path) if line.strip())
    if first.lstrip()[:1] in "{[" and '"' in first:
        return "json"
    return "tsv" if "\t" in first or "," not in first else "csv"


def _csv_rows(path: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    # Python's limit of 131,072 characters a field is below what a text column may hold.
    csv.field_size_limit(sys.maxsize)
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    line = 1
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(
                f"{path} line {line} isn't CSV ({error}): double the quotes inside a quoted field, or name the file "
                f".tsv if its quotes are plain characters."
            ) from None
        if any(field.strip() for field in row):
            yield line, tuple(row)
        line = reader.line_num + 1


def _json_table(path: str) -> Table:
    records = list(_json_records(path))
    if not records:
        raise InputError(f"{path} is empty: it holds no example.")
    columns = tuple(dict.fromkeys(name for _, record in records for name in record))
    rows = [tuple(_cell(record.get(name)) for name in columns) for _, record in records]
    return Table(path, columns, rows, [n for n, _ in records])


def _json_records(path: str) -> Iterator[tuple[int, dict[str, Any]]]:
    lines = read_lines(path)
    first = next(line for line in lines if line.strip())
    if first.lstrip().startswith("["):
        yield from enumerate(_json_array(path), 1)
        return
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield number, parse_json_line(path, number, line)


def _json_array(path: str) -> list[dict[str, Any]]:
    values = read_json(path)
    for number, value in enumerate(values, 1):
        if not isinstance(value, dict):
            raise InputError(
                f"{path} entry {number} is a JSON {type(value).__name__}, not an object with named columns."
            )
    return list(values)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _width(rows: list[tuple[int, tuple[str, ...]]]) -> int:
    return max(len(row) for _, row in rows)


def _short(name: str) -> str:
    return name if len(name) <= 40 else name[:37] + "…"


def _close_name(column: str, columns: tuple[str, ...]) -> str | None:
    by_lower = {name.lower(): name for name in columns}
    close = difflib.get_close_matches(column.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[close[0]] if close else None
