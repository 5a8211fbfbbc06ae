"""Cost by size, direct and on Spark: `python benchmarks/scale.py --wikipedia DUMP [--times 1 4 16]`.

Builds a corpus from the dump named 1, 4, 16 … times, with two workers on this machine and on a Spark cluster of two
executors that is started for it, and prints CPU seconds by step (everything that the build or the cluster started is
counted, Java too), the largest process, the driver's memory, and the fit: seconds to start, seconds a MB of XML. Fails
(exit 1) where the two runners' bytes differ.
"""

from __future__ import annotations

import argparse
import bz2
import hashlib
import os
import subprocess
import sys
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tools" / "clusters"))
import spark_cluster  # noqa: E402

MARK = "BERTDATA_SCALE"  # In the environment of all that is measured, however it came to be.
SAMPLE_SECONDS = 0.2


@dataclass
class Watch:
    """CPU seconds by step, and the largest RSS, of all processes that have the mark in their environment."""

    mark: str
    step: str = "start"
    cpu: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    largest: int = 0
    driver: int = 0
    driver_pid: int = 0
    _seen: dict[tuple[int, float], float] = field(default_factory=dict)
    _ours: dict[tuple[int, float], bool] = field(default_factory=dict)

    def sample(self) -> None:
        """Read every process once; what one did in its last fifth of a second is missed."""
        for process in psutil.process_iter(["pid", "create_time"]):
            key = (process.info["pid"], process.info["create_time"])
            try:
                if key not in self._ours:
                    self._ours[key] = process.environ().get(MARK) == self.mark
                if not self._ours[key]:
                    continue
                times, rss = process.cpu_times(), process.memory_info().rss
            except psutil.Error:
                continue
            used = times.user + times.system
            self.cpu[self.step] += max(0.0, used - self._seen.get(key, 0.0))
            self._seen[key] = used
            self.largest = max(self.largest, rss)
            if key[0] == self.driver_pid:
                self.driver = max(self.driver, rss)

    def run(self, done: threading.Event) -> None:
        """Sample until `done`."""
        while not done.wait(SAMPLE_SECONDS):
            self.sample()


def build(watch: Watch, sources: list[str], output: Path, options: list[str]) -> float:
    """Run a build under the watch and return its wall seconds."""
    arguments = ["build-corpus", "--wikipedia", *sources, "--output", str(output), *options]
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", *arguments], cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
        text=True,
    )  # fmt: skip
    watch.driver_pid, watch.step = process.pid, "extract"
    following = iter(["vocab", "tokens", "examples", "manifest"])
    lines = []
    assert process.stderr is not None
    for line in process.stderr:
        lines.append(line)
        if " in " in line and line.rstrip().endswith(" s"):
            watch.step = next(following)
    if process.wait():
        sys.exit("".join(lines))
    return time.monotonic() - began


def measure(runner: str, sources: list[str], output: Path, options: list[str], folder: Path) -> tuple[Watch, float]:
    """Build once with what the runner needs and return what was seen."""
    mark = f"{os.getpid()}-{output.name}"
    os.environ[MARK] = mark
    watch, done = Watch(mark), threading.Event()
    try:
        if runner == "spark":
            state = spark_cluster.up(folder / f"cluster-{output.name}", 0)
            options = [*options, "--runner", "spark", "--spark-master", state["master"]]
        thread = threading.Thread(target=watch.run, args=(done,))
        thread.start()
        seconds = build(watch, sources, output, options)
    finally:
        done.set()
        spark_cluster.down(folder / f"cluster-{output.name}")
    thread.join()
    return watch, seconds


def digest(folder: Path) -> str:
    """Return one hash of all files of a corpus but its records and manifest."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and relative.parts[0] in ("documents", "rejected", "vocab", "tokens", "shards"):
            total.update(str(relative).encode() + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def main() -> None:
    """Build at each size with each runner, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wikipedia", type=Path, required=True)
    parser.add_argument("--times", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--runners", nargs="+", default=["direct", "spark"], choices=["direct", "spark"])
    parser.add_argument("--vocab-size", default="30522")
    given = parser.parse_args()
    size = len(bz2.decompress(given.wikipedia.read_bytes())) / 1e6
    jar = subprocess.run(
        [ROOT / "tools" / "clusters" / "job_server_jar.sh", "spark"], check=True, capture_output=True, text=True
    ).stdout.strip()
    totals: dict[str, list[float]] = {runner: [] for runner in given.runners}
    with TemporaryDirectory() as name:
        for times in given.times:
            sources = [f"copy{n:03d}={given.wikipedia.absolute()}" for n in range(times)]
            digests = set()
            for runner in given.runners:
                output = Path(name) / f"{runner}-{times}"
                options = ["--workers", "2", "--vocab-size", given.vocab_size]
                options += ["--spark-job-server-jar", jar] if runner == "spark" else []
                watch, seconds = measure(runner, sources, output, options, Path(name))
                digests.add(digest(output))
                totals[runner].append(sum(watch.cpu.values()))
                steps = ", ".join(
                    f"{step} {watch.cpu[step]:.1f}" for step in ("extract", "vocab", "tokens", "examples")
                )
                print(
                    f"{runner:6} {times:3} times {size * times:7.1f} MB: {totals[runner][-1]:7.1f} CPU s ({steps}), "
                    f"{seconds:6.1f} s, largest process {watch.largest // 10**6} MB, driver {watch.driver // 10**6} MB",
                    flush=True,
                )
            if len(digests) > 1:
                sys.exit("The bytes differ.")
    for runner, seen in totals.items():
        if len(seen) > 1:
            slope, start = np.polyfit([size * n for n in given.times], seen, 1)
            print(f"{runner}: {start:.1f} CPU s to start, then {slope:.3f} CPU s a MB of XML")


if __name__ == "__main__":
    main()
