"""Bytes to text: what a book's file is written in, by its marks, its bytes and what it says of itself."""

from __future__ import annotations

import codecs
import io
import re
import unicodedata

import numpy as np

from bertdata.extract.code_pages import guess_code_page
from bertdata.extract.codes import pieces_of, wide_characters

# Longest first: the UTF-32 mark begins with the UTF-16 one.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# C0 controls without tab, line feed, form feed, carriage return; and DEL.
_CONTROLS = bytes([*range(9), 11, *range(14, 32), 127])
_RETURN, _NEWLINE, _BLANK, _DELETE = 13, 10, 32, b"\x7f"
_PIECE = 1 << 20
# Below U+0300, and among the dashes, quotes and signs of U+2010 to U+2064, nothing composes or is composed.
_FIRST_MARK, _FIRST_DASH, _LAST_SIGN = "\u0300", "\u2010", "\u2064"
_DECLARED = re.compile(
    rb"(?:character set encoding|charset|encoding)\s*[:=]\s*[\"']?\s*(?:iso (?=[\dl]))?"
    rb"([A-Za-z][\w.:-]{2,20}|8859-\d+)",
    re.I,
)
_DECLARED_REACH = 20_000
_SAMPLE = 1 << 16
# Where more than one character in so many is damaged the encoding is another one.
_MANY_LOST = 500
# Stray control characters that a text of any length may have; binary data has more than one in 200 bytes.
_FEW_CONTROLS = 3
# Declared names that Python lacks, or that mean Windows-1252 in practice (WHATWG Encoding Standard, 4.2).
_ALIASES = {
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "iso_8859-1": "cp1252",
    "8859-1": "cp1252",
    "latin-1": "cp1252",
    "latin1": "cp1252",
    "iso-latin-1": "cp1252",
    "macintosh": "mac-roman",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc-kr": "cp949",
}
_PLAIN = re.compile(r"cp\d+|windows-\d+|iso-?8859-\d+|koi8-[ru]|mac-\w+|big5(hkscs)?|euc-\w+|gb18030|utf-?8|8859-\d+")


def decode_text(data: bytes) -> str | None:
    """Return the text of a file, or None where its bytes are no text.

    A byte order mark decides; then valid UTF-8; then UTF-8 with a few damaged bytes (which are dropped); then the
    encoding the file names (`Character set encoding: ISO-8859-2`), where its bytes are valid in it; else Windows-1252,
    or for other scripts the one in which the letters are common. Control characters are dropped, `\\r\\n` becomes
    `\\n`; UTF-8 that was encoded twice (`Ã©` for `é`) is repaired; the result is NFC.

    >>> decode_text(b"caf\\xe9"), decode_text("café".encode("utf-16")), decode_text(b"GIF89a\\0\\1\\0")
    ('café', 'café', None)
    """
    if data.startswith(codecs.BOM_UTF8):
        data = data[len(codecs.BOM_UTF8) :]
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _finish(data[len(mark) :].decode(encoding, "replace"), wide=True)
    if b"\0" in data:
        order = _wide_encoding(data)
        text = _finish(data.decode(order, "replace"), wide=True) if order else None
        # Any pair of bytes is a character of UTF-16; text has blanks or lines as well.
        return text if text and (" " in text or "\n" in text) else None
    num_returns, num_controls = _count_controls(data)
    if num_controls > max(_FEW_CONTROLS, len(data) // 200):
        return None
    # A book of 200 MB is held once: what is in a list is let go where it is taken out.
    plain = [data.replace(b"\r", b"") if num_returns else data]
    del data
    return _decode_plain(plain.pop().translate(None, _CONTROLS) if num_controls else plain.pop())


def _count_controls(data: bytes) -> tuple[int, int]:
    """Return how many carriage returns there are, 0 where one of them isn't half of a line end, and other controls.

    Counting what to drop takes half of the time of dropping it, and most books have none.
    """
    codes, num_returns, num_low, is_paired = np.frombuffer(data, np.uint8), 0, 0, not data.endswith(b"\r")
    for start in range(0, len(codes), _PIECE):
        piece, behind = codes[start : start + _PIECE], codes[start + 1 : start + _PIECE + 1]
        returns = piece == _RETURN
        num_low += int(np.count_nonzero(piece < _BLANK) - np.count_nonzero(piece == _NEWLINE))
        if count := int(np.count_nonzero(returns)):
            num_returns += count
            is_paired = is_paired and not bool((returns[: len(behind)] & (behind != _NEWLINE)).any())
    # Looking for a sign takes a tenth of counting it.
    num_kept = sum(data.count(sign) for sign in (b"\t", b"\f") if sign in data)
    num_deleted = data.count(_DELETE) if _DELETE in data else 0
    return num_returns if is_paired else 0, num_low - num_returns - num_kept + num_deleted


def _decode_plain(data: bytes) -> str | None:
    decoded = [_decode_strictly(data, "utf-8")]
    if decoded[0] is not None:
        data = b""
        return _finish(decoded.pop() or "")
    text = data.decode("utf-8", "replace")
    num_lost = text.count("\ufffd")
    # Windows-1252 read as UTF-8 loses nearly every letter above ASCII; a damaged UTF-8 file loses few of many.
    if num_lost * 10 <= len(data) - len(text) - 2 * num_lost and num_lost <= 1_000:
        return _finish(text)
    del text
    read = _decode_declared(data)
    return None if read is None else _finish(read)


def _decode_declared(data: bytes) -> str | None:
    """Return a text in the encoding that it names, or in the one that its letters make likely."""
    # That a text is Windows-1252 says little: in other scripts too its bytes are valid.
    named = _declared_encoding(data)
    if named and named != "cp1252" and (text := _decode_strictly(data, named)) is not None:
        return text
    encoding = guess_code_page(data[:_SAMPLE])
    if encoding is None or encoding == "cp1252":
        return encoding and _decode_strictly(data, encoding)
    text = data.decode(encoding, "replace")
    return text if text.count("\ufffd") * _MANY_LOST <= len(text) else None


def _decode_strictly(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None


def _declared_encoding(data: bytes) -> str | None:
    found = _DECLARED.search(data[:_DECLARED_REACH])
    if not found:
        return None
    name = found[1].decode("ascii").lower()
    name = _ALIASES.get(name, name)
    return name if _PLAIN.fullmatch(name) else None


def _wide_encoding(data: bytes) -> str | None:
    """Return the UTF-16 order of a file without a mark: nearly all zero bytes lie on one side of each pair."""
    sample = data[:_SAMPLE]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if max(even, odd) * 5 < len(sample) or min(even, odd) * 50 > max(even, odd):
        return None
    return "utf-16-be" if even > odd else "utf-16-le"


_UNWANTED = dict.fromkeys(
    [*range(9), 11, *range(14, 32), *range(127, 133), *range(134, 160), 0xFEFF, 0xFFFE, 0xFFFF, 0xFFFD, 0xAD]
)


def _finish(text: str, wide: bool = False) -> str | None:
    """Drop what is no text and compose; `wide` text still holds the control characters that others lost as bytes."""
    if wide:
        if text.count("\ufffd") * 50 > len(text) or "\0" in text:
            return None
        text = text.translate(_UNWANTED)
    if text.isascii():
        return text
    if ("Ã" in text or ("€" in text and "â€" in text)) and (repaired := _encoded_twice(text)):
        text = repaired
    characters = wide_characters(text)
    for character in characters:
        if ord(character) in _UNWANTED:
            text = text.replace(character, "")
    if all(character < _FIRST_MARK or _FIRST_DASH <= character <= _LAST_SIGN for character in characters):
        return text
    if unicodedata.is_normalized("NFC", text):
        return text
    # Composing takes twelve bytes a character, so a long text is composed by the piece: across a line end nothing is.
    composed = io.BytesIO()
    for piece in pieces_of(text, "\n"):
        composed.write(unicodedata.normalize("NFC", piece).encode("utf-8", "surrogatepass"))
    del text
    return composed.getvalue().decode("utf-8", "surrogatepass")


def _encoded_twice(text: str) -> str | None:
    """Undo UTF-8 that was read as Windows-1252 and written as UTF-8; None where the text isn't that as a whole."""
    try:
        return text.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return None
