"""What the supervised runner costs, beside Beam's stock runner and a bare process pool: `python benchmarks/runner.py`.

Three questions: what a step pays before its first task (wall and CPU seconds, parent and workers together), what a
task pays, and how long a run goes on after something went wrong. Each engine runs in a process of its own, in turn.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil

ENGINES = ("bertdata", "stock", "pool")


def double(n: int) -> int:
    """The least task: what remains is the runner."""
    return 2 * n


def cpu_seconds() -> float:
    """CPU seconds of this process, its living descendants and all that they waited for."""
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    return sum(sum(process.cpu_times()[:4]) for process in processes)


def run_bertdata(tasks: list[int], workers: int) -> list[int]:
    """Run tasks as a step does."""
    from pipelines.runner import RunOptions, run_tasks

    return run_tasks(double, tasks, RunOptions(workers), lambda counters: None)


def run_stock(tasks: list[int], workers: int) -> list[int]:
    """Run the same graph on Beam's FnApi runner with its own worker processes."""
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    from pipelines.tasks import Fold, RunTasks, write_result

    options = PipelineOptions([f"--direct_num_workers={workers}", "--direct_running_mode=multi_processing"])
    with TemporaryDirectory() as folder, beam.Pipeline(runner=FnApiRunner(), options=options) as pipeline:
        results = pipeline | RunTasks(lambda n: [2 * n], tasks, workers, folder)
        folded = results | beam.CombineGlobally(Fold(list.__add__)).without_defaults()
        _ = folded | beam.Map(write_result, f"{folder}/result")
    return []


def run_pool(tasks: list[int], workers: int) -> list[int]:
    """Run tasks in a bare pool of spawned processes: no Beam, no supervision."""
    import multiprocessing

    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        return pool.map(double, tasks, chunksize=1)


def measure(engine: str, num_tasks: int) -> list[tuple[float, float]]:
    """Return wall and CPU seconds of three runs in this process: of 2 tasks, of 2 again, and of `num_tasks`."""
    run: Callable[[list[int], int], list[int]] = globals()[f"run_{engine}"]
    found = []
    for size in (2, 2, num_tasks):
        wall, cpu = time.perf_counter(), cpu_seconds()
        run(list(range(size)), 2)
        found.append((time.perf_counter() - wall, cpu_seconds() - cpu))
    return found


def in_own_process(*arguments: str) -> list[list[float]]:
    """Run this script's own measurement in a fresh process."""
    command = [sys.executable, __file__, "--measure", *arguments]
    output = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout
    return json.loads(output.splitlines()[-1])


def show_costs(repeats: int, num_tasks: int) -> None:
    """Print start-up and cost per task of the engines, interleaved; medians."""
    runs: dict[str, list[list[list[float]]]] = {engine: [] for engine in ENGINES}
    for _ in range(repeats):
        for engine in ENGINES:
            runs[engine].append(in_own_process(engine, str(num_tasks)))
    print(f"{'2 workers':10} {'first run':>19} {'each later run':>19} {'a task':>15}")
    for engine, measured in runs.items():
        (wall, cpu), (later, later_cpu), _ = np.median(measured, axis=0)
        task = np.median([(run[2][1] - run[1][1]) / num_tasks for run in measured])
        costs = f"{wall:7.2f} s {cpu:5.2f} CPU {later:7.2f} s {later_cpu:5.2f} CPU {task * 1e6:8.0f} µs CPU"
        print(f"{engine:10} {costs}")


def show_ends() -> None:
    """Print how long after a mishap the run has ended, with another worker in a C call that holds the GIL."""
    from pipelines.runner import RunOptions, run_tasks

    def work(task: tuple[int, str, str]) -> None:
        number, mishap, path = task
        if number == 0:
            sum(range(10**11))
        time.sleep(0.5)
        Path(path).write_text(str(time.monotonic()))
        if mishap == "error":
            raise ValueError("no")
        if mishap == "kill -9":
            os.kill(os.getpid(), signal.SIGKILL)
        sum(range(10**11))

    def interrupt(path: Path) -> None:
        while not path.exists() or not path.read_text():
            time.sleep(0.01)
        path.write_text(str(time.monotonic()))
        os.kill(os.getpid(), signal.SIGINT)

    run_bertdata([1, 2], 2)
    with TemporaryDirectory() as folder:
        for mishap in ("error", "kill -9", "Ctrl-C"):
            path = Path(folder) / mishap
            if mishap == "Ctrl-C":
                threading.Thread(target=interrupt, args=(path,), daemon=True).start()
            try:
                run_tasks(work, [(number, mishap, str(path)) for number in range(2)], RunOptions(2))
            except (Exception, KeyboardInterrupt) as error:
                seconds = time.monotonic() - float(path.read_text())
                print(f"{mishap:8}: {type(error).__name__} after {seconds:.2f} s")


def show_memory(num_tasks: int) -> None:
    """Print what many small results add to the parent."""
    run_bertdata([1, 2], 2)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run_bertdata(list(range(num_tasks)), 2)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"parent: {before / 1024:.0f} MiB with Beam, {after / 1024:.0f} MiB at most during {num_tasks:,} tasks")
    for child in psutil.Process().children(recursive=True):
        memory = child.memory_full_info()
        print(f"the process that forks: {memory.rss >> 20} MiB resident, {memory.uss >> 20} MiB its own")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--tasks", type=int, default=20_000)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        engine, num_tasks = arguments.measure
        print(json.dumps(measure(engine, int(num_tasks))))
        return
    show_costs(arguments.repeats, arguments.tasks)
    show_ends()
    show_memory(10_000)


if __name__ == "__main__":
    main()
