"""Packs of small files: what one worker reads at once, cut in path order, so that 50,000 files make few slices."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from bertdata.errors import DamagedInputError, InputError, UnreadableError
from bertdata.records import Source
from bertdata.store import StorePath, as_path

SLICE_BYTES = 64 << 20
COMPRESSIONS = (".gz", ".bz2", ".xz", ".zst")
# Text weighs about this much more than its compressed file.
_EXPANSION = 3
_CHUNK = 1 << 20


class Piece(NamedTuple):
    """One slice of a source before it is numbered, in the order of `Slice`'s fields."""

    files: tuple[str, ...]
    names: tuple[str, ...]
    start: int = 0
    end: int = -1
    form: str = ""
    num_bytes: int = 0


def pack_files(files: Iterable[tuple[str, str, int]], slice_bytes: int = SLICE_BYTES) -> Iterator[Piece]:
    """Yield pieces of about `slice_bytes` from (path, name, bytes of text) in the order given.

    >>> [(p.names, p.num_bytes) for p in pack_files([("a", "a", 40), ("b", "b", 30), ("c", "c", 50)], 64)]
    [(('a', 'b'), 70), (('c',), 50)]
    """
    paths: list[str] = []
    names: list[str] = []
    total = 0
    for path, name, num_bytes in files:
        paths.append(path)
        names.append(name)
        total += num_bytes
        if total >= slice_bytes:
            yield Piece(tuple(paths), tuple(names), num_bytes=total)
            paths, names, total = [], [], 0
    if paths:
        yield Piece(tuple(paths), tuple(names), num_bytes=total)


def split_suffix(name: str) -> tuple[str, str, str]:
    """Return (name without suffixes, suffix of the format, suffix of the compression), the latter in lower case.

    >>> split_suffix("austen/Emma.TXT.gz"), split_suffix("a/readme"), split_suffix("Mr. Smith.txt")
    (('austen/Emma', '.txt', '.gz'), ('a/readme', '', ''), ('Mr. Smith', '.txt', ''))
    """
    folder, slash, base = name.rpartition("/")
    stem, compression = base, ""
    if Path(base).suffix.lower() in COMPRESSIONS:
        compression = Path(base).suffix.lower()
        stem = base[: -len(compression)]
    suffix = Path(stem).suffix
    return folder + slash + (stem[: -len(suffix)] if suffix else stem), suffix.lower(), compression


def source_root(source: Source) -> str:
    """Return the folder, or the one file, that the user named.

    >>> source_root(Source("books", "books", ("/data/b/x/a.txt", "/data/b/c.txt"), ("x/a.txt", "c.txt")))
    '/data/b'
    """
    path, depth = Path(source.files[0]), len(Path(source.names[0]).parts)
    return str(
        path if len(source.files) == 1 and depth == 1 and path.name == source.names[0] else path.parents[depth - 1]
    )


def file_size(path: str) -> int:
    """Return a file's size in bytes; raises UnreadableError where it can't be read."""
    try:
        return as_path(path).stat().st_size
    except OSError as error:
        raise UnreadableError(f"{path} can't be read: {error.strerror}") from error


def text_size(path: str, compression: str) -> int:
    """Return about how many bytes of text a file holds."""
    return file_size(path) * (_EXPANSION if compression else 1)


def open_plain(path: str, compression: str = "") -> IO[bytes]:
    """Open a file for reading, decompressed by its suffix.

    Raises UnreadableError where it can't be read.
    """
    try:
        file: IO[bytes] = as_path(path).open("rb")
        if compression == ".gz":
            return cast(IO[bytes], gzip.open(file))
        if compression == ".bz2":
            return bz2.open(file)
        if compression == ".xz":
            return lzma.open(file)
        return _open_zstd(file) if compression == ".zst" else file
    except OSError as error:
        raise UnreadableError(f"{path} can't be read: {error.strerror or error}") from error


def _open_zstd(file: IO[bytes]) -> IO[bytes]:
    import pyarrow as pa

    stream: Any = pa.CompressedInputStream(file, "zstd")
    return io.BufferedReader(stream, _CHUNK)


def read_whole(path: str, compression: str, max_bytes: int) -> bytes | None:
    """Return a file's bytes, decompressed; None where they are more than `max_bytes`.

    Raises UnreadableError where it can't be read, DamagedInputError where its compression is cut off or corrupt.
    """
    if not compression and file_size(path) > max_bytes:
        return None
    if not compression and isinstance(whole := as_path(path), StorePath):
        return whole.read_bytes()
    with open_plain(path, compression) as file:
        try:
            data = file.read() if not compression else _read_up_to(file, max_bytes + 1)
        except (OSError, EOFError, lzma.LZMAError, ValueError) as error:
            raise damaged(path, file, error) from error
    return data if len(data) <= max_bytes else None


def _read_up_to(file: IO[bytes], max_bytes: int) -> bytes:
    # One read of that size would allocate it at once.
    chunks, total = [], 0
    while total < max_bytes and (chunk := file.read(min(_CHUNK, max_bytes - total))):
        chunks.append(chunk)
        total += len(chunk)
    return b"".join(chunks)


def damaged(path: str, file: IO[bytes], error: Exception) -> InputError:
    """Return the error that names where reading a compressed file failed."""
    if isinstance(error, OSError) and error.errno is not None:
        return UnreadableError(f"{path} can't be read: {error.strerror}")
    try:
        offset = file.tell()
    except (OSError, ValueError):
        offset = 0
    return DamagedInputError(path, offset, f"its compressed data is cut off or corrupt ({error}); copy it again")
