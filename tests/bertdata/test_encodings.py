"""Encodings: marks, bytes and declarations decide, in that order; what is no text is told from text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertdata.extract.encodings import decode_text

FRENCH = "“C’est l’été,” dit-elle — le café coûte 15 €."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_marks_and_bytes_tell_the_encoding(encoding: str) -> None:
    assert decode_text(FRENCH.encode(encoding)) == FRENCH


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_read(encoding: str) -> None:
    assert decode_text((FRENCH * 9).encode(encoding)) == FRENCH * 9


@pytest.mark.parametrize(
    ("declared", "encoding", "text"),
    [
        ("ISO-8859-2", "iso-8859-2", "Příliš žluťoučký kůň"),
        ("ISO-8859-7", "iso-8859-7", "Καλημέρα κόσμε"),
        ("KOI8-R", "koi8-r", "Война и мир"),
        ("windows-1251", "cp1251", "Война и мир"),
        ("Shift_JIS", "cp932", "吾輩は猫である"),
        ("Big5", "big5", "紅樓夢"),
    ],
)
def test_a_declared_encoding_is_believed_where_the_bytes_are_valid(declared: str, encoding: str, text: str) -> None:
    header = f"Character set encoding: {declared}\n\n"
    assert decode_text(header.encode() + text.encode(encoding)) == header + text


def test_a_false_declaration_gives_way_to_utf_8() -> None:
    text = "Character set encoding: ISO-8859-1\n\nTrollhättan"
    assert decode_text(text.encode()) == text


def test_one_damaged_byte_costs_that_byte_only() -> None:
    data = (FRENCH * 20).encode()
    broken = data[:100] + b"\xff" + data[100:]
    assert decode_text(broken) == FRENCH * 20


def test_latin_1_with_control_bytes_is_windows_1252() -> None:
    assert decode_text(b"\x93Yes,\x94 he said\x85") == "“Yes,” he said…"


def test_utf_8_that_was_encoded_twice_is_repaired() -> None:
    assert decode_text("Hélène — été".encode().decode("cp1252").encode()) == "Hélène — été"


def test_capital_a_with_tilde_is_a_letter_where_it_is_one() -> None:
    assert decode_text("NÃO".encode()) == "NÃO"


def test_text_is_composed_and_has_no_soft_hyphens_or_controls() -> None:
    assert decode_text("cafe\u0301 im\u00adpor\x07tant\ufeff".encode()) == "café important"


@pytest.mark.parametrize(
    "data",
    [b"GIF89a\0\1\0\2" * 9, bytes(range(256)) * 4, b"\x81\x8d\x8f\x90\x9d" * 9, b"\x7fELF\2\1\1" + b"\0" * 40],
)
def test_bytes_that_are_no_text_give_none(data: bytes) -> None:
    assert decode_text(data) is None


@given(st.binary(max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_bytes_give_sound_text_or_none(data: bytes) -> None:
    text = decode_text(data)
    if text is not None:
        text.encode()
        assert not set(text) & {chr(c) for c in (*range(9), 11, *range(14, 32), 127, 0xFEFF, 0xFFFD)}
