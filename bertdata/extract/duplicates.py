"""No two documents have one id: ids seed the hash space, and a document met twice would pair with itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from bertdata.arrays import as_numpy
from bertdata.errors import InputError
from bertdata.records import Slice
from bertdata.store import open_table


def refuse_duplicate_ids(folder: Path, slices: Sequence[Slice], results: Sequence[dict[str, Any]]) -> None:
    """Raise InputError, naming both places, where an id occurs twice in the documents of all slices.

    Eight bytes a document are held at once: 60 MB for the whole of English Wikipedia.
    """
    hashes, owners = [], []
    for n, result in enumerate(results):
        if "documents" in result["files"]:
            column = as_numpy(_column(folder / result["files"]["documents"]["path"], "document_hash"))
            hashes.append(column)
            owners.append(np.full(len(column), n, dtype=np.int32))
    if not hashes:
        return
    every, owner = np.concatenate(hashes), np.concatenate(owners)
    order = np.argsort(every, kind="stable")
    twice = np.flatnonzero(every[order][1:] == every[order][:-1])
    if not len(twice):
        return
    first, second = order[twice[0]], order[twice[0] + 1]
    found = [_place(folder, slices[owner[n]], results[owner[n]], int(every[n])) for n in (first, second)]
    raise InputError(
        f"{found[0][0]!r} is the id of two documents, in {found[0][1]} and in {found[1][1]}: "
        "name one source differently (NAME=PATH), or leave one out."
    )


def _column(path: Path, name: str) -> Any:
    return pq.read_table(open_table(path), columns=[name]).column(name).combine_chunks()


def _place(folder: Path, slice_: Slice, result: dict[str, Any], wanted: int) -> tuple[str, str]:
    path = folder / result["files"]["documents"]["path"]
    row = int(np.flatnonzero(as_numpy(_column(path, "document_hash")) == wanted)[0])
    document_id = _column(path, "id")[row].as_py()
    below = document_id.removeprefix(f"{slice_.source}/")
    files = [p for p, name in zip(slice_.files, slice_.names, strict=True) if name.startswith(below)]
    return document_id, (files or slice_.files)[0]
