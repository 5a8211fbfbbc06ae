"""Long texts go through in pieces: what comes out doesn't depend on where they are cut."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bertdata.extract import codes
from bertdata.extract.codes import encode_text, pieces_of, strip_line_ends, wide_characters
from bertdata.extract.encodings import decode_text
from bertdata.extract.layout import tidy_lines
from bertdata.extract.options import ExtractOptions
from bertdata.extract.step import extract_slice
from bertdata.records import Slice

TEXT = "First line  \nCafe\u0301 and 𝒶  \n\n   \nA line without an end " + "x" * 70 + " \n\n“Äh” \n ends   "


@pytest.mark.parametrize("num_chars", [1, 2, 3, 7, 16, 64])
def test_pieces_make_no_difference(num_chars: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = TEXT.encode()
    whole = (wide_characters(TEXT), strip_line_ends(TEXT), decode_text(data), tidy_lines(TEXT))
    assert whole[1].startswith("First line\nCafe\u0301 and 𝒶\n\n\nA") and "Café" in (whole[2] or "")
    monkeypatch.setattr(codes, "_PIECE_CHARS", num_chars)
    assert (wide_characters(TEXT), strip_line_ends(TEXT), decode_text(data), tidy_lines(TEXT)) == whole
    assert encode_text(TEXT) == data
    assert "".join(pieces_of(TEXT)) == "".join(pieces_of(TEXT, "\n")) == TEXT
    assert all(piece.endswith("\n") for piece in list(pieces_of(TEXT, "\n"))[:-1])
    assert len(list(pieces_of(TEXT))) == -(-len(TEXT) // num_chars)


def test_large_book_is_written_as_a_small_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "owls.txt"
    lines = [
        f"“Owls,” said the {n}th of them, “are birds that see the whole night through, and more.”" for n in range(99)
    ]
    path.write_text("\n\n".join(lines), encoding="utf-8")
    slice_ = Slice(0, "books", "books", (str(path),), (path.name,))
    found = []
    for pieces in (codes._PIECE_CHARS, 100):
        monkeypatch.setattr(codes, "_PIECE_CHARS", pieces)
        monkeypatch.setattr("bertdata.extract.prose._JOINED_AT_ONCE", pieces // 10)
        extract_slice(slice_, ExtractOptions(), tmp_path / str(pieces))
        found.append(pq.read_table(tmp_path / str(pieces) / "documents" / "00000.parquet").to_pylist())
    assert found[0] == found[1]
    assert found[0][0]["text"] == "\n\n".join(lines)
