"""Parts of documents: the pieces of at most a few hundred KB in which a long document is tokenised and shuffled."""

from __future__ import annotations

from collections.abc import Iterator

PART_BYTES = 256_000

# Where a part ends, best first; a cut in a window that has none of these falls between two characters.
_ENDS = (b"\n\n", b"\n", b". ", "。".encode(), b" ")


def cut_parts(text: bytes | memoryview, part_bytes: int = PART_BYTES) -> Iterator[str]:
    r"""Yield the parts of a document's UTF-8 text, each at most `part_bytes` long; together they are the text.

    A part ends at the last paragraph end that fits, else at a line end, a sentence end, a blank, a character.
    Only one part is decoded at a time, so a book of 200 MB needs no second copy of itself.

    >>> list(cut_parts(b"One.\n\nTwo.\n\nThree.", 14))
    ['One.\n\nTwo.\n\n', 'Three.']
    """
    view, start = memoryview(text), 0
    while len(view) - start > part_bytes:
        window = bytes(view[start : start + part_bytes])
        end = _last_end(window)
        yield window[:end].decode("utf-8", "replace")
        start += end
    if start < len(view):
        yield bytes(view[start:]).decode("utf-8", "replace")


def _last_end(window: bytes) -> int:
    for mark in _ENDS:
        found = window.rfind(mark)
        if found > 0:
            return found + len(mark)
    end = len(window)
    while end > 1 and (window[end - 1] & 0xC0) == 0x80:
        end -= 1
    # `end - 1` is now the last lead byte: the character behind it may be cut off, so the next part starts there.
    return end - 1 if end > 1 else len(window)
