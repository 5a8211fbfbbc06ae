"""Read the articles of one slice of a Wikipedia dump as documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from functools import lru_cache
from urllib.parse import quote

from bertdata.extract.clean_apart import CleanerProcess
from bertdata.extract.dump_pages import read_pages
from bertdata.extract.heap import keep_freed_memory
from bertdata.extract.options import ExtractOptions
from bertdata.extract.page_xml import WIKITEXT
from bertdata.extract.siteinfo import read_siteinfo
from bertdata.extract.watch import page_watch
from bertdata.extract.wikitext import Cleaned, Cleaner
from bertdata.records import Counts, Document, Page, Rejection, SiteInfo, Slice

LICENSE = "CC-BY-SA-4.0"
# A word is what blanks part, or one character of a script that is written without them.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]|[^\s\u3040-\u30ff\u3400-\u9fff]+")


def wikipedia_documents(slice_: Slice, options: ExtractOptions, counts: Counts) -> Iterator[Document | Rejection]:
    """Yield the documents and rejections of one slice, and fill `counts`.

    Skipped, by reason: `namespace` (not an article), `empty`, `redirect`, `disambiguation`, `model` (not wikitext).
    Rejected: what the cleaner refuses, `too-short` (`min_document_words`), and `error-<exception>` where the cleaner
    itself fails: one bad page never ends a file. With `on_error="skip"` a page that never ends, or that ends its
    process, is one too (`error-hung`, `error-crashed`); else it ends this process with a line that names it.

    Raises DamagedInputError as `read_pages` does.
    """
    keep_freed_memory()
    (path,) = slice_.files
    siteinfo = read_siteinfo(path)
    source, language = slice_.source or siteinfo.dbname, options.language or siteinfo.language or "en"
    pages = read_pages(
        path, slice_.start, slice_.end, slice_.form, on_error=options.on_error, counts=counts, namespaces=(0,)
    )
    with ExitStack() as stack:
        if options.on_error == "skip":
            cleaned_pages = _clean_apart(stack.enter_context(CleanerProcess(siteinfo, options)), pages)
        else:
            cleaned_pages = _clean_here(_cleaner_of(siteinfo, options), pages, path)
        for page, cleaned in cleaned_pages:
            if row := _to_row(page, cleaned, source, language, siteinfo, options, counts):
                yield row


# It looks up once what each template prints: the slices of a wiki have the same one.
_cleaner_of = lru_cache(maxsize=4)(Cleaner)


def _clean_here(cleaner: Cleaner, pages: Iterator[Page], path: str) -> Iterator[tuple[Page, Cleaned]]:
    """Clean page after page; the watch ends this process where one never ends."""
    watch = page_watch()
    for page in pages:
        if reason := skip_reason(page):
            yield page, Cleaned("", skipped=reason)
            continue
        watch.begin(f"{path}: page {page.id} {page.title!r}")
        cleaned = clean_text(cleaner, page.title, page.text, page.redirect)
        watch.end()
        yield page, cleaned


# Pages that travel together to the process that cleans them, by their number and their characters.
_BATCH_PAGES, _BATCH_CHARS = 200, 1 << 20


def _clean_apart(process: CleanerProcess, pages: Iterator[Page]) -> Iterator[tuple[Page, Cleaned]]:
    """Clean pages in another process, which a page that never ends costs, and nothing else."""
    batch: list[Page] = []
    num_chars = 0
    for page in pages:
        if reason := skip_reason(page):
            yield page, Cleaned("", skipped=reason)
            continue
        batch.append(page)
        num_chars += len(page.text)
        if len(batch) >= _BATCH_PAGES or num_chars >= _BATCH_CHARS:
            yield from zip(batch, process.clean(batch), strict=True)
            batch, num_chars = [], 0
    yield from zip(batch, process.clean(batch), strict=True)


def _to_row(
    page: Page,
    cleaned: Cleaned,
    source: str,
    language: str,
    siteinfo: SiteInfo,
    options: ExtractOptions,
    counts: Counts,
) -> Document | Rejection | None:
    """Count what became of a page, and return its document or rejection."""
    for rule, number in cleaned.rules.items():
        counts.rules[rule] = counts.rules.get(rule, 0) + number
    if cleaned.skipped:
        counts.skipped[cleaned.skipped] = counts.skipped.get(cleaned.skipped, 0) + 1
        return None
    page_id = f"{source}/{page.id}"
    if reason := reject_reason(cleaned, options):
        counts.rejected[reason] = counts.rejected.get(reason, 0) + 1
        return Rejection(page_id, source, page.title, reason, page.text)
    counts.documents += 1
    url = page_url(siteinfo, page.title)
    return Document(page_id, source, page.title, cleaned.text, language, url, page.revision, LICENSE)


def skip_reason(page: Page) -> str | None:
    """Return why a page was never text, None where it may be an article."""
    if page.namespace != 0:
        return "namespace"
    if page.redirect:
        return "redirect"
    if page.model != WIKITEXT:
        return "model"
    return None if page.text.strip() else "empty"


def clean_text(cleaner: Cleaner, title: str, text: str, redirect: bool) -> Cleaned:
    """Clean one page; what the cleaner raises becomes a rejection that names it."""
    try:
        return cleaner.clean(title, text, redirect, is_xml=True)
    except Exception as error:
        return Cleaned("", None, f"error-{type(error).__name__}", {})


def reject_reason(cleaned: Cleaned, options: ExtractOptions) -> str | None:
    """Return why a cleaned page is no document, None where it is one."""
    if cleaned.rejected:
        return cleaned.rejected
    if not cleaned.text:
        return "no-text"
    if (
        options.min_document_words
        and count_words(cleaned.text, options.min_document_words) < options.min_document_words
    ):
        return "too-short"
    return None


def count_words(text: str, enough: int) -> int:
    """Count words, up to `enough`.

    >>> count_words("two words", 10), count_words("汉字", 10)
    (2, 2)
    """
    return sum(1 for _, _ in zip(_WORD.finditer(text), range(enough), strict=False))


def page_url(siteinfo: SiteInfo, title: str) -> str:
    """Return a page's address, its title percent-encoded as MediaWiki does it (wfUrlencode); empty without a base.

    >>> page_url(SiteInfo(base="https://en.wikipedia.org/wiki/Main_Page"), 'AC/DC: "Live" (1992)')
    'https://en.wikipedia.org/wiki/AC/DC:_%22Live%22_(1992)'
    """
    base = siteinfo.base
    if not base:
        return ""
    folder = base[: base.index("/wiki/") + 6] if "/wiki/" in base else base[: base.rindex("/") + 1]
    return folder + quote(title.replace(" ", "_"), safe=";@$!*(),/~:")
