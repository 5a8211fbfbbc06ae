"""Compare the cleaner's fast path with the authority (mwparserfromhell) on whole pages of real dumps.

python benchmarks/agreement.py ../shared/data/wikipedia [--pages 100000] [--max-chars 120000]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from cleanliness import read_dump

from bertdata.extract.options import ExtractOptions
from bertdata.extract.wikitext import Cleaner
from bertdata.extract.wikitext.authority import flatten_tree
from bertdata.extract.wikitext.bounds import TooDeep
from bertdata.extract.wikitext.fast import Reader, flatten
from bertdata.extract.wikitext.marks import Tally, without_controls


def main() -> None:
    """Print how many pages differ, each path's CPU seconds, and the first paragraphs that differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="a dump, or a folder of dumps (searched recursively)")
    parser.add_argument("--pages", type=int, default=100_000, help="articles per dump (default: all)")
    parser.add_argument("--max-chars", type=int, default=120_000, help="longest page (default 120000)")
    options = parser.parse_args()
    paths = sorted(options.data.rglob("*.xml*")) if options.data.is_dir() else [options.data]
    num_pages = num_different = 0
    seconds = [0.0, 0.0]
    for path in paths:
        if "index" in path.name or "categories" in path.name or "wikidata" in path.name:
            continue
        siteinfo, articles = read_dump(path, options.pages)
        cleaner = Cleaner(siteinfo, ExtractOptions())
        for article in articles:
            if len(article.text) > options.max_chars:
                continue
            text, texts = without_controls(article.text), []
            for number, read in enumerate((flatten, flatten_tree)):
                start = time.process_time()
                reader = Reader(cleaner.wiki, cleaner.templates, Tally(), cleaner.options.max_depth)
                try:
                    flat = read(text, article.title, reader)
                    texts.append("" if reader.tally.is_disambiguation else cleaner.prose(flat, article.title, reader))
                except TooDeep:
                    texts.append("too deep")
                seconds[number] += time.process_time() - start
            num_pages += 1
            if texts[0] != texts[1]:
                num_different += 1
                show_difference(f"{path.name} {article.title}", texts[0], texts[1])
    print(f"{num_pages:,} pages, {num_different:,} differ; CPU s: fast {seconds[0]:.1f}, authority {seconds[1]:.1f}")


def show_difference(name: str, fast: str, authority: str) -> None:
    """Print the first paragraph that only one path has."""
    first, second = fast.split("\n\n"), authority.split("\n\n")
    only_fast = next((p for p in first if p not in set(second)), "")
    only_authority = next((p for p in second if p not in set(first)), "")
    print(f"{name}\n  fast      {only_fast[:300]}\n  authority {only_authority[:300]}")


if __name__ == "__main__":
    main()
