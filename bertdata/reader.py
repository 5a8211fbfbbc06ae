"""Read shards: `open_shards` gives examples by number, and batches in an order that depends on the seed alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bertdata.batch_plan import POOL_BATCHES, BatchPlan
from bertdata.batches import Examples
from bertdata.dynamic_masking import DynamicMasking as DynamicMasking
from bertdata.dynamic_masking import mask_again
from bertdata.errors import FormatError, InputError, require
from bertdata.order import ReadOrder, ragged
from bertdata.shard_paths import Stated, find_shards, read_stated
from bertdata.shard_rows import ShardRows
from bertdata.store import as_path
from bertdata.store_cache import fetch_copies

Int64s = npt.NDArray[np.int64]
# Rows gathered at once, over several batches: a call a shard costs 60 microseconds, whatever the number of rows.
_ROWS_AT_ONCE = 8192
# Metadata in which the shards of one folder may differ.
_OWN = ("num_rows",)


class Shards:
    """The examples of one length and split, in numbered shards; see `open_shards`."""

    def __init__(self, paths: Sequence[Path], stated: Stated | None = None) -> None:
        self.paths, self._stated = paths, stated or Stated()
        self._shards: dict[int, ShardRows] = {}
        self.metadata: dict[str, Any] = {k: v for k, v in self._make(0).metadata.items() if k not in _OWN}
        self._fitting: set[int] = set()
        self._num_rows = list(self._stated.rows) or [self._shard(number).num_rows for number in range(len(paths))]
        self._first_row = np.cumsum([0, *self._num_rows])
        self.num_examples = int(self._first_row[-1])
        self.max_seq_length: int = self.metadata["max_seq_length"]
        self.vocab_size: int = self.metadata["vocab_size"]
        self.vocab_sha256: str = self.metadata["vocab_sha256"]
        self.pad_id: int = self.metadata["pad_id"]

    def _make(self, number: int) -> ShardRows:
        """Return a shard that may not be open yet."""
        if number not in self._shards:
            checksum = self._stated.checksums[number] if self._stated.checksums else ""
            rows = self._stated.rows[number] if self._stated.rows else None
            self._shards[number] = ShardRows(self.paths[number], checksum, rows)
        return self._shards[number]

    def _shard(self, number: int) -> ShardRows:
        """Return a shard, opened and found to be of the same build as the first."""
        shard = self._make(number)
        if number not in self._fitting:
            differ = [k for k, v in self.metadata.items() if shard.metadata[k] != v]
            if differ:
                raise FormatError(
                    f"{shard.path} differs from {self.paths[0].name} in {', '.join(differ)}: the folder mixes two "
                    "builds; remove it and build again."
                )
            self._fitting.add(number)
        return shard

    def __len__(self) -> int:
        return self.num_examples

    def check_sizes(self) -> None:
        """Open what hasn't the bytes that its build wrote, of shards that else are opened when a row of theirs is read.

        Raises InputError or FormatError where one can't be read. Takes two microseconds a shard.
        """
        for number, size in enumerate(self._stated.sizes):
            try:
                found = self.paths[number].stat().st_size
            except FileNotFoundError:
                found = -1
            if found != size:
                self._shard(number)

    def first_row(self, shard: int) -> int:
        """Return the number of a shard's first example; of one past the last shard, the number of all."""
        return int(self._first_row[shard])

    def num_batches(self, batch_size: int) -> int:
        """Return the batches of an epoch; the last may be smaller."""
        return -(-self.num_examples // batch_size)

    def lengths(self, indices: Int64s) -> Int64s:
        """Return examples' lengths in tokens, without reading their ids."""
        lengths = np.empty(len(indices), dtype=np.int64)
        for shard, at, rows in self._by_shard(indices):
            lengths[at] = shard.lists("input_ids", rows)[2]
        return lengths

    def read(self, indices: npt.ArrayLike) -> Examples:
        """Return examples by their numbers, in the order asked for.

        Raises IndexError where a number is outside of 0 to num_examples - 1.
        """
        index = np.asarray(indices, dtype=np.int64)
        if len(index) and not 0 <= index.min() <= index.max() < self.num_examples:
            raise IndexError(f"examples are numbered from 0 to {self.num_examples - 1:,}")
        groups = list(self._by_shard(index))
        input_ids, offsets = _gather_lists(groups, "input_ids", len(index))
        positions, masked_offsets = _gather_lists(groups, "masked_lm_positions", len(index))
        labels, _ = _gather_lists(groups, "masked_lm_labels", len(index))
        return Examples(
            index,
            input_ids,
            offsets,
            _gather_numbers(groups, "segment_b_start", len(index)).astype(np.int32),
            positions,
            labels,
            masked_offsets,
            _gather_numbers(groups, "next_sentence_label", len(index)),
            _gather_numbers(groups, "document_a", len(index)),
            _gather_numbers(groups, "document_b", len(index)),
        )

    def _by_shard(self, index: Int64s) -> Iterator[tuple[ShardRows, Any, Int64s]]:
        """Yield each shard that is asked for, the places in `index` that ask for it, and its rows."""
        number = np.searchsorted(self._first_row, index, side="right") - 1
        shards = np.unique(number)
        if len(shards) <= 1:
            for shard in shards.tolist() or [0]:
                yield self._shard(shard), slice(None), index - self._first_row[shard]
            return
        order = np.argsort(number, kind="stable")
        for at in np.split(order, np.flatnonzero(np.diff(number[order])) + 1):
            shard = int(number[at[0]])
            yield self._shard(shard), at, index[at] - self._first_row[shard]

    def batches(
        self,
        batch_size: int,
        *,
        seed: int,
        start: int = 0,
        stride: int = 1,
        rank: int = 0,
        num_ranks: int = 1,
        by_length: bool = True,
        masking: DynamicMasking | None = None,
    ) -> Iterator[Examples]:
        """Yield batches number start, start + stride, … without end, over as many epochs as it takes.

        Batch k is a function of (seed, k, batch_size), where `batch_size` counts the rows of all ranks together; a
        rank gets rows rank, rank + num_ranks, … of it. Worker w of W in a data loader reads `start + w` with stride W.
        Every example comes once an epoch; the last batch of an epoch may be smaller, a rank's share of it empty.
        `by_length` puts examples of like lengths into a batch; `masking` masks anew instead of as stored.
        """
        require(batch_size > 0, f"the batch size is {batch_size}: 1 or more examples")
        require(0 <= rank < num_ranks, f"rank {rank} of {num_ranks}: ranks count from 0")
        require(start >= 0 and stride > 0, f"start {start} and stride {stride}: 0 or more, and 1 or more")
        if not self.num_examples:
            raise InputError(f"{self.paths[0].parent} holds no example: nothing to read.")
        return self._iterate(batch_size, seed, start, stride, slice(rank, None, num_ranks), by_length, masking)

    def _iterate(
        self,
        batch_size: int,
        seed: int,
        number: int,
        stride: int,
        share: slice,
        by_length: bool,
        masking: DynamicMasking | None,
    ) -> Iterator[Examples]:
        plan = BatchPlan(self._order(seed), self.lengths if by_length else None, batch_size)
        rules = None if masking is None else masking.rules(self.metadata, self._continuation(masking))
        mask_seed = seed if masking is None or masking.seed is None else masking.seed
        most, at_once = max(1, _ROWS_AT_ONCE * share.step // batch_size), 1
        while True:
            epoch, within = divmod(number, plan.num_batches)
            last = min(within - within % POOL_BATCHES + POOL_BATCHES, plan.num_batches)
            wanted = range(within, last, stride)[:at_once]
            rows = [plan.rows(epoch, batch)[share] for batch in wanted]
            examples = self.read(np.concatenate(rows))
            if rules is not None:
                examples = mask_again(examples, rules, mask_seed, epoch)
            ends = np.cumsum([0, *map(len, rows)]).tolist()
            for low, high in itertools.pairwise(ends):
                yield examples.take(slice(low, high))
            number += stride * len(wanted)
            # The first batch comes as soon as it is read, later ones many at once.
            at_once = min(most, 2 * at_once)

    def _order(self, seed: int) -> ReadOrder:
        return ReadOrder(self._num_rows, seed)

    def _continuation(self, masking: DynamicMasking) -> npt.NDArray[np.bool_] | None:
        return None if masking.masking == "token" else self.vocabulary.is_continuation

    @cached_property
    def vocabulary(self) -> Any:
        """The corpus' vocabulary, from `vocab/vocab.txt` beside the shards.

        Raises InputError where it is missing, FormatError where it isn't the one that the shards were made with.
        """
        from bertdata.vocab import read_vocabulary

        path = self.paths[0].parents[3] / "vocab" / "vocab.txt"
        if not path.is_file():
            raise InputError(f"{path} is missing: masks of whole words need the vocabulary beside the shards.")
        vocabulary = read_vocabulary(path, self.metadata["lowercase"])
        if vocabulary.sha256 != self.vocab_sha256:
            raise FormatError(f"{path} isn't the vocabulary that the shards were made with: put the right one back.")
        return vocabulary


def _gather_lists(groups: list[tuple[ShardRows, Any, Int64s]], name: str, num: int) -> tuple[Any, Int64s]:
    found = [(at, *shard.lists(name, rows)) for shard, at, rows in groups]
    lengths = np.empty(num, dtype=np.int64)
    for at, _, _, sizes in found:
        lengths[at] = sizes
    offsets = np.zeros(num + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    if len(found) == 1:
        return found[0][1][ragged(found[0][2], found[0][3])], offsets
    values = np.empty(int(offsets[-1]), dtype=found[0][1].dtype)
    for at, view, starts, sizes in found:
        values[ragged(offsets[:-1][at], sizes)] = view[ragged(starts, sizes)]
    return values, offsets


def _gather_numbers(groups: list[tuple[ShardRows, Any, Int64s]], name: str, num: int) -> npt.NDArray[Any]:
    found = [(at, shard.numbers(name, rows)) for shard, at, rows in groups]
    values = np.empty(num, dtype=found[0][1].dtype)
    for at, some in found:
        values[at] = some
    return values


def open_shards(
    path: str | Path, *, max_seq_length: int | None = None, split: str = "train", fetch: bool = True
) -> Shards:
    """Open the shards of one length and split, memory-mapped; needs neither torch nor Beam.

    `path` is a corpus folder, its `shards` folder or one length's folder below that; `max_seq_length` in tokens may be
    left out where there is one length only. Of shards in a store copies are made on this machine, checked by the
    checksums of their build: of all at once, or without `fetch` of each when one of its rows is read.

    Raises InputError where there is nothing of that kind, OptionError where several lengths are, and FormatError where
    a shard is damaged, missing among its numbered siblings, of another build or of an unknown version.
    """
    paths = find_shards(as_path(path), max_seq_length, split)
    stated = read_stated(paths)
    if fetch:
        fetch_copies(paths, stated.checksums)
    return Shards(paths, stated)
