"""Small inputs that tests make for themselves: books of sentences, and a dump of articles."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from bertdata.rng import rng_for

_NAMES = ["Anna", "Bertil", "Clara", "David", "Elsa", "Fredrik", "Greta", "Hugo", "Ines", "Johan"]
_VERBS = ["saw", "met", "drew", "carried", "painted", "followed", "found", "lifted", "heard", "left"]
_THINGS = ["boat", "lantern", "garden", "letter", "bridge", "window", "mountain", "kettle", "harbour", "violin"]
_ENDS = ["before dawn", "in the rain", "with great care", "by the river", "for the third time", "without a word"]


def sentences(seed: int, num: int) -> list[str]:
    """Return plain sentences, the same for the same seed."""
    rng = rng_for(seed, "sentences")
    picks = rng.integers(0, [len(_NAMES), len(_VERBS), len(_THINGS), len(_ENDS)], size=(num, 4))
    return [f"{_NAMES[a]} {_VERBS[b]} the {_THINGS[c]} {_ENDS[d]}." for a, b, c, d in picks.tolist()]


def paragraphs(seed: int, num: int) -> str:
    """Return paragraphs of four sentences, one blank line between them."""
    lines = sentences(seed, num * 4)
    return "\n\n".join(" ".join(lines[at : at + 4]) for at in range(0, len(lines), 4))


def write_books(folder: Path, num: int = 12, num_paragraphs: int = 30) -> Path:
    """Write `num` books of plain text."""
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(num):
        (folder / f"book-{n:02d}.txt").write_text(paragraphs(n, num_paragraphs) + "\n", encoding="utf-8")
    return folder


def dump_xml(num_pages: int, num_paragraphs: int = 4, first: int = 1) -> str:
    """Return a dump of articles in the export format, ids from `first`."""
    pages = "".join(
        f"  <page>\n    <title>Article {n}</title>\n    <ns>0</ns>\n    <id>{n}</id>\n"
        f"    <revision>\n      <id>{n + 1000}</id>\n"
        f"      <model>wikitext</model>\n      <format>text/x-wiki</format>\n"
        f'      <text xml:space="preserve">{escape(paragraphs(1000 + n, num_paragraphs))}</text>\n'
        f"    </revision>\n  </page>\n"
        for n in range(first, first + num_pages)
    )
    return (
        '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="en">\n  <siteinfo>\n'
        "    <sitename>Testwiki</sitename>\n    <dbname>testwiki</dbname>\n    <base>https://test.example/wiki/Main</base>\n"
        '    <namespaces>\n      <namespace key="0" case="first-letter" />\n'
        '      <namespace key="1" case="first-letter">Talk</namespace>\n    </namespaces>\n  </siteinfo>\n'
        f"{pages}</mediawiki>\n"
    )


# Options that make a corpus of `write_books` in a second: small vocabulary, several shards.
SMALL = ("--vocab-size", "150", "--max-seq-length", "64", "--shard-size", "8KB", "--validation-fraction", "0.1")


def digests(folder: Path, skip: tuple[str, ...] = ("manifest.json", "steps")) -> dict[str, str]:
    """Return the SHA-256 of every file of a corpus, and the manifest without what may differ between two builds."""
    found = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] not in skip
    }
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for name in ("created", "seconds"):
        del manifest[name]
    return {**found, "manifest.json": json.dumps(manifest, sort_keys=True)}
