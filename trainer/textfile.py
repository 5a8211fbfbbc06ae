"""Read a whole labelled text file into lines or JSON, with errors that name the file and the line."""

from __future__ import annotations

import codecs
import json
import re
from pathlib import Path
from typing import Any

from bertdata.errors import InputError

# Half of a UTF-16 pair that a JSON escape can hold: no tokenizer takes it and no UTF-8 file can hold it.
_SURROGATES = re.compile("[\ud800-\udfff]")


def read_lines(path: str) -> list[str]:
    r"""Return the lines of a UTF-8 file without their ends; a byte-order mark and carriage returns are dropped.

    Only a line feed ends a line: U+2028, U+0085 and form feeds are characters of a text (str.splitlines would cut
    there, and shift every later label).

    Raises InputError where the file is missing, isn't a file, holds nothing but blanks, or isn't UTF-8.
    """
    text = read_text(path)
    return [line.removesuffix("\r") for line in text.split("\n")]


def read_text(path: str) -> str:
    """Return a UTF-8 file's text without its byte-order mark; raises InputError as `read_lines` does."""
    data = _read_bytes(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        likely = "utf-16" if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "latin1"
        raise InputError(
            f"{path} line {line} isn't UTF-8 (byte 0x{data[error.start]:02x}): convert the file first, e.g. "
            f"`iconv -f {likely} -t utf-8 {Path(path).name}`."
        ) from None
    if not text.strip():
        raise InputError(f"{path} is empty: it holds no example.")
    return text


def read_json(path: str) -> Any:
    """Return a file's JSON value; raises InputError with line and column where it isn't JSON."""
    text = read_text(path)
    try:
        return _clean(json.loads(text)) if "\\u" in text else json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path} line {error.lineno} column {error.colno} isn't JSON ({error.msg}): is the file cut off?"
        ) from None


def parse_json_line(path: str, number: int, line: str) -> dict[str, Any]:
    """Return one JSON line's object; raises InputError with the line's number where it is none."""
    try:
        record = _clean(json.loads(line)) if "\\u" in line else json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"{path} line {number} column {error.colno} isn't JSON ({error.msg}).") from None
    if not isinstance(record, dict):
        raise InputError(f"{path} line {number} is a JSON {type(record).__name__}, not an object with named columns.")
    return record


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATES.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    return [_clean(item) for item in value] if isinstance(value, list) else value


def _read_bytes(path: str) -> bytes:
    import fsspec

    try:
        with fsspec.open(path, "rb", compression="infer") as file:
            data: bytes = file.read()
    except FileNotFoundError:
        raise InputError(f"{path} doesn't exist: check the path.") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder: name the file in it.") from None
    except (OSError, EOFError) as error:
        raise InputError(f"{path} can't be read ({error}).") from error
    return data
