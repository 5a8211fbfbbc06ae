"""The parts of a report's page: escaped text, tables, figures; whatever a corpus holds, it can't reach out of them."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bertdata.promises import Share
from bertdata.report_style import STYLE

# Not allowed in HTML, or not encodable: a title may hold anything.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
# Nothing is loaded, whatever slipped in: the page has no address in it, and the browser is told to ask none.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


# More don't fit beside each other on a telephone (360 pixels).
_MOST_COLUMNS = 5


class Html(str):
    """Text that is HTML already; `cell` and `table` escape every other string."""

    __slots__ = ()


class Section(NamedTuple):
    """A section: its anchor, its title, what it says."""

    anchor: str
    title: str
    body: str


def escape(value: Any) -> str:
    """Return a value as text of a page, in attributes too.

    >>> escape('<b> & "\\x00"')
    '&lt;b&gt; &amp; &quot;\ufffd&quot;'
    """
    return html.escape(_FORBIDDEN.sub("\ufffd", str(value)))


def name(value: Any) -> Html:
    """Return a name from outside (a title, a template) that keeps its own direction inside a line of ours."""
    return Html(f"<bdi>{escape(value)}</bdi>")


def without_folder(error: Exception, folder: Path) -> str:
    """Return what an error says, without the corpus' place: a page must not depend on where its corpus lies."""
    return str(error).replace(f"{folder}/", "").replace(str(folder), "the corpus")


def number(value: float) -> str:
    """Return an integer, grouped.

    >>> number(1234567)
    '1,234,567'
    """
    return f"{value:,.0f}"


def percent(share: float, digits: int = 1) -> str:
    """Return a share as a percentage.

    >>> percent(0.1234), percent(1e-7, 2), percent(0)
    ('12.3 %', '< 0.01 %', '0 %')
    """
    if not share:
        return "0 %"
    least = 10**-digits
    return f"< {least:.{digits}f} %" if 0 < 100 * share < least else f"{100 * share:.{digits}f} %"


def size(num_bytes: float) -> str:
    """Return bytes in decimal units.

    >>> size(999), size(64_000_000)
    ('999 B', '64.0 MB')
    """
    if num_bytes < 1000:
        return f"{num_bytes:.0f} B"
    for unit in ("kB", "MB", "GB"):
        num_bytes /= 1000
        if num_bytes < 999.95:
            return f"{num_bytes:.1f} {unit}"
    return f"{num_bytes / 1000:.1f} TB"


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], left: int = 1, caption: str = "") -> Html:
    """Return a table whose first `left` columns are words and whose others are numbers, set to the right.

    A table of many columns becomes, on a narrow screen, a list a row: there its cells name their columns themselves.
    """
    wide = len(columns) > _MOST_COLUMNS
    sides = ["" if n < left else ' class="n"' for n in range(len(columns))]
    head = "".join(f'<th scope="col"{side}>{_cell(c)}</th>' for c, side in zip(columns, sides, strict=True))
    labels = [f' data-label="{escape(column)}"' if wide else "" for column in columns]
    opened = [f"<td{side}{label}>" for side, label in zip(sides, labels, strict=True)]
    body = "".join(
        "<tr>" + "".join(f"{td}{_cell(c)}</td>" for c, td in zip(row, opened, strict=True)) + "</tr>\n" for row in rows
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    start = '<table class="wide">' if wide else "<table>"
    return Html(
        f'<div class="scroll">{start}{title}<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>\n'
    )


def _cell(value: Any) -> str:
    if isinstance(value, Html):
        return value
    return number(value) if isinstance(value, int) else escape(value)


def details(summary: str, body: str) -> Html:
    """Return what a reader may open."""
    return Html(f"<details><summary>{escape(summary)}</summary>\n{body}</details>\n")


def figure(svg: str, caption: str) -> Html:
    """Return a figure with its caption."""
    return Html(f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>\n")


def tiles(values: Sequence[tuple[str, str]]) -> Html:
    """Return the numbers that come first, each with what it counts."""
    items = "".join(f"<div><dt>{escape(what)}</dt><dd>{escape(value)}</dd></div>" for what, value in values)
    return Html(f'<dl class="tiles">{items}</dl>\n')


def tolerance(share: Share) -> Html:
    """Return a mark that shows where a share lies in what is allowed: a band, its middle, and a dot.

    The band takes the middle half; a dot outside of it is a broken promise, and stands at the edge if it is far off.
    """
    middle, half = (share.low + share.high) / 2, (share.high - share.low) / 2
    # Exact promises have no width: then any difference is all the way out.
    offset = (share.found - middle) / half if half > 1e-9 else 0.0 if share.passed else 2.0
    x = 60 + 30 * max(-1.9, min(1.9, offset))
    band = '<rect x="30" y="5" width="60" height="8" rx="4" class="band"/>' if half > 1e-9 else ""
    dot = f'<circle cx="{x:.1f}" cy="9" r="4" class="{"in" if share.passed else "out"}"/>'
    line = '<path d="M2 9H118" class="axis"/><path d="M60 3V15" class="axis"/>'
    return Html(f'<svg class="mark" viewBox="0 0 120 18" aria-hidden="true">{band}{line}{dot}</svg>')


def listed(names: Iterable[str], most: int = 3) -> str:
    """Return names as a phrase.

    >>> listed(["books"]), listed(["books", "enwiki"]), listed("abcdef")
    ('books', 'books and enwiki', 'a, b, c and 3 more')
    """
    some = list(names)
    if len(some) > most + 1:
        some = [*some[:most], f"{len(some) - most} more"]
    return " and ".join(filter(None, (", ".join(some[:-1]), *some[-1:])))


def page(names: Sequence[str], lead: str, head: str, sections: Sequence[Section], foot: str) -> str:
    """Return the whole page; `names` are those of the corpus' sources, `lead`, `head` and `foot` HTML."""
    links = "".join(f'<a href="#{s.anchor}">{escape(s.title)}</a>' for s in sections)
    body = "".join(f'<section id="{s.anchor}"><h2>{escape(s.title)}</h2>\n{s.body}</section>\n' for s in sections)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(listed(names))}: corpus report</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f'<header><p class="eyebrow">Corpus report</p>\n<h1>{listed(map(name, names))}</h1>\n'
        f'<p class="lead">{lead}</p>\n{head}'
        f'<nav aria-label="Sections">{links}</nav></header>\n{body}<footer>{foot}</footer>\n</main>\n</body>\n</html>\n'
    )
