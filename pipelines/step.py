"""How every step runs: its tasks through the runner, finished ones skipped, progress told, the record kept."""

from __future__ import annotations

import functools
import math
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from bertdata.files import WORK
from bertdata.steps import Step, missing_files, read_json, write_json
from bertdata.store import StorePath, as_path
from bertdata.store_lock import lock_owner, work_for
from pipelines.runner import Gather, RunOptions, largest_first, run_tasks
from pipelines.spawner import warm_spawner

Result = dict[str, Any]


class Reporter(Protocol):
    """What a build tells while it runs; the command line prints it."""

    def begin(self, step: str, total_bytes: int, num_tasks: int, num_done: int) -> None:
        """Begin a step; `num_done` of its tasks were finished by an earlier run."""

    def update(self, counters: dict[str, int]) -> None:
        """Show the counters of the running step."""

    def end(self, summary: str) -> None:
        """End the running step."""

    def close(self) -> None:
        """End the running step without a word: a problem is about to be told."""

    def skip(self, step: str, why: str) -> None:
        """Say that a step needs no work."""

    def say(self, line: str) -> None:
        """Say one line."""


@dataclass(frozen=True)
class Build:
    """Where a build writes, how it runs, and to whom it tells its progress. Nothing here changes a byte of output."""

    folder: Path
    run: RunOptions
    reporter: Reporter
    force: bool = False
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """One element of a step: `key` names its result file, `payload` is what the step's function takes."""

    key: str
    payload: Any
    num_bytes: int


def met_before(build: Build, step: Step, tell: Callable[[Result], str], are_read: bool = True) -> Result | None:
    """Return the record of a step that is done already, and say so; None where it is to be made.

    One whose files are gone, or were cut, since is made again, if its files `are_read`: from the same input, it gives
    the same bytes.
    """
    record = step.done(force=build.force)
    if record is None:
        return None
    if are_read and (lost := missing_files(build.folder, record["result"])):
        more = f" ({len(lost) - 1:,} more)" if len(lost) > 1 else ""
        build.reporter.say(f"{step.name}: {lost[0]} isn't there as it was written{more}: made again.")
        step.reopen()
        return None
    build.reporter.skip(step.name, f"done before ({tell(record['result'])})")
    return record


def run_step(
    build: Build,
    step: Step,
    tasks: Sequence[Task],
    function: Callable[..., Result],
    bytes_per_second: float,
    gather: Callable[[list[Any]], Gather] | None = None,
) -> list[Result]:
    """Run a step's tasks and return their results in the order of the tasks; those that are finished are not run.

    `function` is importable (workers load it by name) and returns a small dict, kept as JSON beside the other tasks'
    until the step completes; its `files` say what it wrote. `bytes_per_second` is the step's known speed: work of a
    few seconds isn't worth starting processes for. `gather`, given the payloads of the tasks that run, says what an
    engine's shuffle brings them.
    """
    results = _find_finished(build.folder, step.work, tasks)
    todo = [task for task in tasks if results.get(task.key) is None]
    total = sum(task.num_bytes for task in todo)
    build.reporter.begin(step.name, total, len(tasks), len(tasks) - len(todo))
    began = time.monotonic()
    try:
        if todo:
            options = worth_starting(build.run, total, bytes_per_second, len(todo))
            options = replace(options, step=step.name, seconds=total / bytes_per_second)
            ordered = largest_first(todo, _rough_size, _num_hands(options, len(todo)))
            work = functools.partial(
                _run_and_keep, function, str(build.folder), str(step.work), lock_owner(build.folder)
            )
            brought = gather([task.payload for task in ordered]) if gather else None
            fresh = run_tasks(work, ordered, options, build.reporter.update, brought)
            results |= {task.key: result for task, result in zip(ordered, fresh, strict=True)}
    except BaseException:
        build.reporter.close()
        raise
    build.seconds[step.name] = build.seconds.get(step.name, 0.0) + time.monotonic() - began
    return [results[task.key] or {} for task in tasks]


def _num_hands(options: RunOptions, num_tasks: int) -> int:
    """Return to how many a runner deals tasks by turns: its workers, Spark's partitions; 1 where it isn't known."""
    if options.runner == "spark":
        from pipelines.engine import num_bundles
        from pipelines.spark import num_partitions

        return num_partitions(num_bundles(num_tasks, options.seconds))
    return max(1, options.workers) if options.runner in ("direct", "flink") else 1


def _rough_size(task: Task) -> float:
    """Return a task's bytes, rounded to one of four values an octave.

    Slices of files of about one size are then dealt as neighbours, and only at the border of two hands is a block read
    twice; what is uneven in that, workers of one machine settle among themselves.

    >>> [_rough_size(Task("slice", None, size)) == 2.0**22 for size in (3_800_000, 3_900_000, 4_500_000, 4_600_000)]
    [False, True, True, False]
    """
    return math.exp2(round(4 * math.log2(max(1, task.num_bytes))) / 4)


# The first workers of a build cost about 2 CPU seconds (Beam's import), later ones are forked in well under one: below
# some 3 seconds of work, one process wins.
_SECONDS_WORTH_A_WORKER = 3.0


def worth_starting(run: RunOptions, num_bytes: int, bytes_per_second: float, num_tasks: int) -> RunOptions:
    """Return the options with no more workers than the work is worth; an engine that the user named is always worth it.

    BERTDATA_ALWAYS_START_WORKERS in the environment starts them all: tests of small builds need real processes.
    """
    if run.runner != "direct":
        return run
    if os.environ.get("BERTDATA_ALWAYS_START_WORKERS"):
        return replace(run, workers=min(run.workers, num_tasks))
    useful = 1 + int(num_bytes / bytes_per_second / _SECONDS_WORTH_A_WORKER)
    return replace(run, workers=max(1, min(run.workers, useful, num_tasks)))


def warm_workers(run: RunOptions, num_bytes: int, bytes_per_second: float) -> None:
    """Start what forks workers, if a step of so many bytes will want some: it imports Beam while this process plans."""
    if run.runner == "direct" and worth_starting(run, num_bytes, bytes_per_second, run.workers).workers > 1:
        warm_spawner()


def worth_a_survey(run: RunOptions, num_bytes: int, bytes_per_second: float, num_tasks: int) -> RunOptions:
    """Return the options for a look at many files: what takes a moment is done here, whatever the engine."""
    if run.runner != "direct" and num_bytes / bytes_per_second < _SECONDS_WORTH_A_WORKER:
        run = replace(run, runner="direct", workers=1, shuffle="files")
    return worth_starting(run, num_bytes, bytes_per_second, num_tasks)


def _run_and_keep(
    function: Callable[..., Result], folder: str, work: str, owner: str, task: Task, *pieces: list[bytes]
) -> Result:
    work_for(as_path(folder) / WORK / "lock", owner)
    # An engine whose worker was lost sends again what that worker had, finished or not.
    if (kept := _finished(as_path(folder), as_path(work), task)) is not None:
        return kept
    result = function(task.payload, *pieces)
    write_json(as_path(work) / f"{task.key}.json", result)
    return result


# A store answers some fifty questions a second one after the other; below this many, threads aren't worth starting.
_READERS, _WORTH_READERS = 16, 100


def _find_finished(folder: Path, work: Path, tasks: Sequence[Task]) -> dict[str, Result | None]:
    """Return the results that an earlier run left, by the tasks' keys; one listing tells which may be there."""
    kept = {path.stem for path in work.glob("*.json")}
    tasks = [task for task in tasks if task.key in kept]
    look = functools.partial(_finished, folder, work)
    if isinstance(work, StorePath) and len(tasks) > _WORTH_READERS:
        with ThreadPoolExecutor(_READERS) as pool:
            found = list(pool.map(look, tasks))
    else:
        found = [look(task) for task in tasks]
    return {task.key: result for task, result in zip(tasks, found, strict=True)}


def _finished(folder: Path, work: Path, task: Task) -> Result | None:
    """Return the result that an earlier run left, if the files it speaks of are there in their size."""
    result = read_json(work / f"{task.key}.json")
    if result is None:
        return None
    for described in result_files(result):
        path = folder / described["path"]
        if not path.is_file() or path.stat().st_size != described["bytes"]:
            return None
    return dict(result)


def result_files(result: Result) -> list[dict[str, Any]]:
    """Return the descriptions of all files that a task wrote."""
    found: list[dict[str, Any]] = []
    for described in result.get("files", {}).values():
        found += described if isinstance(described, list) else [described]
    return found
