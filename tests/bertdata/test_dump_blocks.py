from __future__ import annotations

import bz2
import io
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bertdata.extract import bz2blocks
from bertdata.extract.bz2blocks import (
    BLOCK_MAGIC,
    FOOTER_MAGIC,
    Piece,
    _decode_fast,
    _decode_once,
    decode_block,
    find_blocks,
    read_blocks,
    strip_footers,
    wrap_block,
)
from bertdata.rng import rng_for

DECODERS = ("mibz2", "indexed_bzip2", "")


def use_decoder(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have blocks decoded by this one, "" for Python's; skip where it isn't installed."""
    if name:
        pytest.importorskip(name)
    for other in set(DECODERS) - {name, ""}:
        monkeypatch.setattr(bz2blocks, other, None)
    _decode_once.cache_clear()


@pytest.fixture(params=DECODERS, autouse=True)
def decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each test of this file is run with each decoder: what it holds doesn't depend on which is installed."""
    use_decoder(request.param, monkeypatch)
    return str(request.param)


def decode(data: bytes, start: int = 0) -> list[Piece]:
    return list(read_blocks(io.BytesIO(data), len(data), start))


def joined(pieces: list[Piece]) -> bytes:
    return b"".join(piece.data for piece in pieces)


def damage(pieces: list[Piece]) -> list[tuple[int, str]]:
    return [(piece.offset, piece.damage) for piece in pieces if piece.damage]


@pytest.fixture(scope="module")
def text() -> bytes:
    """Text for six blocks of 100 kB, whose bits end anywhere in a byte."""
    words = np.array([rng_for(1, "word", n).bytes(n % 7 + 2).hex() for n in range(500)])
    return " ".join(rng_for(1, "words").choice(words, 50_000)).encode()[:550_000]


def compress(data: bytes) -> bytes:
    return bz2.compress(data, 1)


@pytest.mark.parametrize(("level", "num_blocks"), [(1, 6), (3, 2), (9, 1)])
def test_single_stream_decodes_block_by_block(text: bytes, level: int, num_blocks: int) -> None:
    pieces = decode(bz2.compress(text, level))
    assert joined(pieces) == text and not damage(pieces)
    assert len(pieces) == num_blocks and pieces[0].offset == 4


def test_streams_one_after_the_other_decode_as_one_file(text: bytes) -> None:
    empty = bz2.compress(b"")
    parts = [text[:10], b"", text[10:250_000], b"", b"", text[250_000:]]
    data = b"".join(compress(part) if part else empty for part in parts) + empty
    pieces = decode(data)
    assert joined(pieces) == text and not damage(pieces)


def test_file_without_any_block_gives_nothing() -> None:
    assert decode(bz2.compress(b"")) == []


def test_every_start_gives_the_blocks_that_begin_there_or_later(text: bytes) -> None:
    data = compress(text[:250_000]) + compress(text[250_000:])
    pieces = decode(data)
    for start in [1, 2, 3, 4, 5, 13, 14, 15, *(p.offset + d for p in pieces for d in (-1, 0, 1)), len(data) - 1]:
        assert decode(data, start) == [piece for piece in pieces if piece.offset >= start]


def test_block_of_the_next_slice_is_told_before_it_is_decoded(text: bytes) -> None:
    data = compress(text)
    sound = decode(data)
    for end in (sound[2].offset, sound[2].offset - 1, sound[1].offset + 1):
        pieces = list(read_blocks(io.BytesIO(data), len(data), 0, end))
        assert pieces == [*sound[:2], Piece(sound[2].offset, b""), *sound[2:]]


def test_zeros_after_the_last_stream_are_padding(text: bytes) -> None:
    pieces = decode(compress(text) + bytes(5_000))
    assert joined(pieces) == text and not damage(pieces)


def test_other_bytes_after_the_last_stream_are_damage(text: bytes) -> None:
    data = compress(text[:1000]) + compress(text[1000:])
    pieces = decode(data + b"<html>not found</html>")
    assert damage(pieces) == [(pieces[-2].offset, f"from byte {len(data):,} on there is no bz2 stream")]
    assert joined(pieces) == text
    wrong = bytearray(data)
    wrong[-3] ^= 1  # the last stream's checksum
    assert next(what for _, what in damage(decode(bytes(wrong) + b"junk"))) == "the checksum of a bz2 stream is wrong"


@pytest.mark.parametrize("kept", [5, 9, 14, 100, 40_000, -1, -4, -10, -11])
def test_cut_off_stream_is_damage_and_keeps_the_whole_blocks(text: bytes, kept: int) -> None:
    data = compress(text)
    pieces = decode(data[:kept])
    assert len(damage(pieces)) == 1 and "cut off" in damage(pieces)[0][1]
    whole = [piece for piece in decode(data) if piece.offset < len(data[:kept])]
    assert [p.data for p in pieces if not p.damage] in ([p.data for p in whole[:-1]], [p.data for p in whole])


def test_every_flipped_bit_is_found_or_harmless(text: bytes) -> None:
    data = compress(text[:3000]) + compress(text[3000:6000]) + bz2.compress(b"")
    for bit in [*range(0, 400, 3), *range(400, len(data) * 8, 97)]:
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << (bit % 8)
        pieces = decode(bytes(flipped))
        assert damage(pieces) or joined(pieces) == text[:6000], bit


def test_corrupt_block_costs_that_block_only(text: bytes) -> None:
    data = bytearray(compress(text))
    sound = decode(bytes(data))
    data[sound[2].offset + 5000] ^= 0x10
    pieces = decode(bytes(data))
    assert damage(pieces) == [(sound[2].offset, "a bz2 block is corrupt")]
    assert [p for p in pieces if not p.damage] == sound[:2] + sound[3:]


def test_hole_of_zeros_over_several_blocks_is_one_damage(text: bytes) -> None:
    data = bytearray(compress(text) + compress(text))
    sound = decode(bytes(data))
    begin, end = sound[1].offset + 100, sound[4].offset + 100
    data[begin:end] = bytes(end - begin)
    pieces = decode(bytes(data))
    assert [offset for offset, _ in damage(pieces)] == [sound[1].offset]
    assert [p for p in pieces if not p.damage] == [sound[0], *sound[5:]]


def test_magic_number_inside_a_block_does_not_part_it(text: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    data, sound = compress(text), decode(compress(text))
    false = (sound[1].offset + 40_000) * 8 + 3

    def with_false(window: bytes, first: int = 0) -> list[int]:
        found = find_blocks(window, first)
        at = data.find(window[:64]) * 8
        return sorted([*found, false - at]) if first <= false - at < len(window) * 8 else found

    monkeypatch.setattr("bertdata.extract.bz2blocks.find_blocks", with_false)
    assert decode(data) == sound
    for start in (sound[1].offset, sound[1].offset + 1, false // 8 - 1, false // 8):
        assert decode(data, start) == [piece for piece in sound if piece.offset >= start]


def test_magic_numbers_are_found_at_every_bit() -> None:
    for shift in range(16):
        bits = (BLOCK_MAGIC << 80 | FOOTER_MAGIC) << (16 - shift)
        assert find_blocks(bits.to_bytes(18, "big")) == [shift]


def test_block_with_a_wrong_checksum_is_none(text: bytes) -> None:
    data = bytearray(compress(text[:1000]))
    assert decode_block(bytes(data), 32, len(data) * 8 - 80 - 7) is None
    data[11] ^= 1
    assert decode(bytes(data)) and damage(decode(bytes(data)))


def test_real_dumps_decode_as_bz2_does(shared_data: Path) -> None:
    for name in ("ltgwiki-pages-articles-multistream.xml.bz2", "enwiki-2016-single-stream.xml.bz2"):
        data = (shared_data / "wikipedia" / name).read_bytes()
        pieces = decode(data)
        assert joined(pieces) == bz2.decompress(data) and not damage(pieces)


def test_what_the_fast_decoder_is_not_sure_of_is_left_to_the_other(text: bytes, decoder: str) -> None:
    stream = compress(text[:90_000])
    assert _decode_fast(stream) == (text[:90_000] if decoder else None)
    broken = bytearray(stream)
    broken[9000] ^= 4
    assert _decode_fast(bytes(broken)) is None
    assert _decode_fast(stream[:-30]) is None
    two = compress(text[:150_000])
    first, second = find_blocks(two)
    last, _ = strip_footers(two, first, len(two) * 8, at_end=True)
    assert _decode_fast(wrap_block(two, first, last)) is None
    parts = [_decode_fast(wrap_block(two, *bits)) for bits in ((first, second), (second, last))]
    assert parts == [None, None] if not decoder else b"".join(map(bytes, parts)) == text[:150_000]


_ROW = b" ".join(rng_for(1, "row", n).bytes(n % 5) for n in range(9_000))
_ROW_STREAM = compress(_ROW)
_places = st.integers(0, len(_ROW_STREAM) - 1)


@given(st.lists(st.tuples(_places, st.integers(1, 255)), min_size=1, max_size=4), _places)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_damage_gives_other_bytes(flips: list[tuple[int, int]], length: int) -> None:
    broken = bytearray(_ROW_STREAM)
    for at, bits in flips:
        broken[at] ^= bits
    assert _decode_fast(bytes(broken)) in (None, _ROW)
    assert _decode_fast(_ROW_STREAM[:length]) is None


@pytest.mark.parametrize("damaged_bytes", [(), (70_000,), (30_000, 70_001, 70_002), (5,)])
def test_every_decoder_gives_the_same_pieces(
    text: bytes, damaged_bytes: tuple[int, ...], decoder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bytearray(compress(text[:300_000]) + compress(text[300_000:]))
    for at in damaged_bytes:
        data[at] ^= 0xFF
    starts = (0, 1, len(data) // 3)
    found = [[decode(bytes(cut), start) for start in starts] for cut in (data, data[:-40_000])]
    use_decoder("", monkeypatch)
    assert found == [[decode(bytes(cut), start) for start in starts] for cut in (data, data[:-40_000])]
    assert any(damage(pieces) for pieces in found[1]) and bool(damage(found[0][0])) == bool(damaged_bytes)


def test_nothing_stays_of_blocks_that_were_decoded() -> None:
    """A worker decodes gigabytes."""
    stream = bz2.compress(os.urandom(400_000), 9)
    _decode_fast(stream)
    tracemalloc.start()
    try:
        for _ in range(20):
            decoded = _decode_fast(stream)
            assert decoded is None or len(decoded) == 400_000
            del decoded
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held < 200_000
