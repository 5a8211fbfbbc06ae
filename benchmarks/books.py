"""Speed of reading books, beside what reading and decoding them costs alone, in CPU seconds of one process.

    OMP_NUM_THREADS=1 python benchmarks/books.py ../shared/data/books/novels ../shared/data/books/gutenberg

Each round times the floor (read, decode, line ends, lines joined: what no reader can do without), `str.split` (a
measure of the machine and its load), and bertdata's reader, one after the other for every book, so that a machine whose
speed changes changes it for all three. Medians of the rounds are printed, and the fastest one. Compressed books show
decompression in the floor.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from bertdata.extract.books import MAX_BOOK_BYTES, book_documents, plan_books
from bertdata.extract.options import ExtractOptions
from bertdata.extract.packs import read_whole, split_suffix
from bertdata.records import Counts, Document, Slice, Source


def read_file(file: Path) -> bytes:
    """Return a file's bytes, decompressed."""
    return read_whole(str(file), split_suffix(file.name)[2], MAX_BOOK_BYTES) or b""


def read_floor(files: list[Path]) -> int:
    """Read, decode and join lines, with no judgement of what they are."""
    total = 0
    for file in files:
        text = read_file(file).decode("utf-8", "replace").replace("\r\n", "\n")
        total += len(text.replace("\n\n", "\0").replace("\n", " ").replace("\0", "\n\n"))
    return total


def split_words(files: list[Path]) -> int:
    """Split the books into words: pure interpreter and memory, to compare machines by."""
    return sum(len(read_file(file).decode("utf-8", "replace").split()) for file in files)


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


def time_round(functions: tuple[Callable[[list[Path]], int], ...], files: list[Path]) -> list[float]:
    """Return the CPU seconds of each function over all files, the functions in turn for each file."""
    totals = [0.0] * len(functions)
    for file in files:
        for n, function in enumerate(functions):
            start = time.process_time()
            function([file])
            totals[n] += time.process_time() - start
    return totals


def main() -> None:
    """Print megabytes a CPU second for each folder, and for all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    shown: list[tuple[int, float, list[list[float]]]] = []
    for folder in arguments.folders:
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        megabytes = sum(len(read_file(file)) for file in files) / 1e6
        rounds = [time_round((read_floor, split_words, read_books), files) for _ in range(arguments.rounds)]
        shown.append((len(files), megabytes, rounds))
        show(folder.name, *shown[-1])
    if len(shown) > 1:
        num_files, sizes, by_folder = zip(*shown, strict=True)
        rounds = [[sum(times) for times in zip(*turn, strict=True)] for turn in zip(*by_folder, strict=True)]
        show("together", sum(num_files), sum(sizes), rounds)


def show(name: str, num_files: int, megabytes: float, rounds: list[list[float]]) -> None:
    """Print the median of the rounds' CPU seconds for each of the three functions."""
    print(f"{name}: {num_files} files, {megabytes:.1f} MB of text, {len(rounds)} rounds")
    floor = statistics.median(times[0] for times in rounds)
    for function, *seconds in zip(("read, decode, join", "str.split", "bertdata"), *rounds, strict=True):
        median, best = statistics.median(seconds), min(seconds)
        print(
            f"  {function:20} {median:7.2f} CPU s  {megabytes / median:7.1f} MB/s  {median / floor:5.1f} x the floor"
            f"  (best round {megabytes / best:.1f} MB/s)"
        )


if __name__ == "__main__":
    main()
