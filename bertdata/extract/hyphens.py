"""Words that were cut at a line end with a hyphen: joined again, by what the book itself says of them."""

from __future__ import annotations

import re

_LEFT = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*$")
_RIGHT = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_CUT = re.compile(r"([-\u00ac\u2010])\n[ ]*(?=[^\W\d_])")
_STRIP = ".,;:!?\"'“”‘’()[]_*—-"
# The words of this much of a book decide; a 200 MB file has said all it has to say by then.
_VOCABULARY_CHARS = 4_000_000


def join_hyphens(text: str) -> str:
    """Join the halves of words that end a line with a hyphen.

    In order: the joined word occurs in the book, so it is one word; the hyphenated word occurs, so it keeps the
    hyphen; both halves are words of the book, so it keeps the hyphen; else it is one word. `--` is a dash, no hyphen.

    >>> join_hyphens("An impor-\\ntant day; a good-\\nnatured man. It was good, important and natured.")
    'An important day; a good-natured man. It was good, important and natured.'
    """
    if not _CUT.search(text):
        return text
    words = {word.strip(_STRIP).lower() for word in set(text[:_VOCABULARY_CHARS].split())}
    pieces, position = [], 0
    for cut in _CUT.finditer(text):
        left = _LEFT.search(text, max(0, cut.start() - 40), cut.start())
        if text[cut.start() - 1] == "-" or not left:
            # A dash at a line end: what follows is joined to it as it would be within a line.
            pieces.append(text[position : cut.start() + 1])
        else:
            right = _RIGHT.match(text, cut.end())
            assert right is not None
            keep = cut[1] == "-" and _keeps_hyphen(left[0], right[0], words)
            pieces.append(text[position : cut.start()] + ("-" if keep else ""))
        position = cut.end()
    return "".join([*pieces, text[position:]])


def _keeps_hyphen(left: str, right: str, words: set[str]) -> bool:
    left, right = left.lower(), right.lower()
    if left + right in words:
        return False
    if f"{left}-{right}" in words or "-" in left:
        return True
    return left in words and right in words
