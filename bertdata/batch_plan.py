"""Which examples make up batch k of an epoch: consecutive ones in the read order, or those of like length near it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from bertdata.order import ReadOrder
from bertdata.rng import rng_for

Int64s = npt.NDArray[np.int64]
# Batches whose rows are sorted by length together. One example in ten is short, of any length; with 64 batches six
# of them are short, each a sixth of the range of lengths, and padding is below 1 %. With 8 it would be 5 %.
POOL_BATCHES = 64


class BatchPlan:
    """The batches of an epoch, as numbers of examples; a function of (seed, epoch, batch, batch_size).

    Without `lengths` batch k is places k * batch_size and on. With it, a pool of 64 such batches is sorted by length,
    cut into batches, and these are shuffled. The last batch of an epoch, if it is smaller, stays as it is.
    """

    def __init__(self, order: ReadOrder, lengths: Callable[[Int64s], Int64s] | None, batch_size: int) -> None:
        self.order, self.lengths, self.batch_size = order, lengths, batch_size
        self.num_batches = -(-order.num_rows // batch_size)
        self._pool: tuple[int, int] | None = None
        self._batches: list[Int64s] = []

    def rows(self, epoch: int, batch: int) -> Int64s:
        """Return the numbers of the examples of one batch."""
        if self.lengths is None:
            return self.order.rows(epoch, batch * self.batch_size, (batch + 1) * self.batch_size)
        pool, within = divmod(batch, POOL_BATCHES)
        if self._pool != (epoch, pool):
            self._batches, self._pool = self._sort_pool(epoch, pool, self.lengths), (epoch, pool)
        return self._batches[within]

    def _sort_pool(self, epoch: int, pool: int, lengths: Callable[[Int64s], Int64s]) -> list[Int64s]:
        size = self.batch_size
        first = pool * POOL_BATCHES * size
        rows = self.order.rows(epoch, first, first + POOL_BATCHES * size)
        num_whole = len(rows) // size
        whole, rest = rows[: num_whole * size], rows[num_whole * size :]
        # A stable sort keeps the random read order among examples of one length.
        whole = whole[np.argsort(lengths(whole), kind="stable")]
        shuffled = rng_for(self.order.seed, "batches", epoch, pool).permutation(num_whole).tolist()
        batches = [whole[b * size : (b + 1) * size] for b in shuffled]
        return [*batches, rest] if len(rest) else batches
