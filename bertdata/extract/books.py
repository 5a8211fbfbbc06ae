"""Books of a folder to documents: plain text in any layout, EPUB; a book, or a chapter, is one document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from bertdata.documents import REJECTED_TEXT_BYTES
from bertdata.errors import InputError, UnreadableError, require
from bertdata.extract.encodings import decode_text
from bertdata.extract.epub import EpubError, read_epub
from bertdata.extract.gutenberg import Book, find_books
from bertdata.extract.heap import keep_freed_memory
from bertdata.extract.layout import Layout, judge_layout, tidy_lines
from bertdata.extract.options import ExtractOptions
from bertdata.extract.packs import Piece, pack_files, read_whole, source_root, split_suffix, text_size
from bertdata.extract.prose import Prose, clean_book, join_paragraphs
from bertdata.records import Counts, Document, Rejection, Slice, Source
from bertdata.store import as_path

_TEXT_SUFFIXES = frozenset((".txt", ".text", ".utf8", ".utf-8", ".asc"))
_BOOK_SUFFIXES = _TEXT_SUFFIXES | {".epub"}
# A book above this is no book: the whole of Project Gutenberg's English text is 60 GB, its largest file 60 MB.
MAX_BOOK_BYTES = 1 << 30
_SNIFF_BYTES = 4_096
# Lines without a blank one among them.
_GROUP = re.compile(r"[^\n]++(?:\n[^\n]++)*+")
# A document to be: its id, title and paragraphs.
Part = tuple[str, str, list[str]]
_MAGIC = (
    b"%PDF",
    b"{\\rtf",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"PK\x03\x04",
    b"\x7fELF",
    b"\x1f\x8b",
    b"BZh",
    b"Rar!",
)


def plan_books(source: Source) -> list[Piece]:
    """Pack a source's files, in the order given, into slices of about 64 MB; files that are no books weigh nothing.

    Raises InputError, which names the folder, where none of the files is a book.
    """
    alone = len(source.files) == 1
    books = [is_book(path, name, alone) for path, name in zip(source.files, source.names, strict=True)]
    require(any(books), f"{source_root(source)} holds no book: .txt, .epub, or text without a suffix", InputError)
    sizes = (
        (path, name, text_size(path, split_suffix(name)[2]) if book else 0)
        for path, name, book in zip(source.files, source.names, books, strict=True)
    )
    return list(pack_files(sizes))


def is_book(path: str, name: str, alone: bool = False) -> bool:
    """Say whether a file is a book by its suffix; one without a suffix, or named `alone`, by its first bytes."""
    _, suffix, _ = split_suffix(name)
    if suffix in _BOOK_SUFFIXES:
        return True
    if (suffix and not alone) or Path(name).name.startswith("."):
        return False
    try:
        with as_path(path).open("rb") as file:
            head = file.read(_SNIFF_BYTES)
    except OSError as error:
        raise UnreadableError(f"{path} can't be read: {error.strerror}") from error
    return bool(head) and not head.startswith(_MAGIC) and decode_text(head) is not None


def book_documents(slice_: Slice, options: ExtractOptions, counts: Counts) -> Iterator[Document | Rejection]:
    """Yield the documents and rejections of a slice's files in their order; `counts` takes pages, skipped and rules.

    Reasons of rejection: `no-text` (nothing but headings, lists or licences), `not-text` (bytes in no known encoding),
    `too-large` (above 1 GiB), `encrypted`, `damaged-epub`, `epub-bomb`.

    Raises DamagedInputError for a compressed file that is cut off (with `on_error="skip"` it is counted as lost).
    """
    keep_freed_memory()
    alone = len(slice_.files) == 1
    for path, name in zip(slice_.files, slice_.names, strict=True):
        if not is_book(path, name, alone):
            counts.skipped["not-a-book"] = counts.skipped.get("not-a-book", 0) + 1
            continue
        try:
            yield from _Reader(slice_, options, counts).read(path, name)
        except InputError as error:
            # What can't be read now isn't lost: a later build would read it, and have other bytes.
            if options.on_error == "fail" or isinstance(error, UnreadableError):
                raise
            counts.lost.append(str(error))


def is_short(text: str, num_words: int) -> bool:
    """Say whether a text has fewer words than `num_words`, without counting further."""
    return num_words > 0 and len(text.split(None, num_words)) < num_words


class _Reader:
    """Reads one file: what of it depends on the slice, the options and the counts."""

    def __init__(self, slice_: Slice, options: ExtractOptions, counts: Counts) -> None:
        self.source, self.options, self.counts = slice_.source, options, counts

    def read(self, path: str, name: str) -> Iterator[Document | Rejection]:
        stem, suffix, compression = split_suffix(name)
        suffix_kept = suffix if suffix not in _BOOK_SUFFIXES else ""
        document_id = f"{self.source}/{stem}{suffix_kept}"
        self.file_name, title = Path(name).name, Path(stem + suffix_kept).name
        self.counts.pages += 1
        # In a list, so that the bytes are let go once they are decoded.
        data = [read_whole(path, compression, MAX_BOOK_BYTES)]
        if data[0] is None:
            yield self._reject(document_id, "too-large", "")
        elif suffix == ".epub" or (data[0].startswith(b"PK\x03\x04") and b"application/epub+zip" in data[0][:200]):
            yield from self._read_epub(document_id, title, data[0])
        else:
            yield from self._read_text(document_id, title, data)

    def _read_epub(self, document_id: str, title: str, data: bytes) -> Iterator[Document | Rejection]:
        try:
            epub = read_epub(data, self.options.keep_verse)
        except EpubError as error:
            yield self._reject(document_id, error.reason, str(error))
            return
        yield from self._documents(
            document_id, epub.language, self._parts(document_id, epub.title or title, epub.prose), ""
        )

    def _read_text(self, document_id: str, title: str, data: list[bytes | None]) -> Iterator[Document | Rejection]:
        # Each step's input is let go as soon as its output stands: a book of 200 MB is held twice, not ten times.
        head = (data[0] or b"")[:REJECTED_TEXT_BYTES]
        decoded = [decode_text(data.pop() or b"")]
        if decoded[0] is None:
            yield self._reject(document_id, "not-text", head.decode("latin-1"))
            return
        texts = [tidy_lines(decoded.pop() or "")]
        books = find_books(texts[0])
        for n, book in enumerate(books, 1):
            part_id = document_id if len(books) == 1 else f"{document_id}#{n:02d}"
            raw = texts[0][book.start : min(book.end, book.start + REJECTED_TEXT_BYTES)]
            layout = judge_layout(texts[0], book.start, book.end)
            if self.options.document_unit == "blank-lines" and layout.kind in ("sentence-lines", "paragraph-lines"):
                parts = self._groups(part_id, book.title or title, texts[0], book, layout)
                yield from self._documents(part_id, book.language, parts, raw)
                continue
            prose = clean_book(texts[0], self.options.keep_verse, book.start, book.end, layout)
            if n == len(books):
                texts.clear()
            parts = self._parts(part_id, book.title or title, prose)
            yield from self._documents(part_id, book.language, parts, raw)

    def _documents(
        self, document_id: str, language: str, parts: Iterator[Part], raw: str
    ) -> Iterator[Document | Rejection]:
        found = False
        for part_id, part_title, paragraphs in parts:
            text = join_paragraphs(paragraphs)
            if not text:
                continue
            found = True
            if is_short(text, self.options.min_document_words):
                yield self._reject(part_id, "too-short", text)
                continue
            document = [
                Document(
                    part_id,
                    self.source,
                    part_title,
                    text,
                    self.options.language or language or "en",
                    "",
                    "",
                    self.options.license or "",
                )
            ]
            del text
            yield document.pop()  # Whoever takes it may let go of 200 MB.
        if not found:
            yield self._reject(document_id, "no-text", raw)

    def _groups(self, document_id: str, title: str, text: str, book: Book, layout: Layout) -> Iterator[Part]:
        """Yield the lines between blank ones, each run a document of its own."""
        number = 0
        for group in _GROUP.finditer(text, book.start, book.end):
            prose = clean_book(text, self.options.keep_verse, group.start(), group.end(), layout)
            self._count(prose)
            if any(prose.paragraphs):
                number += 1
                yield f"{document_id}#{number:05d}", title, prose.paragraphs

    def _count(self, prose: Prose) -> None:
        for rule, count in prose.rules.items():
            self.counts.rules[rule] = self.counts.rules.get(rule, 0) + count

    def _parts(self, document_id: str, title: str, prose: Prose) -> Iterator[Part]:
        """Yield the book, or each chapter that holds text."""
        self._count(prose)
        if self.options.document_unit != "chapter":
            yield document_id, title, prose.paragraphs
            return
        cuts = (
            dict(prose.chapters) if not prose.chapters or prose.chapters[0][0] == 0 else {0: "", **dict(prose.chapters)}
        )
        cuts = cuts or {0: ""}
        ends = [*list(cuts)[1:], len(prose.paragraphs)]
        number = 0
        for (start, heading), end in zip(cuts.items(), ends, strict=True):
            if any(prose.paragraphs[start:end]):
                number += 1
                part_title = f"{title}: {heading}" if heading else title
                yield f"{document_id}#{number:02d}", part_title, prose.paragraphs[start:end]

    def _reject(self, document_id: str, reason: str, raw: str) -> Rejection:
        return Rejection(document_id, self.source, self.file_name, reason, raw[:REJECTED_TEXT_BYTES])
