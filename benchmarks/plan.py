"""How right `bertdata plan` is: a plan from a sample beside the build of the whole, on each input.

    OMP_NUM_THREADS=1 python benchmarks/plan.py --wikipedia DUMP… --books FOLDER… --text FILE… [--times 4]

Each input alone, and with `--together` all of them; a dump's pages are repeated with new ids and titles as often as
`--times` says. Times are CPU seconds of one process, so that a busy machine changes them least; starting processes is
left out of both. Plan and build take turns, `--rounds` times, and the medians are compared. Fails (exit 1) where CPU
seconds, bytes on disk or peak memory are off by more than a quarter.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.dumps import repeat_dump
from benchmarks.watch import MARK, Watch

ROOT = Path(__file__).resolve().parent.parent
BERTDATA = [sys.executable, "-m", "cli.main"]
ALLOWED = 0.25


def folder_bytes(folder: Path) -> int:
    """Return the bytes of the steps' own folders."""
    steps = ("documents", "rejected", "vocab", "tokens", "shards")
    return sum(p.stat().st_size for name in steps for p in (folder / name).rglob("*") if p.is_file())


def plan(sources: list[str], sample: str, more: list[str]) -> dict[str, Any]:
    """Return what `bertdata plan` says, its CPU seconds at the pace of a machine at rest."""
    command = [*BERTDATA, "plan", *sources, "--workers", "1", "--sample-size", sample, "--json", *more]
    watch = Watch("plan")
    with watch.looking():
        told = dict(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))
    for cost in [*told["steps"].values(), told]:
        for name in ("cpu_seconds", "serial_seconds", "fixed_seconds"):
            cost[name] = cost.get(name, 0.0) / watch.pace()
    return told


def build(sources: list[str], folder: Path, more: list[str]) -> tuple[dict[str, float], dict[str, float]]:
    """Build with one process and return its CPU seconds, bytes on disk and peak memory; and CPU seconds by step."""
    os.environ[MARK] = folder.name
    watch = Watch(folder.name)
    command = [*BERTDATA, "build-corpus", *sources, "--workers", "1", "--output", str(folder), *more]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    watch.driver, watch.step = process.pid, "extract"
    assert process.stderr is not None
    with watch.looking():
        for line in process.stderr:
            if " in " in line and line.rstrip().endswith((" s", " min")):
                watch.end_step()
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"build-corpus {' '.join(sources)} ended with status {status}")
    found = {
        "cpu_seconds": (usage.ru_utime + usage.ru_stime) / watch.pace() - start_up(),
        "bytes_written": folder_bytes(folder),
        "peak_memory": usage.ru_maxrss * 1024,
    }
    return found, {step: watch.cost(step) for step in ("extract", "vocab", "tokens", "examples", "manifest")}


def start_up() -> float:
    """Return the CPU seconds of what `bertdata plan` takes as starting: loading, and a first pipeline without work."""
    return statistics.median(_start_once() for _ in range(3))


def _start_once() -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    loaded = (
        "from pipelines.early import leave_out_pandas\n"
        "leave_out_pandas()\n"
        "import cli.building, matplotlib.figure, nanotoken, pipelines.build_corpus, sentencex, tokenizers\n"
        "from pipelines.runner import RunOptions, run_tasks\n"
        "run_tasks(abs, [1], RunOptions(1))"
    )
    watch = Watch("start")
    with watch.looking():
        subprocess.run([sys.executable, "-c", loaded], check=True, cwd=ROOT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / watch.pace()


def median_of(rounds: list[dict[str, float]]) -> dict[str, float]:
    """Return the median of each figure."""
    return {name: statistics.median(each.get(name, 0.0) for each in rounds) for name in rounds[0]}


def planned_figures(told: dict[str, Any]) -> dict[str, float]:
    """Return what a plan foretells, CPU seconds by step among it."""
    found = {name: float(told[name]) for name in ("cpu_seconds", "bytes_written", "peak_memory", "fixed_seconds")}
    for step, cost in told["steps"].items():
        name = step.split("-")[0]
        found[name] = found.get(name, 0.0) + cost["cpu_seconds"] + cost["serial_seconds"]
    return found


def compare(name: str, sources: list[str], folder: Path, given: argparse.Namespace, more: list[str]) -> bool:
    """Plan and build an input in turns, print the medians beside each other, and tell whether they are near enough."""
    plans, builds, steps = [], [], []
    for n in range(given.rounds):
        told = plan(sources, given.sample_size, more)
        plans.append(planned_figures(told))
        real, by_step = build(sources, folder.with_name(f"{folder.name}-{n}"), more)
        shutil.rmtree(folder.with_name(f"{folder.name}-{n}"))
        builds.append(real)
        steps.append(by_step)
    planned, built, by_step = median_of(plans), median_of(builds), median_of(steps)
    print(f"{name}: from {told['sampled_bytes'] / told['input_bytes']:.0%} of {told['input_bytes'] / 1e6:,.1f} MB")
    right = True
    for figure, value in built.items():
        ratio = planned[figure] / value
        right = right and abs(ratio - 1) <= ALLOWED
        print(f"  {figure:14} planned {planned[figure]:14,.1f}   built {value:14,.1f}   {ratio:5.2f} x")
    told_steps = (f"{step} {planned.get(step, 0.0):.1f} of {seconds:.1f}" for step, seconds in by_step.items())
    print(
        f"  by step, what starting costs ({start_up():.1f}) in the first, planned apart "
        f"{planned['fixed_seconds']:.1f}: {', '.join(told_steps)}",
        flush=True,
    )
    return right


def main() -> int:
    """Plan and build every input."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wikipedia", type=Path, nargs="*", default=[])
    parser.add_argument("--books", type=Path, nargs="*", default=[])
    parser.add_argument("--text", type=Path, nargs="*", default=[])
    parser.add_argument("--times", type=int, default=4)
    parser.add_argument("--sample-size", default="8MB")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--together", action="store_true", help="all inputs in one build, too")
    given, more = parser.parse_known_args()  # All other options are those of plan and build-corpus.
    with TemporaryDirectory(prefix="bertdata-plan-benchmark-") as temporary:
        inputs: dict[str, list[str]] = {}
        for n, dump in enumerate(given.wikipedia):
            repeated = Path(temporary) / f"{n}{dump.name}"
            repeat_dump(dump, repeated, given.times)
            inputs[dump.name.split("-")[0]] = ["--wikipedia", str(repeated)]
        for path in given.books:
            inputs[path.name] = ["--books", str(path)]
        for path in given.text:
            inputs[path.name] = ["--text", str(path)]
        if given.together:
            inputs["together"] = [word for sources in inputs.values() for word in sources]
        right = [
            compare(name, sources, Path(temporary) / f"corpus{n}", given, more)
            for n, (name, sources) in enumerate(inputs.items())
        ]
    return 0 if all(right) else 1


if __name__ == "__main__":
    sys.exit(main())
