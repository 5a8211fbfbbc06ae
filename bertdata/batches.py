"""Examples as flat arrays, and what a model reads of them: padded or packed batches. numpy only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bertdata.errors import OptionError
from bertdata.order import ragged

Int64s = npt.NDArray[np.int64]
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class PaddedBatch:
    """n examples as rows of L tokens; `masked_index` counts in the flattened `input_ids` (row * L + position).

    `input_ids`, `token_type_ids` int64[n, L], `attention_mask` bool[n, L] (true at real tokens), `masked_index` and
    `masked_labels` int64[m], `next_sentence_label` int64[n].
    """

    input_ids: Int64s
    token_type_ids: Int64s
    attention_mask: npt.NDArray[np.bool_]
    masked_index: Int64s
    masked_labels: Int64s
    next_sentence_label: Int64s


@dataclass(frozen=True)
class PackedBatch:
    """n examples without padding between them: T tokens in one row of ids, positions starting at 0 in each example.

    `input_ids`, `token_type_ids`, `position_ids` int64[T]; sequence i lies from `cu_seqlens[i]` to `cu_seqlens[i + 1]`
    (int32, from 0 to T); `masked_index` counts in `input_ids`; `example` int64[n] says which row of the examples each
    sequence is, in the order of `next_sentence_label`; `cls_index` int64[n] is where each begins. Where rows of a fixed
    capacity were asked for, T is a multiple of it and the padding at a row's end is a sequence of its own, which no
    `cls_index` names.
    """

    input_ids: Int64s
    token_type_ids: Int64s
    position_ids: Int64s
    cu_seqlens: npt.NDArray[np.int32]
    max_seqlen: int
    masked_index: Int64s
    masked_labels: Int64s
    next_sentence_label: Int64s
    example: Int64s
    cls_index: Int64s


@dataclass(frozen=True)
class Examples:
    """n examples as flat arrays; example i has the ids `input_ids[offsets[i] : offsets[i + 1]]`.

    `index` int64[n] are numbers in the whole split; `segment_b_start` int32[n]; `masked_positions` count in their
    example, and lie between `masked_offsets`; `next_sentence_label` uint8[n]; `document_a`, `document_b` int64[n].
    """

    index: Int64s
    input_ids: Array
    offsets: Int64s
    segment_b_start: npt.NDArray[np.int32]
    masked_positions: Array
    masked_labels: Array
    masked_offsets: Int64s
    next_sentence_label: npt.NDArray[np.uint8]
    document_a: Int64s
    document_b: Int64s

    def __len__(self) -> int:
        return len(self.index)

    @property
    def lengths(self) -> Int64s:
        """The examples' lengths in tokens: int64[n]."""
        return np.diff(self.offsets)

    def masked_places(self) -> Int64s:
        """Return where in the flat `input_ids` the predicted tokens are: int64[m]."""
        counts = np.diff(self.masked_offsets)
        return self.masked_positions.astype(np.int64) + np.repeat(self.offsets[:-1], counts)

    def original_ids(self) -> Array:
        """Return `input_ids` as they were before masking."""
        ids = self.input_ids.copy()
        ids[self.masked_places()] = self.masked_labels
        return ids

    def take(self, rows: slice | Array) -> Examples:
        """Return some of the examples, in the order asked for; a slice without step copies no ids."""
        if isinstance(rows, slice):
            start, stop, step = rows.indices(len(self))
            if step == 1:
                return self._slice(start, max(start, stop))
            rows = np.arange(start, stop, step)
        input_ids, offsets = _take_lists(self.input_ids, self.offsets, rows)
        positions, masked_offsets = _take_lists(self.masked_positions, self.masked_offsets, rows)
        labels, _ = _take_lists(self.masked_labels, self.masked_offsets, rows)
        return Examples(
            self.index[rows],
            input_ids,
            offsets,
            self.segment_b_start[rows],
            positions,
            labels,
            masked_offsets,
            self.next_sentence_label[rows],
            self.document_a[rows],
            self.document_b[rows],
        )

    def _slice(self, start: int, stop: int) -> Examples:
        rows, ends = slice(start, stop), slice(start, stop + 1)
        ids = slice(int(self.offsets[start]), int(self.offsets[stop]))
        masked = slice(int(self.masked_offsets[start]), int(self.masked_offsets[stop]))
        return Examples(
            self.index[rows],
            self.input_ids[ids],
            self.offsets[ends] - ids.start,
            self.segment_b_start[rows],
            self.masked_positions[masked],
            self.masked_labels[masked],
            self.masked_offsets[ends] - masked.start,
            self.next_sentence_label[rows],
            self.document_a[rows],
            self.document_b[rows],
        )

    def padded(self, pad_id: int, multiple_of: int = 8) -> PaddedBatch:
        """Return the examples as rows, padded to the longest, rounded up to a multiple."""
        lengths = self.lengths
        width = -(-int(lengths.max(initial=1)) // multiple_of) * multiple_of
        columns = np.arange(width)
        real = columns < lengths[:, None]
        ids = np.full((len(self), width), pad_id, dtype=np.int64)
        ids[real] = self.input_ids
        types = ((columns >= self.segment_b_start[:, None]) & real).astype(np.int64)
        rows = np.repeat(np.arange(len(self)) * width, np.diff(self.masked_offsets))
        return PaddedBatch(
            ids,
            types,
            real,
            self.masked_positions.astype(np.int64) + rows,
            self.masked_labels.astype(np.int64),
            self.next_sentence_label.astype(np.int64),
        )

    def packed(self, max_tokens: int | None = None, pad_id: int = 0) -> PackedBatch:
        """Return the examples end to end or, with `max_tokens`, first-fit into rows of that many tokens.

        Raises OptionError where an example is longer than a row.
        """
        lengths = self.lengths
        if max_tokens is None:
            return self._pack(np.arange(len(self)), self.offsets, self.offsets[:-1], int(self.offsets[-1]), pad_id)
        if lengths.max(initial=0) > max_tokens:
            raise OptionError(f"an example has {int(lengths.max())} tokens: rows of {max_tokens} are too short for it")
        row = _first_fit(lengths, max_tokens)
        order = np.argsort(row, kind="stable")
        first = np.searchsorted(row[order], np.arange(int(row.max(initial=-1)) + 1))
        ends = np.cumsum(lengths[order])
        used = np.diff(np.append((ends - lengths[order])[first], ends[-1] if len(ends) else 0))
        starts = (
            ends
            - lengths[order]
            + np.repeat(
                np.arange(len(first)) * max_tokens - (ends - lengths[order])[first], np.diff(np.append(first, len(row)))
            )
        )
        padding = (np.arange(len(first)) * max_tokens + used)[used < max_tokens]
        total = len(first) * max_tokens
        return self._pack(order, np.append(np.sort(np.concatenate([starts, padding])), total), starts, total, pad_id)

    def _pack(self, order: Int64s, edges: Int64s, starts: Int64s, total: int, pad_id: int) -> PackedBatch:
        """Lay the examples out in `order`, each beginning at its entry of `starts`."""
        lengths = self.lengths[order]
        place = np.empty(len(self), dtype=np.int64)
        place[order] = starts
        to = ragged(place, self.lengths)
        ids = np.full(total, pad_id, dtype=np.int64)
        ids[to] = self.input_ids
        positions = np.arange(total) - np.repeat(edges[:-1], np.diff(edges))
        types = np.zeros(total, dtype=np.int64)
        types[to] = (ragged(np.zeros_like(place), self.lengths)) >= np.repeat(self.segment_b_start, self.lengths)
        return PackedBatch(
            ids,
            types,
            positions,
            edges.astype(np.int32),
            int(lengths.max(initial=0)),
            self.masked_positions.astype(np.int64) + np.repeat(place, np.diff(self.masked_offsets)),
            self.masked_labels.astype(np.int64),
            self.next_sentence_label[order].astype(np.int64),
            order,
            starts,
        )


def _take_lists(values: Array, offsets: Int64s, rows: Array) -> tuple[Array, Int64s]:
    lengths = np.diff(offsets)[rows]
    new = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=new[1:])
    return values[ragged(offsets[:-1][rows], lengths)], new


def _first_fit(lengths: Int64s, capacity: int) -> Int64s:
    """Return the row that each example goes to: the first with room for it, longest examples first.

    >>> _first_fit(np.array([3, 5, 2, 6]), 8).tolist()
    [1, 1, 0, 0]
    """
    row = np.empty(len(lengths), dtype=np.int64)
    room: list[int] = []
    for example in np.argsort(-lengths, kind="stable").tolist():
        size = int(lengths[example])
        at = next((r for r, left in enumerate(room) if left >= size), len(room))
        if at == len(room):
            room.append(capacity)
        room[at] -= size
        row[example] = at
    return row
