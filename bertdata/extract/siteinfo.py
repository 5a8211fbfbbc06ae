"""Read the head of a dump: what is packed in it, in which encoding, and what `<siteinfo>` says of the wiki."""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import NamedTuple
from xml.parsers import expat

from bertdata.errors import InputError
from bertdata.extract.bz2blocks import Piece
from bertdata.extract.dump_streams import detect_encoding, detect_form, read_beginning
from bertdata.records import SiteInfo
from bertdata.store import as_path

# A head is some 2 to 10 kB; a file whose first MB holds neither page nor siteinfo's end is something else.
_MAX_HEAD = 1 << 20
_HEAD_END = re.compile(rb"<page[\s>]|<logitem[\s>]|</mediawiki\s*>")
_SITEINFO_END = re.compile(rb"</siteinfo\s*>|" + _HEAD_END.pattern)
_DECLARED = re.compile(rb"<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)")
_DECLARATION = re.compile(rb"^<\?xml.*?\?>", re.DOTALL)
_ROOT = re.compile(rb"<(?!\?|!--)([^\s/>]{1,100})")
_AS_UTF8 = {"utf-8", "utf8", "us-ascii", "ascii"}


class Head(NamedTuple):
    """What a dump's beginning tells: `form` for `read_pieces`, the XML before the first page, and what ended it."""

    form: str
    xml: bytes
    ended_by: str


def read_head(path: str) -> Head:
    """Return a dump's head.

    Raises InputError for a file that is no MediaWiki export, is in an encoding that isn't read, or declares a DOCTYPE
    (exports have none: it is how XML bombs are built).
    """
    return _read_head(path, _changed(path), _HEAD_END)


def _changed(path: str) -> object:
    """Return what differs once a file has changed."""
    file = as_path(path)
    status = file.stat() if file.is_file() else None
    return status and (status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)
def _read_head(path: str, changed: object, ends: re.Pattern[bytes]) -> Head:
    form = detect_form(path)
    pieces = read_beginning(path, form)
    first = next((piece for piece in pieces if piece.data or piece.damage), Piece(0, b""))
    encoding = detect_encoding(first.data)
    if encoding != "utf-8":
        form = f"{form}+{encoding}"
        pieces, first = read_beginning(path, form), Piece(0, b"")
    head = b""
    for piece in chain([first], pieces):
        head += piece.data
        if piece.damage or len(head) > _MAX_HEAD or ends.search(head):
            break
    return _checked(path, form, head)


def _checked(path: str, form: str, head: bytes) -> Head:
    end = _HEAD_END.search(head)
    xml = head[: end.start()] if end else head[:_MAX_HEAD]
    xml = xml.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not xml:  # Nothing could be decoded: the reader will say where.
        return Head(form, b"", "")
    if not xml.startswith(b"<"):
        raise InputError(f"{path} holds no XML (it begins with {_shown(xml)}): name a dump such as pages-articles")
    if b"<!DOCTYPE" in xml or b"<!ENTITY" in xml:
        raise InputError(f"{path} declares a DOCTYPE, which no export does and XML bombs do: it is refused")
    declared = _DECLARED.match(xml)
    if declared and "+" not in form and declared[1].decode().lower() not in _AS_UTF8:
        raise InputError(f"{path} is in {declared[1].decode()}: recode it to UTF-8 first (`iconv -t utf-8`)")
    root = _ROOT.search(xml)
    if not root or root[1] != b"mediawiki":
        shown = f"its root is <{root[1].decode('utf-8', 'replace')}>" if root else f"it begins with {_shown(xml)}"
        raise InputError(f"{path} is no MediaWiki export ({shown}): name a dump such as pages-articles")
    return Head(form, xml, end[0].decode().strip("</> \t\r\n") if end else "")


def _shown(xml: bytes) -> str:
    return repr(xml[:30].decode("utf-8", "replace"))


def read_siteinfo(path: str) -> SiteInfo:
    """Return what a dump says of its wiki; without `<siteinfo>`, its dbname is what the file name begins with.

    Raises InputError as `read_head` does.
    """
    # What follows `<siteinfo>` is in another block of most dumps: workers have no need of it.
    return siteinfo_of(_read_head(path, _changed(path), _SITEINFO_END), path)


@lru_cache(maxsize=64)
def siteinfo_of(head: Head, path: str) -> SiteInfo:
    """Return what the head of a dump says of its wiki, as `read_siteinfo` does."""
    info = parse_siteinfo(head.xml)
    return info if info.dbname else replace(info, dbname=re.split(r"[-.]", Path(path).name)[0] or "wikipedia")


def parse_siteinfo(xml: bytes) -> SiteInfo:
    """Parse the XML before a dump's first page; what it lacks stays empty.

    >>> parse_siteinfo(b'<mediawiki version="0.3" xml:lang="el"><siteinfo><base>b</base></siteinfo>').language
    'el'
    """
    reader = _SiteInfoReader()
    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.characters
    with contextlib.suppress(expat.ExpatError):  # A head that is damaged or cut off tells what it told so far.
        parser.Parse(_DECLARATION.sub(b"", xml), False)  # It is UTF-8 by now, whatever it declares.
    return SiteInfo(
        reader.values.get("dbname", "").strip(),
        reader.attributes.get("xml:lang", ""),
        reader.values.get("base", "").strip(),
        reader.attributes.get("version", ""),
        tuple(reader.namespaces),
    )


class _SiteInfoReader:
    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.attributes: dict[str, str] = {}
        self.namespaces: list[tuple[int, str]] = []
        self.key, self.text = "", ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.text, self.key = "", attributes.get("key", "")
        if name == "mediawiki":
            self.attributes = attributes

    def characters(self, text: str) -> None:
        self.text += text

    def end(self, name: str) -> None:
        self.values[name] = self.text
        if name == "namespace" and self.text.strip() and self.key.lstrip("-").isdecimal():
            self.namespaces.append((int(self.key), self.text.strip()))
