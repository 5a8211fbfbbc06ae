"""Which engine runs a step, and how: the one door from a step to Beam, which is imported behind it."""

from __future__ import annotations

import contextlib
import heapq
import math
import operator
import pickle
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bertdata.errors import require
from pipelines import progress
from pipelines.early import importing
from pipelines.problems import restore_error
from pipelines.scratch import scratch_folder
from pipelines.spawner import warm_spawner

if TYPE_CHECKING:
    import apache_beam as beam

T = TypeVar("T")
R = TypeVar("R")
OnProgress = Callable[[dict[str, int]], None]

RUNNERS = ("direct", "spark", "flink", "dataflow")
SHUFFLES = ("files", "engine")
_OURS: tuple[str, ...] = ("--runner", "--direct_num_workers", "--direct_running_mode", "--job_endpoint")
_OURS += ("--environment_type", "--environment_config", "--environment_cache_millis")
_OURS += ("--spark_master_url", "--spark_job_server_jar", "--flink_master", "--flink_job_server_jar")


def _say_nothing(line: str) -> None:
    pass


@dataclass(frozen=True)
class RunOptions:
    """How a pipeline runs; nothing here changes a byte of its output.

    On an engine `workers` is how many of its cores to use at most, 0 for all it gives; `master` and `job_server_jar`
    say where it is and what speaks to it. `say` gets single lines for the user; `log_dir` is for the runner's own
    output, which `verbose` says too; `work_dir`, in the folder of the build, is what an engine's workers read and
    write. `shuffle` says how examples are gathered: by range reads of files, or by the engine. `step` is what an
    engine shows a pipeline as, and `seconds` about how long its tasks take, one after the other.

    Raises OptionError for a number of workers below 1, an unknown engine, and Beam arguments that
    bertdata sets itself.
    """

    workers: int
    runner: str = "direct"
    beam_args: tuple[str, ...] = ()
    log_dir: str | None = None
    work_dir: str | None = None
    progress_seconds: float = 0.25
    master: str | None = None
    job_server_jar: str | None = None
    say: Callable[[str], None] = _say_nothing
    verbose: bool = False
    shuffle: str = "files"
    step: str = "survey"
    seconds: float = math.inf

    def __post_init__(self) -> None:
        least = 1 if self.runner == "direct" else 0
        require(self.workers >= least, f"--workers is {self.workers}; it must be at least {least}.")
        require(self.runner in RUNNERS, f"--runner is {self.runner!r}; it must be one of {', '.join(RUNNERS)}.")
        require(self.shuffle in SHUFFLES, f"--shuffle is {self.shuffle!r}; it must be one of {', '.join(SHUFFLES)}.")
        if self.shuffle == "engine":
            require(
                self.runner != "direct",
                "--shuffle engine needs an engine that shuffles: --runner spark, flink or dataflow.",
            )
        for argument in self.beam_args:
            name = argument.split("=")[0]
            require(name not in _OURS, f"{name} can't be given to Beam; use bertdata's own --runner and --workers.")


def run_pipeline(
    build: Callable[[beam.Pipeline], None], options: RunOptions, on_progress: OnProgress | None = None
) -> dict[str, int]:
    """Build a pipeline, run it to its end and return the final counters (see `pipelines.progress.count`).

    `on_progress` gets the counters so far, every `progress_seconds`, from another thread; what it raises is raised
    at the end. One worker is this very process. An exception in a task comes out as itself, its traceback in a note;
    a worker that dies is a WorkerError. KeyboardInterrupt and SIGTERM end the workers at once.
    """
    with terminating(), scratch_folder() as folder:
        if options.workers > 1:
            warm_spawner()  # It imports Beam while this process does.
        with importing():
            import apache_beam as beam

            from pipelines.local import LocalRunner, parse_beam_args
            from pipelines.local_workers import user_counters

        if options.log_dir:
            Path(options.log_dir).mkdir(parents=True, exist_ok=True)
        runner = LocalRunner(options.workers, str(folder), options.log_dir)
        pipeline = beam.Pipeline(runner=runner, options=parse_beam_args(options.beam_args))
        # Beam's own folder outlives a kill -9, and a pipeline that never runs; ours doesn't.
        Path(pipeline.local_tempdir).rmdir()
        pipeline.local_tempdir = str(folder)
        build(pipeline)
        with progress.collecting() as collected, _originals():
            source = runner.counters if options.workers > 1 else collected.copy
            with ticking(source, on_progress, options.progress_seconds):
                result = pipeline.run()
        counters = user_counters(result.monitoring_infos())
    if on_progress:
        on_progress(counters)
    return counters


@contextlib.contextmanager
def _originals() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if (original := restore_error(error)) is error:
            raise
        raise original from None


@dataclass(frozen=True)
class Gather:
    """What an engine's shuffle brings to tasks: `cut(source)` gives pieces, each with the place of its task.

    The function of the tasks then gets a task and the list of its pieces, in no order. Only engines can do it.
    """

    sources: Sequence[Any]
    cut: Callable[[Any], Iterable[tuple[int, bytes]]]


def run_tasks(
    function: Callable[..., R],
    tasks: Sequence[T],
    options: RunOptions,
    on_progress: OnProgress | None = None,
    gather: Gather | None = None,
) -> list[R]:
    """Return `function(task)` of every task, in their order; results are small, bulk data goes to files.

    >>> run_tasks(abs, [-3, 2], RunOptions(workers=1))
    [3, 2]
    """
    numbered = list(enumerate(tasks))
    if not numbered:
        return []
    # In place, or folding n lists would copy n²/2 entries; the lists are ours.
    results = combine_tasks(Numbered(function), numbered, operator.iadd, options, on_progress, gather)
    return [result for _, result in sorted(results, key=operator.itemgetter(0))]


@dataclass(frozen=True)
class Numbered:
    """A function of tasks that came with their numbers, which its results are put in order by."""

    function: Callable[..., Any]

    def __call__(self, task: tuple[int, Any], *pieces: list[bytes]) -> list[tuple[int, Any]]:
        return [(task[0], self.function(task[1], *pieces))]


def combine_tasks(
    function: Callable[..., R],
    tasks: Sequence[T],
    combine: Callable[[R, R], R],
    options: RunOptions,
    on_progress: OnProgress | None = None,
    gather: Gather | None = None,
) -> R:
    """Return the results of all tasks folded by `combine`, which is associative and commutative.

    Each worker folds its own results, so only as many as there are workers ever meet.

    >>> combine_tasks(abs, [-3, 2], max, RunOptions(workers=1))
    3

    Raises ValueError without tasks.
    """
    if not tasks:
        raise ValueError("There is no task, so there is nothing to combine.")
    if options.runner != "direct":
        from pipelines.sessions import combine_on_engine

        return combine_on_engine(function, tasks, combine, options, on_progress, gather)
    options = replace(options, workers=min(options.workers, len(tasks)))
    with scratch_folder() as folder:
        path = str(folder / "result")

        def build(pipeline: beam.Pipeline) -> None:
            from pipelines.tasks import RunTasks, fold_tasks

            fold_tasks(pipeline, RunTasks(function, tasks, options.workers, str(folder)), combine, path)

        run_pipeline(build, options, on_progress)
        result: tuple[R] = pickle.loads(Path(path).read_bytes())
    return result[0]


def largest_first(tasks: Sequence[T], size: Callable[[T], float], workers: int) -> list[T]:
    """Order tasks so that dealing them in turn to `workers` gives each an even share, its largest first.

    Largest first to the least loaded, as long as that worker has turns left. Of tasks of one size each gets neighbours:
    slices of a dump share the block at their border, which a worker decodes once.

    >>> largest_first([1, 2, 3, 9, 4, 5], lambda n: n, workers=2)
    [9, 5, 3, 4, 1, 2]
    >>> largest_first(["a", "b", "c", "d"], len, workers=2)
    ['a', 'c', 'b', 'd']
    """
    hands: list[list[T]] = [[] for _ in range(workers)]
    turns = [(len(tasks) - worker + workers - 1) // workers for worker in range(workers)]
    loads = [(0.0, worker) for worker in range(workers) if turns[worker]]
    for task in sorted(tasks, key=size, reverse=True):
        load, worker = heapq.heappop(loads)
        hands[worker].append(task)
        if len(hands[worker]) < turns[worker]:
            heapq.heappush(loads, (load + size(task), worker))
    alike: dict[float, deque[T]] = {}
    for task in tasks:
        alike.setdefault(size(task), deque()).append(task)
    hands = [[alike[size(task)].popleft() for task in hand] for hand in hands]
    return [hands[at % workers][at // workers] for at in range(len(tasks))]


@contextlib.contextmanager
def terminating() -> Iterator[None]:
    """Have SIGTERM and SIGHUP unwind like Ctrl-C (exit codes 143, 129) unless the program handles or ignores them."""

    def leave(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    ours = []
    if threading.current_thread() is threading.main_thread():
        ours = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def ticking(source: Callable[[], dict[str, int]], on_progress: OnProgress | None, seconds: float) -> Iterator[None]:
    if on_progress is None:
        yield
        return
    done = threading.Event()
    problems: list[Exception] = []

    def tick() -> None:
        try:
            while not done.wait(seconds):
                on_progress(source())
        except Exception as problem:
            problems.append(problem)

    thread = threading.Thread(target=tick, name="bertdata-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    if problems:
        raise problems[0]
