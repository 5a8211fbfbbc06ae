"""A corpus' examples in the forms of other people's tools: TFRecord, a Hugging Face dataset folder, MDS."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bertdata.batches import Examples
from bertdata.errors import OptionError, require
from bertdata.export_card import export_card
from bertdata.files import publish
from bertdata.manifest import read_manifest
from bertdata.reader import Shards, open_shards

FORMATS = ("hf", "tfrecord", "mds")
# Rows at once: 8,192 of length 512 padded to int64 are 34 MB a feature.
_ROWS = 8192


def export_corpus(folder: str | Path, output: str | Path, form: str) -> dict[str, Any]:
    """Write every length and split of a finished corpus to `output` as `tfrecord`, `hf` or `mds`.

    Rows keep the order of the shards, and each shard becomes one file (several of at most 64 MiB with `mds`). The
    vocabulary and a README with the call that loads the result stand beside them. Returns the numbers of examples and
    files, and the bytes.

    Raises OptionError for an unknown format or an output folder that isn't empty, FormatError for an unfinished or
    damaged corpus. What was written is removed on an error, so that the same command can run again.
    """
    folder, output = Path(folder), Path(output)
    require(form in FORMATS, f"--format {form!r} is unknown for a corpus: it can be {', '.join(FORMATS)}.")
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise OptionError(f"--output {output} exists and isn't an empty folder: name another, or remove it first.")
    read_manifest(folder)
    try:
        splits = dict(_splits(folder))
        for name, shards in splits.items():
            _WRITERS[form](shards, output, name)
        shutil.copytree(folder / "vocab", output / "vocab", ignore=shutil.ignore_patterns("*.parquet", ".*"))
        with publish(output / "README.md") as temporary:
            temporary.write_text(export_card(form, splits), encoding="utf-8")
    except BaseException:
        shutil.rmtree(output, ignore_errors=True)
        raise
    files = [path for path in output.rglob("*") if path.is_file()]
    num_examples = {name: shards.num_examples for name, shards in splits.items()}
    return {"examples": num_examples, "files": len(files), "bytes": sum(path.stat().st_size for path in files)}


def _splits(folder: Path) -> Iterator[tuple[str, Shards]]:
    """Give `128/train` and so on with its shards, shorter lengths first."""
    lengths = sorted((p for p in (folder / "shards").iterdir() if p.name.isdigit()), key=lambda path: int(path.name))
    for length in lengths:
        for split in ("train", "validation"):
            if any((length / split).glob("*.arrow")):
                yield f"{length.name}/{split}", open_shards(folder, max_seq_length=int(length.name), split=split)


def _by_file(shards: Shards) -> Iterator[tuple[Path, Iterator[Examples]]]:
    """Give each shard's path and its examples, some thousand at once."""
    for path in shards.paths:
        shard = Shards([path])
        starts = range(0, shard.num_examples, _ROWS)
        yield path, (shard.read(np.arange(start, min(start + _ROWS, len(shard)))) for start in starts)


def _write_tfrecord(shards: Shards, output: Path, name: str) -> None:
    from bertdata.tfrecord import bert_features, encode_examples, write_records

    limits = shards.max_seq_length, shards.metadata["max_predictions"]
    for path, parts in _by_file(shards):
        with publish(output / name / f"{path.stem}.tfrecord") as temporary, temporary.open("wb") as file:
            for examples in parts:
                write_records(file, encode_examples(bert_features(examples, *limits)))


def _write_mds(shards: Shards, output: Path, name: str) -> None:
    from bertdata.mds import MdsWriter, column_encodings, encode_samples

    id_dtype = np.dtype(np.uint16 if shards.vocab_size <= 1 << 16 else np.uint32)
    writer = MdsWriter(output / name, column_encodings(id_dtype))
    for _, parts in _by_file(shards):
        for examples in parts:
            for sample in encode_samples(examples):
                writer.write(sample)
    writer.close()


def _write_hf(shards: Shards, output: Path, name: str) -> None:
    """Write Parquet with the inputs of transformers' BertForPreTraining; `labels` are -100 elsewhere."""
    import pyarrow.parquet as pq

    for path, parts in _by_file(shards):
        target = output / name / f"{path.stem}.parquet"
        with publish(target) as temporary, pq.ParquetWriter(temporary, _hf_schema(), compression="zstd") as writer:
            for examples in parts:
                writer.write_batch(_hf_batch(examples))


def _hf_schema() -> Any:
    import pyarrow as pa

    return pa.schema(
        [
            ("input_ids", pa.list_(pa.int32())),
            ("token_type_ids", pa.list_(pa.int8())),
            ("attention_mask", pa.list_(pa.int8())),
            ("labels", pa.list_(pa.int64())),
            ("next_sentence_label", pa.int64()),
        ]
    )


def _hf_batch(examples: Examples) -> Any:
    import pyarrow as pa

    from bertdata.arrays import as_arrow

    lengths = examples.lengths
    positions = np.arange(len(examples.input_ids)) - np.repeat(examples.offsets[:-1], lengths)
    types = positions >= np.repeat(examples.segment_b_start, lengths)
    labels = np.full(len(examples.input_ids), -100, np.int64)
    labels[examples.masked_places()] = examples.masked_labels
    offsets = as_arrow(examples.offsets.astype(np.int32))
    lists = (examples.input_ids.astype(np.int32), types.astype(np.int8), np.ones(len(types), np.int8), labels)
    columns = [pa.ListArray.from_arrays(offsets, as_arrow(values)) for values in lists]
    label = as_arrow(examples.next_sentence_label.astype(np.int64))
    return pa.record_batch([*columns, label], schema=_hf_schema())


_WRITERS: dict[str, Callable[[Shards, Path, str], None]] = {
    "hf": _write_hf,
    "tfrecord": _write_tfrecord,
    "mds": _write_mds,
}
