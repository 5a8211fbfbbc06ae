"""Dumps of any size for benchmarks: a small one's pages again and again, with new ids and titles in every round."""

from __future__ import annotations

import bz2
import re
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path

PAGES_A_STREAM = 100  # as Wikimedia's multistream dumps have

_PAGE = re.compile(rb"  <page>\n.*?</page>\n", re.DOTALL)
_TITLE = re.compile(rb"<title>(.*?)</title>")
_ID = re.compile(rb"<id>(\d+)</id>")
_FOOTER = b"</mediawiki>\n"


def read_pages(source: Path) -> tuple[bytes, list[bytes]]:
    """Return the head of a bz2 dump, and its pages, as bytes of XML."""
    xml = bz2.decompress(source.read_bytes())
    return xml[: xml.index(b"  <page>")], _PAGE.findall(xml)


def renumbered(pages: list[bytes]) -> Iterator[bytes]:
    """Yield the pages for ever, the ids counted on and the titles made different in every round."""
    number, turn = 0, 0
    while True:
        for page in pages:
            number += 1
            renamed = _TITLE.sub(b"<title>\\1 %d</title>" % turn, page, count=1) if turn else page
            yield _ID.sub(b"<id>%d</id>" % number, renamed, count=1)
        turn += 1


def write_dump(source: Path, target: Path, num_bytes: int) -> int:
    """Write a multistream dump of at least `num_bytes` of XML, and return how many it has."""
    head, pages = read_pages(source)
    return _write(target, head, _until(renumbered(pages), num_bytes - len(head) - len(_FOOTER)))


def repeat_dump(source: Path, target: Path, times: int) -> int:
    """Write a multistream dump of all pages so many times, and return its bytes of XML."""
    head, pages = read_pages(source)
    return _write(target, head, islice(renumbered(pages), times * len(pages)))


def repeat_in_parts(source: Path, folder: Path, times: int) -> int:
    """Write all pages so many times to files of a folder, two rounds a file, and return their bytes of XML.

    More is more files of one size, as Wikimedia's parts are: slices are of one size then, whatever the sum. Once is two
    halves: two workers have work at any size.
    """
    head, pages = read_pages(source)
    folder.mkdir(parents=True)
    num_files, total, some = max(2, times // 2), times * len(pages), renumbered(pages)
    cuts = [total * n // num_files for n in range(num_files + 1)]
    return sum(
        _write(folder / f"enwiki-pages-articles{n}.xml.bz2", head, islice(some, end - begin))
        for n, (begin, end) in enumerate(pairwise(cuts), 1)
    )


def _until(pages: Iterator[bytes], num_bytes: int) -> Iterator[bytes]:
    while num_bytes > 0:
        page = next(pages)
        num_bytes -= len(page)
        yield page


def _write(target: Path, head: bytes, pages: Iterator[bytes]) -> int:
    written = len(head) + len(_FOOTER)
    with target.open("wb") as file:
        file.write(bz2.compress(head))
        while stream := b"".join(islice(pages, PAGES_A_STREAM)):
            file.write(bz2.compress(stream))
            written += len(stream)
        file.write(bz2.compress(_FOOTER))
    return written
