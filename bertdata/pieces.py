"""Rows of tokens files as bytes: the pieces that an engine's shuffle carries to the group they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from bertdata.arrays import as_arrow, as_numpy
from bertdata.group import GroupText, in_split, merge_rows
from bertdata.ranges import HashRange
from bertdata.tokens_file import as_rows, open_tokens


def cut_pieces(
    path: str | Path, groups: Sequence[tuple[str, HashRange]], threshold: int
) -> Iterator[tuple[int, bytes]]:
    """Cut a tokens file into what each group (split, hash range) gets of it: pairs of its place in `groups` and rows.

    A piece holds no more than one of the file's record batches: 8 MB of ids, or one part of a document.
    """
    file = open_tokens(path)
    for place, (split, hash_range) in enumerate(groups):
        for batch in file.batches(hash_range.low, hash_range.high):
            kept = np.flatnonzero(in_split(as_numpy(batch.column("document_hash")), split, threshold))
            if len(kept):
                yield place, _as_bytes(batch.take(as_arrow(kept)))


def join_pieces(pieces: Iterable[bytes], split: str, threshold: int) -> GroupText:
    """Return the text that `read_group` reads, from the pieces of all files, in whatever order they come."""
    batches = [batch for piece in pieces for batch in pa.ipc.open_stream(piece)]
    return merge_rows([as_rows(batch) for batch in batches], split, threshold)


def _as_bytes(batch: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue().to_pybytes())


def num_header_bytes(piece: bytes) -> int:
    """Return how many bytes of a piece are there whatever the number of its rows."""
    return len(_as_bytes(pa.ipc.open_stream(piece).read_next_batch().slice(0, 0)))
