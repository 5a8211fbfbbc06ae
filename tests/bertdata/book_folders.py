"""Folders of books and text for tests: written from literals, read as `bertdata extract` reads them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from pathlib import Path

from bertdata.extract.books import book_documents, plan_books
from bertdata.extract.options import ExtractOptions
from bertdata.extract.textfiles import plan_text, text_documents
from bertdata.records import Counts, Document, Rejection, Slice, Source, SourceKind

CONTAINER = (
    '<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
)


def write_folder(folder: Path, files: dict[str, str | bytes]) -> Path:
    """Write files below a folder; text as UTF-8."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def source_of(folder: Path, kind: SourceKind = "books") -> Source:
    """Return a folder as the source that the command line makes of it."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = tuple(path.relative_to(folder).as_posix() for path in paths)
    return Source(kind, kind, tuple(map(str, paths)), names)


def read_source(source: Source, options: ExtractOptions, counts: Counts | None = None) -> list[Document | Rejection]:
    """Plan a source and read all its slices."""
    counts = counts if counts is not None else Counts()
    plan, read = (plan_books, book_documents) if source.kind == "books" else (plan_text, text_documents)
    return [
        row for piece in plan(source) for row in read(Slice(0, source.name or "", source.kind, *piece), options, counts)
    ]


def read_books(folder: Path, counts: Counts | None = None, **options: object) -> list[Document | Rejection]:
    """Read a folder of books."""
    return read_source(source_of(folder), ExtractOptions(**options), counts)  # type: ignore[arg-type]


def read_text(folder: Path, counts: Counts | None = None, **options: object) -> list[Document | Rejection]:
    """Read a folder of clean text."""
    return read_source(source_of(folder, "text"), ExtractOptions(**options), counts)  # type: ignore[arg-type]


def epub(
    pages: dict[str, str],
    *,
    spine: Iterable[str] = (),
    title: str = "A Title",
    extra: dict[str, str | bytes] | None = None,
    package: str = "",
) -> bytes:
    """Return an EPUB whose spine holds `pages` (file name to body) in the order given."""
    items = "".join(
        f'<item id="{n}" href="{name}" media-type="application/xhtml+xml"/>' for n, name in enumerate(pages)
    )
    numbers = {name: n for n, name in enumerate(pages)}
    references = "".join(f'<itemref idref="{numbers[name]}"/>' for name in (spine or pages))
    package = package or (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title><dc:language>en-GB</dc:language>'
        f"</metadata><manifest>{items}</manifest><spine>{references}</spine></package>"
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr("OEBPS/book.opf", package)
        for name, body in pages.items():
            page = body if body.startswith("<") and "<html" in body[:200] else f"<html><body>{body}</body></html>"
            archive.writestr(f"OEBPS/{name}", page)
        for name, content in (extra or {}).items():
            archive.writestr(name, content)
    return buffer.getvalue()
