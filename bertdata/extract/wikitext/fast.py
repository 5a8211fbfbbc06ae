"""The fast path: compiled patterns that prune a page at C speed, in MediaWiki's order.

Comments and extension tags, variant marks, templates and the links in their values (the innermost first), tables,
links, tags. What is left is flat text: prose and lines, without markup but for apostrophes and line marks.
"""

from __future__ import annotations

from bertdata.extract.wikitext import blocks, links, tags
from bertdata.extract.wikitext.lines import drop_tables
from bertdata.extract.wikitext.marks import Tally
from bertdata.extract.wikitext.templates import PARAMETER, Templates
from bertdata.extract.wikitext.variants import read_variants
from bertdata.extract.wikitext.wiki import Wiki


def replace_templates(text: str, title: str, templates: Templates, wiki: Wiki, tally: Tally) -> str:
    """Replace templates and the links inside them until none is left that has an end."""
    while "{{" in text:
        if "{{{" in text:
            text, _ = PARAMETER.subn(lambda found: found[2] or "", text)
        text, num = templates.replace(text, title, tally)
        if not num:
            return text
        if "[[" in text:
            text = links.simple_links(text, tally)
    return text


def replace_links(text: str, wiki: Wiki, tally: Tally) -> str:
    """Replace the links that aren't simple, the innermost first: files with links in their captions."""
    while "[[" in text:
        before = text
        text = links.inner_links(text, wiki, tally)
        if text == before:
            return text
    return text


def flatten(text: str, title: str, templates: Templates, wiki: Wiki, tally: Tally) -> str:
    """Return a page's flat text; openings without an end stay in it."""
    if "<" in text:
        text = blocks.drop_blocks(text, tally)
    if wiki.variants and "-{" in text:
        text = read_variants(text, wiki.variants, tally)
    if "[[" in text:
        text = links.simple_links(text, tally)
    text = replace_templates(text, title, templates, wiki, tally)
    if wiki.variants and "-{" in text:
        text = read_variants(text, wiki.variants, tally)
    text = drop_tables(text, tally)
    text = links.external_links(text, tally)
    text = replace_links(text, wiki, tally)
    return tags.drop_tags(text, tally)
