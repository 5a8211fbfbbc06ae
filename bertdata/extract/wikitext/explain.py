"""Say of each piece of a page's wikitext which rule kept or removed it, for eyes: `bertdata inspect DUMP --page`.

The rules' own patterns run over a copy of the page in which everything that was read is blanked out at the same
length, so that every span is one of the original.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import groupby
from typing import NamedTuple

from bertdata.extract.wikitext import blocks, links, tags
from bertdata.extract.wikitext.cleaner import Cleaner
from bertdata.extract.wikitext.fast import Reader
from bertdata.extract.wikitext.lines import LINE, TABLE
from bertdata.extract.wikitext.marks import Tally, without_marks
from bertdata.extract.wikitext.templates import INNER

# What stands in the copy for text that was read: dropped, kept.
_DROPPED, _KEPT = "\x06", "x"
_MAX_PASSES = 100
_NOT_LINE_END = re.compile(r"[^\n]")


class Span(NamedTuple):
    """The characters [start, end) of a page's wikitext, the rule that read them, and whether they are in the text."""

    start: int
    end: int
    rule: str
    kept: bool


class _Copy:
    """A page's copy that is blanked out as it is read, and the colour of each of its characters."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.rules: list[tuple[str, bool]] = [("text", True)] * len(text)

    def paint(self, start: int, end: int, rule: str, kept: bool) -> None:
        self.rules[start:end] = [(rule, kept)] * (end - start)

    def read(self, pattern: re.Pattern[str], rule: Callable[[re.Match[str]], tuple[str, bool] | None]) -> int:
        """Paint each match by its rule and blank it out; return how many there were."""
        parts, at, num = [], 0, 0
        for found in pattern.finditer(self.text):
            verdict = rule(found)
            if verdict is None:
                continue
            num += 1
            self.paint(found.start(), found.end(), *verdict)
            parts += [self.text[at : found.start()], self._blank(found, verdict[1])]
            at = found.end()
        self.text = "".join([*parts, self.text[at:]])
        return num

    @staticmethod
    def _blank(found: re.Match[str], kept: bool) -> str:
        # Line ends stay: a rule for lines must not read on into what follows.
        return _NOT_LINE_END.sub(_KEPT if kept else _DROPPED, found[0])

    def read_links(self, pattern: re.Pattern[str], rule: Callable[[str], tuple[str, bool]]) -> int:
        """Paint the links of a pattern: the whole of those that print nothing, the marks of the others."""
        before = list(self.rules)
        ends: list[tuple[int, int, str]] = []

        def whole(found: re.Match[str]) -> tuple[str, bool]:
            name, kept = rule(found[1])
            if kept:
                ends.append((found.start(1) + found[1].rfind("|") + 1, found.end() - 2, name))
            return name, False

        num = self.read(pattern, whole)
        for start, end, _ in ends:
            self.rules[start:end] = before[start:end]
        return num


def _template_rule(reader: Reader, title: str) -> Callable[[re.Match[str]], tuple[str, bool]]:
    def rule(found: re.Match[str]) -> tuple[str, bool]:
        printed, name = reader.templates.render(found[1].replace(_DROPPED, ""), title, reader.tally)
        return f"template:{name}", bool(printed)

    return rule


def _block_rule(found: re.Match[str]) -> tuple[str, bool]:
    comment, name, _, body = found.groups()
    if comment:
        return "comment", False
    printed = blocks.block_text(name, body, "", Tally()) if name else ""
    return "tag:" + (name or "ref").lower(), bool(without_marks(printed))


def _line_rule(found: re.Match[str]) -> tuple[str, bool]:
    return (found.lastgroup or "heading") + " line", False


def _tag_rule(found: re.Match[str]) -> tuple[str, bool] | None:
    return None if tags.tag_text(found[2], bool(found[1])) is None else ("tag", False)


def explain(cleaner: Cleaner, title: str, text: str) -> list[Span]:
    """Return spans that together are the whole page, in order.

    >>> from bertdata.extract.options import ExtractOptions
    >>> from bertdata.records import SiteInfo
    >>> cleaner = Cleaner(SiteInfo(language="en"), ExtractOptions())
    >>> [(span.rule, span.kept) for span in explain(cleaner, "Owl", "An owl.<ref>x</ref>{{cn}}")]
    [('text', True), ('tag:ref', False), ('template:cn', False)]
    """
    reader = Reader(cleaner.wiki, cleaner.templates, Tally(), cleaner.options.max_depth)
    copy = _Copy("\n" + text)
    copy.read(blocks.BLOCK, _block_rule)

    def link_rule(inside: str) -> tuple[str, bool]:
        tally = Tally()
        printed = links.link_text(inside, cleaner.wiki, tally)
        return next(iter(tally.rules)), bool(printed)

    for _ in range(_MAX_PASSES):
        if not copy.read(INNER, _template_rule(reader, title)):
            break
    for _ in range(_MAX_PASSES):
        if not copy.read(TABLE, lambda m: ("table", False)):
            break
    for _ in range(_MAX_PASSES):
        if not copy.read_links(links.INNER, link_rule):
            break
    copy.read(tags.TAG, _tag_rule)
    copy.read(LINE, _line_rule)
    copy.read(re.compile("''+"), lambda m: ("quotes", False))
    return _spans(copy.rules[1:])


def _spans(rules: list[tuple[str, bool]]) -> list[Span]:
    spans, at = [], 0
    for (rule, kept), run in groupby(rules):
        num = len(list(run))
        spans.append(Span(at, at + num, rule, kept))
        at += num
    return spans
