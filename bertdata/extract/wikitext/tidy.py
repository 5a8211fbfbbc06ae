"""The last stage: entities, blanks, Unicode form, and the repair of holes that dropped markup leaves."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from html.entities import html5

from bertdata.extract.wikitext.marks import MARK, Hole, Tally, without_marks

_ENTITY = re.compile(r"&(?:#([0-9]{1,7})|#[xX]([0-9a-fA-F]{1,6})|([A-Za-z][A-Za-z0-9]{1,31}));")
_INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff]")
# Where a reference stood between two sentences and no blank did.
_RUN_ON = re.compile("(?<=[.!?])\u2060+(?=(\\w))")
_M = "(?:\x02[0-9]+\x03)"
_B = f"(?:[ \u200e\u200f]|{_M})*"  # a blank, a direction mark, or a dropped template
# What a hole looks like before it is repaired; one scan of a page finds out whether any repair is due.
# It begins with one set of signs: the scan then skips letters and blanks ten times faster than with alternatives.
SUSPECT = re.compile(
    rf"[\x02(\[（「『《“«,;:、，；.!?)）\]](?:(?<=\x02)|(?<=[(\[（])(?:{_B}[)\]）,;:、，；：]| )"
    rf"|(?<=[「『《“«]){_B}[」』》”»]"
    rf"|(?<=[,;:、，；]){_B}[)）\]、。,.;]|(?<=[ \x03][,.;:!?])(?![^\s\x02)])|(?<=[ \x03][)）\]]))"
)
# What stands side by side in each of these, and hardly anywhere else.
_MAYBE_SUSPECT = re.compile(
    r"[.,;:!?)\]）（(\[」』》”»、。，；：](?:(?<=[ \x03\u200e\u200f(\[（「『《“«,;:、，；].)(?<![(\[（])|(?<=[(\[（]) )"
)
_PARTNERS = dict(zip("「『《“«", "」』》”»", strict=True))
_GLUE = " \u200e\u200f,;:、，；"
_BRACKETS = re.compile(rf"([(\[（「『《“«])((?:[{_GLUE}–/.\-：]|{_M})*+)([)\]）」』》”»])")
# A run of blanks, signs and dropped templates, tried only at its start: a scan stays linear. It begins with one set of
# signs: the scan then skips all else ten times faster. A comma and a blank between words are as they should be.
_RUN = re.compile(
    rf"[{_GLUE}\x02](?=[{_GLUE}\x020-9])(?<![{_GLUE}\x03].)(?!(?<=\w,) \w)(?:(?<!\x02)|[0-9]+\x03)(?:[{_GLUE}]|{_M})++"
)
_OPENED = re.compile(r"([(（\[])[ ,;:、，；]++(?!\[)")
_CLOSED = re.compile(r"[ ,;、，；]+([)）\]])")
_BLANK_BEFORE = re.compile(r"[)）\]](?<=[ ,;、，；].)")
_LOOSE_SIGN = re.compile(r" (?<![.,;:!?] )([,.;!?])(?=[\s)]|$)(?! [.!?])")
# A reference mark that was typed, or pasted with the text of another page.
_TYPED_MARK = re.compile(r"\[(?:(?<=[\s.,;:!?)»”\"'’\]]\[)|(?<=[^\W\d_a-zA-Z]\[))[0-9]{1,3}\](?=[\s.,;:!?)\[»”\"]|$)")
_LOOSE_BLANK = re.compile(r" +(?=[ .,;)]|$)")
_SIGNS = frozenset(",;:、，；")
# What a template was to compute, in a bracket of its own: "$5 ($▢ in current dollars)", "in 1969 (▢ years ago)".
_AMOUNT = re.compile(rf" ?\((?:[^()]*?[$£€¥₹]{_M}[^()]*|(?:aged? )?{_M} years?(?: ago| old)?)\)")
_AMOUNT_LEFT = re.compile("\x02(?:(?<=[$£€¥₹(].)|(?<=age .)|(?<=aged .))")
_DOUBLED = re.compile(r"[,;:]\.(?=\s|$)")
# Holes that no repair closes: the sentence lacks words.
HOLE = re.compile(
    r"[(（\[]\s*[)）\]]|[(（]\s*[;,:]|[;,]\s*[)）]|\s[,;](?:\s|$)|,\s*,|\b(?:[Aa]t|[Ii]n|[Oo]f|[Ff]rom|by|to|with|and|between|the|a|an|is|was|are|were|about|approximately|around|nearly)"
    r"(?: ,|,(?= )| \.(?:\s|$)|\.(?=\s+[A-Z]|$))|\b(?:of|is|was) and\b"
)
# Wikis that write a blank before these signs.
SPACED_SIGNS = frozenset(("fr", "br", "oc", "co", "wa", "pcd", "frp", "nrm"))
_MARKS = re.compile(f"{_M}+")
_MARKED_HOLE = re.compile(rf"(?:^|[(（\[,;:]|\b\w{{1,4}}) ?({_M}+)(?: ?[,.;:)）\]]| (?:and|or|of|in|to)\b|$)")


_DASHES = ("ndash;", "mdash;")


def decode_usual(text: str) -> str:
    """Decode the references that most pages have; none of them can be taken for markup then."""
    first, *parts = text.split("&")
    for i, part in enumerate(parts):
        if part.startswith("nbsp;"):
            parts[i] = " " + part[5:]
        else:
            parts[i] = ("–" if part[0] == "n" else "—") + part[6:] if part.startswith(_DASHES) else "&" + part
    return "".join([first, *parts]) if parts else text


def decode_entities(text: str) -> str:
    """Decode character references once; one without its semicolon is text.

    >>> decode_entities("&lt; R&D &amp;lt; &#233; &nosuch;")
    '< R&D &lt; é &nosuch;'
    """
    return _ENTITY.sub(_decode, text) if "&" in text else text


def _decode(found: re.Match[str]) -> str:
    if found[3]:
        return html5.get(found[3] + ";", found[0])
    code = int(found[1]) if found[1] else int(found[2], 16)
    if code in (9, 10, 13) or (32 <= code < 0xD800) or (0xE000 <= code < 0x110000 and code not in (0xFFFE, 0xFFFF)):
        return " " if 127 <= code < 160 else chr(code)
    return found[0]


def _close_brackets(found: re.Match[str]) -> str:
    """Drop brackets that hold nothing; `call()`, `[...]` and `(-)` are text."""
    inside = found[2]
    if _PARTNERS.get(found[1], found[3]) != found[3]:
        return found[0]  # „…“» are two closing marks.
    words = MARK.sub("", inside).strip(" \u200e\u200f")
    before = found.string[found.start() - 1 : found.start()]
    touched = "\x02" in inside or " " in inside or found[1] not in "(["
    if words == "" and (touched or before in ("", " ", "\x03")):
        return ""
    signs = set(words.replace(" ", ""))
    return "" if words and signs <= _SIGNS | (set("：–/") if touched else set()) else found[0]


def _close_run(language: str) -> Callable[[re.Match[str]], str]:
    """Return the rule that reduces a run of blanks, signs and dropped templates to one sign or blank."""

    def rule(found: re.Match[str]) -> str:
        run, text = found[0], found.string
        before, after = text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]
        plain = MARK.sub("", run)
        signs = [sign for sign in plain if sign in _SIGNS]
        if before in ("(", "[", "（") or after in (")", "]", "）"):
            return ""
        if not signs:
            return " " if " " in plain and not (after in ("", *".,;!?") and plain != run) else ""
        if not before:
            return ""
        if after and after in ".。" and text[found.end() + 1 : found.end() + 2] in ("", " "):
            return ""
        if len(signs) == 1 and plain == run and (plain.startswith(signs[0]) or signs[0] == ":"):
            return run
        spaced = language in SPACED_SIGNS and signs[0] in ";:"
        return (" " if spaced else "") + signs[0] + (" " if " " in plain else "")

    return rule


def repair(text: str, language: str) -> str:
    """Close the holes of one paragraph: empty brackets, blanks before signs, doubled signs.

    >>> repair("Ada ( ; 1 May 1900) lived in ( ) Rome , near , , the sea .", "en")
    'Ada (1 May 1900) lived in Rome, near, the sea.'
    """
    # Each pass is begun by a look for a pair of signs that it needs: most would find nothing, ten times more slowly.
    before = text
    if _AMOUNT_LEFT.search(text):
        text = _AMOUNT.sub("", text)
    text = _RUN.sub(_close_run(language), _BRACKETS.sub(_close_brackets, text))
    if text != before or "\x02" in text:
        text = _BRACKETS.sub(_close_brackets, MARK.sub("", text))
    text = _OPENED.sub(r"\1", text)
    if _BLANK_BEFORE.search(text):
        text = _CLOSED.sub(r"\1", text)
    if language not in SPACED_SIGNS and any(pair in text for pair in (" ,", " .", " ;", " !", " ?")):
        text = _LOOSE_SIGN.sub(r"\1", text)
    if ",." in text or ";." in text or ":." in text:
        text = _DOUBLED.sub(".", text)
    return single_blanks(text).strip()


def single_blanks(text: str) -> str:
    """Return a text without blanks at its ends, and with one where several follow each other."""
    while "  " in text:
        text = text.replace("  ", " ")
    return text.strip(" ")


def count_holes(text: str, tally: Tally) -> None:
    """Count the places where a dropped template leaves its sentence short, by template."""
    done = 0
    for run in _MARKS.finditer(text):
        # A hole begins with a sign or a word of up to four letters, and perhaps a blank, before the marks.
        starts = range(max(done, run.start() - 5), run.start() + 1)
        found = next(filter(None, (_MARKED_HOLE.match(text, start) for start in starts)), None)
        if found is None:
            continue
        done = found.end()
        context = MARK.sub(
            "", text[max(0, found.start() - 40) : found.start(1)] + "▢" + text[found.end(1) : found.end() + 20]
        )
        for mark in MARK.findall(found[1]):
            tally.add("hole:" + tally.name(mark))
            tally.holes.append(Hole(context, tally.name(mark)))


def holes(text: str) -> list[Hole]:
    """Return the suspected holes of a finished text: `( )`, `At ,`, `in .`; which template made them isn't known here.

    >>> holes("It has an area of and a mayor.")
    [Hole(context='It has an area of and a mayor.', template='')]
    """
    return [Hole(text[max(0, m.start() - 40) : m.end() + 20], "") for m in HOLE.finditer(text)]


def one_line(paragraph: str) -> str:
    """Return a paragraph whose blanks are line ends and U+0020 only as one line, with single blanks."""
    return single_blanks(paragraph.replace("\n", " "))


def composed(text: str) -> str:
    """Return a text in Unicode's composed form, NFC."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def normal_text(paragraph: str, language: str, tally: Tally) -> str:
    """Return a paragraph as it stands in the document: one line, decoded, NFC, without holes."""
    text = decode_entities(paragraph).replace("\n", " ")
    # What can be printed holds neither other blanks than U+0020 nor anything invisible.
    if not text.isprintable():
        text = text.replace("\xa0", " ")
        if not without_marks(text).isprintable():
            if not text.isascii() and any(sign in text for sign in "\u00ad\u200b\u2060\ufeff"):
                text = _INVISIBLE.sub("", _RUN_ON.sub(lambda found: " " if found[1].isupper() else "", text))
            text = " ".join(text.split())
    text = composed(single_blanks(text))
    if "[" in text:
        text, num = _TYPED_MARK.subn("", text)
        text = _LOOSE_BLANK.sub("", text) if num else text
        tally.add("typed reference", num)
    if (_MAYBE_SUSPECT.search(text) or "\x02" in text) and SUSPECT.search(text):
        if "\x02" in text:
            count_holes(text, tally)
        text = repair(text, language)
    return text
