"""A text as an array of its characters' codes: what numpy finds in it in one pass, Python would in a pass a line."""

from __future__ import annotations

import contextlib
import ctypes
import io
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[Any]
Positions = NDArray[np.int64]
Mask = NDArray[np.bool_]

_NEWLINE, _SPACE, _LAST_ASCII = 10, 32, 127
_PIECE_CHARS = 4_000_000
# From so many places on a text is copied as an array.
_MANY_BLANKS = 1_000
# Counting takes eight bytes a character.
_COUNTED_CHARS = 200_000
# Fewer characters are compared one by one, more are looked up.
_FEW_CHARACTERS = 3
# Codes above belong to no class: all scripts that tell small letters from capitals in everyday use lie below.
_NUM_CLASSED = 1 << 16


def pieces_of(text: str, sign: str = "") -> Iterator[str]:
    r"""Cut a text into pieces of some millions of characters, each but the last behind a `sign`: it has several copies
    in memory then for one piece at a time.

    >>> list(pieces_of("One\nbook.\n", "\n"))
    ['One\nbook.\n']
    """
    start = 0
    while len(text) - start > _PIECE_CHARS:
        end = text.rfind(sign, start, start + _PIECE_CHARS) + len(sign)
        if end <= start:  # A line as long as a piece.
            end = text.find(sign, start + _PIECE_CHARS) + len(sign)
        if end < start + 1:
            break
        yield text[start:end]
        start = end
    yield text[start:] if start else text


def encode_text(text: str) -> bytes:
    """Return a text in UTF-8; of a long one a piece at a time, since Python reserves three bytes a character for it."""
    if len(text) <= _PIECE_CHARS:
        return text.encode()
    encoded = io.BytesIO()
    for piece in pieces_of(text):
        encoded.write(piece.encode())
    return encoded.getvalue()


def return_memory() -> None:
    """Give the memory of freed texts back to the system: glibc keeps all that lies below something still in use."""
    with contextlib.suppress(OSError, TypeError, AttributeError):  # Other C libraries have no such function.
        ctypes.CDLL(None).malloc_trim(0)


def text_codes(text: str) -> Codes:
    """Return the codes of a text's characters: an array of bytes where all are in Latin-1, else of 2 or 4 bytes each.

    >>> text_codes("né").tolist(), [text_codes(text).dtype.itemsize for text in ("n", "né", "nе", "n𝒶")]
    ([110, 233], [1, 1, 2, 4])
    """
    with contextlib.suppress(UnicodeEncodeError):
        return np.frombuffer(text.encode("latin-1"), np.uint8)
    wide = text.encode("utf-16-le", "surrogatepass")
    if len(wide) == 2 * len(text):
        return np.frombuffer(wide, "<u2")
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def codes_text(codes: Codes) -> str:
    """Return the text whose characters have these codes, as `text_codes` gives them.

    >>> codes_text(text_codes("né"))
    'né'
    """
    return codes.tobytes().decode({1: "latin-1", 2: "utf-16-le", 4: "utf-32-le"}[codes.itemsize], "surrogatepass")


def find_newlines(codes: Codes) -> Positions:
    """Return the positions of line ends."""
    return np.flatnonzero(codes == _NEWLINE)


def is_among(codes: Codes, characters: str) -> Mask:
    """Say of each code whether it is one of a few characters."""
    if len(characters) > _FEW_CHARACTERS:
        return _character_table(characters).take(codes, mode="clip")
    found = np.zeros(codes.shape, np.bool_)
    for character in characters:
        found |= codes == ord(character)
    return found


@cache
def _character_table(characters: str) -> Mask:
    table = np.zeros(max(map(ord, characters)) + 2, np.bool_)
    table[list(map(ord, characters))] = True
    return table


def is_lower(codes: Codes) -> Mask:
    """Say of each code whether it is a small letter; above U+FFFF none is taken for one.

    >>> is_lower(text_codes("aÉé𝒶")).tolist()
    [True, False, True, False]
    """
    return _class_table(str.islower).take(codes, mode="clip")


def is_alphanumeric(codes: Codes) -> Mask:
    """Say of each code whether it is a letter or digit; above U+FFFF none is taken for one."""
    return _class_table(str.isalnum).take(codes, mode="clip")


@cache
def _class_table(is_member: Callable[[str], bool]) -> Mask:
    table = np.zeros(_NUM_CLASSED + 1, np.bool_)
    table[:_NUM_CLASSED] = [is_member(chr(code)) for code in range(_NUM_CLASSED)]
    return table


def wide_characters(text: str) -> str:
    """Return each character above ASCII that a text holds once, in the order of their codes.

    >>> wide_characters("Zoë née")
    'éë'
    """
    found: set[str] = set()
    for piece in pieces_of(text):
        codes = text_codes(piece)
        if codes.itemsize > 2:
            found.update(piece)
            continue
        wide = codes[codes > _LAST_ASCII]
        for start in range(0, len(wide), _COUNTED_CHARS):
            counts = np.bincount(wide[start : start + _COUNTED_CHARS])
            found.update(map(chr, np.flatnonzero(counts).tolist()))
    return "".join(sorted(character for character in found if not character.isascii()))


def strip_line_ends(text: str) -> str:
    r"""Remove the blanks before line ends.

    >>> strip_line_ends("a \n  \n b")
    'a\n\n b'
    """
    pieces, position, start = [], 0, 0
    for part in pieces_of(text, "\n"):
        codes = text_codes(part)
        newlines = find_newlines(codes)
        for newline in (newlines[codes[newlines - 1] == _SPACE] + start).tolist():
            # The first newline's neighbour may be the part's last character: its piece has nothing to strip then.
            pieces.append(text[position:newline].rstrip(" "))
            position = newline
        start += len(part)
    return "".join([*pieces, text[position:]]) if pieces else text


def single_spaces(text: str) -> str:
    r"""Return a text whose runs of blanks are one blank each; before and behind line ends there is none.

    >>> single_spaces("One.  Two   three. \n  Four.")
    'One. Two three.\nFour.'
    """
    codes = text_codes(text)
    low = codes <= _SPACE
    pairs = np.flatnonzero(low[:-1] & low[1:])
    first, second = codes[pairs], codes[pairs + 1]
    # A blank goes if a blank or line end follows; of those that begin a line the last one, too.
    found = pairs[(first == _SPACE) & ((second == _SPACE) | (second == _NEWLINE))]
    leading = pairs[(first == _NEWLINE) & (second == _SPACE)].tolist()
    if leading:
        found = np.sort(np.append(found, [_last_blank(text, n + 1) for n in leading]))
    if len(found) > _MANY_BLANKS:
        kept = np.ones(len(codes), np.bool_)
        kept[found] = False
        return codes_text(codes[kept])
    pieces, position = [], 0
    for blank in found.tolist():
        pieces.append(text[position:blank])
        position = blank + 1
    return "".join([*pieces, text[position:]]) if pieces else text


def _last_blank(text: str, start: int) -> int:
    """Return the position of the last blank of a run that begins at `start`."""
    end = start
    while text.startswith(" ", end + 1):
        end += 1
    return end


def find_columns(codes: Codes) -> Positions:
    """Return where three blanks stand side by side."""
    spaces = codes == _SPACE
    return np.flatnonzero(spaces[:-2] & spaces[1:-1] & spaces[2:])
