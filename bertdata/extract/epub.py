"""EPUB 2 and 3: the container, the package and its spine; bounded, without network, entities or encrypted parts."""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from itertools import accumulate, compress
from typing import NamedTuple
from urllib.parse import unquote

from lxml import etree

from bertdata.extract.credits import is_credit
from bertdata.extract.front_matter import NO_TEXT_TYPES, is_beside, name_page
from bertdata.extract.gutenberg import find_frame
from bertdata.extract.prose import BACK_BLOCKS, MAX_CREDIT, Prose
from bertdata.extract.xhtml import read_xhtml

# Text deflates 2 to 5 times; a member of a bomb some 1,000 times. War and Peace is 3.3 MB of text.
_MAX_RATIO, _RATIO_FROM = 200, 1 << 20
_MAX_MEMBER, _MAX_TOTAL, _MAX_MEMBERS = 64 << 20, 512 << 20, 20_000
_CONTENT_TYPES = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document")
# Fonts may be obfuscated in any book that can be read freely; these two methods encrypt nothing else.
_FONT_METHODS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")


class EpubError(Exception):
    """An EPUB that is refused; `reason` is the counted word."""

    def __init__(self, reason: str, what: str) -> None:
        super().__init__(reason, what)
        self.reason = reason

    def __str__(self) -> str:
        return str(self.args[1])


class Epub(NamedTuple):
    """What an EPUB holds: its title and language as its package says, and its prose in the order of the spine."""

    title: str
    language: str
    prose: Prose


class _Archive:
    """A zip whose members are read within bounds, found whatever case or quoting their names have in the package."""

    def __init__(self, data: bytes) -> None:
        try:
            self.zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, struct_error) as error:
            raise EpubError("damaged-epub", f"not a zip archive, or cut off: {error}") from error
        infos = self.zip.infolist()
        if len(infos) > _MAX_MEMBERS:
            raise EpubError("epub-bomb", f"{len(infos):,} members, more than {_MAX_MEMBERS:,}")
        self.infos = {info.filename: info for info in infos}
        self.lower = {name.lower(): name for name in self.infos}
        self.total = 0

    def find(self, name: str) -> str | None:
        return name if name in self.infos else self.lower.get(name.lower())

    def read(self, name: str) -> bytes:
        info = self.infos[name]
        if info.flag_bits & 1:
            raise EpubError("encrypted", f"{name} is encrypted")
        try:
            with self.zip.open(info) as member:
                data = member.read(_MAX_MEMBER + 1)
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            NotImplementedError,
            RuntimeError,
            ValueError,
            OSError,
        ) as error:
            raise EpubError("damaged-epub", f"{name} can't be read: {error}") from error
        self.total += len(data)
        ratio = len(data) / max(1, info.compress_size)
        if len(data) > _MAX_MEMBER or self.total > _MAX_TOTAL or (len(data) > _RATIO_FROM and ratio > _MAX_RATIO):
            raise EpubError("epub-bomb", f"{name} expands beyond the bounds of a book")
        return data


try:
    from struct import error as struct_error
except ImportError:  # pragma: no cover
    struct_error = ValueError  # type: ignore[assignment, misc]


def read_epub(data: bytes, keep_verse: bool = True) -> Epub:
    """Return the prose of an EPUB.

    What is in the spine is read once, in the spine's order. Navigation, covers, title and copyright pages, contents and
    end notes are left out: where their elements say what they are, and where the package, its guide or a file's name
    says it and the file holds no more than that. `prose.rules` counts what is left out, also files that are missing.

    Raises EpubError: `damaged-epub`, `encrypted` or `epub-bomb`.
    """
    archive = _Archive(data)
    package_name = _package_name(archive)
    package = _parse_xml(archive, package_name)
    _refuse_encrypted(archive)
    base = posixpath.dirname(package_name)
    prose = Prose()
    files = _spine(archive, package, base, prose)
    # What a file is called is no reason to leave out all there is.
    has_text = not all(files.values())
    for name, kind in files.items():
        _read_file(archive.read(name), prose, keep_verse, kind if has_text else "")
    _drop_frame(prose)
    _drop_credits(prose)
    return Epub(_metadata(package, "title"), _metadata(package, "language").split("-")[0].lower(), prose)


def _read_file(data: bytes, prose: Prose, keep_verse: bool, kind: str) -> None:
    """Append a file of the spine to `prose`, or count it by its `kind` where it is no text."""
    num_paragraphs, num_chapters, rules = len(prose.paragraphs), len(prose.chapters), dict(prose.rules)
    read_xhtml(data, prose, keep_verse)
    if kind and is_beside(kind, prose.paragraphs[num_paragraphs:], num_paragraphs == 0):
        del prose.paragraphs[num_paragraphs:], prose.chapters[num_chapters:]
        prose.rules = rules
        prose.count(kind)


def _drop_frame(prose: Prose) -> None:
    """Drop Project Gutenberg's header and licence, with their headings, where their marks stand in the text."""
    if frame := find_frame(prose.paragraphs):
        prose.chapters = [(n, heading) for n, heading in prose.chapters if n not in frame]
        _drop(prose, frame, "gutenberg")


def _drop_credits(prose: Prose) -> None:
    """Drop credits and notices of publishers at the end; those at the front went as they were read."""
    first = max(0, len(prose.paragraphs) - BACK_BLOCKS)
    back = enumerate(prose.paragraphs[first:], first)
    if credits := {n for n, paragraph in back if len(paragraph) <= MAX_CREDIT and is_credit(paragraph)}:
        _drop(prose, credits, "credit")


def _drop(prose: Prose, numbers: set[int], rule: str) -> None:
    """Drop paragraphs; chapters begin where they began."""
    kept = [n not in numbers for n in range(len(prose.paragraphs))]
    begins = list(accumulate(kept, initial=0))
    prose.chapters = [(begins[n], heading) for n, heading in prose.chapters]
    prose.paragraphs = list(compress(prose.paragraphs, kept))
    prose.count(rule, len(numbers))


def _parse_xml(archive: _Archive, name: str) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False, recover=True)
    try:
        root = etree.fromstring(archive.read(name), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise EpubError("damaged-epub", f"{name} is no XML: {error}") from error
    if root is None:
        raise EpubError("damaged-epub", f"{name} is no XML")
    return root


def _package_name(archive: _Archive) -> str:
    container = archive.find("META-INF/container.xml")
    if container:
        for path in _parse_xml(archive, container).xpath("//*[local-name()='rootfile']/@full-path"):
            if found := archive.find(unquote(str(path)).lstrip("/")):
                return found
    packages = sorted(name for name in archive.infos if name.lower().endswith(".opf"))
    if not packages:
        raise EpubError("damaged-epub", "no package (.opf) in it")
    return packages[0]


def _refuse_encrypted(archive: _Archive) -> None:
    if archive.find("META-INF/rights.xml") or archive.find("META-INF/license.lcpl"):
        raise EpubError("encrypted", "protected by DRM (META-INF/rights.xml or license.lcpl)")
    if found := archive.find("META-INF/encryption.xml"):
        methods = _parse_xml(archive, found).xpath(
            "//*[local-name()='EncryptedData']/*[local-name()='EncryptionMethod']/@Algorithm"
        )
        if any(str(method) not in _FONT_METHODS for method in methods):
            raise EpubError("encrypted", "protected by DRM (META-INF/encryption.xml)")


def _metadata(package: etree._Element, name: str) -> str:
    for text in package.xpath("//*[local-name()='metadata']//*[local-name()=$name]//text()", name=name):
        if value := " ".join(str(text).split()):
            return value
    return ""


def _spine(archive: _Archive, package: etree._Element, base: str, prose: Prose) -> dict[str, str]:
    """Return the members of the spine that may hold text, each once, in its order, with what each is called."""

    def find(href: str | None) -> str | None:
        return archive.find(posixpath.normpath(posixpath.join(base, unquote(href or ""))).lstrip("/"))

    items = {}
    for item in package.xpath("//*[local-name()='manifest']/*[local-name()='item']"):
        items[item.get("id")] = item
    aside = {find(href): kind for href, kind in _guide(package)}
    files: dict[str, str] = {}
    for reference in package.xpath("//*[local-name()='spine']/*[local-name()='itemref']"):
        item = items.get(reference.get("idref"))
        if item is not None and item.get("media-type", _CONTENT_TYPES[0]) not in _CONTENT_TYPES:
            continue
        href = "" if item is None else (item.get("href") or "").split("#")[0]
        name = find(href)
        if item is None or name is None:
            prose.count("missing-file")
        elif reference.get("linear") == "no":
            prose.count("non-linear")
        elif name not in files:
            is_navigation = "nav" in (item.get("properties") or "").split()
            files[name] = aside.get(name) or ("nav" if is_navigation else name_page(href))
    return files


def _guide(package: etree._Element) -> Iterator[tuple[str, str]]:
    """Yield the files that an EPUB 2 guide calls cover, contents, copyright page and the like.

    A place within a file says nothing of the file: Project Gutenberg's contents stand in the first one of the text.
    """
    for reference in package.xpath("//*[local-name()='guide']/*[local-name()='reference']"):
        href, kind = reference.get("href") or "", (reference.get("type") or "").lower()
        if kind in NO_TEXT_TYPES and "#" not in href:
            yield href, kind
