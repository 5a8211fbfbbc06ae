"""No two documents have one id: ids seed the hash space, and a document met twice would pair with itself."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bertdata.arrays import as_numpy
from bertdata.documents import read_columns
from bertdata.errors import InputError
from bertdata.records import Slice

Int64s = npt.NDArray[np.int64]
# Looked at together: 8 bytes each, or 0.4 GB. More are dealt by their hash to files that are looked at one by one.
HASHES_AT_ONCE = 50_000_000


def refuse_duplicate_ids(folder: Path, slices: Sequence[Slice], results: Sequence[dict[str, Any]]) -> None:
    """Raise InputError, naming both places, where an id occurs twice in the documents of all slices.

    Eight bytes a document are held, of fifty million at once: English Wikipedia's are 60 MB.
    """
    places = [n for n, result in enumerate(results) if "documents" in result["files"]]
    columns = (_hashes(folder, results[n]) for n in places)
    total = sum(results[n]["counts"]["documents"] for n in places)
    num_ranges = -(-total // HASHES_AT_ONCE)
    for hashes in _dealt(columns, num_ranges) if num_ranges > 1 else [_together(columns, total)]:
        hashes.sort()
        twice = np.flatnonzero(hashes[1:] == hashes[:-1])
        if len(twice):
            raise _named(folder, slices, results, places, int(hashes[twice[0]]))


def _hashes(folder: Path, result: dict[str, Any]) -> Int64s:
    found: Int64s = as_numpy(_column(folder / result["files"]["documents"]["path"], "document_hash"))
    return found


def _together(columns: Iterator[Int64s], total: int) -> Int64s:
    every, at = np.empty(total, np.int64), 0
    for column in columns:
        every[at : at + len(column)] = column
        at += len(column)
    return every[:at]


def _dealt(columns: Iterator[Int64s], num_ranges: int) -> Iterator[Int64s]:
    """Yield the hashes in ranges, by way of temporary files."""
    with tempfile.TemporaryDirectory(prefix="bertdata-ids-") as name:
        paths = [Path(name) / str(number) for number in range(num_ranges)]
        for column in columns:
            number = (column.view(np.uint64) >> np.uint64(32)) * np.uint64(num_ranges) >> np.uint64(32)
            order = np.argsort(number, kind="stable")
            ends = np.searchsorted(number[order], np.arange(num_ranges + 1, dtype=np.uint64))
            for path, start, end in zip(paths, ends[:-1].tolist(), ends[1:].tolist(), strict=True):
                with path.open("ab") as file:
                    file.write(column[order[start:end]].tobytes())
        for path in paths:
            yield np.fromfile(path, np.int64)
            path.unlink()


def _named(
    folder: Path, slices: Sequence[Slice], results: Sequence[dict[str, Any]], places: Sequence[int], wanted: int
) -> InputError:
    found: list[tuple[str, str]] = []
    for n in places:
        for row in np.flatnonzero(_hashes(folder, results[n]) == wanted).tolist():
            found.append(_place(folder, slices[n], results[n], row))
        if len(found) > 1:
            break
    (document_id, one), (_, other) = found[:2]
    if one != other:
        return InputError(
            f"{document_id!r} is the id of two documents, in {one} and in {other}: "
            "name one source differently (NAME=PATH), or leave one out."
        )
    ids = '; --id-column NAME takes ids from another column, --id-column "" from the rows\' places'
    hint = ids if slices[n].kind == "text" else ""
    return InputError(f"{document_id!r} stands twice in {one}: remove one of the two{hint}.")


def _column(path: Path, name: str) -> Any:
    return read_columns(path, name).column(name).combine_chunks()


def _place(folder: Path, slice_: Slice, result: dict[str, Any], row: int) -> tuple[str, str]:
    document_id = _column(folder / result["files"]["documents"]["path"], "id")[row].as_py()
    below = document_id.removeprefix(f"{slice_.source}/")
    files = [p for p, name in zip(slice_.files, slice_.names, strict=True) if name.startswith(below)]
    return document_id, (files or slice_.files)[0]
