"""Inline templates that few wikis have, and those that need a rule of their own."""

from __future__ import annotations

import re

from bertdata.extract.wikitext.call import Call, Rule
from bertdata.extract.wikitext.dates import date_given
from bertdata.extract.wikitext.formulas import FORMULA
from bertdata.extract.wikitext.numbers import format_number


def _words(text: str) -> list[str]:
    return text.split()


def around(before: str, after: str = "") -> Rule:
    """Return a rule that prints the first value between two texts, or nothing."""

    def rule(call: Call) -> str:
        value = call.first_value().strip()
        return f"{before}{value}{after}" if value else ""

    return rule


def for_names(names: str, rule: Rule) -> dict[str, Rule]:
    """Return a rule under each of some names, which strokes part."""
    return dict.fromkeys(names.split("|"), rule)


def constant(text: str) -> Rule:
    """Return a rule that prints the same text whatever the values are."""
    return lambda call: text


def _arabic(language: str) -> Rule:
    return around(f"({language}: ", ")")


def coordinates(call: Call) -> str:
    """Print `{{coord|57|18|N|4|27|W|display=inline}}` where it is part of the text; alone in its paragraph it isn't.

    >>> coordinates(Call("coord", ["57", "18", "N", "4", "27", "W"], {}, "en", "")).strip(FORMULA)
    '57°18′N 4°27′W'
    >>> coordinates(Call("coord", ["44.1", "-87.9"], {"display": "title"}, "en", ""))
    ''
    """
    shown = call.get("display", "показ").lower()
    if shown and "inline" not in shown and shown not in ("i", "it", "ti"):
        return ""
    numbers: list[str] = []
    sides: list[str] = []
    for value in call.values():
        if re.fullmatch(r"[NSEWO]", value) and numbers:
            sides.append("".join(n + sign for n, sign in zip(numbers, "°′″", strict=False)) + value)
            numbers = []
        elif re.fullmatch(r"[-−+]?[0-9]+(?:\.[0-9]+)?", value):
            numbers.append(value)
        else:
            break
    if not sides and len(numbers) == 2:
        sides = [f"{n.lstrip('-−+')}°{side[n[0] in '-−']}" for n, side in zip(numbers, ("NS", "EW"), strict=True)]
    return f"{FORMULA}{' '.join(sides)}{FORMULA}" if len(sides) == 2 else ""


def old_style_date(call: Call) -> str:
    """Print `{{OldStyleDate|February 2|1905|January 20}}`."""
    return f"{call.value(1)} [O.S. {call.value(3)}] {call.value(2)}".strip() if call.value(3) else call.value(1)


def sic(call: Call) -> str:
    """Print `{{sic|fundament|als}}` as its words, `{{sic}}` as the remark."""
    return "".join(v for v in call.values() if v not in ("hide", "y")) or ("" if call.get("hide") else "[sic]")


def interval(call: Call) -> str:
    """Print `{{open-closed|0,1}}` as an interval."""
    left, _, right = call.name.partition("-")
    value = ", ".join(v for v in call.values() if v) or ""
    return ("(" if left == "open" else "&#91;") + value + (")" if right == "open" else "&#93;") if value else ""


def quantity(unit: str) -> Rule:
    """Return a rule that prints a number and its unit: `{{km|70}}`; without a number such a name is an icon."""
    return lambda call: f"{call.value(1)} {unit}" if re.match(r"[-−]?[0-9]", call.value(1)) else ""


def clock(call: Call) -> str:
    """Print `{{heure|5|30}}` as 5 h 30."""
    hours, minutes = call.value(1), call.value(2)
    return f"{hours} h {minutes}".strip() if hours else ""


def degrees(call: Call) -> str:
    """Print `{{tmp|1.5|°C}}`, `{{градус Цельсія|5}}`; without a number the sign."""
    number, unit = call.value(1), call.value(2) or "°C"
    return f"{format_number(number, call.language)} {unit}" if number else unit


def altitude(call: Call) -> str:
    """Print `{{Höhe|28.1|DE-NHN}}`: metres above the level that a country measures from."""
    level = next((text for code, text in _LEVELS.items() if call.value(2).upper().startswith(code)), "")
    return f"{format_number(call.value(1), call.language)} m{level}" if call.value(1) else ""


def long_ago(unit: str) -> Rule:
    """Return a rule that prints an age or a span of ages: `{{mya|66|65}}`."""
    return lambda call: "–".join(v for v in call.values()[:2] if v) + f" {unit} years ago" if call.value(1) else ""


def parts(*signs: str) -> Rule:
    """Return a rule that prints numbers, each with its sign: `{{RA|05|55|10}}`, `{{DEC|+07|24|25}}`."""
    return lambda call: " ".join(v + sign for v, sign in zip(call.values(), signs, strict=False) if v)


def music(call: Call) -> str:
    """Print the signs of `B{{music|flat}}` and `{{music|time|3|4}}`; other pictures of notes print nothing."""
    kind = call.value(1).lower()
    return f"{call.value(2)}/{call.value(3)}" if kind in ("time", "timesig") else _ACCIDENTALS.get(kind, "")


def author_and_year(call: Call) -> str:
    """Print `{{harvtxt|Smith|Jones|2000|p=5}}`, the citation that is a part of its sentence."""
    if call.name == "harvs":
        names, year = [call.get(f"last{n}") for n in ("", 1, 2, 3, 4)], call.get("year", "date")
        names = [name for name in names if name] if call.get("txt", "text") else []
    else:
        *names, year = [v for v in call.values() if v] or [""]
    if not names or not year:
        return ""
    place = call.get("loc") or next((f"{mark}. {call.get(mark)}" for mark in ("p", "pp") if call.get(mark)), "")
    who = (
        f"{names[0]} et al." if len(names) > 3 else " & ".join([*[", ".join(names[:-1])] * (len(names) > 1), names[-1]])
    )
    return f"{who} ({year}, {place})" if place else f"{who} ({year})"


def section(call: Call) -> str:
    """Print `{{slink|Page|Section}}`."""
    page, *sections = [*call.values(), ""]
    return " § ".join([*[page] * bool(page), *filter(None, sections)]) if page else f"§ {sections[0]}"


_ACCIDENTALS = {
    "flat": "♭", "b": "♭", "sharp": "♯", "#": "♯", "natural": "♮", "n": "♮", "doubleflat": "𝄫", "bb": "𝄫",
    "doublesharp": "𝄪", "##": "𝄪",
}  # fmt: skip
_ELEMENTS = dict(
    pair.split("=")
    for pair in _words(
        "hydrogen=H helium=He lithium=Li beryllium=Be boron=B carbon=C nitrogen=N oxygen=O fluorine=F neon=Ne "
        "sodium=Na magnesium=Mg aluminium=Al silicon=Si phosphorus=P sulfur=S chlorine=Cl argon=Ar potassium=K "
        "calcium=Ca titanium=Ti chromium=Cr manganese=Mn iron=Fe cobalt=Co nickel=Ni copper=Cu zinc=Zn arsenic=As "
        "selenium=Se bromine=Br krypton=Kr silver=Ag tin=Sn iodine=I xenon=Xe caesium=Cs tungsten=W platinum=Pt "
        "bismuth=Bi polonium=Po astatine=At radon=Rn francium=Fr radium=Ra actinium=Ac thorium=Th uranium=U"
    )
)
_ARABIC = dict(
    pair.split("=")
    for pair in _words(
        "ألمانية=بالألمانية إنجليزية=بالإنجليزية إنج=بالإنجليزية فرنسية=بالفرنسية فر=بالفرنسية إيطالية=بالإيطالية "
        "إسبانية=بالإسبانية روسية=بالروسية لاتينية=باللاتينية يونانية=باليونانية تركية=بالتركية لغة-أل=بالألمانية"
    )
)
# Sea levels by the beginning of their code.
_LEVELS = {"DE-NHN": " ü. NHN", "DE-NN": " ü. NN", "DE-HN": " ü. HN", "AT": " ü. A.", "CH": " ü. M."}
_SIGNS = dict(
    pair.split("=")
    for pair in _words(
        "eqm=⇌ lord=Lord ier=Ier ire=Ire m.=M. mme=Mme mlle=Mlle etc.=etc. etc=etc. "
        '-"=" -\'=&#39; n°=n° н=нар. нар=нар. с=пом. пом=пом. н.=нар.'
    )
)
# Codes that some wikis take as the name of a template: `{{de|Berlin}}`.
_LANGUAGE_NAMES = _words("de en fr ru lv pl it el ar be et fi sv da nl pt cs hu tr vok rus angl lot isp deu eng fra ta")

RULES: dict[str, Rule] = {
    **dict.fromkeys(("coord", "koord", "coor dm", "coor dms", "coor d", "coordinates"), coordinates),
    **{name: constant(symbol) for name, symbol in _ELEMENTS.items()},
    **{name: _arabic(language) for name, language in _ARABIC.items()},
    **{name: constant(text) for name, text in _SIGNS.items()},
    **dict.fromkeys([*_LANGUAGE_NAMES, "pie", "iast"], around("")),
    **dict.fromkeys(("closed-closed", "open-closed", "closed-open", "open-open"), interval),
    **dict.fromkeys(("née", "nee"), around("née ")),
    **dict.fromkeys(("né", "ne"), around("né ")),
    **dict.fromkeys(("ma", "mya", "million years ago"), long_ago("million")),
    "kya": long_ago("thousand"),
    "bya": long_ago("billion"),
    **dict.fromkeys(("ra",), parts("h", "m", "s")),
    **dict.fromkeys(("dec", "dms"), parts("°", "′", "″")),
    **dict.fromkeys(("deg", "degree", "degrees"), lambda call: f"{call.value(1)}°"),
    "music": music,
    **dict.fromkeys(("harvtxt", "harvs", "harvcoltxt"), author_and_year),
    **dict.fromkeys(("slink", "section link"), section),
    **dict.fromkeys(("mpl", "mpl-"), lambda call: "".join(call.values())),
    **dict.fromkeys(("дн", "дс", "дн2", "дс2", "date de naissance", "date de décès"), date_given),
    **dict.fromkeys(("tmp", "градус цельсія"), degrees),
    **dict.fromkeys(_words("km m cm mm kg km2 ha"), lambda call: quantity(call.name)(call)),
    "mnm": quantity("m n. m."),
    "oldstyledate": old_style_date,
    "sic": sic,
    "us patent": around("U.S. Patent "),
    "séc": around("século "),
    "incise": around("– ", " –"),
    "aside": around(" – ", " – "),
    "ussc": lambda call: f"{call.value(1)} U.S. {call.value(2)} ({call.value(3)})" if call.value(3) else "",
    "dentalformula": lambda call: "/".join(filter(None, (call.get("upper"), call.get("lower")))),
    "heure": clock,
    "ngoặc nhọn": around("⟨", "⟩"),
    "daton": lambda call: f"{call.value(1)}-an de {call.value(2)} {call.value(3)}".strip() if call.value(2) else "",
}
