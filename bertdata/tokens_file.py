"""The file of token ids: its writer, which orders rows by hash in bounded memory, and its memory-mapped reader."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bertdata.arrays import as_arrow, as_numpy
from bertdata.errors import FormatError
from bertdata.files import publish
from bertdata.rng import part_key, split_key
from bertdata.store import as_path
from bertdata.store_cache import local_copy
from bertdata.vocab import Vocabulary

FORMAT = "bertdata-tokens"
FORMAT_VERSION = 1
# Bytes of ids in a record batch: what a reader that gathers a small range has to map.
BATCH_BYTES = 8 << 20
NUM_BUCKETS = 65_536
_COLUMNS = ("part_key", "document_hash", "part", "text_bytes", "num_sentences", "input_ids", "sentence_lengths")


def id_dtype(vocab_size: int) -> np.dtype[Any]:
    """Return the type that ids of a vocabulary are stored in: 16 bits up to 65,536 entries, else 32."""
    return np.dtype(np.uint16 if vocab_size <= 1 << 16 else np.uint32)


def tokens_schema(vocabulary: Vocabulary, languages: list[str]) -> pa.Schema:
    """Return the Arrow schema, with what a reader has to check in its metadata."""
    metadata = {
        "format": FORMAT,
        "format_version": str(FORMAT_VERSION),
        "vocab_size": str(len(vocabulary)),
        "vocab_sha256": vocabulary.sha256,
        "lowercase": json.dumps(vocabulary.lowercase),
        "language": json.dumps(languages),
    }
    types = (pa.uint64(), pa.int64(), pa.int32(), pa.int64(), pa.int32())
    lists = (pa.list_(pa.from_numpy_dtype(id_dtype(len(vocabulary)))), pa.list_(pa.uint32()))
    return pa.schema(list(zip(_COLUMNS, (*types, *lists), strict=True)), metadata)


class TokensWriter:
    """Collect rows in any order and write them in the order of their hash, when the block ends.

    Ids wait in a nameless file beside the output, so memory holds 40 bytes a row, whatever the documents.
    """

    def __init__(self, path: str | Path, vocabulary: Vocabulary) -> None:
        self.path, self.vocabulary = as_path(path), vocabulary
        self.languages: list[str] = []
        self.num_documents = 0
        self._last_document: int | None = None
        self._dtype = id_dtype(len(vocabulary))
        self._rows: list[dict[str, npt.NDArray[Any]]] = []

    def __enter__(self) -> Self:
        self._publish = publish(self.path)
        self._temporary = self._publish.__enter__()
        self._ids: IO[bytes] = tempfile.TemporaryFile(dir=self._temporary.parent)
        self._lengths: IO[bytes] = tempfile.TemporaryFile(dir=self._temporary.parent)
        return self

    def write(
        self, rows: dict[str, npt.NDArray[Any]], ids: npt.NDArray[np.uint32], sentence_lengths: npt.NDArray[np.int64]
    ) -> None:
        """Add parts: columns by name, `num_tokens` among them, the ids of all, the lengths of all their sentences."""
        hashes = rows["document_hash"]
        if len(hashes) == 0:
            return
        self.num_documents += int(np.count_nonzero(np.diff(hashes)) + (int(hashes[0]) != self._last_document))
        self._last_document = int(hashes[-1])
        self._rows.append(rows)
        ids.astype(self._dtype).tofile(self._ids)
        sentence_lengths.astype(np.uint32).tofile(self._lengths)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._write_file()
        except BaseException as failed:
            self._publish.__exit__(type(failed), failed, failed.__traceback__)
            raise
        finally:
            self._ids.close()
            self._lengths.close()
        self._publish.__exit__(kind, error, trace)

    def _write_file(self) -> None:
        schema = tokens_schema(self.vocabulary, self.languages)
        with pa.OSFile(str(self._temporary), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            if not self._rows:
                return
            columns = {name: np.concatenate([rows[name] for rows in self._rows]) for name in self._rows[0]}
            columns["part_key"] = part_key(columns["document_hash"], columns["part"])
            ids, lengths = _mapped(self._ids, self._dtype), _mapped(self._lengths, np.dtype(np.uint32))
            starts = np.cumsum(columns["num_tokens"]) - columns["num_tokens"]
            sentence_starts = np.cumsum(columns["num_sentences"], dtype=np.int64) - columns["num_sentences"]
            order = np.lexsort((columns["part"], columns["document_hash"], columns["part_key"]))
            for some in _cut_order(order, columns["num_tokens"] * self._dtype.itemsize):
                arrays = [as_arrow(columns[name][some]) for name in _COLUMNS[:5]]
                arrays.append(_gather(ids, starts[some], columns["num_tokens"][some]))
                arrays.append(_gather(lengths, sentence_starts[some], columns["num_sentences"][some]))
                writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))


def _mapped(file: IO[bytes], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    file.flush()
    return np.memmap(file, dtype=dtype, mode="r")


def _cut_order(order: npt.NDArray[np.int64], num_bytes: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    batch = np.cumsum(num_bytes[order]) // BATCH_BYTES
    return np.split(order, np.flatnonzero(np.diff(batch)) + 1)


def _gather(flat: npt.NDArray[Any], starts: npt.NDArray[np.int64], lengths: npt.NDArray[Any]) -> pa.Array:
    pieces = [flat[start : start + length] for start, length in zip(starts.tolist(), lengths.tolist(), strict=True)]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.ListArray.from_arrays(as_arrow(offsets), as_arrow(np.concatenate(pieces)))


@dataclass(frozen=True)
class TokensRows:
    """Rows of a tokens file as arrays: row i has `input_ids[token_offsets[i]:token_offsets[i + 1]]`, in sentences of
    `sentence_lengths[sentence_offsets[i]:sentence_offsets[i + 1]]` tokens; offsets have one entry more than rows."""

    part_key: npt.NDArray[np.uint64]
    document_hash: npt.NDArray[np.int64]
    part: npt.NDArray[np.int32]
    text_bytes: npt.NDArray[np.int64]
    input_ids: npt.NDArray[Any]
    token_offsets: npt.NDArray[np.int64]
    sentence_lengths: npt.NDArray[np.uint32]
    sentence_offsets: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.part_key)


class TokensFile:
    """A memory-mapped tokens file; `rows` copies nothing where the range lies in one record batch."""

    def __init__(self, path: str | Path) -> None:
        self.path = as_path(path)
        try:
            mapped = pa.memory_map(str(local_copy(path)))
            self._reader = pa.ipc.open_file(mapped)
        except FileNotFoundError:
            raise FormatError(f"No tokens file at {path}: run the build again.") from None
        except (pa.ArrowInvalid, OSError) as error:
            raise FormatError(
                f"{path} isn't a whole Arrow file ({error}): remove it and run the build again."
            ) from None
        raw = self._reader.schema.metadata or {}
        self.metadata = {key.decode(): value.decode() for key, value in raw.items()}
        found = self.metadata.get("format"), self.metadata.get("format_version")
        if found != (FORMAT, str(FORMAT_VERSION)):
            raise FormatError(
                f"{path} is {found[0]} version {found[1]}, not {FORMAT} version {FORMAT_VERSION}: "
                "build it again with this bertdata, or read it with the one that wrote it."
            )
        self.vocab_size, self.vocab_sha256 = int(self.metadata["vocab_size"]), self.metadata["vocab_sha256"]
        self._batches = [self._reader.get_batch(i) for i in range(self._reader.num_record_batches)]
        mapped.close()  # What was mapped stays: a group maps all files, and more than can be open at once.
        self.part_key = self.column("part_key").view(np.uint64)
        self._starts = np.cumsum([0, *(batch.num_rows for batch in self._batches)])

    def __len__(self) -> int:
        return len(self.part_key)

    def column(self, name: str) -> npt.NDArray[Any]:
        """Return a column of numbers for all rows."""
        kind = self._reader.schema.field(name).type
        return as_numpy(pa.chunked_array([batch.column(name) for batch in self._batches], kind))

    def rows(self, low: int = 0, high: int = 1 << 64) -> TokensRows:
        """Return the rows with low <= part_key < high, in that order."""
        taken = self.batches(low, high) or [pa.RecordBatch.from_pylist([], schema=self._reader.schema)]
        return _join([as_rows(batch) for batch in taken])

    def batches(self, low: int, high: int) -> list[pa.RecordBatch]:
        """Return those rows as they lie in the file's record batches."""
        first, last = (_position(self.part_key, bound) for bound in (low, high))
        taken = []
        for batch, start in zip(self._batches, self._starts.tolist(), strict=False):
            begin, end = max(first - start, 0), min(last - start, batch.num_rows)
            if begin < end:
                taken.append(batch.slice(begin, end - begin))
        return taken


def open_tokens(path: str | Path) -> TokensFile:
    """Open a tokens file.

    Raises FormatError where it is missing, damaged, or of another version.
    """
    return TokensFile(path)


def _position(keys: npt.NDArray[np.uint64], bound: int) -> int:
    if bound >= 1 << 64:
        return len(keys)
    return int(np.searchsorted(keys, np.uint64(max(bound, 0)), side="left"))


def as_rows(batch: pa.RecordBatch) -> TokensRows:
    """Return a record batch of a tokens file as arrays; nothing is copied."""
    ids, token_offsets = _flat(batch.column("input_ids"))
    lengths, sentence_offsets = _flat(batch.column("sentence_lengths"))
    key, document, part, size = (as_numpy(batch.column(name)) for name in _COLUMNS[:4])
    return TokensRows(key, document, part, size, ids, token_offsets, lengths, sentence_offsets)


def _flat(column: pa.ListArray) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    offsets = as_numpy(column.offsets).astype(np.int64)
    values = as_numpy(column.values)
    return values[offsets[0] : offsets[-1]], offsets - offsets[0]


def _join(rows: list[TokensRows]) -> TokensRows:
    if len(rows) == 1:
        return rows[0]
    names = ("part_key", "document_hash", "part", "text_bytes", "input_ids", "sentence_lengths")
    joined = {name: np.concatenate([getattr(row, name) for row in rows]) for name in names}
    for name in ("token_offsets", "sentence_offsets"):
        lengths = np.concatenate([np.diff(getattr(row, name)) for row in rows])
        joined[name] = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    return TokensRows(**joined)


def bucket_bytes(path: str | Path, threshold: int) -> npt.NDArray[np.int64]:
    """Return the bytes of text per split and hash bucket, shape (2, 65536).

    Row 0 is train, row 1 validation (documents with a split key below `threshold`); a part's bucket is the upper 16
    bits of its key. The arrays of all files add up to what shards are cut by.
    """
    file = open_tokens(path)
    held_out = _below(split_key(file.column("document_hash")), threshold)
    bucket = (file.part_key >> np.uint64(48)).astype(np.int64) + held_out * NUM_BUCKETS
    # bincount adds in float64: exact up to 2^53 bytes.
    sums = np.bincount(bucket, weights=file.column("text_bytes"), minlength=2 * NUM_BUCKETS)
    return sums.astype(np.int64).reshape(2, NUM_BUCKETS)


def _below(keys: npt.NDArray[np.uint64], threshold: int) -> npt.NDArray[np.bool_]:
    return np.ones(len(keys), np.bool_) if threshold >= 1 << 64 else keys < np.uint64(threshold)


def smallest_split_keys(path: str | Path, n: int = 2) -> npt.NDArray[np.uint64]:
    """Return the n smallest split keys of documents with two sentences or more (fewer if there aren't n), sorted."""
    file = open_tokens(path)
    hashes, inverse = np.unique(file.column("document_hash"), return_inverse=True)
    sentences = np.bincount(inverse, weights=file.column("num_sentences"), minlength=len(hashes))
    return np.sort(split_key(hashes[sentences >= 2]))[:n]
