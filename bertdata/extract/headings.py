"""What a block of lines in a book is: running prose, or one of the things around it that are no text passages."""

from __future__ import annotations

import re
from typing import Literal

Kind = Literal[
    "prose", "verse", "chapter", "heading", "contents", "index", "notes-heading", "note", "rule", "page", "table", "list",
    "synopsis", "leader", "credit", "fragment", "contents-entry", "end", "transcriber",
]  # fmt: skip

_I = re.IGNORECASE
_NUMBER_WORDS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen"
    "|nineteen|twenty|thirty|forty|fifty|sixty|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last"
    "|eleventh|twelfth|premier|première|erste[rs]?|zweite[rs]?|dritte[rs]?"
)
_CHAPTER = re.compile(
    r"(?:the )?(?:chapter|chap\.|book|part|volume|vol\.|canto|canticle|act|scene|stave|letter|section|tale|episode|story|lesson"
    r"|fit|phase|chapitre|livre|partie|tome|kapitel|teil|buch|band|cap[ií]tulo|capitolo|parte|libro|hoofdstuk|deel|глава"
    r"|часть|книга|luku|osa)\s+"
    rf"(?:the\s+)?(?:[ivxlcdm]+|\d+|(?:{_NUMBER_WORDS})(?:[- ](?:{_NUMBER_WORDS}))?)(?![\w'’])",
    _I,
)
_NUMERAL = re.compile(r"\W*(?:[IVXLCDM]+|\d{1,4})\W*")
_PART_NAME = re.compile(
    r"\W*(?:the\s+)?(?:author['’]s\s+|publisher['’]s\s+|translator['’]s\s+|editor['’]s\s+)?(?:preface|foreword|introduction"
    r"|introductory(?:\s+note)?|prologue|epilogue|appendix(?:\s+\w{1,5})?|conclusion|afterword|postscript|dedication|finis"
    r"|prelude|interlude|finale|advertisement|glossary|bibliography|errata|note|postlude|vorwort|einleitung|préface"
    r"|prefazione|prólogo|epílogo|предисловие|введение|эпилог|пролог)(?:\s+to\s+the\s+[\w ]{1,30}edition)?\W*",
    _I,
)
_CONTENTS = re.compile(
    r"\W*(?:(?:the\s+)?(?:table\s+of\s+|general\s+)?contents(?:\s+of\s+[^\n]{1,60})?|(?:list\s+of\s+)?(?:the\s+)?(?:full[- ]page\s+)?"
    r"(?:illustrations|plates|maps|figures|tables|stories|poems)|list\s+of\s+[^\n]{1,40}|inhalt(?:sverzeichnis)?|table\s+des\s+mati[èe]res"
    r"|sommaire|[íi]ndice|indice|inhoud|sisältö|содержание|оглавление)\W*",
    _I,
)
_INDEX = re.compile(r"\W*(?:(?:general|alphabetical|subject)\s+)?index(?:\s+of\s+[^\n]{1,40})?\W*", _I)
_NOTES = re.compile(r"\W*(?:foot-?notes?|end-?notes?|notes|fu(?:ss|ß)noten)\W*", _I)
_TRANSCRIBER = re.compile(r"\W*transcriber['’]?s?['’]?\s+(?:endnote|note|correction|comment)s?\b[^\n]{0,40}", _I)
_END_LINE = re.compile(
    r"\W*(?:the\s+end|finis|fin|fine|ende|end|end\s+of\s+(?:the\s+)?(?:volume|vol|book|part|first|second|third)[^\n]{0,50}|конец)\W*",
    _I,
)
_RULE = re.compile(r"[\W_oO0xX]{1,400}")
_PAGE = re.compile(r"\W*(?:page|pg\.?|p\.|s\.)?\s*(?:\d{1,4}|[ivxlc]{1,6})\W*", _I)
_NOTE = re.compile(
    r"[ ]*(?:\[(?:\d{1,4}|[A-Z]{1,2}|[*†‡§#]+)\]|\{\d{1,3}\}|\(\d{1,3}\)(?=[ ]*[A-Z])|[*†‡§]{1,3}(?=[ ]?[A-Z\"“‘(]))[ ]*\S"
)
_LEADER = re.compile(
    r"(?:\.{4,}|(?:\. ){3,}| {3,}|_{4,}|…{2,})[ .]*(?:\d[\d,.]{0,11}|[ivxlc]{1,6})[^\w\n]*$", _I | re.MULTILINE
)
_COLUMNS = re.compile(r"\S(?: {3,}|\|[^|\n]*\|| {2,}\S+ {2,}\S+ {2,})\S?|^[+|][-=+|]{3,}", re.MULTILINE)
_ITEM = re.compile(r"^[ ]*(?:[-*•·+]|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)]|[ivxIVX]{1,5}[.)])[ ]+\S", re.MULTILINE)
_NUMBERED = re.compile(r"^[ ]*(?:\d{1,3}|[IVXLC]{1,7})[.)]?[ ]+[A-Z\"“]", re.MULTILINE)
_DASHES = re.compile(r"[.?!:;]?\s?(?:--|—|–)\s?")
_ENDS = re.compile(r"(?:[.!?…。！？؟۔।॥։።]|[.!?]\s?-{1,2}|[.!?…]—)[\s'\"”’»›)\]}」』_*=~]*$|['\"”’»」』]\s*$")
_GOES_ON = re.compile(r"[,;:—–、，：；،؛-]['\"”’_]*$")
_CAPITAL_LINE = re.compile(r"^[ ]*[\"'“‘(\[_*]*[^\W\d_a-zß-öø-ÿ]", re.MULTILINE)
_CREDIT = re.compile(
    r"\W*(?:(?:this|the|these)\s+(?:e-?texts?|e-?books?|electronic\s+\w+|files?|transcription|digital\s+\w+|book)\b[^.\n]{0,60}?"
    r"\b(?:prepared|produced|created|scanned|transcribed|typed|made|updated|provided|compiled|converted|donated)\b"
    r"|(?:e-?text|e-?book|html(?: version| file)?|text file|scanned|digiti[sz]ed|transcribed|proofread|prepared|produced|typed"
    r"|edited|converted|compiled|contributed|updated|distributed|images? (?:generously )?(?:made|provided))"
    r"[^.\n]{0,50}\bby\b|\(?this (?:file|book) was produced from"
    r"|transcribed from\b|scanned and\b|produced from\b|(?:credits|note):?\s[^\n]*(?:gutenberg|pgdp|html version|e-?text|e-?book)"
    r"|e-?text (?:prepared|scanned|transcribed)|many thanks to\b[^\n]*\bfor\b|(?:all|some) rights reserved|copyright\b|©"
    r"|(?:first |re)?printed (?:in|by|and|at)\b|published (?:by|in)\b|(?:first )?(?:published|edition)\b[^\n]{0,40}\d{4}|printers?\b[^\n]*\bprinted"
    r"|entered according to (?:the )?act of congress|translated (?:by|from)\b|illustrated by\b|by arrangement with|\bisbn\b"
    r"|library of congress|manufactured in|with (?:\w+ )?illustrations?\b)",
    _I,
)
_PROJECT = re.compile(r"proje[ck]t gutenb[eu]rg|pgdp\.net|distributed proofread|archive\.org|smashwords|feedbooks", _I)
_SYNOPSIS_JOINT = re.compile(r"[.?!][\"”’]?\s?(?:--|—|–)\s?[A-Z\"“‘]")


def is_full_prose(block: str, width: int) -> bool:
    """Say whether a block is beyond doubt running prose: full lines, no indentation, and the end of a sentence.

    This is the fast path: in novels it decides 9 of 10 bytes.
    """
    return (
        len(block) > 1.3 * width
        and block[0] not in " [{*|+_"
        and len(block) > 0.78 * width * block.count("\n")
        and "\n " not in block
        and "   " not in block
        and ". . ." not in block
        and block[-1] in ".!?\"”’'"
        and "--" not in block[:160]
        and "—" not in block[:160]
        and not block[:8].isupper()
    )


def split_heading(block: str) -> tuple[str, str]:
    """Return the heading lines that a block begins with, and the rest: chapters whose text follows without a blank line.

    >>> split_heading("CHAPTER IX\\nTHE HOMESTEAD\\nBy daylight, the bower was seen to be old.")
    ('CHAPTER IX\\nTHE HOMESTEAD', 'By daylight, the bower was seen to be old.')
    >>> split_heading("Part of the crowd\\nwent home.")
    ('', 'Part of the crowd\\nwent home.')
    """
    lines = block.split("\n")
    first = lines[0].strip(" _*=")
    found = _CHAPTER.match(first)
    if not (found and _is_chapter_line(first[found.end() :])) and not _NUMERAL.fullmatch(first):
        return "", block
    end = 1
    while end < len(lines) - 1 and end < 4 and _is_capitals(lines[end].strip()):
        end += 1
    return "\n".join(lines[:end]), "\n".join(lines[end:])


def classify(block: str, width: int) -> Kind:
    """Return what a block of lines is. `width` is the length of the book's full lines.

    >>> [classify(b, 70) for b in ("CHAPTER IV.", "THE STORM", "* * *", "  12", "“No!”", "He said:", "CONTENTS", "By\\nA. Writer")]
    ['chapter', 'heading', 'rule', 'page', 'prose', 'prose', 'contents', 'heading']
    """
    line = block.strip(" \n_*=~#")
    if (
        not line
        or (not any(c.isalnum() for c in line))
        or (_RULE.fullmatch(line) and len(set(line)) < 4 and len(line) > 2)
    ):
        return "rule"
    num_lines = block.count("\n") + 1
    if len(line) < 240 and num_lines <= 4 and (kind := _heading(line)):
        return kind
    if _is_capitals(line):
        return "heading"
    if _NOTE.match(block):
        return "note"
    if kind := _tabular(block, num_lines, width):
        return kind
    if len(_SYNOPSIS_JOINT.findall(block)) >= 2 and _mean_piece(block) < 70:
        return "synopsis"
    return _running(block, line, num_lines, width)


def _is_capitals(line: str) -> bool:
    """Say whether a block has capitals only; what a figure shouts in quotation marks is prose."""
    return line.isupper() and not (line[-1] in "!?”\"’'" and line[0] in "“\"‘'«—-") and line != line.lower()


def _heading(line: str) -> Kind | None:
    if _PAGE.fullmatch(line) and len(line) < 16:
        return "page" if any(c.isdigit() for c in line) else "chapter"
    if _NUMERAL.fullmatch(line):
        return "chapter"
    if (found := _CHAPTER.match(line)) and _is_chapter_line(line[found.end() :]):
        return "chapter"
    for pattern, kind in _NAMED_HEADINGS:
        if pattern.fullmatch(line):
            return kind
    return None


_NAMED_HEADINGS: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (_CONTENTS, "contents"),
    (_INDEX, "index"),
    (_NOTES, "notes-heading"),
    (_TRANSCRIBER, "transcriber"),
    (_END_LINE, "end"),
    (_PART_NAME, "chapter"),
)


def _is_chapter_line(rest: str) -> bool:
    """Say whether what follows "Chapter 4" is a title, not a sentence: "Part one of the story was dull." is prose."""
    rest = rest.lstrip()
    if not rest or rest[0] in ".:-—–([,;|_*\n" or not rest[0].isalpha():
        return len(rest) < 200
    return rest[0].isupper() and len(rest) < 100


def _tabular(block: str, num_lines: int, width: int) -> Kind | None:
    if len(_LEADER.findall(block)) * 2 >= num_lines:
        return "leader"
    if len(_COLUMNS.findall(block)) * 2 >= num_lines + 1 and num_lines > 1:
        return "table"
    if num_lines > 1 and len(_ITEM.findall(block)) * 3 >= num_lines * 2:
        return "list"
    if num_lines > 2 and len(_NUMBERED.findall(block)) == num_lines:
        return "list"
    return None


def _mean_piece(block: str) -> float:
    pieces = _DASHES.split(block)
    return len(block) / len(pieces)


def _running(block: str, line: str, num_lines: int, width: int) -> Kind:
    ends = bool(_ENDS.search(line)) or bool(_GOES_ON.search(line))
    longest = max(map(len, block.split("\n")))
    if (
        num_lines > 1
        and longest < 0.88 * width
        and len(block) < 0.72 * width * num_lines
        and _is_verse(block, num_lines)
    ):
        return "verse" if _has_sentence(line, num_lines) else "heading"
    if ends:
        return "heading" if _is_titled(line) else "prose"
    if len(line) > 2.2 * width:
        return "prose"
    return "heading" if num_lines <= 3 and _share_capital(line) > 0.5 else "fragment"


def _is_verse(block: str, num_lines: int) -> bool:
    capital = len(_CAPITAL_LINE.findall(block))
    indented = block.startswith("  ") or "\n  " in block
    return capital >= 0.75 * num_lines or (indented and num_lines > 2 and capital >= 0.5 * num_lines)


def _has_sentence(line: str, num_lines: int) -> bool:
    words = line.split()
    lower = sum(word[:1].islower() for word in words)
    return lower >= 0.35 * len(words) and (num_lines > 2 or bool(_ENDS.search(line)) or line[-1] in ",;:—-")


_INITIALS = re.compile(r"[\W\d_]*(?:[A-Z]\.\s?){1,4}(?:[A-Z][\w'’-]+\.?)?\W*")


def _is_titled(line: str) -> bool:
    """Say whether a line that ends like a sentence is a title all the same: "The Letter." or "By A. N. Writer." """
    if line[0] in "“\"‘'«—-" or len(line) > 70 or line[-1] in "!?”\"’'»:;,—-":
        return bool(_INITIALS.fullmatch(line)) if line else False
    words = [word for word in re.split(r"[\s_]+", line) if word[:1].isalpha()]
    if _INITIALS.fullmatch(line):
        return True
    small = sum(word[0].islower() and word not in _SMALL_WORDS for word in words)
    return len(words) > 1 and small == 0 and sum(word[0].isupper() for word in words) >= 2


_SMALL_WORDS = frozenset(
    "a an the of in on at to by for from with and or nor but as into upon de la le les des du von der die das und et y".split()
)


def _share_capital(line: str) -> float:
    words = [word for word in re.findall(r"[^\W\d_][\w'’]*", line) if word.lower() not in _SMALL_WORDS]
    return sum(word[0].isupper() for word in words) / len(words) if words else 1.0


def is_credit(block: str) -> bool:
    """Say whether a block tells who made the file or the printed book; asked in the front and at the end of a book.

    >>> is_credit("Produced by A. Volunteer and the Online Team"), is_credit("Produced by hand, the cloth was dear.")
    (True, True)
    """
    return bool(_CREDIT.match(block)) or bool(_PROJECT.search(block))
