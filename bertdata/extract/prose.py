"""A plain-text book to prose: its blocks kept or dropped by what they are, their wrapped lines joined."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from bertdata.extract.blocks import Kind, classify, is_plain_prose
from bertdata.extract.codes import return_memory, single_spaces
from bertdata.extract.credits import are_adverts, credit_words, is_advert, is_credit
from bertdata.extract.headings import may_name_chapter, split_heading
from bertdata.extract.hyphens import join_hyphens
from bertdata.extract.indented_blocks import find_indented
from bertdata.extract.layout import Layout, judge_layout, split_blocks, split_segments
from bertdata.extract.notes import drop_marks, drop_notes
from bertdata.extract.plain_blocks import find_plain
from bertdata.extract.speakers import find_speakers, is_cast, name_speaker

_JOINED_AT_ONCE = 20_000
# Credits and title pages stand in the first and last blocks of a book.
FRONT_BLOCKS, BACK_BLOCKS, MAX_CREDIT = 60, 40, 2_000
# What may end the contents: prose of at least this many characters, or anything behind a chapter heading.
_SURE_PROSE = 60
_MAX_TRANSCRIBER = 12
# The width of a line where the book has none; what a line must hold to be text that a page break cut.
_COMMON_WIDTH, _SURE_FRAGMENT = 72, 40
# An index stands in the last part of a book, and runs to its end or to the next chapter.
_INDEX_SHARE = 0.6
# No paragraph is so long that blocks are still joined to it: each time its characters are copied.
_MAX_JOINED = 20_000
_BEFORE_SYNOPSIS = ("chapter", "heading", "synopsis", "contents", "page", "rule")
_IN_CONTENTS = ("contents", "chapter", "heading", "transcriber", "credit", "cast")
# What may stand between the halves of a sentence.
_BETWEEN = ("page", "note", "rule", "table", "fragment")
_PAGE_BEHIND = re.compile(r"(?<=[.!?][\"'”’ ])[ ]?\d{1,4}$")
_SMALL_CAPITALS = re.compile(r"[\"'“‘]?(?:[A-Z]+[ '’]?){1,3}(?<=[A-Z])")
_PAGE_MARK = re.compile(r"\{\d{1,4}\}")
# The number of a line of verse, at the right: every fifth or tenth line has one.
_VERSE_NUMBER = re.compile(r"   (?<=[^\W\d_]   |[,.;:!?'’”\"—)_-]   ) *\d{0,3}[05]$", re.MULTILINE)
# Where so much of a book is behind, "The End" may stand before its publisher's list; or be its last chapter's name.
_END_SHARE = 0.8
_ENTRY = re.compile(r"\W{0,9}(?:chapter\s+)?(?:[ivxlcdm]+|\d{1,3})[.):]\s", re.I)


@dataclass
class Prose:
    """The kept paragraphs of a book; `chapters` are (number of the first paragraph, heading); `rules` counts blocks."""

    paragraphs: list[str] = field(default_factory=list)
    chapters: list[tuple[int, str]] = field(default_factory=list)
    rules: dict[str, int] = field(default_factory=dict)

    def count(self, rule: str, number: int = 1) -> None:
        """Count blocks, or a file, that went by a rule."""
        self.rules[rule] = self.rules.get(rule, 0) + number


def clean_book(
    text: str, keep_verse: bool = True, start: int = 0, end: int | None = None, layout: Layout | None = None
) -> Prose:
    """Return the running prose of the book that is `text[start:end]` (its frame already cut away, its lines tidied).

    Its layout is judged from its lines where none is given.

    >>> clean_book("CHAPTER I\\n\\nIt was a dark night, and the\\nrain fell.\\n\\n* * *\\n\\nNobody came.").paragraphs
    ['It was a dark night, and the rain fell.', 'Nobody came.']
    """
    end = len(text) if end is None else end
    layout = layout or judge_layout(text, start, end)
    cleaner = _Cleaner(layout, keep_verse, end - start)
    for segment in split_segments(text, start, end):
        segment, num_notes = drop_notes(segment)
        if num_notes:
            cleaner.prose.count("bracketed-note", num_notes)
        segment = join_hyphens(segment)
        cleaner.read(segment, layout)
    return cleaner.finish()


class _Cleaner:
    """Reads blocks in order; remembers whether it stands in contents, an index, or a transcriber's note."""

    def __init__(self, layout: Layout, keep_verse: bool, num_chars: int) -> None:
        # Where a line is a paragraph or sentence its length says nothing.
        self.width = layout.width if layout.kind in ("blank-lines", "no-blank-lines") else _COMMON_WIDTH
        self.keep_verse, self.num_chars = keep_verse, num_chars
        self.prose = Prose()
        self.skipping: Kind | None = None
        self.num_blocks = self.num_skipped = self.position = 0
        self.last_kind: Kind = "rule"
        # A cut-off line that the next block may take: small capitals after a drop cap, a line before a page break.
        self.pending = ""
        self.is_open = False
        self.credit_words: tuple[str, ...] = ()
        # A line without an end behind a chapter's name: its title, if a paragraph of prose follows.
        self.title = ""
        # Of a play: its speakers, and whether one of them was named last.
        self.speakers: frozenset[str] = frozenset()
        self.is_spoken = False
        # What may go on: a play's list of persons, or numbered paragraphs that were announced.
        self.list_kind: Literal["", "cast", "numbers"] = ""
        # How many paragraphs stood before the last "The End".
        self.end: int | None = None

    def read(self, text: str, layout: Layout) -> None:
        """Read the blocks of a segment: plain ones by the run, the others one by one."""
        blocks = split_blocks(text, layout)
        plain = find_plain(blocks, self.width)
        indented: list[bool] = []
        if self.keep_verse and (found := find_indented(blocks, self.width)).any():
            plain |= found
            indented = found.tolist()
        speakers = find_speakers(blocks)
        self.speakers |= speakers.names
        plain &= ~speakers.begun
        text, starts, ends = blocks.text, blocks.starts.tolist(), blocks.ends.tolist()
        flat = text.replace("\n", " ")
        if self.num_blocks < FRONT_BLOCKS and ends:
            self.credit_words = credit_words(text[: ends[min(FRONT_BLOCKS, len(ends)) - 1]])
            for n in np.flatnonzero(plain[: FRONT_BLOCKS - self.num_blocks]).tolist():
                plain[n] = self.keep_verse and not is_credit(text[starts[n] : ends[n]], self.credit_words)
        specials, start = [*np.flatnonzero(~plain).tolist(), len(plain)], 0
        del blocks, plain
        for special in specials:
            # It depends on what was before what becomes of a plain paragraph then.
            while start < special and (
                self.skipping is not None or self.is_open or self.pending or self.title or self.list_kind
            ):
                self._read_block(text[starts[start] : ends[start]])
                start += 1
            if start < special:
                run = [flat[n:m] for n, m in zip(starts[start:special], ends[start:special], strict=True)]
                if indented:
                    flags = indented[start:special]
                    run = [p.lstrip(" ") if flag else p for p, flag in zip(run, flags, strict=True)]
                self.prose.paragraphs += run
                self.num_blocks += special - start
                # Between blocks lie one or two line ends: near enough to tell how much of the book is behind.
                self.position += ends[special - 1] - starts[start]
                self.last_kind, self.is_spoken = "prose", False
            if special < len(starts):
                self._read_block(text[starts[special] : ends[special]])
            start = special + 1

    def _read_block(self, block: str) -> None:
        self.num_blocks += 1
        self.position += len(block)
        is_front = self.num_blocks <= FRONT_BLOCKS
        if self.speakers and self.skipping is None and not (block := self._read_speaker(block)):
            return
        if self.list_kind == "cast" and is_cast(block, self.width):
            self.prose.count("cast")
        elif self.skipping is None and (self.keep_verse or not is_front) and is_plain_prose(block, self.width):
            if is_front:
                self._consider(block, "prose")
            else:
                self.last_kind = "prose"
                self._keep(block)
                self.is_spoken, self.list_kind = False, ""
        elif self.skipping == "index" and not may_name_chapter(block):
            self.num_skipped += 1
            self.prose.count("index")
        else:
            self._read_slowly(block)

    def _read_speaker(self, block: str) -> str:
        """Return a block without the line that names its speaker: that line alone makes a speech of the next block."""
        line, _, rest = block.partition("\n")
        if name_speaker(line) not in self.speakers:
            return block
        self.prose.count("speaker")
        self.title = self.pending = ""
        self.last_kind, self.is_open, self.is_spoken = "heading", False, True
        return rest

    def _read_slowly(self, block: str) -> None:
        if "\n" in block:
            heading, block = split_heading(block)
            if heading:
                self._consider(heading, "chapter")
            if not block:
                return
        self._consider(block, classify(block, self.width))

    def _consider(self, block: str, kind: Kind) -> None:
        seen = kind
        if kind == "synopsis" and self.last_kind not in _BEFORE_SYNOPSIS:
            kind = "prose"
        if (
            self.num_blocks <= FRONT_BLOCKS
            and kind in ("prose", "verse", "fragment")
            and is_credit(block, self.credit_words)
        ):
            kind = "credit"
        if self.skipping is not None:
            kind = self._leave(block, kind)
        elif kind in ("contents", "transcriber") or (kind == "index" and self.position > _INDEX_SHARE * self.num_chars):
            self.skipping, self.num_skipped = kind, 0
        if kind == "heading" and self.is_spoken and not block.isupper():
            kind = "prose"
        if kind == "note" and block[0] == "(" and (self.list_kind == "numbers" or self._announces()):
            kind, self.list_kind = "prose", "numbers"
        else:
            self.list_kind = "cast" if kind == "cast" else ""
        self._take(block, kind)
        self.last_kind, self.is_spoken = seen, False

    def _take(self, block: str, kind: Kind) -> None:
        if kind == "prose" or (kind == "verse" and self.keep_verse):
            self._keep(block)
        elif kind == "fragment" and self.last_kind == "chapter":
            self.title = " ".join(block.split())
            self.prose.count("heading")
        elif kind == "fragment" and self.prose.paragraphs:
            self._keep_fragment(block)
        else:
            self.title = ""
            if kind == "end" and self.position > _END_SHARE * self.num_chars:
                self.end = len(self.prose.paragraphs)
            if kind == "chapter":
                self.prose.chapters.append((len(self.prose.paragraphs), " ".join(block.split())))
            if kind not in _BETWEEN:
                self.is_open = False
                self.pending = _small_capitals(block) if kind == "heading" else ""
            self.prose.count(kind)

    def _announces(self) -> bool:
        """Say whether the last paragraph ends as one does before a list."""
        paragraphs = self.prose.paragraphs
        return bool(paragraphs) and paragraphs[-1].rstrip("-—").endswith(":")

    def _leave(self, block: str, kind: Kind) -> Kind:
        """Say what a block is inside contents, an index or a transcriber's note; they end where the book goes on."""
        self.num_skipped += 1
        if self.skipping == "contents":
            if kind == "prose" and len(block) >= _SURE_PROSE and not (_ENTRY.match(block) or _tail(block).isalnum()):
                self.skipping = None
                return kind
            return kind if kind in _IN_CONTENTS else "contents-entry"
        if kind == "chapter" or (
            self.skipping == "transcriber"
            and (self.num_skipped > _MAX_TRANSCRIBER or (kind in ("heading", "contents") and self.num_skipped > 1))
        ):
            self.skipping = "contents" if kind == "contents" else None
            return kind
        return self.skipping or kind

    def _keep(self, block: str) -> None:
        if "{" in block:
            block = _PAGE_MARK.sub("", block).strip() or block
        if "   " in block and (block[-1] in "05" or "0\n" in block or "5\n" in block):
            block = _VERSE_NUMBER.sub("", block)
        paragraph = _one_line(block)
        if paragraph[-1].isdigit():
            paragraph = _PAGE_BEHIND.sub("", paragraph)
        paragraphs = self.prose.paragraphs
        if self.title:
            if paragraph[0].islower() or len(paragraph) < 2 * self.width:
                paragraph = f"{self.title} {paragraph}"
            self.title = ""
        if self.pending:
            if paragraph[0].islower():
                paragraph = f"{self.pending} {paragraph}"
            self.pending = ""
        goes_on = self.is_open or (paragraph[0].islower() and bool(paragraphs) and _goes_on(paragraphs[-1]))
        if goes_on and paragraphs and len(paragraphs[-1]) < _MAX_JOINED:
            # A page break, picture or blank line cut a sentence in two.
            paragraphs[-1] += " " + paragraph
        else:
            paragraphs.append(paragraph)
        self.is_open = False

    def _keep_fragment(self, block: str) -> None:
        """Keep a line without an end where the text goes on behind it; a short one waits for what comes next."""
        line = " ".join(block.split())
        goes_on = line[0].islower() and _goes_on(self.prose.paragraphs[-1])
        if len(line) >= _SURE_FRAGMENT or goes_on or self.is_open:
            self._keep(block)
            self.is_open = True
        else:
            self.pending = f"{self.pending} {line}".strip()
            self.prose.count("fragment")

    def finish(self) -> Prose:
        paragraphs = self.prose.paragraphs
        first = max(0, len(paragraphs) - BACK_BLOCKS)
        # Longer paragraphs are the book's own whatever they name.
        back = [n for n in range(first, len(paragraphs)) if len(paragraphs[n]) <= MAX_CREDIT]
        words = credit_words("\n\n".join([paragraphs[n] for n in back]))
        is_list = self.end is not None and are_adverts(paragraphs[self.end :])
        for n in range(self.end or 0, len(paragraphs)) if is_list else back:
            if is_list or is_credit(paragraphs[n], words) or is_advert(paragraphs[n]):
                self.prose.count("credit")
                paragraphs[n] = ""
        return self.prose


def _small_capitals(block: str) -> str:
    line = block.strip()
    return line if line[-1].isupper() and _SMALL_CAPITALS.fullmatch(line) else ""


def _one_line(block: str) -> str:
    return " ".join(block.split()) if block[0] == " " or "\n " in block else block.replace("\n", " ")


def _tail(block: str) -> str:
    return block.rstrip(" _*")[-1:]


def _goes_on(paragraph: str) -> bool:
    return len(paragraph) > 40 and (paragraph[-1].isalpha() or paragraph[-1] in ",-")


def join_paragraphs(paragraphs: list[str]) -> str:
    """Return paragraphs as the text of a document: parted by one blank line, without marks, single spaces only.

    The list is emptied, so that a large book's paragraphs and its text aren't in memory both.

    >>> join_paragraphs(["It  was _so_.", "", "Yes.[1]"])
    'It was so.\\n\\nYes.'
    """
    if len(paragraphs) <= _JOINED_AT_ONCE:
        text = _join_some(paragraphs)
        paragraphs.clear()
        return text
    pieces = []
    while paragraphs:
        pieces.append(_join_some(paragraphs[:_JOINED_AT_ONCE]).encode("utf-8", "surrogatepass"))
        del paragraphs[:_JOINED_AT_ONCE]
    whole = b"\n\n".join(filter(None, pieces))
    pieces.clear()
    return_memory()
    return whole.decode("utf-8", "surrogatepass")


def _join_some(paragraphs: list[str]) -> str:
    return single_spaces(drop_marks("\n\n".join(filter(None, paragraphs)))).strip()
