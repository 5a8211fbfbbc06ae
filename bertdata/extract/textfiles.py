"""Text that is clean already: JSON lines, Parquet, Arrow and folders of plain text, one row or file a document."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from bertdata.documents import REJECTED_TEXT_BYTES
from bertdata.errors import DamagedInputError, InputError, UnreadableError, require
from bertdata.extract.books import is_book, is_short
from bertdata.extract.encodings import decode_text
from bertdata.extract.layout import tidy_lines
from bertdata.extract.options import ExtractOptions
from bertdata.extract.packs import (
    SLICE_BYTES,
    Piece,
    file_size,
    pack_files,
    read_whole,
    source_root,
    split_suffix,
    text_size,
)
from bertdata.extract.tables import (
    ARROW_SUFFIXES,
    JSON_SUFFIXES,
    TABLE_SUFFIXES,
    Row,
    open_arrow,
    parquet_columns,
    read_arrow,
    read_json_lines,
    read_parquet,
    row_group_ranges,
)
from bertdata.records import Counts, Document, Rejection, Slice, Source
from bertdata.store import as_path

_MAX_TEXT_BYTES = 1 << 30
# Text whose lines are all this short is hard-wrapped: its lines are joined; longer lines are paragraphs.
_MAX_WRAPPED = 100
_CONTROLS = dict.fromkeys([*range(9), 11, *range(14, 32), *range(127, 133), *range(134, 160), 0xFEFF, 0xFFFE, 0xFFFF])
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff]")
_BLANK_LINES = re.compile(r"\n[ \n]*\n[ ]*")


def plan_text(source: Source) -> list[Piece]:
    """Cut a source's files into slices of about 64 MB: large JSON lines by bytes, large Parquet by row groups.

    Everything else is packed, in the order given; files that hold no text weigh nothing.

    Raises InputError where no file holds text, or a Parquet file can't be read.
    """
    pieces: list[Piece] = []
    pack: list[tuple[str, str, int]] = []
    found = False
    for path, name in zip(source.files, source.names, strict=True):
        wanted = _is_text(path, name, len(source.files) == 1)
        found = found or wanted
        split = _split_large(path, name) if wanted else []
        if split:
            # Path order holds over the slices: what is packed so far goes before the large file.
            pieces += [*pack_files(pack), *split]
            pack = []
        else:
            pack.append((path, name, _num_bytes(path, name) if wanted else 0))
    require(
        found,
        f"{source_root(source)} holds no text: .jsonl, .parquet, .arrow or .txt (also .gz, .bz2, .xz, .zst)",
        InputError,
    )
    return [*pieces, *pack_files(pack)]


def _is_text(path: str, name: str, alone: bool) -> bool:
    suffix = split_suffix(name)[1]
    return suffix in TABLE_SUFFIXES or (suffix != ".epub" and is_book(path, name, alone))


def _num_bytes(path: str, name: str) -> int:
    _, suffix, compression = split_suffix(name)
    return sum(piece[2] for piece in row_group_ranges(path)) if suffix == ".parquet" else text_size(path, compression)


def _split_large(path: str, name: str) -> list[Piece]:
    _, suffix, compression = split_suffix(name)
    if suffix == ".parquet" and len(ranges := row_group_ranges(path)) > 1:
        return [Piece((path,), (name,), start, end, "row-groups", size) for start, end, size in ranges]
    if (
        suffix in JSON_SUFFIXES
        and not compression
        and (size := file_size(path)) > 1.5 * SLICE_BYTES
        and _is_lines(path)
    ):
        num_slices = round(size / SLICE_BYTES)
        cuts = [size * n // num_slices for n in range(num_slices + 1)]
        return [Piece((path,), (name,), a, b, "lines", b - a) for a, b in pairwise(cuts)]
    return []


def _is_lines(path: str) -> bool:
    with as_path(path).open("rb") as file:
        return not file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"[")


def text_documents(slice_: Slice, options: ExtractOptions, counts: Counts) -> Iterator[Document | Rejection]:
    """Yield a document for each row or plain-text file of a slice; `counts` takes pages, skipped and lost.

    A row's id is `<source>/<its id column>`, else `<source>/<file without suffix>#<byte offset or row number>`. Reasons
    of rejection: `no-text` (an empty or missing value), `not-text` (a number, an object, bytes in no known encoding),
    `too-large`, and with `on_error="skip"` `bad-line`.

    Raises InputError where a column that the options name is missing, DamagedInputError at a line that is no JSON.
    """
    alone = len(slice_.files) == 1
    for path, name in zip(slice_.files, slice_.names, strict=True):
        if not _is_text(path, name, alone):
            counts.skipped["not-a-text-file"] = counts.skipped.get("not-a-text-file", 0) + 1
            continue
        reader = _Reader(slice_, options, counts, path, name)
        try:
            yield from reader.read_table() if split_suffix(name)[1] in TABLE_SUFFIXES else reader.read_plain()
        except InputError as error:
            # What can't be read now isn't lost: a later build would read it, and have other bytes.
            if options.on_error == "fail" or reader.is_wrong_option or isinstance(error, UnreadableError):
                raise
            counts.lost.append(str(error))


class _Reader:
    """Reads one file of a slice."""

    def __init__(self, slice_: Slice, options: ExtractOptions, counts: Counts, path: str, name: str) -> None:
        self.slice, self.options, self.counts, self.path, self.name = slice_, options, counts, path, name
        self.stem, self.suffix, self.compression = split_suffix(name)
        self.is_wrong_option = False

    def read_plain(self) -> Iterator[Document | Rejection]:
        self.counts.pages += 1
        suffix = "" if self.suffix in ("", ".txt", ".text") else self.suffix
        document_id = f"{self.slice.source}/{self.stem}{suffix}"
        title = Path(self.stem).name
        data = read_whole(self.path, self.compression, _MAX_TEXT_BYTES)
        text = decode_text(data) if data is not None else None
        if text is None:
            reason, raw = ("too-large", b"") if data is None else ("not-text", data[:REJECTED_TEXT_BYTES])
            yield self._reject(document_id, reason, raw.decode("latin-1"))
        else:
            yield from self._document(document_id, title, "", text)

    def read_table(self) -> Iterator[Document | Rejection]:
        checked = False
        for row in self._rows():
            self.counts.pages += 1
            document_id = f"{self.slice.source}/{self.stem}#{row.place}"
            if row.values is None:
                if self.options.on_error == "fail":
                    raise DamagedInputError(
                        self.path, row.place, f"the line is {row.problem}; mend it, or --on-error skip"
                    )
                yield self._reject(document_id, "bad-line", row.raw[:REJECTED_TEXT_BYTES].decode("utf-8", "replace"))
                continue
            if not checked:
                self._check_columns(list(row.values))
                checked = True
            yield from self._row(document_id, row.values)

    def _rows(self) -> Iterator[Row]:
        wanted = [self.options.text_column, self.options.id_column, self.options.title_column, "url"]
        start, end = (self.slice.start, self.slice.end) if self.slice.form else (0, -1)
        if self.suffix in JSON_SUFFIXES:
            return read_json_lines(self.path, self.compression, start, end)
        require(
            not self.compression, f"{self.path}: decompress it first, {self.suffix} files are read by range", InputError
        )
        is_arrow = self.suffix in ARROW_SUFFIXES
        self._check_columns(open_arrow(self.path).schema.names if is_arrow else parquet_columns(self.path))
        return read_arrow(self.path, wanted) if is_arrow else read_parquet(self.path, wanted, start, end)

    def _check_columns(self, columns: list[str]) -> None:
        """Raise InputError where a column that the options name isn't there; id and title may lack by default."""
        defaults = ExtractOptions()
        for option in ("text_column", "id_column", "title_column"):
            name = getattr(self.options, option)
            is_optional = option != "text_column" and name in ("", getattr(defaults, option))
            if name not in columns and not is_optional:
                self.is_wrong_option = True
                flag = f"--{option.replace('_', '-')}"
                raise InputError(
                    f"{self.path} has no column {name!r}; it has {', '.join(columns)}: name one with {flag}"
                )

    def _row(self, document_id: str, values: dict[str, Any]) -> Iterator[Document | Rejection]:
        own_id = values.get(self.options.id_column)
        if isinstance(own_id, (str, int)) and not isinstance(own_id, bool) and str(own_id).strip():
            document_id = f"{self.slice.source}/{_sound(str(own_id).strip())}"
        title, url = (_string(values.get(name)) or "" for name in (self.options.title_column, "url"))
        value = values.get(self.options.text_column)
        text = _string(value)
        if text is None:
            raw = (
                value.decode("latin-1")
                if isinstance(value, bytes)
                else _sound(json.dumps(value, ensure_ascii=False, default=str))
            )
            name = title or Path(self.name).name
            yield Rejection(document_id, self.slice.source, name, "not-text", raw[:REJECTED_TEXT_BYTES])
        else:
            yield from self._document(document_id, title, url, text)

    def _document(self, document_id: str, title: str, url: str, raw: str) -> Iterator[Document | Rejection]:
        text = tidy_text(raw)
        if not text:
            yield Rejection(document_id, self.slice.source, title or Path(self.name).name, "no-text", raw)
        elif is_short(text, self.options.min_document_words):
            yield Rejection(document_id, self.slice.source, title or Path(self.name).name, "too-short", raw)
        else:
            language, license_ = self.options.language or "en", self.options.license or ""
            yield Document(document_id, self.slice.source, title, text, language, url, "", license_)

    def _reject(self, document_id: str, reason: str, raw: str) -> Rejection:
        return Rejection(document_id, self.slice.source, Path(self.name).name, reason, raw)


def _string(value: Any) -> str | None:
    """Return a column's value as text: a string as it is, a list of strings as paragraphs; None if it is neither."""
    if value is None or isinstance(value, str):
        return _sound(value or "")
    if isinstance(value, bytes):
        return decode_text(value)
    if isinstance(value, list) and all(item is None or isinstance(item, str) for item in value):
        return "\n\n".join(_sound(item) for item in value if item)
    return None


def _sound(text: str) -> str:
    """Return the text without lone surrogates, which JSON can hold and UTF-8 can't."""
    try:
        text.encode()
        return text
    except UnicodeEncodeError:
        return text.encode("utf-8", "ignore").decode()


def tidy_text(text: str) -> str:
    """Return clean text as paragraphs parted by one blank line: NFC, no control characters, nothing else removed.

    >>> tidy_text("One.\\r\\nTwo.\\r\\n \\r\\n\\r\\nThree\\x00.")
    'One. Two.\\n\\nThree.'
    """
    text = tidy_lines(text)
    if _CONTROL.search(text):
        text = text.translate(_CONTROLS)
    if not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
    if "\n" not in text:
        return text.strip()
    if max(map(len, text.split("\n"))) > _MAX_WRAPPED:
        text = text.replace("\n", "\n\n")
    paragraphs = (" ".join(part.split("\n")).strip() for part in _BLANK_LINES.split(text))
    return "\n\n".join(filter(None, paragraphs))
