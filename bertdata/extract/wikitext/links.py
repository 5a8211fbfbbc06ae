"""Links: labels stay, files, categories and interlanguage links go."""

from __future__ import annotations

import re

from bertdata.extract.wikitext.marks import Tally
from bertdata.extract.wikitext.wiki import Wiki, looked_up

# [[target]] and [[target|label]] without a colon, a bracket or a brace inside: what split() returns beside the rest
# are the labels, so the whole step runs at C speed. A scan for one literal character is faster than one for two: the
# second stands behind a look at it.
_SIMPLE = re.compile(r"\[(?=\[)\[(?:[^\[\]|:{}<>\n#/]++\|)?+([^\[\]|:{}<>\n]++)\]\]")
# What only a file's name ends with: the prefix before it is a namespace of files, in whatever language.
_FILE_NAME = re.compile(
    r".*\.(?:jpe?g|png|gif|svg|tiff?|webp|xcf|djvu|pdf|og[agv]|webm|mp[34]|midi?|wav|flac)\s*",
    re.IGNORECASE | re.DOTALL,
)
INNER = re.compile(r"\[(?=\[)\[((?:[^\[\]\n]++|\n(?!=)|\[(?!\[)|\](?!\]))*+)\]\]")
_SCHEMES = r"(?:https?|ftps?|sftp|ircs?|gopher|telnet|nntp|news|svn|git|ssh|worldwind|redis|mms|ipfs|matrix)://"
_LOOSE_SCHEMES = r"(?:mailto|news|tel|sip|sips|sms|bitcoin|magnet|urn|geo|xmpp|skype):"
_EXTERNAL = re.compile(
    rf"\[(?=[a-zA-Z/])(?:(?i:{_SCHEMES}|{_LOOSE_SCHEMES})|//)(?:[^\s\[\]<>\"']++|'(?!'))*+([^\[\]\n]*+)\]"
)


def simple_links(text: str, tally: Tally) -> str:
    """Replace links that can be nothing but links by their labels, in one pass."""
    parts = _SIMPLE.split(text)
    tally.add("link", len(parts) // 2)
    return "".join(parts)


def link_text(inside: str, wiki: Wiki, tally: Tally) -> str:
    """Return what `[[inside]]` prints in the text.

    A target with a leading colon is a link whatever it points to; `[[|label]]` and `[[target|]]` show what is there.
    """
    target, bar, label = inside.partition("|")
    if ":" in target:
        prefix = looked_up(target.partition(":")[0])
        rule = wiki.link_kinds.get(prefix)
        if rule is None and prefix and "." in target[-7:] and _FILE_NAME.fullmatch(target):
            rule = "file"
        if rule:
            tally.add(rule)
            return ""
        target = target.lstrip().removeprefix(":")
    tally.add("link")
    return label if bar and label.strip() else target


def inner_links(text: str, wiki: Wiki, tally: Tally) -> str:
    """Replace the innermost remaining links."""
    parts = INNER.split(text)
    parts[1::2] = [link_text(inside, wiki, tally) for inside in parts[1::2]]
    return "".join(parts)


def external_links(text: str, tally: Tally) -> str:
    """Replace bracketed addresses by their labels; a link without a label prints a number, which is no prose."""
    if "[" not in text:
        return text
    parts = _EXTERNAL.split(text)
    tally.add("external link", len(parts) // 2)
    for i in range(1, len(parts), 2):
        # The label must not touch what stands before: MediaWiki ends the address at a blank and drops it.
        parts[i] = parts[i].lstrip()
    return "".join(parts)
