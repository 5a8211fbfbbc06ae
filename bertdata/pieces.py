"""Rows of tokens files as bytes: the pieces that an engine's shuffle carries to the group they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bertdata.arrays import as_arrow, as_numpy
from bertdata.group import GroupText, in_split, merge_rows
from bertdata.ranges import HashRange
from bertdata.tokens_file import TokensRows, as_rows, open_tokens


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
                yield place, _as_bytes(as_rows(batch.take(as_arrow(kept))))


def join_pieces(pieces: Iterable[bytes], split: str, threshold: int) -> GroupText:
    """Return the text that `read_group` reads, from the pieces of all files, in whatever order they come."""
    return merge_rows([_as_rows(piece) for piece in pieces], split, threshold)


# Flat arrays after four numbers: as an Arrow stream, whose schema takes 3 KB, pieces of many files were mostly headers.
HEADER_BYTES = 32
_WIDTHS = {2: np.uint16, 4: np.uint32}


def _as_bytes(rows: TokensRows) -> bytes:
    sizes = np.array([len(rows), len(rows.sentence_lengths), len(rows.input_ids), rows.input_ids.itemsize], np.int64)
    arrays: list[npt.NDArray[Any]] = [sizes, rows.part_key, rows.document_hash, rows.text_bytes, rows.part]
    arrays += [np.diff(offsets).astype(np.uint32) for offsets in (rows.token_offsets, rows.sentence_offsets)]
    return b"".join(array.tobytes() for array in (*arrays, rows.sentence_lengths, rows.input_ids))


def _as_rows(piece: bytes) -> TokensRows:
    num_rows, num_sentences, num_ids, width = np.frombuffer(piece, np.int64, 4).tolist()
    at = HEADER_BYTES

    def take(kind: Any, count: int) -> npt.NDArray[Any]:
        nonlocal at
        array = np.frombuffer(piece, kind, count, at)
        at += array.nbytes
        return array

    key, document, size = take(np.uint64, num_rows), take(np.int64, num_rows), take(np.int64, num_rows)
    part, tokens, sentences = take(np.int32, num_rows), take(np.uint32, num_rows), take(np.uint32, num_rows)
    lengths, ids = take(np.uint32, num_sentences), take(_WIDTHS[width], num_ids)
    return TokensRows(key, document, part, size, ids, _offsets(tokens), lengths, _offsets(sentences))


def _offsets(lengths: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])
