"""The order in which examples are read: a function of (seed, epoch), found at any place at once.

Record batches ("blocks") of all shards are permuted, and rows within windows of many permuted blocks: one permutation
over all rows would read 18 times slower from disk. Nothing is kept but what each shard holds and the rows of the last
window, so memory doesn't grow with the corpus and any place in an epoch is reached without reading up to it.
"""

from __future__ import annotations

import bisect
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from bertdata.rng import mix64, rng_for
from bertdata.shards import BATCH_ROWS

Int64s = npt.NDArray[np.int64]
K = TypeVar("K")
V = TypeVar("V")
_ROUNDS = 6


class Permutation:
    """A random permutation of range(size) that is computed, not stored: a Feistel network with cycle walking.

    >>> p = Permutation(10, rng_for(1, "example"))
    >>> sorted(p.forward(np.arange(10)).tolist()) == list(range(10))
    True
    >>> p.backward(p.forward(np.arange(10))).tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """

    def __init__(self, size: int, rng: np.random.Generator) -> None:
        self.size = size
        self._bits = np.uint64(max(1, (max(1, size - 1).bit_length() + 1) // 2))
        self._mask = np.uint64((1 << int(self._bits)) - 1)
        self._keys = rng.integers(0, 1 << 64, size=_ROUNDS, dtype=np.uint64)

    def forward(self, index: Int64s) -> Int64s:
        """Return where each index goes."""
        return self._walk(index, self._keys)

    def backward(self, index: Int64s) -> Int64s:
        """Return where each index comes from."""
        return self._walk(index, self._keys[::-1], swap=True)

    def _walk(self, index: Int64s, keys: npt.NDArray[np.uint64], swap: bool = False) -> Int64s:
        x = index.astype(np.uint64)
        todo = np.arange(len(x))
        # The network permutes up to four times as many numbers; those outside go round until they are inside.
        while len(todo):
            x[todo] = self._network(x[todo], keys, swap)
            todo = todo[x[todo] >= self.size]
        return x.astype(np.int64)

    def _network(self, x: npt.NDArray[np.uint64], keys: npt.NDArray[np.uint64], swap: bool) -> npt.NDArray[np.uint64]:
        left, right = x >> self._bits, x & self._mask
        if swap:
            left, right = right, left
        for key in keys:
            left, right = right, left ^ (mix64(right + key) & self._mask)
        if swap:
            left, right = right, left
        return (left << self._bits) | right


def window_blocks(num_shards: int) -> int:
    """Return how many blocks a window holds: 64, and 16 for each shard up to 1,024.

    A document lies in one shard, so two of its rows share a block as many times too often as there are shards. In a
    window of W blocks the excess is (shards - 1) / W: at most 6 % up to 64 shards.
    """
    return min(1024, max(64, 16 * num_shards))


@dataclass
class ReadOrder:
    """The order of all epochs over shards of `shard_rows` rows each, for one seed."""

    shard_rows: Sequence[int]
    seed: int
    _windows: OrderedDict[tuple[int, int], Int64s] = field(default_factory=OrderedDict)
    _epochs: OrderedDict[int, _Epoch] = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        rows = np.array(self.shard_rows, dtype=np.int64)
        self.first_row = np.concatenate([[0], np.cumsum(rows)])
        self.first_block = np.concatenate([[0], np.cumsum(-(-rows // BATCH_ROWS))])
        self.num_rows, self.num_blocks = int(self.first_row[-1]), int(self.first_block[-1])
        self.window = window_blocks(len(rows))
        self.num_windows = max(1, self.num_blocks // self.window)
        short = rows % BATCH_ROWS > 0
        # Only the last block of a shard may be short; what they lack is all that makes places uneven.
        self.short_blocks = self.first_block[1:][short] - 1
        self.lacking = BATCH_ROWS - rows[short] % BATCH_ROWS

    def rows(self, epoch: int, start: int, stop: int) -> Int64s:
        """Return the numbers of the examples at places start to stop of an epoch: int64[stop - start]."""
        taken, order = [np.zeros(0, np.int64)], self._epoch(epoch)
        while start < min(stop, self.num_rows):
            window = bisect.bisect_right(range(self.num_windows), start, key=lambda w: order.first_place(w)) - 1
            first = order.first_place(window)
            rows = self._window(epoch, window)[start - first : stop - first]
            taken.append(rows)
            start += len(rows)
        return np.concatenate(taken)

    def _epoch(self, epoch: int) -> _Epoch:
        return _cached(self._epochs, epoch, lambda: _Epoch(self, epoch))

    def _window(self, epoch: int, window: int) -> Int64s:
        return _cached(self._windows, (epoch, window), lambda: self._shuffle_window(epoch, window))

    def _shuffle_window(self, epoch: int, window: int) -> Int64s:
        blocks = self._epoch(epoch).blocks(window)
        shard = np.searchsorted(self.first_block, blocks, side="right") - 1
        first = self.first_row[shard] + (blocks - self.first_block[shard]) * BATCH_ROWS
        sizes = np.minimum(BATCH_ROWS, self.first_row[shard + 1] - first)
        return rng_for(self.seed, "window", epoch, window).permutation(ragged(first, sizes))


class _Epoch:
    """One epoch's permutation of the blocks, and where its windows begin."""

    def __init__(self, order: ReadOrder, epoch: int) -> None:
        self._order = order
        self._permutation = Permutation(order.num_blocks, rng_for(order.seed, "blocks", epoch))
        places = self._permutation.backward(order.short_blocks)
        by_place = np.argsort(places, kind="stable")
        self._short_places = places[by_place]
        self._lacking = np.concatenate([[0], np.cumsum(order.lacking[by_place])])

    def _block_range(self, window: int) -> tuple[int, int]:
        order = self._order
        last = window >= order.num_windows - 1
        return window * order.window, order.num_blocks if last else (window + 1) * order.window

    def first_place(self, window: int) -> int:
        """Return how many rows lie before a window."""
        block = self._block_range(window)[0]
        return block * BATCH_ROWS - int(self._lacking[np.searchsorted(self._short_places, block)])

    def blocks(self, window: int) -> Int64s:
        """Return the blocks of a window in their permuted order."""
        return self._permutation.forward(np.arange(*self._block_range(window)))


def ragged(starts: Int64s, lengths: Int64s) -> Int64s:
    """Return the numbers start, start + 1, … of every run, end to end.

    >>> ragged(np.array([10, 5]), np.array([2, 3])).tolist()
    [10, 11, 5, 6, 7]
    """
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) + np.repeat(starts - ends + lengths, lengths)


def _cached(cache: OrderedDict[K, V], key: K, make: Callable[[], V]) -> V:
    """Return the cached value, or make it and keep the last two: a batch may straddle two windows or epochs."""
    if key not in cache:
        cache[key] = make()
        if len(cache) > 2:
            cache.popitem(last=False)
    return cache[key]
