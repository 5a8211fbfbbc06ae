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
# As in `classify`: a block of so many lines is prose whatever it ends with, if it is longer than any heading.
_SURE_LINES, _SURE_CHARS = 2.4, 260
_OPENINGS, _BRACKET_ENDS, _NUMERALS = "_([", ")]_*—", "IVXLC"
# What is shorter, with short lines only, may be verse.
_VERSE_SHARE, _VERSE_LINE = 0.72, 0.88


class _Shape(NamedTuple):
    """What is known of each block: its length, where its first line ends, and the codes it begins and ends with.

    Of a block that is prose however it ends, an opening sign before its first word is left out of `head`.
    """

    lengths: Positions
    is_sure: Mask
    is_opened: Mask
    first_break: Positions
    head: Codes
    last: Codes


def find_plain(blocks: Blocks, width: int) -> Mask:
    r"""Say of each block whether it is running prose beyond doubt and begins a paragraph.

    What is told here, `is_plain_prose` tells of one block, and `classify` of long ones and of speech behind a name.
    Left to them is what needs words (a short line that may be a title), and what begins with a small letter, and so
    may go on with the paragraph before.

    >>> from bertdata.extract.layout import Layout, split_blocks
    >>> find_plain(split_blocks("“Not I,” said he.\n\nTHE STORM.", Layout("blank-lines", 70)), 70).tolist()
    [True, False]
    """
    if not len(blocks.starts):
        return np.zeros(0, np.bool_)
    shape = _shape(blocks, width)
    first = shape.head[:, 0]
    is_long = shape.lengths > 1.3 * width
    is_full = (blocks.num_breaks == 0) | (shape.lengths > 0.78 * width * blocks.num_breaks)
    is_quoted = is_among(first, QUOTES)
    is_line = (shape.first_break >= 0.7 * width) & is_among(shape.last, PLAIN_ENDS)
    plain = np.where(is_long, is_full & (_ends_long(shape) | is_among(shape.last, LONG_ENDS)), is_line)
    small = is_lower(shape.head)
    has_small = any_of_eight(small)
    is_named = _begins_with_name(shape, blocks.num_breaks, width) & ~has_small
    plain &= ((has_small & ~small[:, 0]) | is_named) & ~is_among(first, SPECIAL_STARTS)
    plain &= ~shape.is_opened | small[:, 1]
    short = np.flatnonzero(plain & (is_named | ~(is_long | is_quoted | (shape.lengths > MAX_TITLE))))
    plain[short] = _has_long_word(blocks, short, shape)
    unquoted = np.flatnonzero(plain & ~is_quoted)
    plain[unquoted] = ~may_begin_chapter(shape.head[unquoted])
    _clear_suspects(plain, blocks, shape.is_sure)
    return plain


def _ends_long(shape: _Shape) -> Mask:
    """Say of each block whether it is so long that it is prose, however it ends but with a number."""
    letters = is_lower(shape.last) & ~is_among(shape.last, _NUMERALS.lower())
    found: Mask = shape.is_sure & (letters | is_among(shape.last, _BRACKET_ENDS))
    return found


def _begins_with_name(shape: _Shape, num_breaks: Positions, width: int) -> Mask:
    """Say of each block whether it begins with two capitals that are no numeral, and is too wide for verse."""
    capitals = (shape.head[:, :2] >= ord("A")) & (shape.head[:, :2] <= ord("Z"))
    is_numeral = is_among(shape.head[:, 0], _NUMERALS) & is_among(shape.head[:, 1], _NUMERALS)
    is_wide = (shape.first_break >= _VERSE_LINE * width) | (shape.lengths >= _VERSE_SHARE * width * (num_breaks + 1))
    found: Mask = capitals[:, 0] & capitals[:, 1] & ~is_numeral & is_wide
    return found


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


def _clear_suspects(plain: Mask, blocks: Blocks, is_sure: Mask) -> None:
    """Clear blocks with signs of columns, indented lines, leaders and synopses: no plain prose holds one.

    A block that is prose by its length may have a few: fewer than would make half of its lines rows or entries. The
    signs are told from the codes behind line ends and full stops: a search for each would cost five times as much.
    """
    codes, newlines, ends = blocks.codes, blocks.newlines, len(blocks.codes) - 1

    def behind(positions: Positions, reach: int) -> Codes:
        return codes[np.minimum(positions + reach, ends)]

    stops, columns = np.flatnonzero(codes == _STOP), find_columns(codes)
    next_sign, second = behind(stops, 1), behind(stops, 2)
    joints = stops[((next_sign == ord("-")) & (second == ord("-"))) | (next_sign == ord("—"))]
    leaders = stops[(next_sign == _SPACE) & (second == _STOP)]
    indented = newlines[behind(newlines, 1) == _SPACE]
    is_deep = behind(indented, 2) == _SPACE
    columns_behind = behind(columns, 3)
    is_numbered = (columns_behind >= ord("0")) & (columns_behind <= ord("9"))
    owners = _owners(blocks, np.concatenate((joints, indented[is_deep], columns[is_numbered])))
    plain[owners] = False
    weights = np.bincount(_owners(blocks, leaders), minlength=len(plain))
    weights += 2 * np.bincount(_owners(blocks, columns), minlength=len(plain))
    plain &= weights <= np.where(is_sure, blocks.num_breaks, 0)
    owners = _owners(blocks, indented[~is_deep])
    plain[owners] &= is_sure[owners]


def _owners(blocks: Blocks, positions: Positions) -> Positions:
    """Return the numbers of the blocks in which positions lie; what lies between blocks has none."""
    owners = np.searchsorted(blocks.starts, positions, side="right") - 1
    return owners[(owners >= 0) & (positions < blocks.ends[owners])]


def _shape(blocks: Blocks, width: int) -> _Shape:
    codes, lengths = blocks.codes, blocks.ends - blocks.starts
    is_sure = lengths > max(_SURE_CHARS, _SURE_LINES * width)
    is_wrapped = is_sure & is_among(codes[blocks.starts], _OPENINGS)
    is_opened = is_wrapped & (codes[blocks.starts] != ord("_"))
    breaks = np.append(blocks.newlines, len(codes))[blocks.breaks] - blocks.starts
    columns = np.arange(HEAD)
    head = codes.take((blocks.starts + is_wrapped)[:, None] + columns, mode="clip")
    head = np.where(columns < lengths[:, None], head, 0)
    first_break = np.where(blocks.num_breaks > 0, breaks, np.iinfo(np.int64).max)
    return _Shape(lengths, is_sure, is_opened, first_break, head, codes[blocks.ends - 1])


def may_begin_chapter(head: Codes) -> Mask:
    """Say of each block whether its first four letters are those of a chapter's name, or can't be told.

    Behind "The" the next four decide.
    """
    keys = _keys(head)
    names = _is_key(keys, _CHAPTER_KEYS)
    found: Mask = names[:, 0] & ((keys[:, 0] != _ARTICLE_KEY) | names[:, 1])
    return found | any_of_eight(head > _MAX_CODE) if head.itemsize > 2 else found


def any_of_eight(answers: Mask) -> Mask:
    """Say of each row of eight answers whether one is yes; numpy's `any` takes ten times as long for rows so short."""
    found: Mask = np.ascontiguousarray(answers).view(np.uint64)[:, 0] != 0
    return found


def _keys(head: Codes) -> Codes:
    """Return the first and the second four letters of each block as a number each, capitals as small letters."""
    keys: Codes = (head.astype(np.uint64) | _CASE_BIT).reshape(-1, 2, 4) @ _KEY_SHIFTS
    return keys


def _is_key(keys: Codes, known: Codes) -> Mask:
    """Say of each key whether it is among some sorted ones: of so few this is told faster than by `np.isin`."""
    found: Mask = known.take(np.searchsorted(known, keys), mode="clip") == keys
    return found


_KEY_SHIFTS = np.array([1 << shift for shift in (0, 16, 32, 48)], np.uint64)


def _keys_of(starts: Iterable[str]) -> Codes:
    codes = [[ord(character) | _CASE_BIT for character in start] for start in starts]
    return np.sort(np.array(codes, np.uint64) @ _KEY_SHIFTS)


_CHAPTER_KEYS = _keys_of(CHAPTER_STARTS)
_ARTICLE_KEY = _keys_of(["the "])[0]
_HEADING_KEYS = _keys_of({f"{word} "[:4] for word in HEADING_WORDS})
