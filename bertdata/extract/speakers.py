"""The names of a play's speakers, on lines of their own or above what they say, and the lists of its persons."""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

import numpy as np

from bertdata.extract.codes import Codes, Mask, is_among
from bertdata.extract.headings import begins_chapter
from bertdata.extract.layout import Blocks

# A name is no longer than this, and ends in a letter, in italics, or in a direction to the actor.
_MAX_NAME, _ENDS = 40, "_.:)"
_WORD, _MAX_WORDS = re.compile(r"[A-Z\u00c0-\u00de][\w'’.-]*,?"), 5
_SMALL_WORDS = frozenset(("of", "de", "du", "des", "la", "le", "the", "and", "von", "van", "a", "to"))
# Who is who: a name in capitals, or a line far from full.
_PERSON, _SHORT_LINE = re.compile(r"\s*_?[A-Z][A-Z.'’-]+(?: [A-Z][A-Z.'’-]+)*(?:_?,|_? \(|\W*$)"), 0.75
# A play has two speakers at least, and all their names together stand on so many lines, a tenth of all blocks' first.
_MIN_TIMES, _MIN_NAMES, _MIN_LINES, _MIN_SHARE = 8, 2, 40, 0.1


class Speakers(NamedTuple):
    """The names of a play's speakers, empty where a book is none; `begun` says which blocks begin with one."""

    names: frozenset[str]
    begun: Mask


def find_speakers(blocks: Blocks) -> Speakers:
    """Return the names that stand alone on the first lines of blocks, as speakers' do.

    >>> from bertdata.extract.layout import Layout, split_blocks
    >>> play = "Ann (aside)\\nThe owl is late.\\n\\nThe Miller\\nShe is not.\\n\\n" * 20
    >>> sorted(find_speakers(split_blocks(play, Layout("blank-lines", 60))).names)
    ['Ann', 'The Miller']
    """
    codes, starts = blocks.codes, blocks.starts
    begun = np.zeros(len(starts), np.bool_)
    if not len(starts):
        return Speakers(frozenset(), begun)
    breaks = np.append(blocks.newlines, len(codes))[blocks.breaks]
    ends = np.where(blocks.num_breaks > 0, breaks, blocks.ends)
    chosen = np.flatnonzero(ends - starts <= _MAX_NAME)
    # Most books have too few short lines to be plays.
    num_needed = max(_MIN_LINES, int(_MIN_SHARE * len(starts)))
    if len(chosen) >= num_needed:
        chosen = chosen[_may_be_name(codes[starts[chosen]], codes[ends[chosen] - 1])]
    if len(chosen) < num_needed:
        return Speakers(frozenset(), begun)
    spans = zip(starts[chosen].tolist(), ends[chosen].tolist(), strict=True)
    lines = [blocks.text[n:m].partition(" (")[0] for n, m in spans]
    frequent = {line: times for line, times in Counter(lines).items() if times >= _MIN_TIMES}
    named = {line: name for line in frequent if (name := name_speaker(line)) and not begins_chapter(name)}
    names = frozenset(named.values())
    if len(names) < _MIN_NAMES or sum(frequent[line] for line in named) < num_needed:
        return Speakers(frozenset(), begun)
    begun[chosen] = [line in named for line in lines]
    begun &= blocks.num_breaks > 0
    return Speakers(names, begun)


def _may_be_name(first: Codes, last: Codes) -> Mask:
    is_letter = ((last | 0x20) >= ord("a")) & ((last | 0x20) <= ord("z")) | (last > 127)
    capital = (first >= ord("A")) & (first <= ord("Z")) | (first == ord("_")) | (first > 127)
    found: Mask = capital & (is_letter | is_among(last, _ENDS))
    return found


def name_speaker(line: str) -> str:
    """Return the name that a line consists of, without marks and directions; nothing where it isn't one.

    A full stop ends a name in capitals only: "Yes." is what is said.

    >>> [name_speaker(line) for line in ("_Ann_", "The Duke of York (aside)", "He came", "Yes.", "THE OWL.")]
    ['Ann', 'The Duke of York', '', '', 'THE OWL']
    """
    if len(line) > _MAX_NAME:
        return ""
    name = line.partition(" (")[0].strip("_ :")
    if name.endswith("."):
        name = name.rstrip("._ ") if name.isupper() else ""
    words = name.split()
    if not 0 < len(words) <= _MAX_WORDS or not all(_WORD.fullmatch(word) or word in _SMALL_WORDS for word in words):
        return ""
    return name


def is_cast(block: str, width: int) -> bool:
    """Say whether a block lists a play's persons: names in capitals, or short lines that begin with capitals.

    >>> is_cast("ANN, a miller.\\nTHE OWL (40).", 60), is_cast("There were many of them, and\\nall were owls.", 60)
    (True, False)
    """
    lines = block.split("\n")
    if sum(bool(_PERSON.match(line)) for line in lines) * 2 >= len(lines):
        return True
    return len(lines) > 2 and all(line.strip()[:1].isupper() and len(line) < _SHORT_LINE * width for line in lines)
