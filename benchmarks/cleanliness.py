# ruff: noqa: E501
"""Measure how clean the text is: bertdata, mwparserfromhell's strip_code and WikiExtractor side by side.

Counts per million words: leftover markup by kind, holes, headings and list lines kept; and which share of the prose
words that a tool keeps bertdata keeps too. Prose of another tool is its lines of eight words and more whose word
triples don't come from headings, list lines and tables of the page, nor from the captions and options of its files and
the lines of its links to categories and other languages: a tool that doesn't know a wiki's names of them prints them
like text (`thumb|left|250px|…`). What the page shows its readers so is no leftover of any tool: marks in `<nowiki>`,
bars of verse outside of tables, links to categories, words that follow each other in the wikitext as they do in the text.

    python benchmarks/cleanliness.py ../shared/data/wikipedia --wikiextractor VENV/bin/python [--pages 200]

WikiExtractor (AGPL) is only run as a program, if its Python is named.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import json
import lzma
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple
from xml.sax.saxutils import escape

import mwparserfromhell

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.recipe import remove
from bertdata.extract.options import ExtractOptions
from bertdata.extract.wikitext import Cleaner
from bertdata.records import SiteInfo

LEFTOVERS = {
    "template": r"\{\{|\}\}",
    "link": r"\[\[|\]\]",
    "table": r"\{\||\|\}|\|-|\|\||colspan=|rowspan=|style=\"|class=\"",
    "quotes": r"'''|''",
    "tag": r"</?(?:ref|br|small|sup|sub|div|span|math|nowiki|gallery|center|b|i|font|code|blockquote|references|noinclude|poem)\b[^<>]*/?>",
    "comment": r"<!--|-->",
    "entity": r"&(?:nbsp|amp|lt|gt|quot|ndash|mdash|#\d+);",
    "switch": r"__[A-Z]{3,}__",
    "heading": r"(?m)^=+ ?[^=\n]+=+$",
    "file or category": r"\b(?:File|Image|Datei|Файл|Αρχείο|Category|Kategorie|Категорія|Κατηγορία|चित्र|वर्ग|Tập tin|Thể loại):[^\s.,)]+\.?(?:jpg|png|svg|gif|\b)",
    "size": r"\b\d+px\b|\bthumb\||\|thumb",
}
HOLES = {
    "empty brackets": r"(?:^|\s)\(\s*\)|（\s*）|(?:^|\s)\[\s*\]",
    "half brackets": r"\(\s*[;,:](?!\))|[;,]\s*\)",
    "blank before a sign": r"\w [,.](?:\s|$)(?! ?\.)",
    "doubled comma": r",\s*,",
    "words missing": r"\b(?:of|from|between|approximately|nearly) (?:and\b|\.(?:\s|$)|,)",
}
WORD = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]|(?:[^\W_]|[\u0300-\u036f\u0900-\u0e7f\u200c\u200d])+")


class Article(NamedTuple):
    """One article of a sample."""

    title: str
    text: str


def open_dump(path: Path) -> IO[bytes]:
    """Open a dump by its suffix."""
    opener: Any = {".bz2": bz2.open, ".gz": gzip.open, ".xz": lzma.open}.get(path.suffix, open)
    return opener(path, "rb")  # type: ignore[no-any-return]


def read_dump(path: Path, max_pages: int) -> tuple[SiteInfo, list[Article]]:
    """Read siteinfo and up to `max_pages` articles that are spread over a dump."""
    site: dict[str, str] = {}
    namespaces: list[tuple[int, str]] = []
    articles = []
    try:
        for article in _pages(path, site, namespaces):
            articles.append(article)
    except (ElementTree.ParseError, EOFError):
        pass  # the truncated dumps: what stands before the cut
    step = max(1, len(articles) // max_pages)
    language = path.name.split(".")[0] if path.parent.name == "minidumps" else site.get("language", "en")
    return SiteInfo(language=language, namespaces=tuple(namespaces)), articles[::step][:max_pages]


def _pages(path: Path, site: dict[str, str], namespaces: list[tuple[int, str]]) -> Iterator[Article]:
    page: dict[str, str] = {}
    with open_dump(path) as stream:
        for event, element in ElementTree.iterparse(stream, events=("start", "end")):
            tag = element.tag.rsplit("}", 1)[-1]
            if event == "start":
                if tag == "mediawiki":
                    site["language"] = element.get("{http://www.w3.org/XML/1998/namespace}lang", "en")
            elif tag == "namespace":
                namespaces.append((int(element.get("key", "0")), element.text or ""))
            elif tag in ("title", "ns", "text", "redirect", "model"):
                page[tag] = element.text or ""
            elif tag == "page":
                is_article = page.get("ns", "0") == "0" and page.get("model", "wikitext") == "wikitext"
                if is_article and "redirect" not in page and page.get("text"):
                    yield Article(page["title"], page["text"])
                page = {}
                element.clear()


def strip_code(text: str) -> str:
    """Clean a page as Hugging Face's recipe does: references, tables, media and categories out, then strip_code."""
    code = mwparserfromhell.parse(text)
    for link in code.filter_wikilinks(recursive=True):
        if re.match(r"\s*(?:file|image|media|category)\s*:", str(link.title), re.IGNORECASE):
            remove(code, link)
    for tag in code.filter_tags(recursive=True):
        if str(tag.tag).lower() in ("ref", "table"):
            remove(code, tag)
    return str(code.strip_code())


def run_wikiextractor(python: str, articles: list[Article]) -> tuple[dict[str, str], float]:
    """Run WikiExtractor as a program on a dump of these articles; return {title: text} and its CPU seconds."""
    import resource

    with tempfile.TemporaryDirectory() as folder:
        pages = (
            f"<page><title>{escape(a.title)}</title><ns>0</ns><id>{i + 1}</id><revision><id>{i + 1}</id>"
            f'<model>wikitext</model><format>text/x-wiki</format><text xml:space="preserve">{escape(a.text)}</text></revision></page>'
            for i, a in enumerate(articles)
        )
        dump = Path(folder, "dump.xml")
        head = '<mediawiki xml:lang="en"><siteinfo><base>https://en.wikipedia.org/wiki/Main_Page</base><namespaces><namespace key="0" case="first-letter"></namespace><namespace key="10" case="first-letter">Template</namespace></namespaces></siteinfo>'
        lines = (part.replace("><", ">\n<") for part in (head, *pages, "</mediawiki>"))
        dump.write_text("\n".join(lines) + "\n", encoding="utf-8")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [
            python,
            "-m",
            "wikiextractor.WikiExtractor",
            str(dump),
            "--json",
            "--no-templates",
            "--processes",
            "1",
        ]
        subprocess.run([*command, "-o", str(Path(folder, "out"))], check=False, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        texts = {}
        for file in Path(folder).rglob("wiki_*"):
            for line in file.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                texts[row["title"]] = row["text"]
    return texts, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def words(text: str) -> list[str]:
    """Cut a text into words; each CJK character is one."""
    return WORD.findall(text)


def crude(line: str) -> list[str]:
    """Return the words of a line of wikitext without its markup."""
    line = re.sub(r"<ref[^>]*/>|<ref.*?</ref>|<!--.*?-->|\{\{[^{}]*\}\}|<[^>]*>", " ", line)
    return words(re.sub(r"\[\[(?:[^\[\]|]*\|)?|\[https?://\S+|'''?", " ", line))


# A link to a file, told by what its name ends with in any language, links in its caption included.
FILE_LINK = re.compile(
    r"\[\[[^\[\]|:\n]+:[^\[\]|\n]+\.(?:jpe?g|png|svg|gif|tiff?|ogg|ogv|webm|pdf)\s*\|(?:[^\[\]]|\[\[[^\[\]]*\]\]|\[[^\[\]]*\])*+\]\]",
    re.IGNORECASE,
)
# A line of nothing but links into other namespaces or languages.
LINK_LINE = re.compile(r"(?:\[\[[^\[\]|:]+:[^\[\]]+\]\]\s*)+")


class Structure:
    """What of a page is no prose: its headings, its list lines, and the word triples of both, of tables and captions."""

    def __init__(self, text: str) -> None:
        lines = text.split("\n")
        self.literal = "\n".join(re.findall(r"(?is)<nowiki>(.*?)</nowiki>", text))
        running = "\n".join(line for line in lines if not line.lstrip().startswith(("|", "!", "{|")))
        self.running = bare(re.sub(r"'''?|<br ?/?>", " ", running))
        pointed = re.findall(r"\[\[:([^\[\]|]+)(?:\|([^\[\]]+))?", text)
        self.pointed = [part.strip() for link in pointed for part in link if part]
        marked = [line for line in lines if line[:1] in tuple("*#:;=|!") or line.lstrip()[:2] in ("{|", "|-")]
        marked += [line for line in lines if LINK_LINE.fullmatch(line)]
        self.headings = {tuple(crude(line)) for line in lines if re.match(r"=+[^=]+=+\s*$", line)} - {()}
        self.items = {tuple(w) for line in lines if line[:1] in tuple("*#") and len(w := crude(line)) >= 4}
        self.triples = {triple for line in marked for triple in triples(crude(line))}
        text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
        for piece in re.findall(r"(?s)<ref[^<>/]*>(.*?)</ref>", text):
            self.triples.update(triples(crude(piece)))
        others = re.findall(r"(?s)<gallery.*?</gallery>|\{\|.*?\n\|\}|\n\{\{.*?\n\}\}", text)
        for piece in [*FILE_LINK.findall(text), *others]:
            self.triples.update(triples(crude(piece)))

    def is_shown(self, kind: str, text: str, found: re.Match[str]) -> bool:
        """Tell whether what looks like a leftover or hole in a text is what the page shows its readers."""
        if kind in HOLES:
            return bare(text[max(0, found.start() - 8) : found.end() + 8]) in self.running
        if kind == "file or category":
            return any(text.startswith(target, found.start()) for target in self.pointed)
        return found[0] in self.literal or (
            found[0] == "||" and bare(text[max(0, found.start() - 4) : found.end() + 4]) in self.running
        )

    def is_prose(self, line: str) -> bool:
        """Tell whether a tool's output line is running text of the page."""
        found = triples(words(line))
        if len(found) < 6 or line[:1] in "*#:;|!=":
            return False
        return sum(triple in self.triples for triple in found) < 0.2 * len(found)

    def own_words(self, tokens: list[str]) -> list[str]:
        """Return the words of a prose line but those that a reference, list line or caption put there."""
        foreign = [triple in self.triples for triple in triples(tokens)]
        return [w for i, w in enumerate(tokens) if not any(foreign[max(0, i - 2) : i + 1])]


def bare(text: str) -> str:
    """Return a text without its blanks and line ends."""
    return "".join(text.split())


def triples(tokens: list[str]) -> list[tuple[str, ...]]:
    """Return the runs of three words."""
    return list(zip(tokens, tokens[1:], tokens[2:], strict=False))


class Score:
    """Counts of one tool over many pages."""

    def __init__(self) -> None:
        self.num_words, self.seconds = 0, 0.0
        self.leftovers: Counter[str] = Counter()
        self.holes: Counter[str] = Counter()
        self.headings = self.items = 0
        self.prose_words = self.kept_words = 0
        self.numbers = self.kept_numbers = 0
        self.missing: Counter[str] = Counter()
        self.examples: list[str] = []

    def add(self, title: str, text: str, structure: Structure) -> None:
        """Count one page's text."""
        self.num_words += len(words(text))
        for kinds, counts in ((LEFTOVERS, self.leftovers), (HOLES, self.holes)):
            for kind, pattern in kinds.items():
                for found in re.finditer(pattern, text):
                    if structure.is_shown(kind, text, found):
                        continue
                    counts[kind] += 1
                    if len(self.examples) < 400:
                        near = text[max(0, found.start() - 50) : found.end() + 30].replace("\n", "⏎")
                        self.examples.append(f"{kind}: {title}: {near}")
        lines = [tuple(words(line)) for line in text.split("\n")]
        for kind, known in (("heading", structure.headings), ("list line", structure.items)):
            kept = [line for line in lines if line in known]
            self.examples += [f"{kind}: {title}: {' '.join(line)[:80]}" for line in kept if len(self.examples) < 400]
            self.headings += len(kept) if kind == "heading" else 0
            self.items += len(kept) if kind == "list line" else 0

    def compare(self, ours: Counter[str], text: str, structure: Structure) -> None:
        """Count how many of this tool's prose words bertdata keeps."""
        theirs: Counter[str] = Counter()
        for line in text.split("\n"):
            if structure.is_prose(line):
                theirs.update(structure.own_words(words(line)))
        self.prose_words += theirs.total()
        missing = theirs - ours
        self.kept_words += theirs.total() - missing.total()
        self.missing.update(missing)

    def row(self, name: str) -> str:
        """Return the tool's line of the table."""
        million = max(self.num_words, 1) / 1e6
        kept = f"{100 * self.kept_words / self.prose_words:8.3f}%" if self.prose_words else "        "
        counts = (self.leftovers.total(), self.holes.total(), self.headings, self.items)
        return (
            f"{name:18} {self.num_words:10,} "
            + " ".join(f"{n / million:10.1f}" for n in counts)
            + f" {kept} {self.seconds:8.1f}"
        )


def measure(paths: list[Path], max_pages: int, python: str | None) -> dict[str, Score]:
    """Run the tools over the dumps and count."""
    scores = {name: Score() for name in ("bertdata", "strip_code", *(["WikiExtractor"] if python else []))}
    for path in paths:
        siteinfo, articles = read_dump(path, max_pages)
        cleaner = Cleaner(siteinfo, ExtractOptions())
        extracted, seconds = run_wikiextractor(python, articles) if python and articles else ({}, 0.0)
        if python:
            scores["WikiExtractor"].seconds += seconds
        for article in articles:
            start = time.process_time()
            cleaned = cleaner.clean(article.title, article.text)
            scores["bertdata"].seconds += time.process_time() - start
            if cleaned.skipped or cleaned.rejected:
                continue
            start = time.process_time()
            texts = {"bertdata": cleaned.text, "strip_code": strip_code(article.text)}
            scores["strip_code"].seconds += time.process_time() - start
            if python:
                texts["WikiExtractor"] = extracted.get(article.title, "")
            structure = Structure(article.text)
            ours = Counter(words(cleaned.text))
            for name, text in texts.items():
                scores[name].add(f"{path.name} {article.title}", text, structure)
                if name != "bertdata":
                    scores[name].compare(ours, text, structure)
    return scores


def main() -> None:
    """Print the table, bertdata's leftovers and the words that it lacks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="a dump, or a folder of dumps (searched recursively)")
    parser.add_argument("--pages", type=int, default=200, help="articles per dump (default 200)")
    parser.add_argument("--wikiextractor", help="a Python that has WikiExtractor installed")
    parser.add_argument("--examples", type=int, default=20, help="leftovers of bertdata to print (default 20)")
    options = parser.parse_args()
    paths = sorted(options.data.rglob("*.xml*")) if options.data.is_dir() else [options.data]
    paths = [path for path in paths if "index" not in path.name and "categories" not in path.name]
    scores = measure(paths, options.pages, options.wikiextractor)
    print(
        f"{len(paths)} dumps; counts per million words; 'kept' is the share of that tool's prose words that bertdata keeps"
    )
    print(
        f"{'tool':18} {'words':>10} {'leftovers':>10} {'holes':>10} {'headings':>10} {'list lines':>10} {'kept':>9} {'CPU s':>8}"
    )
    for name, score in scores.items():
        print(score.row(name))
        print("   ", dict(score.leftovers), dict(score.holes))
        if score.missing:
            print("    not in bertdata:", score.missing.most_common(25))
    for example in scores["bertdata"].examples[: options.examples]:
        print("   ", example)


if __name__ == "__main__":
    main()
