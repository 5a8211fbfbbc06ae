"""Words and how often they occur, exactly, as BERT's normaliser and pre-tokeniser see them.

Each documents file gets one partial counts file, with its words in ranges of their hash, one row group a range. So any
number of partial files is merged range by range, in bounded memory, into `word_counts.parquet`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bertdata.errors import require
from bertdata.files import publish
from bertdata.rng import mix64
from bertdata.vocab import MAX_WORD_CHARS
from bertdata.wordpiece_learner import learn_wordpiece
from bertdata.words import WordSplitter

NUM_RANGES = 64
SCHEMA = pa.schema([("word", pa.large_string()), ("count", pa.int64())])


def count_words(
    documents_path: str | Path, output_path: str | Path, *, lowercase: bool, num_ranges: int = NUM_RANGES
) -> dict[str, int]:
    """Count the words of a documents file into a partial counts file; return `words`, `distinct_words`, `long_words`.

    `long_words` counts those above 100 characters, which WordPiece never splits; they are left out of the file.
    """
    require(num_ranges > 0 and num_ranges & (num_ranges - 1) == 0, f"num_ranges is {num_ranges}: a power of two")
    splitter = WordSplitter(lowercase)
    total = SCHEMA.empty_table()
    pending: list[pa.Table] = []
    with pq.ParquetFile(documents_path) as file:
        for batch in file.iter_batches(batch_size=64, columns=["text"]):
            pending.append(splitter.count(batch.column("text")))
            if sum(table.num_rows for table in pending) > total.num_rows + 100_000:
                total, pending = add_counts([total, *pending]), []
    total = add_counts([total, *pending])
    long = pc.greater(pc.utf8_length(total["word"]), MAX_WORD_CHARS)
    num_long = pc.sum(total.filter(long)["count"]).as_py() or 0
    total = total.filter(pc.invert(long))
    write_ranges(output_path, split_ranges(total, num_ranges))
    return {"words": pc.sum(total["count"]).as_py() or 0, "distinct_words": total.num_rows, "long_words": num_long}


def add_counts(tables: Sequence[pa.Table]) -> pa.Table:
    """Add up the counts of equal words."""
    table = pa.concat_tables(tables).combine_chunks()
    return table.group_by("word", use_threads=False).aggregate([("count", "sum")]).rename_columns(["word", "count"])


def word_hash(words: pa.Array) -> npt.NDArray[np.uint64]:
    """Return a 64-bit hash of each word's UTF-8 bytes: a polynomial in an odd base, mixed."""
    words = words.combine_chunks() if isinstance(words, pa.ChunkedArray) else words
    words = words.cast(pa.large_string())
    if len(words) == 0:
        return np.empty(0, np.uint64)
    offsets = np.frombuffer(words.buffers()[1], np.int64)[words.offset : words.offset + len(words) + 1]
    data = np.frombuffer(words.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
    lengths = np.diff(offsets)
    powers = np.full(int(lengths.max(initial=0)) + 1, 0x9E3779B97F4A7C15, np.uint64).cumprod(dtype=np.uint64)
    place = np.arange(len(data)) - np.repeat(offsets[:-1] - offsets[0], lengths)
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum((data + np.uint64(1)) * powers[place], dtype=np.uint64)])
    ends = offsets - offsets[0]
    return mix64(sums[ends[1:]] - sums[ends[:-1]])


def split_ranges(table: pa.Table, num_ranges: int) -> Iterator[pa.Table]:
    """Yield the rows of each hash range, sorted by word."""
    table = table.sort_by("word")
    bits = np.uint64(num_ranges.bit_length() - 1)
    number = (word_hash(table["word"]) >> (np.uint64(64) - bits)) if bits else np.zeros(table.num_rows, np.uint64)
    order = np.argsort(number, kind="stable")
    ends = np.searchsorted(number[order], np.arange(num_ranges + 1, dtype=np.uint64))
    for start, end in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
        yield table.take(order[start:end])


def write_ranges(path: str | Path, ranges: Iterator[pa.Table]) -> None:
    """Write one row group a range."""
    with publish(path) as temporary, pq.ParquetWriter(temporary, SCHEMA, compression="zstd") as writer:
        for table in ranges:
            writer.write_table(table.cast(SCHEMA), row_group_size=max(1, table.num_rows))


def merge_counts(paths: Sequence[str | Path], output_path: str | Path) -> dict[str, Any]:
    """Merge partial counts files, range by range; return `words` and `distinct_words`."""
    files = [pq.ParquetFile(path) for path in sorted(map(str, paths))]
    counts = {"words": 0, "distinct_words": 0}

    def merged() -> Iterator[pa.Table]:
        for number in range(max((file.num_row_groups for file in files), default=0)):
            table = add_counts([file.read_row_group(number) for file in files]).sort_by("word")
            counts["words"] += pc.sum(table["count"]).as_py() or 0
            counts["distinct_words"] += table.num_rows
            yield table

    write_ranges(output_path, merged())
    return counts


def read_counts(path: str | Path) -> tuple[list[str], list[int]]:
    """Return the words of a counts file and their counts, words sorted by code point."""
    table = pq.read_table(path).sort_by("word")
    return table["word"].to_pylist(), table["count"].to_pylist()


def learn_from_counts(path: str | Path, size: int, *, limit_alphabet: int | None = None) -> list[str]:
    """Learn a vocabulary of `size` tokens from a counts file (see `learn_wordpiece`, whose errors it raises)."""
    words, counts = read_counts(path)
    return learn_wordpiece(words, counts, size, limit_alphabet=limit_alphabet)
