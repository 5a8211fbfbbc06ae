"""Words and how often they occur, exactly, as BERT's normaliser and pre-tokeniser see them.

Each documents file gets one partial counts file, with its words in ranges of their hash, one row group a range. So any
number of partial files is merged range by range, in bounded memory, into `word_counts.parquet`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bertdata.arrays import as_arrow, as_numpy
from bertdata.errors import require
from bertdata.files import publish, scratch_beside
from bertdata.rng import mix64
from bertdata.store import as_path
from bertdata.store_cache import local_copy
from bertdata.vocab import MAX_WORD_CHARS
from bertdata.wordpiece_learner import learn_wordpiece
from bertdata.words import NO_WORDS, SCHEMA, WordSplitter, add_counts, count_pieces

# A merge holds one range of all files in memory: with 64, ten million different words are some 5 MB each.
NUM_RANGES = 64
# Many a system lets a process open 1,024 files, and a dump of English Wikipedia has more slices.
MAX_FILES_TO_MERGE = 100
# A million different words take the learner 0.6 GB beside the words themselves.
MAX_WORDS_TO_LEARN = 1_000_000
MAX_PIECES_BYTES, MAX_WORDS_BYTES = 96 << 20, 128 << 20


def count_words(
    documents_path: str | Path,
    output_path: str | Path,
    *,
    lowercase: bool,
    num_ranges: int = NUM_RANGES,
    progress: Callable[[int], None] = lambda num_bytes: None,
) -> dict[str, int]:
    """Count the words of a documents file into a partial counts file; return `words`, `distinct_words`, `long_words`.

    `long_words` counts those above 100 characters, which are [UNK] whatever the vocabulary; they aren't in the file.
    Memory holds at most 256 MB of different words; what is more waits in files beside the output. `progress` is called
    with the bytes of text counted since the last call.
    """
    require(num_ranges > 0 and num_ranges & (num_ranges - 1) == 0, f"num_ranges is {num_ranges}: a power of two")
    counter = _Counter(as_path(output_path), lowercase, num_ranges)
    try:
        with pq.ParquetFile(local_copy(documents_path)) as file:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group, columns=["text"], use_threads=False)
                # Decoding a book of 200 MB takes 680 MB for a moment, which Arrow's pool would keep.
                pa.default_memory_pool().release_unused()
                for batch in table.to_batches():
                    counter.add(batch.column("text"))
                    progress(text_bytes(batch.column("text")))
        return counter.finish()
    finally:
        counter.close()


def text_bytes(column: pa.Array) -> int:
    """Return the bytes of UTF-8 in a column of text.

    >>> text_bytes(pa.array(["né", None, "a"]))
    4
    """
    return int(pc.sum(pc.binary_length(column)).as_py() or 0)


class _Counter:
    """Counts of one file: of pieces, then of words, then of words in files, each when the one before gets too large."""

    def __init__(self, path: Path, lowercase: bool, num_ranges: int) -> None:
        self.path, self.num_ranges, self.num_long = path, num_ranges, 0
        self._splitter = WordSplitter(lowercase)
        self._pieces, self._words = [NO_WORDS], NO_WORDS
        self._spilled: list[Path] = []

    def add(self, texts: pa.Array) -> None:
        """Count the words of texts."""
        self._pieces.append(count_pieces(memoryview(b) for b in map(_buffer, texts) if b is not None))
        if sum(table.num_rows for table in self._pieces[1:]) > 200_000 + self._pieces[0].num_rows:
            self._pieces = [add_counts(self._pieces)]
        if self._pieces[0].nbytes > MAX_PIECES_BYTES:
            self._split()
        if self._words.nbytes > MAX_WORDS_BYTES:
            self._spill()

    def _split(self) -> None:
        words = self._splitter.split(add_counts(self._pieces))
        long = pc.greater(pc.utf8_length(words["word"]), MAX_WORD_CHARS)
        self.num_long += pc.sum(words.filter(long)["count"]).as_py() or 0
        self._words = add_counts([self._words, words.filter(pc.invert(long))])
        self._pieces = [NO_WORDS]

    def _spill(self) -> None:
        path = scratch_beside(self.path) / f".{self.path.name}.{os.getpid()}-{os.urandom(4).hex()}.spill"
        self._spilled.append(path)
        write_ranges(path, split_ranges(self._words, self.num_ranges))
        self._words = NO_WORDS

    def finish(self) -> dict[str, int]:
        """Write the file and return what it holds."""
        self._split()
        if self._spilled:
            self._spill()
            counts = merge_counts(self._spilled, self.path)
        else:
            write_ranges(self.path, split_ranges(self._words, self.num_ranges))
            total = pc.sum(self._words["count"]).as_py() or 0
            counts = {"words": total, "distinct_words": self._words.num_rows}
        return {**counts, "long_words": self.num_long}

    def close(self) -> None:
        """Remove what was spilled."""
        for path in self._spilled:
            path.unlink(missing_ok=True)


def _buffer(text: pa.LargeStringScalar) -> pa.Buffer | None:
    return text.as_buffer()


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
    """Yield the rows of each hash range, by hash: whoever merges ranges sorts them by word then, once."""
    hashes = word_hash(table["word"])
    order = np.argsort(hashes, kind="stable")
    table = table.take(as_arrow(order))
    begins = np.array([((n << 64) // num_ranges) for n in range(1, num_ranges)], dtype=np.uint64)
    for start, end in pairwise([0, *np.searchsorted(hashes[order], begins).tolist(), len(order)]):
        yield table.slice(start, end - start)


def write_ranges(path: str | Path, ranges: Iterator[pa.Table]) -> None:
    """Write one row group a range."""
    with (
        publish(path) as temporary,
        pq.ParquetWriter(temporary, SCHEMA, compression="zstd", use_dictionary=False) as writer,
    ):
        for table in ranges:
            writer.write_table(table.cast(SCHEMA), row_group_size=max(1, table.num_rows))


def merge_counts(paths: Sequence[str | Path], output_path: str | Path) -> dict[str, int]:
    """Merge partial counts files, range by range; return `words` and `distinct_words`.

    All are open at once: of more than `MAX_FILES_TO_MERGE`, some are merged first. The counts are the same.
    """
    if len(paths) > MAX_FILES_TO_MERGE:
        return _merge_in_rounds(sorted(map(str, paths)), as_path(output_path))
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(pq.ParquetFile(local_copy(path))) for path in sorted(map(str, paths))]
        return _merge(files, output_path)


def _merge_in_rounds(paths: list[str], output: Path) -> dict[str, int]:
    scratch = scratch_beside(output) / f".{output.name}.{os.getpid()}-{os.urandom(4).hex()}"
    merged: list[Path] = []
    try:
        for at in range(0, len(paths), MAX_FILES_TO_MERGE):
            merged.append(scratch.with_name(f"{scratch.name}-{len(merged)}.merged"))
            merge_counts(paths[at : at + MAX_FILES_TO_MERGE], merged[-1])
        return merge_counts(merged, output)
    finally:
        for path in merged:
            path.unlink(missing_ok=True)


def _merge(files: Sequence[pq.ParquetFile], output_path: str | Path) -> dict[str, int]:
    counts = {"words": 0, "distinct_words": 0}

    def merged() -> Iterator[pa.Table]:
        for number in range(max((file.num_row_groups for file in files), default=0)):
            table = add_counts([file.read_row_group(number) for file in files]).sort_by("word")
            counts["words"] += pc.sum(table["count"]).as_py() or 0
            counts["distinct_words"] += table.num_rows
            yield table

    write_ranges(output_path, merged())
    return counts


class WordCounts(NamedTuple):
    """Words, sorted, with their counts; and what was left out because there were too many different words."""

    words: list[str]
    counts: npt.NDArray[np.int64]
    pruned_words: int
    pruned_occurrences: int


def read_counts(path: str | Path, max_words: int = MAX_WORDS_TO_LEARN) -> WordCounts:
    """Return the words of a counts file, at most `max_words`: all that occur more often than some number."""
    with pq.ParquetFile(local_copy(path)) as file:
        counted = survey_counts(file, max_words)
        groups = (file.read_row_group(number) for number in range(file.num_row_groups))
        kept = (group.filter(pc.field("count") >= counted.least) for group in groups)
        table = pa.concat_tables([NO_WORDS, *kept]).sort_by("word")
    counts = as_numpy(table["count"])
    return WordCounts(
        table["word"].to_pylist(), counts, counted.distinct_words - len(counts), counted.words - int(counts.sum())
    )


class CountsSurvey(NamedTuple):
    """What a counts file holds, and the count from which on words are kept, so that there are at most so many."""

    distinct_words: int
    words: int
    least: int


def survey_counts(file: pq.ParquetFile, max_words: int) -> CountsSurvey:
    """Survey a counts file, a row group at a time: ten billion different words would be 80 GB of counts."""
    largest, distinct, total = np.empty(0, np.int64), 0, 0
    for number in range(file.num_row_groups):
        counts = as_numpy(file.read_row_group(number, columns=["count"])["count"])
        distinct, total = distinct + len(counts), total + int(counts.sum())
        largest = np.concatenate([largest, counts])
        if len(largest) > max_words + 1:
            largest = np.partition(largest, len(largest) - max_words - 1)[-max_words - 1 :]
    return CountsSurvey(distinct, total, smallest_count(largest, max_words))


def smallest_count(counts: npt.NDArray[np.int64], max_words: int) -> int:
    """Return the count from which on words are kept, so that there are at most `max_words`.

    >>> smallest_count(np.array([9, 1, 1, 4]), 3)
    2
    """
    if len(counts) <= max_words:
        return 1
    return int(np.partition(counts, len(counts) - max_words - 1)[len(counts) - max_words - 1]) + 1


def learn_from_counts(
    path: str | Path, size: int, *, limit_alphabet: int | None = None, max_words: int = MAX_WORDS_TO_LEARN
) -> list[str]:
    """Learn a vocabulary of `size` tokens from a counts file (see `learn_wordpiece`, whose errors it raises)."""
    words, counts, _, _ = read_counts(path, max_words)
    return learn_wordpiece(words, counts, size, limit_alphabet=limit_alphabet)
