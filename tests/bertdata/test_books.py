"""Books to documents: text passages only, each book or chapter one document, nothing lost without a count."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertdata.errors import DamagedInputError, InputError
from bertdata.extract.blocks import classify
from bertdata.extract.books import plan_books
from bertdata.extract.layout import tidy_lines
from bertdata.extract.prose import clean_book, join_paragraphs
from bertdata.records import Counts, Document, Rejection
from tests.bertdata.book_folders import read_books, source_of, write_folder

FIRST = "The ferryman of Lower Quay had never learned to swim, and he was proud of it all his life."
SECOND = "On the first morning of spring he found a letter under the oar, which was addressed to nobody."


def _around(block: str) -> list[str]:
    return clean_book(tidy_lines(f"{FIRST}\n\n{block}\n\n{SECOND}")).paragraphs


@pytest.mark.parametrize(
    "block",
    [
        "CHAPTER I.",
        "Chapter Twenty-One",
        "CHAPTER THE FIRST\nIN WHICH NOTHING HAPPENS",
        "XIV",
        "BOOK II: The River",
        "THE STORM",
        "The Old House by the Sea",
        "By A. N. Example",
        "* * * * *",
        "-------",
        "  [12]",
        "213",
        "[Pg 14]",
        "[Illustration: The quay, with [nested] brackets\n\nand a second paragraph]",
        "[Footnote 3: See the letter of 1807.]",
        "[1] See the letter of 1807, which says the same.",
        "[Transcriber's Note: Spelling was kept.]",
        "1. Apples\n2. Pears\n3. A quarter of a pound of butter",
        "- apples\n- pears\n- butter",
        "Year     Ships    Tons\n1895        41     310\n1896        44     295",
        "| Year | Ships |\n| 1895 | 41 |",
        "The Letter . . . . . . 1\nThe Storm  . . . . . . 9",
        "The Letter ........... 1",
        "INDEX",
    ],
)
def test_what_is_no_running_prose_goes(block: str) -> None:
    assert _around(block) == [FIRST, SECOND]


@pytest.mark.parametrize(
    "block",
    [
        "“No!”",
        '"Where are you going?" he asked.',
        "Part one of the story was dull.",
        "Chapter and verse were what he asked for.",
        "He paused.",
        "Marley was dead.",
        "I saw him.",
        "“THE ROOM IS MINE!”",
        "She said:",
        "Я не знаю, что сказать.",
        "私は猫である。名前はまだ無い。",
        "हम घर गए।",
    ],
)
def test_short_paragraphs_of_prose_stay(block: str) -> None:
    assert _around(block) == [FIRST, block, SECOND]


def test_contents_end_where_the_book_begins() -> None:
    contents = "CONTENTS\n\nI. The Letter\n\nII. The Storm is seen from afar\n\nIII. Home"
    text = f"A TALE\n\n{contents}\n\nCHAPTER I\n\n{FIRST}\n\nNobody answered.\n\n{SECOND}"
    assert clean_book(text).paragraphs == [FIRST, "Nobody answered.", SECOND]


def test_an_index_at_the_end_goes_and_text_behind_it_stays() -> None:
    text = "\n\n".join(
        [FIRST] * 9 + ["INDEX", "Boats, on the making of.", "Ferries, when they run.", "CHAPTER X", SECOND]
    )
    assert clean_book(text).paragraphs == [FIRST] * 9 + [SECOND]


def test_verse_is_kept_as_prose_or_left_out() -> None:
    verse = "    The winter came by the kitchen door,\n      And sat in my father's chair,\n    And nobody asked."
    text = f"{FIRST}\n\n{verse}\n\n{SECOND}"
    joined = "The winter came by the kitchen door, And sat in my father's chair, And nobody asked."
    assert clean_book(text).paragraphs == [FIRST, joined, SECOND]
    assert clean_book(text, keep_verse=False).paragraphs == [FIRST, SECOND]


def test_marks_of_notes_pages_and_italics_leave_no_holes() -> None:
    raw = [
        "It was _un_known[3] to {12}me; the _whole\tcrew_ said so [4], and *so* did Ph[oe]be.",
        "He ____ed, =really=.",
    ]
    assert join_paragraphs(raw) == (
        "It was unknown to me; the whole\tcrew said so, and *so* did Phœbe.\n\nHe ____ed, really."
    )


def test_credits_go_in_the_front_and_the_back_only() -> None:
    credit = "Produced by Example Volunteers and the Online Team, from images made available by a library."
    middle = "This book was made by her grandfather, who had bound it himself in the winter of the great frost."
    text = "\n\n".join([credit, *[FIRST, SECOND] * 60, middle, *[FIRST, SECOND] * 60, credit])
    paragraphs = [p for p in clean_book(text).paragraphs if p]
    assert paragraphs == [*[FIRST, SECOND] * 60, middle, *[FIRST, SECOND] * 60]


def test_ids_are_paths_without_suffix_and_titles_are_file_names(tmp_path: Path) -> None:
    folder = write_folder(
        tmp_path, {"austen/Emma.TXT": FIRST, "роман #2 100%.txt": SECOND, "plain": FIRST, "z.txt.gz": b""}
    )
    (folder / "z.txt.gz").write_bytes(gzip.compress(SECOND.encode()))
    rows = read_books(folder, license="CC0-1.0", language="fr")
    assert [(row.id, row.title) for row in rows] == [
        ("books/austen/Emma", "Emma"),
        ("books/plain", "plain"),
        ("books/z", "z"),
        ("books/роман #2 100%", "роман #2 100%"),
    ]
    assert {(row.language, row.license, row.source) for row in rows if isinstance(row, Document)} == {
        ("fr", "CC0-1.0", "books")
    }


def test_a_chapter_is_a_document_where_asked(tmp_path: Path) -> None:
    text = f"CHAPTER I\n\n{FIRST}\n\nCHAPTER II\n\nTHE STORM\n\n{SECOND}\n\nCHAPTER III\n\nTHE END"
    rows = read_books(write_folder(tmp_path, {"tale.txt": text}), document_unit="chapter")
    assert [(row.id, row.title, row.text) for row in rows] == [
        ("books/tale#01", "tale: CHAPTER I", FIRST),
        ("books/tale#02", "tale: CHAPTER II", SECOND),
    ]


def test_blank_lines_cut_documents_where_a_line_is_a_sentence_and_only_there(tmp_path: Path) -> None:
    lines = [f"Owl number {n} sat on the old roof and said nothing ." for n in range(60)]
    groups = [lines[:25], lines[25:27], ["CHAPTER II"], lines[27:]]
    sentences = "\n\n".join("\n".join(group) for group in groups)
    wrapped = "\n\n".join([FIRST] * 5)
    rows = read_books(write_folder(tmp_path, {"owls.txt": sentences, "tale.txt": wrapped}), document_unit="blank-lines")
    assert [(row.id, row.title) for row in rows] == [
        ("books/owls#00001", "owls"),
        ("books/owls#00002", "owls"),
        ("books/owls#00003", "owls"),
        ("books/tale", "tale"),
    ]
    assert rows[0].text.split("\n\n") == lines[:25]
    assert rows[1].text == " ".join(lines[25:27])
    assert rows[3].text == wrapped


def test_pictures_are_skipped_and_counted(tmp_path: Path) -> None:
    counts = Counts()
    rows = read_books(write_folder(tmp_path, {"a.txt": FIRST, "b.jpg": b"\xff\xd8\xff\0", "c": b"\x89PNG\0\1"}), counts)
    assert [row.id for row in rows] == ["books/a"]
    assert counts.skipped == {"not-a-book": 2} and counts.pages == 1


def test_a_folder_without_a_book_is_named(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "pictures", {"cover.jpg": b"\xff\xd8\xff\0", "sub/scan.png": b"\x89PNG"})
    with pytest.raises(InputError, match=r"pictures holds no book: \.txt, \.epub"):
        plan_books(source_of(folder))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no-text"),
        (b"\n \n\n", "no-text"),
        (b"CHAPTER I\n\nCHAPTER II\n", "no-text"),
        (b"\x81\x8d\x8f\x90\x9d\xff", "not-text"),
        (bytes(range(256)) * 9, "not-text"),
    ],
)
def test_a_book_without_text_among_others_is_a_rejection_that_names_the_file(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    rows = read_books(write_folder(tmp_path, {"empty one.txt": content, "good.txt": FIRST}))
    assert isinstance(rows[0], Rejection)
    assert (rows[0].id, rows[0].title, rows[0].reason) == ("books/empty one", "empty one.txt", reason)
    assert [row.id for row in rows[1:]] == ["books/good"]


def test_a_truncated_gzip_names_the_file_or_is_counted_as_lost(tmp_path: Path) -> None:
    data = gzip.compress((FIRST * 99).encode())[:-20]
    folder = write_folder(tmp_path, {"a.txt.gz": data, "b.txt": SECOND})
    with pytest.raises(DamagedInputError, match=r"a\.txt\.gz is damaged at byte"):
        read_books(folder)
    counts = Counts()
    assert [row.id for row in read_books(folder, counts, on_error="skip")] == ["books/b"]
    assert len(counts.lost) == 1 and "a.txt.gz" in counts.lost[0]


def test_short_books_are_rejected_where_asked(tmp_path: Path) -> None:
    counts = Counts()
    rows = read_books(write_folder(tmp_path, {"a.txt": FIRST, "b.txt": "Too short."}), counts, min_document_words=3)
    assert [(row.id, getattr(row, "reason", None)) for row in rows] == [("books/a", None), ("books/b", "too-short")]
    assert counts.skipped == {}


def test_many_small_files_are_packed_into_few_slices(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, {f"{n:04}.txt": "A book." for n in range(500)})
    pieces = plan_books(source_of(folder))
    assert len(pieces) == 1 and len(pieces[0].files) == 500 and pieces[0].num_bytes == 3_500


def test_reading_twice_gives_the_same(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, {"a.txt": f"CHAPTER I\n\n{FIRST}\n\n* * *\n\n{SECOND}"})
    assert read_books(folder) == read_books(folder)


@given(st.text(alphabet=st.sampled_from("aB é“”.,-—_*[]{}()|#\n\n\n  1234IVX…．。\u3000\u200f"), max_size=400))
@settings(max_examples=200, deadline=None)
def test_any_text_gives_paragraphs_without_blank_lines_or_runs_of_blanks(text: str) -> None:
    joined = join_paragraphs(clean_book(tidy_lines(text)).paragraphs)
    assert all(part == part.strip() and part for part in joined.split("\n\n")) or joined == ""
    assert "  " not in joined and "\n\n\n" not in joined


_LINES = [
    "", " ", "He said so.", "CHAPTER IV", "XIV", "12", "* * *", "  And sat in my father's chair,", "THE STORM",
    "CONTENTS", "INDEX", "Transcriber's Note", "[Illustration", "]", "-", "--", "“", ".",
    "It was a dark night, and the rain fell on the",
    "roof. Nobody went to the door, since all of them had heard it im-", "portant", "a  b  c  d", "| a | b |", "1. One",
    "[1] A note.", "The Letter . . . . 1", "私は猫である。", "_", "\u3000", "Produced by Example", "THE END",
]  # fmt: skip


@given(st.lists(st.sampled_from(_LINES), max_size=200), st.sampled_from(["\n", "\n\n", "\r\n"]), st.booleans())
@settings(max_examples=150, deadline=None)
def test_any_lines_in_any_layout_give_sound_paragraphs(lines: list[str], end: str, keep_verse: bool) -> None:
    for text in (
        end.join(lines),
        end.join([*lines, *["A line of the book that is as wide as all the others are."] * 70]),
    ):
        prose = clean_book(tidy_lines(text), keep_verse)
        assert all(0 <= start <= len(prose.paragraphs) and heading for start, heading in prose.chapters)
        assert "  " not in join_paragraphs(prose.paragraphs)


@pytest.mark.parametrize(
    "text",
    [
        "." * 300_000 + "x",
        "a" + " " * 300_000 + "b",
        ". " * 150_000 + "x",
        "[Note" * 60_000,
        "[Note\n\n" * 40_000,
        "_" * 100_000 + "a_" * 50_000,
        "* " * 100_000,
        "-\n" * 100_000,
        "a-\n" * 80_000,
        "a  bbbb  cc" * 30_000,
        "IVX\n" * 60_000,
        "=a" * 100_000,
        "((((" * 80_000,
        "CHAPTER I\n" * 30_000,
        "   a\n" * 60_000,
        "“" * 200_000,
        "Project Gutenberg\n" * 20_000,
    ],
)
def test_hostile_text_takes_linear_time(tmp_path: Path, text: str) -> None:
    # 0.3 MB each: anything quadratic in it would take minutes, and the suite would be stopped.
    rows = read_books(write_folder(tmp_path, {"a.txt": text}))
    assert rows and all(isinstance(row, (Document, Rejection)) for row in rows)


def test_memory_stays_within_eight_times_a_large_book(tmp_path: Path) -> None:
    size = 6_000_000
    paragraph = (
        "The water rose, and she rowed on — past the mill, “past” the church and past the last of the houses.\n\n"
    )
    folder = write_folder(tmp_path, {"large.txt": paragraph * (size // len(paragraph.encode()))})
    tracemalloc.start()
    rows = read_books(folder)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(rows[0], Document) and len(rows[0].text) > 0.9 * size / 1.1
    assert peak < 8 * size


@pytest.mark.parametrize(
    ("block", "kind"),
    [
        ("CONTENTS.", "contents"),
        ("AN APPEAL, &c.", "heading"),
        ("THE HOUSE of ALDER,", "heading"),
        ('PARSON. - "Halves?"', "prose"),
        ("LIST OF ILLUSTRATIONS", "contents"),
        ("Inhaltsverzeichnis", "contents"),
        ("FOOTNOTES:", "notes-heading"),
        ("Transcriber's Note", "transcriber"),
        ("THE END", "end"),
        ("PREFACE TO THE SECOND EDITION", "chapter"),
        ("Kapitel 3", "chapter"),
        ("ГЛАВА 4", "chapter"),
        ("Chapitre premier", "chapter"),
        ("The Letter.--The Storm.--A Quarrel.--Home", "synopsis"),
    ],
)
def test_blocks_are_told_apart(block: str, kind: str) -> None:
    assert classify(block, 70) == kind


def test_blocks_are_not_joined_without_end(tmp_path: Path) -> None:
    # Each time a block is joined to a paragraph its characters are copied: 3 MB of this would take minutes.
    rows = read_books(write_folder(tmp_path, {"a.txt": "and so it went, and went and went, on and on,\n\n" * 60_000}))
    assert isinstance(rows[0], Document)
    assert 20_000 <= max(map(len, rows[0].text.split("\n\n"))) < 20_100
