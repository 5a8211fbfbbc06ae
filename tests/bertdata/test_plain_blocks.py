"""Blocks told to be prose all at once are prose one by one; and codes say of a text what strings say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertdata.extract.blocks import is_plain_prose
from bertdata.extract.codes import single_spaces, strip_line_ends, text_codes
from bertdata.extract.encodings import decode_text
from bertdata.extract.layout import Layout, find_layout, split_blocks, tidy_lines
from bertdata.extract.plain_blocks import find_plain

WIDTH = 40
PIECES = st.sampled_from([
    "the old miller came ", "up the path, ", "“", "”", '"', "I.", "?", ".", ",", " -- ", ".--", ".—", ". . . .", "   ",
    "\n", "\n ", "\n\n", "\n\n\n", "CHAPTER IV. ", "Part one ", "Contents", "NO ", "é", "Ж", "жук ", "𝒶", "* ", "12",
    "with", "and he said that nobody had been there before him, ",
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
        assert not plain or (is_plain_prose(block, WIDTH) and not block[0].islower())


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
    assert single_spaces(text) == shorter
    assert text_codes(text).tolist() == list(map(ord, text))


@pytest.mark.parametrize("name", ["Lytton_Kenelm_1873.txt", "Woolf_Years_1937.txt", "Trollope_Phineas_1869.txt"])
def test_seven_tenths_of_a_novel_are_plain(shared_data: Path, name: str) -> None:
    text = tidy_lines(decode_text((shared_data / "books" / "novels" / name).read_bytes()) or "")
    layout = find_layout(text)
    blocks = split_blocks(text, layout)
    plain = find_plain(blocks, layout.width if "blank-lines" in layout.kind else 72)
    assert np.sum((blocks.ends - blocks.starts)[plain]) > 0.7 * len(text)
