"""MosaicML Streaming's MDS shards of examples: unpadded, columns named as in our own shards.

Source: the format that mosaicml-streaming 0.13 writes and reads (version 2): a number of samples, their offsets, a
JSON head, then samples with the sizes of their variable columns in front, columns by name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bertdata.batches import Examples
from bertdata.files import publish

# What mosaicml-streaming cuts at by default: a reader fetches and keeps whole shards.
SIZE_LIMIT = 1 << 26
_SHAPE_TYPES = ((0, np.uint8), (1, np.uint16), (2, np.uint32))


def column_encodings(id_dtype: np.dtype[Any]) -> dict[str, str]:
    """Return the encoding of each column, by name."""
    ids = f"ndarray:{id_dtype.name}"
    return {
        "input_ids": ids,
        "masked_lm_labels": ids,
        "masked_lm_positions": "ndarray:uint16",
        "next_sentence_label": "uint8",
        "segment_b_start": "uint16",
    }


def encode_samples(examples: Examples) -> Iterator[bytes]:
    """Give each example's bytes: three sizes, then the columns in the order of their names."""
    lists = [
        _arrays(examples.input_ids, examples.offsets),
        _arrays(examples.masked_labels, examples.masked_offsets),
        _arrays(examples.masked_positions.astype(np.uint16), examples.masked_offsets),
    ]
    labels = examples.next_sentence_label.astype(np.uint8).tobytes()
    starts = examples.segment_b_start.astype("<u2").tobytes()
    for row, arrays in enumerate(zip(*lists, strict=True)):
        sizes = np.array([len(array) for array in arrays], "<u4").tobytes()
        yield b"".join((sizes, *arrays, labels[row : row + 1], starts[2 * row : 2 * row + 2]))


def _arrays(values: npt.NDArray[Any], offsets: npt.NDArray[np.int64]) -> Iterator[bytes]:
    """Give each row as one-dimensional array: a byte of dimensions and shape type, the length, the values."""
    data, width = memoryview(values.astype(values.dtype.newbyteorder("<")).tobytes()), values.dtype.itemsize
    for start, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        code, kind = next((code, kind) for code, kind in _SHAPE_TYPES if end - start <= np.iinfo(kind).max)
        head = bytes([1 << 2 | code]) + (end - start).to_bytes(kind().itemsize, "little")
        yield head + data[start * width : end * width]


class MdsWriter:
    """Writes samples to `shard.NNNNN.mds` files of at most 64 MiB, and `index.json` at the end."""

    def __init__(self, folder: Path, encodings: dict[str, str]) -> None:
        self.folder, self.shards = folder, list[dict[str, Any]]()
        sizes = {"uint8": 1, "uint16": 2}
        self.config: dict[str, Any] = {
            "version": 2,
            "format": "mds",
            "compression": None,
            "hashes": ["sha256"],
            "size_limit": SIZE_LIMIT,
            "column_names": sorted(encodings),
            "column_encodings": [encodings[name] for name in sorted(encodings)],
            "column_sizes": [sizes.get(encodings[name]) for name in sorted(encodings)],
        }
        self._head = json.dumps(self.config, sort_keys=True).encode()
        self._reset()

    def _reset(self) -> None:
        self._samples, self._bytes = list[bytes](), 8 + len(self._head)

    def write(self, sample: bytes) -> None:
        """Add a sample; a shard that would grow above the limit is written first."""
        if self._samples and self._bytes + len(sample) + 4 > SIZE_LIMIT:
            self.flush()
        self._samples.append(sample)
        self._bytes += len(sample) + 4

    def flush(self) -> None:
        """Write the samples so far as a shard."""
        if not self._samples:
            return
        offsets = np.cumsum([0, *map(len, self._samples)])
        offsets += 4 + 4 * len(offsets) + len(self._head)
        count = np.array([len(self._samples)], "<u4").tobytes()
        data = b"".join((count, offsets.astype("<u4").tobytes(), self._head, *self._samples))
        name = f"shard.{len(self.shards):05d}.mds"
        with publish(self.folder / name) as temporary:
            temporary.write_bytes(data)
        info = {"basename": name, "bytes": len(data), "hashes": {"sha256": hashlib.sha256(data).hexdigest()}}
        self.shards.append({**self.config, "samples": len(self._samples), "raw_data": info, "zip_data": None})
        self._reset()

    def close(self) -> None:
        """Write what is left, and the index."""
        self.flush()
        with publish(self.folder / "index.json") as temporary:
            temporary.write_text(json.dumps({"version": 2, "shards": self.shards}, sort_keys=True), encoding="utf-8")
