"""Pieces of a build's input that stand for the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from bertdata.records import Slice
from bertdata.store import as_path

# Enough that a source whose articles change along the file is met in all its parts.
_PIECES = 6
# Short pieces cost more a byte: streams are cut at both ends, and a word that comes twice is worked on once.
_LEAST_BYTES = 2_000_000
# Multiples of it, modulo 1, keep away from each other.
_GOLDEN = (5**0.5 - 1) / 2
_CUT_BY_RANGE = ("xml", "bz2", "lines", "row-groups")


class Piece(NamedTuple):
    """A part of a slice, and how many bytes of its source each of its bytes stands for."""

    slice: Slice
    weight: float


def take_sample(slices: Sequence[Slice], num_bytes: int) -> list[Piece]:
    """Return pieces that are spread over every source, of about `num_bytes` in all; small inputs are taken whole.

    What can't be cut (a gzip, one file of books) is taken whole too.
    """
    sources: dict[tuple[str, str], list[Slice]] = {}
    for each in slices:
        sources.setdefault((each.kind, each.source), []).append(each)
    pieces: list[Piece] = []
    num_pieces = max(1, min(_PIECES, num_bytes // max(1, len(sources)) // _LEAST_BYTES))
    for own in sources.values():
        chosen = [own[at] for at in spread(len(own), num_pieces)]
        share = num_bytes / len(sources) / max(1, sum(each.num_bytes for each in chosen))
        cut = [shorten(each, share) for each in chosen]
        total = sum(each.num_bytes for each in own)
        weight = total / max(1, sum(each.num_bytes for each in cut))
        pieces += [Piece(replace(each, index=len(pieces) + n), weight) for n, each in enumerate(cut)]
    return pieces


def spread(num_slices: int, num_pieces: int) -> list[int]:
    """Return which slices to sample: one from each of equal parts, never at the same place in two of them.

    Pieces at equal distances met the same pages again and again in a source that repeats itself at that distance.

    >>> spread(12, 3)
    [2, 4, 10]
    """
    num = min(num_pieces, num_slices)
    places = ((part + (0.5 + part * _GOLDEN) % 1) / num for part in range(num))
    return [int(place * num_slices) for place in places]


def shorten(whole: Slice, share: float) -> Slice:
    """Return the beginning of a range, or every n-th file of a pack (one at least), of about `share` of its bytes."""
    if share >= 1:
        return whole
    if whole.form in _CUT_BY_RANGE:
        units = whole.end - whole.start
        taken = max(1, round(units * share))
        return replace(whole, end=whole.start + taken, num_bytes=whole.num_bytes * taken // units)
    if len(whole.files) == 1:
        return whole
    step = min(len(whole.files), max(1, round(1 / share)))  # One file at least.
    sizes = [as_path(path).stat().st_size for path in whole.files]
    taken = sum(sizes[step // 2 :: step])
    files, names = whole.files[step // 2 :: step], whole.names[step // 2 :: step]
    return replace(whole, files=files, names=names, num_bytes=whole.num_bytes * taken // max(1, sum(sizes)))
