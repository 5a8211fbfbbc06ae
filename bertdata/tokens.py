"""The tokens step: documents become sentences and token ids, one tokens file for each documents file.

A row is a part of a document; rows lie in the order of their place in the hash space, so that whoever gathers a range
of it reads one contiguous slice of every file. The file is read by `bertdata.tokens_file`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from bertdata.errors import require
from bertdata.parts import PART_BYTES, cut_parts
from bertdata.sentences import split_sentences
from bertdata.store_cache import local_copy
from bertdata.tokens_file import TokensFile, TokensRows, TokensWriter, bucket_bytes, open_tokens, smallest_split_keys
from bertdata.vocab import MAX_WORD_CHARS, Vocabulary
from bertdata.wordpiece import Encoder, Library

__all__ = [
    "TokensFile",
    "TokensOptions",
    "TokensRows",
    "bucket_bytes",
    "open_tokens",
    "smallest_split_keys",
    "tokenize_documents",
]


@dataclass(frozen=True)
class TokensOptions:
    """How documents become tokens.

    A document above `part_bytes` of UTF-8 text is cut into parts; a word above `max_word_chars` characters is one
    [UNK]. `language` overrides the documents' own. `library` and `batch_bytes` (of text encoded at once) change no byte
    of the output.
    """

    part_bytes: int = PART_BYTES
    max_word_chars: int = MAX_WORD_CHARS
    language: str | None = None
    library: Library | None = None
    batch_bytes: int = 2 << 20

    def __post_init__(self) -> None:
        require(self.part_bytes >= 16, f"part_bytes is {self.part_bytes}: 16 or more bytes")
        require(self.max_word_chars > 0, f"max_word_chars is {self.max_word_chars}: 1 or more characters")
        require(self.batch_bytes > 0, f"batch_bytes is {self.batch_bytes}: 1 or more bytes")


_COUNTED = (
    *("documents", "no_tokens", "rows", "text_bytes", "sentences", "empty_sentences"),
    *("tokens", "unknown_tokens", "checked_texts"),
)


class _Part(NamedTuple):
    document_hash: int
    part: int
    text_bytes: int
    language: str
    text: str


def tokenize_documents(
    documents_path: str | Path,
    output_path: str | Path,
    vocabulary: Vocabulary,
    options: TokensOptions,
    progress: Callable[[int], None] = lambda num_bytes: None,
) -> dict[str, Any]:
    """Write the tokens file of a documents file, and return what it holds, in counts that add up over files.

    `documents`, `no_tokens` (documents without a token, which have no row), `rows`, `text_bytes` (UTF-8), `sentences`,
    `empty_sentences` (without a token: dropped), `tokens`, `unknown_tokens` ([UNK]), `checked_texts` (encoded by both
    libraries), `documents_by_language`. `progress` is called with the bytes of text done since the last call.

    Raises BuildError where the two WordPiece libraries don't agree.
    """
    encoder = Encoder(vocabulary, options.max_word_chars, options.library)
    counts: dict[str, Any] = dict.fromkeys(_COUNTED, 0)
    languages: dict[str, int] = {}
    with TokensWriter(output_path, vocabulary) as writer:
        for batch in _batches(_parts(documents_path, options, counts, languages), options.batch_bytes):
            _tokenize_batch(batch, encoder, vocabulary, writer, counts)
            progress(sum(part.text_bytes for part in batch))
        counts["no_tokens"] = counts["documents"] - writer.num_documents
        counts["checked_texts"] = encoder.num_checked
        counts["documents_by_language"] = dict(sorted(languages.items()))
        writer.languages = sorted(languages)
    return counts


def _parts(
    path: str | Path, options: TokensOptions, counts: dict[str, Any], languages: dict[str, int]
) -> Iterator[_Part]:
    with pq.ParquetFile(local_copy(path)) as file:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=["document_hash", "text", "language"], use_threads=False)
            # Decoding a book of 200 MB takes 680 MB for a moment, which Arrow's pool would keep.
            pa.default_memory_pool().release_unused()
            for batch in table.to_batches():
                yield from _batch_parts(batch, options, counts, languages)


def _batch_parts(
    batch: pa.RecordBatch, options: TokensOptions, counts: dict[str, Any], languages: dict[str, int]
) -> Iterator[_Part]:
    hashes, named = batch.column("document_hash").to_pylist(), batch.column("language").to_pylist()
    texts = batch.column("text").cast(pa.large_binary())
    counts["documents"] += len(hashes)
    for row, (document_hash, own) in enumerate(zip(hashes, named, strict=True)):
        language = options.language or own or "en"
        languages[language] = languages.get(language, 0) + 1
        content = texts[row].as_buffer()
        if content is None:
            continue
        for number, text in enumerate(cut_parts(memoryview(content), options.part_bytes)):
            num_bytes = len(text) if text.isascii() else len(text.encode())
            yield _Part(document_hash, number, num_bytes, language, text)


def _batches(parts: Iterator[_Part], batch_bytes: int) -> Iterator[list[_Part]]:
    batch: list[_Part] = []
    num_bytes = 0
    for part in parts:
        batch.append(part)
        num_bytes += part.text_bytes
        if num_bytes >= batch_bytes:
            yield batch
            batch, num_bytes = [], 0
    if batch:
        yield batch


def _tokenize_batch(
    batch: list[_Part], encoder: Encoder, vocabulary: Vocabulary, writer: TokensWriter, counts: dict[str, Any]
) -> None:
    sentences: list[str] = []
    ends = np.empty(len(batch), np.int64)
    for row, part in enumerate(batch):
        sentences += split_sentences(part.language, part.text)
        ends[row] = len(sentences)
    ids, offsets = encoder.encode(sentences)
    lengths = np.diff(offsets)
    kept_before = np.concatenate([[0], np.cumsum(lengths > 0)])
    sentence_ends = kept_before[ends]
    token_ends = offsets[ends]
    num_sentences = np.diff(sentence_ends, prepend=0)
    kept = num_sentences > 0
    rows: dict[str, npt.NDArray[Any]] = {
        "document_hash": np.array([part.document_hash for part in batch], np.int64)[kept],
        "part": np.array([part.part for part in batch], np.int32)[kept],
        "text_bytes": np.array([part.text_bytes for part in batch], np.int64)[kept],
        "num_sentences": num_sentences[kept].astype(np.int32),
        "num_tokens": np.diff(token_ends, prepend=0)[kept],
    }
    writer.write(rows, ids, lengths[lengths > 0])
    counts["rows"] += int(kept.sum())
    counts["text_bytes"] += sum(part.text_bytes for part in batch)
    counts["sentences"] += int(kept_before[-1])
    counts["empty_sentences"] += len(sentences) - int(kept_before[-1])
    counts["tokens"] += len(ids)
    counts["unknown_tokens"] += count_id(ids, vocabulary.unk_id)


def count_id(ids: npt.NDArray[np.uint32], number: int) -> int:
    """Return how often one id occurs."""
    return int(np.count_nonzero(ids == number))
