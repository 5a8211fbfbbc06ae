"""The layout of a plain-text book: how its lines make paragraphs, and the paragraphs as blocks of lines."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Literal

from bertdata.extract.headings import name_heading

Kind = Literal["blank-lines", "no-blank-lines", "paragraph-lines", "sentence-lines"]

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
    while "\r\n" in text:
        text = text.replace("\r\n", "\n")
    for character, replacement in _LINE_SIGNS if text.isascii() else _ALL_SIGNS:
        if character in text:
            text = text.replace(character, replacement)
    while _LONG_BLANK in text:
        # Runs of blanks are columns whatever their length; patterns try each of them, so they have to be bounded.
        text = text.replace(_LONG_BLANK, _LONG_BLANK[:32])
    while " \n" in text:
        text = (text.replace("  \n", "\n") if "  \n" in text else text).replace(" \n", "\n")
    return text


def find_layout(text: str) -> Layout:
    """Judge how lines make paragraphs from a sample of a tidied book.

    >>> find_layout("A paragraph of one line. It has two sentences, and it is rather long, as lines of this kind are, "
    ...     "without any break in it from its first word to its last one.\\n\\n" * 9).kind
    'paragraph-lines'
    """
    start = text.find("\n", min(len(text) // 4, 20_000)) + 1
    lines = text[start : start + _SAMPLE_CHARS].split("\n")
    filled = [line for line in lines if line] or [""]
    groups = sum(1 for a, b in zip(["", *lines], lines, strict=False) if b and not a) or 1
    per_group = len(filled) / groups
    lengths = sorted(map(len, filled))
    long, longest = (lengths[int(len(lengths) * share)] for share in (0.9, 0.985))
    if long > _MAX_WRAPPED or longest > max(1.6 * long, _MAX_WRAPPED):
        return Layout(_line_kind(filled), long, lines_per_group=per_group)
    # Short sentences, one a line, are no wrapped text: nearly all lines end as sentences do, not the last ones only.
    if _ends_as_sentences(lines):
        return Layout("sentence-lines", long, lines_per_group=per_group)
    if per_group > 25 and len(filled) > 60:
        return Layout("no-blank-lines", long, indented=_first_lines_indented(filled))
    return Layout("blank-lines", long)


def _first_lines_indented(filled: list[str]) -> bool:
    """Say whether indentation begins paragraphs: lines are indented one by one, not in runs as quoted letters are."""
    marks = [line[0] == " " for line in filled]
    indented = sum(marks)
    alone = sum(mark and not after for mark, after in pairwise(marks))
    return indented > 0.02 * len(filled) and alone > 0.6 * indented


def _line_kind(filled: list[str]) -> Kind:
    inside = sum(bool(_SENTENCE_INSIDE.search(line)) for line in filled)
    return "sentence-lines" if inside < 0.2 * len(filled) and len(filled) > 20 else "paragraph-lines"


def _ends_as_sentences(lines: list[str]) -> bool:
    """Say whether lines that another follows end sentences: 9 % do in wrapped prose, 40 % in verse."""
    inner = [line for line, following in pairwise(lines) if line and following]
    return len(inner) > 20 and sum(bool(_END.search(line[-_TAIL:])) for line in inner) > 0.8 * len(inner)


def split_blocks(text: str, layout: Layout) -> Iterable[str]:
    """Return the blocks of a tidied text: lines that belong together, their line ends kept; never empty."""
    if layout.kind == "paragraph-lines":
        return filter(None, text.split("\n"))
    groups = text.split("\n\n")
    if "\n\n\n" in text or text[:1] == "\n" or text[-1:] == "\n":
        groups = [group.strip("\n") for group in groups]
    if layout.kind == "blank-lines":
        return filter(None, groups)
    split = _split_wrapped if layout.kind == "no-blank-lines" else _split_sentences
    return chain.from_iterable(split(group.split("\n"), layout) for group in groups if group)


def _split_sentences(lines: list[str], layout: Layout) -> list[str]:
    return lines if len(lines) > _MAX_PARAGRAPH_LINES else [" ".join(lines)]


def _split_wrapped(lines: list[str], layout: Layout) -> list[str]:
    """Cut lines where an indented one begins, or behind one that ends although the next word would have fitted."""
    width, indented, start = layout.width, layout.indented, 0
    blocks: list[str] = []
    for n, line in enumerate(lines[1:], 1):
        if indented:
            cut = line[0] == " "
        else:
            # The first word of this line would have fitted on the one before.
            room = width - len(lines[n - 1]) - 1
            cut = room > 0 and (len(line) <= room or " " in line[:room]) and _ends_paragraph(lines[n - 1], line, width)
        if cut:
            blocks.append("\n".join(lines[start:n]))
            start = n
    blocks.append("\n".join(lines[start:]))
    return blocks


def _ends_paragraph(line: str, following: str, width: int) -> bool:
    room = width - len(line) - 1
    if _END.search(line, max(0, len(line) - _TAIL)) and line[-1] != ";":
        return True
    if room > 0.35 * width and (name_heading(line.strip()) or name_heading(following.strip()[:_MAX_WRAPPED])):
        return True
    # Headings and verse: far from the margin without an end; they make a block until a full line comes.
    return room > 0.35 * width and (len(following) > 0.8 * width or line.isupper())
