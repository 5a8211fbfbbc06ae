"""Language-converter marks: of `-{zh-hans:…;zh-hant:…}-` one variant is text."""

from __future__ import annotations

import re

from bertdata.extract.wikitext.marks import Tally

_MARK = re.compile(r"-\{([^{}]*+)\}-")
_FLAGS = re.compile(
    r"\s*([A-Z+\-](?:\s*;\s*[A-Z+\-])*|[a-z]{2,3}(?:-[a-z]+)*(?:\s*;\s*[a-z]{2,3}(?:-[a-z]+)*)*)?\s*\|(?!\|)"
)
_RULE = re.compile(r"\s*([a-z]{2,3}(?:-[a-z]+)*)\s*:(?!//)(.*)", re.DOTALL)
# Flags that print nothing: title rules, hidden rules, removed rules.
_SILENT = frozenset("TH-+")


def pick_variant(inside: str, order: tuple[str, ...]) -> str:
    """Return what `-{inside}-` prints: the wiki's preferred variant, the plain text, or nothing.

    >>> order = ("zh-hans", "zh-cn", "zh-hant")
    >>> pick_variant("zh-hant:電腦;zh-hans:计算机", order), pick_variant("里", order), pick_variant("H|zh-cn:a", order)
    ('计算机', '里', '')
    """
    flags = _FLAGS.match(inside)
    if flags:
        inside = inside[flags.end() :]
        if _SILENT & set(flags[1] or ""):
            return ""
        if flags[1] and "R" in flags[1].split(";"):
            return inside
    found: dict[str, str] = {}
    for piece in re.split(r";(?=\s*[a-z]{2,3}(?:-[a-z]+)*\s*:|\s*$)", inside):
        rule = _RULE.match(piece)
        if rule:
            found[rule[1]] = rule[2].strip()
    if not found:
        return inside
    return next((found[code] for code in order if code in found), next(iter(found.values())))


def read_variants(text: str, order: tuple[str, ...], tally: Tally) -> str:
    """Replace the innermost marks until none is left that has an end."""
    while "-{" in text:
        text, num = _MARK.subn(lambda found: pick_variant(found[1], order), text)
        tally.add("variant", num)
        if not num:
            break
    return text
