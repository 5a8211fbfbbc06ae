"""Inline templates whose names mean something else on other wikis, or that only one wiki has, by its language."""

from __future__ import annotations

import re

from bertdata.extract.wikitext import inline_french
from bertdata.extract.wikitext.call import Call, Rule
from bertdata.extract.wikitext.dates import date_given
from bertdata.extract.wikitext.formulas import FORMULA
from bertdata.extract.wikitext.inline_local import around, constant, for_names
from bertdata.extract.wikitext.numbers import format_number
from bertdata.extract.wikitext.units import measure


def _second(call: Call) -> str:
    return call.value(2)


def _quantity(call: Call) -> str:
    """Print a number and its unit: `{{M|5|ul=km}}`, `{{unidade|5|km}}`."""
    unit = call.get("u", "ul", "um") or call.value(3) or call.value(2)
    return f"{format_number(call.value(1), call.language)} {unit}".strip()


def _spaced(call: Call) -> str:
    """Print all values with blanks between them: `{{Библия|Мф|5:3}}`."""
    return " ".join(filter(None, call.values()))


def _doubted(call: Call) -> str:
    """Print the words that lack a source: `{{fact|words}}`; dates say when that was seen."""
    return "" if re.search("[0-9]{4}$", call.value(1)) else call.value(1)


def spanish_century(call: Call) -> str:
    """Print `{{siglo|IV|a|s=1}}` as siglo IV a. C."""
    era = {"a": " a. C.", "d": " d. C."}.get(call.value(2).lower(), "")
    word = "siglo " if call.get("s", "3") or call.value(3) else ""
    return f"{word}{call.value(1)}{era}" if call.value(1) else ""


def german_quote(call: Call) -> str:
    """Print `{{"|Text=Ich komme.|Autor=N. N.}}`: the words alone, who said them is said before."""
    text = call.get("text") or call.first_value().strip()
    return f"„{text}“" if text else ""


def german_verse(call: Call) -> str:
    """Print `{{Bibel|Mt|5|3-4|EU}}` as Mt 5,3–4; what follows names a translation."""
    book, chapter, verses = (call.value(n) for n in (1, 2, 3))
    return f"{book} {chapter}{',' * bool(verses)}{verses.replace('-', '–')}".strip()


def german_coordinates(call: Call) -> str:
    """Print `{{Coordinate|NS=48/8/14/N|EW=11/34/31/E|text=DMS}}` where it asks for text.

    >>> german_coordinates(Call("", [], {"ns": "48/8/14/N", "ew": "-0.5", "text": "dms"}, "de", "")).strip(FORMULA)
    '48° 8′ 14″ N, 0,5° W'
    """
    sides = [_german_side(call.get(axis), names) for axis, names in (("ns", "NS"), ("ew", "OW"))]
    is_shown = call.get("text") not in ("", "0", "-", "/", "ICON0", "ICON1", "ICON2")
    return f"{FORMULA}{', '.join(sides)}{FORMULA}" if is_shown and all(sides) else ""


def _german_side(text: str, names: str) -> str:
    *numbers, last = text.split("/")
    if last in ("N", "S", "E", "W", "O"):
        name = last.replace("E", "O")
    else:
        numbers, name = [*numbers, last.lstrip("-+")], names[last.startswith("-")]
    if not all(re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", number) for number in numbers):
        return ""
    return " ".join(number.replace(".", ",") + sign for number, sign in zip(numbers, "°′″", strict=False)) + f" {name}"


def old_style_date(call: Call) -> str:
    """Print `{{OldStyleDate|6|июня|1799|26|мая}}`, the Julian date first.

    >>> old_style_date(Call("", ["18", "мая", "1868", "6"], {}, "ru", ""))
    '6 (18) мая 1868'
    """
    day, month, year, old_day, old_month, old_year = (call.value(n) for n in range(1, 7))
    old = " ".join(filter(None, (old_day, old_month, old_year)))
    if old:
        return f"{old} ({day} {month}) {year}" if old_month else f"{old} ({day}) {month} {year}"
    return f"{day} {month} {year}"


def chinese_dates(call: Call) -> str:
    """Print `{{bd|1900年|1月1日|1950年|2月2日}}`: the dates of birth and death."""
    born, died = (call.value(n) + call.value(n + 1) for n in (1, 3))
    return f"{born}—{died}" if died else f"{born}—" if born else ""


def chinese_link(call: Call) -> str:
    """Print the local title of `{{tsl|en|Town|镇}}`, the foreign one where there is none."""
    return call.value(3) or call.value(2)


def japanese_reading(call: Call) -> str:
    """Print `{{読み仮名|漢字|かんじ}}` as 漢字（かんじ）."""
    return f"{call.value(1)}（{call.value(2)}）" if call.value(2) else call.value(1)


def arabic_link(call: Call) -> str:
    """Print the label of a link to another wiki, whose values have Arabic names."""
    return call.get("نص", "عر", "تر") or call.value(1)


def italian_biography(call: Call) -> str:
    """Print the sentence that `{{Bio}}` makes of its values: the first one of a biography.

    >>> values = {"nome": "Ada", "cognome": "Rossi", "sesso": "F", "luogonascita": "Roma", "annonascita": "1900"}
    >>> values |= {"giornomesenascita": "1º gennaio", "attività": "pittrice", "nazionalità": "italiana"}
    >>> italian_biography(Call("bio", [], values, "it", ""))
    'Ada Rossi (Roma, 1º gennaio 1900) è una pittrice italiana.'
    """
    name = " ".join(filter(None, map(call.get, ("titolo", "nome", "cognome"))))
    if not name or call.get("incipit").lower() == "no":
        return ""
    for part, sign in (("postcognome", " "), ("postcognomevirgola", ", ")):
        name += f"{sign}{call.get(part)}" if call.get(part) else ""
    born, died = (_italian_event(call, event) for event in ("nascita", "morte"))
    inside = "; ".join(filter(None, (call.get("predata"), " – ".join(filter(None, (born, died))))))
    name += f" ({inside})" if inside else ""
    if call.get("fineincipit"):
        return f"{name} {call.get('fineincipit')}."
    works = list(filter(None, map(call.get, ("attività", "attività2", "attività3"))))
    if not works:
        return ""
    is_woman = call.get("sesso").upper() == "F"
    verb = ("è stata" if is_woman else "è stato") if died else "è"
    what = " e ".join(filter(None, (", ".join(works[:-1]), works[-1]))) + call.get("attivitàaltre")
    after = call.get("postnazionalità")
    after = after if after.startswith(",") or not after else f" {after}"
    return f"{name} {verb} {_italian_article(what, is_woman)}{what} {call.get('nazionalità')}".rstrip() + f"{after}."


def _italian_event(call: Call, event: str) -> str:
    date = " ".join(filter(None, map(call.get, (f"giornomese{event}", f"anno{event}"))))
    return ", ".join(filter(None, (call.get(f"luogo{event}"), date)))


def _italian_article(noun: str, is_feminine: bool) -> str:
    if is_feminine:
        return "un'" if re.match("[aeiou]", noun) else "una "
    return "uno " if re.match("s[^aeiou]|z|ps|pn|gn|x|y", noun) else "un "


RULES: dict[str, dict[str, Rule]] = {
    "ar": {
        **for_names("وصلة إنترويكي|و.إ|وإو", arabic_link),
        **for_names("صغير|لا فواصل|كبير|غامق|اقتباس مضمن", Call.first_value),
        **for_names("لغة|لون", _second),
        "كم": around("", " كم"),
        "تحويل": measure,
    },
    "de": {
        **for_names("§", around("§ ")),
        **for_names('"|"-de|"-fr|"-en|"-it|"-la|"-es|"-ru|"-nl|"-grc', german_quote),
        # Elsewhere a ship's prefix and a language; here the words are Czech, and flags of states.
        "css": Call.first_value,
        **for_names("deu|fra", constant("")),
        **for_names("bibel|b", german_verse),
        **for_names("polytonisch|arab", Call.first_value),
        "coordinate": german_coordinates,
    },
    "el": for_names("πηγή|ασαφές", _doubted),
    "es": {"siglo": spanish_century, "cita requerida": _doubted},
    "fa": {name: around(f"(به {name}: ", ")") for name in ("آلمانی", "انگلیسی", "فرانسوی")},
    "fr": inline_french.RULES,
    "he": {
        **for_names("כתב קטן|ללא גלישה|שם בערבית|מספר|ללא נטייה|ה|מקור|הבהרה", Call.first_value),
        "אנ": constant(""),
        **for_names("ציטוטון", around('"', '"')),
    },
    "hi": for_names("अंग्रेज़ी|अंग्रेजी|संस्कृत", Call.first_value),
    "it": {
        "bio": italian_biography,
        **for_names("m|unità", _quantity),
        **for_names("tutto attaccato|senza fonte|ta|chiarire|citazione necessaria", Call.first_value),
    },
    "ja": {
        "enlink": constant(""),
        **for_names("読み仮名|ふりがな|読み仮名 ruby不使用|読み仮名_ruby不使用", japanese_reading),
        **for_names(
            "ルビ|ruby|要出典範囲|要検証範囲|独自研究範囲|補助漢字フォント|jis2004フォント|拡張漢字|cp932フォント",
            Call.first_value,
        ),
        **for_names("jis90フォント|旧字体|疑問点範囲|要説明範囲|信頼性要検証範囲", Call.first_value),
    },
    "lv": {"val": _second},
    "mr": for_names("km to mi", lambda call: format_number(call.value(1), "mr")),  # the unit stands behind the call
    "nl": for_names("bron?|feit", Call.first_value),
    "pl": {
        **for_names("j|liczba|fakt|dopracować zdanie", Call.first_value),
        **for_names("język|w języku", _second),
        **{f"{code}.": around(f"{code}. ") for code in ("ang", "łac", "niem", "fr", "ros", "wł", "hiszp", "cz", "ukr")},
    },
    "pt": {
        **for_names("unidade", _quantity),
        "carece de fontes2": _doubted,
        **for_names("dtlink|dni|morte", date_given),
    },
    "ru": {
        "oldstyledate": old_style_date,
        "сс3": Call.first_value,
        "км": around("", " км"),
        **for_names("ударение|термин|акут|нет аи 2|так в тексте|сокр|флагификация", Call.first_value),
        "библия": _spaced,
        "рубль": constant("₽"),
    },
    "sv": {**for_names("enhet", _quantity), "källa behövs": Call.first_value},
    "uk": {
        **for_names("fact|fact2|джерело", _doubted),
        "oldstyledate": old_style_date,
        "сс3": Call.first_value,
    },
    "zh": {
        "bd": chinese_dates,
        "tsl": chinese_link,
        **for_names("僻字|僻字?|拼音|注音", Call.first_value),
    },
}
