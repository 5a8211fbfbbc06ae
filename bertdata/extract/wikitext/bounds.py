"""The bounds of a page: bytes, marks and depth, measured in one pass before anything is parsed.

They are the same on every machine: a page is rejected for what it is, never for the time that it takes.
"""

from __future__ import annotations

import re
from itertools import accumulate

from bertdata.extract.options import ExtractOptions

# Tags that nest in practice; <br>, <li>, <p>, <td> are often left open and don't.
_NESTING = re.compile(
    r"<(/?)(?:div|span|small|big|sup|sub|center|font|b|i|u|s|em|strong|code|tt|blockquote|table|ul|ol|dl|ref)(?=[\s>])[^<>]*+(?<!/)>",
    re.IGNORECASE,
)


def bracket_depth(text: str, opening: str, closing: str) -> int:
    """Return how deep `opening` … `closing` nest; an opening without an end counts to the end of its paragraph run.

    >>> bracket_depth("{{a|{{b}}|{{c|{{d}}}}}}", "{{", "}}")
    3
    """
    pieces = text.split(opening)
    depth = deepest = 0
    for piece in pieces[1:]:
        depth += 1
        deepest = depth if depth > deepest else deepest
        if closing in piece:
            depth = max(0, depth - piece.count(closing))
    return deepest


def tag_depth(text: str) -> int:
    """Return how deep nesting tags stand in each other."""
    steps = (-1 if found[1] else 1 for found in _NESTING.finditer(text))
    return max(accumulate(steps, lambda depth, step: max(0, depth + step), initial=0))


class TooDeep(Exception):
    """A page nests deeper than the bound; the cleaner turns it into a rejection."""


def check_depth(text: str, opening: str, closing: str, max_depth: int) -> None:
    """Raise `TooDeep` where brackets nest deeper than the bound."""
    if text.count(opening) > max_depth and bracket_depth(text, opening, closing) > max_depth:
        raise TooDeep


def check_tag_depth(text: str, max_depth: int, num_closings: int) -> None:
    """Raise `TooDeep` where tags nest deeper than the bound; at least `num_closings` of them are closing ones."""
    at = -1
    for _ in range(max_depth + num_closings + 1):
        at = text.find("<", at + 1)
        if at < 0:
            return
    if tag_depth(text) > max_depth:
        raise TooDeep


def broken_bound(text: str, options: ExtractOptions) -> str | None:
    """Return the word of the bound that a page breaks, `too-large` or `too-many-nodes`, or None.

    A node has at least one character, so a page shorter than the bound isn't counted at all. Depth is measured where
    brackets are resolved, on what is left after the innermost ones: ordinary pages then cost nothing.
    """
    limit = options.max_page_bytes
    if len(text) > limit or (len(text) * 4 > limit and not text.isascii() and num_bytes(text) > limit):
        return "too-large"
    if len(text) > options.max_nodes and num_nodes(text) > options.max_nodes:
        return "too-many-nodes"
    return None


def num_bytes(text: str) -> int:
    """Return the bytes of a text in UTF-8."""
    return len(text.encode("utf-8", "replace"))


def num_nodes(text: str) -> int:
    """Return how many marks of markup a page holds."""
    return sum(text.count(mark) for mark in ("{{", "[[", "<", "''", "{|", "&"))
