"""Plan how a dump is read: its slices, and whether its parts are all there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from bertdata.errors import InputError
from bertdata.extract.siteinfo import read_head, read_siteinfo
from bertdata.store import as_path

__all__ = ["check_parts", "plan_dump", "read_siteinfo"]

# Bytes of XML for a byte of the file; dumps of 2014 to 2026 hold 3.5 (English) to 8 (talk pages, Indic scripts).
_RATIOS = {"xml": 1, "bz2": 4, "gz": 3, "xz": 5, "zst": 4}
# A slice is about 64 MB of XML: minutes of work lost with a worker, few files. A small dump is cut into 16, so that
# workers share it, but not below 4 MB, where starting costs more than is shared.
_SLICE_BYTES, _MIN_SLICE_BYTES, _MIN_SLICES = 64 << 20, 4 << 20, 16

_PART = re.compile(r"^(?P<head>.+?)\d*(?P<xml>\.xml)?-p(?P<first>\d+)(?P<kind>[pr])(?P<last>\d+)(?:r(?P<to>\d+))?\.")


def plan_dump(path: str) -> list[tuple[int, int, str, int]]:
    """Return the slices of one dump file: (first byte, end, form, bytes of XML, estimated), from the file alone.

    The cuts are even and lie anywhere: a worker finds the first block (bz2) and the first `<page>` after its own.
    Other compressions can't be cut, and UTF-16 isn't: one slice.

    Raises InputError for a file that is missing, empty, no MediaWiki export or an export without pages (of the log),
    and for one whose bytes aren't what its suffix says.
    """
    head = read_head(path)
    if head.ended_by in ("logitem", "mediawiki"):
        held = "log entries (<logitem>) and no page" if head.ended_by == "logitem" else "no page"
        raise InputError(f"{path} holds {held}: name a dump of pages, such as pages-articles")
    size = as_path(path).stat().st_size
    num_bytes = size * _RATIOS[head.form.partition("+")[0]]
    slice_bytes = min(max(num_bytes // _MIN_SLICES, _MIN_SLICE_BYTES), _SLICE_BYTES)
    count = max(1, round(num_bytes / slice_bytes)) if head.form in ("xml", "bz2") else 1
    cuts = [size * n // count for n in range(count + 1)]
    return [(start, end, head.form, num_bytes // count) for start, end in pairwise(cuts)]


def check_parts(paths: Iterable[str]) -> None:
    """Check that the parts of each dump, which name their page ranges, leave no gap and don't overlap.

    Names are those of legacy dumps (`enwiki-20260901-pages-articles1.xml-p1p41242.bz2`) and of content exports
    (`enwiki-2026-09-01-p1p41242.xml.bz2`, `…-p7r1r900.xml.bz2`: revisions 1 to 900 of page 7). Whether the first and
    the last part are there can't be known from names, and one part alone is taken as it is.

    Raises InputError that names the missing or overlapping range and the files beside it.
    """
    parts: dict[str, list[tuple[int, int, int, int, str]]] = {}
    for path in paths:
        match = _PART.match(Path(path).name)
        if match:
            first, last, kind = int(match["first"]), int(match["last"]), match["kind"]
            pages = (first, last, 0, 0) if kind == "p" else (first, first, last, int(match["to"] or last))
            parts.setdefault(f"{Path(path).parent}/{match['head']}", []).append((*pages, path))
    for found in parts.values():
        for before, after in pairwise(sorted(found)):
            _check_neighbours(before, after)


def _check_neighbours(before: tuple[int, int, int, int, str], after: tuple[int, int, int, int, str]) -> None:
    same_page = before[0] == before[1] == after[0] == after[1] and after[2] > 0
    what, last, first = ("revisions", before[3], after[2]) if same_page else ("pages", before[1], after[0])
    beside = f"{before[-1]} and {after[-1]}"
    if first > last + 1:
        raise InputError(f"{what} {last + 1} to {first - 1} are missing between {beside}: download that part too")
    if first <= last:
        raise InputError(f"{what} {first} to {min(last, after[1])} are in both {beside}: name one of them")
