"""Comments and extension tags: the parts of a page that MediaWiki cuts out before it reads anything else.

The first of them from the left wins (a comment inside `<nowiki>` is text, a `<ref>` inside a comment is not), as in
MediaWiki's preprocessor. Each pattern's body ends at the next opening of its own kind, so a scan is linear and an
opening without an end costs its paragraph.
"""

from __future__ import annotations

import re

from bertdata.extract.wikitext.formulas import FORMULA, write_formula, write_reaction
from bertdata.extract.wikitext.marks import COMMENT, OPEN_COMMENT, Tally


def _words(text: str) -> list[str]:
    return text.split()


# Extension tags and inclusion marks whose contents are no prose. `pre` is a block of code.
DROPPED = _words(
    "ref references math chem ce gallery imagemap timeline score syntaxhighlight source graph chart mapframe "
    "maplink templatedata hiero inputbox categorytree indicator includeonly templatestyles section charinsert "
    "phonos pre rss dynamicpagelist quiz listing mapdata languages tvar img video audio capture ref-list"
)
_NAMES = "|".join(sorted([*DROPPED, "nowiki"], key=len, reverse=True))
BLOCK = re.compile(
    rf"<(?:!--[^-]*+(?:-(?!->)[^-]*+)*+-->"
    rf"|(?i:({_NAMES}))(?=[\s/>])[^<>]*+"
    rf"(?:(?<=/)>|>([^<]*+(?:<(?!(?i:\1)[\s/>]|/(?i:\1)\s*>)[^<]*+|<(?i:\1)(?=[\s/])[^<>]*+(?<=/)>[^<]*+)*+)</(?i:\1)\s*>))"
)
# Invisible, and dropped in the end.
PARTED = "\u2060"
# A line's start is its line end before: a literal first character lets the scan run at the speed of memchr.
_COMMENT_LINE = re.compile(rf"\n[ \t]*{COMMENT}[ \t{COMMENT}]*(?=\n|\Z)")
_LONE_TAG = re.compile(
    r"</?(?i:noinclude|onlyinclude|poem|includeonly|nowiki|references|section|templatestyles|ref(?=[^<>]*/>)|langconvert)"
    r"(?:\s[^<>]*)?/?>"
)
_INLINE = {"math", "chem", "ce", "hiero", "phonos", "score", "maplink"}
_WRITTEN = {"math": write_formula, "chem": write_reaction, "ce": write_reaction}
_DISPLAYED = re.compile(r"display\s*=\s*[\"']?block")


def literal(text: str) -> str:
    """Write a nowiki's text so that no later rule reads markup in it; character references stay what they are.

    >>> literal("[[a]] &amp; b")
    '&#91;&#91;a&#93;&#93; &amp; b'
    """
    return re.sub(r"&(?:#?\w+;)|[\[\]{}|'<>=*#:;\-_~!]", lambda m: m[0] if len(m[0]) > 1 else f"&#{ord(m[0])};", text)


def block_text(name: str, body: str | None, attributes: str, tally: Tally) -> str:
    """Return what an extension tag leaves in the flat text: nothing, its text, or a formula between two marks."""
    name = name.lower()
    tally.add("tag:" + name)
    if name == "nowiki":
        return literal(body or "")
    if name in _WRITTEN and body:
        if "block" in attributes and _DISPLAYED.search(attributes):
            return "\n\n"
        if formula := _WRITTEN[name](body):
            return FORMULA + literal(formula) + FORMULA
    return tally.mark("<" + name + ">") if name in _INLINE and body else ""


def drop_blocks(text: str, tally: Tally) -> str:
    """Cut out comments and extension tags; a line that holds only comments goes with its line end."""

    def replace(found: re.Match[str]) -> str:
        name = found[1]
        if name is None:
            tally.add("comment")
            return COMMENT
        if name == "ref":
            num_refs[0] += 1
            return after_quote(found.string, found.start())
        return block_text(name, found[2], found[0][: found.start(2) - found.start()] if found[2] else "", tally)

    num_refs = [0]
    text = BLOCK.sub(replace, hide_open_comments(text))
    tally.add("tag:ref", num_refs[0])
    return drop_lone_tags(drop_comment_marks(text))


def after_quote(text: str, end: int) -> str:
    """Return what a reference leaves: it keeps the quote marks before and after it two runs, not one."""
    return PARTED if text[end - 1 : end] == "'" else ""


def hide_open_comments(text: str) -> str:
    """Put `OPEN_COMMENT` for each `<!--` behind the page's last `-->`: no pattern then looks for an end in vain."""
    if "<!--" not in text:
        return text
    last = text.rfind("-->") + 1
    if text.find("<!--", last) < 0:
        return text
    return text[:last] + text[last:].replace("<!--", OPEN_COMMENT)


def drop_lone_tags(text: str) -> str:
    """Drop marks that print nothing whether or not they have a partner: inclusion marks, poem, a stray nowiki."""
    return _LONE_TAG.sub("", text) if "<" in text else text


def drop_comment_marks(text: str) -> str:
    """Drop the marks of comments, and with them the lines that held nothing else."""
    if COMMENT not in text:
        return text
    return _COMMENT_LINE.sub("", "\n" + text)[1:].replace(COMMENT, "")
