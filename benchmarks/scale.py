"""Cost by size, on this machine and on Spark: `python benchmarks/scale.py --wikipedia DUMP [--times 1 4 16]`.

Repeats the dump's pages 1, 4, 16 … times, with new ids and titles, and builds a corpus of each with two workers, on
this machine and on a Spark cluster of two executors that is started for it. All sizes take turns, in `--rounds`; small
ones, in which noise weighs most, several times a round. Prints the medians as rows of the tables in docs/scale.md, by
step; then what starting costs by the line through all sizes (relative errors count), where CPU seconds go, and what a
MB of XML more costs from each size to the next: so starting is subtracted as it was measured. Where others were at work
beside a build, CPU seconds are told at the pace that this machine has alone (`benchmarks/watch.py`). Fails (exit 1)
where the cost of a MB moves by more than a tenth from 4 times on, where the memory of a driver does, or where bytes
differ.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools" / "clusters")]

import spark_cluster  # noqa: E402

from benchmarks.dumps import repeat_in_parts  # noqa: E402
from benchmarks.watch import MARK, STEPS, Watch, tell_as_counted_where_quiet, watch_build  # noqa: E402

FLAT = 1.1
FLAT_FROM = 4
ROLES = ("driver", "job server", "master and workers", "executors", "Python workers")


@dataclass(frozen=True)
class Run:
    """One build: what was seen of it, its wall seconds, and Spark's own tale of its tasks, by step."""

    megabytes: float
    watch: Watch
    seconds: float
    tasks: dict[str, list[dict[str, Any]]]

    def shuffled(self, step: str) -> float:
        """Return the bytes that Spark's shuffle wrote in a step."""
        metrics = (task["Task Metrics"] for task in self.tasks.get(step, ()))
        return sum(each["Shuffle Write Metrics"]["Shuffle Bytes Written"] for each in metrics if each)

    def span(self, step: str) -> float:
        """Return the seconds from the start of a step's first task on Spark to the end of its last."""
        infos = [task["Task Info"] for task in self.tasks.get(step, ())]
        return (max(i["Finish Time"] for i in infos) - min(i["Launch Time"] for i in infos)) / 1000 if infos else 0.0


def job_server_jar(engine: str) -> str:
    """Return the path of an engine's job server's jar, built on first use."""
    command = [str(ROOT / "tools" / "clusters" / "job_server_jar.sh"), engine]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def run_build(
    runner: str, dump: tuple[Path, float], output: Path, options: Sequence[str], jar: str, watched: bool = True
) -> Run:
    """Build once, on a cluster of its own where the runner is Spark; unwatched, only time is known."""
    mark = f"{os.getpid()}-{output.name}"
    # Work of a few seconds starts no workers: here it does, so that all sizes pay the same start.
    os.environ.update({MARK: mark, "BERTDATA_ALWAYS_START_WORKERS": "1"})
    watch, events = Watch(mark), output.with_name(f"events-{output.name}")
    cluster = output.with_name(f"cluster-{output.name}")
    arguments = ["--wikipedia", str(dump[0]), "--output", str(output), *options]
    try:
        with watch.looking() if watched else contextlib.nullcontext():
            if runner == "spark":
                events.mkdir()
                master = spark_cluster.up(cluster, 0)["master"]
                log = f"-Dspark.eventLog.dir=file://{events}"
                arguments += ["--runner", "spark", "--spark-master", master, "--spark-job-server-jar", jar, "--"]
                arguments += [f"--job_server_jvm_properties={each}" for each in ("-Dspark.eventLog.enabled=true", log)]
            seconds = watch_build(watch, arguments)
    finally:
        spark_cluster.down(cluster.resolve())
        del os.environ[MARK]
    return Run(dump[1] / 1e6, watch, seconds, read_tasks(events, watch.ends))


def read_tasks(events: Path, ends: dict[str, float]) -> dict[str, list[dict[str, Any]]]:
    """Return the ends of Spark's tasks by step, from the log of its events."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in events.glob("*"):
        for line in path.read_text().splitlines():
            event = json.loads(line)
            if event["Event"] == "SparkListenerTaskEnd":
                finished = event["Task Info"]["Finish Time"] / 1000
                step = next((step for step, end in ends.items() if finished <= end), STEPS[-1])
                found.setdefault(step, []).append(event)
    return found


def digest(folder: Path) -> str:
    """Return one hash of all files of a corpus but its records and manifest."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and relative.parts[0] in ("documents", "rejected", "vocab", "tokens", "shards"):
            total.update(str(relative).encode() + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def middle(runs: Sequence[Run], figure: Callable[[Run], float]) -> float:
    """Return the median of a figure of several builds."""
    return statistics.median(figure(run) for run in runs)


def show_run(runner: str, times: int, run: Run) -> None:
    """Print what a build took, as it ends."""
    whole, watch = run.watch.of(), run.watch
    print(
        f"{runner}, {times} times, {run.megabytes:.1f} MB of XML: {whole.cpu:.1f} CPU s at {watch.pace():.2f} of the "
        f"pace, {watch.cost():.1f} alone; {run.seconds:.1f} s on {os.cpu_count()} cores, of which others had "
        f"{watch.others:.0f} CPU s",
        flush=True,
    )


def show_rows(runner: str, by_size: dict[int, list[Run]]) -> None:
    """Print the medians of a runner's builds as rows of two tables: CPU seconds and memory, and bytes."""
    print(f"\n| {runner} | MB of XML | builds | CPU s | {' | '.join(STEPS)} | largest process, MB |")
    print("|" + "---|" * (len(STEPS) + 5))
    for runs in by_size.values():
        figures = [middle(runs, functools.partial(_cost, step)) for step in (None, *STEPS)]
        told = " | ".join(f"{figure:.1f}" for figure in figures)
        largest = middle(runs, lambda run: run.watch.of().rss) / 1e6
        print(f"|  | {runs[0].megabytes:.1f} | {len(runs)} | {told} | {largest:.0f} |")
    print(f"\n| {runner}: MB read, written, shuffled | MB of XML | {' | '.join(STEPS[:4])} |")
    print("|" + "---|" * 6)
    for runs in by_size.values():
        print(f"|  | {runs[0].megabytes:.1f} | {' | '.join(_bytes_of(step, runs) for step in STEPS[:4])} |", flush=True)


def _cost(step: str | None, run: Run) -> float:
    return run.watch.cost(step)


def _bytes_of(step: str, runs: Sequence[Run]) -> str:
    read = middle(runs, lambda run: run.watch.of(step).read)
    written = middle(runs, lambda run: run.watch.of(step).written)
    shuffled = middle(runs, lambda run: run.shuffled(step))
    return f"{read / 1e6:.0f}, {written / 1e6:.0f}" + (f", {shuffled / 1e6:.2f}" if shuffled else "")


def fit_line(megabytes: Sequence[float], seconds: Sequence[float]) -> tuple[float, float]:
    """Return the slope and the start of the line through costs by size, relative errors weighed alike."""
    slope, start = np.polyfit(megabytes, seconds, 1, w=1 / np.asarray(seconds)) if len(seconds) > 1 else (0.0, 0.0)
    return float(slope), float(start)


def show_fit(runner: str, by_size: dict[int, list[Run]]) -> bool:
    """Print the fit of a runner, by step and by role, and tell whether it is flat."""
    sizes = [runs[0].megabytes for runs in by_size.values()]
    costs = {n: middle(runs, lambda run: run.watch.cost()) for n, runs in by_size.items()}
    slope, start = fit_line(sizes, list(costs.values()))
    print(f"\n{runner}: {start:.1f} CPU s to start, then {slope:.4f} CPU s a MB of XML")
    for kind, names in {"step": STEPS, "role": ROLES}.items():
        told = []
        for name in names:
            its = [middle(runs, lambda run, one={kind: name}: run.watch.cost(**one)) for runs in by_size.values()]
            if max(its) > 0.05:
                its_slope, its_start = np.polyfit(sizes, its, 1, w=1 / np.sqrt(sizes))
                told.append(f"{name} {its_start:.1f} + {its_slope:.4f}")
        print(f"  by {kind} (start + a MB): {', '.join(told)}")
    for n, runs in by_size.items():
        each = sorted(run.watch.cost() for run in runs)
        print(f"  {n} times: {costs[n]:.2f} CPU s, the median of {len(each)} from {each[0]:.2f} to {each[-1]:.2f}")
    # Caches and memory warm up over the first MB of each worker: what they cost is part of starting.
    more = {n: (costs[n] - costs[m]) / (by_size[n][0].megabytes - by_size[m][0].megabytes) for m, n in pairwise(costs)}
    told_costs = ", ".join(f"{more[n]:.4f} from {m} to {n} times" for m, n in pairwise(costs))
    print(f"  a MB more: {told_costs}")
    beyond = {m: more[n] for m, n in pairwise(costs)}
    memory = {
        f"the {role}'s memory": {n: middle(runs, functools.partial(_rss_of, role)) for n, runs in by_size.items()}
        for role in ("driver", "job server")
    }
    flat = True
    for what, seen in {"a MB's cost": beyond, **memory}.items():
        values = [value for n, value in seen.items() if n >= FLAT_FROM]
        if len(values) > 1 and min(values) > 0:
            spread = max(values) / min(values)
            print(f"  {what} from {FLAT_FROM} times on: {min(values):.4g} to {max(values):.4g}, {spread:.2f} times")
            flat = flat and spread <= FLAT
    return flat


def _rss_of(role: str, run: Run) -> float:
    return run.watch.of(role=role).rss / 1e6


def turns(sizes: Sequence[int], most: int) -> list[int]:
    """Return the sizes in the order of a round: small ones several times, at most so often.

    >>> turns([1, 4, 16], 4)
    [1, 1, 1, 4, 1, 4, 16]
    """
    often = {n: max(1, min(most, max(sizes, default=1) // (2 * n))) for n in sizes}
    return [n for turn in range(most, 0, -1) for n in sizes if often[n] >= turn]


def main() -> int:
    """Build at each size with each runner, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wikipedia", type=Path, required=True)
    parser.add_argument("--times", type=int, nargs="*", default=[1, 4, 16])
    parser.add_argument("--spark-times", type=int, nargs="*", help="for Spark, if others")
    parser.add_argument("--shuffle-times", type=int, nargs="*", default=[], help="on Spark with --shuffle engine too")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--turns", type=int, default=4, help="of the smallest size in a round, at most")
    parser.add_argument("--folder", help="where dumps and corpora are made, and removed")
    given, more = parser.parse_known_args()  # All other options are build-corpus's.
    on_spark = given.times if given.spark_times is None else given.spark_times
    wanted = {"direct": given.times, "spark": on_spark, "spark, engine's shuffle": given.shuffle_times}
    jar = job_server_jar("spark") if on_spark or given.shuffle_times else ""
    runs: dict[str, dict[int, list[Run]]] = {runner: {n: [] for n in some} for runner, some in wanted.items()}
    digests: dict[int, set[str]] = {}
    with TemporaryDirectory(prefix="bertdata-scale-", dir=given.folder) as name:
        dumps = {}
        for n in sorted({n for some in wanted.values() for n in some}):
            path = Path(name) / str(n)
            dumps[n] = path, repeat_in_parts(given.wikipedia, path, n)
        for _ in range(given.rounds):
            for runner, times in ((runner, n) for runner, some in wanted.items() for n in turns(some, given.turns)):
                options = ["--workers", "2", *more, *(["--shuffle", "engine"] if "shuffle" in runner else [])]
                output = Path(name) / f"corpus-{time.monotonic_ns()}"
                run = run_build(runner.split(",")[0], dumps[times], output, options, jar)
                digests.setdefault(times, set()).add(digest(output))
                shutil.rmtree(output)
                runs[runner][times].append(run)
                show_run(runner, times, run)
    watches = (run.watch for by_size in runs.values() for some in by_size.values() for run in some)
    print(f"\nCPU seconds {tell_as_counted_where_quiet(watches)}.")
    for runner, by_size in runs.items():
        if by_size:
            show_rows(runner, by_size)
    flat = [show_fit(runner, by_size) for runner, by_size in runs.items() if len(by_size) > 1]
    same = all(len(each) == 1 for each in digests.values())
    print("The bytes are the same." if same else "The bytes differ.")
    return 0 if same and all(flat) else 1


if __name__ == "__main__":
    sys.exit(main())
