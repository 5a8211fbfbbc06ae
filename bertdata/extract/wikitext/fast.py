"""The fast path: compiled patterns that prune a page at C speed, in MediaWiki's order.

Comments and extension tags, variant marks, templates and the links in their values (the innermost first), tables,
links, tags. What is left is flat text: prose and lines, without markup but for apostrophes and line marks.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from bertdata.extract.wikitext import blocks, links, tags
from bertdata.extract.wikitext.bounds import check_depth
from bertdata.extract.wikitext.lines import TABLE
from bertdata.extract.wikitext.marks import Tally, show_pipes
from bertdata.extract.wikitext.templates import Templates
from bertdata.extract.wikitext.variants import read_variants
from bertdata.extract.wikitext.wiki import Wiki


class Reader(NamedTuple):
    """What every stage needs beside the text: the wiki, its templates, the page's counts, the bound of depth."""

    wiki: Wiki
    templates: Templates
    tally: Tally
    max_depth: int


# Passes over the innermost brackets before depth is measured: real pages need up to six.
_CHEAP_PASSES = 8


def find_pair(text: str, sign: str) -> int:
    """Return where a sign first stands twice, else -1; where it is rare, that takes a tenth of looking for two."""
    at = text.find(sign)
    while at >= 0 and not text.startswith(sign, at + 1):
        at = text.find(sign, at + 1)
    return at


def replace_templates(text: str, title: str, reader: Reader) -> str:
    """Replace templates and the links inside them until none is left that has an end; `TooDeep` beyond the bound."""
    num_passes = 0
    while (first := find_pair(text, "{")) >= 0:
        # What is left after the first pass stands mostly in one box: all else is read once.
        start, end = max(first - 1, 0), max(first, text.rfind("}}", first) + 2)
        inner, num = reader.templates.replace(text[start:end], title, reader.tally)
        text = text[:start] + inner + text[end:]
        num_passes += 1
        if num_passes == _CHEAP_PASSES or not num:
            check_depth(text, "{{", "}}", reader.max_depth)
        if not num:
            break
    return show_pipes(text)


def replace_links(text: str, reader: Reader) -> str:
    """Replace the links that aren't simple, the innermost first: files with links in their captions."""
    num_passes = 0
    while find_pair(text, "[") >= 0:
        before = text
        text = links.inner_links(text, reader.wiki, reader.tally)
        num_passes += 1
        if num_passes == _CHEAP_PASSES or text == before:
            check_depth(text, "[[", "]]", reader.max_depth)
        if text == before:
            return text
    return text


def drop_tables(text: str, reader: Reader) -> str:
    """Drop tables, the innermost first; the line of `|}` may go on with text."""
    num_passes = 0
    text = "\n" + text if text.startswith(_TABLE_STARTS) else text
    while "{" in text and "{|" in text:
        text, num = TABLE.subn("\n\n", text)
        reader.tally.add("table", num)
        num_passes += 1
        if num_passes == _CHEAP_PASSES or not num:
            check_depth(text, "\n{|", "\n|}", reader.max_depth)
        if not num:
            return text
    return text


# A line that only points to a category: "See also [[:Category:Births in 1900]]", in Japanese with the verb behind it.
_POINTER = re.compile(
    r"\n[^\n\[\]|{}]{0,40}\[\[:[^\[\]|:\n]{1,30}:[^\[\]|\n]*+\]\](?:[をも]?(?:参照|參照)。?)?"
    r"(?:[ \t.']|<br ?/?>)*+(?=\n|\Z)"
)
# A pattern that finds one sign, and looks at what is before it, is faster than `in`, which looks for three.
_COLON_LINK = re.compile(r":(?<=\[\[:)")
_TABLE_STARTS = tuple("{ \t:*#;")


def drop_pointers(text: str, tally: Tally) -> str:
    """Drop lines that hold no more than a pointer to a page outside the articles."""
    if not _COLON_LINK.search(text):
        return text
    text, num = _POINTER.subn("\n", "\n" + text)
    tally.add("pointer line", num)
    return text[1:]


def flatten(text: str, title: str, reader: Reader) -> str:
    """Return a page's flat text; openings without an end stay in it."""
    wiki, tally = reader.wiki, reader.tally
    if "<" in text:
        text = blocks.drop_blocks(text, tally)
    text = drop_pointers(text, tally)
    if wiki.variants and "-{" in text:
        text = read_variants(text, wiki.variants, tally)
    if "[" in text:
        text = links.simple_links(text, tally)
    text = replace_templates(text, title, reader)
    if wiki.variants and "-{" in text:
        text = read_variants(text, wiki.variants, tally)
    text = drop_tables(text, reader)
    text = links.external_links(text, tally)
    text = replace_links(text, reader)
    return tags.drop_tags(text, tally, reader.max_depth)
