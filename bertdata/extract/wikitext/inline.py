"""The templates whose text a sentence needs, by name, in many languages; everything that isn't here is dropped."""

from __future__ import annotations

import re
from functools import lru_cache

from bertdata.extract.wikitext import (
    dates,
    inline_french,
    inline_local,
    inline_names,
    inline_numbers,
    inline_quotes,
    inline_wikis,
    phonetics,
    speech,
    units,
)
from bertdata.extract.wikitext.blocks import literal
from bertdata.extract.wikitext.call import Call, Rule
from bertdata.extract.wikitext.convert import convert
from bertdata.extract.wikitext.formulas import FORMULA, write_formula
from bertdata.extract.wikitext.numbers import format_number

_CODE = re.compile(r"[a-z]{2,3}")
_CHARGE = re.compile(r"(.*?)(\([0-9]?[-−+]\)|(?<![0-9])[0-9]?[-−+]|[-−+])")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.replace("\n", "|").split("|") if name.strip()]


def _position(number: int) -> Rule:
    return lambda call: call.value(number)


def last(call: Call) -> str:
    """Print the last value by position."""
    return next((v for v in reversed(call.values()) if v), "")


def unbroken(call: Call) -> str:
    """Print the first value; French wikis join all values by blanks."""
    return " ".join(v for v in call.values() if v) if call.language == "fr" else call.first_value()


def joined(sign: str) -> Rule:
    """Return a rule that prints all values with a sign between them."""
    return lambda call: sign.join(v for v in call.values() if v)


def formula(call: Call) -> str:
    """Print `{{tmath|x_0}}` as `<math>` does."""
    text = write_formula(call.first_value())
    return f"{FORMULA}{literal(text)}{FORMULA}" if text else ""


def set_of(call: Call) -> str:
    """Print `{{mset|1, 2}}` in braces."""
    inside = ", ".join(filter(None, call.values())) or call.value(1)
    return f"&#123;{inside}&#125;" if inside else ""


def interlanguage_link(call: Call) -> str:
    """Print the label of a link to another wiki: `{{ill|Name|it|Nome|lt=label}}`."""
    name = call.get("lt", "display", "текст", "label", "vt", "texte") or call.value(1)
    if _CODE.fullmatch(name) and call.value(2) and not _CODE.fullmatch(call.value(2)):
        return call.value(4) or call.value(2)  # the language came first once: `{{ill|it|Name|Nome|label}}`
    return name or call.get("fr", "trad")


def link_elsewhere(call: Call) -> str:
    """Print `{{iw|target|label|code|foreign}}` and `{{нп|target|label}}`: the label, else the target."""
    return call.get("текст", "надпис") or call.value(2) or call.get("тут", "треба") or call.value(1) or call.get("є")


def sort_name(call: Call) -> str:
    """Print `{{sortname|First|Last}}`."""
    return " ".join(v for v in (call.value(1), call.value(2)) if v)


def money(sign: str) -> Rule:
    """Return a rule that prints an amount behind its sign, in French before it."""

    def rule(call: Call) -> str:
        amount = call.value(1)
        if call.language == "fr" and amount:
            return f"{format_number(amount, 'fr')} {sign.strip()}"
        return f"{sign}{amount}" if amount else sign.strip()

    return rule


def ordinal(call: Call) -> str:
    """Print `{{ordinal|21}}` as 21st."""
    number = call.value(1)
    if not number.isdigit():
        return number
    tens, ones = int(number) % 100, int(number) % 10
    return number + ("th" if tens in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(ones, "th"))


def century(call: Call) -> str:
    """Print `{{s|XV}}`, `{{siècle|19}}`, `{{segle|XV}}`: the century's numeral and the wiki's word for it."""
    if call.name == "segle" and call.value(1):
        return f"segle {call.value(1)}"
    return call.value(1) + ("e siècle" if call.language == "fr" else "")


def nihongo(call: Call) -> str:
    """Print `{{nihongo|English|kanji|rōmaji|extra=…}}` as Template:Nihongo does."""
    name, kanji, roman = call.value(1), call.value(2), call.value(3)
    inside = ", ".join(v for v in (kanji, roman, call.get("extra", "4") or call.value(4)) if v)
    if not name:
        name, inside = roman or kanji, kanji if roman else ""
    return f"{name} ({inside})" if inside else name


def korean_or_chinese(call: Call) -> str:
    """Print the first script given by name (`{{zh|s=…|t=…|p=…}}`, `{{korean|hangul=…}}`), else a transcription."""
    named = call.get("t", "s", "c", "hangul", "hanja", "kanji", "tradizionale")
    return named or call.value(1) or call.get("p", "rr", "w", "j")


def coloured(call: Call) -> str:
    """Print the text of `{{color|red|text}}`; the colour alone prints itself in some wikis."""
    return call.value(2) or call.get("text") or call.value(1)


def listed(call: Call) -> str:
    """Print an inline list: `{{hlist|a|b}}`, `{{ublist|a|b}}` stand in boxes, seldom in a sentence."""
    values = [v for v in call.values() if v]
    return ", ".join(values) if values and not any("\n" in v or v.startswith("*") for v in values) else ""


def bible_verse(call: Call) -> str:
    """Print `{{bibleverse|1|Kings|8:46}}`; what follows names a translation."""
    values = call.values()[:3]
    end = next((n + 1 for n, v in enumerate(values) if ":" in v), 3)
    return " ".join(v for v in values[:end] if v and not re.fullmatch(r"[A-Z]{2,5}", v))


def chemical(call: Call) -> str:
    """Print `{{chem|H|2|O}}` as H2O, `{{chem|SO|4|2-}}` and `{{chem2|SO4(2-)}}` with their charge raised."""
    *values, end = [*filter(None, call.values())] or [""]
    charge = _CHARGE.fullmatch(end)
    text = "".join(values) + (charge[1] if charge else end)
    return text + (f"<sup>{charge[2].strip('()').replace('-', '−')}</sup>" if charge else "")


def compass(call: Call) -> str:
    """Print `{{nts|5}}`, `{{ntsh}}`, `{{sort|key|text}}`: what a reader sees of a sort key."""
    return call.value(2) or (call.value(1) if call.name in ("nts", "number table sorting") else "")


def ship(call: Call) -> str:
    """Print `{{ship|HMS|Ark|1587}}` and `{{USS|Essex|CV-9}}` with the number in brackets, if the format has one."""
    prefix = [] if call.name == "ship" else [call.name.upper()]
    first, *rest = [*prefix, *call.values(), "", "", ""][:4]
    name, number, form = rest
    if form == "2":
        return name
    if form == "3":
        return number
    return " ".join(v for v in (first, name, f"({number})" if number and not form else "") if v)


def ship_class(call: Call) -> str:
    """Print `{{sclass|Kongō|battlecruiser}}`; formats 4 and 5 name the class alone."""
    name, form = call.value(1), call.value(3)
    return {"4": f"{name} class", "5": name}.get(form, f"{name}-class {call.value(2)}")


# What links to sounds are called; any other label is the word that is heard.
_SOUND_LABELS = frozenset((
    "listen", "pronunciation", "speaker icon", "anhören", "aussprache", "écouter", "prononciation", "escuchar",
    "pronunciación", "ouvir", "pronúncia", "ascolta", "pronuncia", "uitspraak", "wymowa", "výslovnost", "произношение",
    "слушать", "вимова", "слухати", "вымаўленне", "oxunuşu", "dinle", "izgovor", "изговор", "wysłuchaj", "poslech",
    "uttal", "uttale", "udtale", "lyssna", "kuuntele", "ääntäminen", "kiejtés", "pronunție", "ascultă", "προφορά",
    "उच्चार", "उच्चारण", "उच्चारण ऐका", "ऐका", "发音", "發音", "発音", "듣기", "발음", "phát âm", "nghe", "الاستماع",
))  # fmt: skip


def audio(call: Call) -> str:
    """Print the label of a sound file where it is a word of the sentence."""
    label = call.value(2)
    return "" if label.lower() in _SOUND_LABELS else label


FRACTIONS = frozenset(_names("frac|fraction|sfrac|fract|frac2|brøk|bruch|дробь|дріб|fracción|frazione|breuk"))
RULES: dict[str, Rule] = {
    **dict.fromkeys(_names(inline_names.FIRST), Call.first_value),
    **dict.fromkeys(_names(inline_names.SECOND), _position(2)),
    **dict.fromkeys(_names(inline_names.LAST), last),
    **{name: inline_local.constant(text) for name, text in inline_names.CONSTANTS.items() if text},
    **{name: money(sign) for name, sign in inline_names.MONEY.items()},
    "won": inline_local.around("₩"),
    **dict.fromkeys(_names(
        "convert|cvt|convertir|conversie|konverter|mål|conv|превести|convertit|измерить|unitat|omzetten|átvált|"
        "конвертирај|मोजमाप|conversione|convert/spell|换算|換算|đổi|μετατροπή|convinfobox"
    ), convert),
    **dict.fromkeys(_names("height|người cao|lengte"), units.height),
    **dict.fromkeys(_names(
        "val|nombre|num|fmtn|formatnum|formnum|number|nts|nts-text|fnz|szám|число|ntsh2|numero|antal|unité|"
        "unité/2|unidad|units|unitats|zahl|tal|fldez|gaps|γκρουπ"
    ), units.measure),
    "val": units.val,
    "gaps": joined(""),
    **dict.fromkeys(FRACTIONS, units.fraction),
    **dict.fromkeys(_names(
        "birth date and age|birth date|bda|dob|start date|end date|start date and age|death date|"
        "death date and age|dda|film date|release date|birth-date|birth year and age|death year and age|"
        "birth-date and age|death-date|death-date and age|end date and age|start-date|birth year|"
        "birthdate and age|birthdate|dob and age|дата народження|дата смерті|дата народження та вік|дата рождения|"
        "дата смерти|ημερομηνία γέννησης|ημερομηνία γέννησης και ηλικία|ημερομηνία θανάτου|"
        "ημερομηνία θανάτου και ηλικία|जन्म दिनांक|जन्म दिनांक आणि वय|मृत्यू दिनांक|मृत्यू दिनांक आणि वय|"
        "जन्म दिनांक और आयु|ngày sinh|ngày sinh và tuổi|ngày mất|ngày mất và tuổi|data nascimento|nascimento|"
        "生年月日と年齢|生年月日|没年齢|出生日期及年齡|出生日期|bd|"
        "geburtsdatum|fødselsdato og alder|fecha de nacimiento|fecha"
    ), dates.date_first),
    **dict.fromkeys(_names(
        "date|dts|start|datum|дата|ημερομηνία|dato|data|fecha texto|format date|release|dtsh|jour|date-|дн|"
        "ημερομηνίασεπίνακα|ημερολόγιοσεπίνακα|sortdate"
    ), dates.date_given),
    **dict.fromkeys(_names("as of|asof"), dates.as_of),
    **dict.fromkeys(_names("circa|c.|ca.|ca|circa text"), dates.before_number("c.")),
    **dict.fromkeys(_names("floruit|fl.|fl"), dates.before_number("fl.")),
    **dict.fromkeys(_names("reign|r."), dates.before_number("r.")),
    **dict.fromkeys(_names("born|b."), dates.before_number("born")),
    **dict.fromkeys(_names("died|d."), dates.before_number("died")),
    **dict.fromkeys(_names("age|age in years|ηλικία"), dates.age),
    "marriage": dates.marriage,
    **dict.fromkeys(_names(
        "ill|interlanguage link|illm|link-interwiki|仮リンク|red link|iill|interlanguage link multi|link|link-en|"
        "link-de|link-fr|link-ja|link-ru|link-es|link-it|internal link helper|le|tsl|lien|lien rouge|enlace|"
        "ligação interlingue|liên kết ngôn ngữ|nlinkbk|ilh|internal link|не перекладено2|tlien|enlink|lenk|ллл"
    ), interlanguage_link),
    **dict.fromkeys(_names(
        "iw|iw2|нп|нп2|нп3|нп4|нп5|нп6|не переведено|не переведено 3|не перекладено|нпі|нпв|не перекладено-2|"
        "не переведено 5|не переведено 2"
    ), link_elsewhere),
    "link-interwiki": lambda call: call.get("lt", "he", "fr", "pt", "el") or call.value(1),
    **dict.fromkeys(_names("sortname|sort name|sorteringsnamn|sortnavn"), sort_name),
    **dict.fromkeys(_names("sort|sorted|sortiere|сортувати"), compass),
    **dict.fromkeys(_names("ordinal|ord|ordinal number"), ordinal),
    **dict.fromkeys(_names(
        "nihongo|nihongo2|nihongo3|nihongo4|nihongo foot|nihongo krt|nihongo-s|nihongo title|japonais"
    ), nihongo),
    "nihongo2": Call.first_value, "nihongo foot": Call.first_value,
    "nihongo3": lambda call: nihongo(call._replace(positional=[call.value(3), call.value(2), call.value(1)])),
    **dict.fromkeys(_names("zh|korean|ko-hhrm|zh-l|zhi|cjkv|zh-full|chinese|lang-zh"), korean_or_chinese),
    **dict.fromkeys(_names("hlist|flatlist|cslist|comma separated entries|enum|plain list inline"), listed),
    **dict.fromkeys(_names("bibleverse|bibleref|sourcetext|bibleverse with invisible links|bv"), bible_verse),
    **dict.fromkeys(("pb", "paragraph break"), inline_local.constant("\n\n")),
    "tmath": formula,
    "mset": set_of,
    **dict.fromkeys(_names("chem|chem2|chem name|formula chimica|chemical formula"), chemical),
    # Of an era, and once of a formula; with a date a note to editors.
    "ce": lambda call: "" if call.get("date") else chemical(call) or "CE",
    **dict.fromkeys(_names(
        "flag|flagu|flagcountry|flag+link|flaglink|country|flagg|прапор країни|σημαία|देशध्वज|ध्वज|lá cờ|lippu|"
        "vlagland|bandera2|bayrak"
    ), lambda call: call.get("name") or call.value(1) if not re.fullmatch(r"[A-Z]{2,3}", call.value(1)) else ""),
    **dict.fromkeys(_names("s|ст|siècle|segle|sec|s-|s2-|s mini-|s mini|sp-|sp|sap-|av jc|-s"), century),
    **dict.fromkeys(_names("url|website link|official url"), lambda call: call.value(2)),
    **dict.fromkeys(_names("rome|roman|romannum"), Call.first_value),
    **dict.fromkeys(_names("suite|simplenuclide|nuclide|simplenuclide2|nuclide2"), joined("-")),
    "su": lambda call: call.get("b") + (f"<sup>{call.get('p')}</sup>" if call.get("p") else ""),
    "linktext": joined(""), "dash year": joined("–"),
    **dict.fromkeys(_names(
        "ussub|uss|hms|sms|hmas|hmcs|rms|ss|mv|mt|ms|ins|jds|css|usns|usat|uscgc|hmnzs|hnlms|ps|sv|my|rv|rrs|hmt|"
        "rfa|hdms|hswms|hnoms|orp|ijn|usrc"
    ), lambda call: ship(call) if len(call.name) < 6 and call.value(1) else ""),
    "ship": ship,
    **dict.fromkeys(_names("sclass|sclass-|sclass2|sclass2-"), ship_class),
    **dict.fromkeys(_names("gold medal|goldmedal|silver medal|bronze medal"), inline_local.constant("")),
    **dict.fromkeys(_names("angbr|angle bracket|angbr ia|vr"), inline_local.around("⟨", "⟩")),
    "e": inline_local.around("×10<sup>", "</sup>"),
    "10^": inline_local.around("10<sup>", "</sup>"),
    **dict.fromkeys(("x10^", "x10", "×10^"), inline_local.around("×10<sup>", "</sup>")),
    "mach": inline_local.around("Mach "),
    "no.": inline_local.around("No. "),
    **dict.fromkeys(_names("sup|esp|small sup|smallsup|hochgestellt|exp"), inline_local.around("<sup>", "</sup>")),
    **dict.fromkeys(_names("sqrt|radic"), inline_local.around("√")),
    **dict.fromkeys(_names("usbill|uspl"), inline_local.constant("")),
    **dict.fromkeys(_names("мова|languageicon|градус цельсія"), Call.first_value),
    **dict.fromkeys(_names(
        "unicode|script/nastaliq|script/hebrew|script/arabic|script/slavonic|шрифти церковнослов'янська|"
        "nastaliq text|lang-cu2|lang-cu|uw"
    ), Call.first_value),
    **dict.fromkeys(_names("railgauge|track gauge|gauge|колія"), inline_numbers.track_gauge),
    **dict.fromkeys(_names("inflation|fxconvert|to usd"), inline_local.constant("")),
    "thinsp": lambda call: " ".join(call.values()) or " ", "resize": last,
    "currency": lambda call: money(inline_names.MONEY.get((call.value(2) or "usd").lower(), ""))(call),
    **dict.fromkeys(_names("by|year|рік|рік у театрі|рік у кіно|год|film year|літопис"), Call.first_value),
    **dict.fromkeys(_names("main text|лапки|«»"), inline_local.around("«", "»")),
    "esd": lambda call: call.first_value() or " ",
    "לוח": inline_local.constant(""), "כ": Call.first_value, "nobr": Call.first_value,
    **dict.fromkeys(_names("लेखनाव|pagename base|назва статті"), lambda call: call.title),
    "höhe": inline_local.altitude,
    **dict.fromkeys(_names("hōhe|ĝemeleco"), Call.first_value),
    **dict.fromkeys(_names(
        "pronunciation|respell|pron|ηχητικό|προφορά|ipa-all|phonetic|lang-ipa"
    ), inline_local.constant("")),
    "audio": audio,
    **dict.fromkeys(("nobr", "nowrap"), unbroken),
    **phonetics.RULES,
    **inline_numbers.RULES,
    **inline_quotes.RULES,
    **inline_local.RULES,
}  # fmt: skip


@lru_cache(maxsize=20_000)
def rule_for(name: str, language: str) -> Rule | None:
    """Return the rule of an inline template, or None where its text isn't prose.

    >>> rule_for("lang-fr", "en") is not None, rule_for("infobox person", "en")
    (True, None)
    """
    rule = inline_wikis.RULES.get(language, {}).get(name) or RULES.get(name)
    if rule is None:
        rule = speech.language_rule(name, language) or phonetics.phonetic_rule(name)
    if rule is None and language in ("fr", "oc", "br"):
        rule = inline_french.named_numeral(name)
    return rule
