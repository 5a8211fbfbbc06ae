"""Editors' insertions in plain-text books: pictures, footnotes, side notes, page numbers, marks of italics."""

from __future__ import annotations

import re

_NOTE = re.compile(
    r"\[\s{0,3}_?(?:Illustrat|Footnote|Fn\.? \d|Sidenote|Side ?note|Transcriber|Transcription|Note\b|Editor|Redactor"
    r"|Etext|E-text|Frontispiece|Picture|Image|Map\b|Music|Blank Page|Decoration|Decorative|Tailpiece|Headpiece"
    r"|Plate\b|Fig(?:ure|\.)|Errat|Page break|Drawing|Cover|Ornament|Handwritten|Facsimile|Advertisement|Greek text"
    r"|Portrait|Diagram)",
    re.I,
)
_BRACKET = re.compile(r"[\[\]]")
# A footnote of several pages is seen; an opening bracket that never closes costs its paragraph only.
_NOTE_REACH, _MIN_REACH = 20_000, 400
# Every pattern below begins with a literal and looks behind it afterwards: such patterns are searched 5 to 10 times
# faster, and a book without the sign costs one search for it.
_PAGE_NUMBER = r"(?:[Pp]g\.?|[Pp]age|pp?\.|Seite|S\.)[ ]*(?:\d{1,4}|[ivxlc]{1,7})[\]})]"
_BRACED_PAGE = re.compile(rf"\{{(?:{_PAGE_NUMBER}|\d{{1,4}}\}})")
# In order: a footnote's number, ligatures and accented letters, its letter, words in another script, a page's number.
_SIGN = re.compile(
    r"\[(?:(?P<mark>(?:\d{1,4}|[*†‡§#]{1,3})\])"
    r"|(?P<ligature>oe|ae|OE|AE)\]|[=:'`~^).,/\\¨](?P<under>[A-Za-z])\]|(?P<over>[A-Za-z])[=:'`~^(.,/\\]\]"
    r"|(?<=[^\s\[(]\[)[A-HJ-Z]{1,2}\](?![^\W\d_])"
    r"|(?:Greek|Hebrew|Arabic|Cyrillic|Russian)(?: \w+)?:\s*(?P<words>[^\[\]]{1,400})\]"
    rf"|{_PAGE_NUMBER}"
    # What opens a paragraph and isn't closed in it: directions of plays, paragraphs that were added.
    r"|(?<![^\n]\[)(?=[^\[\]\n]*(?:\n|$)))"
)
_CLOSING = re.compile(r"\](?=\n|$)")
_LIGATURES = {"oe": "œ", "ae": "æ", "OE": "Œ", "AE": "Æ"}
_ITALICS = re.compile(r"_(?:(?<!\w_)([^_\n]+)_|([^_\n]+)_(?!\w))")
_STRAY = re.compile(r"_(?:(?<![_\w]_)(?=[^\W_])|(?<=[^\s_]_)(?![_\w]))")
# Rules of stars inside a paragraph, and stars that send the reader to a footnote.
_STARS = re.compile(r"\*(?:(?:[ ]*\*){2,}|(?<=[.,;:!?\"'”’)]\*)\*?(?![\w*]))")
# A star behind a word does so too, if no word of its paragraph begins with one: `*so*` is a mark of stress.
_WORD_STAR, _STAR_REACH = re.compile(r"\*(?<=\w\*)(?![\w*])"), 2_000
_STRESS = re.compile(r"\*(?<!\w\*)\w")
_BOLD = {
    sign: re.compile(rf"{sign}(?<![\w{sign}]{sign})(?=\S)([^{sign}\n]{{1,200}})(?<=\S){sign}(?![\w{sign}])")
    for sign in "=~"
}


def drop_notes(text: str) -> tuple[str, int]:
    """Remove bracketed editor's notes, nested brackets included; return the text and how many there were.

    >>> drop_notes("He went[Footnote 1: See [2] below.] home. [Illustration]")
    ('He went home. ', 2)
    """
    if "[" not in text:
        return text, 0
    pieces, position, reach = [], 0, _NOTE_REACH
    for found in _NOTE.finditer(text):
        if found.start() >= position:
            pieces.append(text[position : found.start()])
            end = _note_end(text, found.start(), reach)
            # A text full of brackets that never close is no edited book: it isn't searched far for each of them.
            reach = reach if end else max(_MIN_REACH, reach * 9 // 10)
            position = end or _paragraph_end(text, found.start())
    num_notes = len(pieces)
    return "".join([*pieces, text[position:]]), num_notes


def _note_end(text: str, start: int, reach: int) -> int:
    """Return the end of a note's brackets, 0 where they don't close within reach."""
    depth = 0
    for bracket in _BRACKET.finditer(text, start, start + reach):
        depth += 1 if bracket[0] == "[" else -1
        if depth == 0:
            return bracket.end()
    return 0


def _paragraph_end(text: str, start: int) -> int:
    end = text.find("\n\n", start)
    return len(text) if end < 0 else end


def drop_marks(text: str) -> str:
    """Remove page numbers, footnote marks and the plain-text marks of italics and bold from running text.

    >>> drop_marks("It was _un_known[3] to{12} me, =indeed= [Pg 4] said Ph[oe]be, of [Greek: logos].")
    'It was unknown to me, indeed  said Phœbe, of logos.'
    """
    if "[" in text:
        text = _drop_brackets(text)
    if "{" in text:
        text = _BRACED_PAGE.sub("", text)
    if "_" in text:
        # What split() returns beside the rest is the group that matched: no function is called for each match.
        text = "".join(filter(None, _ITALICS.split(text)))
        text = _STRAY.sub("", text) if "_" in text else text
    if "*" in text:
        text = _STARS.sub("", text)
        text = _WORD_STAR.sub(_drop_star, text) if "*" in text else text
    for sign, bold in _BOLD.items():
        if sign in text:
            text = "".join(bold.split(text))
    return text


def _drop_star(found: re.Match[str]) -> str:
    before = found.string[max(0, found.start() - _STAR_REACH) : found.start()]
    return "*" if _STRESS.search(before, before.rfind("\n") + 1) else ""


def _drop_brackets(text: str) -> str:
    """Replace what editors put into brackets within words and sentences by what was printed; most of it goes."""
    pieces, position, is_open = [], 0, False
    for found in _SIGN.finditer(text):
        piece = text[position : found.start()]
        kind, position = found.lastgroup, found.end()
        # The mark of a footnote goes with the blank before it.
        pieces.append(piece.removesuffix(" ") if kind == "mark" else piece)
        if kind and kind != "mark":
            pieces.append(_LIGATURES.get(found[kind], found[kind]))
        is_open |= kind is None and position == found.start() + 1
    text = "".join([*pieces, text[position:]]) if pieces else text
    return _drop_closing(text) if is_open else text


def _drop_closing(text: str) -> str:
    """Remove the brackets that end paragraphs and were opened in paragraphs before."""
    pieces, position = [], 0
    for found in _CLOSING.finditer(text):
        if text.find("[", text.rfind("\n", 0, found.start()) + 1, found.start()) < 0:
            pieces.append(text[position : found.start()])
            position = found.end()
    return "".join([*pieces, text[position:]])
