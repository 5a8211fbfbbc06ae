"""XHTML of a book to paragraphs: blocks part text, inline elements join it; lists, tables, headings and notes go."""

from __future__ import annotations

import re
from itertools import islice

from lxml import etree, html

from bertdata.extract.blocks import classify
from bertdata.extract.credits import is_credit
from bertdata.extract.front_matter import NO_TEXT_TYPES
from bertdata.extract.gutenberg import name_mark
from bertdata.extract.prose import FRONT_BLOCKS, Prose
from bertdata.extract.wikitext.formulas import raised

# Elements that are no running text, with all they hold.
_DROPPED = frozenset((
    "head", "style", "script", "title", "nav", "table", "ol", "ul", "dl", "menu", "dir", "figure", "figcaption",
    "img", "svg", "math", "audio", "video", "object", "embed", "iframe", "form", "button", "select", "input",
    "textarea", "canvas", "map", "template", "noscript", "rt", "rp", "h1", "h2", "h3", "h4", "h5", "h6",
    "hgroup", "caption", "colgroup", "footer", "pre", "samp", "kbd", "listing", "xmp",
))  # fmt: skip
_CHAPTER_HEADINGS = frozenset(("h1", "h2", "hgroup"))
_HEADINGS = _CHAPTER_HEADINGS | {"h3", "h4", "h5", "h6"}
# Elements that join what is before and behind them; every other element parts paragraphs.
_INLINE = frozenset((
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i",
    "ins", "kbd", "label", "mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time",
    "tt", "u", "var", "wbr", "ruby", "rb", "center-inline",
))  # fmt: skip
_BOXES = frozenset((
    "body", "div", "section", "article", "main", "header", "blockquote", "center", "fieldset", "html", "aside",
))  # fmt: skip
_TYPE = "{http://www.idpf.org/2007/ops}type"
# Roles, types and classes of what stands beside the text.
_ASIDE_TYPES = frozenset((
    "footnote", "endnote", "rearnote", "note", "noteref", "pagebreak", "toc", "page-list", "landmarks", "index",
    "bibliography", "annotation", "sidebar", "doc-footnote", "doc-noteref", "doc-pagebreak", "doc-toc",
    "doc-endnotes", "doc-endnote", "doc-index",
))  # fmt: skip
_ASIDE_CLASS = re.compile(
    r"(?:^|\s)(?:page-?num\w*|pagenumber|foot-?note\w*|fn-?ref\w*|noteref|line-?num\w*|toc\w*|caption\w*|calibre_toc)(?:$|\s)",
    re.I,
)
# Project Gutenberg's header and licence, in its files of today.
_FRAME = re.compile(r"(?:^|\s)pg-?(?:boilerplate|header|footer)(?:$|\s)")
_VERSE = re.compile(
    r"(?:^|[\s_-])(?:verse|poem|poetry|stanza|song|hymn|z3998:(?:verse|poem|song|hymn))(?:$|[\s_-])", re.I
)
# A line of verse that is an element of its own; elements inside a stanza are lines whatever they are called.
_LINE, _STANZA = (re.compile(rf"(?:^|\s)(?:{name})(?:$|\s)", re.I) for name in (r"verse|(?:verse-?)?line", "stanza"))
_TITLE_CLASS = re.compile(
    r"(?:^|\s)(?:chapter-?(?:title|head(?:ing)?|num\w*)|(?:sub)?title|heading\d?|h[1-6])(?:$|\s)", re.I
)
_TITLE_TYPES = frozenset(("title", "subtitle", "ordinal", "dedication", "epigraph-source"))
_SPACE = re.compile(r"[\s\u00a0\u2000-\u200a\u202f\u3000]+")
_INVISIBLE = re.compile(r"[\u200b\u2060\ufeff\u00ad\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f]")
_MAX_MARK = 6
# A paragraph that is a link into the book is an entry of its contents, and so is one with a number before or behind it.
_ENTRY_SHARE, _MAX_ENTRY = 0.75, 200
# A linked sentence is one where it stands among more of them, or where all in a row are short. Alone it is text, as are
# speech and the sentences of a book in two languages, which lead to each other; a row of those is longer than contents.
_SHORT_ENTRY, _MAX_CONTENTS = 40, 4_000
_SENTENCE, _SPEECH = re.compile(r"[.!?…。！？][”’\"»)」]*$"), re.compile(r"[“‘\"«„「]|.*[”\"»」]$")
# A paragraph of text that is about as wide as a book's line; shorter ones may be headings in disguise.
_WIDTH = 72


def read_xhtml(data: bytes, prose: Prose, keep_verse: bool = True) -> None:
    """Append the paragraphs of one XHTML file to `prose`, and note its headings as chapters."""
    root = _parse(data)
    if root is None:
        prose.count("unreadable-file")
        return
    walker = _Walker(prose, keep_verse)
    walker.walk(root)
    walker.flush()
    walker.settle()


def _parse(data: bytes) -> etree._Element | None:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False)
    try:
        root = etree.fromstring(data, parser)
        if not any(isinstance(e, etree._Entity) for e in root.iter(etree.Entity)):
            return root
    except (etree.XMLSyntaxError, ValueError):
        pass
    # Not well-formed, or with names such as &nbsp; that only the DTD knows: the HTML parser knows them.
    data = re.sub(rb"^\s*<\?xml[^>]*encoding=[\"']([\w-]+)[\"'][^>]*\?>", b"", data)
    try:
        forgiving = html.HTMLParser(encoding=_encoding(data), no_network=True, huge_tree=False)
        return html.document_fromstring(data, parser=forgiving)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError, LookupError):
        return None


def _encoding(data: bytes) -> str:
    try:
        data.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError:
        return "windows-1252"


def _local(tag: str) -> str:
    return tag.rpartition("}")[2].lower()


def _types(element: etree._Element) -> set[str]:
    values = f"{element.get(_TYPE) or element.get('epub:type') or ''} {element.get('role') or ''}"
    return set(values.split())


def _is_verse(css: str, types: set[str]) -> bool:
    return bool(_VERSE.search(css) or any(map(_VERSE.search, types)))


def _is_line(element: etree._Element | None) -> bool:
    """Say whether an element is one line of verse by its class, and holds no line end or block."""
    if element is None or not _LINE.search(element.get("class") or ""):
        return False
    return all(_local(child.tag) in _INLINE for child in element.iterchildren(etree.Element))


def _is_title(css: str, types: set[str]) -> bool:
    return bool(_TITLE_CLASS.search(css) or types & _TITLE_TYPES)


def _name_box(element: etree._Element, css: str, types: set[str]) -> str:
    """Return what a box is that holds no text; "" for all others."""
    if _FRAME.search(css) or _FRAME.search(element.get("id") or ""):
        return "gutenberg"
    return min(types & NO_TEXT_TYPES, default="")


def _leads_inside(element: etree._Element, tag: str) -> bool:
    """Say whether an element is a link to a place of the same book."""
    href = (tag == "a" and element.get("href")) or ""
    return bool(href) and "://" not in href and not href.startswith("mailto:")


class _Walker:
    """Walks a tree without recursion and gathers the text between two block borders."""

    def __init__(self, prose: Prose, keep_verse: bool) -> None:
        self.prose, self.keep_verse = prose, keep_verse
        self.pieces: list[str] = []
        self.verse = 0
        self.in_stanza = 0
        self.in_title = 0
        # Whether a link into the book is open, and how many of the paragraph's characters stand in such links.
        self.in_link = 0
        self.num_linked = 0
        # The paragraphs in a row that are links into the book, and how many headings stand among them.
        self.linked: list[str] = []
        self.num_linked_headings = 0
        # A file begins as a chapter does: behind its name may stand a synopsis, nowhere else.
        self.is_open = True

    def walk(self, root: etree._Element) -> None:
        skipped: etree._Element | None = None
        for event, element in etree.iterwalk(root, events=("start", "end", "comment", "pi")):
            if event in ("comment", "pi"):
                if skipped is None:
                    self.add(element.tail)
            elif event == "start":
                if skipped is None and not self.enter(element):
                    skipped = element
            elif skipped is None:
                self.leave(element)
            elif skipped is element:
                skipped = None
                self.add(element.tail)

    def enter(self, element: etree._Element) -> bool:
        """Begin an element; False where it is dropped with all it holds."""
        tag = _local(element.tag) if isinstance(element.tag, str) else ""
        css, types = element.get("class") or "", _types(element)
        beside = _name_box(element, css, types) if tag in _BOXES else ""
        if beside or tag in _DROPPED or types & _ASIDE_TYPES or _ASIDE_CLASS.search(css) or self._is_mark(element, tag):
            if tag not in ("rt", "rp", "img", "svg") and tag not in _INLINE:
                self.flush()
            if tag in _HEADINGS or tag == "pre" or beside == "gutenberg":
                self.settle()
            if tag in _CHAPTER_HEADINGS:
                self.prose.chapters.append((len(self.prose.paragraphs), _plain("".join(element.itertext()))))
            if tag == "pre" or tag in _HEADINGS or beside == "gutenberg":
                self._keep_marks(element)
            self.is_open |= tag in _HEADINGS
            if not (types & {"noteref", "pagebreak"}):
                self.prose.count(beside or (tag if tag in _DROPPED else "note"))
            return False
        if tag == "sup" and (power := raised("".join(islice(element.itertext(), 4)).strip())):
            self.add(power)
            return False
        if tag == "br":
            self.add(" ")
        elif tag not in _INLINE:
            self.part(element, element.getprevious(), self.verse > 0)
        self.verse += _is_verse(css, types)
        self.in_stanza += bool(_STANZA.search(css))
        self.in_title += _is_title(css, types)
        self.in_link += _leads_inside(element, tag)
        self.add(element.text)
        return True

    def leave(self, element: etree._Element) -> None:
        tag = _local(element.tag) if isinstance(element.tag, str) else ""
        css, types = element.get("class") or "", _types(element)
        is_verse = _is_verse(css, types)
        self.in_stanza -= bool(_STANZA.search(css))
        if tag not in _INLINE and tag != "br":
            self.part(element, element.getnext(), self.verse > is_verse)
        self.verse -= is_verse
        self.in_title -= _is_title(css, types)
        self.in_link -= _leads_inside(element, tag)
        self.add(element.tail)

    def part(self, element: etree._Element, sibling: etree._Element | None, in_verse: bool) -> None:
        """End the paragraph at an element's border, unless it parts one line of verse from another."""
        if self.in_stanza or (in_verse and _is_line(element) and _is_line(sibling)):
            self.add(" ")
        else:
            self.flush()

    def _keep_marks(self, element: etree._Element) -> None:
        """Keep the marks of Project Gutenberg that stand in an element: they tell where the book begins and ends."""
        for text in element.itertext():
            self.prose.paragraphs += filter(name_mark, text.split("\n"))

    def _is_mark(self, element: etree._Element, tag: str) -> bool:
        """Say whether this is a reference to a note: a raised number or sign that links into the book."""
        if tag not in ("sup", "a"):
            return False
        text = "".join(islice(element.itertext(), 4)).strip()
        if len(text) > _MAX_MARK:
            return False
        links = tag == "a" or element.find(".//{*}a") is not None
        raised = tag == "sup" or element.find(".//{*}sup") is not None or text[:1] in "[("
        return links and raised and bool(re.fullmatch(r"[\[(]?(?:\d{1,4}|[*†‡§]{1,3}|[a-z])[\])]?", text))

    def add(self, text: str | None) -> None:
        if text:
            self.pieces.append(text)
            if self.in_link:
                self.num_linked += len(text.strip())

    def flush(self) -> None:
        """End the paragraph that stands in `pieces`."""
        if not self.pieces:
            return
        text = _plain("".join(self.pieces))
        self.pieces.clear()
        is_entry = self.num_linked >= _ENTRY_SHARE * len(text) and len(text) <= _MAX_ENTRY
        self.num_linked = 0
        if not text:
            return
        if name_mark(text):
            self.settle()
            self.prose.paragraphs.append(text)
            return
        kind = "verse" if self.verse else "heading" if self.in_title else classify(text, _WIDTH)
        if kind == "synopsis" and not self.is_open:
            kind = "prose"
        self.is_open = kind in ("chapter", "heading", "synopsis", "rule")
        if kind == "prose" and len(self.prose.paragraphs) < FRONT_BLOCKS and is_credit(text):
            kind = "credit"
        if kind == "prose" and is_entry:
            self.linked.append(text)
            return
        if is_entry and kind in ("chapter", "heading"):
            self.num_linked_headings += 1
        else:
            self.settle()
        if kind == "prose" or (kind == "verse" and self.keep_verse):
            self.prose.paragraphs.append(text)
        else:
            self.prose.count(kind)

    def settle(self) -> None:
        """Drop the entries of contents among the linked paragraphs in a row that stand before this place."""
        kept = _drop_entries(self.linked, self.num_linked_headings)
        if dropped := len(self.linked) - len(kept):
            self.prose.count("contents-entry", dropped)
        self.prose.paragraphs += kept
        self.linked, self.num_linked_headings = [], 0


def _drop_entries(linked: list[str], num_headings: int) -> list[str]:
    """Return the linked paragraphs in a row that are sentences of the text, not entries of contents.

    >>> _drop_entries(["“No,” said the owl."], 0), _drop_entries(["Of owls.", "Of mice."], 0)
    (['“No,” said the owl.'], [])
    """
    sentences = [text for text in linked if _SENTENCE.search(text)]
    num_entries, num_chars = len(linked) + num_headings, sum(map(len, sentences))
    if 2 * len(sentences) < num_entries:
        return []
    is_short = num_chars <= min(_SHORT_ENTRY * len(sentences), _MAX_CONTENTS)
    return [] if num_entries > 1 and is_short and not any(map(_SPEECH.match, sentences)) else sentences


def _plain(text: str) -> str:
    return _SPACE.sub(" ", _INVISIBLE.sub("", text)).strip()
