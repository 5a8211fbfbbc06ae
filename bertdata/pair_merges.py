"""Byte-pair merges on counted words: the pair that occurs most often becomes one piece, again and again.

Words lie in one flat array of symbols, linked to their neighbours, so that a frequent pair is merged in all words at
once with numpy; a rare one, where numpy's calls would cost more, in a loop. Counts are 64-bit integers.

Source of the order and of the bookkeeping: `tokenizers`, models/bpe/trainer.rs. As there, the count of a pair isn't
lowered by its own merge, and pairs that come back through another merge start from what was left.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heappop, heappush

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
# From this many places on, numpy is faster than the loop.
_MANY = 96


class PairMerger:
    """Merge pairs of `symbols` and append each new piece to `tokens`.

    `symbols` are ids of tokens, word after word; `lengths` how many each word has; `counts` how often it occurs.

    >>> tokens = ["a", "##b", "##c"]
    >>> PairMerger(tokens, np.array([0, 1, 2, 0, 1], np.int32), np.array([3, 2]), np.array([1, 4])).run(5, 1)
    >>> tokens
    ['a', '##b', '##c', 'ab', 'abc']
    """

    def __init__(self, tokens: list[str], symbols: npt.NDArray[np.int32], lengths: Int64s, counts: Int64s) -> None:
        self.tokens = tokens
        # One symbol of -1 ends the array: links that lead nowhere point at it.
        self._end = len(symbols)
        self._symbol = np.append(symbols, np.int32(-1))
        self._count = np.append(np.repeat(counts, lengths), np.int64(0))
        ends = np.cumsum(lengths)
        self._next = np.arange(1, self._end + 2, dtype=np.int32)
        self._previous = np.arange(-1, self._end, dtype=np.int32)
        self._next[ends - 1] = self._end
        self._next[self._end] = self._end
        self._previous[ends - lengths] = self._end
        self._previous[self._end] = self._end
        self._places: list[Int64s | list[int] | None] = []
        self._heap: list[tuple[int, int, int]] = []
        self._pair_counts: dict[int, int] = {}
        self._views = tuple(memoryview(a) for a in (self._symbol, self._next, self._previous, self._count))

    def run(self, size: int, min_frequency: int) -> None:
        """Merge until there are `size` tokens, or no pair occurs `min_frequency` times."""
        self._count_pairs()
        ids = {token: number for number, token in enumerate(self.tokens)}
        heap, pair_counts, places = self._heap, self._pair_counts, self._places
        while len(self.tokens) < size and heap:
            negative, key, serial = heap[0]
            count = pair_counts[key]
            if -negative != count:
                heappop(heap)
                if count > 0:
                    heappush(heap, (-count, key, serial))
                continue
            if count < min_frequency:
                break
            heappop(heap)
            first, second = key >> 32, key & 0xFFFFFFFF
            token = self.tokens[first] + self.tokens[second].removeprefix("##")
            new = ids.setdefault(token, len(self.tokens))
            if new == len(self.tokens):
                self.tokens.append(token)
            where, places[serial] = places[serial], None
            if where is not None:
                merge = self._merge_many if len(where) >= _MANY else self._merge_few
                merge(where, first, second, new)  # type: ignore[arg-type]

    def _count_pairs(self) -> None:
        left = np.flatnonzero(self._next[:-1] != self._end)
        keys = self._symbol[left].astype(np.int64) << 32 | self._symbol[left + 1]
        for key, count, where in _group(keys, self._count[left], left):
            self._pair_counts[key] = count
            self._heap.append((-count, key, len(self._places)))
            self._places.append(where)
        self._heap = [entry for entry in self._heap if entry[0] < 0]
        heapify(self._heap)

    def _push(self, key: int, where: Int64s | list[int]) -> None:
        count = self._pair_counts[key]
        if count > 0:
            heappush(self._heap, (-count, key, len(self._places)))
            self._places.append(where)

    def _merge_few(self, where: Sequence[int] | Int64s, first: int, second: int, new: int) -> None:
        symbol, following, previous, counts = self._views
        pair_counts, end = self._pair_counts, self._end
        changed: dict[int, list[int]] = {}
        for left in where.tolist() if isinstance(where, np.ndarray) else where:
            right = following[left]
            if symbol[left] != first or symbol[right] != second:
                continue
            before, after, count = previous[left], following[right], counts[left]
            if before != end:
                old = symbol[before] << 32
                pair_counts[old | first] -= count
                old |= new
                pair_counts[old] = pair_counts.get(old, 0) + count
                changed.setdefault(old, []).append(before)
            symbol[left], symbol[right], following[left] = new, -1, after
            if after != end:
                previous[after] = left
                other = symbol[after]
                pair_counts[second << 32 | other] -= count
                fresh = new << 32 | other
                pair_counts[fresh] = pair_counts.get(fresh, 0) + count
                changed.setdefault(fresh, []).append(left)
        for key, places in changed.items():
            self._push(key, places)

    def _merge_many(self, where: Sequence[int] | Int64s, first: int, second: int, new: int) -> None:
        symbol, following, previous = self._symbol, self._next, self._previous
        left = np.asarray(where, np.int64)
        left = left[(symbol[left] == first) & (symbol[following[left]] == second)]
        left = np.unique(left)
        if first == second:
            left = _without_overlaps(left, following)
        right = following[left]
        before, after, count = previous[left], following[right], self._count[left]
        # Two merges side by side (abab): the boundary between them is the right one's left and the left one's right.
        beside = np.zeros(len(left) + 1, np.bool_)
        beside[1:-1] = after[:-1] == left[1:]
        has_left, has_right = (before != self._end) & ~beside[:-1], after != self._end
        other = np.where(beside[1:], first, symbol[after])
        self._subtract(
            np.concatenate([_key(symbol[before][has_left], first), _key(second, other[has_right])]),
            np.concatenate([count[has_left], count[has_right]]),
        )
        other = np.where(beside[1:], new, symbol[after])
        keys = np.concatenate([_key(symbol[before][has_left], new), _key(new, other[has_right])])
        symbol[left], symbol[right], following[left] = new, -1, after
        previous[after[has_right]] = left[has_right]
        places = np.concatenate([before[has_left].astype(np.int64), left[has_right]])
        for key, added, some in _group(keys, np.concatenate([count[has_left], count[has_right]]), places):
            self._pair_counts[key] = self._pair_counts.get(key, 0) + added
            self._push(key, some)

    def _subtract(self, keys: Int64s, counts: Int64s) -> None:
        for key, count, _ in _group(keys, counts, keys):
            self._pair_counts[key] -= count


def _key(first: npt.NDArray[np.int32] | int, second: npt.NDArray[np.int32] | int) -> Int64s:
    return np.asarray(first, np.int64) << 32 | np.asarray(second, np.int64)


def _group(keys: Int64s, counts: Int64s, places: Int64s) -> list[tuple[int, int, Int64s]]:
    """Return each different key with the sum of its counts and its places, in the order of keys."""
    if len(keys) == 0:
        return []
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.concatenate([[0], np.flatnonzero(np.diff(ordered)) + 1])
    sums = np.add.reduceat(counts[order], starts)
    return list(
        zip(ordered[starts].tolist(), sums.tolist(), np.split(places[order].astype(np.int32), starts[1:]), strict=True)
    )


def _without_overlaps(left: Int64s, following: npt.NDArray[np.int32]) -> Int64s:
    """Keep every other place of a run (aaa has one aa), from the left."""
    kept, blocked = [], -1
    for place, right in zip(left.tolist(), following[left].tolist(), strict=True):
        if place != blocked:
            kept.append(place)
            blocked = right
    return np.array(kept, np.int64)
