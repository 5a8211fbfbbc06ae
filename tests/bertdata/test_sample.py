"""The bundled sample: it uses what real pages and books use, and gives the text that a reader expects."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lxml import etree

from bertdata.extract.dump import plan_dump, read_siteinfo
from bertdata.extract.options import ExtractOptions
from bertdata.extract.wikipedia import wikipedia_documents
from bertdata.records import Counts, Document, Slice
from tests.bertdata.book_folders import read_books

NAMESPACE = "{http://www.mediawiki.org/xml/export-0.11/}"


@pytest.fixture(scope="module")
def pages(sample: Path) -> list[tuple[int, str, str]]:
    root = etree.parse(str(sample / "wikipedia.xml")).getroot()
    found = root.iter(f"{NAMESPACE}page")
    return [
        (int(p.findtext(f"{NAMESPACE}ns")), p.findtext(f"{NAMESPACE}title"), p.findtext(f".//{NAMESPACE}text"))
        for p in found
    ]


@pytest.fixture(scope="module")
def articles(sample: Path) -> tuple[dict[str, str], Counts]:
    path, counts = str(sample / "wikipedia.xml"), Counts()
    rows = [
        row
        for start, end, form, size in plan_dump(path)
        for row in wikipedia_documents(
            Slice(0, "samplewiki", "wikipedia", (path,), ("wikipedia.xml",), start, end, form, size),
            ExtractOptions(),
            counts,
        )
    ]
    assert all(isinstance(row, Document) for row in rows)
    return {row.title: row.text for row in rows}, counts


def test_the_dump_is_one_of_schema_0_11(sample: Path, pages: list[tuple[int, str, str]]) -> None:
    siteinfo = read_siteinfo(str(sample / "wikipedia.xml"))
    assert (siteinfo.dbname, siteinfo.language, siteinfo.version) == ("samplewiki", "en", "0.11")
    assert (10, "Template") in siteinfo.namespaces
    assert sum(namespace == 0 for namespace, _, _ in pages) >= 16


@pytest.mark.parametrize(
    "markup",
    [
        r"\{\{Infobox", r"\{\{\w+\|[^{}]*\{\{", r"^\{\|(?:.|\n)*?^\{\|", r"^\*\*? ", r"^#: ", r"^; ",
        r"<ref name=", r"<ref [^>]*/>", r"<gallery", r"<math", r"#REDIRECT", r"#redirect", r"\{\{disambiguation",
        r"\{\{convert\|", r"\{\{lang\|", r"<!--", r"<nowiki>", r"\[https?://", r"\[\[[^]|]+\|", r"__NOTOC__",
        r"\[\[Category:", r"\[\[nl:", r"<poem>", r"<blockquote>", r"<syntaxhighlight", r"<timeline>", r"<score>",
        r"&nbsp;", r"<sup>", r"[ぁ-ん]", r"[А-я]", r"[α-ω]", r"[ء-ي]",
    ],
)  # fmt: skip
def test_the_pages_use_what_real_pages_use(pages: list[tuple[int, str, str]], markup: str) -> None:
    assert any(re.search(markup, text, re.MULTILINE) for _, _, text in pages)


def test_what_is_no_article_is_skipped(
    articles: tuple[dict[str, str], Counts], pages: list[tuple[int, str, str]]
) -> None:
    texts, counts = articles
    others = sum(namespace != 0 for namespace, _, _ in pages)
    assert counts.skipped == {"redirect": 2, "disambiguation": 1, "namespace": others}
    assert len(texts) + sum(counts.skipped.values()) == len(pages) == counts.pages


TEXTS = Path(__file__).parent / "sample_texts"


@pytest.mark.parametrize("title", ["Harl Tunnel", "Lake Orvane", "Northern Star (ship)"])
def test_articles_give_the_text_that_a_reader_expects(articles: tuple[dict[str, str], Counts], title: str) -> None:
    expected = (TEXTS / f"{title}.txt").read_text(encoding="utf-8").rstrip("\n")
    assert articles[0][title].split("\n\n") == expected.split("\n\n")


@pytest.mark.parametrize(
    ("title", "piece"),
    [
        ("Anna Verhoeven", "(9 March 1834 – 2 November 1911)"),
        ("Anna Verhoeven", "appeared in 1862 and sold 1,200 copies within a year."),
        (
            "Anna Verhoeven",
            "She wrote that a chart should say “nothing that a helmsman cannot use at night in the rain”.",
        ),
        ("Tea in Kyōra", "Lev Arkadin (Russian: Лев Аркадин) wrote that he had"),
        ("Tea in Kyōra", "in its first year—a large number for a first novel."),
        ("Glasswing beetle", "The Greek name is γυάλινο σκαθάρι, and in Arabic it is known as خنفساء زجاجية."),
        ("Binary counting on fingers", "Wikitext would read ''hand'' as italics, and [[hand]] as a link"),
        (
            "Binary counting on fingers",
            "the expression hand & 1 tells whether the thumb is stretched, and hand >> 1 moves",
        ),
        ("Water clock of Tessaly Square", "The town raised €212,000 for its restoration"),
        ("Orvane (village)", "It had 873 inhabitants in 2019."),
        ("Copper kettle", "a green crust, which is mostly Cu2CO3(OH)2."),
    ],
)
def test_sentences_of_articles_are_whole(articles: tuple[dict[str, str], Counts], title: str, piece: str) -> None:
    assert piece in articles[0][title]


def test_the_stories_are_whole_and_hold_no_heading(sample: Path) -> None:
    rows = {row.id: row.text for row in read_books(sample / "books")}
    assert sorted(rows) == ["books/the-keeper-of-the-weir", "books/the-night-train-to-hallow"]
    for file in (sample / "books").glob("*.txt"):
        text, raw = rows[f"books/{file.stem}"], file.read_text(encoding="utf-8")
        assert not re.search(r"CHAPTER|THE END|THE KEEPER OF|Night Train to|by the same hand|_", text)
        assert 0.97 * len(raw.split()) < len(text.split()) < len(raw.split())
    weir = rows["books/the-keeper-of-the-weir"]
    assert weir.startswith("The weir at Orvane had eleven boards, and for thirty-one years Tobias Lund had known which")
    assert weir.endswith("Red less three, it says. N., dropping. Drew none. Let it lean.")


def test_chapters_of_the_story_are_documents_where_asked(sample: Path) -> None:
    rows = [row for row in read_books(sample / "books", document_unit="chapter") if "weir" in row.id]
    assert [row.id[-3:] for row in rows] == ["#01", "#02", "#03", "#04"]
    assert rows[2].title == "the-keeper-of-the-weir: CHAPTER III"
