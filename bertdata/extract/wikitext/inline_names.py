"""Names of inline templates by what they print: the first, second or last value, a fixed text, an amount of money.

Lower case, many wikis together: a name of one wiki that another doesn't know does no harm there.
"""

from __future__ import annotations

FIRST = """
nowrap|nobr|nobreak|nobold|noitalic|small|smaller|big|larger|large|abbr|abbrv|tooltip|hover title|em|strong
bold|italic|strikethrough|s|underline|sub
center|centre|vanchor|visible anchor|anchor text|sic|not a typo|typo|proper name|as written|keypress|key
key press|code|codett|mono|tt|kbd|samp|char|var|tq|xt|highlight|mvar|math|bigmath|unicode|poem
not typo|notatypo|lang text|no wrap|nw|disp|plain text|noprint|pad|resize text|allcaps|smallcaps|sc|small caps|caps
aut|taxon|species|ship name|gloss|overline|bo
ill-wd|angbr|angle bracket|angbr ia|grapheme|phoneme|langx text|wikt-text|nom de page|fontcolor text|first word|interp
sc2|smallcaps2|larger text|huge|smalldiv|align text
usgs gnis text|translit text|bigger|longitem|nbhyph|hyphenate|self|hebrew|hebr|arabic|rtl-lang text|rtl|ltr|bidi
ifsubst|urdu|nastaliq|nq|lcons|24hlm|cuneiform|runic|wikisourcelang text|fb|fbw
comment|зменшення|прибл|абревіатура|нобр|підказка|скор|s-text|nobr text|цитата2|small text|текст|мова тексту|малі
жирний|курсив|комментарий|подсказка|nowrap text|abbr text|кегль
fett|kursiv|nobr de|abkürzung|unité texte|petites capitales|capitales|romain|langue texte|versalita
versaleta|abreviatura|tooltip es|maiuscoletto|kapitälchen|kapitalky|smallcaps pl
afkorting|kleiner|liten|mindre|kursivt|kisbetű|rövidítés|ruby-base|小|縮小|大文字|lang-text|nobr pl|nobr cs
šedě|malé|ntext
smallit|ruby text|wikilink|internal link text|mp|sm
proper|okina text|tiếng|nhỏ|nhỏ hơn|chữ nhỏ|όνομα|μικρά|μικρό|συντομογραφία|लहान|कमी|छोटे|numero|name
legend inline|sfrac text|bibleref2 text|bibleref|nomobile text
lj|nowr|nbr|abbrlink|subatomic particle|dfn|ruby|citation needed span|cn span|clarify span|flagathlete|flagiocathlete
"""
SECOND = """
lang|langue|язык|мова|lang2|hebrew name|script|wikicode|text in language|språk|taal|v jazyku|limba|lenguaje|idioma
en langue|lingua|palabra estranxeira|foreign|foreign language|llang|язык текста
color|colour|font color|fontcolor|fgcolor|colored text|farbe|col|wikt-lang|wt|cs-lang|tekst in taal|hs|γλ|native name
native phrase|langi|longlink|longform|legend text|spell|nobr2|foreignphrase
rtl-lang|langr|dil|vjazyce2|cizojazyčně|lang-span|lang3|tl-text|angl|en-lang
"""
LAST = """
transl|transliteration|translit|xlit|romaji|hepburn|tlit|translation|транслит|rtl-lang2|iso 9
script/arabic|script/hebrew|script/cyrillic|script/slavonic|script
"""
CONSTANTS = {
    "ndash": "–", "en dash": "–", "mdash": "—", "em dash": "—", "snd": " – ", "spnd": " – ", "spaced ndash": " – ",
    "spaced en dash": " – ", "sndash": " – ", "dash": " – ", "snds": " – ", "spndash": " – ", "spaced mdash": " — ",
    "mdashb": "—", "—": "—", "–": "–", "emdash": "—", "endash": "–", "hyphen": "-", "nbsp": " ", "space": " ",
    "spaces": " ", "thinsp": " ", "thin space": " ", "nnbsp": " ", "sp": " ", "spc": " ", "hair space": " ",
    "nbthin": " ", "figure space": " ", "hsp": " ", "'": "&#39;", "'s": "&#39;s", "' \"": "&#39;\"",
    "\" '": "\"&#39;", "''": "&#39;",  # by number: beside italics an apostrophe is no mark of theirs
    "okina": "ʻ", "ʻ": "ʻ", "ayin": "ʿ", "hamza": "ʾ", "zwj": "", "zwnj": "\u200c", "zwsp": "", "shy": "", "wbr": "",
    "wj": "", "dot": " · ", "middot": " · ", "bullet": " • ", "bull": " • ", "·": " · ", "•": " • ", "\\": " / ",
    "pipe": "|", "dagger": "†", "ddagger": "‡", "dag": "†", "ddag": "‡", "double-dagger": "‡", "bce": "BCE",
    "ce": "CE", "bc": "BC", "ad": "AD", "ah": "AH", "am": "AM", "prime": "′",
    "pprime": "″", "ell": "ℓ", "minus": "−", "times": "×", "x": "×", "almost equal to": "≈",
    "≈": "≈", "asymp": "≈", "ne": "≠", "sect": "§", "paragraph": "¶", "number sign": "#", "hash": "#", "en-dash": "–",
    "lbrace": "{", "rbrace": "}", "flat": "♭", "sharp": "♯", "natural": "♮", "infin": "∞", "pi": "π", "n/a": "N/A",
    "na": "N/A", "yes": "Yes", "no": "No", "!xt": "", "pound sign": "£", "ellipsis": "…", "...": "…",
    ".": ".", "es": " ", "smallbullet": " • ", "тире": " — ", "н.э.": "н. э.", "до н.э.": "до н. э.",
    "н. э.": "н. э.", "до н. э.": "до н. э.", "nsmdns": " — ", "gap": " ",
    "нд": "", "sap": " ", "lb": " ", "br": " ", "br separated entries": "", "crlf": " ", "crlf2": " ", "break": " ",
    "pagebreak": "", "increase": "", "decrease": "", "steady": "", "0": "", "00": "", "tab": " ", "v.chr": "v. Chr.",
    "av. j.-c.": "av. J.-C.", "c.e.": "C.E.", "b.c.": "B.C.", "smsp": " ", "ensp": " ", "emsp": " ", "mi-lang": "",
    "co2": "CO2", "h2o": "H2O", "n2o": "N2O", "so2": "SO2", "nox": "NOx",
    "k.": "К.", "к.": "К.", "м.": "М.", "л.": "Л.", "х.": "Х.", "од.": "Од.", "спб.": "СПб.",
}  # fmt: skip
MONEY = {
    "us$": "US$", "usd": "US$", "a$": "A$", "aud": "A$", "can$": "C$", "cad": "C$", "nz$": "NZ$", "hk$": "HK$",
    "nt$": "NT$", "s$": "S$", "gbp": "£", "£": "£", "pound": "£", "€": "€", "eur": "€", "euro": "€", "euro amount": "€",
    "inr": "₹", "rupee": "₹", "₹": "₹", "indian rupee": "₹", "indian rupees": "₹", "jpy": "¥",
    "yen": "¥", "¥": "¥", "cny": "CN¥", "rmb": "RMB", "krw": "₩", "php": "₱", "ngn": "₦", "rub": "₽",
    "try": "₺", "uah": "₴", "₴": "₴", "ils": "₪", "nis": "₪", "zar": "R", "brl": "R$", "mxn": "MX$", "sek": "SEK ",
    "nok": "NOK ", "dkk": "DKK ", "chf": "CHF ", "pln": "PLN ", "myr": "RM", "sgd": "S$", "thb": "฿", "vnd": "₫",
    "us dollar": "US$", "r$": "R$", "idr": "Rp", "pkr": "Rs ", "bdt": "৳", "lkr": "Rs ", "रुपया": "₹",
}  # fmt: skip
