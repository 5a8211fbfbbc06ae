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
_REF_BODY = r"[^<]*+(?:<(?!ref[\s/>]|/ref\s*>)[^<]*+|<ref(?=[\s/])[^<>]*+(?<=/)>[^<]*+)*+"
# Most are references: they come first and have no group. The groups: a comment's mark, or a tag that prints nothing
# whether or not it has a partner (1); of any other tag its name (2), attributes (3) and body (4). A letter with which
# none begins rules out most other tags at once.
BLOCK = re.compile(
    rf"<(?:ref(?=[\s/>])[^<>]*+(?:(?<=/)>|>{_REF_BODY}</ref\s*>)|(!--)[^-]*+(?:-(?!->)[^-]*+)*+-->"
    rf"|(?![/bfuBFU])(?i:({_NAMES}))(?=[\s/>])([^<>]*+)"
    rf"(?:(?<=/)>|>([^<]*+(?:<(?!(?i:\2)[\s/>]|/(?i:\2)\s*>)[^<]*+|<(?i:\2)(?=[\s/])[^<>]*+(?<=/)>[^<]*+)*+)</(?i:\2)\s*>))"
)
# Invisible, and dropped in the end; between two sentences it becomes their blank.
PARTED = "\u2060"
_STOPS = frozenset(".!?")
_LONE_TAG = re.compile(
    r"<(?=[/nopislrt]|[NOPISLRT])/?(?i:noinclude|onlyinclude|poem|includeonly|nowiki|references|section|templatestyles|ref(?=[^<>]*/>)|langconvert)"
    r"(?:\s[^<>]*)?/?>"
)
_INLINE = {"math", "chem", "ce", "hiero", "phonos", "score", "maplink"}
_WRITTEN = {"math": write_formula, "chem": write_reaction, "ce": write_reaction}
# Code within a sentence.
_CODE, _WITHIN = ("syntaxhighlight", "source"), re.compile(r"\binline\b")
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
    if name in _CODE and body and _WITHIN.search(attributes):
        return literal(body)
    if name in _WRITTEN and body:
        if "block" in attributes and _DISPLAYED.search(attributes):
            return "\n\n"
        if formula := _WRITTEN[name](body):
            return FORMULA + literal(formula) + FORMULA
    return tally.mark("<" + name + ">") if name in _INLINE and body else ""


def drop_blocks(text: str, tally: Tally) -> str:
    """Cut out comments and extension tags; a line that holds only comments goes with its line end."""
    # What split() returns is read in a loop: a function called for each match costs more than finding it does.
    parts = BLOCK.split(hide_open_comments(text))
    pieces, comments, names = parts[::5], parts[1::5], parts[2::5]
    end = ""
    for i, name in enumerate(names):
        end = pieces[i][-1:] or end
        if name is not None and name != "ref":
            pieces[i] += block_text(name, parts[i * 5 + 4], parts[i * 5 + 3], tally)
        elif comments[i]:
            pieces[i] += COMMENT
        elif end == "'" or (end in _STOPS and pieces[i + 1][:3].lstrip("['")[:1].isupper()):
            pieces[i] += PARTED
    num_comments = len(comments) - comments.count(None)
    tally.add("comment", num_comments)
    tally.add("tag:ref", names.count(None) - num_comments + names.count("ref"))
    return drop_lone_tags(drop_comment_marks("".join(pieces)))


def after_reference(before: str) -> str:
    """Return what a reference leaves behind a text: the quote marks around it stay two runs, the sentences two."""
    return PARTED if before.endswith(("'", *_STOPS)) else ""


def hide_open_comments(text: str) -> str:
    """Put `OPEN_COMMENT` for each `<!--` behind the page's last `-->`: no pattern then looks for an end in vain."""
    opening = text.rfind("<!--")
    if opening < 0 or text.find("-->", opening) >= 0:
        return text
    last = text.rfind("-->") + 1
    return text[:last] + text[last:].replace("<!--", OPEN_COMMENT)


def drop_lone_tags(text: str) -> str:
    """Drop marks that print nothing whether or not they have a partner: inclusion marks, poem, a stray nowiki."""
    return _LONE_TAG.sub("", text) if "<" in text else text


def drop_comment_marks(text: str) -> str:
    """Drop the marks of comments, and with them the lines that held nothing else."""
    mark = text.find(COMMENT)
    pieces, at = [], 0
    while mark >= 0:
        start = text.rfind("\n", at, mark) + 1 or at
        end = text.find("\n", mark)
        end = len(text) if end < 0 else end
        line = text[start:end].replace(COMMENT, "")
        # A line that held nothing else goes with the line end before it; a page's first with the one behind it.
        is_empty = not line.strip(" \t")
        pieces.append(text[at : start - (is_empty and start > 0)] + ("" if is_empty else line))
        at = end + (is_empty and start == 0)
        mark = text.find(COMMENT, at)
    return "".join([*pieces, text[at:]])
