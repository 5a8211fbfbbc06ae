"""The blocks of a book that are running prose beyond doubt, told for a whole text at once from their codes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from bertdata.extract.blocks import HEADING_WORDS, LONG_ENDS, MAX_TITLE, PLAIN_ENDS, QUOTES, SPECIAL_STARTS
from bertdata.extract.codes import Codes, Mask, Positions, find_columns, is_among, is_lower
from bertdata.extract.headings import CHAPTER_STARTS
from bertdata.extract.layout import Blocks

# So many letters tell how a block begins.
HEAD = 8
_SPACE, _STOP = ord(" "), ord(".")
# Setting this bit makes capitals small in ASCII, Latin-1 and Cyrillic, and maps other signs to one sign each.
_CASE_BIT = 0x20
# A word of so many small letters is in no title; "without", "upwards" and the like are left to the pattern.
_LONG_WORD, _SMALL_WORD_STARTS = 5, "wfiuo"
_MAX_CODE = 0xFFFF


class _Shape(NamedTuple):
    """What is known of each block: its length, where its first line ends, and the codes it begins and ends with."""

    lengths: Positions
    first_break: Positions
    head: Codes
    last: Codes


def find_plain(blocks: Blocks, width: int) -> Mask:
    """Say of each block whether it is running prose beyond doubt and begins a paragraph.

    What is told here, `is_plain_prose` tells of one block. Left to it is what needs words (a short line that may be a
    title), and what begins with a small letter, and so may go on with the paragraph before.

    >>> from bertdata.extract.layout import Layout, split_blocks
    >>> find_plain(split_blocks("“Not I,” said he.\\n\\nTHE STORM.", Layout("blank-lines", 70)), 70).tolist()
    [True, False]
    """
    if not len(blocks.starts):
        return np.zeros(0, np.bool_)
    shape = _shape(blocks)
    first = shape.head[:, 0]
    is_long = shape.lengths > 1.3 * width
    is_full = (blocks.num_breaks == 0) | (shape.lengths > 0.78 * width * blocks.num_breaks)
    is_quoted = is_among(first, QUOTES)
    is_line = (shape.first_break >= 0.7 * width) & is_among(shape.last, PLAIN_ENDS)
    plain = np.where(is_long, is_full & is_among(shape.last, LONG_ENDS), is_line)
    small = is_lower(shape.head)
    plain &= small.any(1) & ~small[:, 0] & ~is_among(first, SPECIAL_STARTS)
    short = np.flatnonzero(plain & ~(is_long | is_quoted | (shape.lengths > MAX_TITLE)))
    plain[short] = _has_long_word(blocks, short, shape)
    unquoted = np.flatnonzero(plain & ~is_quoted)
    plain[unquoted] = ~may_begin_chapter(shape.head[unquoted])
    _clear(plain, blocks, _suspects(blocks))
    return plain


def _has_long_word(blocks: Blocks, chosen: Positions, shape: _Shape) -> Mask:
    """Say of each of some short blocks whether it has a word in small letters that no title has.

    Of words with the first letters of "with" and its like, and of blocks that begin as headings do, more is read.
    """
    columns = np.arange(MAX_TITLE)
    codes = blocks.codes.take(blocks.starts[chosen, None] + columns, mode="clip")
    codes = np.where(columns < shape.lengths[chosen, None], codes, 0)
    small = (codes >= ord("a")) & (codes <= ord("z"))
    begins = (codes[:, :-_LONG_WORD] == _SPACE) & ~is_among(codes[:, 1 : 1 - _LONG_WORD], _SMALL_WORD_STARTS)
    for n in range(1, _LONG_WORD + 1):
        begins &= small[:, n : n - _LONG_WORD or None]
    found: Mask = begins.any(1) & ~_is_key(_keys(shape.head[chosen])[:, 0], _HEADING_KEYS)
    return found


def _suspects(blocks: Blocks) -> Positions:
    """Return where a text has signs of columns, indented lines, leaders and synopses: no plain prose holds one.

    They are told from the codes behind line ends and full stops: a search for each sign would cost five times as much.
    """
    codes, newlines, ends = blocks.codes, blocks.newlines, len(blocks.codes) - 1
    behind_newline = codes[np.minimum(newlines + 1, ends)]
    stops = np.flatnonzero(codes == _STOP)
    behind, second = codes[np.minimum(stops + 1, ends)], codes[np.minimum(stops + 2, ends)]
    is_joint = ((behind == ord("-")) & (second == ord("-"))) | (behind == ord("—"))
    is_leader = (behind == _SPACE) & (second == _STOP)
    indented, leaders = newlines[behind_newline == _SPACE], stops[is_joint | is_leader]
    return np.concatenate((indented, leaders, find_columns(codes)))


def _shape(blocks: Blocks) -> _Shape:
    codes, lengths = blocks.codes, blocks.ends - blocks.starts
    breaks = np.append(blocks.newlines, len(codes))[blocks.breaks] - blocks.starts
    columns = np.arange(HEAD)
    head = codes.take(blocks.starts[:, None] + columns, mode="clip")
    head = np.where(columns < lengths[:, None], head, 0)
    first_break = np.where(blocks.num_breaks > 0, breaks, np.iinfo(np.int64).max)
    return _Shape(lengths, first_break, head, codes[blocks.ends - 1])


def may_begin_chapter(head: Codes) -> Mask:
    """Say of each block whether its first four letters are those of a chapter's name, or can't be told.

    Behind "The" the next four decide.
    """
    keys = _keys(head)
    names = _is_key(keys, _CHAPTER_KEYS)
    found: Mask = (names[:, 0] & ((keys[:, 0] != _ARTICLE_KEY) | names[:, 1])) | (head > _MAX_CODE).any(1)
    return found


def _keys(head: Codes) -> Codes:
    """Return the first and the second four letters of each block as a number each, capitals as small letters."""
    keys: Codes = (head.astype(np.uint64) | _CASE_BIT).reshape(-1, 2, 4) @ _KEY_SHIFTS
    return keys


def _is_key(keys: Codes, known: Codes) -> Mask:
    """Say of each key whether it is among some sorted ones: of so few this is told faster than by `np.isin`."""
    found: Mask = known.take(np.searchsorted(known, keys), mode="clip") == keys
    return found


def _clear(plain: Mask, blocks: Blocks, positions: Positions) -> None:
    owners = np.searchsorted(blocks.starts, positions, side="right") - 1
    plain[owners[(owners >= 0) & (positions < blocks.ends[owners])]] = False


_KEY_SHIFTS = np.array([1 << shift for shift in (0, 16, 32, 48)], np.uint64)


def _keys_of(starts: Iterable[str]) -> Codes:
    codes = [[ord(character) | _CASE_BIT for character in start] for start in starts]
    return np.sort(np.array(codes, np.uint64) @ _KEY_SHIFTS)


_CHAPTER_KEYS = _keys_of(CHAPTER_STARTS)
_ARTICLE_KEY = _keys_of(["the "])[0]
_HEADING_KEYS = _keys_of({f"{word} "[:4] for word in HEADING_WORDS})
