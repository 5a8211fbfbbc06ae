"""Templates: the inline ones print their text, all others leave a mark that the last stage removes.

The innermost templates are read first, so that arguments are plain when a rule sees them. A template never reaches
across a heading: an opening without an end costs its paragraph.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from bertdata.extract.wikitext import links
from bertdata.extract.wikitext.call import Call
from bertdata.extract.wikitext.formulas import FORMULA
from bertdata.extract.wikitext.functions import FUNCTIONS, is_variable, variable
from bertdata.extract.wikitext.inline import FRACTIONS, RULES, rule_for
from bertdata.extract.wikitext.marks import Tally, show_pipes, without_marks
from bertdata.extract.wikitext.wiki import Wiki, normal_name

INNER = re.compile(r"\{(?=\{)\{((?:[^{}\n]++|\n(?!==)|\{(?!\{)|\}(?!\}))*+)\}\}")
PARAMETER = re.compile(r"\{\{\{([^{}|\n]*+)(?:\|([^{}]*+))?\}\}\}(?!\}(?!\}))")
_NAMED = re.compile(r"\s*([^=<>\[\]{}\n\x02]{1,40}?)\s*=")
_MAX_KEY = 40
_PREFIXES = ("template:", "subst:", "safesubst:", "msg:", "raw:")
# Templates that print notes, flags of maintenance or nothing: no hole is left where they stood.
SILENT = frozenset(
    name.strip()
    for name in """
r|rp|note|ref label|note label|cref|cref2|cnote|nb|cn|fact|clarify|when|who|which|by whom|according to whom|whom|where
why|how|dubious|whose
disputed inline|page needed|full citation needed|dead link|webarchive|wayback|cbignore|better source needed
better source|failed verification
verify source|verification needed|vague|specify|update inline|update after|original research inline|pov inline
peacock term|weasel inline|anchor
visible anchor|coord|coordinate|clear|clr|br|isbn|issn|oclc|doi|wikidata|use dmy dates|use mdy dates|short description
reflist|notelist|commons
commonscat|authority control|main|see also|further|details|about|for|redirect|hatnote|distinguish|tone inline
non-primary source needed
nonspecific|undue weight inline|relevance inline|contradict-inline|lead too short|needs update|year needed|quantify
examples|sfnref|specify
πηγή|παραπομπή|εκκρεμεί παραπομπή|τεκμηρίωση|джерело|сумнівно|коли|хто|якір|прапорець|книга|прояснити|уточнити|нет аи
нет в источнике|когда|кто
संदर्भ हवा|संदर्भ|दुजोरा हवा|मराठी शब्द सुचवा|belege fehlen|quelle|à sourcer|réf|référence nécessaire|cita requerida
carece de fontes
senza fonte|chiarire|fakt|potřebný zdroj|wikisource inline|smn|lähde|kilde mangler|källa behövs
bron?|要出典|来源请求|注|注釈
refnest|nt|עובדה|הערה
cần dẫn nguồn|chú thích|nguồn|başvuru|kaynak belirt|forrás?|forrás|bizonytalan|facts|citace|doplňte zdroj|lt|verfügbar
absatz|clear left|clear right|#tag|or|full|inflation-fn|nowrap begin|nowrap end|verify credibility
unreliable medical source|request quotation|notinsource|not in source|synthesis-inline|buzzword inline
primary source-inline|weasel-inline|year missing|qualify evidence|мертве посилання|немає в джерелі
недоступне посилання|значимість факту
у планах|яка?|коли?|немає ад|fact2|मृत दुवा|विस्तार|actualizar|référence insuffisante|,|чињеница|حوالہ درکار|ασαφές
χρειάζεται σελίδα|када|кога|når
linfo|pp-move-indef|pp-semi-indef|pp-move|pp-protected|pp-pc1|toc limit
""".replace("\n", "|").split("|")
    if name.strip()
)


def is_silent(name: str) -> bool:
    """Tell whether a dropped template prints no words of the sentence it stands in."""
    return name in SILENT or name.startswith(("cite", "ref", "sfn", "efn", "infobox", "citation", "flag", "harv"))


def placed(printed: str, name: str, before: str) -> str:
    """Return what a template prints behind the character `before`.

    Coordinates that begin a line are the page's, no part of a sentence; a fraction behind a digit stands apart from it.
    """
    if printed.startswith(FORMULA) and before in ("", "\n") and name != "tmath":
        return ""
    return f" {printed}" if name in FRACTIONS and before.isdigit() else printed


def split_arguments(text: str) -> list[str]:
    """Cut at the pipes that aren't inside a link.

    >>> split_arguments("lang|fr|[[a|b]] c")
    ['lang', 'fr', '[[a|b]] c']
    """
    parts = text.split("|")
    if "[[" not in text:
        return parts
    joined: list[str] = []
    depth = 0
    for part in parts:
        if depth > 0:
            joined[-1] += "|" + part
        else:
            joined.append(part)
        depth = max(0, depth + part.count("[[") - part.count("]]"))
    return joined


def read_call(inside: str, name: str, wiki: Wiki, title: str) -> Call:
    """Read `name|value|key=value` into a call of the template `name`; positions may be named by number.

    >>> from bertdata.extract.options import ExtractOptions
    >>> from bertdata.extract.wikitext.wiki import wiki_for
    >>> from bertdata.records import SiteInfo
    >>> wiki = wiki_for(SiteInfo(language="en"), ExtractOptions())
    >>> read_call("val|1|2=5|u=m", "val", wiki, "").value(2)
    '5'
    """
    positional = split_arguments(inside)
    del positional[0]
    named: dict[str, str] = {}
    if "=" in inside:
        arguments, positional = positional, []
        for argument in arguments:
            key, equals, value = argument.partition("=")
            if equals and (key := key.strip()).isalnum() and len(key) <= _MAX_KEY:
                named[key.lower()] = value.strip()
            elif equals and (found := _NAMED.match(argument)):
                named[found[1].lower()] = argument[found.end() :].strip()
            else:
                positional.append(argument)
    return Call(name, positional, named, wiki.language, title)


class Templates:
    """The rules of one wiki, looked up once per name as it is written."""

    def __init__(self, wiki: Wiki) -> None:
        self._wiki = wiki
        self._rules: dict[str, tuple[str, Callable[[Call], str] | None]] = {}
        # Of those that print nothing whatever their values are, the name; empty for a silent one.
        self._dropped: dict[str, str] = {}

    def _find(self, name: str) -> Callable[[Call], str] | None:
        wiki = self._wiki
        if name in wiki.drop:
            return None
        if name in wiki.keep:
            return lambda call: RULES[name](call) if name in RULES else call.first_value()
        return rule_for(name, wiki.language)

    def rule(self, raw: str) -> tuple[str, Callable[[Call], str] | None]:
        """Return the normal name of a template and its rule; None drops it."""
        return self._rules.get(raw) or self._look_up(raw)

    def _look_up(self, raw: str) -> tuple[str, Callable[[Call], str] | None]:
        if len(self._rules) > 100_000:  # a bound for wikis with a template per page
            self._rules.clear()
            self._dropped.clear()
        name = normal_name(raw)
        for prefix in _PREFIXES if ":" in name else ():
            name = name.removeprefix(prefix).strip()
        rule = self._find(name)
        self._rules[raw] = name, rule
        is_read = is_variable(name) or name in self._wiki.disambiguations
        if rule is None and ":" not in raw and not is_read:
            self._dropped[raw] = "" if is_silent(name) else name
        return name, rule

    def render(self, inside: str, title: str, tally: Tally) -> tuple[str, str]:
        """Return (what `{{inside}}` prints, its name); nothing where it is dropped."""
        raw = inside.partition("|")[0]
        if "[[" in inside:
            inside = links.simple_links(show_pipes(inside, in_links=True), tally)
        if ":" in raw:
            text = self._function(inside, title)
            if text is not None:
                return text, raw.partition(":")[0].strip().lower()
        name, rule = self.rule(raw)
        if name in self._wiki.disambiguations:
            tally.is_disambiguation = True
        if rule is None:
            return variable(name, title, inside), name
        if "\x02" in inside:
            inside = without_marks(inside)
        return rule(read_call(inside, name, self._wiki, title)), name

    def _function(self, inside: str, title: str) -> str | None:
        name, _, rest = inside.partition(":")
        function = FUNCTIONS.get(name.strip().lower())
        if function is None:
            return "" if name.lstrip().startswith("#") else None
        if "\x02" in rest:
            rest = without_marks(rest)
        return function(Call(name.strip().lower(), split_arguments(rest), {}, self._wiki.language, title))

    def replace(self, text: str, title: str, tally: Tally) -> tuple[str, int]:
        """Replace the innermost templates of a text; also return how many there were."""
        # What split() returns is read in a loop: a function called for each match costs more than finding it does.
        parts = INNER.split(text)
        if any(inside.startswith("{") for inside in parts[1::2]):
            parts = INNER.split(PARAMETER.sub(lambda found: found[2] or "", text))
        num_kept = 0
        dropped, before = self._dropped, parts[0][-1:]
        for i in range(1, len(parts), 2):
            inside = parts[i]
            name = dropped.get(inside.partition("|")[0])
            if name is None:
                printed, name = self.render(inside, title, tally)
                if printed:
                    printed = placed(printed, name, before)
                if printed:
                    num_kept += 1
                    parts[i] = printed
                else:
                    parts[i] = "" if before in ("", "\n") or is_silent(name) else tally.mark(name)
            else:
                parts[i] = "" if name == "" or before in ("", "\n") else tally.mark(name)
            # Where one template follows another, a brace stands before it.
            before = parts[i + 1][-1:] or "}"
        num = len(parts) // 2
        tally.add("template kept", num_kept)
        tally.add("template dropped", num - num_kept)
        return "".join(parts), num
