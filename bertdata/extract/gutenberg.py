"""Project Gutenberg's frame around a book: headers, small print, licences and footers, from 1971 to today."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import AnyStr, Literal, NamedTuple

_I, _M = re.IGNORECASE, re.MULTILINE
# A name: Project Gutenberg, -tm, ’s; Projekt Gutenberg-DE; "Gutenburg" stands in some footers.
_NAME = r"Proje[ck]t\s+Gutenb[eu]rg"
# Tokenisers part the stars.
_STARS = r"(?:\*[ \t]*+){2,}+"
_START = re.compile(
    rf"^[ \t]*{_STARS}START OF (?:TH(?:E|IS)\s+)?{_NAME}[^*]{{0,300}}(?:{_STARS}$)?"
    r"|^[ \t]*\*+[ \t]*END\W{0,3}THE SMALL PRINT[^\n]*$"
    r"|^[ \t]*\*?\*?\*?START OF THE PROJECT GUTENBERG E[^\n]*$",
    _I | _M,
)
_MARK_WORDS, _HEAD_WORDS = ("START OF TH", "THE SMALL PRINT"), (b"start of", b"the small print")
_END = re.compile(
    rf"^[ \t]*{_STARS}END OF (?:TH(?:E|IS)\s+)?{_NAME}[^\n]*"
    rf"|^[ \t>*\[(]*(?:The )?(?:End|Ende|Fin|Fine|Einde)[ \t]+(?:of|de|di|van|dieses|des)?[^\n]{{0,25}}{_NAME}[^\n]*"
    r"|^[ \t]*\*{3}[ \t]*START: FULL LICENSE[^\n]*"
    rf"|^[ \t]*This file should be named [^\n]*\n[^\n]*{_NAME}[^\n]*",
    _I | _M,
)
# An end mark that is a paragraph of its own; the words in small letters may begin a sentence too.
_END_PARAGRAPH = re.compile(
    rf"{_STARS}\s*END OF (?:TH(?:E|IS)\s+)?{_NAME}[^*]{{0,300}}(?:{_STARS})?"
    rf"|(?:The )?End of (?:th(?:e|is) )?{_NAME}(?:['’]s|(?:-tm)? E-?(?:text|book) of)\s[^\n]{{1,200}}, by [^\n]{{1,80}}"
    r"|\*{3} START: FULL LICENSE(?: \*{3})?",
    _I,
)
# What every end mark holds; a search for them takes a hundredth of the pattern's time.
_END_WORDS = ("utenb", "UTENB", "FULL LICENSE")
_NAMED = re.compile(rf"{_NAME}|\bP\.?G\.? (?:Distributed|Canada)", _I)
_FIELD = re.compile(
    r"^(Title|Language|Character set encoding|ISO 639[^:\n]*?) ?:[ \t]*(.+(?:\n[ \t]{2,}\S.*)*)", _I | _M
)
_LAST_FIELD = re.compile(
    r"^(?:Title|Author|Translator|Editor|Illustrator|Release Date|Posting Date|Last Updated|Most recently updated"
    r"|Language|Character set encoding|Original publication|Credits|Edition|Produced by)\b"
    r"[^\n]*:[^\n]*(?:\n[ \t]+\S[^\n]*)*"
    r"|^[^\n]*\[(?:Etext|EBook) ?#\d+\][^\n]*",
    _I | _M,
)
_HEAD_TITLE = re.compile(
    rf"{_NAME}(?:['’]s)?(?:-tm)?(?:[ \t]+E-?(?:text|book))?(?:,?[ \t]+of)?[ \t]+"
    r"([^\n*]+?)(?:,[ \t]+by\b[^\n]*)?[ \t*]*$",
    _I | _M,
)
# Header and small print of the 1990s take up to 20 KB; the licence and its lists at the end up to 30.
_HEAD, _TAIL = 40_000, 60_000
_LANGUAGES = {
    "english": "en", "french": "fr", "german": "de", "spanish": "es", "italian": "it", "dutch": "nl", "finnish": "fi",
    "portuguese": "pt", "latin": "la", "swedish": "sv", "danish": "da", "greek": "el", "esperanto": "eo",
    "chinese": "zh", "hungarian": "hu", "tagalog": "tl", "japanese": "ja", "catalan": "ca", "norwegian": "no",
    "polish": "pl",
    "czech": "cs", "welsh": "cy", "icelandic": "is", "russian": "ru", "hebrew": "he", "afrikaans": "af", "irish": "ga",
    "romanian": "ro", "bulgarian": "bg", "serbian": "sr", "slovenian": "sl", "galician": "gl", "ukrainian": "uk",
}  # fmt: skip


class Book(NamedTuple):
    """A book inside its file: [start, end) of the text, and what the header says; empty where it says nothing."""

    start: int
    end: int
    title: str = ""
    language: str = ""


def find_books(text: str) -> list[Book]:
    """Return the books of a file: one, or several where Project Gutenberg's marks stand in it more than once.

    Line ends must be `\\n`. A file without any mark is one book, whole.

    >>> text = "Title: A\\n*** START OF THE PROJECT GUTENBERG EBOOK A ***\\nOne.\\n"
    >>> text += "*** END OF THE PROJECT GUTENBERG EBOOK A ***\\n"
    >>> [(text[b.start : b.end].strip(), b.title) for b in find_books(text)]
    [('One.', 'A')]
    """
    ends = text[:_HEAD], text[-_TAIL:]
    if not any(sign in end for end in ends for sign in ("utenb", "UTENB", "Utenb")):
        return [Book(0, len(text))]
    starts = _starts(text)
    if len(starts) > 1:
        return [_book(text, head, start, stop) for head, start, stop in _pieces(text, starts)]
    head_end = starts[0] if starts else _unmarked_header(text)
    return [_book(text, 0, head_end, len(text))]


def name_mark(paragraph: str) -> Literal["start", "end", ""]:
    """Say which mark a paragraph is that holds nothing else.

    >>> name_mark("*** START OF THE PROJECT GUTENBERG EBOOK EMMA ***"), name_mark("End of Project Gutenberg’s fame.")
    ('start', '')
    """
    if not any(word in paragraph for word in (*_END_WORDS, "SMALL PRINT")):
        return ""
    paragraph = paragraph.strip()
    if (paragraph[0] == "*" or paragraph.isupper()) and _START.fullmatch(paragraph):
        return "start"
    return "end" if _END_PARAGRAPH.fullmatch(paragraph) else ""


def find_frame(paragraphs: list[str]) -> set[int]:
    """Return the numbers of the paragraphs before start marks and behind end marks, and of the marks.

    Nothing is that long that isn't the book: what is longer than a header before the mark, or than a licence behind it.

    >>> marks = [f"*** {word} OF THE PROJECT GUTENBERG EBOOK A ***" for word in ("START", "END")]
    >>> sorted(find_frame(["Title: A", marks[0], "One.", "Two.", marks[1], "A licence."]))
    [0, 1, 4, 5]
    """
    frame: set[int] = set()
    # Where what may be frame begins; None inside a book, which begins at a start mark, or without one.
    begin: int | None = 0
    num_ends = 0
    for n, paragraph in enumerate(paragraphs):
        if not (mark := name_mark(paragraph)):
            continue
        frame.add(n)
        if mark == "start":
            if begin is not None and sum(map(len, paragraphs[begin:n])) <= _HEAD:
                frame |= set(range(begin, n))
            begin, num_ends = None, 0
        elif begin is None or not num_ends:
            begin, num_ends = n, 1
    if begin is not None and num_ends and sum(map(len, paragraphs[begin:])) <= _TAIL:
        frame |= set(range(begin, len(paragraphs)))
    return frame


def _starts(text: str) -> list[int]:
    """Return where books begin: a mark that follows another with no end between them is the same header's."""
    starts: list[int] = []
    for found in _marks(text):
        # One header may hold both marks, the small print's and the book's: the later one ends it.
        if starts and found.start() - starts[-1] < _HEAD and not _find_end(text, starts[-1], found.start()):
            starts[-1] = found.end()
        elif starts or found.start() < _HEAD:
            starts.append(found.end())
    return starts


def _marks(text: str) -> Iterator[re.Match[str]]:
    """Yield the start marks: however they are written in the header, in capitals only in the rest of the file.

    Looking for the two words in capitals first takes a hundredth of the pattern's time.
    """
    yield from _head_marks(text)
    for position in sorted(n for word in _MARK_WORDS for n in _places(text, word, _HEAD)):
        if found := _START.match(text, text.rfind("\n", 0, position) + 1):
            yield found


def _places(text: AnyStr, word: AnyStr, start: int) -> Iterator[int]:
    while (start := text.find(word, start)) >= 0:
        yield start
        start += 1


def _head_marks(text: str) -> Iterator[re.Match[str]]:
    """Yield the start marks of a header; a mark's words stand in its first line or the next."""
    # A sign above ASCII is one byte here, and small letters are found in bytes ten times faster.
    low = text[:_HEAD].encode("ascii", "replace").lower()
    lines: set[int] = set()
    for word in _HEAD_WORDS:
        for position in _places(low, word, 0):
            line = low.rfind(b"\n", 0, position) + 1
            lines |= {line, low.rfind(b"\n", 0, max(0, line - 1)) + 1}
    end = 0
    for line in sorted(lines):
        if line >= end and (found := _START.match(text, line, _HEAD)):
            end = found.end()
            yield found


def _pieces(text: str, starts: list[int]) -> list[tuple[int, int, int]]:
    stops = [*(_next_head(text, a, b) for a, b in pairwise(starts)), len(text)]
    return list(zip([0, *stops[:-1]], starts, stops, strict=True))


def _next_head(text: str, start: int, next_start: int) -> int:
    """Return where the header of the next book begins: at the last end mark before it, or at its first line."""
    end = _find_end(text, start, next_start)
    return end.end() if end else max(start, text.rfind("\n\n", start, max(start, next_start - 20_000)))


def _unmarked_header(text: str) -> int:
    """Return the end of a header that has no mark: behind its last `Name: value` line, if it names the project."""
    first = _NAMED.search(text, 0, 2_000)
    if not first:
        return 0
    end = text.find("\n\n", first.end())
    for field in _LAST_FIELD.finditer(text, 0, 6_000):
        end = max(end, field.end())
    return max(end, 0)


def _find_end(text: str, start: int, stop: int) -> re.Match[str] | None:
    """Return the first end mark; only lines with one of its words are tried, and those before them."""
    found: re.Match[str] | None = None
    for word in _END_WORDS:
        position = text.find(word, start, stop)
        while position >= 0 and (found is None or position < found.start()):
            line = max(start, text.rfind("\n", start, position) + 1)
            before = max(start, text.rfind("\n", start, max(start, line - 1)) + 1)
            mark = _END.match(text, before, stop) or _END.match(text, line, stop)
            if mark and (found is None or mark.start() < found.start()):
                found = mark
            position = -1 if mark else text.find(word, position + 1, stop)
    return found


def _book(text: str, head: int, start: int, stop: int) -> Book:
    # The first end mark of the last part of a file: a "FULL LICENSE" or the project's name may come again behind it.
    found = _find_end(text, max(start, stop - _TAIL), stop) or _find_end(text, start, stop)
    fields = {name.lower(): " ".join(value.split()) for name, value in _FIELD.findall(text[head:start][-_HEAD:])}
    title = fields.get("title", "")
    if not title and (named := _HEAD_TITLE.search(text, head, min(start, head + 3_000))):
        title = named[1].strip(" ,.")
    language = _LANGUAGES.get(re.split(r"\W", fields.get("language", "").lower())[0], "")
    return Book(start, found.start() if found else stop, title, language)
