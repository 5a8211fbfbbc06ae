"""Measured figures taken to large corpora: python benchmarks/extrapolate.py CORPUS --xml-megabytes M --start S --cost C

CORPUS is a built corpus with its tokens files, of a dump of M MB of XML; S and C are the CPU seconds to start and for a
MB of XML that `benchmarks/scale.py` prints. Measures what opening a tokens file for one range costs, and how many bytes
of a shuffled piece are its header. The sizes of English Wikipedia (105 GB of XML in 2026) and of all Wikipedias (some
500 GB in 350 dumps) are assumptions; 10 TB is clean text; its CPU
seconds are those of the dumps that give as much, which is an upper bound.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bertdata.pieces import HEADER_BYTES
from bertdata.ranges import HASH_SPACE
from bertdata.tokens import open_tokens

SLICE, SHARD, SMALLEST_SLICE, FEWEST_SLICES = 64e6, 64e6, 4e6, 16
_TRIES = 5


@dataclass(frozen=True)
class Measured:
    """What a corpus and its build showed, by MB of XML or of text, or by piece."""

    text_a_megabyte: float
    documents_bytes: float
    tokens_bytes: float
    shards_bytes: float
    seconds_a_range: float


def measure(corpus: Path, xml_megabytes: float) -> Measured:
    """Look at a corpus; bytes on disk are by byte of text."""
    manifest = json.loads((corpus / "manifest.json").read_text(encoding="utf-8"))
    text = manifest["documents"]["text_bytes"]
    tokens = sorted((corpus / "tokens").iterdir())
    seconds = 0.0
    for n in range(_TRIES):  # The first loads libraries.
        began, low = time.process_time(), HASH_SPACE // _TRIES * n
        for path in tokens:
            open_tokens(path).rows(low, low + HASH_SPACE // 4096)
        seconds = (time.process_time() - began) / len(tokens)
    on_disk = (sum(p.stat().st_size for p in (corpus / name).rglob("*") if p.is_file()) for name in
               ("documents", "tokens", "shards"))  # fmt: skip
    return Measured(text / 1e6 / xml_megabytes, *(size / text for size in on_disk), seconds)


def show(name: str, read: float, text: float, num_dumps: int, cpu: float, seen: Measured) -> None:
    """Print what a corpus takes that is so many bytes as it is read, and as text."""
    slices = round(max(read / SLICE, min(num_dumps * FEWEST_SLICES, read / SMALLEST_SLICE)))
    groups = -(-text // SHARD)
    ranges = slices * groups
    rows = text * seen.tokens_bytes
    shuffled = rows + ranges * HEADER_BYTES
    print(f"{name}: {read / 1e9:,.0f} GB to read, {text / 1e9:,.0f} GB of text")
    print(f"  slices, and as many documents and tokens files, {slices:,}; shards {groups:,.0f}")
    print(
        f"  on disk: documents {text * seen.documents_bytes / 1e9:,.0f} GB, tokens {rows / 1e9:,.0f} GB, "
        f"shards {text * seen.shards_bytes / 1e9:,.0f} GB a length and duplicate"
    )
    print(f"  CPU {cpu / 3600:,.1f} core hours: {cpu / 3600 / 64:,.1f} hours on 64 cores")
    print(
        f"  tokens files times groups {ranges:,.0f}: by range reads {ranges * seen.seconds_a_range / 3600:,.1f} core "
        f"hours; by the engine's shuffle {shuffled / 1e9:,.0f} GB, {1 - rows / shuffled:.0%} of them headers of pieces"
    )


def main() -> None:
    """Print the three corpora."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--xml-megabytes", type=float, required=True)
    parser.add_argument("--start", type=float, required=True)
    parser.add_argument("--cost", type=float, required=True)
    given = parser.parse_args()
    seen = measure(given.corpus, given.xml_megabytes)
    print(
        f"Measured: {seen.text_a_megabyte:.3f} MB of text a MB of XML; a byte of text gives {seen.documents_bytes:.2f} "
        f"bytes of documents, {seen.tokens_bytes:.2f} of tokens, {seen.shards_bytes:.2f} of shards; a range of a "
        f"tokens file takes {seen.seconds_a_range * 1e6:.0f} µs of CPU, a piece's header {HEADER_BYTES:.0f} B."
    )
    for name, read, text, dumps in (
        ("English Wikipedia", 105e9, 105e9 * seen.text_a_megabyte, 1),
        ("All Wikipedias", 500e9, 500e9 * seen.text_a_megabyte, 350),
        ("10 TB of text", 10e12, 10e12, 1),
    ):
        show(name, read, text, dumps, given.start + text / seen.text_a_megabyte / 1e6 * given.cost, seen)


if __name__ == "__main__":
    main()
