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


def broken_bound(text: str, options: ExtractOptions) -> str | None:
    """Return the word of the bound that a page breaks: `too-large`, `too-many-nodes`, `too-deep`; or None."""
    limit = options.max_page_bytes
    if len(text) > limit or (len(text) * 4 > limit and not text.isascii() and len(text.encode("utf-8", "replace")) > limit):
        return "too-large"
    num_braces, num_brackets, num_tags = text.count("{{"), text.count("[["), text.count("<")
    num_nodes = num_braces + num_brackets + num_tags + text.count("''") + text.count("{|") + text.count("&")
    if num_nodes > options.max_nodes:
        return "too-many-nodes"
    depth = options.max_depth
    if num_braces > depth and bracket_depth(text, "{{", "}}") > depth:
        return "too-deep"
    if num_brackets > depth and bracket_depth(text, "[[", "]]") > depth:
        return "too-deep"
    if num_tags > depth and tag_depth(text) > depth:
        return "too-deep"
    if text.count("{|") > depth and bracket_depth(text, "\n{|", "\n|}") > depth:
        return "too-deep"
    return None
