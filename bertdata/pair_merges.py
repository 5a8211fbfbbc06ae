"""Byte-pair merges on counted words: the pair that occurs most often becomes one piece, again and again.

Words lie in one flat array of symbols, linked to their neighbours, so that a frequent pair is merged in all words at
once with numpy; a rare one, where numpy's calls would cost more, in a loop. Counts are 64-bit integers.

Source of the order and of the bookkeeping: `tokenizers`, models/bpe/trainer.rs. As there, the count of a pair isn't
lowered by its own merge, and pairs that come back through another merge start from what was left.
"""

from __future__ import annotations

from array import array
from heapq import heappop, heappush, heapreplace
from typing import Any

import numpy as np
import numpy.typing as npt

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
# From this many places on, numpy is faster than the loop.
_MANY = 96
# An entry of the heap: (_TOP - count) above 64 bits of pair above 32 bits of serial, so that the smallest comes first.
_TOP, _MASK_32, _MASK_64 = 1 << 63, (1 << 32) - 1, (1 << 64) - 1


class PairMerger:
    """Merge pairs of `symbols` and append each new piece to `tokens`.

    `symbols` are ids of tokens, word after word; `lengths` how many each word has; `counts` how often it occurs.

    >>> tokens = ["a", "##b", "##c"]
    >>> PairMerger(tokens, np.array([0, 1, 2, 0, 1], np.int32), np.array([3, 2]), np.array([1, 4])).run(5, 1)
    >>> tokens
    ['a', '##b', '##c', 'ab', 'abc']
    """

    def __init__(self, tokens: list[str], symbols: Int32s, lengths: Int64s, counts: Int64s) -> None:
        self.tokens = tokens
        # One symbol of -1 ends the array: links that lead nowhere point at it.
        self._end = len(symbols)
        self._symbol: Int32s = np.append(symbols, np.int32(-1))
        self._count: Int64s = np.append(np.repeat(counts, lengths), np.int64(0))
        ends = np.cumsum(lengths)
        self._next: Int32s = np.arange(1, self._end + 2, dtype=np.int32)
        self._previous: Int32s = np.arange(-1, self._end, dtype=np.int32)
        self._next[ends - 1] = self._end
        self._next[self._end] = self._end
        self._previous[ends - lengths] = self._end
        self._previous[self._end] = self._end
        # An entry of the heap is one integer: it takes a third of a tuple's memory, and the collector needn't visit it.
        self._heap: list[int] = []
        self._pair_counts: dict[int, int] = {}
        # The places of entry i: `_pool[_starts[i] : _starts[i + 1]]`, each the left symbol of an occurrence.
        self._pool, self._starts = array("i"), array("q", [0])
        arrays: list[Any] = [self._symbol, self._next, self._previous, self._count]
        self._views: list[memoryview[int]] = [memoryview(a) for a in arrays]

    def run(self, size: int, min_frequency: int) -> None:
        """Merge until there are `size` tokens, or no pair occurs `min_frequency` times."""
        self._count_pairs()
        ids = {token: number for number, token in enumerate(self.tokens)}
        heap, pair_counts, starts = self._heap, self._pair_counts, self._starts
        while len(self.tokens) < size and heap:
            entry = heap[0]
            key, serial = entry >> 32 & _MASK_64, entry & _MASK_32
            count = pair_counts[key]
            if count != _TOP - (entry >> 96):
                if count > 0:
                    heapreplace(heap, (_TOP - count) << 96 | key << 32 | serial)
                else:
                    heappop(heap)
                continue
            if count < min_frequency:
                break
            heappop(heap)
            first, second = key >> 32, key & _MASK_32
            token = self.tokens[first] + self.tokens[second].removeprefix("##")
            new = ids.setdefault(token, len(self.tokens))
            if new == len(self.tokens):
                self.tokens.append(token)
            where = self._pool[starts[serial] : starts[serial + 1]]
            if len(where) < _MANY:
                self._merge_few(where, first, second, new)
            else:
                self._merge_many(np.frombuffer(where, np.int32), first, second, new)

    def _count_pairs(self) -> None:
        left = np.flatnonzero(self._next[:-1] != self._end).astype(np.int32)
        keys = _key(self._symbol[left], self._symbol[left + 1])
        self._add(keys, self._count[left], left)

    def _add(self, keys: Int64s, counts: Int64s, places: Int32s) -> None:
        """Add occurrences of pairs to their counts, and an entry for each pair to the heap."""
        unique, sums, order, starts = _group(keys, counts)
        base = len(self._pool)
        self._pool.frombytes(places[order].tobytes())
        self._starts.pop()
        self._starts.frombytes((starts + base).tobytes())
        self._starts.append(len(self._pool))
        first_serial = len(self._starts) - 1 - len(unique)
        heap, pair_counts = self._heap, self._pair_counts
        for serial, (key, added) in enumerate(zip(unique.tolist(), sums.tolist(), strict=True), first_serial):
            count = pair_counts[key] = pair_counts.get(key, 0) + added
            if count > 0:
                heappush(heap, (_TOP - count) << 96 | key << 32 | serial)

    def _merge_few(self, where: array[int], first: int, second: int, new: int) -> None:
        symbol, following, previous, counts = self._views
        pair_counts, end = self._pair_counts, self._end
        changed: dict[int, list[int]] = {}
        for left in where:
            right = following[left]
            if symbol[left] != first or symbol[right] != second:
                continue
            before, after, count = previous[left], following[right], counts[left]
            if before != end:
                key = symbol[before] << 32
                pair_counts[key | first] -= count
                key |= new
                pair_counts[key] = pair_counts.get(key, 0) + count
                changed.setdefault(key, []).append(before)
            symbol[left], symbol[right], following[left] = new, -1, after
            if after != end:
                previous[after] = left
                other = symbol[after]
                pair_counts[second << 32 | other] -= count
                key = new << 32 | other
                pair_counts[key] = pair_counts.get(key, 0) + count
                changed.setdefault(key, []).append(left)
        for key, places in changed.items():
            count = pair_counts[key]
            if count > 0:
                heappush(self._heap, (_TOP - count) << 96 | key << 32 | len(self._starts) - 1)
                self._pool.extend(places)
                self._starts.append(len(self._pool))

    def _merge_many(self, left: Int32s, first: int, second: int, new: int) -> None:
        symbol, following, previous = self._symbol, self._next, self._previous
        left = left[(symbol[left] == first) & (symbol[following[left]] == second)]
        left = np.sort(left, kind="stable")
        left = left[np.diff(left, prepend=np.int32(-1)) != 0]
        if first == second:
            left = _without_overlaps(left, following)
        right = following[left]
        before, after, count = previous[left], following[right], self._count[left]
        # Two merges side by side (abab): the boundary between them is the right one's left and the left one's right.
        beside = np.zeros(len(left) + 1, np.bool_)
        beside[1:-1] = after[:-1] == left[1:]
        has_left, has_right = (before != self._end) & ~beside[:-1], after != self._end
        left_symbol, counts = symbol[before[has_left]], np.concatenate([count[has_left], count[has_right]])
        beside_right = beside[1:][has_right]
        right_symbol = symbol[after[has_right]]
        old = [_key(left_symbol, first), _key(second, np.where(beside_right, first, right_symbol))]
        fresh = [_key(left_symbol, new), _key(new, np.where(beside_right, new, right_symbol))]
        symbol[left], symbol[right], following[left] = new, -1, after
        previous[after[has_right]] = left[has_right]
        unique, sums, _, _ = _group(np.concatenate(old), counts)
        for key, lost in zip(unique.tolist(), sums.tolist(), strict=True):
            self._pair_counts[key] -= lost
        self._add(np.concatenate(fresh), counts, np.concatenate([before[has_left], left[has_right]]))


def _key(first: Int32s | int, second: Int32s | int) -> Int64s:
    return np.asarray(first, np.int64) << 32 | np.asarray(second, np.int64)


def _group(keys: Int64s, counts: Int64s) -> tuple[Int64s, Int64s, Int64s, Int64s]:
    """Return the different keys, the sum of each one's counts, the order that sorts keys, and where each key starts."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    sums = np.add.reduceat(counts[order], starts) if len(keys) else counts
    return ordered[starts], sums, order, starts


def _without_overlaps(left: Int32s, following: Int32s) -> Int32s:
    """Keep every other place of a run (aaa has one aa), from the left."""
    kept, blocked = [], -1
    for place, right in zip(left.tolist(), following[left].tolist(), strict=True):
        if place != blocked:
            kept.append(place)
            blocked = right
    return np.array(kept, np.int32)
