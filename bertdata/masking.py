"""Masks: which tokens of an example are predicted, and what stands in their place.

Everything is a function of one 64-bit key a row, so the same code masks when a shard is built (keys from the seed and
the hash range) and when it is read (keys from the seed, the epoch and the example's number).
Sources: google-research/bert `create_masked_lm_predictions`; Joshi et al., "SpanBERT", section 3.1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bertdata.errors import OptionError
from bertdata.example_options import Masking
from bertdata.rng import mix64

Int64s = npt.NDArray[np.int64]
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_REPLACE_SALT = np.uint64(0xD1B54A32D192ED03)
_NEVER = np.uint32(0xFFFFFFFF)
# Rows masked at once: their keys (rows * length * 4 bytes) stay in a core's second-level cache.
ROWS_AT_ONCE = 1024


@dataclass(frozen=True)
class MaskRules:
    """How to mask: `rate` of an example's tokens (special ones counted), at most `max_predictions`.

    `is_continuation` (bool[vocab_size]) is needed for whole words and spans only.
    """

    rate: float
    max_predictions: int
    masking: Masking
    mask_id: int
    vocab_size: int
    is_continuation: npt.NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        if self.masking != "token" and self.is_continuation is None:
            raise OptionError(f"masking {self.masking!r} needs the vocabulary, to know which tokens continue a word")


@dataclass(frozen=True)
class Masked:
    """Masked rows: `input_ids` flat as given; row r predicts `positions[offsets[r] : offsets[r + 1]]`, sorted.

    `replaced` counts what stands at those positions: [MASK], the original, a random token.
    """

    input_ids: npt.NDArray[Any]
    positions: Int64s
    labels: npt.NDArray[Any]
    offsets: Int64s
    replaced: tuple[int, int, int] = (0, 0, 0)


def num_predictions(lengths: Int64s, rate: float, max_predictions: int) -> Int64s:
    """Return how many tokens rows of these lengths predict: min(max_predictions, max(1, round(rate * length))).

    Halves are rounded to even, as Python's `round` does in the reference; special tokens count in the length.

    >>> num_predictions(np.array([3, 10, 30, 128]), 0.15, 20).tolist()
    [1, 2, 4, 19]
    """
    wanted: Int64s = np.maximum(1, np.rint(lengths * rate).astype(np.int64))
    return np.minimum(max_predictions, wanted)


def mask_rows(
    input_ids: npt.NDArray[Any],
    offsets: Int64s,
    segment_b_start: npt.NDArray[Any],
    row_keys: npt.NDArray[np.uint64],
    rules: MaskRules,
) -> Masked:
    """Mask n rows `[CLS] A [SEP] B [SEP]` of original ids, laid end to end, and return them as new arrays.

    `offsets` int64[n + 1], `segment_b_start` [n] (the row's length where there is no B), `row_keys` uint64[n].
    """
    from bertdata.masking_words import choose_spans, choose_words

    chosen, groups = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for low in range(0, len(row_keys), ROWS_AT_ONCE):
        high = min(low + ROWS_AT_ONCE, len(row_keys))
        rows = Rows.of(offsets[low : high + 1], segment_b_start[low:high], row_keys[low:high], rules)
        if rules.masking == "token":
            places = choose_tokens(rows)
            group = places
        else:
            choose = choose_words if rules.masking == "whole-word" else choose_spans
            assert rules.is_continuation is not None
            start = int(offsets[low])
            places, group = choose(rows, rules.is_continuation[input_ids[start : int(offsets[high])]])
        chosen.append(places + offsets[low])
        groups.append(group)
    return _replace(input_ids, offsets, np.concatenate(chosen), np.concatenate(groups), row_keys, rules)


@dataclass(frozen=True)
class Rows:
    """Some rows to mask: where each begins in their ids (from 0), its length, B's begin, key and number to predict."""

    starts: Int64s
    lengths: Int64s
    segment_b_start: Int64s
    keys: npt.NDArray[np.uint64]
    wanted: Int64s

    @classmethod
    def of(
        cls, offsets: Int64s, segment_b_start: npt.NDArray[Any], keys: npt.NDArray[np.uint64], rules: MaskRules
    ) -> Rows:
        """Return the rows between `offsets`."""
        lengths = np.diff(offsets)
        wanted = num_predictions(lengths, rules.rate, rules.max_predictions)
        return cls(offsets[:-1] - offsets[0], lengths, segment_b_start.astype(np.int64), keys, wanted)

    def candidates(self) -> npt.NDArray[np.bool_]:
        """Return which of the flat ids may be predicted: all but [CLS] and [SEP]."""
        flat = np.ones(int(self.lengths.sum()), dtype=np.bool_)
        flat[self.starts] = False
        flat[self.starts + self.lengths - 1] = False
        flat[self.starts + self.segment_b_start - 1] = False
        return flat


def random_keys(row_keys: npt.NDArray[np.uint64], num_columns: int) -> tuple[npt.NDArray[np.uint32], np.uint32]:
    """Return uint32[n, num_columns] of random keys with the column in their low bits, and the mask of those bits.

    Keys of a row are unique, so sorting them by value is a random permutation of the columns, the same on every
    machine. One 64-bit hash gives the keys of two columns.
    """
    steps = np.arange(1, num_columns // 2 + 2, dtype=np.uint64) * _GOLDEN
    keys = mix64(row_keys[:, None] + steps).view("<u4")[:, :num_columns]
    bits = np.uint32((1 << max(1, math.ceil(math.log2(max(2, num_columns))))) - 1)
    return (keys & ~bits) | np.arange(num_columns, dtype=np.uint32), bits


def choose_tokens(rows: Rows) -> Int64s:
    """Choose exactly the wanted number of tokens in each row, uniformly; return their flat places, sorted."""
    width = int(rows.lengths.max(initial=0))
    keys, _ = random_keys(rows.keys, width)
    columns = np.arange(width)
    keys[:, 0] = _NEVER
    keys[columns >= (rows.lengths - 1)[:, None]] = _NEVER
    every = np.arange(len(keys))
    keys[every, rows.segment_b_start - 1] = _NEVER
    num_candidates = rows.lengths - 2 - (rows.segment_b_start < rows.lengths)
    wanted = np.minimum(rows.wanted, num_candidates)
    # The wanted-th smallest key is the threshold; sorting 128 values a row is faster than selecting among them.
    threshold = np.sort(keys, axis=1)[every, wanted - 1]
    places = np.flatnonzero(keys <= threshold[:, None])
    return places + np.repeat(rows.starts - every * width, wanted)


def _replace(
    input_ids: npt.NDArray[Any],
    offsets: Int64s,
    chosen: Int64s,
    groups: Int64s,
    row_keys: npt.NDArray[np.uint64],
    rules: MaskRules,
) -> Masked:
    """Put [MASK] (80 %), the original (10 %) or a uniform draw from the whole vocabulary (10 %) at the chosen places.

    Tokens of one row and one `groups` number (a span, or the token itself) share their fate, not their random token.
    """
    ends = np.searchsorted(chosen, offsets)
    counts = np.diff(ends)
    keys = np.repeat(row_keys ^ _REPLACE_SALT, counts)
    within = (chosen - np.repeat(offsets[:-1], counts)).astype(np.uint64)
    draw = mix64(keys + within * _GOLDEN)
    fate = draw if rules.masking == "token" else mix64(keys ^ _REPLACE_SALT ^ groups.astype(np.uint64) * _GOLDEN)
    fate = ((fate & np.uint64(0xFFFFFFFF)) * np.uint64(10)) >> np.uint64(32)
    labels = input_ids[chosen]
    new = np.where(fate < 8, labels.dtype.type(rules.mask_id), labels)
    drawn = np.flatnonzero(fate == 9)
    new[drawn] = ((draw[drawn] >> np.uint64(32)) * np.uint64(rules.vocab_size)) >> np.uint64(32)
    masked = input_ids.copy()
    masked[chosen] = new
    tally = np.bincount(fate.astype(np.int64), minlength=10)
    replaced = (int(tally[:8].sum()), int(tally[8]), int(tally[9]))
    return Masked(masked, within.astype(np.int64), labels, ends.astype(np.int64), replaced)
