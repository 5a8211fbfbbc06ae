"""Words in other languages: `{{lang-fr|…}}` and its kin print the language and the words."""

from __future__ import annotations

import re
from collections.abc import Callable

from bertdata.extract.wikitext.call import Call

_ENGLISH = """
ar Arabic|az Azerbaijani|be Belarusian|bg Bulgarian|bn Bengali|bo Tibetan|bs Bosnian|ca Catalan|cs Czech|cy Welsh
da Danish|de German|el Greek|grc Ancient Greek|en English
es Spanish|et Estonian|eu Basque|fa Persian|fi Finnish|fr French|ga Irish|gd Scottish Gaelic|gl Galician|gu Gujarati
haw Hawaiian|he Hebrew|hi Hindi|hr Croatian|hu Hungarian
hy Armenian|id Indonesian|is Icelandic|it Italian|ja Japanese|ka Georgian|kk Kazakh|kn Kannada|ko Korean|ku Kurdish
la Latin|lb Luxembourgish|lt Lithuanian|lv Latvian|mi Maori
mk Macedonian|ml Malayalam|mn Mongolian|mr Marathi|ms Malay|mt Maltese|my Burmese|nl Dutch|no Norwegian|nb Norwegian
ang Old English|oc Occitan|pa Punjabi|pl Polish|ps Pashto|pt Portuguese
ro Romanian|rm Romansh|ru Russian|sa Sanskrit|sco Scots|se Northern Sami|si Sinhala|sk Slovak|sl Slovene|so Somali
sq Albanian|sr Serbian|sv Swedish|sw Swahili|ta Tamil|te Telugu|th Thai
tl Tagalog|tr Turkish|uk Ukrainian|ur Urdu|uz Uzbek|vi Vietnamese|yi Yiddish|yo Yoruba|zh Chinese|zu Zulu|fil Filipino
rus Russian|hbo Biblical Hebrew|arc Aramaic|syr Syriac|non Old Norse|gkm Medieval Greek
"""
_UKRAINIAN = """
en англ.|de нім.|fr фр.|la лат.|el грец.|grc дав.-гр.|ru рос.|pl пол.|es ісп.|it італ.|pt порт.|cs чеськ.|sk словац.
ar араб.|he івр.|ja яп.|zh кит.|tr тур.|nl нід.|sv швед.|no норв.|hu угор.|ro рум.|be біл.|uk укр.|bg болг.|sr серб.
lt лит.|lv латис.|fi фін.|ka груз.|eo есп.|cu2 цер.-слов.|cu цер.-слов.|el2 грец.|grc2 дав.-гр.|orv давньорус.
"""
_RUSSIAN = """
en англ.|de нем.|fr фр.|la лат.|el греч.|grc др.-греч.|uk укр.|pl польск.|es исп.|it итал.|pt порт.|cs чеш.|ar араб.
he ивр.|ja яп.|zh кит.|tr тур.|nl нидерл.|sv швед.|hu венг.|ro рум.|be белор.
"""
LANGUAGE_WORDS: dict[str, dict[str, str]] = {
    wiki: dict(pair.split(" ", 1) for pair in table.replace("\n", "|").strip("|").split("|"))
    for wiki, table in (("en", _ENGLISH), ("uk", _UKRAINIAN), ("ru", _RUSSIAN))
}
_PREFIXES = (
    "lang-",
    "bi-",
    "dil-",
    "deutsch-",
    "k-",
    "јез-",
    "языки-",
    "שפראך-",
    "lang ",
    "język-",
    "llingua-",
    "idioma-",
    "vol-",
    "lfe-",
)
_CODE = re.compile(r"(?:x-[a-z]{2,8}|[^\W\d_]{2,3})(?:[-_][a-z0-9]{2,8})?[0-9]?")
# Templates named by the language itself: `{{lateinisch|…}}`.
_WORDS = """deS enS frS itS laS spS esS plS ruS huS bgS csS grS elS arS heS jaS zhS trS nlS svS""".lower().split()


def _labelled(words: str) -> Callable[[Call], str]:
    def rule(call: Call) -> str:
        text = call.get("text") or call.value(1)
        if not text:
            return ""
        colon = ": " if call.language == "en" else " "
        label = "" if call.get("label") in ("none", "no", "-") else words
        return f"{label}{colon}{text}" if label else text

    return rule


def etymology(call: Call) -> str:
    """Print `{{ety|la|bubo|owl|grc|βύας}}`: of each word the language, itself and what it means."""
    names, values = LANGUAGE_WORDS.get(call.language, {}), [*call.values(), "", ""]
    parts = [
        " ".join(filter(None, (names.get(code, ""), word, f"&#39;{meaning}&#39;" if meaning else "")))
        for code, word, meaning in zip(values[::3], values[1::3], values[2::3], strict=False)
    ]
    return " and ".join(filter(None, parts))


def _langx(call: Call) -> str:
    code, text = call.value(1), call.get("text") or call.value(2)
    words = LANGUAGE_WORDS.get(call.language, {}).get(code.split("-")[0], "")
    return _labelled("" if call.get("label") == "none" else words)(call._replace(positional=[text])) if text else ""


_NAMED = {"langx": _langx, "ety": etymology, "etymology": etymology}


def language_rule(name: str, language: str) -> Callable[[Call], str] | None:
    """Return the rule of `lang-CODE` and its kin; pronunciations (`ipa-fr`) have none.

    >>> language_rule("lang-fr", "en")(Call("lang-fr", ["Ada"], {}, "en", ""))
    'French: Ada'
    """
    if name in _NAMED:
        return _NAMED[name]
    if name in _WORDS:
        return _labelled("")
    for prefix in _PREFIXES:
        code = name.removeprefix(prefix) if name.startswith(prefix) else ""
        if code and _CODE.fullmatch(code):
            words = LANGUAGE_WORDS.get(language, {})
            return _labelled(words.get(code, words.get(re.split("[-_]", code)[0], "")))
    return None
