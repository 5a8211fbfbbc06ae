"""How Hugging Face's `wikipedia` recipe cleans a page, for the benchmarks: mwparserfromhell, section by section."""

from __future__ import annotations

import contextlib
import re
from typing import Any

import mwparserfromhell

_MEDIA = re.compile(r"(?:File|Image|Media):", re.IGNORECASE)
_CATEGORY = re.compile(r"Category:", re.IGNORECASE)
_MAGIC_WORD = re.compile(r"__[A-Z]*__")


def strip_code(text: str) -> str:
    """Clean a page by mwparserfromhell alone."""
    return str(mwparserfromhell.parse(text).strip_code())


def clean_by_recipe(text: str) -> str:
    """Clean a page as the recipe of 2022 and later does: media, references and tables out, category words kept.

    Source: what `_parse_and_clean_wikicode` of huggingface.co/datasets/wikipedia does, in our words.
    """
    sections = mwparserfromhell.parse(text).get_sections(flat=True, include_lead=True, include_headings=True)
    return "\n\n".join(map(_clean_section, sections))


def _clean_section(section: Any) -> str:
    for link in section.ifilter_wikilinks(matches=lambda link: _MEDIA.match(str(link.title)), recursive=True):
        remove(section, link)
    for link in section.ifilter_wikilinks(matches=lambda link: _CATEGORY.match(str(link.title)), recursive=True):
        link.text = _CATEGORY.sub("", str(link.title))
    for tag in section.ifilter_tags(matches=lambda tag: str(tag.tag) in ("ref", "table"), recursive=True):
        remove(section, tag)
    return _MAGIC_WORD.sub("", section.strip_code().strip())


def remove(section: Any, node: Any) -> None:
    """Remove a node from what holds it."""
    with contextlib.suppress(ValueError):  # It went with the node that held it.
        section.remove(node)
