"""Speed of reading books, beside what reading and decoding them costs alone, in CPU seconds of one process.

    OMP_NUM_THREADS=1 python benchmarks/books.py ../shared/data/books/novels ../shared/data/books/gutenberg

Each round times the floor (read, decode, line ends, lines joined: what no reader can do without), `str.split` (a
measure of the machine and its load), and bertdata's reader, one after the other; medians of the rounds are printed.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from bertdata.extract.books import book_documents, plan_books
from bertdata.extract.options import ExtractOptions
from bertdata.records import Counts, Document, Slice, Source


def read_floor(files: list[Path]) -> int:
    """Read, decode and join lines, with no judgement of what they are."""
    total = 0
    for file in files:
        text = file.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n")
        total += len(text.replace("\n\n", "\0").replace("\n", " ").replace("\0", "\n\n"))
    return total


def split_words(files: list[Path]) -> int:
    """Split the books into words: pure interpreter and memory, to compare machines by."""
    return sum(len(file.read_bytes().decode("utf-8", "replace").split()) for file in files)


def read_books(files: list[Path]) -> int:
    """Read the books as `bertdata extract --books` does, without writing Parquet."""
    source = Source("books", "books", tuple(map(str, files)), tuple(file.name for file in files))
    options, counts = ExtractOptions(), Counts()
    rows = (
        row
        for piece in plan_books(source)
        for row in book_documents(Slice(0, "books", "books", *piece), options, counts)
    )
    return sum(len(row.text) for row in rows if isinstance(row, Document))


def cpu_seconds(function: Callable[[list[Path]], int], files: list[Path]) -> float:
    """Return the CPU seconds of one call."""
    start = time.process_time()
    function(files)
    return time.process_time() - start


def main() -> None:
    """Print megabytes a CPU second for each folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    for folder in arguments.folders:
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        megabytes = sum(file.stat().st_size for file in files) / 1e6
        functions = (read_floor, split_words, read_books)
        rounds = [[cpu_seconds(function, files) for function in functions] for _ in range(arguments.rounds)]
        floor, words, books = (statistics.median(times) for times in zip(*rounds, strict=True))
        print(f"{folder.name}: {len(files)} files, {megabytes:.1f} MB, medians of {arguments.rounds} rounds")
        for name, seconds in (("read, decode, join", floor), ("str.split", words), ("bertdata", books)):
            print(
                f"  {name:20} {seconds:7.2f} CPU s  {megabytes / seconds:7.1f} MB/s  {seconds / floor:5.1f} x the floor"
            )


if __name__ == "__main__":
    main()
