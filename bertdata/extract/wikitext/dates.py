"""Dates and ages: the date is printed, an age that depends on today isn't."""

from __future__ import annotations

import re
from collections.abc import Callable

from bertdata.extract.wikitext.call import Call

_MONTHS_TEXT = """
en January February March April May June July August September October November December
de Januar Februar März April Mai Juni Juli August September Oktober November Dezember
fr janvier février mars avril mai juin juillet août septembre octobre novembre décembre
es enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
it gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre
pt janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro
nl januari februari maart april mei juni juli augustus september oktober november december
sv januari februari mars april maj juni juli augusti september oktober november december
pl stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia
ru января февраля марта апреля мая июня июля августа сентября октября ноября декабря
uk січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня
el Ιανουαρίου Φεβρουαρίου Μαρτίου Απριλίου Μαΐου Ιουνίου Ιουλίου Αυγούστου Σεπτεμβρίου Οκτωβρίου Νοεμβρίου Δεκεμβρίου
mr जानेवारी फेब्रुवारी मार्च एप्रिल मे जून जुलै ऑगस्ट सप्टेंबर ऑक्टोबर नोव्हेंबर डिसेंबर
"""
MONTHS = {line.split()[0]: line.split()[1:] for line in _MONTHS_TEXT.strip().splitlines()}
_ONE_VALUE = re.compile(r"([0-9]{1,2}) ([0-9]{1,2}|[^\W\d_]+) ([0-9]{3,4})")
_MONTH_NUMBERS = {name.lower(): i + 1 for names in MONTHS.values() for i, name in enumerate(names)}
_MONTH_NUMBERS |= {name[:3].lower(): i + 1 for i, name in enumerate(MONTHS["en"])}


def write_date(year: str, month: str, day: str, language: str, month_first: bool = False) -> str:
    """Write a date in words; parts that are missing are left out.

    >>> write_date("1951", "3", "9", "en"), write_date("1951", "3", "9", "en", month_first=True)
    ('9 March 1951', 'March 9, 1951')
    """
    if not month:
        return year
    number = int(month) if month.isdigit() else _MONTH_NUMBERS.get(month.lower(), 0)
    if not 1 <= number <= 12:
        return " ".join(part for part in (day, month, year) if part)
    day = day.lstrip("0")
    if language == "fr" and day == "1":
        day = "1er"
    if language in ("ja", "zh"):
        return f"{year}年{number}月" + (f"{day}日" if day else "")
    if language == "vi":
        return (f"{day} tháng {number}" if day else f"tháng {number}") + (f", {year}" if year else "")
    if language not in MONTHS:
        return "-".join(part.zfill(2) for part in (year, str(number), day) if part)
    name = MONTHS[language][number - 1]
    if month_first and day:
        return f"{name} {day}, {year}" if year else f"{name} {day}"
    link = " de " if language in ("es", "pt") else ". " if language == "de" else " "
    return link.join([day, name] if day else [name]) + (
        (" de " if language in ("es", "pt") and day else " ") + year if year else ""
    )


def _month_first(call: Call) -> bool:
    style = call.get("df", "dmy", "mf").lower()
    if call.get("mf") in ("y", "yes", "1"):
        return True
    return call.language == "en" and style not in ("y", "yes", "1", "dmy", "true", "d")


def _date_at(call: Call, first: int) -> str:
    year, month, day = (call.value(first + i) for i in range(3))
    if "-" in year and re.fullmatch(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}", year):
        year, month, day = year.split("-")
    if re.fullmatch(r"[0-9]{1,2}", year) and re.fullmatch(r"[0-9]{3,4}", day):
        year, day = day, year
    if month and not re.fullmatch(r"[0-9]{1,2}|[^\W\d]+", month):
        month = day = ""
    return write_date(year, month, day if day.isdigit() else "", call.language, _month_first(call))


def date_first(call: Call) -> str:
    """Print the date in the first three values: `{{birth date and age|1951|3|9|df=y}}`."""
    return _date_at(call, 1)


def date_given(call: Call) -> str:
    """Print a date that may be one value: `{{date|6 May 2011}}`, `{{dts|2011-05-06}}`, `{{date|6|mai|2011}}`.

    >>> [date_given(Call("date", [value], {}, "fr", "")) for value in ("29 9 2019", "1 juin 1900", "été 1900")]
    ['29 septembre 2019', '1er juin 1900', 'été 1900']
    """
    first, second, third = (call.value(i) for i in (1, 2, 3))
    if not second and (found := _ONE_VALUE.fullmatch(first)) and call.language in MONTHS:
        day, month, year = found.groups()
        if month.isdigit() or month.lower() in _MONTH_NUMBERS:
            return write_date(year, month, day, call.language)
    if re.fullmatch(r"[0-9]{1,2}", first) and second and re.fullmatch(r"[0-9]{3,4}", third):
        return write_date(third, second, first, call.language)
    if re.fullmatch(r"[0-9]{3,4}(?:-[0-9]{1,2}-[0-9]{1,2})?", first):
        return _date_at(call, 1)
    return " ".join(v for v in (first, second, third) if v)


def day_first(call: Call) -> str:
    """Print `{{date|17|mai|2011}}` as it stands, the month as a word."""
    return " ".join(v for v in call.values()[:3] if v)


def as_of(call: Call) -> str:
    """Print `{{as of|2010|5|lc=y|since=y}}`."""
    alternative = call.get("alt")
    if alternative:
        return alternative
    words = "since" if call.get("since") else "as of"
    date = write_date(call.value(1), call.value(2), call.value(3), "en", call.get("df").lower() == "us")
    words = words if call.get("lc") else words.capitalize()
    return f"{words} {date}{call.get('post')}" if call.get("bare") != "yes" else date


def before_number(words: str) -> Callable[[Call], str]:
    """Return a rule that prints `words` and the years: `{{circa|1895}}`, `{{reign|1558|1603}}`."""

    def rule(call: Call) -> str:
        values = [v for v in call.values() if v][:2]
        return f"{words} {'–'.join(values)}".strip() if values else words

    return rule


def age(call: Call) -> str:
    """Print the years between two dates; an age as of today is left out."""
    values = call.values()
    if len(values) < 6 or not all(v.isdigit() for v in values[:6]):
        return ""
    born, died = [int(v) for v in values[:3]], [int(v) for v in values[3:6]]
    return str(died[0] - born[0] - (died[1:] < born[1:]))


def marriage(call: Call) -> str:
    """Print `{{marriage|Name|1950|1960}}`."""
    years = "–".join(v for v in (call.value(2), call.value(3)) if v)
    return call.value(1) + (f" (m. {years})" if years else "")
