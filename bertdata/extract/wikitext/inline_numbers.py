"""Templates that work a number out or write it in another way: shares, densities, prices, words, units of the sky."""

from __future__ import annotations

import re
from collections.abc import Callable

from bertdata.extract.wikitext.call import Call, Rule
from bertdata.extract.wikitext.conversions import round_value
from bertdata.extract.wikitext.convert import convert
from bertdata.extract.wikitext.numbers import format_number, in_words, ordinal_in_words

_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,15})?")
_GAUGE = re.compile(r"[0-9]\s*(?:mm|m|in|ft|мм)$")
_GLUED_UNIT = re.compile(r"(?<=[0-9])(mm|ft|in|m|мм)(?![a-z])\s*")
_BODIES = {"solar": "☉", "earth": "🜨", "jupiter": "J"}
_MEASURES = ("mass", "radius", "luminosity")
_INDIAN = {
    "k": "thousand", "l": "lakh", "m": "million", "c": "crore", "b": "billion", "t": "trillion", "lc": "lakh crore",
}  # fmt: skip
_DENSITIES = {"km2": "/km2", "sqkm": "/km2", "sqmi": "/sqmi", "mi2": "/sqmi"}


def plus_minus(call: Call) -> str:
    """Print `{{±|3}}`, and `{{±|3|4}}` as +3/−4."""
    more, less = call.value(1), call.value(2)
    return f"+{more}/−{less}" if less else f"±{more}"


def astronomical(sign: str) -> Rule:
    """Return a rule that prints a number of solar masses and the like: `{{solar mass|5}}`."""
    return lambda call: f"{call.value(1)} {sign}".strip()


def percentage(call: Call) -> str:
    """Print `{{percentage|1|4|0}}`: what a part is of a whole, to so many decimals."""
    part, whole, decimals = (call.value(n).replace(",", "") for n in (1, 2, 3))
    if not (_NUMBER.fullmatch(part) and _NUMBER.fullmatch(whole) and float(whole)):
        return ""
    return f"{round_value(100 * float(part) / float(whole), int(decimals) if decimals.isdecimal() else 0)}%"


def rounded(call: Call) -> str:
    """Print `{{rnd|3.14159|2}}`."""
    number, decimals = call.value(1).replace(",", ""), call.value(2)
    if not _NUMBER.fullmatch(number):
        return call.value(1)
    return format_number(round_value(float(number), int(decimals) if decimals.isdecimal() else 0), call.language)


def worded(write: Callable[[int], str]) -> Rule:
    """Return a rule that prints a number in words; those that aren't whole, or too large, as they are."""

    def rule(call: Call) -> str:
        number = call.value(1).replace(",", "")
        return write(int(number)) if number.isascii() and number.isdecimal() and len(number) <= 12 else number

    return rule


def price(call: Call) -> str:
    """Print `{{format price|1234567}}` as 1.23 million, smaller amounts with their digits grouped."""
    number = call.value(1).replace(",", "")
    if not _NUMBER.fullmatch(number) or len(number) > 18:
        return call.value(1)
    for size, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if float(number) >= size:
            share = float(number) / size
            return f"{round_value(share, 2 if share < 10 else 1 if share < 100 else 0)} {word}"
    return format_number(round_value(float(number), 0), call.language)


def rupees(call: Call) -> str:
    """Print `{{INRConvert|5|c}}` as ₹5 crore, without what it is in dollars."""
    return f"₹{call.value(1)} {_INDIAN.get(call.value(2), '')}".strip() if call.value(1) else ""


def density(call: Call) -> str:
    """Print `{{pop density|5000|10|km2|sqmi}}`: people for each unit of area, and of the other one."""
    people, area, unit, other = (call.value(n).replace(",", "") for n in (1, 2, 3, 4))
    if not (_NUMBER.fullmatch(people) and _NUMBER.fullmatch(area) and float(area) and unit in _DENSITIES):
        return ""
    value, decimals = float(people) / float(area), call.get("prec")
    text = round_value(value, int(decimals) if decimals.lstrip("-").isdecimal() else 0 if value >= 10 else 1)
    wanted = [_DENSITIES[other]] if other in _DENSITIES else []
    return convert(call._replace(name="cvt", positional=[text, _DENSITIES[unit], *wanted], named={}))


def other_unit(call: Call) -> str:
    """Print `{{km to mi|590|precision=0}}` as `{{convert|590|km|mi|0}}` does."""
    given, _, wanted = call.name.partition(" to ")
    symbols = {"abbr": "on"} if call.get("abbr", "abbrev").startswith("y") else {}
    return convert(call._replace(positional=[call.value(1), given, wanted, call.get("precision")], named=symbols))


def track_gauge(call: Call) -> str:
    """Print `{{RailGauge|1435}}` and `{{track gauge|3ft6in}}`; a gauge without a number has a name that isn't known."""
    gauge = call.value(1)
    if gauge.removesuffix("mm").rstrip().isdecimal():
        return f"{format_number(gauge.removesuffix('mm'), call.language)} mm"
    return _GLUED_UNIT.sub(r" \1 ", gauge).rstrip() if _GAUGE.search(gauge) else ""


RULES: dict[str, Rule] = {
    **dict.fromkeys(("km to mi", "mi to km", "m to ft", "ft to m"), other_unit),
    **dict.fromkeys(("formatprice", "format price"), price),
    **dict.fromkeys(("percentage", "percent and number", "pct"), percentage),
    **dict.fromkeys(("round", "rnd", "decimals"), rounded),
    **dict.fromkeys(("number to words", "numtoword", "number to word", "spellnum"), worded(in_words)),
    **dict.fromkeys(("ordinal to word", "ordinaltoword"), worded(ordinal_in_words)),
    **dict.fromkeys(("pop density", "population density"), density),
    "inrconvert": rupees,
    **dict.fromkeys(("±", "pm", "plus-minus", "plusminus", "+-"), plus_minus),
    **{f"{body} {what}": astronomical(what[0].upper() + sign) for body, sign in _BODIES.items() for what in _MEASURES},
}
