"""Shards on disk: Arrow IPC files of pretraining examples, their schema, and what a reader of them checks.

The contract in words is `docs/format.md`. A shard is written in record batches of 1,024 rows, uncompressed, so that a
reader maps it into memory and copies nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bertdata.arrays import as_arrow, numpy_dtype
from bertdata.errors import FormatError, InputError
from bertdata.files import publish, sha256_file
from bertdata.store import as_path, open_table

FORMAT_VERSION = 1
BATCH_ROWS = 1024
_KEY = "bertdata."
# What the metadata must hold, and how each value is read back.
_FIELDS: dict[str, Callable[[str], Any]] = {
    "format_version": int,
    "vocab_sha256": str,
    "vocab_size": int,
    "lowercase": lambda text: text == "true",
    "pad_id": int,
    "cls_id": int,
    "sep_id": int,
    "mask_id": int,
    "max_seq_length": int,
    "pairs": str,
    "masking": str,
    "masked_lm_prob": float,
    "max_predictions": int,
    "short_seq_prob": float,
    "seed": int,
    "num_rows": int,
}


def id_type(vocab_size: int) -> Any:
    """Return the Arrow type of ids: 16 bits where they suffice."""
    return pa.uint16() if vocab_size <= 1 << 16 else pa.uint32()


@functools.cache
def shard_schema(vocab_size: int) -> Any:
    """Return the schema of a shard: one row an example, unpadded."""
    ids = pa.list_(id_type(vocab_size))
    return pa.schema(
        [
            ("input_ids", ids),
            ("segment_b_start", pa.uint16()),
            ("masked_lm_positions", pa.list_(pa.uint16())),
            ("masked_lm_labels", ids),
            ("next_sentence_label", pa.uint8()),
            ("document_a", pa.int64()),
            ("document_b", pa.int64()),
        ]
    )


def to_metadata(values: dict[str, Any]) -> dict[str, str]:
    """Return values as Arrow schema metadata, under keys that begin with `bertdata.`."""
    return {_KEY + k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in values.items()}


def from_metadata(metadata: dict[bytes, bytes] | None, path: str | Path) -> dict[str, Any]:
    """Return a shard's metadata as values.

    Raises FormatError where the file isn't a shard or its version isn't one that this reader knows.
    """
    texts = {k.decode(errors="replace"): v.decode(errors="replace") for k, v in (metadata or {}).items()}
    version = texts.get(_KEY + "format_version")
    if version is None:
        raise FormatError(f"{path} isn't a bertdata shard: its schema names no format version. Give a shards folder.")
    if version != str(FORMAT_VERSION):
        raise FormatError(
            f"{path} has shard format {version}; this bertdata reads {FORMAT_VERSION}: use the bertdata that wrote "
            "it, or build the shards again."
        )
    missing = sorted(name for name in _FIELDS if _KEY + name not in texts)
    if missing:
        raise FormatError(f"{path} lacks {', '.join(missing)} in its schema's metadata: build the shards again.")
    try:
        return {name: read(texts[_KEY + name]) for name, read in _FIELDS.items()}
    except ValueError as error:
        raise FormatError(f"{path} has unreadable metadata ({error}): build the shards again.") from error


def record_batch(
    schema: Any,
    input_ids: npt.NDArray[Any],
    offsets: npt.NDArray[np.int64],
    segment_b_start: npt.NDArray[Any],
    positions: npt.NDArray[Any],
    labels: npt.NDArray[Any],
    masked_offsets: npt.NDArray[np.int64],
    next_sentence_label: npt.NDArray[np.uint8],
    document_a: npt.NDArray[np.int64],
    document_b: npt.NDArray[np.int64],
) -> Any:
    """Return n examples as a record batch; the lists are flat with int64[n + 1] offsets that may begin anywhere."""
    ids, position_lists = schema.field("input_ids").type.value_type, schema.field("masked_lm_positions").type.value_type
    return pa.record_batch(
        [
            _lists(input_ids, offsets, ids),
            _array(segment_b_start, pa.uint16()),
            _lists(positions, masked_offsets, position_lists),
            _lists(labels, masked_offsets, ids),
            _array(next_sentence_label, pa.uint8()),
            _array(document_a, pa.int64()),
            _array(document_b, pa.int64()),
        ],
        schema=schema,
    )


def _lists(values: npt.NDArray[Any], offsets: npt.NDArray[np.int64], kind: Any) -> Any:
    flat = _array(values[int(offsets[0]) : int(offsets[-1])], kind)
    return pa.ListArray.from_arrays(_array(offsets - offsets[0], pa.int32()), flat)


def _array(values: npt.NDArray[Any], kind: Any) -> Any:
    return as_arrow(np.asarray(values, dtype=numpy_dtype(kind)))


def write_shard(path: str | Path, schema: Any, metadata: dict[str, Any], batches: Iterable[Any]) -> dict[str, Any]:
    """Write record batches of 1,024 rows (the last may be smaller) to a shard; return its bytes, rows and SHA-256."""
    schema = schema.with_metadata(to_metadata({"format_version": FORMAT_VERSION, **metadata}))
    num_rows = 0
    with publish(path) as temporary:
        with pa.OSFile(str(temporary), "wb") as file, pa.ipc.new_file(file, schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
                num_rows += batch.num_rows
        return {"bytes": temporary.stat().st_size, "rows": num_rows, "sha256": sha256_file(temporary)}


class OpenShard(NamedTuple):
    """Arrow's reader of a shard, its metadata as values, and where it is local the whole file mapped into memory."""

    file: Any
    metadata: dict[str, Any]
    mapped: Any


def map_file(path: Path) -> Any:
    """Return a whole file as a buffer that is mapped into memory; it holds no descriptor.

    A buffer that Arrow reads from a mapped file is asked of the disk at once (madvise), and here that is all of it,
    which takes ten times as long as mapping even where it is in memory. So one byte is read, and what follows it
    belongs to the same mapping.
    """
    with pa.memory_map(str(path)) as file:
        first, size = file.read_buffer(1), file.size()
    return pa.foreign_buffer(first.address, size, first) if size else first


def open_shard(path: str | Path) -> OpenShard:
    """Open a shard, memory-mapped where it is local.

    Raises InputError where it is missing, FormatError where it is damaged, of another schema or another version.
    """
    try:
        source = open_table(path)
        mapped = map_file(source) if isinstance(source, Path) else None
        file = pa.ipc.open_file(pa.PythonFile(source, "r") if mapped is None else pa.BufferReader(mapped))
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing.") from error
    except (pa.ArrowException, OSError) as error:
        raise FormatError(f"{path} isn't a readable Arrow file ({error}): it is damaged or cut off.") from error
    metadata = from_metadata(file.schema.metadata, path)
    expected = shard_schema(metadata["vocab_size"])
    if not file.schema.equals(expected):
        # By index: the names of a damaged file may not even be text.
        places = [file.schema.get_field_index(field.name) for field in expected]
        differ = [f.name for f, at in zip(expected, places, strict=True) if at < 0 or file.schema.field(at) != f]
        differ = differ or ["further columns"]
        raise FormatError(f"{path} has another schema than shard format {FORMAT_VERSION}: {', '.join(differ)} differ.")
    return OpenShard(file, metadata, mapped)


def write_card(shards_dir: str | Path) -> None:
    """Write `README.md` with one configuration a length, so that `datasets.load_dataset` finds lengths and splits."""
    folder = as_path(shards_dir)
    lengths = sorted((p for p in folder.iterdir() if p.is_dir() and p.name.isdigit()), key=lambda p: int(p.name))
    lines = ["---", "configs:"]
    for length in lengths:
        lines += [f'- config_name: "{length.name}"', "  data_files:"]
        for split in ("train", "validation"):
            if (length / split).is_dir():
                lines += [f"  - split: {split}", f"    path: {length.name}/{split}/*.arrow"]
    lines += [
        "---",
        "",
        "# BERT pretraining examples",
        "",
        "One folder a maximum length in tokens, one below it a split. Load one length with `datasets`:",
        "",
        "```python",
        *(f'datasets.load_dataset("shards", "{length.name}")' for length in lengths),
        "```",
        "",
        "`segment_b_start` is where token type 1 begins; `masked_lm_positions` and `masked_lm_labels` give the",
        "original ids of masked tokens; `next_sentence_label` is 1 where B doesn't follow A.",
        "",
    ]
    with publish(folder / "README.md") as temporary:
        temporary.write_text("\n".join(lines), encoding="utf-8")
