"""Numbers as each wiki writes them."""

from __future__ import annotations

import re


def _words(text: str) -> list[str]:
    return text.split()


# (grouping sign, decimal sign) by language; English for the rest. MediaWiki's own tables are the source.
_POINT_GROUPS = _words(
    "de es it nl tr id el pt da hr sl sr sh bs ro vi gl eu is fo mk lb la az jv su ms-id ast ca nds fy af-de"
)
_BLANK_GROUPS = _words(
    "fr sv ru uk pl cs sk bg fi nb no nn hu lt lv et be be-tarask kk ky uz hy ka oc eo sq tt ba cv sah os br ltg mn tg"
)
SEPARATORS = dict.fromkeys(_POINT_GROUPS, (".", ",")) | dict.fromkeys(_BLANK_GROUPS, (" ", ","))
# Wikis that group only numbers of five digits and more.
_WIDE = frozenset(_words("es pl pt ca bg hu lt lv et be be-tarask ru uk")) - {"hu", "ru", "uk"}
_DIGITS = {
    "mr": "०१२३४५६७८९",
    "ne": "०१२३४५६७८९",
    "bn": "০১২৩৪৫৬৭৮৯",
    "fa": "۰۱۲۳۴۵۶۷۸۹",
    "mzn": "۰۱۲۳۴۵۶۷۸۹",
    "ckb": "٠١٢٣٤٥٦٧٨٩",
    "my": "၀၁၂၃၄၅၆၇၈၉",
}
_INDIAN = frozenset(("mr", "hi", "bn", "ne", "ta", "te", "kn", "ml", "gu", "pa", "as", "or"))
_GROUPED = re.compile(r"[-−+]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?")
NUMBER = re.compile(r"[-−+]?[0-9]+(?:\.[0-9]+)?")


def decimal_sign(language: str) -> str:
    """Return the sign between a number and its decimals on this wiki."""
    return SEPARATORS.get(language, (",", "."))[1]


def ascii_digits(text: str) -> str:
    """Write the decimal digits of all scripts as 0 to 9.

    >>> ascii_digits("२४८ km")
    '248 km'
    """
    return text if text.isascii() else "".join(str(int(c)) if c.isdecimal() else c for c in text)


def local_digits(text: str, language: str) -> str:
    """Write the digits 0 to 9 as this wiki does."""
    return text.translate(str.maketrans("0123456789", _DIGITS[language])) if language in _DIGITS else text


def group_digits(digits: str, sign: str, indian: bool = False) -> str:
    """Group a run of digits from the right.

    >>> group_digits("1234567", ","), group_digits("1234567", ",", indian=True)
    ('1,234,567', '12,34,567')
    """
    if len(digits) <= 3:
        return digits
    head, tail = digits[:-3], digits[-3:]
    size = 2 if indian else 3
    groups = [head[max(0, i - size) : i] for i in range(len(head), 0, -size)]
    return sign.join([*reversed(groups), tail])


_ONES = _words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = _words("- - twenty thirty forty fifty sixty seventy eighty ninety")
_LARGE = {10**9: "billion", 10**6: "million", 1000: "thousand"}
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip


def in_words(number: int) -> str:
    """Return a number below a trillion in English words.

    >>> in_words(12), in_words(1_999), in_words(40_000_021)
    ('twelve', 'one thousand nine hundred and ninety-nine', 'forty million and twenty-one')
    """
    if number < 20:
        return _ONES[number]
    if number < 100:
        return _TENS[number // 10] + (f"-{_ONES[number % 10]}" if number % 10 else "")
    size = next((size for size in _LARGE if number >= size), 100)
    rest = number % size
    joint = " and " if rest < 100 else " "
    return f"{in_words(number // size)} {_LARGE.get(size, 'hundred')}" + (joint + in_words(rest) if rest else "")


def ordinal_in_words(number: int) -> str:
    """Return an ordinal in English words.

    >>> ordinal_in_words(3), ordinal_in_words(20), ordinal_in_words(142)
    ('third', 'twentieth', 'one hundred and forty-second')
    """
    words = in_words(number)
    last = re.split("[ -]", words)[-1]
    ending = _ORDINALS.get(last) or (last[:-1] + "ieth" if last.endswith("y") else last + "th")
    return words.removesuffix(last) + ending


def format_number(text: str, language: str, raw: bool = False) -> str:
    """Write a number as `{{formatnum:…}}` does on this wiki; what is no plain number stays as it is.

    >>> format_number("1234567.5", "sv"), format_number("-10", "en"), format_number("about 5", "en")
    ('1 234 567,5', '-10', 'about 5')
    """
    text = text.strip()
    if raw:
        return text.replace(",", "")
    if len(text) < 4 and text.isdecimal() and language not in _DIGITS:
        return text  # Most numbers, and no rule would change them.
    plain = text.replace(",", "") if "," in text and _GROUPED.fullmatch(text) else text
    if not NUMBER.fullmatch(plain):
        return text
    group, decimal = SEPARATORS.get(language, (",", "."))
    sign = plain[0] if plain[0] in "-−+" else ""
    whole, _, fraction = plain[len(sign) :].partition(".")
    if not (language in _WIDE and len(whole) == 4):
        whole = group_digits(whole, group, language in _INDIAN)
    number = sign + whole + (decimal + fraction if fraction else "")
    return local_digits(number, language)
