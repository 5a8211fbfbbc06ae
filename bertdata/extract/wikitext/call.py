"""One use of a template, as its rule sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Call(NamedTuple):
    """A template's name, its values by position and by name, and the page that it stands on."""

    name: str
    positional: list[str]
    named: dict[str, str]
    language: str
    title: str

    def value(self, position: int) -> str:
        """Return the value at a position counted from 1, stripped; empty where there is none."""
        named = self.named.get(str(position))
        if named is not None:
            return named
        return self.positional[position - 1].strip() if position <= len(self.positional) else ""

    def get(self, *names: str) -> str:
        """Return the first of these named values that isn't empty."""
        named = self.named
        for name in names if named else ():
            if value := named.get(name):
                return value
        return ""

    def first_value(self) -> str:
        """Return the first value by position that isn't empty, its blanks included."""
        return self.named.get("1") or next((value for value in self.positional if value.strip()), "")

    def values(self) -> list[str]:
        """Return all values by position, stripped."""
        values = [value.strip() for value in self.positional]
        for name in self.named:
            if name.isdecimal() and (at := int(name) - 1) in range(len(values)) and name == str(at + 1):
                values[at] = self.named[name]
        return values


# What a template prints.
Rule = Callable[[Call], str]
