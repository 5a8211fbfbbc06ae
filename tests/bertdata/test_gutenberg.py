"""Project Gutenberg's frames in their styles; real files hold nothing of the frame."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bertdata.extract.books import book_documents, plan_books
from bertdata.extract.gutenberg import find_books
from bertdata.extract.options import ExtractOptions
from bertdata.records import Counts, Document, Rejection, Slice, Source
from tests.bertdata.book_folders import read_books, write_folder

STORY = "The ferryman had never learned to swim.\n\nHe was proud of it all his life."


@pytest.mark.parametrize(
    ("head", "foot"),
    [
        ("*** START OF THE PROJECT GUTENBERG EBOOK X ***", "*** END OF THE PROJECT GUTENBERG EBOOK X ***"),
        (
            "*** START OF THIS PROJECT GUTENBERG EBOOK X ***",
            "End of Project Gutenberg's X, by A\n\n*** END OF THIS PROJECT",
        ),
        (
            "***START OF THE PROJECT GUTENBERG EBOOK X***",
            "\n***END OF THE PROJECT GUTENBERG EBOOK X***\n\n******* This",
        ),
        ("*** START OF THE PROJECT GUTENBERG EBOOK A LONG\nTITLE ***", "Fin de Project Gutenberg's X"),
        ("*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*", "End of The Project Gutenberg Etext of X"),
        ("*END THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.07.00*END*", "Ende dieses Projekt Gutenberg Etextes X"),
    ],
)
def test_frames_of_all_styles_are_cut(head: str, foot: str) -> None:
    text = f"The Project Gutenberg EBook of X\n\nTitle: X\n\nLanguage: French\n\n{head}\n\n{STORY}\n\n{foot}\nlicence\n"
    (book,) = find_books(text)
    assert text[book.start : book.end].strip() == STORY
    assert (book.title, book.language) == ("X", "fr")


def test_a_header_with_small_print_and_mark_ends_at_the_later_one() -> None:
    text = (
        f"Project Gutenberg\n*END*THE SMALL PRINT!*END*\nMore.\n*** START OF THE PROJECT GUTENBERG EBOOK X ***\n{STORY}"
    )
    (book,) = find_books(text)
    assert text[book.start : book.end].strip() == STORY


def test_a_header_without_a_mark_ends_behind_its_fields() -> None:
    head = "The Project Gutenberg EBook of The Quay, by A. N. Example\n\nTitle: The Quay\n\nLanguage: English\n\n"
    text = head + STORY
    (book,) = find_books(text)
    assert text[book.start : book.end].strip() == STORY


def test_a_book_that_mentions_the_project_keeps_its_text() -> None:
    text = STORY + "\n\nShe had read it at Project Gutenberg."
    assert [text[b.start : b.end] for b in find_books(text)] == [text]


def test_a_title_is_read_from_the_first_line_where_no_field_has_it() -> None:
    text = f"***The Project Gutenberg Etext of The Divine Comedy***\n\n*END*THE SMALL PRINT!*END*\n\n{STORY}"
    assert find_books(text)[0].title == "The Divine Comedy"


def test_books_in_one_file_are_documents_of_their_own(tmp_path: Path) -> None:
    marks = "*** {0} OF THE PROJECT GUTENBERG EBOOK {{0}} ***\n\n"
    book = "Title: {0}\n\n" + marks.format("START") + "{1}\n\n" + marks.format("END") + "licence\n\n"
    text = book.format("One", "The first story was short.") + book.format("Two", "The second was no longer.")
    rows = read_books(write_folder(tmp_path, {"both.txt": text}))
    assert [(row.id, row.title, row.text) for row in rows] == [
        ("books/both#01", "One", "The first story was short."),
        ("books/both#02", "Two", "The second was no longer."),
    ]


def _read(paths: list[Path], counts: Counts) -> list[Document | Rejection]:
    source = Source("books", "books", tuple(map(str, paths)), tuple(path.name for path in paths))
    pieces = plan_books(source)
    return [row for p in pieces for row in book_documents(Slice(0, "books", "books", *p), ExtractOptions(), counts)]


def test_no_real_file_keeps_its_frame(shared_data: Path) -> None:
    paths = sorted((shared_data / "books" / "gutenberg").glob("*.txt"))[::4]
    rows = _read(paths, Counts())
    assert len(rows) == len(paths) and all(isinstance(row, Document) for row in rows)
    frame = re.compile(r"gutenberg|\betext\b|\be-text\b|small print|pgdp|donations|transcriber's note", re.IGNORECASE)
    found = [(row.id, match[0]) for row in rows for match in frame.finditer(row.text)]
    assert found == []


def test_real_files_keep_their_prose_and_lose_marks(shared_data: Path) -> None:
    paths = sorted((shared_data / "books" / "gutenberg").glob("1*.txt"))
    rows = {row.id: row.text for row in _read(paths, Counts())}
    ball = rows["books/1305-The-Ball-at-Sceaux"]
    assert ball.startswith(
        "To Henri de Balzac, his brother Honore.\n\nThe Comte de Fontaine, head of one of the oldest families in"
    )
    assert "_" not in ball and "\n\nCHAPTER" not in ball
    andersen = rows["books/17860-Stories-from-Hans-Andersen"]
    assert "Illustration" not in andersen and "PAGE" not in andersen
    assert all(
        0.5 < len(rows[f"books/{path.stem}"]) / path.stat().st_size < 1
        for path in paths
        if path.stat().st_size > 250_000
    )


def test_marks_that_a_tokeniser_parted_are_known() -> None:
    text = "Title : Emma\n\n* * * START OF THIS PROJECT GUTENBERG EBOOK EMMA * * *\n\nShe was handsome .\n\n"
    text += "* * * END OF THIS PROJECT GUTENBERG EBOOK EMMA * * *\n\nThe licence .\n"
    (book,) = find_books(text)
    assert (text[book.start : book.end].strip(), book.title) == ("She was handsome .", "Emma")
