"""Find the paragraphs that need no repair: most of a page, told by its pairs of bytes, all of them at once.

Every stage that mends, decodes or tidies a paragraph looks for certain signs, or for certain signs side by side. In
UTF-8 each of them is a pair of bytes, so one look-up in a table of all pairs stands for a dozen scans.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

# What a paragraph needs: nothing, single blanks for what stands between its words, or every stage.
PLAIN, BLANKS, ANY = 0, 1, 2
# The look-up pays from this many characters on.
_MIN_CHARS = 800
# Signs that some stage looks for wherever they stand: marks, markup, references, entries of a row, other blanks.
_SIGNS = b"\t\v\f\r\x1c\x1d\x1e\x1f\x7f&<>[]{}|" + bytes(range(1, 9))
# What begins other blanks, invisible characters and the signs of East Asian scripts, in UTF-8.
_WIDE_PAIRS = (b"\xc2\x85", b"\xc2\xa0", b"\xc2\xad", b"\xe1\x9a", b"\xe2\x81", b"\xe3\x80", b"\xef\xbb", b"\xef\xbc")
# Middle dots, and what becomes a sign in the composed form: the Greek question mark.
_DOT_PAIRS = (b"\xc2\xb7", b"\xce\x87", b"\xcd\xbe")


def _pairs(first: Iterable[int], second: Iterable[int]) -> list[int]:
    after = list(second)
    return [a | b << 8 for a in first for b in after]  # As a little-endian number holds them.


@lru_cache(maxsize=1)
def _table() -> npt.NDArray[np.uint8]:
    """Return what a pair of bytes makes a paragraph need."""
    every = range(256)
    pairs = _pairs(_SIGNS, every)
    pairs += [pair[0] | pair[1] << 8 for pair in (*_WIDE_PAIRS, *_DOT_PAIRS)]
    pairs += _pairs(b" \n", b",.;:!?)")  # A blank too many.
    pairs += _pairs(b"(", b" \n),;:") + _pairs(b",;:", b"),.;")  # Brackets without words, doubled signs.
    pairs += _pairs(b"\x80", [*range(0x80, 0x8C), 0x8E, 0x8F, 0xA2, *range(0xA7, 0xB0)])  # U+2000 …, but no joiner
    pairs += _pairs(b"\x9c", b" \n\xe2") + _pairs(b"\xab", b" \n\xc2")  # Quotation marks without words.
    table = np.zeros(1 << 16, dtype=np.uint8)
    table[_pairs(b" \n", b" \n") + _pairs(b"\n", every)] = BLANKS
    table[pairs] = ANY
    return table


def paragraph_needs(paragraphs: list[str]) -> list[int]:
    """Tell of each paragraph what it needs: `PLAIN`, `BLANKS`, or `ANY`, which all of a short page are told to.

    >>> paragraph_needs(["An owl is a bird. " * 200, "Owls ( ) are birds.", "An  owl."])
    [0, 2, 1]
    """
    if sum(map(len, paragraphs)) < _MIN_CHARS:
        return [ANY] * len(paragraphs)
    data = "\0".join([*paragraphs, ""]).encode("utf-8", "surrogatepass")
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == 0)
    needs = np.zeros(len(ends) + 1, dtype=np.uint8)
    # A pair begins at every byte.
    found = _table().take(np.ndarray((len(data) - 1,), "<u2", data, 0, (1,)))
    places = np.flatnonzero(found != 0)  # Of truth values numpy finds places three times faster.
    if len(places):
        owners = ends.searchsorted(places)
        needs[owners] = BLANKS
        needs[owners[found[places] == ANY]] = ANY
    told: list[int] = needs[: len(paragraphs)].tolist()
    return told
