"""A paragraph that is told to need nothing comes out of every stage as it is."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bertdata.extract.options import ExtractOptions
from bertdata.extract.wikitext import Cleaner
from bertdata.extract.wikitext.fast import Reader
from bertdata.extract.wikitext.marks import Tally
from bertdata.extract.wikitext.plain import ANY, BLANKS, PLAIN, paragraph_needs
from bertdata.extract.wikitext.tidy import composed, normal_text
from bertdata.records import SiteInfo
from tests.bertdata.extract_wikitext.test_agreement import read_texts

_LONG = "All of this is prose, and it stays. " * 30
_WORDS = ["  ", "\u00a0", "\u00ad", "\u200b", "\u2060", "\u037e", "\u0387", "\u2003", "\u3000", "\u200e", "\ufeff"]
_WORDS += [
    "e\u0301",
    "&amp;",
    "{{",
    "[1]",
    "\t",
    "ज",
    "ब",
    "\u200d",
    "ё",
    *" \n,.;:!?()[]{}<>&|«»“”„『』（），、。：；·•‧-–'\"ax9é",
]
_SIGNS = st.sampled_from(_WORDS)


def check(paragraphs: list[str], language: str = "en") -> list[int]:
    cleaner = Cleaner(SiteInfo(language=language), ExtractOptions())
    reader = Reader(cleaner.wiki, cleaner.templates, Tally(), 100)
    needs = paragraph_needs(paragraphs)
    for paragraph, need in zip(paragraphs, needs, strict=True):
        through_all = normal_text(cleaner._read_rest(paragraph, "T", reader), language, reader.tally)
        if need == PLAIN:
            assert composed(paragraph.strip(" ")) == through_all
        elif need == BLANKS:
            assert composed(" ".join(paragraph.split())) == through_all
    return needs


@given(st.lists(st.lists(_SIGNS, max_size=12).map("".join), max_size=8))
@example(["«a “”»", "x “ ” y", "« »", "a ,b", "a\n,b", "(\nb", "what\u037e (", "\u0387 a"])
@settings(max_examples=400, deadline=None)
def test_what_is_told_to_be_plain_is_left_alone_by_every_stage(paragraphs: list[str]) -> None:
    assert check([_LONG, *paragraphs, _LONG])[0] == PLAIN


def test_most_paragraphs_of_real_pages_are_plain(shared_data: Path) -> None:
    path = shared_data / "wikipedia" / "elwiki-pages-articles-multistream.xml.bz2"
    needs = [need for _, text in islice(read_texts(path), 30) for need in check(text.split("\n\n"), "el")]
    assert needs.count(ANY) < len(needs)


@pytest.mark.parametrize(
    ("paragraph", "need"),
    [
        ("An owl, a bird (of prey): “it” sees.", PLAIN),
        ("An owl.  A\nbird.", BLANKS),
        ("An owl ( ) is.", ANY),
        ("An owl , a bird.", ANY),
        ("An owl &amp; a bird.", ANY),
        ("An owl\u00a0is a bird.", ANY),
        ("『』 owl", ANY),
    ],
)
def test_need_of_a_paragraph(paragraph: str, need: int) -> None:
    assert paragraph_needs([_LONG, paragraph]) == [PLAIN, need]
    assert paragraph_needs([paragraph]) == [ANY]
