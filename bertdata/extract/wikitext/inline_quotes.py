"""Quotations: blocks that are paragraphs of their own, words between marks, and what words mean literally."""

from __future__ import annotations

from bertdata.extract.wikitext.call import Call, Rule
from bertdata.extract.wikitext.inline_local import around, for_names


def quote(call: Call) -> str:
    """Print a block quotation as a paragraph of its own."""
    text = (
        call.get("text", "quote", "1", "citação", "citat", "texte", "texto", "testo", "content", "tekst", "תוכן", "متن")
        or call.first_value().strip()
    )
    return f"\n\n{text}\n\n" if text else ""


def verse_translation(call: Call) -> str:
    """Print a poem and its translation, which stand side by side, one below the other."""
    return f"\n\n{call.value(1)}\n\n{call.value(2)}\n\n"


def literally(call: Call) -> str:
    """Print `{{lit|federal diet}}`, what a name means word by word."""
    meanings = " or ".join(f"&#39;{value}&#39;" for value in call.values() or [call.value(1)] if value)
    return f"lit. {meanings}" if meanings else ""


def closing_quote(sign: str) -> Rule:
    """Return a rule that prints the first value between quote marks; without one, marks that stand side by side."""
    quoted = around('"', '"')
    return lambda call: quoted(call) or sign


_BLOCKS = """
quote|blockquote|bq|cquote|quotation|quote box2|zitat|zitat-en|citation bloc|cita|citazione|citaat|citat|cytat|citace
цитата|початок цитати|cita2|sitat|sitaatti|idézet|citação|citar|पाठ|उद्धरण|अवतरण|απόσπασμα|παράθεμα|παράθεση|trích dẫn
quotation1|centered pull quote|pull quote|epigraph|block quote|q|quote1|poem quote|poemquote|block indent|blockindent
citát|ציטוט|alıntı|인용문|گفتاورد|نقل قول|اقتباس|kutipan|longquote
"""
RULES: dict[str, Rule] = {
    **for_names(_BLOCKS.strip().replace("\n", "|"), quote),
    "verse translation": verse_translation,
    **for_names("lit|lit.|literally|literal translation|literal", literally),
    **dict.fromkeys(('"', "quote marks"), around('"', '"')),
    "'\"": closing_quote('&#39;"'),
    "\"'": closing_quote('"&#39;'),
}
