from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from bertdata.extract import wikipedia
from bertdata.extract.dump import plan_dump
from bertdata.extract.options import ExtractOptions
from bertdata.extract.wikipedia import page_url, wikipedia_documents
from bertdata.extract.wikitext import Cleaned
from bertdata.records import Counts, Document, Rejection, SiteInfo, Slice

HEAD = """<mediawiki version="0.11" xml:lang="en"><siteinfo><dbname>enwiki</dbname>
<base>https://en.wikipedia.org/wiki/Main_Page</base></siteinfo>"""


class FakeCleaner:
    def __init__(self, siteinfo: SiteInfo, options: ExtractOptions) -> None:
        self.siteinfo = siteinfo

    def clean(self, title: str, text: str, redirect: bool = False, is_xml: bool = False) -> Cleaned:
        if text == "raise":
            raise RecursionError("too deep")
        if text.startswith("reject "):
            return Cleaned("", rejected=text[7:])
        if text == "dab":
            return Cleaned("", skipped="disambiguation", rules={"templates": 1})
        return Cleaned(text.strip(), rules={"templates": 2})


@pytest.fixture(autouse=True)
def fake_cleaner(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "shared_data" not in request.fixturenames:
        monkeypatch.setattr(wikipedia, "_cleaner_of", FakeCleaner)


def page(page_id: int, text: str, ns: int = 0, extra: str = "", model: str = "wikitext") -> str:
    return (
        f"<page><title>T {page_id}</title><ns>{ns}</ns><id>{page_id}</id>{extra}<revision><id>{page_id}0</id>"
        f'<model>{model}</model><text xml:space="preserve">{text}</text></revision></page>'
    )


def extract(
    path: Path, options: ExtractOptions | None = None, source: str = ""
) -> tuple[list[Document | Rejection], Counts]:
    counts, rows = Counts(), []
    for piece in plan_dump(str(path)):
        slice_ = Slice(0, source, "wikipedia", (str(path),), (path.name,), *piece)
        rows += list(wikipedia_documents(slice_, options or ExtractOptions(), counts))
    return rows, counts


def write(tmp_path: Path, *pages: str) -> Path:
    path = tmp_path / "enwiki.xml"
    path.write_text(HEAD + "".join(pages) + "</mediawiki>")
    return path


def test_article_becomes_a_document_with_its_origin(tmp_path: Path) -> None:
    rows, counts = extract(write(tmp_path, page(7, "Owls &amp; jays.")))
    url = "https://en.wikipedia.org/wiki/T_7"
    assert rows == [Document("enwiki/7", "enwiki", "T 7", "Owls & jays.", "en", url, "70", "CC-BY-SA-4.0")]
    assert (counts.pages, counts.documents, counts.rules) == (1, 1, {"templates": 2})


def test_name_and_language_can_be_given(tmp_path: Path) -> None:
    ((document,), _) = extract(write(tmp_path, page(7, "Owls.")), ExtractOptions(language="sco"), "mine")
    assert (document.id, document.source, document[4]) == ("mine/7", "mine", "sco")


def test_what_was_never_text_is_skipped_and_counted(tmp_path: Path) -> None:
    pages = [
        page(1, "talk", ns=1),
        page(2, "template", ns=10),
        page(3, ""),
        page(4, "  "),
        page(5, "#R", extra='<redirect title="X" />'),
        page(6, "{}", model="json"),
        page(7, "dab"),
        page(8, "kept"),
    ]
    rows, counts = extract(write(tmp_path, *pages))
    assert [row.id for row in rows] == ["enwiki/8"]
    assert counts.skipped == {"namespace": 2, "empty": 2, "redirect": 1, "model": 1, "disambiguation": 1}
    assert counts.pages == 8 and not counts.rejected and counts.rules == {"templates": 3}


def test_refused_pages_are_kept_with_their_reason(tmp_path: Path) -> None:
    pages = [page(1, "reject too-deep"), page(2, "raise"), page(3, "two words"), page(4, "three words here")]
    rows, counts = extract(write(tmp_path, *pages), ExtractOptions(min_document_words=3))
    assert [(row.id, row.reason) for row in rows if isinstance(row, Rejection)] == [
        ("enwiki/1", "too-deep"),
        ("enwiki/2", "error-RecursionError"),
        ("enwiki/3", "too-short"),
    ]
    assert counts.rejected == {"too-deep": 1, "error-RecursionError": 1, "too-short": 1} and counts.documents == 1
    assert isinstance(rows[0], Rejection) and rows[0].text == "reject too-deep"


def test_words_of_scripts_without_blanks_are_counted_by_character(tmp_path: Path) -> None:
    path = write(tmp_path, page(1, "梟は鳥である。"), page(2, "梟"))
    rows, _ = extract(path, ExtractOptions(min_document_words=5))
    assert [type(row) for row in rows] == [Document, Rejection]


@pytest.mark.parametrize(
    ("title", "address"),
    [
        ("New York", "New_York"),
        ("AC/DC", "AC/DC"),
        ("What? #1 & 100%", "What%3F_%231_%26_100%25"),
        ("C++ (x): a;b@c$d!e*f,g~h", "C%2B%2B_(x):_a;b@c$d!e*f,g~h"),
        ("Äpfel 'n' \"Birnen\"", "%C3%84pfel_%27n%27_%22Birnen%22"),
    ],
)
def test_titles_are_encoded_as_mediawiki_does(title: str, address: str) -> None:
    base = "https://en.wikipedia.org/wiki/Main/Page"
    assert page_url(SiteInfo(base=base), title) == f"https://en.wikipedia.org/wiki/{address}"


def test_address_without_a_base_is_empty() -> None:
    assert page_url(SiteInfo(), "T") == ""


def test_every_page_of_a_real_dump_is_kept_skipped_or_rejected(shared_data: Path) -> None:
    path = shared_data / "wikipedia" / "ltgwiki-pages-articles-multistream.xml.bz2"
    rows, counts = extract(path)
    assert counts.pages == 2004 == len(rows) + sum(counts.skipped.values())
    assert counts.skipped["namespace"] == 954 and counts.skipped["redirect"] == 147
    assert len({row.id for row in rows}) == len(rows)
    documents = [row for row in rows if isinstance(row, Document)]
    assert counts.documents == len(documents) > 800
    assert Counter(row.reason for row in rows if isinstance(row, Rejection)) == counts.rejected
    assert all(d.url.startswith("https://ltg.wikipedia.org/wiki/") and d.revision.isdecimal() for d in documents)
