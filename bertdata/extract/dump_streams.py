"""Turn a dump file into pieces of XML bytes, each with its place in the file, whatever it is compressed with."""

from __future__ import annotations

import bz2
import codecs
import contextlib
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from bertdata.errors import InputError
from bertdata.extract.bz2blocks import Piece, read_blocks
from bertdata.store import as_path

# Bytes of plain XML read at once.
_CHUNK = 1 << 20
# Compressed bytes read at once: small, since a few may decode to very many.
_COMPRESSED_CHUNK = 1 << 15
# Decoded bytes of a dump's beginning asked for at once.
_BEGINNING = 1 << 16

_MAGICS = {
    "bz2": (b"BZh",),
    "gz": (b"\x1f\x8b",),
    "xz": (b"\xfd7zXZ\x00",),
    "zst": (b"\x28\xb5\x2f\xfd", *(bytes([0x50 + n]) + b"\x2a\x4d\x18" for n in range(16))),
    "7z": (b"7z\xbc\xaf\x27\x1c",),
    "zip": (b"PK\x03\x04",),
}
_UTF16 = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"<\x00": "utf-16-le", b"\x00<": "utf-16-be"}


def detect_form(path: str) -> str:
    """Return what a dump file is packed with, from its first bytes: `xml`, `bz2`, `gz`, `xz` or `zst`.

    Raises InputError where it is missing, empty or no file, where the bytes aren't what its suffix says, and for
    archives.
    """
    try:
        with as_path(path).open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from error
    if not head:
        raise InputError(f"{path} is empty: download it again")
    form = next((form for form, magics in _MAGICS.items() if head.startswith(magics)), "xml")
    if form in ("7z", "zip"):
        raise InputError(f"{path} is a {form} archive, which isn't read: unpack it, or take the .bz2")
    suffix = Path(path).suffix.removeprefix(".")
    if suffix in ("bz2", "gz", "xz", "zst", "xml") and suffix != form:
        holds = f"{form} data" if form != "xml" else f"no {suffix} data: it begins with {_shown(head)}"
        raise InputError(f"{path} is named .{suffix} but holds {holds}: download it again, or rename it")
    return form


def _shown(head: bytes) -> str:
    return repr(head[:20].decode("utf-8", "backslashreplace"))


def detect_encoding(head: bytes) -> str:
    """Return the encoding of a document that begins with `head`, as far as its byte order mark or zeros tell."""
    return next((name for mark, name in _UTF16.items() if head.startswith(mark)), "utf-8")


def read_pieces(path: str, start: int, end: int, form: str) -> Iterator[Piece]:
    """Yield the XML from byte `start` of the file to the file's end; the caller stops before.

    `form` is what `detect_form` says, with `+utf-16` and the like appended where the XML is to be recoded. No piece of
    plain XML crosses byte `end`, so that a piece belongs to one slice. Where bytes can't be decoded, a piece says so,
    with its offset; of bz2 the rest follows, of other forms nothing can.
    """
    container, _, encoding = form.partition("+")
    with as_path(path).open("rb") as file:
        size = as_path(path).stat().st_size
        if container == "bz2":
            pieces = read_blocks(file, size, start, end)
        elif container == "xml":
            pieces = _read_plain(file, start, end)
        else:
            pieces = _read_zst(file) if container == "zst" else _read_compressed(file, container)
        for piece in _recode(pieces, encoding) if encoding else pieces:
            # What is found at the very end belongs to the slice that holds the last byte.
            yield piece if piece.offset < size else piece._replace(offset=size - 1)


def read_beginning(path: str, form: str) -> Iterator[Piece]:
    """Yield the XML from the beginning of the file in small pieces, whose offset says nothing.

    A bz2 block is decoded no further than is read, and while it is, other threads run.
    """
    container, _, encoding = form.partition("+")
    if container != "bz2":
        yield from read_pieces(path, 0, 1 << 62, form)
        return
    with as_path(path).open("rb") as file:
        pieces = _read_bz2(file)
        yield from _recode(pieces, encoding) if encoding else pieces


def _read_bz2(file: BinaryIO) -> Iterator[Piece]:
    decoder, chunk = bz2.BZ2Decompressor(), b""
    while True:
        if decoder.eof:
            decoder, chunk = bz2.BZ2Decompressor(), decoder.unused_data
        if decoder.needs_input and not chunk:
            chunk = file.read(_COMPRESSED_CHUNK)
            if not chunk:
                return
        try:
            data = decoder.decompress(chunk, _BEGINNING)
        except OSError:
            yield Piece(0, b"", "a bz2 block is corrupt")
            return
        chunk = b""
        if data:
            yield Piece(0, data)


def _read_plain(file: BinaryIO, start: int, end: int) -> Iterator[Piece]:
    file.seek(start)
    offset = start
    while data := file.read(min(_CHUNK, end - offset) if offset < end else _CHUNK):
        yield Piece(offset, data)
        offset += len(data)


def _read_zst(file: BinaryIO) -> Iterator[Piece]:
    import pyarrow as pa

    stream, offset, num_chunks = pa.CompressedInputStream(file, "zstd"), 0, 0
    while True:
        try:
            data = stream.read(_COMPRESSED_CHUNK)
        except OSError as error:
            what = "cut off" if "runcated" in str(error) else f"corrupt ({error})"
            if data := _zst_before_damage(file, num_chunks):
                yield Piece(offset, data)
            yield Piece(offset, b"", f"the zst data are {what}")
            return
        if not data:
            return
        yield Piece(offset, data)
        offset, num_chunks = file.tell(), num_chunks + 1


def _zst_before_damage(file: BinaryIO, num_chunks: int) -> bytes:
    """Return what can be decoded behind so many chunks, a byte at a time: a read that fails lets go of what it had."""
    import pyarrow as pa

    file.seek(0)
    stream, data = pa.CompressedInputStream(file, "zstd"), bytearray()
    for _ in range(num_chunks):
        stream.read(_COMPRESSED_CHUNK)
    with contextlib.suppress(OSError):
        while byte := stream.read(1):
            data += byte
    return bytes(data)


def _read_compressed(file: BinaryIO, form: str) -> Iterator[Piece]:
    """Yield what a gz or xz file holds: one or more members or streams, one after the other."""
    decoder, offset = _new_decoder(form), 0
    while chunk := file.read(_COMPRESSED_CHUNK):
        while chunk:
            decoder = _new_decoder(form) if decoder.eof else decoder
            try:
                data = decoder.decompress(chunk)
            except (zlib.error, lzma.LZMAError) as error:
                yield Piece(offset, b"", f"the {form} data are corrupt ({error})")
                return
            if data:
                yield Piece(offset, data)
            chunk = decoder.unused_data.lstrip(b"\0") if decoder.eof else b""  # Members may be padded with zeros.
        offset = file.tell()
    if not decoder.eof:
        yield Piece(offset, b"", f"the {form} data are cut off")


def _new_decoder(form: str) -> Any:
    return zlib.decompressobj(31) if form == "gz" else lzma.LZMADecompressor()


def _recode(pieces: Iterator[Piece], encoding: str) -> Iterator[Piece]:
    """Yield the pieces as UTF-8."""
    decoder = codecs.getincrementaldecoder(encoding)()
    for piece in pieces:
        if piece.damage:  # Where a character begins after it can't be known.
            yield piece
            return
        try:
            text = decoder.decode(piece.data)
            yield Piece(piece.offset, text.encode())
        except UnicodeError as error:
            yield Piece(piece.offset, b"", f"the text isn't {encoding} ({error})")
            return
