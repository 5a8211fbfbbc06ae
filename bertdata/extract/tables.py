"""Rows of JSON lines, Parquet and Arrow files, by ranges, in bounded memory; each with the place it came from."""

from __future__ import annotations

import contextlib
import io
import json
import lzma
from collections.abc import Iterator, Sequence
from typing import IO, Any, NamedTuple, cast

from bertdata.errors import InputError, UnreadableError
from bertdata.extract.packs import SLICE_BYTES, damaged, open_plain
from bertdata.store import open_table
from bertdata.store_cache import local_copy

JSON_SUFFIXES = frozenset((".jsonl", ".ndjson", ".json", ".jsonlines"))
ARROW_SUFFIXES = frozenset((".arrow", ".feather", ".ipc"))
TABLE_SUFFIXES = JSON_SUFFIXES | ARROW_SUFFIXES | {".parquet"}
# One line of JSON: far above any article or book, far below what a machine has.
_MAX_LINE = 256 << 20
_BATCH_ROWS = 256


class Row(NamedTuple):
    """One row: `place` is its byte offset (JSON lines) or number (Parquet, Arrow); `raw` is a bad line's bytes."""

    place: int
    values: dict[str, Any] | None
    raw: bytes = b""
    problem: str = ""


def read_json_lines(path: str, compression: str, start: int = 0, end: int = -1) -> Iterator[Row]:
    """Yield the objects of a JSON lines file whose lines start in [start, end) of its bytes; blank lines are none.

    A file that begins with `[` is one JSON array, and read whole. Bad lines come with `problem` set.

    Raises InputError where it can't be read, DamagedInputError where its compression is cut off or corrupt.
    """
    with open_plain(path, compression) as file:
        try:
            if start == 0 and _begins_array(file):
                yield from _array_rows(path, file)
                return
            yield from _line_rows(file, start, end)
        except (EOFError, lzma.LZMAError, OSError) as error:
            raise damaged(path, file, error) from error


def _begins_array(file: IO[bytes]) -> bool:
    # Every reader of `open_plain` can peek; a stream of zstd can't seek.
    head: bytes = cast(io.BufferedReader, file).peek(64)[:64]
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"[")


def _array_rows(path: str, file: IO[bytes]) -> Iterator[Row]:
    data = file.read(_MAX_LINE + 1)
    if len(data) > _MAX_LINE:
        raise InputError(
            f"{path} is one JSON array of more than {_MAX_LINE >> 20} MB: write one object a line (.jsonl)"
        )
    try:
        values = json.loads(data.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no JSON: {error}") from error
    for n, value in enumerate(values):
        yield _row(n, value, b"")


def _line_rows(file: IO[bytes], start: int, end: int) -> Iterator[Row]:
    if start:
        # A line belongs to the range in which it starts: skip the rest of the one that the range cuts.
        file.seek(start - 1)
        file.readline()
        start = file.tell()
    while end < 0 or start < end:
        line = file.readline(_MAX_LINE)
        if not line:
            return
        place, start = start, start + len(line)
        if len(line) == _MAX_LINE and not line.endswith(b"\n"):
            start += _skip_line(file)
            yield Row(place, None, line[:1_000_000], f"longer than {_MAX_LINE >> 20} MB")
        elif line.strip():
            yield _parse(place, line.removeprefix(b"\xef\xbb\xbf") if place == 0 else line)


def _skip_line(file: IO[bytes]) -> int:
    skipped = 0
    while line := file.readline(_MAX_LINE):
        skipped += len(line)
        if line.endswith(b"\n"):
            break
    return skipped


def _parse(place: int, line: bytes) -> Row:
    try:
        return _row(place, json.loads(line), line)
    except (ValueError, RecursionError) as error:
        return Row(place, None, line, f"no JSON: {error}")


def _row(place: int, value: Any, raw: bytes) -> Row:
    return Row(place, value) if isinstance(value, dict) else Row(place, None, raw, "a JSON value that is no object")


def row_group_ranges(path: str) -> list[tuple[int, int, int]]:
    """Return (first row group, row group behind the last, bytes) of slices of about 64 MB of a Parquet file.

    Raises InputError where it isn't one.
    """
    metadata = _open_parquet(path).metadata
    ranges, first, total = [], 0, 0
    for n in range(metadata.num_row_groups):
        total += metadata.row_group(n).total_byte_size
        if total >= SLICE_BYTES or n == metadata.num_row_groups - 1:
            ranges.append((first, n + 1, total))
            first, total = n + 1, 0
    return ranges


def _open_parquet(path: str) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(open_table(path), memory_map=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable(path, "is no Parquet file that can be read", error) from error


def _unreadable(path: str, what: str, error: Exception) -> InputError:
    """Return the error of a file that is wrong, or that the system can't read, which says nothing of the file."""
    if isinstance(error, OSError) and error.errno is not None:
        return UnreadableError(f"{path} can't be read: {error.strerror}")
    first_line = str(error).split("\n", maxsplit=1)[0]
    return InputError(f"{path} {what}: {first_line}")


def read_parquet(path: str, wanted: Sequence[str], start: int = 0, end: int = -1) -> Iterator[Row]:
    """Yield the rows of a Parquet file's row groups [start, end), only the columns of `wanted` that it has.

    Raises InputError where it can't be read or is corrupt.
    """
    import pyarrow as pa

    file = _open_parquet(path)
    stop = file.num_row_groups if end < 0 else end
    place = sum(file.metadata.row_group(n).num_rows for n in range(start))
    columns = [name for name in wanted if name in file.schema_arrow.names]
    groups = list(range(start, stop))
    try:
        for batch in file.iter_batches(_BATCH_ROWS, row_groups=groups, columns=columns) if columns and groups else ():
            yield from _batch_rows(batch, place)
            place += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, f"is damaged behind row {place:,}", error) from error


def parquet_columns(path: str) -> list[str]:
    """Return the names of a Parquet file's columns."""
    return list(_open_parquet(path).schema_arrow.names)


def open_arrow(path: str) -> Any:
    """Return the reader of an Arrow file: IPC file or stream (what `datasets` writes), Feather too.

    Raises InputError where it isn't one.
    """
    import pyarrow as pa

    try:
        source = pa.memory_map(str(local_copy(path)))
        with contextlib.suppress(pa.ArrowInvalid):
            return pa.ipc.open_file(source)
        source.seek(0)
        return pa.ipc.open_stream(source)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable(path, "is no Arrow file that can be read", error) from error


def read_arrow(path: str, wanted: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of an Arrow file, only the columns of `wanted` that it has.

    Raises InputError where it can't be read or is corrupt.
    """
    import pyarrow as pa

    reader, place = open_arrow(path), 0
    columns = [name for name in wanted if name in reader.schema.names]
    try:
        batches = (reader.get_batch(n) for n in range(reader.num_record_batches)) if _is_file(reader) else reader
        for batch in batches:
            chosen = batch.select(columns)
            for offset in range(0, batch.num_rows, _BATCH_ROWS):
                yield from _batch_rows(chosen.slice(offset, _BATCH_ROWS), place + offset)
            place += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, f"is damaged behind row {place:,}", error) from error


def _is_file(reader: Any) -> bool:
    return hasattr(reader, "num_record_batches")


def _batch_rows(batch: Any, place: int) -> Iterator[Row]:
    for n, values in enumerate(batch.to_pylist()):
        yield Row(place + n, values)
