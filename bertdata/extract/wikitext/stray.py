"""Openings and closings without a partner: a fault costs at most its paragraph."""

from __future__ import annotations

import re

from bertdata.extract.wikitext.marks import without_marks
from bertdata.extract.wikitext.tags import KNOWN

_LATE = re.compile(
    r"\{\{|\[\[(?=[^\[\]]*\|)|\x04|\{\||<(?:ref|math|gallery|timeline|score|syntaxhighlight|source|imagemap|pre)\b",
    re.IGNORECASE,
)
_CLOSING = re.compile(r"\{\{+|\}\}+|\[\[+|\]\]+|\|\}|\{\||-->")
_BRACKET = re.compile(r"[{}\[\]]")
# A link that has lost one of its four brackets.
_HALF_LINK = re.compile(r"\[\[([^\[\]|\n]*+)\](?!\])|(?<!\[)\[([^\[\]|\n]*+)\]\]")
# A link that never ends, its title and the bar: what it shows is text. With more bars it is a file and its options.
_OPEN_LINK = re.compile(r"\[\[[^\[\]|:{}<>\n]{1,100}\|(?=[^\[\]|{}<>]*(?:\[\[|$))")
_OPEN_TAG = re.compile(r"</?([A-Za-z][A-Za-z0-9]*)(?=[\s/>]|$)[^<>]*>?")
_SENTENCE_END = re.compile(r"[.!?。！？।؟…][\"'”’»)\]]*(?=\s|$)|[。！？]")
_FAULT = re.compile(r"\x04|\{[{|]|\}\}|\[\[|\]\]|\|\}|<[!/A-Za-z]")


def has_fault(paragraph: str) -> bool:
    """Tell whether markup is left in a paragraph that the patterns have read."""
    if "{" in paragraph or "}" in paragraph or "<" in paragraph or "\x04" in paragraph:
        return _FAULT.search(paragraph) is not None
    return ("[" in paragraph and "[[" in paragraph) or ("]" in paragraph and "]]" in paragraph)


def part_joined(paragraph: str) -> str:
    """Cut a paragraph in which two halves of a mark stand on both sides of dropped templates.

    >>> part_joined("One. A {\\x020\\x03{ b"), part_joined("A {b} \\x020\\x03 [c]")
    ('One.', 'A {b} \\x020\\x03 [c]')
    """
    if not any(sign in paragraph for sign in "{}[]"):
        return paragraph
    bare = without_marks(paragraph)
    return cut_fault(bare) if has_fault(bare) else paragraph


def cut_fault(paragraph: str) -> str:
    """Cut a paragraph at an opening that never ends, back to its last whole sentence; drop stray closings.

    >>> cut_fault("One. Its lighthouse {{citation needed|date=May is old."), cut_fault("A mason}} built it.")
    ('One.', 'A mason built it.')
    >>> cut_fault("The [[harbour] of Rome [sic]"), cut_fault("The [harbour]] of Rome")
    ('The harbour of Rome [sic]', 'The harbour of Rome')
    >>> cut_fault("Of the [[House of Rome|Roman house) he died."), cut_fault("One. A [[a|b|c. Two.")
    ('Of the Roman house) he died.', 'One.')
    """
    paragraph = _OPEN_LINK.sub("", paragraph)
    found = _LATE.search(paragraph)
    if found:
        before = paragraph[: found.start()]
        ends = [end.end() for end in _SENTENCE_END.finditer(before)]
        paragraph = before[: ends[-1]] if ends else ""
    if paragraph.count("[") != paragraph.count("]"):
        paragraph = _HALF_LINK.sub(r"\1\2", paragraph)
    paragraph = _CLOSING.sub("", paragraph)
    if _CLOSING.search(paragraph):
        # What was dropped joined two halves of a mark (`{}}{`): one pass over single brackets ends that.
        paragraph = _BRACKET.sub("", paragraph).replace("-->", "")
    if "<" in paragraph:
        paragraph = _OPEN_TAG.sub(lambda m: "" if m[1].lower() in KNOWN and m[0].endswith(">") else m[0], paragraph)
    return paragraph
