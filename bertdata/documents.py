"""The tables of documents and rejections: their schemas, and a writer that keeps memory bounded."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bertdata.arrays import as_arrow, as_strings
from bertdata.files import publish
from bertdata.records import Document, Rejection
from bertdata.rng import document_hash
from bertdata.store import as_path, open_table

DOCUMENTS_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("document_hash", pa.int64()),
        ("source", pa.string()),
        ("title", pa.string()),
        ("text", pa.large_string()),
        ("language", pa.string()),
        ("url", pa.string()),
        ("revision", pa.string()),
        ("license", pa.string()),
    ]
)
REJECTED_SCHEMA = pa.schema([(name, pa.string()) for name in ("id", "source", "title", "reason", "text")])

# A rejected page is kept to be looked at, not to be rebuilt from.
REJECTED_TEXT_BYTES = 1_000_000
# Bytes of text a row group holds: what a reader has in memory at once.
ROW_GROUP_BYTES = 16 << 20


def cut_text(text: str, num_bytes: int = REJECTED_TEXT_BYTES) -> str:
    """Cut a text to at most `num_bytes` of UTF-8, never inside a character.

    >>> cut_text("né", 2)
    'n'
    """
    if len(text) * 4 <= num_bytes:
        return text
    return text.encode("utf-8", "replace")[:num_bytes].decode("utf-8", "ignore")


class TableWriter:
    """Write rows to one zstd Parquet file in row groups of about 16 MB of text; the file appears whole at the end."""

    def __init__(self, path: str | Path, schema: pa.Schema) -> None:
        self.path, self.schema, self.num_rows = as_path(path), schema, 0
        self._rows: list[tuple[Any, ...]] = []
        self._num_bytes = 0

    def __enter__(self) -> Self:
        self._publish = publish(self.path)
        # A text is no word of a dictionary, nor is it a bound: finding both held a document of 200 MB three times more.
        small = [name for name in self.schema.names if name != "text"]
        self._writer = pq.ParquetWriter(
            self._publish.__enter__(), self.schema, compression="zstd", use_dictionary=small, write_statistics=small
        )
        return self

    def write(self, row: tuple[Any, ...], num_bytes: int) -> None:
        """Add a row in schema order, its text as it is or in UTF-8; `num_bytes` is what it weighs."""
        self._rows.append(row)
        del row  # It may hold hundreds of megabytes, which writing does without.
        self._num_bytes += num_bytes
        if self._num_bytes >= ROW_GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        columns = [[row[n] for row in self._rows] for n in range(len(self.schema))]
        self.num_rows += len(self._rows)
        self._rows, self._num_bytes = [], 0
        arrays = []
        for field in self.schema:  # Each column is let go as soon as Arrow has it.
            column = columns.pop(0)
            is_number = pa.types.is_integer(field.type)
            arrays.append(as_arrow(np.array(column, np.int64)) if is_number else as_strings(column, field.type))
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self.schema))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and (self._rows or self.num_rows == 0):
            self._flush()
        self._writer.close()
        self._publish.__exit__(kind, error, trace)


def read_columns(path: str | Path, *names: str) -> pa.Table:
    """Return columns of a Parquet file, read one after the other.

    pyarrow's own `read_table` imports its engine for whole datasets first, and pandas where it is installed.
    """
    with pq.ParquetFile(open_table(path)) as file:
        return file.read(columns=list(names))


def write_documents(path: str | Path, documents: Iterable[Document]) -> int:
    """Write documents to one Parquet file and return how many; their `document_hash` is computed here."""
    with TableWriter(path, DOCUMENTS_SCHEMA) as writer:
        for document in documents:
            writer.write((document.id, document_hash(document.id), *document[1:]), len(document.text))
    return writer.num_rows


def rejected_row(rejection: Rejection) -> Rejection:
    """Return the rejection with its text cut to 1 MB."""
    return rejection._replace(text=cut_text(rejection.text))
