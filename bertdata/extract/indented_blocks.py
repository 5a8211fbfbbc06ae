"""Blocks with indented lines that are kept beyond doubt: most verse, told for a whole text at once from its codes."""

from __future__ import annotations

import numpy as np

from bertdata.extract.blocks import LONG_ENDS, QUOTES, SPECIAL_STARTS
from bertdata.extract.codes import Codes, Mask, Positions, is_among, is_lower
from bertdata.extract.layout import Blocks
from bertdata.extract.plain_blocks import HEAD, any_of_eight, may_begin_chapter

_SPACE, _STOP, _HYPHEN = map(ord, " .-")
# Names of chapters, parts and lists end before; and so do titles.
_MIN_CHARS = 100
# A line of fewer letters may be a number; an item of a list shows its sign in its first ones.
_MIN_CONTENT, _ITEM_REACH = 18, 6
_ITEM_STARTS, _NUMERALS = SPECIAL_STARTS + "•·†‡§0123456789", "IVXLC"
_BEFORE_GAP = " \n.!?:;,\"'”’"
_MAX_INDENT = 64
# Fewer blocks are read one by one.
_MIN_BLOCKS = 16
# As in `classify`: what is shorter, with short lines only, is verse or a heading.
_VERSE_SHARE, _VERSE_LINE = 0.72, 0.88


def find_indented(blocks: Blocks, width: int) -> Mask:
    """Say of each block whether it has indented lines and is prose, or verse that makes sentences, beyond doubt.

    Of all others `classify` decides; what begins with a small letter is left to it too.

    >>> from bertdata.extract.layout import Layout, split_blocks
    >>> stanza = "An owl flew out at evening from the tower,\\n  And all the mice that saw her shadow there\\n"
    >>> text = (stanza + "  Ran home and hid themselves within the hour.\\n\\n") * 20 + "  A title\\n  of its own\\n"
    >>> find_indented(split_blocks(text, Layout("blank-lines", 44)), 44).tolist() == [True] * 20 + [False]
    True
    """
    found = np.zeros(len(blocks.starts), np.bool_)
    chosen = _candidates(blocks)
    if len(chosen) < _MIN_BLOCKS:
        return found
    codes, starts, ends = blocks.codes, blocks.starts[chosen], blocks.ends[chosen]
    sizes = blocks.num_breaks[chosen] + 1
    heads = np.cumsum(sizes) - sizes
    # The line end behind each line.
    breaks = np.repeat(blocks.breaks[chosen] - heads, sizes) + np.arange(sizes.sum())
    tops = blocks.newlines.take(breaks - 1, mode="clip") + 1
    tops[heads] = starts
    bottoms = np.minimum(np.append(blocks.newlines, len(codes))[breaks], np.repeat(ends, sizes))
    letters = _skip_blanks(codes, tops)
    is_sure = ~np.logical_or.reduceat(_may_be_item(codes, letters, bottoms), heads)
    is_sure &= _begins_sentence(codes, letters[heads])
    longest = np.maximum.reduceat(bottoms - tops, heads)
    is_sure &= (ends - starts >= _VERSE_SHARE * width * sizes) | (longest >= _VERSE_LINE * width)
    num_columns = np.add.reduceat(np.maximum(letters - tops - 2, 0), heads)
    chosen, num_columns = chosen[is_sure], num_columns[is_sure]
    if len(chosen):
        found[chosen[~_has_signs(blocks, chosen, num_columns)]] = True
    return found


def _candidates(blocks: Blocks) -> Positions:
    """Return the numbers of the blocks of some lines, one of them indented, that end as prose and verse do."""
    codes, newlines = blocks.codes, blocks.newlines
    marks = np.flatnonzero(codes.take(newlines + 1, mode="clip") == _SPACE)
    owners = np.searchsorted(blocks.breaks, marks, side="right") - 1
    is_inside = (owners >= 0) & (marks < (blocks.breaks + blocks.num_breaks)[owners])
    is_indented = codes.take(blocks.starts, mode="clip") == _SPACE
    is_indented[owners[is_inside]] = True
    chosen = np.flatnonzero(is_indented & (blocks.num_breaks > 0) & (blocks.ends - blocks.starts >= _MIN_CHARS))
    return chosen[is_among(codes[blocks.ends[chosen] - 1], LONG_ENDS)]


def _skip_blanks(codes: Codes, positions: Positions) -> Positions:
    letters = positions.copy()
    for _ in range(_MAX_INDENT):
        is_blank = codes.take(letters, mode="clip") == _SPACE
        if not is_blank.any():
            break
        letters += is_blank
    return letters


def _may_be_item(codes: Codes, letters: Positions, ends: Positions) -> Mask:
    """Say of each line, which begins with a letter at one of these positions, whether it may be a list's or short."""
    signs = codes.take(letters[:, None] + np.arange(1, _ITEM_REACH), mode="clip")
    found: Mask = (ends - letters < _MIN_CONTENT) | is_among(codes.take(letters, mode="clip"), _ITEM_STARTS)
    return found | is_among(signs, ".)").any(1)


def _begins_sentence(codes: Codes, letters: Positions) -> Mask:
    """Say of each block by its first letters whether it begins as a sentence, not as a chapter or numbered line."""
    head = codes.take(letters[:, None] + np.arange(HEAD), mode="clip")
    small = is_lower(head)
    found: Mask = any_of_eight(small) & ~small[:, 0]
    is_numeral = is_among(head[:, 0], _NUMERALS)
    is_numeral &= is_among(head[:, 1], _NUMERALS) | ((head[:, 1] == _SPACE) & ~small[:, 2])
    return found & ~is_numeral & (is_among(head[:, 0], QUOTES) | ~may_begin_chapter(head))


def _has_signs(blocks: Blocks, chosen: Positions, num_columns: Positions) -> Mask:
    """Say of each chosen block whether it has signs of columns, leaders or synopses: gaps within lines, dots, dashes.

    `num_columns` are the places with three blanks side by side that its lines' indentation makes.
    """
    starts, ends = blocks.starts[chosen], blocks.ends[chosen]
    # The chosen blocks alone, one behind the other.
    sizes = ends - starts
    heads = np.cumsum(sizes) - sizes
    codes = np.concatenate([blocks.codes[n:m] for n, m in zip(starts.tolist(), ends.tolist(), strict=True)])
    spaces, stops, hyphens = (codes == sign for sign in (_SPACE, _STOP, _HYPHEN))
    gaps = np.flatnonzero(spaces[:-1] & spaces[1:])
    other = gaps[~is_among(codes.take(gaps - 1, mode="clip"), _BEFORE_GAP)]
    dots = np.flatnonzero(stops[:-2] & (stops[1:-1] | (spaces[1:-1] & stops[2:])))
    strokes = np.flatnonzero((codes == ord("|")) | (codes == ord("}")))
    dashes = [np.flatnonzero(hyphens[:-1] & hyphens[1:])]
    if codes.itemsize > 1:
        dashes.append(np.flatnonzero(is_among(codes, "–—")))

    def count(*positions: Positions) -> Positions:
        owners = np.searchsorted(heads, np.concatenate(positions), side="right") - 1
        counts: Positions = np.bincount(owners, minlength=len(chosen))
        return counts

    columns = gaps[spaces.take(gaps + 2, mode="clip")]
    found: Mask = (count(columns) != num_columns) | (count(other, dots, strokes) > 0) | (count(*dashes) > 1)
    return found
