"""A page that hangs or crashes its cleaner costs itself only, where a build goes on past errors."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bertdata.extract import wikipedia
from bertdata.extract.clean_apart import CleanerProcess
from bertdata.extract.dump import plan_dump
from bertdata.extract.options import ExtractOptions
from bertdata.extract.wikipedia import wikipedia_documents
from bertdata.records import Counts, Document, Page, SiteInfo, Slice

# A pattern that backtracks for ever in C code that holds the interpreter's lock, and a process that ends at once.
_FAULTY = """
import os, re
from bertdata.extract.wikitext import Cleaned

class Faulty:
    def __init__(self, siteinfo, options):
        pass

    def clean(self, title, text, redirect=False, is_xml=False):
        if text == "hang":
            re.fullmatch("(a+)+b", "a" * 64)
        if text == "crash":
            os._exit(3)
        if text == "raise":
            raise RecursionError
        return Cleaned(text.upper())
"""


@pytest.fixture
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "faulty_cleaner.py").write_text(_FAULTY)
    monkeypatch.syspath_prepend(str(tmp_path))
    return "faulty_cleaner:Faulty"


def test_page_that_hangs_or_crashes_is_rejected_and_the_others_are_cleaned(faulty: str) -> None:
    texts = ["one", "hang", "raise", "two", "crash", "crash", "three"]
    pages = [Page(n, 0, f"T {n}", "1", text, False, "wikitext") for n, text in enumerate(texts)]
    with CleanerProcess(SiteInfo(), ExtractOptions(), seconds=5, cleaner=faulty) as process:
        found = [cleaned.rejected or cleaned.text for cleaned in process.clean(pages)]
        again = [cleaned.text for cleaned in process.clean(pages[:1] * 3000)]
    expected = ["ONE", "error-hung", "error-RecursionError", "TWO", "error-crashed", "error-crashed", "THREE"]
    assert (found, set(again), len(again)) == (expected, {"ONE"}, 3000)
    assert "faulty_cleaner" not in sys.modules


def test_documents_are_the_same_with_and_without_a_process_of_their_own(shared_data: Path) -> None:
    path = str(shared_data / "wikipedia" / "minidumps" / "de.xml.bz2")
    rows = []
    for on_error in ("fail", "skip"):
        counts = Counts()
        (piece,) = plan_dump(path)
        slice_ = Slice(0, "", "wikipedia", (path,), ("de.xml.bz2",), *piece)
        options = ExtractOptions(on_error=on_error)  # type: ignore[arg-type]
        rows.append((list(wikipedia_documents(slice_, options, counts)), counts))
    assert rows[0] == rows[1]
    assert isinstance(rows[0][0][0], Document)


def test_page_that_hangs_is_counted_in_the_slice(faulty: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        wikipedia,
        "CleanerProcess",
        lambda siteinfo, options: CleanerProcess(siteinfo, options, seconds=5, cleaner=faulty),
    )
    pages = "".join(
        f"<page><title>T {n}</title><ns>0</ns><id>{n}</id><revision><id>1</id><text>{text}</text></revision></page>"
        for n, text in enumerate(["a", "hang", "b"], 1)
    )
    path = tmp_path / "dump.xml"
    path.write_text(f'<mediawiki version="0.11" xml:lang="en"><siteinfo></siteinfo>{pages}</mediawiki>')
    counts = Counts()
    (piece,) = plan_dump(str(path))
    slice_ = Slice(0, "w", "wikipedia", (str(path),), (path.name,), *piece)
    rows = list(wikipedia_documents(slice_, ExtractOptions(on_error="skip"), counts))
    assert [row.text for row in rows] == ["A", "hang", "B"]
    assert (counts.documents, counts.rejected) == (2, {"error-hung": 1})
