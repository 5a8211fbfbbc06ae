"""Cut pages out of a dump's bytes. Each page belongs to the slice in which the `<` of its `<page>` lies."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from bertdata.errors import DamagedInputError
from bertdata.extract.bz2blocks import Piece
from bertdata.extract.dump_streams import read_pieces
from bertdata.extract.options import OnError
from bertdata.extract.page_xml import UNKNOWN_NAMESPACE, find_namespace, parse_page, scan_page
from bertdata.extract.siteinfo import read_siteinfo
from bertdata.records import Counts, Page

_OPENING = re.compile(rb"<page(?=[\s>/])")
_TITLE = re.compile(rb"<title>([^<]{0,200})")
_END = re.compile(rb"</mediawiki\s*>")
# Sections in which `</page>` is text, and what closes them.
_SECTION = re.compile(rb"<!(\[CDATA\[|--)")
_CLOSERS = {b"[CDATA[": b"]]>", b"--": b"-->"}
# As long as a tag that matters: one may be cut in two.
_TAG_BYTES = 16
# How far the end of a CDATA section is looked for.
_MAX_SECTION = 8 << 20
# MediaWiki's limit is 2 MB a revision; longer XML is a whole history, or no page, and would fill the memory.
MAX_PAGE_XML = 64 << 20


class Damage(NamedTuple):
    """What is lost, and the byte of the file where it was found."""

    offset: int
    what: str


def read_pages(
    path: str,
    start: int,
    end: int,
    form: str,
    *,
    on_error: OnError,
    counts: Counts,
    namespaces: Collection[int] | None = None,
) -> Iterator[Page]:
    """Yield the pages of one slice, whose `start`, `end` and `form` are `plan_dump`'s; `counts.pages` counts them.

    The text of pages outside `namespaces` (numbers; None: all) isn't decoded and stays empty.

    Raises DamagedInputError where the file is cut off or corrupt, with the offset of the damage. With `on_error` =
    `skip` everything before and after the damage is kept, and `counts.lost` gets a line for each loss.
    """
    siteinfo = read_siteinfo(path)
    for cut in cut_pages(read_pieces(path, start, end, form), start, end, form, namespaces):
        if isinstance(cut, Damage):
            error = DamagedInputError(path, *cut)
            if on_error == "fail":
                raise error
            counts.lost.append(str(error))
            continue
        counts.pages += 1
        if cut.namespace == UNKNOWN_NAMESPACE:
            cut = cut._replace(namespace=find_namespace(cut.title, siteinfo))
        yield cut


def cut_pages(
    pieces: Iterable[Piece], start: int, end: int, form: str, namespaces: Collection[int] | None = None
) -> Iterator[Page | Damage]:
    """Yield the pages that begin in pieces whose offset is below `end`, and damage where it lies between them."""
    return _Cutter(start, end, form, namespaces).cut(pieces)


class _Cutter:
    def __init__(self, start: int, end: int, form: str, namespaces: Collection[int] | None) -> None:
        self.end, self.is_plain, self.namespaces = end, form == "xml", namespaces
        self.data = b""  # From the first page that isn't cut yet.
        self.waiting: list[bytes] = []  # What comes after it, while that can't finish a page.
        self.waiting_bytes = 0
        self.origins: list[tuple[int, int]] = []  # Where in data and waiting a piece begins, and where in the file.
        self.owned: int | None = None  # Where in them the next slice begins, once it is read.
        self.last_offset = start
        self.is_done = self.is_pending = self.is_closed = self.is_damaged = False

    def cut(self, pieces: Iterable[Piece]) -> Iterator[Page | Damage]:
        for piece in pieces:
            self.last_offset = piece.offset + (len(piece.data) if self.is_plain else 0)
            if piece.damage:
                yield from self._lose(piece)
            else:
                self._append(piece)
                if not self._is_waiting(piece.data):
                    yield from self._cut_pages()
            if self.is_done:
                return
        yield from self._cut_pages(is_end=True)
        if not self.is_done:
            yield from self._finish()

    def _lose(self, piece: Piece) -> Iterator[Page | Damage]:
        yield from self._cut_pages(is_end=True)
        inside = f", in the middle of page {self._title(0)!r}" if self.is_pending else ""
        if not self.is_done and (piece.offset < self.end or self.is_pending):
            yield Damage(piece.offset, piece.damage + inside)
        self.is_done = self.is_done or piece.offset >= self.end
        self.is_pending, self.is_damaged = False, True
        self._skip(len(self.data))

    def _append(self, piece: Piece) -> None:
        at = len(self.data) + self.waiting_bytes
        if piece.offset >= self.end and self.owned is None:
            self.owned = at
        self.origins.append((at, piece.offset))
        self.waiting.append(piece.data)
        self.waiting_bytes += len(piece.data)
        self.is_damaged = False

    def _is_waiting(self, more: bytes) -> bool:
        """Say whether a page goes on and `more` doesn't end it; the data double before they are looked at again."""
        return self.is_pending and self.waiting_bytes < len(self.data) and b"</page" not in more

    def _cut_pages(self, is_end: bool = False) -> Iterator[Page | Damage]:
        self.data = b"".join([self.data, *self.waiting])
        self.waiting, self.waiting_bytes, self.is_pending = [], 0, False
        at = 0
        while not self.is_pending:
            opening = _OPENING.search(self.data, at)
            begin = opening.start() if opening else self._open_tag(at)
            self.is_closed = self.is_closed or bool(_END.search(self.data, at, begin if opening else len(self.data)))
            if self.owned is not None and begin >= self.owned:
                self.is_done = True
                return
            if not opening:
                break
            self.is_closed = False
            cut, stop = self._cut_page(begin, is_end)
            if cut:
                yield cut
            at, self.is_pending = stop, not cut
        self._skip(begin)

    def _open_tag(self, at: int) -> int:
        """Return where a tag begins that the data cut in two, else their end."""
        tag = self.data.rfind(b"<", max(at, len(self.data) - _TAG_BYTES))
        return tag if tag >= 0 and self.data.find(b">", tag) < 0 else len(self.data)

    def _cut_page(self, begin: int, is_end: bool) -> tuple[Page | Damage | None, int]:
        """Return the page that begins at `begin`, or its damage, and where it ends; None while it isn't whole."""
        if scanned := scan_page(self.data, begin, self.namespaces):
            return scanned
        inner = self._unfinished(begin)
        if inner > 0:
            return self._broken(begin, "isn't finished before the next begins"), inner
        stop = self._closing(begin)
        if stop < 0:
            if len(self.data) - begin <= MAX_PAGE_XML:
                return None, begin
            return self._broken(begin, f"is longer than {MAX_PAGE_XML:,} bytes of XML"), len(self.data)
        return self._parse_page(begin, stop, is_end)

    def _unfinished(self, begin: int) -> int:
        """Return where the next page begins if that is before this one's end, and not in a section; else -1."""
        inner = _OPENING.search(self.data, begin + 1)
        at = inner.start() if inner else -1
        return at if at > 0 and all(self.data.find(mark, begin, at) < 0 for mark in (b"</page", b"<!")) else -1

    def _closing(self, begin: int) -> int:
        closing = self.data.find(b"</page", begin)
        return self.data.find(b">", closing) + 1 or -1 if closing >= 0 else -1

    def _parse_page(self, begin: int, stop: int, is_end: bool) -> tuple[Page | Damage | None, int]:
        whole = self._past_sections(begin, stop)
        if whole < 0 and not is_end and len(self.data) - begin < _MAX_SECTION:
            return None, begin
        try:
            return parse_page(self.data[begin : whole if whole > 0 else stop]), whole if whole > 0 else stop
        except ValueError as error:
            inner = _OPENING.search(self.data, begin + 1, stop)
            return self._broken(begin, f"isn't well-formed XML ({error})"), inner.start() if inner else stop

    def _past_sections(self, begin: int, stop: int) -> int:
        """Return where the page ends whose first `</page>` ends at `stop`, if that is text; -1 if it doesn't yet."""
        at = begin
        while section := _SECTION.search(self.data, at, stop):
            closer = _CLOSERS[section[1]]
            at = self.data.find(closer, section.end()) + len(closer)
            if at < len(closer):
                return -1
            if at > stop:
                stop = self._closing(at)
                if stop < 0:
                    return -1
        return stop

    def _broken(self, begin: int, what: str) -> Damage:
        return Damage(self._offset(begin), f"page {self._title(begin)!r} {what}")

    def _finish(self) -> Iterator[Damage]:
        """Yield damage where the file ends too early."""
        if self.is_pending:
            yield Damage(self.last_offset, f"the XML ends in the middle of page {self._title(0)!r}")
        # A slice in which no block begins knows nothing of the file's end.
        elif not self.is_closed and not self.is_damaged and (self.origins or self.last_offset == 0):
            yield Damage(self.last_offset, "the XML ends without </mediawiki>, so pages may be missing")

    def _skip(self, num_bytes: int) -> None:
        """Forget the first bytes of the data."""
        self.data = self.data[num_bytes:]
        self.origins = [(at - num_bytes, offset) for at, offset in self.origins]
        while len(self.origins) > 1 and self.origins[1][0] <= 0:
            del self.origins[0]
        self.owned = None if self.owned is None else self.owned - num_bytes

    def _offset(self, at: int) -> int:
        """Return the byte of the file that position `at` of the data comes from (of compressed data, its block)."""
        begin, offset = self.origins[bisect_right(self.origins, (at, 1 << 62)) - 1]
        return offset + (at - begin if self.is_plain else 0)

    def _title(self, begin: int) -> str:
        title = _TITLE.search(self.data, begin, begin + 2000)
        return title[1].decode("utf-8", "replace") if title else ""
