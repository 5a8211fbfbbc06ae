"""Rows of one shard by number, gathered straight from the memory-mapped file."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bertdata.errors import FormatError
from bertdata.shards import BATCH_ROWS, open_shard
from bertdata.store import as_path
from bertdata.store_cache import has_copy, local_copy

Int64s = npt.NDArray[np.int64]
_LISTS = ("input_ids", "masked_lm_positions", "masked_lm_labels")
_NUMBERS = ("segment_b_start", "next_sentence_label", "document_a", "document_b")


class ShardRows:
    """A shard's columns as numpy views of the whole mapped file, and where each record batch's buffers lie in it.

    So a row of any record batch is plain arithmetic, and rows of all batches are gathered in one call; 80 bytes of
    memory a record batch.
    """

    def __init__(self, path: str | Path, sha256: str = "") -> None:
        self.path = as_path(path)
        self._sha256 = sha256
        file, self.metadata = open_shard(local_copy(path, sha256) if has_copy(sha256) else self.path)
        self.num_rows: int = self.metadata["num_rows"]
        if file.num_record_batches != -(-self.num_rows // BATCH_ROWS):
            raise FormatError(
                f"{path} has {file.num_record_batches} record batches where its {self.num_rows:,} rows make "
                f"{-(-self.num_rows // BATCH_ROWS)}: build the shards again."
            )

    @cached_property
    def _mapped(self) -> Any:
        return pa.memory_map(str(local_copy(self.path, self._sha256))).read_buffer()

    @cached_property
    def _places(self) -> dict[str, Int64s]:
        """The address in the file of each column's buffers: int64[num_batches], in bytes."""
        file = pa.ipc.open_file(pa.BufferReader(self._mapped))
        places: dict[str, list[int]] = {}
        for number in range(file.num_record_batches):
            try:
                batch = file.get_batch(number)
            except (pa.ArrowException, OSError) as error:
                raise FormatError(f"{self.path}: record batch {number} can't be read ({error}).") from error
            expected = min(BATCH_ROWS, self.num_rows - number * BATCH_ROWS)
            if batch.num_rows != expected:
                raise FormatError(f"{self.path}: record batch {number} has {batch.num_rows} rows, not {expected}.")
            for name in (*_LISTS, *_NUMBERS):
                buffers = batch.column(name).buffers()
                for buffer, suffix in zip(buffers[1::2], ("", ".values"), strict=False):
                    address = buffer.address - self._mapped.address if buffer is not None and buffer.size else 0
                    places.setdefault(name + suffix, []).append(address)
        return {name: np.array(addresses, dtype=np.int64) for name, addresses in places.items()}

    def _view(self, dtype: str) -> npt.NDArray[Any]:
        size = np.dtype(dtype).itemsize
        return np.frombuffer(self._mapped, dtype=dtype, count=self._mapped.size // size)

    @cached_property
    def _views(self) -> dict[str, npt.NDArray[Any]]:
        ids = "<u2" if self.metadata["vocab_size"] <= 1 << 16 else "<u4"
        types = {"masked_lm_positions": "<u2", "segment_b_start": "<u2", "next_sentence_label": "u1"}
        types |= {"input_ids": ids, "masked_lm_labels": ids, "document_a": "<i8", "document_b": "<i8"}
        return {name: self._view(kind) for name, kind in types.items()} | {"offsets": self._view("<i4")}

    def numbers(self, name: str, rows: Int64s) -> npt.NDArray[Any]:
        """Return a column of numbers at these rows."""
        view = self._views[name]
        values: npt.NDArray[Any] = view[self._places[name][rows // BATCH_ROWS] // view.itemsize + rows % BATCH_ROWS]
        return values

    def lists(self, name: str, rows: Int64s) -> tuple[npt.NDArray[Any], Int64s, Int64s]:
        """Return a view of the file that holds the lists, and where in it each row's list starts and how long it is."""
        view, offsets = self._views[name], self._views["offsets"]
        block = rows // BATCH_ROWS
        at = self._places[name][block] // 4 + rows % BATCH_ROWS
        first = offsets[at].astype(np.int64)
        starts = self._places[name + ".values"][block] // view.itemsize + first
        lengths = offsets[at + 1] - first
        if len(rows) and not 0 <= lengths.min() <= lengths.max() <= self.metadata["max_seq_length"]:
            raise FormatError(
                f"{self.path} has lists of impossible lengths: it is damaged; `bertdata verify` says more."
            )
        return view, starts, lengths
