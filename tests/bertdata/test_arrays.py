"""Arrow arrays that are made and read without pandas."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertdata.arrays import as_strings

KINDS = (pa.string(), pa.large_string())


@pytest.mark.parametrize("kind", KINDS, ids=str)
@given(values=st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=9), max_size=20))
def test_strings_are_those_of_pyarrow(kind: pa.DataType, values: list[str | None]) -> None:
    expected = pa.array(values, kind)
    made = as_strings(values, kind)
    assert made.equals(expected)
    assert made.null_count == expected.null_count
    assert as_strings([value if value is None else value.encode() for value in values], kind).equals(expected)


@pytest.mark.parametrize("wrong", [b"\xff", "\ud800", b"\xc3"], ids=repr)
def test_what_is_not_utf8_is_refused(wrong: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"UTF-?8|utf-?8"):
        as_strings(["owl", wrong], pa.string())


def test_a_character_is_not_put_together_from_two_strings() -> None:
    with pytest.raises(ValueError, match="UTF"):
        as_strings([b"n\xc3", b"\xa9"], pa.string())


def test_too_much_text_for_one_array_is_refused() -> None:
    text = b"o" * (1 << 28)
    with pytest.raises(ValueError, match="2,147,483,648 bytes of text are too many"):
        as_strings([text] * 8, pa.string())
