"""The options of the extract step: what changes the bytes of `documents/` and `rejected/`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bertdata.errors import require

OnError = Literal["fail", "skip"]


@dataclass(frozen=True)
class ExtractOptions:
    """How sources become documents.

    `language` overrides the dump's own (an ISO code such as `el`); `license` is the SPDX name for books and text.
    The bounds reject a page that exceeds them, the same on every machine: `max_page_bytes` of wikitext in UTF-8,
    `max_depth` of nested braces, brackets and tags, `max_nodes` marks of markup in a page.
    """

    language: str | None = None
    license: str | None = None
    document_unit: Literal["book", "chapter", "blank-lines"] = "book"
    text_column: str = "text"
    id_column: str = "id"
    title_column: str = "title"
    on_error: OnError = "fail"
    min_document_words: int = 0
    keep_disambiguations: bool = False
    keep_verse: bool = True
    keep_templates: tuple[str, ...] = ()
    drop_templates: tuple[str, ...] = ()
    max_page_bytes: int = 4_000_000
    max_depth: int = 100
    max_nodes: int = 200_000

    def __post_init__(self) -> None:
        units = ("book", "chapter", "blank-lines")
        require(self.document_unit in units, f"--document-unit {self.document_unit}: {', '.join(units)}")
        require(self.on_error in ("fail", "skip"), f"--on-error is {self.on_error!r}: fail or skip")
        require(self.min_document_words >= 0, f"--min-document-words is {self.min_document_words}: 0 or more words")
        require(min(self.max_page_bytes, self.max_depth, self.max_nodes) > 0, "the bounds of a page must be above 0")
