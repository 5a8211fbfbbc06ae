"""Headings of books: chapters, named parts, contents and indexes, by the words of a dozen languages."""

from __future__ import annotations

import re
from typing import Literal

HeadingKind = Literal["chapter", "page", "contents", "index", "notes-heading", "transcriber", "end", "cast"]

_I = re.IGNORECASE
_NUMBER_WORDS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen"
    "|nineteen|twenty|thirty|forty|fifty|sixty|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last"
    "|eleventh|twelfth|premier|première|erste[rs]?|zweite[rs]?|dritte[rs]?"
)
_CHAPTER = re.compile(
    r"(?:the )?(?:chapter|chap\.|book|part|volume|vol\.|canto|canticle|act|scene|stave|letter|section|tale|episode"
    r"|story|lesson|fit|phase|chapitre|livre|partie|tome|kapitel|teil|buch|band|cap[ií]tulo|capitolo|parte|libro|hoofdstuk|deel"
    r"|глава|часть|книга|luku|osa)\s+"
    rf"(?:the\s+)?(?:[ivxlcdm]+|\d+|(?:{_NUMBER_WORDS})(?:[- ](?:{_NUMBER_WORDS}))?)(?![\w'’])",
    _I,
)
# Four letters rule out that a block begins with a chapter's name, at a tenth of the pattern's cost.
CHAPTER_STARTS = frozenset((
    "the ", "chap", "book", "part", "volu", "vol.", "cant", "act ", "scen", "stav", "lett", "sect", "tale",
    "epis", "stor", "less", "fit ", "phas", "livr", "tome", "kapi", "teil", "buch", "band", "capí", "capi",
    "libr", "hoof", "deel", "глав", "част", "книг", "luku", "osa ",
))  # fmt: skip
# A synopsis behind a chapter's name goes on for so many lines.
_MAX_SYNOPSIS = 5
_NUMERAL = re.compile(r"\W*(?:[IVXLCDM]+|\d{1,4})\W*")
_PAGE = re.compile(r"\W*(?:page|pg\.?|p\.|s\.)?\s*(?:\d{1,4}|[ivxlc]{1,6})\W*", _I)
_PART_NAME = re.compile(
    r"\W*(?:the\s+)?(?:(?:author|publisher|translator|editor)['’]s\s+)?(?:preface|foreword|introduction"
    r"|introductory(?:\s+note)?|prologue|epilogue|appendix(?:\s+\w{1,5})?|conclusion|afterword|postscript|dedication"
    r"|finis|prelude|interlude|finale|advertisement|glossary|bibliography|errata|note|postlude|vorwort|einleitung|préface"
    r"|prefazione|prólogo|epílogo|предисловие|введение|эпилог|пролог)(?:\s+to\s+the\s+[\w ]{1,30}edition)?\W*",
    _I,
)
_CONTENTS = re.compile(
    r"\W*(?:(?:the\s+)?(?:table\s+of\s+|general\s+)?contents(?:\s+of\s+[^\n]{1,60})?"
    r"|(?:list\s+of\s+)?(?:the\s+)?(?:full[- ]page\s+)?(?:illustrations|plates|maps|figures|tables|stories|poems)"
    r"|list\s+of\s+[^\n]{1,40}|inhalt(?:sverzeichnis)?|table\s+des\s+mati[èe]res"
    r"|sommaire|[íi]ndice|indice|inhoud|sisältö|содержание|оглавление)\W*",
    _I,
)
_INDEX = re.compile(r"\W*(?:(?:general|alphabetical|subject)\s+)?index(?:\s+of\s+[^\n]{1,40})?\W*", _I)
_NOTES = re.compile(r"\W*(?:foot-?notes?|end-?notes?|notes|fu(?:ss|ß)noten)\W*", _I)
_TRANSCRIBER = re.compile(r"\W*transcriber['’]?s?['’]?\s+(?:endnote|note|correction|comment)s?\b[^\n]{0,40}", _I)
_END_LINE = re.compile(
    r"\W*(?:the\s+end|finis|fin|fine|ende|end|конец"
    r"|end\s+of\s+(?:the\s+)?(?:volume|vol|book|part|first|second|third)[^\n]{0,50})\W*",
    _I,
)
_CAST = re.compile(
    r"\W*(?:the\s+)?(?:characters|cast|dramatis\s+person(?:ae|æ)|persons?)"
    r"(?:\s+(?:(?:of|in)\s+the\s+(?:play|drama|comedy|tragedy|scene)|represented|of\s+characters))?\W*",
    _I,
)
_PICTURE = re.compile(r"illustration: [^\n]*", _I)
_NAMED: tuple[tuple[re.Pattern[str], HeadingKind], ...] = (
    (_CONTENTS, "contents"),
    (_INDEX, "index"),
    (_NOTES, "notes-heading"),
    (_TRANSCRIBER, "transcriber"),
    (_END_LINE, "end"),
    (_PART_NAME, "chapter"),
    (_CAST, "cast"),
    (_PICTURE, "page"),
)
_MAX_NAMED = 120
# One look at the first word rules out the six patterns for nearly all lines.
_NAMED_START = re.compile(
    r"\W*(?:the\s+)?(?:auth|publi|transl|edit|pref|forew|intro|prol|epil|appen|concl|after|postsc|dedic|finis|prelu|inter"
    r"|finale|adver|gloss|biblio|errata|note|postlu|vorwort|einlei|préf|pról|epíl|пред|введ|эпил|прол"
    r"|table|gener|conte|list|full|illus|plate|maps|figur|stories|poems|inhal|somm|[íi]ndice|inhoud|sisäl|содер|оглав"
    r"|charact|cast|dramat|person|alpha|subject|index|foot|end|fu(?:ss|ß)n|transc|fin\b|fine\b|конец)",
    _I,
)
_NAMED_STARTS = frozenset((
    "the", "aut", "pub", "tra", "edi", "pre", "for", "int", "pro", "epi", "app", "con", "aft", "pos", "ded", "fin",
    "adv", "glo", "bib", "err", "not", "vor", "ein", "pré", "pró", "epí", "пре", "вве", "эпи", "про", "tab", "gen",
    "lis", "ful", "ill", "pla", "map", "fig", "sto", "poe", "inh", "som", "índ", "ind", "sis", "сод", "огл", "alp",
    "sub", "foo", "end", "fus", "fuß", "кон", "cha", "cas", "dra", "per",
))  # fmt: skip
_PAGE_STARTS, _NUMERALS = "pPsSivxlcIVXLC", "IVXLCDM"
# A line that begins with others holds no number; one may be "p. 12" or "S. 12".
_NUMBER_LETTERS, _NUMBER_STARTS = "ivxlcdm", "ivxlcdmps"
# Signs before a heading's first word.
_OPENINGS = "[({<\"'“‘«_*—–-.… "
_STARTS = _NAMED_STARTS | {start[:3] for start in CHAPTER_STARTS} | {"pag"}


def name_heading(line: str) -> HeadingKind | None:
    """Return what a heading is by its words, None where it has none of them.

    >>> [name_heading(line) for line in ("Chapter the First", "XIV.", "12", "Table of Contents", "Part one was dull.")]
    ['chapter', 'chapter', 'page', 'contents', None]
    """
    if not line:
        return None
    # A line's first letters rule out most patterns at a fraction of their cost.
    is_word = line[0].isalpha()
    words = line if is_word else line.lstrip(_OPENINGS)
    start = words[:3].lower()
    if (
        start[:1].isalpha()
        and start not in _STARTS
        and (start[0] not in _NUMBER_STARTS or (start.isalpha() and start.strip(_NUMBER_LETTERS)))
    ):
        return None
    if len(line) < 16 and (not is_word or line[0] in _PAGE_STARTS) and _PAGE.fullmatch(line):
        return "page" if any(c.isdigit() for c in line) else "chapter"
    if (not is_word or line[0] in _NUMERALS) and _NUMERAL.fullmatch(line):
        return "chapter"
    if _is_named_chapter(line):
        return "chapter"
    if start[:1].isdigit() or (is_word and start not in _NAMED_STARTS):
        return None
    if len(line) < _MAX_NAMED and line[-1] not in ",;!?-”\"'’" and _NAMED_START.match(line):
        return next((kind for pattern, kind in _NAMED if pattern.fullmatch(line)), None)
    return None


def _is_named_chapter(line: str) -> bool:
    if line[:4].lower() not in CHAPTER_STARTS:
        return False
    found = _CHAPTER.match(line)
    return bool(found and _is_chapter_line(line[found.end() :]))


def _is_chapter_line(rest: str) -> bool:
    """Say whether what follows "Chapter 4" is a title, not a sentence: "Part one of the story was dull." is prose."""
    rest = rest.lstrip()
    if not rest or rest[0] in ".:-—–([,;|_*\n" or not rest[0].isalpha():
        return len(rest) < 200
    return rest[0].isupper() and len(rest) < 100


def begins_chapter(block: str) -> bool:
    """Say whether a block may begin with a chapter's name."""
    return bool(_CHAPTER.match(block))


def may_name_chapter(block: str) -> bool:
    """Say whether a block may be a chapter's heading, or begin with one; inside an index nothing else matters.

    >>> [may_name_chapter(b) for b in ("CHAPTER II.", "Owls, 12, 40", "II\\nThe owl flew.")]
    [True, False, True]
    """
    line = block.strip(" \n_*=~#")
    return name_heading(line) == "chapter" or ("\n" in block and split_heading(block)[0] != "")


def is_capitals(line: str) -> bool:
    """Say whether a block has capitals only; what a figure shouts in quotation marks is prose.

    A name in capitals makes no heading of a sentence in a script without capitals.

    >>> [is_capitals(line) for line in ("THE OWL", "“THE OWL!”", "هذه مادة تدعى DNA.")]
    [True, False, False]
    """
    if not line.isupper() or (line[-1] in "!?”\"’'" and line[0] in "“\"‘'«—-"):
        return False
    return line.isascii() or sum(map(str.isupper, line)) * 2 > sum(map(str.isalpha, line))


def split_heading(block: str) -> tuple[str, str]:
    """Return the heading lines that a block begins with, and the rest: text may follow them without a blank line.

    >>> split_heading("CHAPTER IX\\nTHE HOMESTEAD\\nBy daylight, the bower was seen to be old.")
    ('CHAPTER IX\\nTHE HOMESTEAD', 'By daylight, the bower was seen to be old.')
    >>> split_heading("Part of the crowd\\nwent home.")
    ('', 'Part of the crowd\\nwent home.')
    """
    if block[0].isalpha() and block[0] not in _NUMERALS and block[:4].lower() not in CHAPTER_STARTS:
        return "", block
    first, _, rest = block.partition("\n")
    if not rest:
        return "", block
    first = first.strip(" _*=")
    if not _is_named_chapter(first) and not _NUMERAL.fullmatch(first):
        return "", block
    lines, end = block.split("\n"), 1
    if rest[0].islower() and (len(lines) == 2 or (len(lines) <= _MAX_SYNOPSIS and "--" in block)):
        return block, ""
    while end < len(lines) - 1 and end < 4 and is_capitals(lines[end].strip()):
        end += 1
    return "\n".join(lines[:end]), "\n".join(lines[end:])
