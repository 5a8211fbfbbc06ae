"""The fast path and the authority give the same text, on a sample of every real dump."""

from __future__ import annotations

import bz2
import lzma
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from bertdata.extract.options import ExtractOptions
from bertdata.extract.wikitext import Cleaner
from bertdata.extract.wikitext.authority import flatten_tree
from bertdata.extract.wikitext.fast import Reader, flatten
from bertdata.extract.wikitext.marks import Tally, without_controls
from bertdata.records import SiteInfo

# The authority reads half a megabyte a second: a sample, spread over each dump, keeps the suite short.
DUMPS = {
    "enwiki-pages-articles-multistream.xml.bz2": ("en", 12),
    "enwiki-tables.xml.bz2": ("en", 3),
    "elwiki-pages-articles-multistream.xml.bz2": ("el", 12),
    "mrwiki-pages-articles-multistream.xml.bz2": ("mr", 20),
    "ukwiki-2023-truncated.xml.xz": ("uk", 10),
    "dewiki-pages-articles-multistream.xml.bz2": ("de", 10),
    "jawiki-schema0.3-truncated.xml.bz2": ("ja", 15),
    "ltgwiki-pages-articles-multistream.xml.bz2": ("ltg", 20),
}


def read_texts(path: Path) -> Iterator[tuple[str, str]]:
    opener = lzma.open if path.suffix == ".xz" else bz2.open
    title = ""
    with opener(path, "rb") as stream:
        try:
            for _, element in ElementTree.iterparse(stream):
                tag = element.tag.rsplit("}", 1)[-1]
                if tag == "title":
                    title = element.text or ""
                elif tag == "text" and element.text and len(element.text) < 60_000:
                    yield title, element.text
                if tag == "page":
                    element.clear()
        except (ElementTree.ParseError, EOFError):
            return


def both_ways(cleaner: Cleaner, title: str, text: str) -> tuple[str, str]:
    text = without_controls(text)
    first, second = (Reader(cleaner.wiki, cleaner.templates, Tally(), 100) for _ in range(2))
    fast = cleaner.prose(flatten(text, title, first), title, first)
    return fast, cleaner.prose(flatten_tree(text, title, second), title, second)


@pytest.mark.parametrize("name", DUMPS)
def test_both_paths_agree_on_real_pages(name: str, shared_data: Path) -> None:
    language, num_pages = DUMPS[name]
    cleaner = Cleaner(SiteInfo(language=language), ExtractOptions())
    for title, text in islice(read_texts(shared_data / "wikipedia" / name), 2, 9 * num_pages, 9):
        fast, authority = both_ways(cleaner, title, text)
        assert fast == authority, title


def test_every_minidump_gives_prose_without_markup(shared_data: Path) -> None:
    num_texts = 0
    for path in sorted((shared_data / "wikipedia" / "minidumps").glob("*.bz2")):
        if path.name.startswith("wikidata"):  # pages of JSON, which the reader of dumps leaves out by their model
            continue
        cleaner = Cleaner(SiteInfo(language=path.name.split(".")[0]), ExtractOptions())
        for title, text in read_texts(path):
            cleaned = cleaner.clean(title, text)
            num_texts += bool(cleaned.text)
            for mark in ("{{", "}}", "[[", "]]", "<ref", "'''", "{|", "&nbsp;", "|-", "==\n"):
                assert mark not in cleaned.text, (path.name, title, mark)
    assert num_texts > 100
