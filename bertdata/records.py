"""The records that flow between steps, and the schemas of the tables that they are written to.

Read this file first. A *source* is what the user named; a *slice* is what one worker reads of it; a *page* becomes
a *document* or a *rejection*, or is *skipped* (it never was text).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

SourceKind = Literal["wikipedia", "books", "text"]


@dataclass(frozen=True)
class Source:
    """One `--wikipedia`, `--books` or `--text` of the command line: its files, each with the name ids are made of.

    `files` are paths; `names` are as many: the path below the folder that the user named (`austen/emma.txt`), or the
    file's name where a file was named. A Wikipedia source whose `name` is None takes it from its dump.
    """

    kind: SourceKind
    name: str | None
    files: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Slice:
    """What one worker reads at once and writes to one documents file.

    For a dump: one file, and the range [start, end) of its bytes (compressed, where it is compressed); a page belongs
    to the slice in which it starts. For books and text: a pack of whole files, or one file and a range of its bytes
    or row groups. `index` counts the slices of a build; it names the documents file.
    """

    index: int
    source: str
    kind: SourceKind
    files: tuple[str, ...]
    names: tuple[str, ...]
    start: int = 0
    end: int = -1
    form: str = ""
    num_bytes: int = 0


@dataclass(frozen=True)
class SiteInfo:
    """What a dump says of its wiki in `<siteinfo>`, completed by the caller where the dump is silent or wrong.

    `namespaces` are (number, local name) pairs without the article namespace; `base` is the main page's URL.
    """

    dbname: str = ""
    language: str = ""
    base: str = ""
    version: str = ""
    namespaces: tuple[tuple[int, str], ...] = ()


class Page(NamedTuple):
    """One `<page>` of a dump, its newest revision's text still wikitext.

    `redirect` is the export's `<redirect>` element (old schemas lack it; the cleaner also reads the text). `model` is
    the content model (`wikitext` where the schema doesn't say).
    """

    id: int
    namespace: int
    title: str
    revision: str
    text: str
    redirect: bool = False
    model: str = "wikitext"


class Document(NamedTuple):
    """An article or a book as clean text: paragraphs separated by one blank line, sentences not split."""

    id: str
    source: str
    title: str
    text: str
    language: str
    url: str
    revision: str
    license: str


class Rejection(NamedTuple):
    """A page or book that was refused: `reason` is a counted word such as `too-deep`; `text` is the raw input."""

    id: str
    source: str
    title: str
    reason: str
    text: str


@dataclass
class Counts:
    """What one slice held, by reason; additive over slices."""

    pages: int = 0
    documents: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    rules: dict[str, int] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
