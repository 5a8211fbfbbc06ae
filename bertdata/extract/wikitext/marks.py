"""The signs that stages leave for each other inside a text, and the counts of what they did.

A dropped inline template leaves `\\x02NUMBER\\x03`, so that the last stage can tell whether its place is a hole and
name the template; a comment leaves `\\x05` until its line is looked at; formulas stand between `\\x06`; `\\x07` is
`{{!}}` while templates are read; pronunciations stand between `\\x08`. XML allows none of these characters.
"""

from __future__ import annotations

import re
from typing import NamedTuple

COMMENT = "\x05"
OPEN_COMMENT = "\x04"
PIPE = "\x07"
MARK = re.compile("\x02[0-9]+\x03")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f]")


_LINK = re.compile(r"\[\[[^\[\]]*\]\]")


def show_pipes(text: str, in_links: bool = False) -> str:
    """Put a pipe for each `{{!}}`, everywhere or in links only."""
    if PIPE not in text:
        return text
    return _LINK.sub(lambda link: link[0].replace(PIPE, "|"), text) if in_links else text.replace(PIPE, "|")


def without_marks(text: str) -> str:
    """Remove the marks of dropped templates."""
    return MARK.sub("", text) if "\x02" in text else text


def plain_ends(text: str) -> str:
    """Write every line end as `\\n`."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def without_controls(text: str) -> str:
    """Remove characters that XML forbids, among them the marks, and carriage returns."""
    text = plain_ends(text)
    # C-speed look-ups of our own marks cost less than a regex scan of every page.
    return _CONTROL.sub("", text) if any(c in text for c in "\0\1\2\3\4\5\6\7\b") else text


class Hole(NamedTuple):
    """A place where a sentence seems to lack words: what stands around it, and the template that stood there."""

    context: str
    template: str


class Tally:
    """The counts of one page by rule, its suspected holes, and the names behind its marks."""

    def __init__(self) -> None:
        self.rules: dict[str, int] = {}
        self.holes: list[Hole] = []
        self.is_disambiguation = False
        self._names: list[str] = []
        self._marks: dict[str, str] = {}

    def add(self, rule: str, num: int = 1) -> None:
        """Count `num` uses of a rule."""
        if num:
            self.rules[rule] = self.rules.get(rule, 0) + num

    def mark(self, name: str) -> str:
        """Return the mark that stands for a dropped template of this name."""
        mark = self._marks.get(name)
        if mark is None:
            mark = self._marks[name] = f"\x02{len(self._names)}\x03"
            self._names.append(name)
        return mark

    def name(self, mark: str) -> str:
        """Return the template's name behind a mark."""
        return self._names[int(mark[1:-1])]
