"""Memory where input is uneven: `python benchmarks/skew.py BOOKS`, BOOKS being a folder of plain text.

Builds three corpora, their text made of the paragraphs of BOOKS: one document of 200 MB beside ten novels' worth of
others, millions of documents of one short paragraph, and tens of thousands of files. Fails (exit 1) where any process
passes 1 GiB, or where a group's shard is more than twice as large as the mean: groups are ranges of the hash
space, which the number and the sizes of documents must not make uneven.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.memory import LIMIT, build

SHARD_BYTES = 64_000_000
MOST_OF_A_GROUP = 2.0
_FILES_A_FOLDER = 1000


def paragraphs_of(folder: Path, least: int, most: int) -> list[str]:
    """Return the paragraphs of a folder's text files whose lengths in characters lie between two bounds."""
    found: list[str] = []
    for path in sorted(folder.rglob("*.txt")):
        for paragraph in re.split(r"\n\s*\n", path.read_text(encoding="utf-8", errors="replace")):
            text = " ".join(paragraph.split())
            if least <= len(text) <= most:
                found.append(text)
    return found


def one_huge(books: Path, target: Path, megabytes: int) -> list[str]:
    """Write one document of that many MB, and a tenth of it in others of 200 KB."""
    turn = itertools.cycle(paragraphs_of(books, 200, 2000))

    def write(path: Path, num_bytes: int) -> None:
        with path.open("w", encoding="utf-8") as file:
            while file.tell() < num_bytes:
                file.write(next(turn) + "\n\n")

    target.mkdir()
    write(target / "huge.txt", megabytes * 1_000_000)
    for n in range(megabytes // 2):
        write(target / f"other-{n:04d}.txt", 200_000)
    return ["--books", str(target)]


def many_tiny(books: Path, target: Path, number: int) -> list[str]:
    """Write that many documents of one paragraph of 40 to 120 characters, as JSON lines."""
    texts = [json.dumps(text) for text in paragraphs_of(books, 40, 120)]
    target = target.with_suffix(".jsonl")
    with target.open("w", encoding="utf-8") as file:
        for n, text in zip(range(number), itertools.cycle(texts), strict=False):
            file.write(f'{{"id": "{n}", "text": {text}}}\n')
    return ["--text", str(target)]


def many_files(books: Path, target: Path, number: int) -> list[str]:
    """Write that many files of some 2 KB."""
    turn = itertools.cycle(paragraphs_of(books, 200, 2000))
    for n in range(number):
        folder = target / f"{n // _FILES_A_FOLDER:04d}"
        folder.mkdir(parents=True, exist_ok=True)
        text = next(turn)
        while len(text) < 2000:
            text += "\n\n" + next(turn)
        (folder / f"{n:06d}.txt").write_text(text + "\n", encoding="utf-8")
    return ["--books", str(target)]


def group_sizes(corpus: Path) -> list[int]:
    """Return the bytes of each shard of the largest split: a group makes one."""
    manifest = json.loads((corpus / "manifest.json").read_text(encoding="utf-8"))
    return [file["bytes"] for file in manifest["splits"]["128/train"]["files"]]


def main() -> int:
    """Build each uneven input and look at the largest process and the largest group."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("books", type=Path, help="a folder of plain text")
    parser.add_argument("--huge-megabytes", type=int, default=200)
    parser.add_argument("--tiny-documents", type=int, default=10_000_000)
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--workers", type=int, default=2)
    given, more = parser.parse_known_args()  # All other options are build-corpus's.
    inputs: dict[str, tuple[Callable[[Path, Path, int], list[str]], int]] = {
        "one document of {:,} MB": (one_huge, given.huge_megabytes),
        "{:,} documents of a line": (many_tiny, given.tiny_documents),
        "{:,} files": (many_files, given.files),
    }
    good = True
    print(f"  {'step':14} {'wall':>12} {'RSS MiB':>8} {'(of)':11} {'own MiB':>8} {'all, PSS':>10}")
    for name, (make, number) in inputs.items():
        if not number:
            continue
        with TemporaryDirectory(prefix="bertdata-skew-") as folder:
            print(name.format(number), flush=True)
            peaks = build(
                make(given.books, Path(folder) / "input", number),
                Path(folder) / "corpus",
                [f"--workers={given.workers}", f"--shard-size={SHARD_BYTES}", *more],
            )
            print(f"  {'whole build':14} {'':12} {peaks.row()}", flush=True)
            sizes = group_sizes(Path(folder) / "corpus")
            uneven = max(sizes) * len(sizes) / sum(sizes)
            print(f"  {len(sizes)} groups, the largest {uneven:.2f} times the mean", flush=True)
            good = good and peaks.rss < LIMIT and uneven < MOST_OF_A_GROUP
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
