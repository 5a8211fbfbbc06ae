"""Credits of books: who made the file, who printed the book, whose rights are reserved."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bertdata.extract.notices import NOTICE_STARTS, is_notice

_MADE = "prepared|produced|created|scanned|transcribed|typed|made|updated|provided|compiled|converted|donated"
_CREDIT = re.compile(
    r"[\W_]*(?:"
    r"(?:this|the|these)\s+(?:e-?texts?|e-?books?|electronic\s+\w+|files?|transcription|digital\s+\w+)\b"
    rf"[^.\n]{{0,60}}?\b(?:{_MADE})\b"
    rf"|th(?:is|e)\s+book\s+(?:was|has\s+been)\s+(?:{_MADE})\b"
    r"|(?P<made>(?:e-?texts?|e-?books?|html(?: version| file)?|text file|digiti[sz]ed|proofread|edited|contributed"
    rf"|distributed|images? (?:generously )?(?:made|provided)|{_MADE})\b[^.\n]{{0,50}}\bby\b|by arrangement with\b)"
    r"|\(?this (?:file|book) was produced from|transcribed from\b|scanned and\b|produced from\b"
    r"|(?:credits|note):?\s[^\n]*(?:gutenberg|pgdp|html version|e-?text|e-?book)"
    r"|e-?text (?:prepared|scanned|transcribed)|many thanks to\b[^\n]*\bfor\b"
    r"|(?:all|some) rights reserved|copyright\b|©"
    r"|(?:first |re)?printed (?:in|by|and|at|for)\b|from the set of\b[^\n]{0,30}\bvolumes?\b"
    r"|(?:originally )?published (?:by|in|serially)\b"
    r"|(?:first )?(?:published|edition)\b[^\n]{0,40}\d{4}|printers?\b[^\n]*\bprinted"
    r"|prices?:? (?:post-?paid|[$£]?\d)|text that was (?:originally )?in italics\b"
    r"|entered according to (?:the )?act of congress|translated (?:by|from)\b|illustrated by\b"
    r"|(?:on )?(?:page|p\.) ?\d+[,:][^\n]{0,200}?\b(?:changed|corrected|amended) (?:to|from)\b"
    r"|(?:page|p\.) ?\d+, line \d+\b|\bisbn\b|library of congress|manufactured in|with (?:\w+ )?illustrations?\b"
    r")",
    re.IGNORECASE,
)
# The first letters of what the pattern finds: nearly all blocks begin with others.
_CREDIT_STARTS = frozenset((
    "thi", "the", "e-t", "e-b", "ete", "ebo", "htm", "tex", "dig", "pro", "edi", "con", "dis", "ima", "pre", "cre",
    "sca", "tra", "typ", "mad", "upd", "com", "don", "cop", "not", "man", "all", "som", "rig", "fir", "rep", "pri",
    "fro", "ori", "pub", "ent", "ill", "by ", "on ", "pag", "isb", "lib", "wit",
))  # fmt: skip
_OPENINGS = "\"“‘'«([_*—- "
# Quotation marks open what somebody says, and a first sentence that goes on with a pronoun tells of a person: "Provided
# by his father with money, he set out".
_SPEECH = re.compile(r"[(\[_*\s]*[\"“‘'«„`]")
_TOLD = re.compile(r"[^.!?]*?(?:,\s+(?:he|she|i|we|they|it)|\bby\s+(?:his|her|their|its|these|those))\b", re.IGNORECASE)
_PROJECTS = (
    "project gutenb",
    "projekt gutenb",
    "pgdp.net",
    "distributed proofread",
    "archive.org",
    "smashwords",
    "feedbooks",
    # Placeholders of Project Gutenberg's file names.
    "xxx.xxx",
)
# The sizes of books, in the entries of publishers' lists: a bibliographer's paragraph is longer.
_SIZES, _MAX_ENTRY = (" 12mo", " 8vo", " 16mo"), 300
_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.\w{2,}")
_RIGHTS = re.compile(
    r"copyright \(c\) ?\d{4}|copyright,? \d{4}|^[\W_]*transcriber['’]?s? notes?\b|etext transcriber", re.IGNORECASE
)


# Prices, bindings and sizes, and the newspapers that praised a book: what publishers print behind one. A pattern is
# tried where one of its signs stands.
_OFFERS = (
    ((" net", " each"), re.compile(r"[.\d] (?:net|each)\b(?:(?<=\d[sd]\. net)|(?<=\d[sd]\. each)|(?<=\.\d\d net))")),
    (("rice", "RICE"), re.compile(r"\bprices?:? (?:post-?paid|[$£]?\d)", re.IGNORECASE)),
    (("loth",), re.compile(r"\bcloth,? (?:gilt|extra|boards?|price|[$£]?\d)", re.IGNORECASE)),
    (("8vo", "4to", "12mo"), re.compile(r"\b(?:crown|demy|fcap\.?|royal|post) (?:8vo|4to|12mo)", re.IGNORECASE)),
)
# Of offers only bindings and "post-paid" go without a digit, and few paragraphs have one.
_DIGIT = re.compile(r"[0-9]")
_ADVERT_SHARE = 1 / 3
_REVIEW = re.compile(
    r"(?:—|--)\s?(?:[A-Z][\w.]*\s|and\s|of\s|the\s|&\s){0,5}(?:Herald|Times|Tribune|Journal|Republican|Post|News|Gazette"
    r"|Review|Chronicle|Standard|Spectator|Athen(?:ae|æ)um|Academy|Independent|Opinion|Observer|Telegraph|Mail|Press"
    r"|Globe|Sun|World|Transcript|Advertiser|Mercury|Courier|Examiner|Guardian|Critic|Nation|Outlook|Inquirer|Bulletin"
    r"|Record|Register|Advocate|Dispatch|Magazine|Democrat|Budget)\W{0,3}$"
)
_REVIEW_TAIL = 60
# A pattern that begins with one class of signs is searched several times faster than one with a choice.
_ANY_PRICE = re.compile(r"[0-9](?:(?<=[£$].)|[sd]\.)")


def are_adverts(paragraphs: list[str]) -> bool:
    """Say whether paragraphs behind a book's end are its publisher's list: a third of them have a price.

    >>> are_adverts(["The Owl. Folio, £1 12s.", "Also by this author:--"]), are_adverts(["She died.", "He came home."])
    (True, False)
    """
    num_priced = sum(_ANY_PRICE.search(p.replace("_", "")) is not None or is_advert(p) for p in paragraphs)
    return num_priced > _ADVERT_SHARE * len(paragraphs)


def is_advert(paragraph: str) -> bool:
    """Say whether a paragraph offers a book or tells who praised it; asked at the end of a book.

    >>> [is_advert(p) for p in ("The Owl. Crown 8vo, 3s. 6d. net.", "“A fine owl.”--_The Daily News._", "It cost $5.")]
    [True, True, False]
    """
    tail = paragraph[-_REVIEW_TAIL:]
    if ("—" in tail or "--" in tail) and _REVIEW.search(tail.replace("_", "")):
        return True
    if not ("loth" in paragraph or "paid" in paragraph or "PAID" in paragraph or _DIGIT.search(paragraph)):
        return False
    plain = paragraph.replace("_", "")
    return any(pattern.search(plain) for signs, pattern in _OFFERS if any(sign in plain for sign in signs))


_WORDS = (*_PROJECTS, "copyright", "transcriber")
_OTHER_WORDS = tuple(word for word in _WORDS if "gutenb" not in word)
# What holds a sign that most texts lack is looked for where that stands. "=>" is a transcriber's correction.
_RARE_WORDS = (("@", "@"), (">", "=>"), ("8", " 8vo"), ("2", " 12mo"), ("6", " 16mo"))


def credit_words(text: str) -> tuple[str, ...]:
    """Return the words of a text that may make a credit of a block wherever they stand in it."""
    # In bytes only ASCII has small letters, and is read ten times faster: the words have no others.
    low = text.encode("utf-8", "surrogatepass").lower()
    rare = (word for sign, word in _RARE_WORDS if sign.encode() in low)
    words = _WORDS if b"gutenb" in low else _OTHER_WORDS
    return tuple(word for word in (*words, *rare) if word.encode() in low)


_ALL_WORDS = (*_WORDS, *(word for _, word in _RARE_WORDS))


def is_credit(block: str, words: Iterable[str] = _ALL_WORDS) -> bool:
    """Say whether a block tells who made the file or the printed book; asked in the front and at the end of a book.

    Of the `words` that tell it wherever they stand only those need be looked for that `credit_words` finds in all
    blocks together.

    >>> is_credit("Produced by A. Volunteer and the Online Team"), is_credit("He was produced by his mother.")
    (True, False)
    """
    start = block.lstrip(_OPENINGS)[:3].lower()
    if (start in _CREDIT_STARTS or start[:2] == "p." or not start[:1].isalpha()) and _opens_credit(block):
        return True
    if start in NOTICE_STARTS and is_notice(block):
        return True
    if not words:
        return False
    low = block.lower()
    return any(word in low and _is_told(word, block) for word in words)


def _opens_credit(block: str) -> bool:
    found = _CREDIT.match(block)
    return found is not None and not _SPEECH.match(block) and not (found["made"] and _TOLD.match(block))


def _is_told(word: str, block: str) -> bool:
    """Say whether a block with such a word is a credit: some make one of short blocks only, or with a name or year."""
    if word in _SIZES:
        return len(block) < _MAX_ENTRY
    if word == "@":
        return len(block) < 100 and bool(_MAIL.search(block))
    return word not in ("copyright", "transcriber") or bool(_RIGHTS.search(block))
