"""Blocks told to be prose all at once are prose one by one; and codes say of a text what strings say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertdata.extract.blocks import classify, is_plain_prose
from bertdata.extract.codes import single_spaces, strip_line_ends, text_codes
from bertdata.extract.encodings import decode_text
from bertdata.extract.headings import split_heading
from bertdata.extract.indented_blocks import find_indented
from bertdata.extract.layout import Layout, find_layout, split_blocks, tidy_lines
from bertdata.extract.plain_blocks import find_plain
from bertdata.extract.prose import clean_book

WIDTH = 40
PIECES = st.sampled_from([
    "the old miller came ", "up the path, ", "“", "”", '"', "I.", "?", ".", ",", " -- ", ".--", ".—", ". . . .", "   ",
    "\n", "\n ", "\n\n", "\n\n\n", "CHAPTER IV. ", "Part one ", "Contents", "NO ", "é", "Ж", "жук ", "𝒶", "* ", "12",
    "with", "and he said that nobody had been there before him, ", "MILLER. ", "_", "(He", "[One", "[A] ", ")", "]",
    "the old miller came up the path\nand said that nobody had been there before him,\n" * 4,
])  # fmt: skip
TEXTS = st.lists(PIECES, max_size=40).map("".join)
KINDS = st.sampled_from(["blank-lines", "no-blank-lines", "paragraph-lines", "sentence-lines"])


def _blocks(text: str, layout: Layout) -> list[str]:
    blocks = split_blocks(text, layout)
    return [blocks.text[start:end] for start, end in zip(blocks.starts, blocks.ends, strict=True)]


@given(TEXTS, KINDS, st.booleans())
def test_what_is_plain_in_a_text_is_plain_alone_and_begins_no_small_letter(
    text: str, kind: str, indented: bool
) -> None:
    blocks = split_blocks(tidy_lines(text), Layout(kind, WIDTH, indented))  # type: ignore[arg-type]
    for plain, start, end in zip(find_plain(blocks, WIDTH).tolist(), blocks.starts, blocks.ends, strict=True):
        block = blocks.text[start:end]
        assert block
        if plain:
            is_prose = split_heading(block) == ("", block) and classify(block, WIDTH) == "prose"
            assert (is_prose or is_plain_prose(block, WIDTH)) and not block[0].islower()


LINES = st.sampled_from([
    "An owl flew out at evening from the tower,", "and all the mice ran home within the hour.", "I Saw the moon",
    "1. The first of many animals that slept", "(a) one that woke up in the early morning", "THE OWLS OF ROME", "vi",
    "“Who goes there?” said the owl who lived in it;", "the sky -- the tower -- the moon -- the river",
    "Part Two. Owls",
    "Owls . . . . . . . . . . . . . . . 12", "a gap   within a line of many words", "one  two  three  four and five",
    "a stop.  And then another one.  And a third.", "x|y|z and other letters of the alphabet", "The Chapter of owls",
    "It was so.--The Owl.--The Rook.--The Jay came", "* a star that stands before a line of words", "Note on the owls",
])  # fmt: skip
STANZAS = st.lists(
    st.lists(st.tuples(st.sampled_from(["", "  ", "     "]), LINES), min_size=1, max_size=5), min_size=16
)


def test_a_quotation_mark_alone_is_no_paragraph() -> None:
    text = "\n\n".join(['"Who flew?" asked the owl.', '"', "Nobody said a word of it."] * 40)
    assert '"' not in clean_book(text).paragraphs


@given(STANZAS, st.sampled_from([30, 44, 70]))
def test_what_is_indented_and_sure_is_kept_when_it_is_read_alone(
    stanzas: list[list[tuple[str, str]]], width: int
) -> None:
    text = "\n\n".join("\n".join(indent + line for indent, line in stanza) for stanza in stanzas)
    blocks = split_blocks(tidy_lines(text), Layout("blank-lines", width))
    for sure, start, end in zip(find_indented(blocks, width).tolist(), blocks.starts, blocks.ends, strict=True):
        block = blocks.text[start:end]
        if sure:
            assert split_heading(block) == ("", block) and classify(block, width) in ("prose", "verse")
            assert "\n" in block and not block.lstrip()[0].islower()


@given(TEXTS, KINDS)
def test_blocks_lose_no_word(text: str, kind: str) -> None:
    text = tidy_lines(text)
    assert " ".join(_blocks(text, Layout(kind, WIDTH))).split() == text.split()  # type: ignore[arg-type]


@given(TEXTS)
def test_blank_lines_part_blocks(text: str) -> None:
    text = tidy_lines(text)
    expected = [group.strip("\n") for group in text.split("\n\n") if group.strip("\n")]
    assert _blocks(text, Layout("blank-lines", WIDTH)) == expected


@given(st.text(alphabet="ab \né𝒶Ж"))
def test_blanks_go_from_line_ends_and_runs_become_one(text: str) -> None:
    lines = text.split("\n")
    assert strip_line_ends(text) == "\n".join([*(line.rstrip(" ") for line in lines[:-1]), lines[-1]])
    shorter = text
    while "  " in shorter:
        shorter = shorter.replace("  ", " ")
    shorter = shorter.replace(" \n", "\n").replace("\n ", "\n")
    assert single_spaces(text).rstrip(" ") == shorter.rstrip(" ")
    assert text_codes(text).tolist() == list(map(ord, text))


@pytest.mark.parametrize("name", ["Lytton_Kenelm_1873.txt", "Woolf_Years_1937.txt", "Trollope_Phineas_1869.txt"])
def test_seven_tenths_of_a_novel_are_plain(shared_data: Path, name: str) -> None:
    text = tidy_lines(decode_text((shared_data / "books" / "novels" / name).read_bytes()) or "")
    layout = find_layout(text)
    blocks = split_blocks(text, layout)
    plain = find_plain(blocks, layout.width if "blank-lines" in layout.kind else 72)
    assert np.sum((blocks.ends - blocks.starts)[plain]) > 0.7 * len(text)
