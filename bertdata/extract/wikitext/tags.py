"""HTML tags: which print their contents, which part paragraphs, which hold lists and tables."""

from __future__ import annotations

import re

from bertdata.extract.wikitext.bounds import check_tag_depth
from bertdata.extract.wikitext.formulas import raised
from bertdata.extract.wikitext.marks import Tally


def _words(text: str) -> list[str]:
    return text.split()


_INLINE = _words(
    "abbr b bdi bdo big cite code data del dfn em font i ins kbd mark q rb rbc rp rt rtc ruby s samp small span "
    "strike strong sub sup time tt u var a link meta noinclude onlyinclude poem references nowiki includeonly "
    "section tvar translate"
)
_BLOCK = _words("div p blockquote center hr caption colgroup col thead tbody tfoot aside article main header footer")
# A tag that begins a list item or a cell makes a line that the line rules drop.
_LINES = {"li": "\n*", "dt": "\n;", "dd": "\n:", "tr": "\n|", "td": "\n|", "th": "\n|"}
_DROPPED = _words("ul ol dl table h1 h2 h3 h4 h5 h6")
# Openings whose contents are no prose: left where they have no end, so that their paragraph is cut there.
_CUTTING = frozenset(_words("pre math gallery timeline ref score source syntaxhighlight imagemap"))

TAG_TEXT: dict[str, str] = dict.fromkeys(_INLINE, "") | dict.fromkeys(_BLOCK, "\n\n")
TAG_TEXT |= {"br": " ", "wbr": "", "q": '"'}
KNOWN = frozenset([*TAG_TEXT, *_LINES, *_DROPPED, *_CUTTING])
TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*+)(?=[\s/>])((?:[^<>\n]|\n(?!\n))*+)>")
_LIST = re.compile(
    r"<(ul|ol|dl|table|h[1-6])(?=[\s>])[^<>]*+>([^<]*+(?:<(?!/?(?:ul|ol|dl|table|h[1-6])[\s>])[^<]*+)*+)</\1\s*>",
    re.IGNORECASE,
)
_HIDDEN = re.compile(
    r"<(span|div|small|sup|sub|p|i|b|font)\s[^<>]*?(?:display\s*:\s*none|visibility\s*:\s*hidden)[^<>]*+>"
    r"([^<]*+(?:<(?!/?\1[\s>])[^<]*+)*+)</\1\s*>",
    re.IGNORECASE,
)
_MAX_LIST_DEPTH = 20
_DIGITS = "0123456789"
_FRACTION = re.compile(
    r"<sup(?:\s[^<>]*)?>([0-9]{1,4})</sup\s*>(?:/|⁄|&frasl;)<sub(?:\s[^<>]*)?>([0-9]{1,4})</sub\s*>",
    re.IGNORECASE,
)
_SUP = re.compile(r"<sup(?:\s[^<>]*)?>([^<>]{1,14})</sup\s*>", re.IGNORECASE)


def tag_text(name: str, closing: bool) -> str | None:
    """Return what a lone tag leaves, or None where the name is no tag and MediaWiki prints it as it is.

    >>> tag_text("br", False), tag_text("li", False), tag_text("b4", False)
    (' ', '\\n*', None)
    """
    name = name.lower()
    if name in _LINES:
        return "\n" if closing else _LINES[name]
    if name in _DROPPED:
        return "\n\n"
    if name in _CUTTING:
        return "" if closing else None
    return TAG_TEXT.get(name)


def drop_hidden(text: str, tally: Tally) -> str:
    """Drop elements that a browser doesn't show."""
    text, num = _HIDDEN.subn("", text)
    tally.add("hidden", num)
    return text


def drop_lists(text: str, tally: Tally) -> str:
    """Drop lists, tables and headings written in tags, the innermost first."""
    for _ in range(_MAX_LIST_DEPTH):
        text, num = _LIST.subn("\n\n", text)
        tally.add("tag:list", num)
        if not num:
            break
    return text


def raise_numbers(text: str) -> str:
    """Write superscript numbers in Unicode's superscripts: as plain digits they would go on the number before.

    >>> raise_numbers("10<sup>−18</sup> m<sup>2</sup>, the 5<sup>th</sup>")
    '10⁻¹⁸ m², the 5<sup>th</sup>'
    >>> raise_numbers("5<sup>1</sup>/<sub>2</sub>")
    '5 1/2'
    """

    def replace(found: re.Match[str]) -> str:
        inside = found[1].replace("&minus;", "−").replace("&nbsp;", " ").replace("&ndash;", "–").strip()
        return raised(inside) or found[0]

    return _SUP.sub(replace, _FRACTION.sub(_write_fraction, text))


def _write_fraction(found: re.Match[str]) -> str:
    # The digit before isn't in the pattern, which is searched ten times faster where it begins with a literal.
    before = found.string[found.start() - 1 : found.start()]
    return f"{' ' if before in _DIGITS and before else ''}{found[1]}/{found[2]}"


def drop_tags(text: str, tally: Tally, max_depth: int) -> str:
    """Replace every known tag by what it prints; `TooDeep` where they nest deeper than the bound."""
    if "<" not in text:
        return text
    parts = TAG.split(text)
    check_tag_depth(text, max_depth, parts[1::4].count("/"))
    names, attributes = {name.lower() for name in set(parts[2::4])}, "".join(parts[3::4])
    has_lists, has_hidden = not names.isdisjoint(_DROPPED), "none" in attributes or "hidden" in attributes
    if has_lists or has_hidden or "sup" in names:
        text = drop_lists(text, tally) if has_lists else text
        text = drop_hidden(text, tally) if has_hidden else text
        parts = TAG.split(raise_numbers(text) if "sup" in names else text)
    num_tags = 0
    for i in range(1, len(parts), 4):
        closing, name, attribute = parts[i : i + 3]
        left = tag_text(name, closing == "/")
        num_tags += left is not None
        parts[i] = left if left is not None else f"<{closing}{name}{attribute}>"
        parts[i + 1] = parts[i + 2] = ""
    tally.add("tag", num_tags)
    return "".join(parts)


def is_hidden(style: str) -> bool:
    """Tell whether a style attribute keeps its element from being shown."""
    return bool(re.search(r"display\s*:\s*none|visibility\s*:\s*hidden", style, re.IGNORECASE))
