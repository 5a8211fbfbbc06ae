"""Notices of e-books: licences, disclaimers, and where to find and praise the author, as in Smashwords' books."""

from __future__ import annotations

import re

# What may stand before a notice, and how much of a block tells what it is.
_MARKS, _REACH = "([_*—- ", 1_000
# Tokenisers part signs from words.
_BOOK, _WEB = r"(?:e-?)?book", r"(?:twitter|facebook|goodreads|instagram|linkedin|pinterest|tumblr)"
_WORK = rf"(?:{_BOOK}|novel|story|work|publication)"
_THANKS = r"thank(?:s| you)(?: so much| very much)? for"
_SITE = rf"(?:my|our|the author['’]s) (?:web\s?site|web\s?page|blog|newsletter|{_WEB}|smashwords|author page)"
_LINK = r"\s?(?:[:@]|\bat\b)?[^.?!]{0,40}(?:https?\b|www\.|@)"
_FOLLOW = (
    rf"(?:(?:(?:me|us) (?:on|at|online) [^.?!]{{0,30}}?{_WEB}|{_SITE})\b(?:\W*$|\s?:|{_LINK})"
    rf"|(?:me|us) (?:on|at){_LINK})"
)
_INVENTED = r"\b(?:fictitious|fictional|fictitiously|imagination|imaginary|coincidental)\b"
# By their first letters. Each says beyond doubt that it is one: a narrator's "This is a work of fiction, he thought"
# goes on otherwise, and quotation marks open what somebody says.
_NOTICES = {
    "thi": (
        rf"this {_BOOK} (?:is licensed (?:for your|to you)\b|may not be (?:re-?sold|given|copied|reproduced|shared)\b"
        r"|(?:is|remains) (?:the )?copyrighted (?:property|material)|is (?:also )?available in print\b)"
        rf"|this (?:(?:{_BOOK}|novel|story) )?is (?:entirely )?a work of fiction\s?"
        rf"(?:\W*$|(?:[.;:—-]|, and\b).*{_INVENTED})"
    ),
    "no ": (
        rf"no (?:part|portion)s? of th(?:is|e) (?:{_WORK}|text|contents)\b[^.?!]{{0,60}} (?:may|can|shall) (?:not )?be "
        r"(?:\w+ ){0,2}(?:reproduced|used|copied|stored|transmitted|scanned)"
    ),
    "if ": (
        rf"if you(?: would|\s?['’]d) like to share this {_BOOK} with\b"
        rf"|if you(?: are|\s?['’]re) reading this {_BOOK} and did\s?n['’o]t (?:purchase|buy)\b"
        r"|if you(?:\s?['’]ve| have)? (?:liked|enjoyed|loved) (?:it|this|my)\b.{0,150}"
        r"\b(?:leave|leaving|write|writing|post|posting)\b[^.?!]{0,30}\breview"
    ),
    "ple": (
        r"please return to your favou?rite (?:e-?book )?retailer"
        r"|please (?:consider |take [^.?!]{0,30} to )?leav(?:e|ing) (?:(?:me|us|a|an|your|\w+est) ){1,3}review"
    ),
    "tha": (
        r"thank you for respecting the (?:hard )?work of this author"
        rf"|{_THANKS} (?:downloading|purchasing|buying) this (?:free )?{_BOOK}\b"
        rf"|{_THANKS} reading (?:my|this|our) {_WORK}\s?(?:\W*$|[.!,]? .*\b(?:enjoyed|reviews?|retailer)\b)"
    ),
    "you": r"your (?:support and )?respect for the property of (?:this|the) author",
    "nam": rf"names\s?, characters\b[^.?!]{{0,200}}{_INVENTED}",
    "cha": rf"characters\s?,? [^.?!]{{0,100}}\bin this {_WORK}\b[^.?!]{{0,80}}\bare\b[^.?!]{{0,80}}{_INVENTED}",
    "all": (
        rf"all (?:of )?(?:the )?(?:names\s?, )?characters\b[^.?!]{{0,100}}\b(?:in|of) (?:this|the) {_WORK}\b"
        rf"[^.?!]{{0,80}}\bare\b[^.?!]{{0,80}}{_INVENTED}"
    ),
    "the": (
        rf"the (?:names\s?, characters|characters\s?,? [^.?!]{{0,60}}\bin this {_WORK})\b"
        rf"[^.?!]{{0,200}}\bare\b[^.?!]{{0,200}}{_INVENTED}"
        rf"|the scanning\s?, uploading\b[^.?!]{{0,40}} of this {_BOOK}"
        r"|the author acknowledges the (?:trademark|copyright)"
    ),
    "sca": rf"scanning\s?, uploading\b[^.?!]{{0,40}} of this {_BOOK}",
    "any": r"any (?:resemblance|similarit(?:y|ies))\b[^.?!]{0,200}\b(?:coincidental|coincidence|unintentional)\b",
    "wit": r"without limiting the rights under copyright",
    "con": rf"connect with (?:(?:me|us|the author)(?: online)?\W*$|[^,?!:]{{2,40}}\s?:\W*$|{_FOLLOW})",
    "fol": rf"follow {_FOLLOW}",
    "fri": rf"friend {_FOLLOW}",
    "lik": rf"like {_FOLLOW}",
    "fin": rf"find {_FOLLOW}",
    "joi": rf"join {_FOLLOW}",
    "vis": rf"visit {_FOLLOW}",
    "che": rf"check out {_FOLLOW}",
    "fav": rf"favou?rite {_FOLLOW}",
    "sub": rf"subscribe to {_FOLLOW}",
    "dis": rf"discover (?:other|more) (?:titles|{_BOOK}s|works|stories|novels) (?:by|from)\b",
    "oth": rf"other (?:titles|{_BOOK}s|works|stories|novels) by [^?!]{{2,80}}(?<!\.)\s?:?$",
    "als": r"also by (?:this|the same) author\b|also by [^,?!]{2,40}\s?:$",
    "lic": r"licen[cs]e (?:notes?|statement)\W*$",
    "cov": r"cover (?:art|artwork|design|image|photo\w*|illustration)s?(?: (?:and|&) \w+)? (?:by|copyright|©)",
    "for": r"format(?:ted|ting) by\b",
}
# Lines may end between two words.
_PATTERNS = {
    start: re.compile(pattern.replace(" ", r"\s+"), re.IGNORECASE | re.DOTALL) for start, pattern in _NOTICES.items()
}
NOTICE_STARTS = frozenset(_PATTERNS)


def is_notice(block: str) -> bool:
    """Say whether a block is a notice of an e-book; its first three letters are of NOTICE_STARTS in all that are.

    >>> is_notice("This is a work of fiction. Names are the product of the author's imagination.")
    True
    >>> is_notice("This is a work of fiction, he thought.")
    False
    """
    line = block.lstrip(_MARKS)
    pattern = _PATTERNS.get(line[:3].lower())
    return pattern is not None and pattern.match(line, 0, _REACH) is not None
