"""Rows of one shard by number, gathered straight from the memory-mapped file."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bertdata.errors import FormatError
from bertdata.shards import BATCH_ROWS, OpenShard, open_shard
from bertdata.store import StorePath, as_path
from bertdata.store_cache import has_copy, local_copy

Int64s = npt.NDArray[np.int64]
_LISTS = ("input_ids", "masked_lm_positions", "masked_lm_labels")
_NUMBERS = ("segment_b_start", "next_sentence_label", "document_a", "document_b")


class ShardRows:
    """A shard's columns as numpy views of the whole mapped file, and where each record batch's buffers lie in it.

    So a row of any record batch is plain arithmetic, and rows of all batches are gathered in one call; 80 bytes of
    memory a record batch.
    """

    def __init__(self, path: str | Path, sha256: str = "", num_rows: int | None = None) -> None:
        self.path = as_path(path)
        self._sha256, self._stated_rows = sha256, num_rows
        self.num_rows: int = self.metadata["num_rows"] if num_rows is None else num_rows

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """What the schema of the shard says of it; with rows as its build states them it is opened here first.

        Raises InputError where it is missing, FormatError where it is damaged or holds another number of rows.
        """
        fetched = not isinstance(self.path, StorePath) or has_copy(self._sha256)
        file, metadata, _ = self._open if fetched else open_shard(self.path)
        num_rows = metadata["num_rows"]
        if file.num_record_batches != -(-num_rows // BATCH_ROWS):
            raise FormatError(
                f"{self.path} has {file.num_record_batches} record batches where its {num_rows:,} rows make "
                f"{-(-num_rows // BATCH_ROWS)}: build the shards again."
            )
        if self._stated_rows not in (None, num_rows):
            raise FormatError(
                f"{self.path} has {num_rows:,} rows, not the {self._stated_rows:,} that its build wrote: build the "
                "shards again."
            )
        return metadata

    @cached_property
    def _open(self) -> OpenShard:
        return open_shard(local_copy(self.path, self._sha256))

    @cached_property
    def _places(self) -> dict[str, Int64s]:
        """The address in the file of each column's buffers: int64[num_batches], in bytes; -1 where not asked for yet.

        Arrow reads the description of a record batch in 50 microseconds: of those alone that rows are read from.
        """
        names = [*_LISTS, *_NUMBERS, *(name + ".values" for name in _LISTS)]
        return {name: np.full(-(-self.num_rows // BATCH_ROWS), -1, dtype=np.int64) for name in names}

    def _blocks(self, rows: Int64s) -> Int64s:
        """Return the record batch of each row, with the places of all of them found."""
        blocks = rows // BATCH_ROWS
        found = self._places["input_ids"]
        if len(blocks) and found[blocks].min() < 0:
            for number in np.unique(blocks).tolist():
                if found[number] < 0:
                    self._find(number)
        return blocks

    def _find(self, number: int) -> None:
        try:
            batch = self._open.file.get_batch(number)
        except (pa.ArrowException, OSError) as error:
            raise FormatError(f"{self.path}: record batch {number} can't be read ({error}).") from error
        expected = min(BATCH_ROWS, self.num_rows - number * BATCH_ROWS)
        if batch.num_rows != expected:
            raise FormatError(f"{self.path}: record batch {number} has {batch.num_rows} rows, not {expected}.")
        for name in (*_LISTS, *_NUMBERS):
            buffers = batch.column(name).buffers()
            for buffer, suffix in zip(buffers[1::2], ("", ".values"), strict=False):
                address = buffer.address - self._open.mapped.address if buffer is not None and buffer.size else 0
                self._places[name + suffix][number] = address

    def _view(self, dtype: str) -> npt.NDArray[Any]:
        size = np.dtype(dtype).itemsize
        return np.frombuffer(self._open.mapped, dtype=dtype, count=self._open.mapped.size // size)

    @cached_property
    def _views(self) -> dict[str, npt.NDArray[Any]]:
        ids = "<u2" if self.metadata["vocab_size"] <= 1 << 16 else "<u4"
        types = {"masked_lm_positions": "<u2", "segment_b_start": "<u2", "next_sentence_label": "u1"}
        types |= {"input_ids": ids, "masked_lm_labels": ids, "document_a": "<i8", "document_b": "<i8"}
        return {name: self._view(kind) for name, kind in types.items()} | {"offsets": self._view("<i4")}

    def numbers(self, name: str, rows: Int64s) -> npt.NDArray[Any]:
        """Return a column of numbers at these rows."""
        view = self._views[name]
        blocks = self._blocks(rows)
        values: npt.NDArray[Any] = view[self._places[name][blocks] // view.itemsize + rows % BATCH_ROWS]
        return values

    def lists(self, name: str, rows: Int64s) -> tuple[npt.NDArray[Any], Int64s, Int64s]:
        """Return a view of the file that holds the lists, and where in it each row's list starts and how long it is."""
        view, offsets = self._views[name], self._views["offsets"]
        block = self._blocks(rows)
        at = self._places[name][block] // 4 + rows % BATCH_ROWS
        first = offsets[at].astype(np.int64)
        starts = self._places[name + ".values"][block] // view.itemsize + first
        lengths = offsets[at + 1] - first
        if len(rows) and not 0 <= lengths.min() <= lengths.max() <= self.metadata["max_seq_length"]:
            raise FormatError(
                f"{self.path} has lists of impossible lengths: it is damaged; `bertdata verify` says more."
            )
        return view, starts, lengths
