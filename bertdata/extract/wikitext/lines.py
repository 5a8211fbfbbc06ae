"""Lines: headings, lists and table debris go, apostrophes are read, paragraphs are put together."""

from __future__ import annotations

import re

from bertdata.extract.wikitext.formulas import FORMULA
from bertdata.extract.wikitext.marks import Tally

_M = "(?:\x02[0-9]+\x03)*+"
# A line's start is its line end before: a literal first character lets the scan run at the speed of memchr.
LINE = re.compile(
    rf"\n(?=[\x02=*#:;| \t{{!\-]){_M}"
    rf"(?:(?P<heading>(={{1,6}}+)[^\n]+?\2[ \t]*{_M}[ \t]*(?=\n|\Z))|(?P<list>[*#:;][^\n]*+)"
    rf"|(?P<table>[ \t]*+(?:\||\{{\||!(?=[^\n]*(?:span|style|align|width|bgcolor|scope|class)=))[^\n]*+)"
    r"|(?P<rule>-{4,}))"
)
_SWITCH = re.compile(r"__(?=[^\W\d_])[^\W_]+(?:_[^\W_]+)*__")
# A scan for one sign, and a look at what follows it, is faster than one for two.
_QUOTES, _ITALICS, _BOLD = re.compile("('(?=')'+)"), re.compile("'(?=')'"), re.compile("'(?='')")
# A short line that is bold as a whole, without an end mark, is a heading in all but name.
_BOLD_LINE = re.compile(r"\n(?=[ \t'])[ \t]*'{3,5}(?![' ])[^'\n]{1,80}?(?<![.!?。।؟:,;])'{3,5}[ \t]*:?[ \t]*(?=\n|\Z)")
TABLE = re.compile(r"\n[ \t:*#;]*\{\|.*+(?:\n(?![ \t:*#;]*(?:\{\||\|\}(?!\}))).*+)*+\n[ \t]*\|\}(?!\})")
_BLANK_LINES = re.compile("\n(?:\n|(?=[ \t\x02])(?:[ \t]|\x02[0-9]+\x03)*+\n)\\s*")


def _odd(num: int) -> bool:
    return num % 2 == 1


def _unbalance(parts: list[str]) -> None:
    """Read one bold mark as an apostrophe and an italic mark, where both are odd: MediaWiki's quote rule."""
    space = multi = single = -1
    for i in range(1, len(parts), 2):
        if len(parts[i]) != 3:
            continue
        before = parts[i - 1]
        if before.endswith(" "):
            space = i if space < 0 else space
        elif before[-2:-1] == " ":
            single = i
            break
        else:
            multi = i if multi < 0 else multi
    at = next((i for i in (single, multi, space) if i >= 0), -1)
    if at >= 0:
        parts[at] = "'"


def quotes(line: str) -> str:
    """Remove the marks of bold and italics from one line; apostrophes that are none of them stay.

    >>> quotes("the ''Gazette'''s editor"), quotes("'''''Both''' papers''"), quotes("l'''Aurore''")
    ("the Gazette's editor", 'Both papers', "l'Aurore")
    """
    parts = _QUOTES.split(line)
    marks = parts[1::2]
    num_bold, num_italic = marks.count("'''"), marks.count("''")
    if num_bold + num_italic == len(marks) and not (_odd(num_bold) and _odd(num_italic)):
        return "".join(parts[::2])
    runs = list(map(len, marks))
    bold = sum(n >= 3 for n in runs)
    italic = sum(n == 2 or n >= 5 for n in runs)
    for i in range(1, len(parts), 2):
        if len(parts[i]) == 4:
            parts[i - 1], parts[i] = parts[i - 1] + "'", "'''"
        elif len(parts[i]) > 5:
            parts[i - 1], parts[i] = parts[i - 1] + "'" * (len(parts[i]) - 5), "'''''"
    if _odd(bold) and _odd(italic):
        _unbalance(parts)
    return "".join(part if part == "'" or i % 2 == 0 else "" for i, part in enumerate(parts))


def read_quotes(text: str) -> str:
    """Apply the quote rule to each line that has marks; where all are of italics, they just go."""
    parts: list[str] = []
    at, bold = 0, _BOLD.search(text)
    while bold:
        start = text.rfind("\n", at, bold.start()) + 1 or at
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        if start > at:
            parts += _ITALICS.split(text[at:start])
        parts.append(quotes(text[start:end]))
        at, bold = end, _BOLD.search(text, end)
    return "".join([*parts, *_ITALICS.split(text[at:])])


def drop_switches(text: str, tally: Tally) -> str:
    """Drop behaviour switches such as `__NOTOC__`, in any script; `__init__` is a word."""
    if "_" not in text or "__" not in text:
        return text

    def replace(found: re.Match[str]) -> str:
        word = found[0].strip("_")
        if word != word.upper() and word.lower() not in ("toc", "notoc", "forcetoc", "noeditsection"):
            return found[0]
        tally.add("switch")
        return ""

    return _SWITCH.sub(replace, text)


def drop_lines(text: str, tally: Tally) -> str:
    """Drop headings, list items and what is left of tables; each leaves a break between paragraphs."""
    parts = LINE.split("\n" + text)
    stride = LINE.groups + 1
    for kind, group in LINE.groupindex.items():
        found = parts[group::stride]
        tally.add(kind + " line", len(found) - found.count(None))
    pieces, items = parts[::stride], parts[LINE.groupindex["list"] :: stride]
    for i, item in enumerate(items):
        if item and pieces[i]:
            pieces[i] = _without_label(pieces[i], tally)
    text = "\n".join(pieces)
    if _BOLD.search(text):
        text, num = _BOLD_LINE.subn("\n", text)
        tally.add("bold line", num)
    return text


_ENDS = frozenset(".!?।॥。！？…؟۔:;,：；，、\"”»')]）")
# One that ends in a colon or a bracket is told from a sentence by its words: "Other museums:", "Members (12)".
_MAX_LABEL, _MAX_LABEL_WORDS = 40, 3


def _without_label(piece: str, tally: Tally) -> str:
    """Drop the last line of what stands before a list, if it is short, alone and no sentence: the list's label."""
    at = piece.rfind("\n")
    label = piece[at + 1 :].strip()
    if not 0 < len(label) <= _MAX_LABEL or "\x02" in label or (at > 0 and piece[at - 1] != "\n"):
        return piece
    if label[-1] in _ENDS and not (label[-1] in ":)" and label.count(" ") < _MAX_LABEL_WORDS and label.count(":") < 2):
        return piece
    tally.add("label line")
    return piece[: max(at, 0)]


# An entry of a list that was typed without marks: "2) The Baltic coast", with another before or behind it.
_TYPED_ENTRY = re.compile(r"\d{1,3}[.)\]] ?[^\d\s].{0,70}")


def drop_entries(paragraphs: list[str], tally: Tally) -> list[str]:
    """Drop numbered paragraphs that follow each other and are short and no sentences: lists typed without marks.

    >>> drop_entries(["Two parts:", "1) The coast", "2) The lake", "3. May was cold."], Tally())
    ['Two parts:', '3. May was cold.']
    """
    if not any(text[0].isdigit() for text in paragraphs):
        return paragraphs
    found = [bool(_TYPED_ENTRY.fullmatch(text)) and text[-1] not in _ENDS for text in paragraphs]
    beside = zip([False, *found], [*found[1:], False], strict=False)
    kept = [text for text, is_entry, two in zip(paragraphs, found, beside, strict=True) if not (is_entry and any(two))]
    tally.add("typed entry", len(paragraphs) - len(kept))
    return kept


# A word beside a formula: two letters, or one of a script that is written without blanks.
_WORD = re.compile(r"[^\W\d_]{2}|[\u3040-\u30ff\u3400-\u9fff]")


def read_formulas(paragraph: str) -> str:
    """Keep the formulas of a paragraph that has words beside them; one of formulas only is a display and goes.

    >>> read_formulas("let \x06x\x06 be"), read_formulas("\x06x = 5\x06, (1)")
    ('let x be', '')
    """
    pieces = paragraph.split(FORMULA)
    return "".join(pieces) if any(map(_WORD.search, pieces[::2])) else ""


def paragraphs(text: str) -> list[str]:
    """Cut flat text at blank lines; the lines of a paragraph are still its own."""
    return _BLANK_LINES.split(text)


# Entries side by side, as navigation writes them.
_ENTRY = re.compile(r" [•·‧|] ")
# An entry of one or two words and what belongs to it: "Brother: Moses", "See: Owls of Rome".
_LABELLED = re.compile(r"[^\s:]{1,20}(?: [^\s:]{1,20})? ?: .+")
# A paragraph that only points to other articles.
_SEE_ALSO = re.compile(
    r"\(?(?:(?:See also|Siehe auch|Voir aussi|Véase|Vedi anche|Ver também|Zie ook|Zobacz (?:też|także)|Se även|Se også"
    r"|Xem thêm|См\. также|Див\. також|Δείτε επίσης|参见|參見)\b|(?:Main articles?|Further information|Hauptartikel"
    r"|Article (?:détaillé|principal)|Artículo principal|Voce principale|Artigo principal|Hoofdartikel|Основная статья"
    r"|Подробнее|Основна стаття|Докладніше(?: в статт\w+)?|Κύριο λήμμα|मुख्य लेख|यह भी देखें|主条目) ?[:：])"
    r"[^.。!?।]+(?<!:)[.。।]?\)?|（?(?:より)?(?:詳細|詳しく)は[^。]+を参照(?:のこと|の事|せよ)?。?）?"
)
_MAX_ENTRY_CHARS, _MAX_HEADING, _MAX_POINTER = 60, 100, 140


def is_prose(paragraph: str, has_rows: bool = True) -> bool:
    """Tell whether a cleaned paragraph is running text: a letter is in it, and it isn't one of the kinds shown.

    Without `has_rows` the caller knows that no dot or bar of a row of entries is in it.

    >>> [is_prose(text) for text in ("* 1 *", "https://x.example/y", "See: Rome", "Rome:", "Owl • Rook • Jay", "==A")]
    [False, False, False, False, False, False]
    """
    if not (paragraph[:1].isalpha() or any(map(str.isalpha, paragraph))):
        return False
    if " " not in paragraph and (paragraph.startswith(("http://", "https://")) or paragraph.endswith((":", ":-"))):
        return False
    if len(paragraph) <= _MAX_POINTER and _SEE_ALSO.fullmatch(paragraph):
        return False
    if len(paragraph) <= _MAX_ENTRY_CHARS and ": " in paragraph and paragraph[-1] not in _ENDS:
        return not _LABELLED.fullmatch(paragraph)
    if (paragraph[0] == "=" or paragraph[-1] == "=") and (paragraph.startswith("==") or paragraph.endswith("==")):
        return len(paragraph) > _MAX_HEADING
    if has_rows and (
        "|" in paragraph or (not paragraph.isascii() and ("•" in paragraph or "·" in paragraph or "‧" in paragraph))
    ):
        entries = _ENTRY.split(paragraph)
        return len(entries) < 3 or max(map(len, entries)) > _MAX_ENTRY_CHARS or paragraph[-1] in ".!?|।॥。！？…"
    return True
