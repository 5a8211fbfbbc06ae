"""A plain-text book to prose: its blocks kept or dropped by what they are, their wrapped lines joined."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from bertdata.extract.headings import Kind, classify, is_credit, is_full_prose
from bertdata.extract.hyphens import join_hyphens
from bertdata.extract.layout import Layout, find_layout, split_blocks
from bertdata.extract.notes import drop_marks, drop_notes

# Credits and title pages stand in the first and last blocks of a book.
_FRONT_BLOCKS, _BACK_BLOCKS = 60, 40
_OPEN_END = re.compile(r"[^\W_](?:,|-|--)?$")
# What may end the contents: prose of at least this many characters, or anything behind a chapter heading.
_SURE_PROSE = 60
_ENTRY = re.compile(r"\W*(?:chapter\s+)?(?:[ivxlcdm]+|\d{1,3})[.):]\s|.*\s{2,}\d{1,4}$", re.I)


@dataclass
class Prose:
    """The kept paragraphs of a book; `chapters` are (number of the first paragraph, heading); `rules` counts blocks."""

    paragraphs: list[str] = field(default_factory=list)
    chapters: list[tuple[int, str]] = field(default_factory=list)
    rules: dict[str, int] = field(default_factory=dict)


def clean_book(text: str, keep_verse: bool = True) -> Prose:
    """Return the running prose of one book (its frame already cut away, its lines tidied).

    >>> clean_book("CHAPTER I\\n\\nIt was a dark night, and the rain fell on the\\nroof.\\n\\n* * *\\n\\nNobody came.").paragraphs
    ['It was a dark night, and the rain fell on the roof.', 'Nobody came.']
    """
    text, num_notes = drop_notes(text)
    layout = find_layout(text)
    if layout.kind in ("blank-lines", "no-blank-lines"):
        text = join_hyphens(text)
    cleaner = _Cleaner(layout, keep_verse)
    if num_notes:
        cleaner.prose.rules["bracketed-note"] = num_notes
    cleaner.read(split_blocks(text, layout))
    return cleaner.finish()


class _Cleaner:
    """Reads blocks in order; remembers whether it stands in contents, an index, or the file's end notes."""

    def __init__(self, layout: Layout, keep_verse: bool) -> None:
        self.width, self.keep_verse = layout.width, keep_verse
        # Where a line is a paragraph or sentence its length says nothing.
        self.wrapped = layout.kind in ("blank-lines", "no-blank-lines")
        if not self.wrapped:
            self.width = 72
        self.prose = Prose()
        self.skipping: Kind | None = None
        self.num_blocks = 0
        self.last_kind: Kind | None = None

    def read(self, blocks: Iterable[str]) -> None:
        width, append = self.width, self._keep
        for block in blocks:
            self.num_blocks += 1
            if self.skipping is None and self.num_blocks > _FRONT_BLOCKS and is_full_prose(block, width):
                append(block)
            else:
                self._consider(block, classify(block, width))

    def _consider(self, block: str, kind: Kind) -> None:
        if self.num_blocks <= _FRONT_BLOCKS and kind in ("prose", "verse", "fragment") and is_credit(block):
            kind = "credit"
        if self.skipping is not None:
            kind = self._leave(block, kind)
        if kind in ("contents", "index", "notes-heading"):
            self.skipping = kind
        if kind == "chapter" or (kind == "end" and self.skipping):
            self.prose.chapters.append((len(self.prose.paragraphs), " ".join(block.split())))
        if kind == "prose" or (kind == "verse" and self.keep_verse):
            self._keep(block)
        else:
            self.prose.rules[kind] = self.prose.rules.get(kind, 0) + 1
        self.last_kind = kind

    def _leave(self, block: str, kind: Kind) -> Kind:
        """Say what a block is inside contents, an index or notes; they end where the book goes on."""
        if self.skipping == "contents":
            if kind == "prose" and len(block) >= _SURE_PROSE and not _ENTRY.match(block):
                self.skipping = None
                return kind
            return kind if kind in ("index", "notes-heading", "contents", "chapter", "heading") else "contents-entry"
        if kind == "chapter":
            self.skipping = None
            return kind
        if self.skipping == "notes-heading" and kind == "prose" and self.last_kind == "heading":
            self.skipping = None
            return kind
        return kind if kind in ("contents", "index", "notes-heading") else "note"

    def _keep(self, block: str) -> None:
        paragraph = " ".join(block.split()) if block[0] == " " or "\n " in block else block.replace("\n", " ")
        paragraphs = self.prose.paragraphs
        if paragraphs and paragraph[0].islower() and _goes_on(paragraphs[-1]):
            # A page break, picture or blank line cut a sentence in two.
            paragraphs[-1] += " " + paragraph
            return
        paragraphs.append(paragraph)

    def finish(self) -> Prose:
        paragraphs = self.prose.paragraphs
        for n in range(max(0, len(paragraphs) - _BACK_BLOCKS), len(paragraphs)):
            if is_credit(paragraphs[n]):
                self.prose.rules["credit"] = self.prose.rules.get("credit", 0) + 1
                paragraphs[n] = ""
        return self.prose


def _goes_on(paragraph: str) -> bool:
    return len(paragraph) > 40 and (paragraph[-1].isalpha() or paragraph[-1] in ",-")


def join_paragraphs(paragraphs: list[str]) -> str:
    """Return paragraphs as the text of a document: parted by one blank line, without marks, single spaces only.

    >>> join_paragraphs(["It  was _so_.", "", "Yes.[1]"])
    'It was so.\\n\\nYes.'
    """
    text = drop_marks("\n\n".join(filter(None, paragraphs)))
    while "  " in text:
        text = text.replace("  ", " ")
    return text.replace("\n ", "\n").replace(" \n", "\n").strip()
