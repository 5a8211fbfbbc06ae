"""Inline templates of the French Wikipedia: raised endings, centuries, dates, titles, units, formulas."""

from __future__ import annotations

import re

from bertdata.extract.wikitext.call import Call, Rule
from bertdata.extract.wikitext.dates import MONTHS, date_given
from bertdata.extract.wikitext.inline_local import around, constant, for_names
from bertdata.extract.wikitext.units import measure

_NUMERAL, _ENDINGS = re.compile(r"[IVXLC]+|[0-9]+"), ("e", "er", "re", "ère")
# Templates that are named as they print: `{{XIXe siècle}}`, `{{1er mai}}`, `{{2e}}`.
_NAMED = re.compile(rf"([0-9]+|[ivx]+)(er|re|ère|e|ème|vet)( siècle| (?:{'|'.join(MONTHS['fr'])}))?( av\. j\.-c\.)?")
_BEFORE_CHRIST, _AFTER_CHRIST = "av. J.-C.", "apr. J.-C."


def _before(words: str) -> Rule:
    """Return a rule that prints a title with the name behind it, or alone: `{{M.|Hugo}}`."""
    return lambda call: f"{words} {call.value(1)}".strip()


def _ending(letters: str) -> Rule:
    """Return a rule that prints the raised end of a number, and the word behind it: `XX{{e|siècle}}`."""
    return lambda call: f"{letters} {call.value(1)}".strip()


def _raised(call: Call) -> str:
    """Print `{{ind|2}}`, the lowered part of a word, as HTML does."""
    return f"<sub>{call.first_value()}</sub>" if call.first_value() else ""


def centuries(call: Call) -> str:
    """Print the centuries of `{{sp|XV|e|au|XVI|e|s}}`, `{{s2|XV|XVI}}` and `{{-s-|II|e}}`.

    A hyphen before the name puts them before Christ, one behind it leaves out their links. Endings may be left out;
    an `s` at the end makes a plural.

    >>> centuries(Call("sp-", ["XVIII", "e", "et", "XIX", "e", "s"], {}, "fr", ""))
    'XVIIIe et XIXe siècles'
    """
    values = [value for value in call.values() if value]
    name, is_plural = call.name.strip("-"), values[-1:] == ["s"]
    text = ""
    for value in values[:-1] if is_plural else values:
        if value in _ENDINGS:
            continue  # It follows from the number.
        is_number = _NUMERAL.fullmatch(value.upper()) is not None
        if is_number and text and name == "s2":
            text += " et"
        text += " " + (value.upper() + ("er" if value in ("I", "i", "1") else "e") if is_number else value)
    if not text:
        return ""
    era = _BEFORE_CHRIST if call.name.startswith("-") or name == "sav" else _AFTER_CHRIST if name == "sap" else ""
    return f"{text.strip()} siècle{'s' if is_plural or name == 's2' else ''} {era}".rstrip()


def named_numeral(name: str) -> Rule | None:
    """Return the rule of a template that is named as it prints.

    >>> [rule and rule(Call("", [], {}, "fr", "")) for rule in map(named_numeral, ("xixe siècle", "1er mai", "ive av"))]
    ['XIXe siècle', '1er mai', None]
    """
    found = _NAMED.fullmatch(name)
    if not found:
        return None
    era = f" {_BEFORE_CHRIST}" if found[4] else ""
    return constant(found[1].upper() + found[2] + (found[3] or "") + era)


_TITLES = "M. MM. Mme Mmes Mlle Mlles Mgr Dr Pr Me St Ste Cie n°"
_ORDINAL_ENDS = "e er re ère nd nde ème o os"

RULES: dict[str, Rule] = {
    **for_names("citation|citation étrangère", around("« ", " »")),
    **for_names(
        "référence nécessaire|refnec|référence souhaitée|refsou|pas clair|quoi|qui|passage à actualiser|"
        "latin|grec ancien|souverain|souverain-|nobr romains|abréviation discrète|abréviation|abrd",
        Call.first_value,
    ),
    **{title.lower(): _before(title) for title in _TITLES.split()},
    "numéro": _before("n°"),
    **{letters: _ending(letters) for letters in _ORDINAL_ENDS.split()},
    "ind": _raised,
    "fchim": lambda call: "".join(call.values()),
    "nb": measure,
    **for_names("date|date-|date de naissance|date de naissance-|date de décès|date de décès-", date_given),
    **for_names("s|s-|sp|sp-|s2|s2-|-s|-s-|-sp|-sp-|-s2|-s2-|sav|sav-|sap|sap-", centuries),
    **for_names("av jc|av. jc|avjc|av j-c|av. j.-c.", constant(_BEFORE_CHRIST)),
    **for_names("apr jc|ap jc|apr. jc|apr. j.-c.", constant(_AFTER_CHRIST)),
    **for_names("p.|pp.", around("p. ")),
    "vol.": around("vol. "),
}
