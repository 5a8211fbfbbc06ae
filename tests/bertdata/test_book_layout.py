"""Lines to paragraphs: each layout of plain text that readers meet, and words that were cut at line ends."""

from __future__ import annotations

import textwrap

import pytest

from bertdata.extract.hyphens import join_hyphens
from bertdata.extract.layout import find_layout, tidy_lines
from bertdata.extract.prose import clean_book

PARAGRAPHS = [
    "The miller came up the path with his sleeves rolled, and he was angry. He said that the water was too low for "
    "him, and that somebody would have to answer for it before the week was out.",
    "Tobias looked at the lake. It lay quite still behind the boards, like a horse that stands at a gate and waits.",
    "It began with a knock. Nobody went to the door, since all of them had heard it before and knew what it meant.",
] * 12


def _wrapped(width: int, **options: str) -> list[str]:
    return [textwrap.fill(paragraph, width, **options) for paragraph in PARAGRAPHS]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("blank-lines", "\n\n".join(_wrapped(70))),
        ("blank-lines", "\n \t\n".join(_wrapped(70)).replace("\n", "\r\n")),
        ("no-blank-lines", "\n".join(_wrapped(64, initial_indent="   "))),
        ("no-blank-lines", "\n".join(_wrapped(58))),
        ("paragraph-lines", "\n\n".join(PARAGRAPHS)),
        ("paragraph-lines", "\n".join(PARAGRAPHS)),
    ],
)
def test_every_layout_gives_the_same_paragraphs(kind: str, text: str) -> None:
    assert find_layout(tidy_lines(text)).kind == kind
    assert clean_book(tidy_lines(text)).paragraphs == PARAGRAPHS


@pytest.mark.parametrize("indent", ["", "   "])
def test_a_chapter_line_behind_a_full_line_begins_a_chapter(indent: str) -> None:
    before, after = _wrapped(58, initial_indent=indent), _wrapped(58, initial_indent=indent)
    full = f"{indent}He said that he had seen it all, and that nobody would".ljust(57, "s") + "."
    prose = clean_book("\n".join([*before, full, "CHAPTER XII.", *after]))
    assert [heading for _, heading in prose.chapters] == ["CHAPTER XII."]
    assert prose.paragraphs[len(PARAGRAPHS) + 1 :] == PARAGRAPHS


@pytest.mark.parametrize("title", ["In which the Miller goes to the Lake", "OF THE LAKE, AND\nHOW TOBIAS CAME TO IT"])
def test_a_title_behind_a_chapter_line_is_no_prose(title: str) -> None:
    prose = clean_book("\n".join([*_wrapped(58), f"CHAPTER II\n{title}", *_wrapped(58)]))
    assert prose.paragraphs == PARAGRAPHS * 2


def test_a_line_of_verse_behind_a_chapter_line_stays() -> None:
    verse = "The godhead in us wrings our noble deeds\nFrom our reluctant selves."
    prose = clean_book("\n".join([*_wrapped(58), "CHAPTER II", verse, *_wrapped(58)]))
    assert prose.paragraphs[len(PARAGRAPHS)] == verse.replace("\n", " ")


def test_sentence_lines_are_grouped_into_paragraphs_by_blank_lines() -> None:
    groups = [paragraph.replace(". ", ".\n") for paragraph in PARAGRAPHS]
    text = "\n\n\n".join(groups)
    assert find_layout(text).kind == "sentence-lines"
    assert clean_book(text).paragraphs == PARAGRAPHS


def test_sentence_lines_without_blank_lines_stay_lines() -> None:
    sentences = [
        f"This is sentence number {n} of a file that has one sentence on every one of its lines" for n in range(50)
    ]
    text = "".join(f"{sentence} {'and on' * (n % 9)}.\n" for n, sentence in enumerate(sentences))
    assert len(clean_book(text).paragraphs) == 50


def test_runs_of_blanks_are_bounded() -> None:
    assert len(tidy_lines("a" + " " * 100_000 + "b")) < 70


def test_a_chapter_line_parts_from_text_that_follows_at_once() -> None:
    prose = clean_book("CHAPTER IX\nTHE HOMESTEAD\nBy daylight, the bower was seen to be old.")
    assert prose.paragraphs == ["By daylight, the bower was seen to be old."]
    assert prose.chapters == [(0, "CHAPTER IX THE HOMESTEAD")]


def test_a_sentence_that_a_page_break_cuts_is_one_again() -> None:
    text = "The path led down to the river, where the old boat lay on the\n\n[Illustration: A boat]\n\n 213\n\n"
    text += "sand, upside down."
    assert clean_book(text).paragraphs == [
        "The path led down to the river, where the old boat lay on the sand, upside down."
    ]


def test_small_capitals_behind_a_drop_cap_join_their_sentence() -> None:
    assert (
        clean_book("A tale.\n\nHAMLIN\n\nhad never been to Italy.").paragraphs[-1] == "HAMLIN had never been to Italy."
    )


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("An impor-\ntant day. It was important.", "An important day. It was important."),
        ("a good-\nnatured man. A good-natured man.", "a good-natured man. A good-natured man."),
        ("a sea-\ngreen hat. The sea was green.", "a sea-green hat. The sea was green."),
        ("he was fath-\nomless to all", "he was fathomless to all"),
        ("three-year-\nold", "three-year-old"),
        ("no--\nnever", "no--never"),
        ("two-\nand three-year-old", "two- and three-year-old"),
        ("hive- and other bees", "hive- and other bees"),
        ("the leath- ers of leathers", "the leathers of leathers"),
        ("impor¬\ntant", "important"),
        ("1810-\n1812", "1810-\n1812"),
    ],
)
def test_hyphens_at_line_ends(text: str, joined: str) -> None:
    assert join_hyphens(text) == joined


def test_hyphens_of_a_well_edited_book_are_kept() -> None:
    lines = ["a line of the book without any hyphen"] * 99
    text = "\n".join([*lines, "on the crag-\nbound shore"])
    assert "crag-bound" in join_hyphens(text)
