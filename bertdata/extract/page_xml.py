"""Turn the XML of one `<page>` into a Page: by scanning where it has the usual form, else by a real XML parser."""

from __future__ import annotations

import re
from collections.abc import Collection
from xml.parsers import expat

from bertdata.records import Page, SiteInfo

# What MediaWiki writes, in all schemas from 0.3 to 0.11. Anything else (an attribute more, a comment, CDATA, an
# element this doesn't know before the revision's id) doesn't match and is left to the parser.
_HEAD = re.compile(
    rb"<page>\s*<title>([^<]*)</title>\s*(?:<ns>(-?\d+)</ns>\s*)?<id>(\d+)</id>\s*(<redirect[^<>]*/>\s*)?"
    rb"(?:<restrictions>[^<]*</restrictions>\s*)?<revision>\s*<id>(\d+)</id>"
)
# Possessive (`*+`): a page that is cut off here must not be tried in every other way, which takes seconds.
_TAIL = re.compile(rb"\s*+(?:(?:<(sha1|model|format)>[^<]*+</\1>|<sha1 ?/>)\s*+)*+</revision>\s*+</page\s*+>")
_MODEL = re.compile(rb"<model>([^<]*)</model>")
_REFERENCE = re.compile(rb"&([^;&]*);")
_FORBIDDEN = bytes(range(9))
_NUMBER = re.compile(rb"#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6}")
_NAMED = {b"lt": b"<", b"gt": b">", b"quot": b'"', b"apos": b"'", b"amp": b"&"}
# A revision's comment is 1,000 bytes at most, its other metadata are fewer.
_MAX_METADATA = 1 << 14
WIKITEXT = "wikitext"
# The namespace of a page whose schema doesn't say it, until `find_namespace` does.
UNKNOWN_NAMESPACE = -(1 << 31)


def scan_page(data: bytes, begin: int = 0, namespaces: Collection[int] | None = None) -> tuple[Page, int] | None:
    """Return the page that begins at byte `begin` and where it ends; None where it isn't whole or of the usual form.

    The namespace is `UNKNOWN_NAMESPACE` where the schema doesn't say it. `text` stays empty for a page whose namespace
    is known and not among `namespaces`: most pages of a content export are of no use.
    """
    head = _HEAD.match(data, begin)
    opening = data.find(b"<text", head.end(), head.end() + _MAX_METADATA) if head else -1
    inside = data.find(b">", opening) if opening >= 0 else -1
    if not head or inside < 0:
        return None
    before = data[head.end() : opening]
    if b"<!" in before or b"</revision" in before:
        return None
    closing = data.find(b"<", inside)  # The only `<` of a text is that of its end: all others are escaped.
    if data[inside - 1] == 0x2F:  # <text ... />
        after, text = inside + 1, b""
    elif data.startswith(b"</text>", closing):
        after, text = closing + 7, data[inside + 1 : closing]
    else:
        return None
    tail = _TAIL.match(data, after)
    if not tail:
        return None
    try:
        return _to_page(head, before + tail[0], text, namespaces), tail.end()
    except ValueError:  # Not UTF-8, or a reference that isn't XML's: the parser says where.
        return None


def _to_page(head: re.Match[bytes], metadata: bytes, text: bytes, namespaces: Collection[int] | None) -> Page:
    title, namespace, page_id, redirect, revision = head.groups()
    number = int(namespace) if namespace else UNKNOWN_NAMESPACE
    is_wanted = namespaces is None or number in namespaces or not namespace
    model = _MODEL.search(metadata)
    return Page(
        int(page_id),
        number,
        decode_text(title).strip(),
        revision.decode(),
        decode_text(text) if is_wanted else "",
        redirect is not None,
        model[1].decode() if model else WIKITEXT,
    )


def find_namespace(title: str, siteinfo: SiteInfo) -> int:
    """Return the namespace that a title's prefix names, as MediaWiki reads it: 0 where it names none.

    >>> find_namespace("user_talk: Ada", SiteInfo(namespaces=((3, "User talk"),)))
    3
    """
    prefix, colon, _ = title.partition(":")
    name = prefix.replace("_", " ").strip().casefold()
    return next((number for number, local in siteinfo.namespaces if colon and local.casefold() == name), 0)


def decode_text(data: bytes) -> str:
    """Decode character data of XML: UTF-8, XML's own references, line ends; characters that XML forbids go.

    Raises ValueError for bytes that aren't UTF-8 and for references that XML doesn't have.

    >>> decode_text(b"&lt;ref&gt; &amp;nbsp; &#233;")
    '<ref> &nbsp; é'
    """
    if b"&" not in data and (text := data.decode()).isprintable():  # Most titles: a parser costs five times as much.
        return text
    chunks: list[str] = []
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text, parser.buffer_size, parser.CharacterDataHandler = True, 1 << 20, chunks.append
    try:
        # One element of text only: expat reads 440 MB/s of it, a split at the references 280.
        parser.Parse(b"<text>" + data + b"</text>", True)
    except expat.ExpatError:
        return _decode_leniently(data)
    return "".join(chunks)


def _decode_leniently(data: bytes) -> str:
    """Decode what no XML parser takes, forbidden characters among it."""
    parts = _REFERENCE.split(data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").translate(None, _FORBIDDEN))
    if data.count(b"&") != len(parts) // 2:
        raise ValueError("an ampersand that begins no reference")
    parts[1::2] = [_NAMED.get(name) or _numbered(name) for name in parts[1::2]]
    return b"".join(parts).decode()


def _numbered(name: bytes) -> bytes:
    if not _NUMBER.fullmatch(name):
        raise ValueError("a reference to an entity that XML doesn't have")
    number = int(name[2:], 16) if name[1:2] == b"x" else int(name[1:])
    if number not in (9, 10, 13) and not (0x20 <= number < 0xD800 or 0xE000 <= number < 0xFFFE or number > 0xFFFF):
        raise ValueError("a reference to a character that XML can't hold")
    return chr(number).encode()


def parse_page(xml: bytes) -> Page:
    """Parse the XML of one page, of its newest revision where it has several.

    Raises ValueError where it isn't well-formed, refers to an entity of a DTD, or has no title or id.
    """
    reader = _PageReader()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.characters
    try:
        parser.Parse(xml, True)
    except expat.ExpatError as error:
        raise ValueError(str(error)) from error
    return reader.page()


_PAGE_FIELDS = {("page", name) for name in ("title", "ns", "id")}
_REVISION_FIELDS = {("page", "revision", name) for name in ("id", "timestamp", "model", "text")}


class _PageReader:
    def __init__(self) -> None:
        self.path: list[str] = []
        self.fields: dict[str, str] = {}
        self.revision: dict[str, str] = {}
        self.newest: dict[str, str] = {}
        self.redirect = False
        self.chunks: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.path.append(name)
        self.chunks = []
        if self.path == ["page", "revision"]:
            self.revision = {}
        elif self.path == ["page", "redirect"]:
            self.redirect = True

    def characters(self, text: str) -> None:
        self.chunks.append(text)

    def end(self, name: str) -> None:
        key = tuple(self.path[:4])
        if key in _PAGE_FIELDS:
            self.fields.setdefault(name, "".join(self.chunks))
        elif key in _REVISION_FIELDS:
            self.revision.setdefault(name, "".join(self.chunks))
        elif key == ("page", "revision") and self.revision.get("timestamp", "") >= self.newest.get("timestamp", ""):
            self.newest = self.revision
        self.path.pop()

    def page(self) -> Page:
        title, page_id = self.fields.get("title", "").strip(), self.fields.get("id", "").strip()
        if not title or not page_id.isdecimal():
            raise ValueError("a page without a title or an id")
        namespace = self.fields.get("ns", "").strip()
        return Page(
            int(page_id),
            int(namespace) if namespace.lstrip("-").isdecimal() else UNKNOWN_NAMESPACE,
            title,
            self.newest.get("id", "").strip(),
            self.newest.get("text", ""),
            self.redirect,
            self.newest.get("model", "").strip() or WIKITEXT,
        )
