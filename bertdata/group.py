"""The text of one hash range, gathered from all tokens files and merged in the order of its hashes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bertdata.arrays import as_arrow, as_numpy
from bertdata.ranges import HASH_SPACE, HashRange
from bertdata.rng import split_key
from bertdata.tokens_file import as_rows, open_tokens

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True)
class GroupText:
    """Parts of documents as flat arrays: part p has the sentences `part_bounds[p]` up to `part_bounds[p + 1]`, and
    sentence s the ids `bounds[s]` up to `bounds[s + 1]`. No sentence and no part is empty.
    """

    document_hash: Int64s
    input_ids: npt.NDArray[Any]
    bounds: Int64s
    part_bounds: Int64s
    text_bytes: int = 0

    @property
    def num_parts(self) -> int:
        return len(self.document_hash)

    @property
    def num_sentences(self) -> int:
        return len(self.bounds) - 1

    def part_of_sentence(self) -> Int64s:
        """Return the part that each sentence belongs to: int64[num_sentences]."""
        return np.repeat(np.arange(self.num_parts), np.diff(self.part_bounds))

    def part_ends(self) -> Int64s:
        """Return for each sentence where its part ends, as a number of sentence: int64[num_sentences]."""
        return np.repeat(self.part_bounds[1:], np.diff(self.part_bounds))


def read_group(tokens_paths: Sequence[str], hash_range: HashRange, split: str, threshold: int) -> GroupText:
    """Gather one split's parts of a hash range, in the order of (part_key, document_hash, part).

    The result depends on the parts alone: not on how many files hold them, nor on the files' order. A document is
    validation where its `split_key` lies below `threshold`.
    """
    rows = [each for path in tokens_paths for each in _rows_of_split(path, hash_range, split, threshold)]
    return merge_rows(rows, split, threshold)


def _rows_of_split(path: str, hash_range: HashRange, split: str, threshold: int) -> Iterator[Any]:
    """Yield the rows of a file, by record batch; where few are of the split, nothing else is held.

    A range of the validation split is some two hundred times as wide as one of the train split.
    """
    for batch in open_tokens(path).batches(hash_range.low, hash_range.high):
        kept = np.flatnonzero(in_split(as_numpy(batch.column("document_hash")), split, threshold))
        if len(kept) < batch.num_rows // 2:
            batch = batch.take(as_arrow(kept))
        if len(kept):
            yield as_rows(batch)


def merge_rows(rows: Sequence[Any], split: str, threshold: int) -> GroupText:
    """Merge slices of tokens files (`TokensRows`) into one text; parts without tokens are left out."""
    if not rows:
        empty = np.zeros(0, dtype=np.int64)
        return GroupText(empty, np.zeros(0, np.uint16), np.zeros(1, np.int64), np.zeros(1, np.int64))
    file = np.repeat(np.arange(len(rows)), [len(r.part_key) for r in rows])
    row = np.concatenate([np.arange(len(r.part_key)) for r in rows])
    part_key, document_hash, part, text_bytes = (
        np.concatenate([getattr(r, name) for r in rows]) for name in ("part_key", "document_hash", "part", "text_bytes")
    )
    keep = in_split(document_hash, split, threshold)
    keep &= np.concatenate([np.diff(r.token_offsets) for r in rows]) > 0
    order = np.lexsort((part, document_hash, part_key))
    order = order[keep[order]]
    places = list(zip(file[order].tolist(), row[order].tolist(), strict=True))
    ids = _gather(rows, places, "input_ids", "token_offsets")
    lengths = _gather(rows, places, "sentence_lengths", "sentence_offsets")
    counts = np.concatenate([np.diff(r.sentence_offsets) for r in rows])[order]
    return GroupText(document_hash[order], ids, _ends(lengths), _ends(counts), int(text_bytes[order].sum()))


def in_split(document_hash: Int64s, split: str, threshold: int) -> npt.NDArray[np.bool_]:
    """Return which documents belong to the split; a threshold of 2**64 or more puts all into validation."""
    if threshold >= HASH_SPACE:
        validation = np.ones(len(document_hash), dtype=np.bool_)
    else:
        validation = split_key(document_hash) < np.uint64(threshold)
    return validation if split == "validation" else ~validation


def _gather(rows: Sequence[Any], places: list[tuple[int, int]], values: str, offsets: str) -> npt.NDArray[Any]:
    arrays = [getattr(r, values) for r in rows]
    edges = [getattr(r, offsets).tolist() for r in rows]
    slices = [arrays[f][edges[f][r] : edges[f][r + 1]] for f, r in places]
    return np.concatenate(slices) if slices else arrays[0][:0]


def _ends(lengths: npt.NDArray[Any]) -> Int64s:
    """Return int64[n + 1] of running sums that begins with 0."""
    sums = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=sums[1:])
    return sums


def following_ranges(hash_range: HashRange) -> Iterator[HashRange]:
    """Yield what follows a range in the hash space, round the end and up to its own begin, in growing pieces.

    A group in which one document alone makes pairs borrows from the first piece that has another.
    """
    width, at = max(1, hash_range.high - hash_range.low), hash_range.high
    end = hash_range.low + HASH_SPACE
    while at < end:
        stop = min(end, at + width, HASH_SPACE if at < HASH_SPACE else end)
        yield HashRange(at % HASH_SPACE, (stop - 1) % HASH_SPACE + 1)
        at, width = stop, width * 2


def cut_sentences(text: GroupText, limit: int, piece: int) -> tuple[GroupText, int]:
    """Cut sentences above `limit` tokens into pieces of `piece`, so that none of their text is lost to truncation.

    Returns the text with more sentences, and how many were cut. A book without a full stop makes examples that way.
    """
    lengths = np.diff(text.bounds)
    long = lengths > limit
    if not long.any():
        return text, 0
    pieces = np.where(long, -(-lengths // piece), 1)
    first = _ends(pieces)
    within = np.arange(first[-1]) - np.repeat(first[:-1], pieces)
    bounds = np.append(np.repeat(text.bounds[:-1], pieces) + within * piece, text.bounds[-1])
    cut = GroupText(text.document_hash, text.input_ids, bounds, first[text.part_bounds], text.text_bytes)
    return cut, int(long.sum())
