"""Which files of an EPUB stand beside its text, by what its package calls them and by what is in them."""

from __future__ import annotations

import re

# What a body, a section or an entry of an EPUB 2 guide is called that holds no text: pages around the book, pages of
# its publisher, and what stands behind it.
_PAGES = frozenset((
    "cover", "toc", "title-page", "titlepage", "halftitlepage", "halftitle", "loi", "lot", "index", "landmarks",
    "page-list",
))  # fmt: skip
_IMPRINTS = frozenset(("copyright-page", "copyright", "colophon", "imprint", "other-credits", "ad", "advertisement"))
_NOTES = frozenset((
    "bibliography", "glossary", "acknowledgements", "notes", "footnotes", "endnotes", "rearnotes",
))  # fmt: skip
NO_TEXT_TYPES = _PAGES | _IMPRINTS | _NOTES
_NAME = re.compile(
    r"(?:^|[/_-])(cover|toc|nav|title-?page|copyright|contents|tableofcontents|imprint|colophon|uncopyright|landmarks"
    r"|halftitle\w*|loi|endnotes?|footnotes?|index)(?:[-_]?(?:page|image))?\.x?html?$",
    re.I,
)
# Characters of prose that such pages may hold. Names and guides are wrong about whole chapters: a guide's "toc" may be
# the first file of the text, in which the contents stand, and index.html is how many call their only file. The longest
# page of its publisher in a book of Standard Ebooks has 2,000, those of large houses up to 4,000.
_MAX_PAGE, _MAX_IMPRINT = 300, 5_000
# An entry of an index is short and ends in the number of a page; sentences of prose end in years. Publishers' notices
# stand on title pages too, as many as on their own page.
_MAX_ENTRY = 120
_ENTRY = re.compile(r"(?:\d[^\w.!?]{0,3}|[,;.–-] ?\d{1,4}\W{0,3})$")
_NOTICE = re.compile(r"\b(?:copyright|trademarks?|rights reserved|publishers?|isbn|e-?books?)\b|©", re.I)


def name_page(href: str) -> str:
    """Return what a file's name says it is, in small letters; "" for a file of the text.

    >>> [name_page(href) for href in ("Text/Cover.xhtml", "the-index.html", "copyright-page.html", "ch01.xhtml")]
    ['cover', 'index', 'copyright', '']
    """
    found = _NAME.search(href)
    return found[1].lower() if found else ""


def is_beside(kind: str, paragraphs: list[str], is_first: bool = False) -> bool:
    """Say whether a file that is called `kind` holds as little prose as such a page does.

    Notes may be long, but not where the book's text begins with them (`is_first`).

    >>> is_beside("titlepage", ["By A. Writer."]), is_beside("toc", ["The owl flew out, and nobody saw it."] * 9)
    (True, False)
    """
    if kind in _IMPRINTS or kind == "uncopyright":
        return sum(map(len, paragraphs)) <= _MAX_IMPRINT
    if kind in _NOTES or kind.startswith(("endnote", "footnote")):
        return not is_first or sum(map(len, paragraphs)) <= _MAX_IMPRINT
    prose = [p for p in paragraphs if not (len(p) < _MAX_ENTRY and _ENTRY.search(p))]
    notices = [p for p in prose if _NOTICE.search(p)]
    num_noticed = sum(map(len, notices))
    return num_noticed <= _MAX_IMPRINT and sum(map(len, prose)) - num_noticed <= _MAX_PAGE
