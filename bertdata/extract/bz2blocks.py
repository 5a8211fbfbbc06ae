"""Read a bz2 file block by block from any byte, whether it is one stream or many, without an index.

A bz2 stream is a header (`BZh9`), blocks of at most 900 kB, and a footer; nothing but its header is aligned to bytes.
Each block begins with the same 48 bits, so it is found wherever a slice begins, and, put between a header and a footer
of its own, it is a stream that Python's bz2 decodes, checksum and all. Source of the format: Julian Seward's bzip2 and
its description by Joe Tsai, "The bzip2 format specification".
"""

from __future__ import annotations

import bz2
import io
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

# Without a wheel for this platform the next one decodes, Python's own in the end: the bytes are the same.
try:
    import mibz2
except ImportError:
    mibz2 = None
try:
    import indexed_bzip2
except ImportError:
    indexed_bzip2 = None

BLOCK_MAGIC = 0x314159265359
FOOTER_MAGIC = 0x177245385090
HEADER = b"BZh9"
# Compressed bytes read at once: some five blocks.
_WINDOW = 1 << 20
# No block is longer: 900,000 bytes, at most 20 bits each, and its tables.
_MAX_BLOCK = 2_300_000
# Decoded bytes read at once.
_READ_BYTES = 1 << 18
# Bits inside a block may look like a stream's end: so many places are tried.
_MAX_FOOTERS = 3
_CUT = "the bz2 stream is cut off"


class Piece(NamedTuple):
    """Decoded bytes and where in the file they come from; or, where `damage` is said, bytes that can't be decoded."""

    offset: int
    data: bytes
    damage: str = ""


def find_blocks(data: bytes, first: int = 0) -> list[int]:
    """Return the bit positions, from bit `first`, at which `data` holds the magic number of a block.

    >>> find_blocks(bz2.compress(b"stone"))
    [32]
    """
    return _find_magic(data, first, BLOCK_MAGIC)


def _find_magic(data: bytes, first: int, magic: int) -> list[int]:
    begin = first // 8
    if len(data) - begin < 6:
        return []
    pairs = np.frombuffer(data, "<u2", (len(data) - begin) // 2, begin)
    # Of the bytes that the magic fills, the middle five are whole at any shift: two pairs lie in them.
    one, other = _magic_pairs(magic)
    places = np.flatnonzero(one.take(pairs[:-1]))
    places = (places[other.take(pairs[places + 1])] * 2 + begin) * 8
    bits = {bit for place in places.tolist() for bit in range(place - 16, place)}
    return sorted(bit for bit in bits if bit >= first and _bits(data, bit, 48) == magic)


@lru_cache(maxsize=2)
def _magic_pairs(magic: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return which pairs of bytes are the first pair of whole bytes in a magic number, and which the second."""
    tables = np.zeros((2, 1 << 16), dtype=np.bool_)
    for shift in range(8):
        filled = (magic << (8 - shift)).to_bytes(7, "big")
        for at in range(1, 5):
            tables[(at - 1) // 2, filled[at] | filled[at + 1] << 8] = True
    return tables[0], tables[1]


def _bits(data: bytes, bit: int, count: int) -> int:
    """Return `count` bits as a number, -1 where the data are too short."""
    first, last = bit // 8, -(-(bit + count) // 8)
    if bit < 0 or last > len(data):
        return -1
    value = int.from_bytes(data[first:last], "big")
    return value >> (last * 8 - bit - count) & ((1 << count) - 1)


def wrap_block(data: bytes, first: int, last: int) -> bytes:
    """Return the block in bits [first, last) as a stream of its own, whose checksum is the block's."""
    shift, num_bits = first % 8, last - first
    raw = np.frombuffer(data, np.uint8, -(-last // 8) - first // 8, first // 8)
    if shift:
        raw = (raw << np.uint8(shift)) | np.append(raw[1:] >> np.uint8(8 - shift), np.uint8(0))
    whole, rest = divmod(num_bits, 8)
    body = raw[: whole + 1].tobytes()
    head = body[whole] >> (8 - rest) if rest else 0
    tail = (((head << 48) | FOOTER_MAGIC) << 32) | _bits(data, first + 48, 32)
    padding = -(rest + 80) % 8
    return HEADER + body[:whole] + (tail << padding).to_bytes((rest + 80 + padding) // 8, "big")


def strip_footers(data: bytes, first: int, last: int, at_end: bool) -> tuple[int, list[int]]:
    """Return where a block that ends before `last` really ends, and the checksums of the footers that follow it.

    Between blocks of two streams stand a footer (80 bits, filled up to a byte) and a header; between them there may be
    streams without any block. `at_end` says that `last` is the end of the file: no header follows, zeros may.
    """
    checksums: list[int] = []
    while True:
        if at_end:
            zeros = len(data) - len(data.rstrip(b"\0"))
            places = range(last - 80, last - 88 - zeros * 8, -1)
        elif last % 8 or data[last // 8 - 4 : last // 8 - 1] != b"BZh":
            return last, checksums
        else:
            places = range(last - 112, last - 120, -1)
        footer = next((bit for bit in places if _bits(data, bit, 48) == FOOTER_MAGIC), -1)
        if footer <= first:
            return last, checksums
        checksums.insert(0, _bits(data, footer + 48, 32))
        last, at_end = footer, False


def decode_block(data: bytes, first: int, last: int, is_at_border: bool = False) -> bytes | None:
    """Return the decoded block in bits [first, last), None if it isn't one whole, sound block.

    One at a border is remembered: the slices on both sides read it.
    """
    decode = _decode_once if is_at_border else _decode
    return decode(wrap_block(data, first, last)) if last - first >= 80 else None


def _decode(stream: bytes) -> bytes | None:
    decoded = _decode_fast(stream)
    if decoded is None:
        decoder = bz2.BZ2Decompressor()
        try:
            decoded = decoder.decompress(stream)
        except (OSError, ValueError):
            return None
        if not decoder.eof or decoder.unused_data:
            return None
    return decoded


_decode_once = lru_cache(maxsize=2)(_decode)


def _decode_fast(stream: bytes) -> bytes | None:
    """Return what a stream of one block holds, by the fastest decoder here; None where that isn't sure of it."""
    try:
        if mibz2 is not None:
            # It checks checksums; a block more would give the stream another one than the first block's.
            return bytes(mibz2.decompress(stream, threads=1))
        if indexed_bzip2 is not None:
            return _decode_indexed(stream)
    except (RuntimeError, ValueError, OSError):
        pass
    return None


def _decode_indexed(stream: bytes) -> bytes | None:
    # The library never lets go of what it was given, so that is emptied: all that a worker decodes would stay.
    with io.BytesIO(stream) as source, indexed_bzip2.open(source, parallelization=1) as file:
        # In pieces: without a size it reads 8 KB at a time.
        data = b"".join(iter(partial(file.read, _READ_BYTES), b""))
        places = file.block_offsets()
    # It checks checksums; a block more would be another place beside the first block's and the end's.
    return data if len(set(places.values())) == 2 else None


def read_blocks(file: BinaryIO, size: int, start: int, end: int = 1 << 62) -> Iterator[Piece]:
    """Yield the blocks that begin at byte `start` or after it, to the end of the file; the caller stops before.

    A block's offset is the byte that holds its first bit. What can't be decoded is yielded as damage, and reading goes
    on at the next block. Before the first block from byte `end` on is decoded, which costs 30 ms and may not be needed,
    an empty piece tells that it comes.
    """
    return _BlockReader(file, size, start).read(end)


class _BlockReader:
    def __init__(self, file: BinaryIO, size: int, start: int) -> None:
        self.file, self.size, self.start = file, size, start
        self.base, self.data = start, b""  # The window: file offset of its first byte, and its bytes.
        self.searched = 0  # Bits of the window in which blocks were looked for.
        self.blocks: list[int] = []  # Bits of the window at which blocks begin.
        self.checksum: int | None = 0 if start == 0 else None  # Of the stream so far; None where its head wasn't seen.

    def read(self, end: int) -> Iterator[Piece]:
        if self.start == 0:
            yield from self._check_head()
        is_first, is_announced = True, False
        while self._fill(1):
            if not is_announced and (offset := self.base + self.blocks[0] // 8) >= end:
                is_announced = True
                yield Piece(offset, b"")
            yield from self._next_piece(is_first, is_first or is_announced)
            is_first = False

    def _check_head(self) -> Iterator[Piece]:
        self.file.seek(0)
        head = self.file.read(10)
        if head[:3] != HEADER[:3] or _bits(head, 32, 48) not in (BLOCK_MAGIC, FOOTER_MAGIC):
            yield Piece(0, b"", _CUT if len(head) < 10 else "the bz2 stream doesn't begin with a block")

    def _next_piece(self, is_first: bool, is_at_border: bool) -> Iterator[Piece]:
        # Bits inside a block may look like the magic number: then two candidates are one block.
        for count in (1, 2, 3):
            known = self._fill(count + 1)
            at_end = known <= count and self._at_end()
            first, end = self.blocks[0], self.blocks[count] if known > count else len(self.data) * 8
            last, checksums = strip_footers(self.data, first, end, at_end)
            decoded = decode_block(self.data, first, last, is_at_border)
            if decoded is not None:
                yield Piece(self.base + first // 8, decoded)
                yield from self._check_stream(first, last, checksums, at_end)
                self._drop(count)
                return
            if known <= count:
                break
        if at_end and (found := self._before_junk(first)):
            last, decoded = found
            yield Piece(self.base + first // 8, decoded)
            checksum = _bits(self.data, last + 48, 32)
            yield from self._check_stream(first, last, [checksum] * (checksum >= 0), at_end)
            if checksum >= 0:
                # At the block's place: the slice that reads it tells, even if the other bytes lie in the next one.
                place = self.base + -(-(last + 80) // 8)
                yield Piece(self.base + first // 8, b"", f"from byte {place:,} on there is no bz2 stream")
            self._drop(1)
            return
        yield from self._damage(is_first)

    def _before_junk(self, first: int) -> tuple[int, bytes] | None:
        """Return where the file's last block ends and what it holds, if a stream's end, then other bytes, follow it."""
        for last in _find_magic(self.data, first + 80, FOOTER_MAGIC)[:_MAX_FOOTERS]:
            if (decoded := decode_block(self.data, first, last)) is not None:
                return last, decoded
        return None

    def _damage(self, is_first: bool) -> Iterator[Piece]:
        """Yield damage, unless a slice's first candidate lies inside a block of the slice before."""
        if not (is_first and self.start > 0 and self._is_inside_a_block()):
            cut = len(self.blocks) < 2 and self._at_end()
            yield Piece(self.base + self.blocks[0] // 8, b"", _CUT if cut else "a bz2 block is corrupt")
        self.checksum = None
        self._drop(1)

    def _is_inside_a_block(self) -> bool:
        begin = max(0, self.base - _MAX_BLOCK)
        self.file.seek(begin)
        before = self.file.read(self.base - begin)
        data, moved = before + self.data, len(before) * 8
        end = (self.blocks[1] if len(self.blocks) > 1 else len(self.data) * 8) + moved
        last, _ = strip_footers(data, self.blocks[0] + moved, end, len(self.blocks) < 2)
        return any(
            decode_block(data, bit, last) is not None for bit in find_blocks(data) if bit < self.blocks[0] + moved
        )

    def _check_stream(self, first: int, last: int, checksums: list[int], at_end: bool) -> Iterator[Piece]:
        """Fold the block's checksum into its stream's, and compare that where the stream ends."""
        if self.checksum is not None:
            rotated = (self.checksum << 1 | self.checksum >> 31) & 0xFFFFFFFF
            self.checksum = rotated ^ _bits(self.data, first + 48, 32)
        if checksums:
            if self.checksum is not None and checksums[0] != self.checksum:
                yield Piece(self.base + last // 8, b"", "the checksum of a bz2 stream is wrong")
            self.checksum = 0
        elif at_end:
            yield Piece(self.base + last // 8, b"", _CUT)

    def _at_end(self) -> bool:
        return self.base + len(self.data) >= self.size

    def _fill(self, count: int) -> int:
        """Read on until `count` blocks are known, the file ends or no block could be so long; return how many are."""
        while len(self.blocks) < count and not self._at_end():
            if self.blocks and len(self.data) - self.blocks[0] // 8 > count * _MAX_BLOCK:
                break
            if not self.blocks:  # A magic number may begin in the last bytes, a header before it.
                self._forget(max(0, len(self.data) - 12))
            self.file.seek(self.base + len(self.data))
            more = self.file.read(_WINDOW)
            if not more:
                self.size = self.base + len(self.data)
            self.data += more
            self.blocks += find_blocks(self.data, self.searched)
            self.searched = max(len(self.data) * 8 - 47, 0)
        return len(self.blocks)

    def _drop(self, count: int) -> None:
        del self.blocks[:count]
        if self.blocks and self.blocks[0] // 8 > _WINDOW:
            self._forget(self.blocks[0] // 8)

    def _forget(self, num_bytes: int) -> None:
        self.base += num_bytes
        self.data = self.data[num_bytes:]
        self.searched = max(0, self.searched - num_bytes * 8)
        self.blocks = [bit - num_bytes * 8 for bit in self.blocks]
