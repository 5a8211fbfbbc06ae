"""The layout of a plain-text book: how its lines make paragraphs, and the paragraphs as blocks of lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from bertdata.extract.codes import (
    Codes,
    Mask,
    Positions,
    codes_text,
    find_newlines,
    is_alphanumeric,
    strip_line_ends,
    text_codes,
)
from bertdata.extract.headings import name_heading

Kind = Literal["blank-lines", "no-blank-lines", "paragraph-lines", "sentence-lines"]

# A long book is read in pieces, and its layout judged from its beginning.
_SEGMENT_CHARS, _LAYOUT_CHARS = 4_000_000, 500_000
# Layout is judged from this much of a book: past front matter, and enough for stable percentiles.
_SAMPLE_CHARS = 200_000
# A hard-wrapped line is at most this long; in the 100 novels wrapped ones end at 51 to 121 characters (99 %).
_MAX_WRAPPED = 132
_SENTENCE_INSIDE = re.compile(r"[.!?。！？][\"'”’)\]]*\s+[\"'“‘(\[]*[A-Z\u0400-\u042f]")
_LINE_SIGNS = (("\r", "\n"), ("\x0c", "\n\n"), ("\t", "    "))
_SPACES = tuple((space, " ") for space in "\u00a0\u3000\u2002\u2003\u2007\u2009\u200a\u202f")
_ALL_SIGNS = (*_LINE_SIGNS, ("\x85", "\n"), ("\u2028", "\n"), ("\u2029", "\n\n"), *_SPACES)
_LONG_BLANK = " " * 64
# Blank-line groups of more sentences than this aren't paragraphs.
_MAX_PARAGRAPH_LINES = 20
# Wrapped lines between blank ones: more than these are several paragraphs; fewer may be, if some lines are indented.
_MANY_LINES, _FEW_LINES = 25, 9
_CHAPTER_LINE = re.compile(
    r"^ *(?:CHAPTER [IVXLC\d]+\b[^a-z\n]{0,80}|CHAPTER (?:THE )?[A-Z]{3,12}\.?|Chapter [IVXLC\d]+\.?)$", re.MULTILINE
)
_MAX_TITLE_LINES = 5
# A line that leaves this share of its width free may be a heading or verse.
_HEADING_ROOM = 0.35
# As far as signs reach behind the last letter of a sentence.
_TAIL = 8
_END = re.compile(r"[.!?:;…。！？؟۔।॥]['\"”’»)\]_*—-]*$|['\"”’»—]$|--$")


@dataclass(frozen=True)
class Layout:
    """How lines make paragraphs: `width` is the length of a full line, `indented` says that first lines are indented.

    blank-lines: hard-wrapped, paragraphs parted by blank lines. no-blank-lines: hard-wrapped, parted by indentation or
    by their short last lines only. paragraph-lines: one paragraph a line. sentence-lines: one sentence a line, grouped
    by blank lines.
    """

    kind: Kind
    width: int
    indented: bool = False
    lines_per_group: float = 1.0


def tidy_lines(text: str) -> str:
    """Return the text with `\\n` line ends and nothing but `\\n` in blank lines or at line ends.

    >>> tidy_lines("a \\r\\n\\t\\r\\nb\\x0cc\\rd")
    'a\\n\\nb\\n\\nc\\nd'
    """
    # Python looks for one character eight times faster than for two.
    while "\r" in text and "\r\n" in text:
        text = text.replace("\r\n", "\n")
    for character, replacement in _LINE_SIGNS if text.isascii() else _ALL_SIGNS:
        if character in text:
            text = text.replace(character, replacement)
    while _LONG_BLANK in text:
        # Runs of blanks are columns whatever their length; patterns try each of them, so they have to be bounded.
        text = text.replace(_LONG_BLANK, _LONG_BLANK[:32])
    return strip_line_ends(text)


def find_layout(text: str) -> Layout:
    """Judge how lines make paragraphs from a sample of a tidied book.

    >>> find_layout("A paragraph of one line. It has two sentences, and it is rather long, as lines of this kind are, "
    ...     "without any break in it from its first word to its last one.\\n\\n" * 9).kind
    'paragraph-lines'
    """
    start = text.find("\n", min(len(text) // 4, 20_000)) + 1
    sample = text[start : start + _SAMPLE_CHARS]
    codes = text_codes(sample)
    starts, ends = _lines(codes, find_newlines(codes))
    filled = ends > starts
    num_filled = int(filled.sum()) or 1
    num_groups = int((filled & ~np.concatenate(([False], filled[:-1]))).sum()) or 1
    per_group = num_filled / num_groups
    lengths = np.sort((ends - starts)[filled]) if filled.any() else np.zeros(1, np.int64)
    long, longest = (int(lengths[int(num_filled * share)]) for share in (0.9, 0.985))
    if long > _MAX_WRAPPED or longest > max(1.6 * long, _MAX_WRAPPED):
        return Layout(_line_kind(sample), long, lines_per_group=per_group)
    # Short sentences, one a line, are no wrapped text: nearly all lines end as sentences do, not the last ones only.
    if _ends_as_sentences(sample, codes, ends[:-1][filled[:-1] & filled[1:]]):
        return Layout("sentence-lines", long, lines_per_group=per_group)
    indented = per_group > _FEW_LINES and _first_lines_indented(codes[starts[filled]])
    if (per_group > _MANY_LINES or indented) and num_filled > 60:
        return Layout("no-blank-lines", long, indented=indented)
    return Layout("blank-lines", long)


def judge_layout(text: str, start: int, end: int) -> Layout:
    """Return the layout of the book that is `text[start:end]`."""
    return find_layout(text[start : min(end, start + _LAYOUT_CHARS)])


def split_segments(text: str, start: int, end: int) -> Iterator[str]:
    """Cut a book into pieces of about 4 MB at blank lines, so that a 200 MB file isn't held many times over."""
    while end - start > 1.5 * _SEGMENT_CHARS:
        cut = text.find("\n\n", start + _SEGMENT_CHARS, start + _SEGMENT_CHARS + _LAYOUT_CHARS)
        cut = cut if cut >= 0 else text.find("\n", start + _SEGMENT_CHARS, end)
        if cut < 0:
            break
        yield text[start:cut]
        start = cut
    yield text[start:end]


def _lines(codes: Codes, newlines: Positions) -> tuple[Positions, Positions]:
    """Return where lines begin and end, blank ones too."""
    return np.concatenate(([0], newlines + 1)), np.concatenate((newlines, [len(codes)]))


def _first_lines_indented(first: Codes) -> bool:
    """Say whether indentation begins paragraphs: lines are indented one by one, not in runs as quoted letters are."""
    marks = first == ord(" ")
    indented, alone = int(marks.sum()), int((marks[:-1] & ~marks[1:]).sum())
    return indented > 0.02 * len(first) and alone > 0.6 * indented


def _line_kind(text: str) -> Kind:
    filled = list(filter(None, text.split("\n")))
    # One that ends in the first lines is enough to tell, so most books take a fifth of the sample.
    many, inside = 0.2 * len(filled), 0
    for line in filled if len(filled) > 20 else ():
        inside += bool(_SENTENCE_INSIDE.search(line))
        if inside >= many:
            return "paragraph-lines"
    return "sentence-lines" if len(filled) > 20 else "paragraph-lines"


def _ends_as_sentences(text: str, codes: Codes, ends: Positions) -> bool:
    """Say whether lines that another follows end sentences: 9 % do in wrapped prose, 40 % in verse."""
    may_end = ~is_alphanumeric(codes[ends - 1])
    if len(ends) <= 20 or may_end.sum() <= 0.8 * len(ends):
        return False
    return sum(bool(_END.search(text[max(0, end - _TAIL) : end])) for end in ends.tolist()) > 0.8 * len(ends)


class Blocks(NamedTuple):
    """Lines that belong together: `text[starts[n] : ends[n]]` is block n, its line ends kept; none is empty.

    `codes` are the text's, `newlines` the positions of its line ends: `num_breaks[n]` of them lie in block n, from
    `newlines[breaks[n]]` on.
    """

    text: str
    codes: Codes
    newlines: Positions
    starts: Positions
    ends: Positions
    breaks: Positions
    num_breaks: Positions


def split_blocks(text: str, layout: Layout) -> Blocks:
    r"""Return the blocks of a tidied text.

    >>> blocks = split_blocks("\nA b\nc.\n\n\nD.", Layout("blank-lines", 70))
    >>> [blocks.text[start:end] for start, end in zip(blocks.starts, blocks.ends)]
    ['A b\nc.', 'D.']
    """
    codes = text_codes(text)
    newlines = find_newlines(codes)
    starts, ends = _lines(codes, newlines)
    filled = ends > starts
    if layout.kind == "paragraph-lines" or not filled.any():
        lines = np.flatnonzero(filled)
        return Blocks(text, codes, newlines, starts[lines], ends[lines], lines, np.zeros_like(lines))
    begins = filled & ~np.concatenate(([False], filled[:-1]))
    if layout.kind == "sentence-lines":
        codes, begins = _join_sentences(codes, begins, filled, starts)
        text, newlines = codes_text(codes), find_newlines(codes)
    elif layout.kind == "no-blank-lines" and layout.indented:
        begins |= filled & (codes.take(starts, mode="clip") == ord(" "))
    elif layout.kind == "no-blank-lines":
        begins |= filled & _fitted_before(text, codes, starts, ends, layout.width)
    if layout.kind == "no-blank-lines":
        lines = np.searchsorted(starts, [found.start() for found in _CHAPTER_LINE.finditer(text)]).tolist()
        begins[list(_around_chapters(text, starts, ends, lines, layout.width))] = True
        begins &= filled
    first = np.flatnonzero(begins)
    last = np.flatnonzero(filled & np.concatenate((begins[1:] | ~filled[1:], [True])))
    starts, ends = starts[first], ends[last]
    if layout.kind == "sentence-lines":
        first, last = np.searchsorted(newlines, starts), np.searchsorted(newlines, ends)
    return Blocks(text, codes, newlines, starts, ends, first, last - first)


def _join_sentences(codes: Codes, begins: Mask, filled: Mask, starts: Positions) -> tuple[Codes, Mask]:
    """Return the text with one line for the lines between blank ones, and where blocks begin; many lines stay."""
    group = np.cumsum(begins)
    sizes = np.bincount(group[filled], minlength=group[-1] + 1)
    is_long = filled & (sizes[group] > _MAX_PARAGRAPH_LINES)
    joined = codes.copy()
    joined[starts[filled & ~begins & ~is_long] - 1] = ord(" ")
    return joined, begins | is_long


def _around_chapters(text: str, starts: Positions, ends: Positions, chapters: list[int], width: int) -> Iterator[int]:
    """Yield the lines that begin blocks because of chapters' names: the name, what follows it, what follows a title.

    A full line before the name looks as if its paragraph went on. A title ends where the next word would have fitted.
    """
    for chapter in chapters:
        yield chapter
        for n in range(chapter + 1, min(chapter + _MAX_TITLE_LINES, len(starts))):
            line, before = text[starts[n] : ends[n]], text[starts[n - 1] : ends[n - 1]]
            if n == chapter + 1:
                yield n
            elif _ends_title(before, line, width):
                yield n
                break
            elif not before.isupper():
                break


def _ends_title(title: str, line: str, width: int) -> bool:
    """Say whether a full line of prose follows a line that leaves room for its first word; of verse none is full."""
    if len(line) <= 0.8 * width or line.lstrip()[0].islower():
        return False
    return len(line.split(" ", 1)[0]) < width - len(title) and (title.isupper() or len(title) < 0.75 * width)


def _fitted_before(text: str, codes: Codes, starts: Positions, ends: Positions, width: int) -> Mask:
    """Say of each line whether its first word would have fitted on the one before, which ends a paragraph."""
    rooms = width - 1 - np.concatenate(([width], ends[:-1] - starts[:-1]))
    # Of a line that ends in a letter, and nearly at the margin, the words need not be read.
    may_end = (rooms > _HEADING_ROOM * width) | ~is_alphanumeric(codes[np.roll(ends, 1) - 1])
    found = np.zeros(len(starts), np.bool_)
    for n in np.flatnonzero(may_end & (rooms > 0) & (rooms < width - 1)).tolist():
        line, room = text[starts[n] : ends[n]], int(rooms[n])
        found[n] = (len(line) <= room or " " in line[:room]) and _ends_paragraph(
            text[starts[n - 1] : ends[n - 1]], line, width
        )
    return found


def _ends_paragraph(line: str, following: str, width: int) -> bool:
    room = width - len(line) - 1
    if _END.search(line, max(0, len(line) - _TAIL)) and line[-1] != ";":
        return True
    if room > _HEADING_ROOM * width and (name_heading(line.strip()) or name_heading(following.strip()[:_MAX_WRAPPED])):
        return True
    # Headings and verse: far from the margin without an end; they make a block until a full line comes.
    return room > _HEADING_ROOM * width and (len(following) > 0.8 * width or line.isupper())
