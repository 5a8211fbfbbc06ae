"""The cleaner: a page's wikitext in, its paragraphs of running text out."""

from __future__ import annotations

from dataclasses import dataclass, field

from bertdata.extract.options import ExtractOptions
from bertdata.extract.wikitext import lines, plain, stray, tidy
from bertdata.extract.wikitext.bounds import TooDeep, broken_bound
from bertdata.extract.wikitext.fast import Reader, flatten
from bertdata.extract.wikitext.formulas import FORMULA
from bertdata.extract.wikitext.marks import Hole, Tally, plain_ends, without_controls
from bertdata.extract.wikitext.phonetics import SOUND, read_sounds
from bertdata.extract.wikitext.templates import Templates
from bertdata.extract.wikitext.wiki import Wiki, is_redirect, wiki_for
from bertdata.records import SiteInfo

# The authority reads at most this much of a paragraph: beyond it a fault is cut without asking.
_MAX_FRAGMENT_CHARS, _MAX_FRAGMENT_MARKS = 20_000, 200

# What markup, and the marks of formulas, pronunciations and templates, that is left in a text holds.
_LEFT = ("{", "}", "<", "\x04", "[", "]", "\x02", FORMULA, SOUND)


@dataclass(frozen=True)
class Cleaned:
    """What became of a page: its `text`, or why it was `skipped` (never was text) or `rejected` (refused).

    `rules` counts what was removed and kept, by rule; `hole:NAME` counts sentences cut short by template NAME, and
    `holes` shows them.
    """

    text: str
    skipped: str | None = None
    rejected: str | None = None
    rules: dict[str, int] = field(default_factory=dict)
    holes: tuple[Hole, ...] = ()


class Cleaner:
    """Clean the pages of one wiki.

    >>> cleaner = Cleaner(SiteInfo(language="en"), ExtractOptions())
    >>> cleaner.clean("Owl", "An '''owl''' is a [[bird]].\\n* a list\\n[[Category:Birds]]").text
    'An owl is a bird.'
    """

    def __init__(self, siteinfo: SiteInfo, options: ExtractOptions) -> None:
        self.wiki: Wiki = wiki_for(siteinfo, options)
        self.options = options
        self.templates = Templates(self.wiki)

    def clean(self, title: str, text: str, redirect: bool = False, is_xml: bool = False) -> Cleaned:
        """Return a page's prose, or the reason why it has none; `is_xml` says that XML allows all that `text` holds."""
        if redirect or is_redirect(text):
            return Cleaned("", skipped="redirect")
        reason = broken_bound(text, self.options)
        if reason:
            return Cleaned("", rejected=reason)
        reader = Reader(self.wiki, self.templates, Tally(), self.options.max_depth)
        try:
            flat = flatten(plain_ends(text) if is_xml else without_controls(text), title, reader)
            if reader.tally.is_disambiguation and not self.options.keep_disambiguations:
                return Cleaned("", skipped="disambiguation")
            prose = self.prose(flat, title, reader)
        except TooDeep:
            return Cleaned("", rejected="too-deep")
        return Cleaned(
            prose, rejected=None if prose else "no-text", rules=reader.tally.rules, holes=tuple(reader.tally.holes)
        )

    def prose(self, flat: str, title: str, reader: Reader) -> str:
        """Return the paragraphs of flat text, one blank line between them."""
        tally = reader.tally
        flat = lines.drop_lines(lines.drop_switches(flat, tally), tally)
        flat = tidy.decode_usual(lines.read_quotes(flat))
        is_marked = any(sign in flat for sign in _LEFT)
        found = lines.paragraphs(flat)
        kept = []
        for paragraph, need in zip(found, plain.paragraph_needs(found), strict=True):
            if need == plain.ANY:
                if is_marked:
                    paragraph = self._read_rest(paragraph, title, reader)
                paragraph = tidy.normal_text(paragraph, self.wiki.language, tally)
            else:
                paragraph = paragraph.strip(" ") if need == plain.PLAIN else tidy.one_line(paragraph)
                if not paragraph.isascii():
                    paragraph = tidy.composed(paragraph)
            if lines.is_prose(paragraph, has_rows=need == plain.ANY):
                kept.append(paragraph)
        kept = lines.drop_entries(kept, tally)
        tally.add("paragraph", len(kept))
        return "\n\n".join(kept)

    def _read_rest(self, paragraph: str, title: str, reader: Reader) -> str:
        if stray.has_fault(paragraph):
            paragraph = self._mend(paragraph, title, reader)
        if FORMULA in paragraph:
            paragraph = lines.read_formulas(paragraph)
        if SOUND in paragraph:
            paragraph = read_sounds(paragraph, reader.tally)
        if "\x02" in paragraph:
            paragraph = stray.part_joined(paragraph)
        return paragraph

    def _mend(self, paragraph: str, title: str, reader: Reader) -> str:
        """Hand a paragraph in which markup is left to the authority, then cut what even it can't read."""
        from bertdata.extract.wikitext.authority import flatten_tree

        reader.tally.add("paragraph for the authority")
        num_marks = sum(paragraph.count(mark) for mark in ("{{", "[", "<", "{|"))
        if len(paragraph) <= _MAX_FRAGMENT_CHARS and num_marks <= _MAX_FRAGMENT_MARKS:
            paragraph = flatten_tree(paragraph, title, reader)
        if stray.has_fault(paragraph):
            reader.tally.add("paragraph cut")
            paragraph = stray.cut_fault(paragraph)
        return paragraph
