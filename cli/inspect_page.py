"""The side of `bertdata inspect` that looks at one page of a dump."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from rich.columns import Columns
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bertdata.errors import OptionError, require
from cli.console import print_json, print_table, stdout

if TYPE_CHECKING:
    from bertdata.extract.find_page import ReadPage

# One colour a kind of rule: what its name begins with.
_COLOURS = {
    "template": "magenta",
    "tag": "yellow",
    "table": "cyan",
    "link": "blue",
    "file": "cyan",
    "category": "blue",
    "comment": "bright_black",
    "heading": "red",
    "list": "red",
    "label": "red",
    "typed": "red",
    "external": "blue",
    "interlanguage": "blue",
}


def show_page(path: Path, title: str, language: str | None, as_json: bool) -> None:
    """Print a page's wikitext and its text side by side, what was removed struck out and coloured by its rule."""
    from bertdata.extract.find_page import read_page
    from bertdata.extract.options import ExtractOptions

    require(path.is_file(), f"--page looks into a dump, and {path} is no file: name a dump", OptionError)
    found = read_page(str(path), title, ExtractOptions(language=language))
    if as_json:
        print_json(
            {
                "title": found.page.title,
                "id": found.page.id,
                "wikitext": found.page.text,
                "text": found.cleaned.text,
                "skipped": found.cleaned.skipped,
                "rejected": found.cleaned.rejected,
                "rules": found.cleaned.rules,
                "spans": [span._asdict() for span in found.spans],
                "holes": [hole._asdict() for hole in found.cleaned.holes],
            }
        )
        return
    console = stdout()
    fate = found.cleaned.skipped or found.cleaned.rejected
    text = Text(found.cleaned.text) if not fate else Text(f"No document: {fate}", style="bold red")
    panels = [Panel(coloured(found), title="wikitext"), Panel(text, title="text")]
    if console.width >= 100:
        grid = Table.grid(expand=True, padding=(0, 1))
        grid.add_column(ratio=1)
        grid.add_column(ratio=1)
        grid.add_row(*panels)
        console.print(grid)
    else:
        console.print(Columns(panels))
    counts = sorted(found.cleaned.rules.items(), key=lambda item: (-item[1], item[0]))
    rows = [(Text(rule, style=_colour(rule)), count) for rule, count in counts]
    print_table(f"Rules on {found.page.title}", ["rule", "count"], rows)
    for hole in found.cleaned.holes:
        console.print(f"Suspected hole by {{{{{hole.template}}}}}: {hole.context}", markup=False)


def _colour(rule: str) -> str:
    return _COLOURS.get(re.split("[: ]", rule)[0], "green" if rule not in ("text", "paragraph") else "")


def coloured(found: ReadPage) -> Text:
    """Return the wikitext, removed spans struck out, every span that a rule read in its rule's colour."""
    text = Text()
    for span in found.spans:
        colour = _colour(span.rule)
        style = colour if span.kept else f"strike {colour or 'red'}"
        text.append(found.page.text[span.start : span.end], style=style.strip())
    return text
