"""Clean text: JSON lines, Parquet, Arrow, plain files; ranges cover every row once; bad rows are named or counted."""

from __future__ import annotations

import bz2
import errno
import gzip
import json
import lzma
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertdata.errors import DamagedInputError, InputError, UnreadableError
from bertdata.extract import tables, textfiles
from bertdata.extract.options import ExtractOptions
from bertdata.extract.textfiles import plan_text, text_documents, tidy_text
from bertdata.records import Counts, Document, Rejection, Slice, Source
from tests.bertdata.book_folders import read_source, read_text, source_of, write_folder

ROWS = [
    {"id": str(n), "url": f"https://x.example/{n}", "title": f"Page {n}", "text": f"Text {n}.\n\nMore."}
    for n in range(9)
]


def _lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return bytes(sink.getvalue())


def _parquet(rows: list[dict[str, Any]], **options: int) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink, **options)
    return bytes(sink.getvalue())


def _arrow(rows: list[dict[str, Any]], stream: bool) -> bytes:
    sink, table = pa.BufferOutputStream(), pa.Table.from_pylist(rows)
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl", _lines(ROWS)),
        ("a.json", _lines(ROWS)),
        ("a.json", json.dumps(ROWS, indent=1).encode()),
        ("a.ndjson", b"\xef\xbb\xbf" + _lines(ROWS).replace(b"\n", b"\r\n\r\n")),
        ("a.jsonl.gz", gzip.compress(_lines(ROWS))),
        ("a.jsonl.bz2", bz2.compress(_lines(ROWS))),
        ("a.jsonl.xz", lzma.compress(_lines(ROWS))),
        ("a.jsonl.zst", _zstd(_lines(ROWS))),
        ("a.parquet", _parquet(ROWS)),
        ("a.arrow", _arrow(ROWS, stream=False)),
        ("a.arrow", _arrow(ROWS, stream=True)),
    ],
)
def test_every_format_gives_the_same_documents(tmp_path: Path, name: str, data: bytes) -> None:
    rows = read_text(write_folder(tmp_path, {name: data}), license="CC-BY-SA-4.0", language="simple")
    assert rows == [
        Document(
            f"text/{n}",
            "text",
            f"Page {n}",
            f"Text {n}.\n\nMore.",
            "simple",
            f"https://x.example/{n}",
            "",
            "CC-BY-SA-4.0",
        )
        for n in range(9)
    ]


def test_rows_without_an_id_are_named_by_their_place(tmp_path: Path) -> None:
    rows = [{"text": "One."}, {"text": "Two."}]
    folder = write_folder(tmp_path, {"d/a.jsonl": _lines(rows), "d/b.parquet": _parquet(rows)})
    assert [row.id for row in read_text(folder)] == ["text/d/a#0", "text/d/a#17", "text/d/b#0", "text/d/b#1"]


def test_columns_are_chosen_by_option(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, {"a.jsonl": _lines([{"key": 7, "name": "N", "context": "C."}])})
    rows = read_text(folder, text_column="context", id_column="key", title_column="name")
    assert [(row.id, row.title, row.text) for row in rows] == [("text/7", "N", "C.")]


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet", "a.arrow"])
def test_a_missing_column_is_an_error_that_lists_the_columns(tmp_path: Path, name: str) -> None:
    row = [{"context": "C.", "n": 1}]
    data = {"a.jsonl": _lines(row), "a.parquet": _parquet(row), "a.arrow": _arrow(row, stream=False)}[name]
    folder = write_folder(tmp_path, {name: data})
    for options in ({}, {"on_error": "skip"}):
        with pytest.raises(InputError, match=r"has no column 'text'; it has context, n: name one with --text-column"):
            read_text(folder, **options)
    with pytest.raises(InputError, match=r"no column 'key'.*--id-column"):
        read_text(folder, text_column="context", id_column="key")


@pytest.mark.parametrize("bad", [b'{"text": "cut', b"not json", b"[1, 2]", b'{"text": "\xff"}', b"[" * 3_000])
def test_a_bad_line_is_named_with_its_offset_or_kept_as_a_rejection(tmp_path: Path, bad: bytes) -> None:
    folder = write_folder(tmp_path, {"a.jsonl": b'{"text": "One."}\n' + bad + b'\n{"text": "Two."}\n'})
    with pytest.raises(DamagedInputError, match=r"a\.jsonl is damaged at byte 17: the line is "):
        read_text(folder)
    rows = read_text(folder, on_error="skip")
    assert [row.text for row in rows if isinstance(row, Document)] == ["One.", "Two."]
    assert [row.reason for row in rows if isinstance(row, Rejection)] == ["bad-line"]


@pytest.mark.parametrize(
    ("value", "reason", "kept"),
    [
        ("", "no-text", ""),
        (" \n", "no-text", " \n"),
        (None, "no-text", ""),
        ([], "no-text", ""),
        (7, "not-text", "7"),
        ({"a": "é"}, "not-text", '{"a": "é"}'),
        (["One.", {"b": 1}], "not-text", '["One.", {"b": 1}]'),
        ({"a": "One\ud800."}, "not-text", '{"a": "One."}'),
        (["\ud800", 5], "not-text", '["", 5]'),
    ],
)
def test_a_row_without_text_is_a_rejection_that_keeps_what_was_there(
    tmp_path: Path, value: object, reason: str, kept: str
) -> None:
    lines = "\n".join(map(json.dumps, [{"text": value, "title": "T"}, {"text": "One."}]))
    rows = read_text(write_folder(tmp_path, {"a.jsonl": lines}))
    assert isinstance(rows[0], Rejection)
    assert (rows[0].reason, rows[0].title, rows[0].text) == (reason, "T", kept)
    assert isinstance(rows[1], Document)


def test_ids_are_places_where_no_column_is_wanted(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, {"a.jsonl": _lines([{"id": "x", "text": "One."}, {"id": "x", "text": "Two."}])})
    assert [row.id for row in read_text(folder)] == ["text/x", "text/x"]
    assert [row.id for row in read_text(folder, id_column="")] == ["text/a#0", "text/a#28"]


def test_a_file_that_can_not_be_read_now_is_never_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_folder(tmp_path, {"a.jsonl": _lines(ROWS), "b.parquet": _parquet(ROWS), "c.txt": "One."})

    def fail(path: Path, *_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    for name in ("a.jsonl", "b.parquet", "c.txt"):
        source = Source("text", "text", (str(folder / name),), (name,))
        slices = [Slice(0, "text", "text", *piece) for piece in plan_text(source)]
        with monkeypatch.context() as disk:
            disk.setattr(Path, "open", fail)
            disk.setattr(tables, "open_table", fail)
            with pytest.raises(UnreadableError, match=f"{name} can't be read: Input/output error"):
                list(text_documents(slices[0], ExtractOptions(on_error="skip"), Counts()))


def test_lists_of_strings_are_paragraphs_and_lone_surrogates_are_dropped(tmp_path: Path) -> None:
    data = b'{"text": ["One.", "Two\\ud800."]}\n{"text": "A \\ud83d\\ude00 smile."}\n'
    assert [row.text for row in read_text(write_folder(tmp_path, {"a.jsonl": data}))] == ["One.\n\nTwo.", "A 😀 smile."]


@given(st.lists(st.text(max_size=12), max_size=12), st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_ranges_of_bytes_cover_every_line_once(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], parts: int
) -> None:
    path = tmp_path_factory.mktemp("ranges") / "a.jsonl"
    data = "\n".join(json.dumps({"text": text}, ensure_ascii=False) for text in texts).encode("utf-8", "ignore")
    path.write_bytes(data)
    cuts = [len(data) * n // parts for n in range(parts + 1)]
    rows = [row.place for a, b in pairwise(cuts) for row in tables.read_json_lines(str(path), "", a, b)]
    assert rows == [row.place for row in tables.read_json_lines(str(path), "")]
    assert len(rows) == len(texts)


def test_large_files_are_split_and_small_ones_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(textfiles, "SLICE_BYTES", 300)
    monkeypatch.setattr(tables, "SLICE_BYTES", 300)
    files = {"a.txt": "One.", "b.jsonl": _lines(ROWS), "c.parquet": _parquet(ROWS, row_group_size=2), "d.txt": "Two."}
    source = source_of(write_folder(tmp_path, files), "text")
    pieces = plan_text(source)
    forms = [piece.form for piece in pieces]
    assert (
        forms[0] == forms[-1] == "" and forms[1:-1] == sorted(forms[1:-1]) and set(forms) == {"", "lines", "row-groups"}
    )
    rows = read_source(source, ExtractOptions())
    ids = [str(n) for n in range(9)]
    assert [row.id.removeprefix("text/") for row in rows] == ["a", *ids, *ids, "d"]


def test_many_small_files_make_one_slice(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, {f"{n:04}.txt": f"Text {n}." for n in range(400)})
    assert len(plan_text(source_of(folder, "text"))) == 1
    assert len(read_text(folder)) == 400


def test_plain_files_are_documents_as_they_are(tmp_path: Path) -> None:
    text = "CONTENTS\n\n1. A list\n\nThe text\nis wrapped."
    rows = read_text(
        write_folder(tmp_path, {"a/b.txt": text, "c.txt.gz": gzip.compress(b"Two."), "d.png": b"\x89PNG\0"})
    )
    assert [(row.id, row.title, row.text) for row in rows] == [
        ("text/a/b", "b", "CONTENTS\n\n1. A list\n\nThe text is wrapped."),
        ("text/c", "c", "Two."),
    ]


def test_other_files_are_counted_and_a_folder_of_them_is_an_error(tmp_path: Path) -> None:
    counts = Counts()
    read_text(write_folder(tmp_path / "x", {"a.txt": "One.", "b.png": b"\x89PNG\0"}), counts)
    assert counts.skipped == {"not-a-text-file": 1}
    with pytest.raises(InputError, match=r"b\.png holds no text"):
        plan_text(source_of(write_folder(tmp_path / "pictures", {"b.png": b"\x89PNG\0"}), "text"))


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
def test_a_file_of_the_wrong_kind_is_named(tmp_path: Path, name: str) -> None:
    folder = write_folder(tmp_path, {name: b"this is no table at all", "b.txt": "One."})
    with pytest.raises(InputError, match=rf"{name} is no (Parquet|Arrow) file"):
        read_text(folder)


def test_truncated_compression_is_named_or_lost(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, {"a.jsonl.gz": gzip.compress(_lines(ROWS * 50))[:-30]})
    with pytest.raises(DamagedInputError, match=r"a\.jsonl\.gz is damaged at byte .*cut off or corrupt"):
        read_text(folder)
    counts = Counts()
    read_text(folder, counts, on_error="skip")
    assert "a.jsonl.gz" in counts.lost[0]


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("One.\r\nTwo.\r\n\r\n\r\nThree.", "One. Two.\n\nThree."),
        ("cafe\u0301\x00 au\x07 lait\ufeff", "café au lait"),
        ("  One.\n \n\t\nTwo.  ", "One.\n\nTwo."),
        (
            "A long line " + "of words " * 20 + "here.\nAnother one.",
            "A long line " + "of words " * 20 + "here.\n\nAnother one.",
        ),
    ],
)
def test_clean_text_is_tidied_only(raw: str, text: str) -> None:
    assert tidy_text(raw) == text


@given(st.text(max_size=200))
@settings(max_examples=100, deadline=None)
def test_tidying_twice_changes_nothing_more(raw: str) -> None:
    once = tidy_text(raw)
    assert tidy_text(once) == once and once == once.strip("\n ")


def test_short_texts_are_rejected_where_asked(tmp_path: Path) -> None:
    counts = Counts()
    folder = write_folder(tmp_path, {"a.jsonl": _lines([{"text": "One."}, {"text": "One two three."}])})
    rows = read_text(folder, counts, min_document_words=2)
    assert [(row.text, getattr(row, "reason", None)) for row in rows] == [
        ("One.", "too-short"),
        ("One two three.", None),
    ]
    assert counts.skipped == {} and counts.pages == 2


def test_a_slice_reads_its_row_groups_only(tmp_path: Path) -> None:
    path = write_folder(tmp_path, {"c.parquet": _parquet(ROWS, row_group_size=2)}) / "c.parquet"
    slice_ = Slice(0, "text", "text", (str(path),), ("c.parquet",), 1, 3, "row-groups", 9)
    rows = list(text_documents(slice_, ExtractOptions(id_column="id"), Counts()))
    assert [row.id for row in rows] == ["text/2", "text/3", "text/4", "text/5"]
