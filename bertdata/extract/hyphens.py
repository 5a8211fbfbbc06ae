"""Words that were cut at a line end with a hyphen: joined again, by what the book itself says of them."""

from __future__ import annotations

import re
from collections.abc import Container
from typing import NamedTuple

import numpy as np

from bertdata.extract.codes import is_among, text_codes

_LEFT = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*$")
_RIGHT = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
# At a line end; or before a space, where someone joined the lines and left the hyphen. The look-behind stands second:
# a pattern that begins with a literal is searched several times faster.
_CUT = re.compile(r"-(?<=[^\W\d_]-)(?:\n *| )(?=[^\W\d_])")
_DASH = re.compile(r"-(?<=--)\n *(?=\w)")
_STRIP = ".,;:!?\"'“”‘’()[]_*—"
# "two- and three-year-old": the hyphen waits for the next word's end.
_SUSPENDED = frozenset((
    "and", "or", "to", "nor", "but", "as", "und", "oder", "bis", "et", "ou", "y", "o", "e", "og", "och", "en",
    "of",
))  # fmt: skip
# The words of this much of a book decide; a 200 MB file has said all it has to say by then.
_VOCABULARY_CHARS = 4_000_000
# Where fewer lines than this share end in a hyphen the hyphens were printed within lines, too: editors had joined the
# words (Project Gutenberg: 0.3 % of lines; books that were set with hyphenation: 5 to 25 %).
_GENUINE_SHARE, _GENUINE_CHARS = 0.02, 150_000
_FEW_CUTS = 24
_REST_OF_WORD = re.compile(r"\S*")
# A left half that is longer than any word is none.
_MAX_LEFT = 40


class _Cut(NamedTuple):
    start: int  # of the hyphen
    end: int  # of the white space behind it
    left: str
    right: str


def join_hyphens(text: str) -> str:
    r"""Join the halves of words that end a line with a hyphen.

    In order: the joined word occurs in the book, so it is one word; the hyphenated word occurs, so it keeps the
    hyphen; both halves are words of the book, so it keeps the hyphen; else it is one word. `--` is a dash, no hyphen:
    what follows it is joined without a blank, as it would stand within a line.

    >>> join_hyphens("An impor-\ntant day; a good-\nnatured, fath-\nomless man--\nbut good, important and natured.")
    'An important day; a good-natured, fathomless man--but good, important and natured.'
    """
    for sign in "\u2010\u00ac":
        if sign in text:
            text = text.replace(sign + "\n", "-\n")
    text, hyphens = _join_dashes(text)
    cuts = [_cut(text, found) for n in hyphens if (found := _CUT.match(text, n))]
    if not cuts:
        return text
    genuine = len(cuts) < _GENUINE_SHARE * text.count("\n")
    words = _words(text, cuts, _GENUINE_CHARS if genuine else _VOCABULARY_CHARS)
    pieces, position = [], 0
    for cut in cuts:
        if cut.start >= position:
            pieces.append(text[position : cut.start] + _joint(text[cut.start : cut.end], cut, words, genuine))
            position = cut.end
    return "".join([*pieces, text[position:]])


def _hyphens(text: str) -> list[int]:
    """Return where hyphens stand before white space: in most books a hundredth of all hyphens."""
    codes = text_codes(text)
    found = np.flatnonzero(codes == ord("-"))
    chosen: list[int] = found[is_among(codes.take(found + 1, mode="clip"), "\n ")].tolist()
    return chosen


def _join_dashes(text: str) -> tuple[str, list[int]]:
    """Return a text without line ends behind dashes, and where other hyphens stand in it before white space."""
    pieces, position, num_dropped, others = [], 0, 0, []
    for n in _hyphens(text):
        if found := _DASH.match(text, n):
            pieces.append(text[position : n + 1])
            position = found.end()
            num_dropped += position - n - 1
        else:
            others.append(n - num_dropped)
    return "".join([*pieces, text[position:]]) if pieces else text, others


def _cut(text: str, found: re.Match[str]) -> _Cut:
    left = _LEFT.search(text, max(0, found.start() - _MAX_LEFT), found.start())
    right = _RIGHT.match(text, found.end())
    return _Cut(found.start(), found.end(), left[0].lower() if left else "", right[0].lower() if right else "")


class _Lexicon:
    """The words of a text, looked for one by one: for a few of them that takes less than listing all."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __contains__(self, word: object) -> bool:
        text, word = self.text, str(word)
        position = text.find(word)
        while position >= 0:
            end = position + len(word)
            if not (text[position - 1 : position].isalnum() or text[end : end + 1].isalnum()):
                start = max(text.rfind(" ", 0, position), text.rfind("\n", 0, position)) + 1
                rest = _REST_OF_WORD.match(text, end)
                if rest and text[start : rest.end()].strip(_STRIP) == word:
                    return True
            position = text.find(word, position + 1)
        return False


def _words(text: str, cuts: list[_Cut], num_chars: int) -> Container[str]:
    """Return the words of the book's first `num_chars` in lower case, the halves at cuts not among them."""
    pieces, position = [], 0
    for cut in cuts:
        if cut.start > num_chars:
            break
        pieces.append(text[position : max(position, cut.start - len(cut.left))])
        position = cut.end + len(cut.right)
    rest = " ".join([*pieces, text[position:num_chars]]).lower()
    if len(cuts) <= _FEW_CUTS:
        return _Lexicon(rest)
    return {word.strip(_STRIP) for word in set(rest.split())}


def _joint(whole: str, cut: _Cut, words: Container[str], genuine: bool) -> str:
    """Return what stands between the halves in place of `whole`: hyphen and white space."""
    if cut.right in _SUSPENDED:
        return "- "
    if not cut.left or cut.left + cut.right in words:
        return "-" if not cut.left else ""
    wrapped = "\n" in whole
    if f"{cut.left}-{cut.right}" in words or (wrapped and ("-" in cut.left or genuine)):
        return "-"
    if cut.left in words and cut.right in words:
        return "-" if wrapped else whole
    return ""
