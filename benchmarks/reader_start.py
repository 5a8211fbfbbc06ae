"""How soon reading starts: `python benchmarks/reader_start.py CORPUS` prints CPU seconds to a first batch, and memory.

The corpus' first shard is linked under the names of 1,000, of 10,000, of 40,000 and of 156,250 shards (10 TB of text),
beside a manifest that lists them; each such corpus is read by a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BATCH_SIZE = 256
# A file may have 65,000 names on ext4.
_LINKS = 60_000


def make_corpus(corpus: Path, folder: Path, length: int, num_shards: int) -> None:
    """Write a corpus of many links to one shard."""
    manifest = json.loads((corpus / "manifest.json").read_text(encoding="utf-8"))
    split = manifest["splits"][f"{length}/train"]
    shard = split["files"][0]
    names = [f"shards/{length}/train/{number:05d}-of-{num_shards:05d}.arrow" for number in range(num_shards)]
    (folder / names[0]).parent.mkdir(parents=True)
    for number, name in enumerate(names):
        if number % _LINKS == 0:
            copied = shutil.copy(corpus / shard["path"], folder / name)
        else:
            os.link(copied, folder / name)
    split["files"] = [shard | {"path": name} for name in names]
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def read_first(folder: Path) -> None:
    """Print what the first batch costs, and 100 more."""
    from bertdata.reader import open_shards

    began = time.process_time()
    shards = open_shards(folder)
    batches = shards.batches(BATCH_SIZE, seed=1)
    next(batches)
    first = time.process_time()
    for _ in range(100):
        next(batches)
    later, peak = time.process_time() - first, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    num = shards.num_examples
    print(f"{len(shards.paths):9,}{num:16,}{first - began:16.2f}{later:16.2f}{peak / 1024:12.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--max-seq-length", type=int, default=128)
    parser.add_argument("--shards", type=int, nargs="+", default=[1000, 10_000, 40_000, 156_250])
    parser.add_argument("--folder", help="where the corpora are made, and removed")
    parser.add_argument("--read", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        return read_first(options.corpus)
    print(f"{'shards':>9}{'examples':>16}{'first batch, s':>16}{'100 more, s':>16}{'peak, MiB':>12}", flush=True)
    for num_shards in options.shards:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            make_corpus(options.corpus, Path(folder), options.max_seq_length, num_shards)
            subprocess.run([sys.executable, __file__, folder, "--read"], check=True)
    return None


if __name__ == "__main__":
    main()
