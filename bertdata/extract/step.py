"""One slice to its files: documents, rejections and counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bertdata.documents import DOCUMENTS_SCHEMA, REJECTED_SCHEMA, TableWriter, rejected_row
from bertdata.extract.codes import encode_text
from bertdata.extract.options import ExtractOptions
from bertdata.files import sha256_file
from bertdata.records import Counts, Document, Rejection, Slice, SourceKind
from bertdata.rng import document_hash
from bertdata.store import StorePath
from bertdata.store_cache import put_before

Reader = Callable[[Slice, ExtractOptions, Counts], Iterator[Document | Rejection]]
# How often progress is told, in documents: often enough for a live line, far too rare to cost anything.
_PROGRESS_EVERY = 64


def extract_slice(
    slice_: Slice,
    options: ExtractOptions,
    folder: Path,
    progress: Callable[[int, int], None] = lambda pages, text_bytes: None,
) -> dict[str, Any]:
    """Write `documents/NNNNN.parquet` and `rejected/NNNNN.parquet` of one slice (neither where it would be empty).

    Returns what the step's record keeps: files with bytes, rows and SHA-256, counts, bytes of text by source.
    `progress` is called with the pages and bytes of text since the last call.
    """
    counts, text_bytes, licenses, rejected = Counts(), 0, dict[str, int](), dict[str, int]()
    with ExitStack() as stack:
        tables = {
            Document: _LazyTable(folder / "documents" / f"{slice_.index:05d}.parquet", DOCUMENTS_SCHEMA, stack),
            Rejection: _LazyTable(folder / "rejected" / f"{slice_.index:05d}.parquet", REJECTED_SCHEMA, stack),
        }
        told_pages = told_bytes = 0
        n = -1
        # Not enumerate(): it holds the row before, and a document may be hundreds of megabytes.
        for row in reader_of(slice_.kind)(slice_, options, counts):
            n += 1
            if isinstance(row, Document):
                text: str | bytes = row.text if row.text.isascii() else encode_text(row.text)
                num_bytes = len(text)
                text_bytes += num_bytes
                licenses[row.license] = licenses.get(row.license, 0) + 1
                cells = [(row.id, document_hash(row.id), row.source, row.title, text, *row[4:])]
                del row, text
                tables[Document].open().write(cells.pop(), num_bytes)
            else:
                rejected[row.reason] = rejected.get(row.reason, 0) + 1
                tables[Rejection].open().write(rejected_row(row), len(row.text))
            if n % _PROGRESS_EVERY == 0:
                progress(counts.pages - told_pages, text_bytes - told_bytes)
                told_pages, told_bytes = counts.pages, text_bytes
        progress(counts.pages - told_pages, text_bytes - told_bytes)
    files = {name: tables[kind].describe(folder) for name, kind in (("documents", Document), ("rejected", Rejection))}
    if files["documents"]:
        files["documents"]["text_bytes"] = text_bytes
    return {
        "slice": slice_.index,
        "source": slice_.source,
        "files": {name: described for name, described in files.items() if described},
        "counts": {**asdict(counts), "documents": tables[Document].num_rows, "rejected": rejected},
        "text_bytes": text_bytes,
        "licenses": licenses,
    }


def reader_of(kind: SourceKind) -> Reader:
    """Return the generator of documents of a kind of source; parsers are loaded only where they are used."""
    if kind == "wikipedia":
        from bertdata.extract.wikipedia import wikipedia_documents

        return wikipedia_documents
    if kind == "books":
        from bertdata.extract.books import book_documents

        return book_documents
    from bertdata.extract.textfiles import text_documents

    return text_documents


class _LazyTable:
    """A table whose file is made at its first row: most slices reject nothing."""

    def __init__(self, path: Path, schema: Any, stack: ExitStack) -> None:
        self.path, self.schema, self.stack = path, schema, stack
        self.writer: TableWriter | None = None
        self.num_rows = 0

    def open(self) -> TableWriter:
        """Return the table, to write one more row to."""
        if self.writer is None:
            self.writer = self.stack.enter_context(TableWriter(self.path, self.schema))
        self.num_rows += 1
        return self.writer

    def describe(self, folder: Path) -> dict[str, Any] | None:
        return describe_file(self.path, folder, self.num_rows) if self.num_rows else None


def describe_file(path: Path, folder: Path, rows: int) -> dict[str, Any]:
    """Return what the manifest says of a file: its path below the folder, bytes, rows and SHA-256."""
    if isinstance(path, StorePath):
        num_bytes, sha256 = put_before(path)
    else:
        num_bytes, sha256 = path.stat().st_size, sha256_file(path)
    return {"path": path.relative_to(folder).as_posix(), "bytes": num_bytes, "rows": rows, "sha256": sha256}
