"""`{{convert}}` and its kin: the value that was typed, its unit and the converted value, as a reader sees them."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import NamedTuple

from bertdata.extract.wikitext import conversions
from bertdata.extract.wikitext.call import Call
from bertdata.extract.wikitext.conversions import TEMPERATURES, convert_value, is_convertible, num_decimals, round_value
from bertdata.extract.wikitext.numbers import ascii_digits, decimal_sign, format_number, local_digits
from bertdata.extract.wikitext.units import UNITS, write_number

_RANGES = {
    "-": "–", "–": "–", "to": " to ", "and": " and ", "or": " or ", "x": " × ", "×": " × ", "by": " by ", "xx": " × ",
    "*": " × ", "+": " + ", "to(-)": " to ", "and(-)": " and ", "+/-": " ± ", "±": " ± ", "to about": " to about ",
    "and then": " and then ", "&": " & ", ",": ", ", ", and": ", and ", ", or": ", or ", "minus": " − ",
    "x(-)": " × ", "-and": "–", "to or": " to ", "/": "/", "а": " а ", "do": " do ", "a": " a ", "bis": " bis ",
    "à": " à ", "до": " до ",
}  # fmt: skip
# "7,2" is seven and two tenths where wikis write so; three digits behind a comma are thousands, typed as in English.
_DECIMAL_COMMA = re.compile(r"(?<=[0-9]),(?=(?:[0-9]{1,2}|[0-9]{4,})\Z)")
_VALUE = re.compile(r"[-−+±~]?\s*[0-9][0-9,. ]*(?:e[-−+]?[0-9]+)?(?:[+/⁄][0-9/⁄+]+)?(?://[0-9]+)?%?", re.IGNORECASE)


def is_value(text: str) -> bool:
    """Tell whether a value of the template is a number."""
    return bool(_VALUE.fullmatch(text))


# Sizes: every number has its unit where units are symbols.
_SIZES = frozenset(("x", "×", "xx", "*", "x(-)"))
_BY_SYMBOL = {UNITS[code][2]: code for code in [*conversions.UNITS, *TEMPERATURES] if code in UNITS}


class Quantity(NamedTuple):
    """What the editor typed: numbers in one unit with the words between them, or one number in two units."""

    numbers: list[str]
    joints: list[str]
    units: list[str]


class Style(NamedTuple):
    """Whether the units of the typed and of the converted value are symbols."""

    given: bool
    wanted: bool


def convert(call: Call) -> str:
    """Print the typed value or range with its unit, and the converted one in brackets.

    >>> convert(Call("convert", ["87", "m", "ft"], {"abbr": "off", "sp": "us"}, "en", ""))
    '87 meters (285 feet)'
    >>> convert(Call("cvt", ["10", "x", "20", "km"], {}, "en", ""))
    '10 km × 20 km (6.2 mi × 12.4 mi)'
    >>> convert(Call("convert", ["5", "ft", "11", "in"], {"order": "flip"}, "en", ""))
    '1.80 metres (5 ft 11 in)'
    """
    values = call.values()
    if values and call.get("adj") in ("mid", "pre") and (word := _own_word(values)):
        is_behind = call.get("adj") == "mid"
        plain = call._replace(positional=values[:-1], named=call.named | {"adj": "on" if is_behind else ""})
        return _with_word(convert(plain), word, is_behind)
    if not call.value(1).isascii() and call.value(1)[0].isdecimal():
        named = {name: value for name, value in call.named.items() if not name.isdigit()}
        plain = call._replace(positional=[ascii_digits(value) for value in values], named=named)
        return local_digits(convert(plain), call.language)
    if decimal_sign(call.language) == ",":
        values = [_DECIMAL_COMMA.sub(".", value) for value in values]
    if (
        values
        and _DIGITS.fullmatch(values[0])
        and (form := _form(call.name, call.language, tuple(values[1:]), tuple(call.named.items())))
    ):
        return _filled(form, values[0], call)
    quantity, rest = read_quantity(values)
    if not quantity.numbers:
        return call.first_value()
    style = read_style(call)
    typed = _typed(quantity, call, style.given)
    display = call.get("disp")
    codes = [] if call.get("abbr") == "values" else _wanted_units(quantity, rest)
    if not codes:
        return typed
    style, flipped = _turned(style, call)
    converted = "; ".join(_converted(quantity, code, rest, call, style.wanted) for code in codes)
    if flipped:
        typed, converted = converted, _typed(quantity, call, style.given)
    if display in ("output only", "out", "output number only", "number"):
        return converted
    if display in ("or", "/", "slash"):
        return f"{typed}{' or ' if display == 'or' else ' / '}{converted}"
    return f"{typed} ({converted})"


_LAST_NUMBER = re.compile(r".*[0-9]\S* ", re.DOTALL)
# The typed quantity stands before the converted one, which is in brackets or behind a word.
_FIRST_QUANTITY = re.compile(r".*?(?= \(| or (?=[0-9])| / )", re.DOTALL)


def _own_word(values: list[str]) -> str:
    """Return the word that stands last among the values: `100|m|ft|adj=mid|-long`, `4|mi|km|adj=pre|statute`."""
    word = values[-1]
    return "" if is_value(word) or re.fullmatch(r"[-−]?[0-9]*", word) or word in UNITS or _canonical(word) else word


def _with_word(text: str, word: str, behind: bool) -> str:
    """Return a converted text with a word behind its first unit, or before it."""
    found = _FIRST_QUANTITY.match(text)
    first, rest = (found[0], text[found.end() :]) if found else (text, "")
    if behind:
        first += word if word.startswith("-") else f" {word}"
    else:
        first = _LAST_NUMBER.sub(lambda found: f"{found[0]}{word} ", first)
    return first + rest


# The usual number: digits, perhaps grouped, perhaps with decimals.
_DIGITS = re.compile(r"[0-9][0-9,]*(?:\.[0-9]+)?")


class Form(NamedTuple):
    """What stands around the numbers where one number in one unit is converted to one other."""

    given: str
    wanted: str
    rest: list[str]
    # Behind one and behind many, as typed and converted.
    typed: tuple[str, str]
    converted: tuple[str, str]
    flipped: bool


@lru_cache(maxsize=10_000)
def _form(name: str, language: str, behind: tuple[str, ...], named: tuple[tuple[str, str], ...]) -> Form | None:
    """Return the form of all calls that differ in their number only; None where there are more numbers or units."""
    call = Call(name, ["2", *behind], dict(named), language, "")
    quantity, rest = read_quantity(call.positional)
    codes = _wanted_units(quantity, rest)
    display = call.get("disp")
    if (
        len(quantity.numbers) != 1 or len(quantity.units) != 1 or len(codes) != 1 or codes == ["ftin"]
        or display not in ("", "flip") or call.get("abbr") == "values" or decimal_sign(language) == ","
    ):  # fmt: skip
        return None
    style, given, wanted = read_style(call), quantity.units[0], codes[0]
    style, flipped = _turned(style, call)
    typed = unit_text(given, "1", call, style.given), unit_text(given, "2", call, style.given)
    converted = unit_text(wanted, "1", call, style.wanted), unit_text(wanted, "2", call, style.wanted)
    return Form(_canonical(given), wanted, rest, typed, converted, flipped)


def _filled(form: Form, number: str, call: Call) -> str:
    """Return a form with its numbers."""
    value = float(number.replace(",", ""))
    converted = convert_value(value, form.given, form.wanted)
    decimals = num_decimals(number, value, converted, form.given, form.wanted)
    text = _rounded(converted, decimals, form.rest, call)
    first = write_number(number, call) + form.typed[not is_one(number)]
    second = text + form.converted[not is_one(text)]
    return f"{second} ({first})" if form.flipped else f"{first} ({second})"


def read_quantity(values: list[str]) -> tuple[Quantity, list[str]]:
    """Return what was typed, and the values behind it: `10|-|20|km|mi|0`."""
    numbers: list[str] = []
    joints: list[str] = []
    at = 0
    while at < len(values) and is_value(values[at]):
        numbers.append(values[at])
        at += 1
        if at + 1 < len(values) and values[at] in _RANGES and is_value(values[at + 1]):
            joints.append(values[at])
            at += 1
            continue
        break
    if not numbers or at >= len(values):
        return Quantity(numbers, joints, []), []
    units = [values[at]]
    at += 1
    # Feet and inches, stones and pounds: the next pair is a smaller unit of the same quantity.
    if len(numbers) == 1 and at + 1 < len(values) and is_value(values[at]) and (units[0], values[at + 1]) in _PAIRS:
        numbers.append(values[at])
        units.append(values[at + 1])
        at += 2
    return Quantity(numbers, joints, units), values[at:]


_PAIRS = frozenset(
    (large, small)
    for large, small in (("ft", "in"), ("foot", "in"), ("feet", "in"), ("yd", "ft"), ("mi", "ft"), ("mi", "yd"),
                         ("st", "lb"), ("lb", "oz"), ("mi", "chain"), ("mi", "furlong"), ("mi", "chains"))
)  # fmt: skip


def read_style(call: Call) -> Style:
    """Tell where units are symbols; wikis but the English ones have names of their own, so symbols are safe there."""
    if call.language not in ("en", "simple"):
        return Style(True, True)
    match call.get("abbr") or ("on" if call.name in ("cvt", "convinfobox") else "out"):
        case "off":
            return Style(False, False)
        case "in":
            return Style(True, False)
        case "on" | "y" | "yes" | "~" | "unit" | "values":
            return Style(True, True)
    return Style(False, True)


def _turned(style: Style, call: Call) -> tuple[Style, bool]:
    """Return the style as it is printed, and whether the converted value stands first."""
    flipped = "flip" in (call.get("order"), call.get("disp"))
    return (Style(style.wanted, style.given) if flipped else style), flipped


def _typed(quantity: Quantity, call: Call, symbol: bool) -> str:
    """Return the typed numbers and their unit."""
    numbers = [write_number(number, call) for number in quantity.numbers]
    units = quantity.units
    if not units or call.get("abbr") == "values":
        return _joined(numbers, quantity.joints, symbol)
    if len(units) == 2:
        pairs = zip(numbers, units, quantity.numbers, strict=True)
        return " ".join(number + unit_text(code, typed, call, symbol) for number, code, typed in pairs)
    unit = unit_text(units[0], quantity.numbers[-1], call, symbol)
    if symbol and _SIZES & set(quantity.joints):
        return _joined([number + unit for number in numbers], quantity.joints, symbol)
    return _joined(numbers, quantity.joints, symbol) + unit


def _joined(numbers: list[str], joints: list[str], symbol: bool) -> str:
    if len(numbers) == 1:
        return numbers[0]
    words = [" by " if not symbol and joint in ("x", "x(-)") else _RANGES[joint] for joint in joints]
    return "".join(part for pair in zip(numbers, [*words, ""], strict=True) for part in pair)


def unit_text(code: str, value: str, call: Call, symbol: bool) -> str:
    """Return a blank or hyphen and the unit's name or symbol."""
    power = _POWER.match(code)
    one, many, short = UNITS.get(code, (code, code, code)) if not power else _powered(power[0], code, call, symbol)
    if symbol or (code in _SYMBOLS and call.get("abbr") != "off"):
        if power and call.get("abbr") != "unit":
            return short
        touches = short.startswith(("/", "°")) and not short.startswith(("°C", "°F"))
        return ("" if touches else " ") + short
    if call.get("sp").lower() == "us":
        one, many = (w.replace("metre", "meter").replace("litre", "liter") for w in (one, many))
    if call.get("adj") in ("on", "mid", "1"):
        return "-" + one.replace(" ", "-")
    return " " + (one if is_one(value) or call.get("sing") == "on" else many)


def is_one(number: str) -> bool:
    """Tell whether a unit behind a number is singular: one, or a part of one."""
    return number.lstrip("-−+") in ("1", "1.0") or ("/" in number and not re.match(r"[0-9]+[+ ]", number))


# Temperatures are written by symbol, if the page doesn't ask for names.
_SYMBOLS = frozenset(("C-change", "F-change", *TEMPERATURES))
_POWER = re.compile("|".join(f"{power}(?=[^0-9])" for power in conversions.POWERS))


def _powered(power: str, code: str, call: Call, symbol: bool) -> tuple[str, str, str]:
    """Return singular, plural and symbol of many units: `e6km2` is a million square kilometres, ×10⁶ km²."""
    _, many, short = UNITS.get(code.removeprefix(power), (code, code, code))
    word = conversions.POWERS[power]
    if call.get("abbr") == "unit":
        return f"{word} {short}", f"{word} {short}", f"{word} {short}"
    return f"{word} {many}", f"{word} {many}", f"×10<sup>{power[1:]}</sup> {short}"


def _canonical(code: str) -> str:
    """Return the code that is converted, of a name or of another code for the same unit."""
    if code in conversions.UNITS or code in TEMPERATURES:
        return code
    return _BY_SYMBOL.get(UNITS[code][2], "") if code in UNITS else ""


_EXPONENT = re.compile(r"[eE]|//")
_DIGIT, _STEP = re.compile(r"[-−]?[0-9]"), re.compile(r"[0-9]+(?:\.[0-9]+)?")


def _wanted_units(quantity: Quantity, rest: list[str]) -> list[str]:
    """Return the codes to convert to; none where one of them isn't known or measures something else."""
    if not quantity.units or _EXPONENT.search(" ".join(quantity.numbers)):
        return []
    given = _canonical(quantity.units[-1])
    named = next((value for value in rest if value and not is_value(value)), "")
    if not named and len(quantity.units) == 1:
        named = conversions.DEFAULTS.get(given, "")
    if not named and len(quantity.units) == 2:
        named = {"in": "m", "lb": "kg", "oz": "kg"}.get(quantity.units[-1], "")
    words = ["ftin"] if named in ("ftin", "ft in") else named.replace("+", " ").split(" ")
    codes = [code if code == "ftin" else _canonical(code) for code in words if code]
    return codes if all(is_convertible(given, "in" if code == "ftin" else code) for code in codes) else []


def _number(text: str) -> float:
    """Return the value of a typed number; `3+1/2` is three and a half."""
    text = text.replace("−", "-").replace("⁄", "/").replace(",", "").replace(" ", "").strip("~±")
    whole, plus, part = text.rpartition("+") if "/" in text else ("", "", text)
    above, _, below = part.partition("/")
    value = float(above) / float(below) if below and float(below) else float(above)
    return value + float(whole) if plus and whole else value


def _converted(quantity: Quantity, code: str, rest: list[str], call: Call, symbol: bool) -> str:
    """Return the converted numbers and their unit."""
    given = _canonical(quantity.units[-1])
    typed, numbers = quantity.numbers, [_number(number) for number in quantity.numbers]
    if len(quantity.units) == 2:
        numbers = [convert_value(numbers[0], _canonical(quantity.units[0]), given) + numbers[1]]
        typed = [typed[1] if "." in typed[1] else "1"]
    if code == "ftin":
        parts = [_feet(convert_value(number, given, "in"), call, symbol) for number in numbers]
        return _joined(parts, quantity.joints, symbol)
    values = [convert_value(number, given, code) for number in numbers]
    if len(quantity.units) == 2 and given == "in":
        decimals = math.floor(math.log10(200 * conversions.UNITS[code].size))
    else:
        decimals = max(num_decimals(t, n, v, given, code) for t, n, v in zip(typed, numbers, values, strict=True))
    texts = [_rounded(value, decimals, rest, call) for value in values]
    if call.get("disp") in ("output number only", "number"):
        return _joined(texts, quantity.joints, symbol)
    unit = unit_text(code, texts[-1], call, symbol)
    if symbol and _SIZES & set(quantity.joints):
        return _joined([text + unit for text in texts], quantity.joints, symbol)
    return _joined(texts, quantity.joints, symbol) + unit


def _rounded(value: float, decimals: int, rest: list[str], call: Call) -> str:
    """Round a converted value as the page says, else to its precision, and group its digits."""
    step, figures = call.get("round"), call.get("sigfig")
    asked = next(filter(_DIGIT.fullmatch, rest), "") if rest else ""
    if step and _STEP.fullmatch(step) and float(step):
        value, decimals = round(value / float(step)) * float(step), 1 if "." in step else 0
    elif figures.isdecimal() and value:
        decimals = int(figures) - 1 - math.floor(math.log10(abs(value)) + 1e-14)
    elif asked:
        decimals = int(asked.replace("−", "-"))
    text = round_value(value, decimals)
    grouped = text if call.get("comma") == "off" else format_number(text, call.language)
    return grouped.replace("-", "−")


def _feet(inches: float, call: Call, symbol: bool) -> str:
    """Return feet and inches."""
    feet, rest = divmod(int(inches + 0.5), 12)
    parts = [str(feet) + unit_text("ft", str(feet), call, symbol)] if feet else []
    if rest or not feet:
        parts.append(str(rest) + unit_text("in", str(rest), call, symbol))
    return " ".join(parts)
