"""Time extraction against decompression, side by side in one run: `python benchmarks/extract.py DUMP.xml.bz2`.

The pages of the dump are repeated with new ids to `--megabytes` of XML, as one bz2 stream and as many. Each round runs
every contender once, so a machine that slows down slows all; figures are medians of CPU seconds, children included.
WikiExtractor (GPL) is run as a program of another Python: `--wikiextractor /path/to/venv/bin/python`. mwparserfromhell
cleans each page of the dump once, bare and as Hugging Face's recipe has it, a share of the pages in each round; its
seconds are scaled to all pages.
"""

from __future__ import annotations

import argparse
import bz2
import functools
import multiprocessing
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.update(OMP_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false")

from benchmarks import dumps
from benchmarks.recipe import clean_by_recipe, strip_code
from bertdata.extract.bz2blocks import mibz2
from bertdata.extract.dump import plan_dump
from bertdata.extract.dump_pages import read_pages
from bertdata.extract.dump_streams import read_pieces
from bertdata.extract.options import ExtractOptions
from bertdata.extract.step import extract_slice
from bertdata.records import Counts, Slice
from pipelines.runner import largest_first


def repeat_pages(source: Path, num_bytes: int, folder: Path) -> tuple[Path, Path, int]:
    """Write the source's pages again and again, with new ids and titles, as one bz2 stream and as many.

    Returns the two paths and the bytes of XML.
    """
    head, once = dumps.read_pages(source)
    pages, size = [], len(head)
    for page in dumps.renumbered(once):
        pages.append(page)
        size += len(page)
        if size >= num_bytes:
            break
    single, many = folder / "enwiki-single.xml.bz2", folder / "enwiki-multistream.xml.bz2"
    step = dumps.PAGES_A_STREAM
    streams = [b"".join(pages[n : n + step]) for n in range(0, len(pages), step)]
    single.write_bytes(bz2.compress(b"".join([head, *streams, b"</mediawiki>\n"])))
    many.write_bytes(b"".join(map(bz2.compress, [head, *streams, b"</mediawiki>\n"])))
    return single, many, size


def run_bz2(path: Path) -> None:
    with bz2.open(path) as file:
        while file.read(1 << 20):
            pass


def run_indexed_bzip2(path: Path) -> None:
    import indexed_bzip2

    with indexed_bzip2.open(str(path), parallelization=1) as file:
        while file.read(1 << 20):
            pass


def run_mibz2(path: Path) -> None:
    mibz2.decompress(path.read_bytes(), threads=1)


def run_blocks(path: Path) -> None:
    for start, end, form, _ in plan_dump(str(path)):
        for piece in read_pieces(str(path), start, end, form):
            if piece.offset >= end:
                break


def run_pages(path: Path) -> None:
    for start, end, form, _ in plan_dump(str(path)):
        for _page in read_pages(str(path), start, end, form, on_error="fail", counts=Counts(), namespaces=(0,)):
            pass


def slices_of(path: Path) -> list[Slice]:
    return [Slice(n, "enwiki", "wikipedia", (str(path),), (path.name,), *p) for n, p in enumerate(plan_dump(str(path)))]


def run_extract(path: Path, num_workers: int = 1) -> None:
    """Extract a dump, its slices dealt as a direct build deals them."""
    slices = largest_first(slices_of(path), lambda slice_: slice_.num_bytes, num_workers)
    with tempfile.TemporaryDirectory() as folder:
        if num_workers == 1:
            _extract(folder, slices)
        else:
            _run_beside([(folder, slices[n::num_workers]) for n in range(num_workers)])


def run_apart(path: Path, num: int) -> None:
    """Extract all of a dump so many times at once, by processes that know nothing of each other."""
    with tempfile.TemporaryDirectory() as folder:
        _run_beside([(f"{folder}/{n}", slices_of(path)) for n in range(num)])


def _run_beside(shares: list[tuple[str, list[Slice]]]) -> None:
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=_extract, args=share) for share in shares]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        if process.exitcode:
            raise RuntimeError(f"a worker ended with {process.exitcode}")


def _extract(folder: str, slices: list[Slice]) -> None:
    for slice_ in slices:
        extract_slice(slice_, ExtractOptions(), Path(folder))


def run_iterparse(path: Path) -> None:
    """Read a dump as Hugging Face's recipe does, its pages' text in hand."""
    from xml.etree import ElementTree

    with bz2.open(path, "rt", encoding="utf-8") as file:
        for _, element in ElementTree.iterparse(file):
            if element.tag.endswith("}page"):
                element.find("./{*}revision/{*}text")
                element.clear()


def sample_articles(path: Path, num_chars: int) -> tuple[list[str], float]:
    """Return the texts of the first articles, and how many times as long all are."""
    done = size = 0
    texts = []
    for start, end, form, _ in plan_dump(str(path)):
        for page in read_pages(str(path), start, end, form, on_error="fail", counts=Counts(), namespaces=(0,)):
            if page.redirect:
                continue
            size += len(page.text)
            if done < num_chars:
                done += len(page.text)
                texts.append(page.text)
    return texts, size / done


def run_peer(clean: Callable[[str], object], texts: Sequence[str]) -> None:
    for text in texts:
        clean(text)


def run_wikiextractor(path: Path, python: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = [python, "-m", "wikiextractor.WikiExtractor", str(path), "-o", folder, "--processes", "1", "-q"]
        subprocess.run(command, check=True, capture_output=True)


def cpu_seconds(function: Callable[[], object]) -> float:
    """Return the CPU seconds that a call takes, in this process and in children that have ended."""
    before = _cpu()
    function()
    return _cpu() - before


def _cpu() -> float:
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dump", type=Path)
    parser.add_argument("--megabytes", type=float, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sample-megabytes", type=float, default=10, help="wikitext for mwparserfromhell, scaled up")
    parser.add_argument("--wikiextractor", metavar="PYTHON")
    parser.add_argument("--workers", action="store_true", help="also time two worker processes against one (wall)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        single, many, size = repeat_pages(options.dump, int(options.megabytes * 1e6), Path(folder))
        contenders: dict[str, Callable[[], object]] = {
            "bz2 alone": functools.partial(run_bz2, single),
            "indexed_bzip2 alone": functools.partial(run_indexed_bzip2, single),
            "bz2 and iterparse": functools.partial(run_iterparse, single),
            "bertdata blocks, single stream": functools.partial(run_blocks, single),
            "bertdata pages, single stream": functools.partial(run_pages, single),
            "bertdata extract, single stream": functools.partial(run_extract, single),
            "bertdata extract, multistream": functools.partial(run_extract, many),
        }
        if mibz2 is not None:
            contenders["mibz2 alone"] = functools.partial(run_mibz2, single)
        if options.wikiextractor and shutil.which(options.wikiextractor):
            contenders["WikiExtractor"] = functools.partial(run_wikiextractor, many, options.wikiextractor)
        texts, factor = sample_articles(single, int(options.sample_megabytes * 1e6))
        peers = {"iterparse and strip_code (scaled)": strip_code, "Hugging Face's recipe (scaled)": clean_by_recipe}
        times: dict[str, list[float]] = {name: [] for name in contenders}
        cleaned = dict.fromkeys(peers, 0.0)
        for turn in range(options.rounds):
            for name, run in contenders.items():
                times[name].append(cpu_seconds(run))
            for name, clean in peers.items():
                cleaned[name] += cpu_seconds(functools.partial(run_peer, clean, texts[turn :: options.rounds]))
        read = statistics.median(times.pop("bz2 and iterparse"))
        times |= {name: [read + seconds * factor] for name, seconds in cleaned.items()}
        floor = statistics.median(times["bz2 alone"])
        print(f"{size / 1e6:.1f} MB of XML, medians of {options.rounds} rounds")
        print(f"{'':38}{'CPU s':>9}{'MB/s':>8}{'/ bz2':>8}")
        for name, found in times.items():
            seconds = statistics.median(found)
            print(f"{name:38}{seconds:9.2f}{size / 1e6 / seconds:8.1f}{seconds / floor:8.2f}")
        if options.workers:
            show_workers(single, options.rounds)


def show_workers(dump: Path, rounds: int) -> None:
    """Print how much faster two workers are than one, and beside it what two cores do more than one at best."""
    runs = {"one": (run_extract, 1), "two": (run_extract, 2), "apart": (run_apart, 2)}
    walls: dict[str, list[float]] = {name: [] for name in runs}
    cpus: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, (run, num) in runs.items():
            before, began = _cpu(), time.perf_counter()
            run(dump, num)
            walls[name].append(time.perf_counter() - began)
            cpus[name].append(_cpu() - before)
    wall = {name: statistics.median(found) for name, found in walls.items()}
    cpu = {name: statistics.median(found) for name, found in cpus.items()}
    print(
        f"two workers: {wall['one'] / wall['two']:.2f} times one "
        f"(wall {wall['one']:.1f} s and {wall['two']:.1f} s; CPU {cpu['one']:.1f} s and {cpu['two']:.1f} s; one stream)"
    )
    print(
        f"two extractions that share nothing: {2 * wall['one'] / wall['apart']:.2f} times one "
        f"(wall {wall['apart']:.1f} s; CPU {cpu['apart'] / 2:.1f} s each)"
    )


if __name__ == "__main__":
    main()
