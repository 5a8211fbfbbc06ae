"""What the cleaner knows of the wiki whose pages it reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from bertdata.extract.options import ExtractOptions
from bertdata.extract.wikitext import names
from bertdata.records import SiteInfo

_FILE, _MEDIA, _CATEGORY = 6, -2, 14


def normal_name(name: str) -> str:
    """Return a template's or namespace's name as it is looked up: one case, one kind of space.

    >>> normal_name(" Birth_date  and age ")
    'birth date and age'
    """
    return " ".join(name.replace("_", " ").split()).lower()


looked_up = lru_cache(maxsize=20_000)(normal_name)


@dataclass(frozen=True)
class Wiki:
    """Local names and habits of one wiki, in the form that the rules look them up.

    `link_kinds` gives `file`, `category` or `interlanguage` for a prefix whose links print nothing.
    """

    language: str
    link_kinds: Mapping[str, str]
    disambiguations: frozenset[str]
    variants: tuple[str, ...]
    keep: frozenset[str]
    drop: frozenset[str]


def base_language(language: str) -> str:
    """Return the code of the Wikipedia that a language code belongs to.

    >>> base_language("pt-BR"), base_language("zh-min-nan"), base_language("")
    ('pt', 'zh-min-nan', 'en')
    """
    code = language.lower().replace("_", "-") or "en"
    return code if code in names.LANGUAGE_CODES else code.split("-")[0]


def wiki_for(siteinfo: SiteInfo, options: ExtractOptions) -> Wiki:
    """Join the dump's own names, the table's and the user's."""
    language = base_language(options.language or siteinfo.language)
    local = {number: normal_name(name) for number, name in siteinfo.namespaces}
    files = {local[n] for n in (_FILE, _MEDIA) if local.get(n)}
    categories = {local[_CATEGORY]} if local.get(_CATEGORY) else set()
    kinds = dict.fromkeys(names.LANGUAGE_CODES, "interlanguage")
    kinds |= dict.fromkeys(names.CATEGORY_NAMES | categories, "category")
    kinds |= dict.fromkeys(names.FILE_NAMES | files | {"media"}, "file")
    return Wiki(
        language=language,
        link_kinds=kinds,
        disambiguations=names.disambiguation_names(language),
        variants=names.VARIANTS.get(language, ()),
        keep=frozenset(map(normal_name, options.keep_templates)),
        drop=frozenset(map(normal_name, options.drop_templates)),
    )


_REDIRECT = re.compile(r"\s*#\s*([^\s\[\]:#]{2,40})(?:\s+[^\s\[\]:#]{2,20})?\s*:?\s*\[\[[^\]\n]*\]\]")


def is_redirect(text: str) -> bool:
    """Tell whether a page's text is a redirect, in any language: `#WORD [[Target]]` before anything else.

    A word in capitals counts even where the table doesn't have it.

    >>> is_redirect("#WEITERLEITUNG [[Ziel]]"), is_redirect("# an item [[with]] a link")
    (True, False)
    """
    found = _REDIRECT.match(text) if "#" in text[:80] else None
    if not found:
        return False
    word = found[1].lower()
    return word in names.REDIRECT_WORDS or (found[1].isupper() and len(word) > 5)
