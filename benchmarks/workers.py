"""Two workers against one: `python benchmarks/workers.py --wikipedia DUMP [--times 16] [--runners direct spark flink]`.

Builds the dump's pages, as they are and repeated with new ids and titles, with one worker and with two on each runner;
the four builds take turns, in `--rounds`, and medians are compared. What the small build takes is start, of processes
and of libraries: the difference of the two is a step's work. Prints for the steps that workers share, as rows of the
table in docs/scale.md: wall seconds (on Spark also from a step's first task to the end of its last), and CPU seconds
(where others are at work, at the pace of a machine at rest: `benchmarks/watch.py`) of the busiest worker with the
driver's own, which is how long the step would take on cores of its own; further the busier worker's share of both's,
and what both took against what one did.
On a machine that others use too the walls tell little. The watch itself takes a part of the second core: `--unwatched`
times walls without it, and prints nothing else. What two cores do more than one at best is measured first, by
extractions without the runner: cores share caches and memory, and some are halves of one.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.dumps import repeat_in_parts
from benchmarks.scale import ROOT, Run, digest, job_server_jar, run_build
from benchmarks.watch import tell_as_counted_where_quiet

SHARED = ("extract", "tokens", "examples")


def seconds_of(corpus: Path) -> dict[str, float]:
    """Return the wall seconds of each step, as the manifest has them."""
    seconds = json.loads((corpus / "manifest.json").read_text(encoding="utf-8"))["seconds"]
    return {name.split("-")[0]: value for name, value in seconds.items()}


@dataclass(frozen=True)
class Seen:
    """A build, the wall seconds of its steps among it."""

    run: Run
    walls: dict[str, float]


# Builds by the number of their workers, and by whether they are of the large dump.
Builds = dict[tuple[int, bool], list[Seen]]


def work(builds: Builds, workers: int, figure: Callable[[Seen], float]) -> float:
    """Return a figure of a step's work: the median of the large builds less that of the small ones."""
    large, small = (statistics.median(figure(each) for each in builds[workers, size]) for size in (True, False))
    return large - small


def busier_share(seen: Seen, step: str) -> float:
    """Return which part of a step's work the busier of two workers did; who forks them did less than either."""
    shares = seen.run.watch.shares.items()
    cpu = sorted(cpu for (at, role, _), cpu in shares if at == step and role == "Python workers")[-2:]
    return cpu[-1] / sum(cpu) if sum(cpu) else 1.0


def show(runner: str, builds: Builds, watched: bool) -> None:
    """Print rows that compare two workers with one, start subtracted; and as they were seen."""
    if watched:
        print(
            f"CPU seconds {tell_as_counted_where_quiet(each.run.watch for some in builds.values() for each in some)}."
        )
    print(f"| {runner} | {' | '.join(SHARED)} |\n" + "|---" * (len(SHARED) + 1) + "|")
    figures: dict[str, Callable[[Seen, str], float]] = {"wall": lambda seen, step: seen.walls[step]}
    if runner == "spark":
        figures["wall of tasks"] = lambda seen, step: seen.run.span(step)
    if watched:
        figures["CPU"] = lambda seen, step: seen.run.watch.busiest(step)
    for name, figure in figures.items():
        for told, take in ((name, work), (f"{name}, start and all", whole)):
            cells = []
            for step in SHARED:
                one, two = (take(builds, n, functools.partial(_at, figure, step)) for n in (1, 2))
                cells.append(f"{one:.1f}, {two:.1f}: {one / two if two else 0:.2f} times")
            print(f"| {runner}, {told} | {' | '.join(cells)} |", flush=True)
    for step in SHARED if watched else ():
        share = statistics.median(busier_share(each, step) for each in builds[2, True])
        one, two = (statistics.median(each.run.watch.cost(step) for each in builds[n, True]) for n in (1, 2))
        print(
            f"  {step}: the busier of two did {share:.1%}; all processes {two:.1f} CPU s, with one {one:.1f}",
            flush=True,
        )


def whole(builds: Builds, workers: int, figure: Callable[[Seen], float]) -> float:
    """Return a figure of the large builds, with start and all."""
    return statistics.median(figure(each) for each in builds[workers, True])


def _at(figure: Callable[[Seen, str], float], step: str, seen: Seen) -> float:
    return figure(seen, step)


def extract_at_once(dump: Path, folder: Path, num: int) -> tuple[float, float]:
    """Extract a dump in so many processes at once that share nothing; return the mean CPU seconds, and the wall's."""
    began = time.monotonic()
    command = [sys.executable, "-m", "cli.main", "extract", "--wikipedia", str(dump), "--workers", "1", "--output"]
    running = [
        subprocess.Popen(
            [*command, str(folder / str(n))], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for n in range(num)
    ]
    uses = []
    for process in running:
        _, process.returncode, use = os.wait4(process.pid, 0)
        uses.append(use.ru_utime + use.ru_stime)
    seconds = time.monotonic() - began
    if any(process.returncode for process in running):
        sys.exit("bertdata extract failed")
    for n in range(num):
        shutil.rmtree(folder / str(n))
    return sum(uses) / num, seconds


def show_bound(dump: Path, folder: Path, rounds: int) -> None:
    """Print how much more two cores of this machine do than one, by two extractions that know nothing of each other."""
    alone, both = ([extract_at_once(dump, folder, num) for _ in range(rounds)] for num in (1, 2))
    (cpu, wall), (cpu2, wall2) = (map(statistics.median, zip(*each, strict=True)) for each in (alone, both))
    print(
        f"Without the runner: extract takes {cpu:.1f} CPU s alone, {cpu2:.1f} beside another: two cores do "
        f"{2 * cpu / cpu2:.2f} times what one does; wall {wall:.1f}, {wall2:.1f} s: {2 * wall / wall2:.2f} times",
        flush=True,
    )


def main() -> int:
    """Build with each runner, with one worker and with two."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wikipedia", type=Path, required=True)
    parser.add_argument("--times", type=int, default=16)
    parser.add_argument("--runners", nargs="+", default=["direct", "spark"], choices=["direct", "spark", "flink"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--unwatched", action="store_true", help="walls alone, without the watch beside the workers")
    parser.add_argument("--folder", help="where dumps and corpora are made, and removed")
    given, more = parser.parse_known_args()  # All other options are build-corpus's.
    digests: dict[bool, set[str]] = {True: set(), False: set()}
    with TemporaryDirectory(prefix="bertdata-workers-", dir=given.folder) as name:
        dumps = {}
        for large, times in ((False, 1), (True, given.times)):
            path = Path(name) / ("large" if large else "small")
            dumps[large] = path, repeat_in_parts(given.wikipedia, path, times)
        print(f"{dumps[True][1] / 1e6:.1f} MB of XML, start by {dumps[False][1] / 1e6:.1f}", flush=True)
        show_bound(dumps[True][0], Path(name), given.rounds)
        for runner in given.runners:
            builds: Builds = {(n, large): [] for large in (False, True) for n in (1, 2)}
            jar = "" if runner == "direct" else job_server_jar(runner)
            for turn in range(given.rounds):
                for workers, large in builds:
                    output = Path(name) / f"{runner}-{workers}-{'large' if large else 'small'}-{turn}"
                    options = ["--workers", str(workers), *more]
                    if runner == "flink":
                        options += ["--runner", "flink", "--flink-master", "[local]", "--flink-job-server-jar", jar]
                    run = run_build(runner, dumps[large], output, options, jar, not given.unwatched)
                    builds[workers, large].append(Seen(run, seconds_of(output)))
                    digests[large].add(digest(output))
                    shutil.rmtree(output)
            show(runner, builds, not given.unwatched)
    same = all(len(each) == 1 for each in digests.values())
    print("The bytes are the same." if same else "The bytes differ.")
    return int(not same)


if __name__ == "__main__":
    sys.exit(main())
