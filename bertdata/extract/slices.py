"""Cut sources into slices: what one worker reads at once. They depend on the input only, never on the workers."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from bertdata.errors import InputError
from bertdata.records import Slice, Source


def plan_slices(sources: Sequence[Source]) -> list[Slice]:
    """Return the slices of all sources, numbered in the order of source and file name.

    Raises InputError for a file that can't be read or isn't what its source says, before any work is done.
    """
    slices: list[Slice] = []
    for source in sources:
        plan = _plan_wikipedia if source.kind == "wikipedia" else _plan_packs
        for piece in plan(source):
            slices.append(replace(piece, index=len(slices)))
    return slices


# Dumps whose heads are read at once.
_READERS = 4


def _plan_wikipedia(source: Source) -> list[Slice]:
    from bertdata.extract.dump import check_parts

    check_parts(source.files)
    with ThreadPoolExecutor(_READERS) as pool:
        plans = list(pool.map(_plan_file, source.files))
    return [
        Slice(0, source.name or dbname, "wikipedia", (path,), (name,), start, end, form, num_bytes)
        for path, name, (dbname, plan) in zip(source.files, source.names, plans, strict=True)
        for start, end, form, num_bytes in plan
    ]


def _plan_file(path: str) -> tuple[str, list[tuple[int, int, str, int]]]:
    from bertdata.extract.dump import plan_dump
    from bertdata.extract.siteinfo import read_head, siteinfo_of

    return siteinfo_of(read_head(path), path).dbname, plan_dump(path)


def _plan_packs(source: Source) -> list[Slice]:
    from bertdata.extract.books import plan_books
    from bertdata.extract.textfiles import plan_text

    if source.name is None:
        raise InputError(f"{source.kind} source of {source.files[0]} has no name")
    plan = plan_books if source.kind == "books" else plan_text
    return [
        Slice(0, source.name, source.kind, tuple(files), tuple(names), start, end, form, num_bytes)
        for files, names, start, end, form, num_bytes in plan(source)
    ]
