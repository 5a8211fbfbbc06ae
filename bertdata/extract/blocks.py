"""What a block of lines in a book is: running prose, or one of the things around it that are no text passages."""

from __future__ import annotations

import re
from typing import Literal

from bertdata.extract.headings import CHAPTER_STARTS, begins_chapter, is_capitals, name_heading

Kind = Literal[
    "prose", "verse", "chapter", "heading", "contents", "index", "notes-heading", "note", "rule", "page", "table",
    "list", "synopsis", "leader", "credit", "fragment", "contents-entry", "end", "transcriber", "cast",
]  # fmt: skip

_MAX_RULE = 400
_RULE = re.compile(rf"[\W_oO0xX]{{1,{_MAX_RULE}}}")
_RULE_LETTERS = "oO0xX"
_NOTE = re.compile(
    r"[ ]*(?:\[(?:\d{1,4}|[A-Z]{1,2}|[*†‡§#]+)\]"
    r"|\{\d{1,3}\}(?=\s)|\(\d{1,3}\)(?=[ ]*[A-Z])|[*†‡§]{1,3}(?=[ ]?[A-Z\"“‘(])|[*†‡](?= \d))[ ]*\S"
)
_NOTE_STARTS = " [{(*†‡§"
# The number of a section with its title, in which so many words have capitals; a date below a title.
_TITLE_SHARE = 0.5
_SECTION = re.compile(r"§+ ?(?:\d{1,3}|[IVXLC]{1,7})\b[^\n]*")
_DATE = re.compile(r"\((?:[A-Z][a-z]{2,8}\.?,? )?(?:\d{1,2}(?:st|nd|rd|th)?, )?\d{4}\.?\)\.?")
_CAPTION = re.compile(r"\((?:FIGURE|FIG\.|PLATE|MAP|PLAN|CHART)S?\b[^\n]*(?:\n[^\n]*){0,8}\)")
# Dots, blanks or strokes that lead to a page number. Each run is tried from its first sign only and taken whole, so
# that a million dots cost a million steps.
_LEADER = re.compile(
    r"(?:(?<!\.)\.{4,}+|(?<!\. )(?:\. ){3,}+|(?<! ) {3,}+|(?<!_)_{4,}+|(?<!…)…{2,}+)[ .]*+"
    r"(?:\d[\d,.]{0,11}|[ivxlc]{1,6})[^\w\n]{0,9}$",
    re.IGNORECASE | re.MULTILINE,
)
# What may stand behind a page number, and what one ends with.
_BEHIND_NUMBER, _NUMBER_ENDS = " .,;:!?()[]{}<>*|~/#&%=+-–—\"'“”‘’«»", frozenset("0123456789ivxlcIVXLC")
# A row without three blanks in a row or a stroke has three gaps of two.
_MIN_GAPS = 3
_GAP = re.compile(r"  (?<=[^\s.!?:;,\"'”’]  )")
_COLUMNS = re.compile(r"\S(?: {3,}|\|[^|\n]*\|| {2,}\S+ {2,}\S+ {2,})\S?|^[+|][-=+|]{3,}", re.MULTILINE)
_BRACES = re.compile(r" \}(?=\s|$)", re.MULTILINE)
_ITEM = re.compile(r"^[ ]*(?:[-*•·+]|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)]|[ivxIVX]{1,5}[.)])[ ]+\S", re.MULTILINE)
_NUMBERED = re.compile(r"^[ ]*(?:\d{1,3}|[IVXLC]{1,7})[.)]?[ ]+[A-Z\"“]", re.MULTILINE)
_DASHES = re.compile(r"[.?!:;]?\s?(?:--|—|–)\s?")
_ENDS = re.compile(r"(?:[.!?…。！？؟۔।॥։።]|[.!?]\s?-{1,2}|[.!?…]—)[\s'\"”’»›)\]}」』_*=~]*$|['\"”’»」』]\s*$")
_GOES_ON = re.compile(r"[,;:—–、，：；،؛-]['\"”’_]*$")
_CAPITAL_LINE = re.compile(r"^[ ]*[\"'“‘(\[_*]*[^\W\d_a-zß-öø-ÿ]", re.MULTILINE)
PLAIN_ENDS, SPECIAL_STARTS, QUOTES = ".!?\"”’'", " [{(*|+_=~#-—–©", "\"“‘'"
LONG_ENDS = PLAIN_ENDS + ":;,-"
# Words in lower case that titles have: these, and none of four letters or more beside them.
_LOWER_WORD = re.compile(r" (?!with|from|into|upon|over)[a-z]{4}")
HEADING_WORDS = frozenset((
    "list", "table", "tables", "contents", "content", "introduction", "preface", "foreword", "appendix", "note",
    "notes", "index", "footnotes", "part", "end", "author", "author's", "translator's", "publisher's",
    "editor's", "transcriber's", "transcriber’s", "author’s", "translated", "illustration:",
))  # fmt: skip
_SMALL_WORDS = frozenset((
    "a", "an", "the", "of", "in", "on", "at", "to", "by", "for", "from", "with", "and", "or", "nor", "but",
    "as", "into", "upon", "de", "la", "le", "les", "des", "du", "von", "der", "die", "das", "und", "et", "y",
))  # fmt: skip
_INITIALS = re.compile(r"[\W\d_]*(?:[A-Z]\.\s?){1,4}(?:[A-Z][\w'’-]+\.?)?\W*")
# A line of title or chapter heading is no longer than this.
MAX_TITLE = 80
# As far as signs reach behind the last letter of a sentence.
_TAIL = 12
_SYNOPSIS_JOINT = re.compile(r"[.?!][\"”’]?\s?(?:--|—|–)\s?[A-Z\"“‘]")


def is_plain_prose(block: str, width: int) -> bool:
    """Say whether a block is beyond doubt running prose: full lines without indentation, or one line of speech.

    `find_plain` tells the same of all blocks of a text at once, where no words need to be read for it.

    >>> [is_plain_prose(b, 70) for b in ('"Not I," said he.', "THE STORM.", "A fine " * 20 + "man.", "  A man. ")]
    [True, False, True, False]
    """
    if block[0] in SPECIAL_STARTS or block[-1] not in LONG_ENDS:
        return False
    # A speaker's name may begin a long block, not a short one, nor a line of capitals.
    if block[:8].isupper() and (len(block) <= 1.3 * width or block.split("\n", 1)[0].isupper()):
        return False
    if "\n " in block or "   " in block or ". . ." in block:
        return False
    if len(block) <= 1.3 * width:
        return block[-1] in PLAIN_ENDS and _is_plain_line(block, width)
    if "\n" in block and len(block) <= 0.78 * width * block.count("\n"):
        return False
    return _is_plain(block[: 2 * MAX_TITLE])


def _is_plain_line(block: str, width: int) -> bool:
    """Say whether one line, or one and the rest of a sentence, is speech, or has a word that no title has."""
    if 0 <= block.find("\n") < 0.7 * width or not _is_plain(block) or block.upper() == block:
        return False
    if block[0] in QUOTES or len(block) > MAX_TITLE:
        return True
    return bool(_LOWER_WORD.search(block)) and block.split(" ", 1)[0].lower() not in HEADING_WORDS


def _is_plain(block: str) -> bool:
    return (
        ".--" not in block
        and ".—" not in block
        and (block[:4].lower() not in CHAPTER_STARTS or not begins_chapter(block))
    )


def classify(block: str, width: int) -> Kind:
    """Return what a block of lines is. `width` is the length of the book's full lines.

    >>> [classify(b, 70) for b in ("CHAPTER IV.", "THE STORM", "* * *", "  12", "“No!”", "He said:", "By\\nA. Writer")]
    ['chapter', 'heading', 'rule', 'page', 'prose', 'prose', 'heading']
    """
    line = block.strip(" \n_*=~#")
    if not line or ((not line[0].isalnum() or line[0] in _RULE_LETTERS) and _is_rule(line)):
        return "rule"
    num_lines = block.count("\n") + 1
    if len(line) < 240 and num_lines <= 4 and (name := name_heading(line)):
        return name
    if line.isupper() and is_capitals(line):
        return "heading"
    if block[0] in _NOTE_STARTS:
        if _NOTE.match(block) or _CAPTION.fullmatch(line):
            return "note"
        if num_lines == 1 and len(line) <= MAX_TITLE and (_DATE.fullmatch(line) or _is_section(line)):
            return "heading"
    if kind := _tabular(block, num_lines):
        return kind
    if (
        line[0] not in QUOTES
        and ("--" in block or "—" in block)
        and len(_SYNOPSIS_JOINT.findall(block)) >= 2
        and _mean_piece(block) < 70
    ):
        return "synopsis"
    return _running(block, line, num_lines, width)


def _is_section(line: str) -> bool:
    """Say whether a line is a section's number and title: a statute is no title, its words are small."""
    return bool(_SECTION.fullmatch(line)) and _share_capital(line) >= _TITLE_SHARE


def _is_rule(line: str) -> bool:
    # Nearly all lines have a letter among their first signs, and the pattern stops there.
    if not _RULE.fullmatch(line):
        return len(line) > _MAX_RULE and not any(c.isalnum() for c in line)
    return (len(line) > 2 and len(set(line)) < 4) or not any(c.isalnum() for c in line)


def _tabular(block: str, num_lines: int) -> Kind | None:
    # One look for two blanks rules out columns for most blocks.
    has_gaps = "  " in block
    if ("..." in block or ". ." in block or (has_gaps and "   " in block)) and _count_leaders(
        block, num_lines
    ) * 2 >= num_lines:
        return "leader"
    if num_lines == 1:
        return None
    if (
        (has_gaps or "|" in block or "+" in block)
        and _may_have_columns(block)
        and len(_COLUMNS.findall(block)) * 2 >= num_lines + 1
    ):
        return "table"
    if block.count("}") > 1 and len(_BRACES.findall(block)) > 1:
        return "table"
    # A list begins with an item, or has one line before its items.
    begins = _ITEM.match(block) or _ITEM.match(block, block.find("\n") + 1)
    if begins and len(_ITEM.findall(block)) * 3 >= num_lines * 2:
        return "list"
    is_numbered = num_lines > 2 and _NUMBERED.match(block) and len(_NUMBERED.findall(block)) == num_lines
    return "list" if is_numbered else None


def _count_leaders(block: str, num_lines: int) -> int:
    """Return how many lines lead to a page number, 0 where too few end in one: most need no search."""
    if num_lines == 1 and block.rstrip(_BEHIND_NUMBER)[-1:] not in _NUMBER_ENDS:
        return 0
    lines = [line for line in block.split("\n") if line.rstrip(_BEHIND_NUMBER)[-1:] in _NUMBER_ENDS]
    return sum(bool(_LEADER.search(line)) for line in lines) if len(lines) * 2 >= num_lines else 0


def _may_have_columns(block: str) -> bool:
    return "|" in block or (
        ("   " in block or "+-" in block or "+=" in block or block.count("  ") >= _MIN_GAPS)
        and bool(_GAP.search(block))
    )


def _mean_piece(block: str) -> float:
    pieces = _DASHES.split(block)
    return len(block) / len(pieces)


def _running(block: str, line: str, num_lines: int, width: int) -> Kind:
    tail = line[-_TAIL:]
    ends = line[-1] in LONG_ENDS or bool(_ENDS.search(tail)) or bool(_GOES_ON.search(tail))
    if (
        num_lines > 1
        and len(block) < 0.72 * width * num_lines
        and max(map(len, block.split("\n"))) < 0.88 * width
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
    # A letter of a script without capitals counts as small.
    lower = sum(word[0].isalpha() and not word[0].isupper() for word in words)
    return lower >= 0.35 * len(words) and (num_lines > 2 or bool(_ENDS.search(line[-_TAIL:])) or line[-1] in ",;:—-")


def _is_titled(line: str) -> bool:
    """Say whether a line that ends like a sentence is a title all the same: "The Letter." or "By A. N. Writer." """
    # A word in small letters that no title has, nor a name with initials.
    if _LOWER_WORD.search(line):
        return False
    if line[0].isalpha() and line[:2].isupper() and len(line) <= MAX_TITLE and _is_capital_title(line):
        return True
    if line[0] in "“\"‘'«—-" or len(line) > 70 or line[-1] in "!?”\"’'»:;,—-":
        return bool(_INITIALS.fullmatch(line))
    words = [word for word in line.replace("_", " ").split() if word[0].isalpha()]
    if _INITIALS.fullmatch(line):
        return True
    small = sum(not word[0].isupper() and word not in _SMALL_WORDS for word in words)
    return len(words) > 1 and small == 0 and sum(word[0].isupper() for word in words) >= 2


def _is_capital_title(line: str) -> bool:
    """Say whether all words are capitals but the small ones of titles: "HOUSE of HANOVER," or "AN APPEAL, &c." """
    words = [word for word in line.split() if word[0].isalpha()]
    # What a speaker says behind a name in capitals is prose.
    return not set(QUOTES) & set(line) and all(word.isupper() or word in _SMALL_WORDS for word in words)


def _share_capital(line: str) -> float:
    words = [word for word in re.findall(r"[^\W\d_][\w'’]*", line) if word.lower() not in _SMALL_WORDS]
    return sum(word[0].isupper() for word in words) / len(words) if words else 1.0
