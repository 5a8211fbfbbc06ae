"""How right `bertdata plan` is: a plan from a sample beside the build of the whole, on each input.

    OMP_NUM_THREADS=1 python benchmarks/plan.py --wikipedia DUMP --books FOLDER

Each source alone and both together, the dump also with its pages repeated (new ids and titles) as often as `--times`
says. Times are CPU seconds of one process, so that a busy machine changes them least; starting processes is left out of
both. Fails (exit 1) where CPU seconds, bytes on disk or peak memory are off by more than a quarter.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.memory import write_dump

BERTDATA = [sys.executable, "-m", "cli.main"]
ALLOWED = 0.25


def folder_bytes(folder: Path) -> int:
    """Return the bytes of the steps' own folders."""
    steps = ("documents", "rejected", "vocab", "tokens", "shards")
    return sum(p.stat().st_size for name in steps for p in (folder / name).rglob("*") if p.is_file())


def plan(sources: list[str], sample: str) -> dict[str, Any]:
    """Return what `bertdata plan` says."""
    command = [*BERTDATA, "plan", *sources, "--workers", "1", "--sample-size", sample, "--json"]
    return dict(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))


def build(sources: list[str], folder: Path) -> dict[str, float]:
    """Build with one process and return its CPU seconds, bytes on disk and peak memory."""
    command = [*BERTDATA, "build-corpus", *sources, "--workers", "1", "--output", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"build-corpus {' '.join(sources)} ended with status {status}")
    return {
        "cpu_seconds": usage.ru_utime + usage.ru_stime - start_up(),
        "bytes_written": folder_bytes(folder),
        "peak_memory": usage.ru_maxrss * 1024,
    }


def start_up() -> float:
    """Return the CPU seconds of loading what a build loads."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    loaded = (
        "import pipelines.build_corpus, cli.building, apache_beam, nanotoken, sentencex, tokenizers, matplotlib.figure"
    )
    subprocess.run([sys.executable, "-c", loaded], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    """Plan and build every input, and print the two beside each other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wikipedia", type=Path, required=True)
    parser.add_argument("--books", type=Path, required=True)
    parser.add_argument("--times", type=int, default=8)
    parser.add_argument("--sample-size", default="16MB")
    given = parser.parse_args()
    right = True
    with TemporaryDirectory(prefix="bertdata-plan-benchmark-") as temporary:
        repeated = Path(temporary) / "repeatedwiki-pages-articles.xml.bz2"
        write_dump(given.wikipedia, repeated, given.times * 10_500_000)
        wikipedia, books = ["--wikipedia", str(repeated)], ["--books", str(given.books)]
        for name, sources in {"dump": wikipedia, "books": books, "both": [*wikipedia, *books]}.items():
            told = plan(sources, given.sample_size)
            real = build(sources, Path(temporary) / name)
            print(
                f"{name}: from {told['sampled_bytes'] / told['input_bytes']:.0%} of {told['input_bytes'] / 1e6:,.1f} MB"
            )
            for figure, value in real.items():
                ratio = told[figure] / value
                right = right and abs(ratio - 1) <= ALLOWED
                print(
                    f"  {figure:14} planned {told[figure]:14,.1f}   built {value:14,.1f}   {ratio:5.2f} x", flush=True
                )
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
