"""Find one page of a dump by its title, and show what the cleaner makes of it."""

from __future__ import annotations

import difflib
import unicodedata
from dataclasses import dataclass, replace

from bertdata.errors import InputError
from bertdata.extract.dump import plan_dump, read_siteinfo
from bertdata.extract.dump_pages import read_pages
from bertdata.extract.options import ExtractOptions
from bertdata.extract.wikitext import Cleaned, Cleaner, Span, explain
from bertdata.records import Counts, Page


@dataclass(frozen=True)
class ReadPage:
    """A page, what became of it, and the rule that read each piece of its wikitext."""

    page: Page
    cleaned: Cleaned
    spans: tuple[Span, ...]


def find_page(path: str, title: str) -> Page:
    """Return the page of a dump with this title, which may be written as in an address, with `_` for blanks.

    Raises InputError, with the closest title, where there is none; the whole dump has been read then.
    """
    titles: list[str] = []
    # MediaWiki's titles are NFC, without underscores.
    title = unicodedata.normalize("NFC", " ".join(title.replace("_", " ").split()))
    for start, end, form, _ in plan_dump(path):
        for page in read_pages(path, start, end, form, on_error="fail", counts=Counts()):
            if page.title == title:
                return page
            titles.append(page.title)
    close = difflib.get_close_matches(title, titles, n=1, cutoff=0.6)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise InputError(f"{path} has no page {title!r} among its {len(titles):,}{hint}")


def read_page(path: str, title: str, options: ExtractOptions) -> ReadPage:
    """Find a page, clean it, and say which rule read what."""
    page = find_page(path, title)
    siteinfo = read_siteinfo(path)
    cleaner = Cleaner(replace(siteinfo, language=options.language or siteinfo.language), options)
    cleaned = cleaner.clean(page.title, page.text, page.redirect)
    return ReadPage(page, cleaned, tuple(explain(cleaner, page.title, page.text)))
