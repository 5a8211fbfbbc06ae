"""Tasks as a Beam transform: each once through a function, spread evenly over the workers of one machine."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import apache_beam as beam
from apache_beam.metrics import Metrics

from bertdata.files import publish
from pipelines.hands import deal_hands, take_tasks
from pipelines.notes import describe_task, noting
from pipelines.problems import call_carried
from pipelines.progress import NAMESPACE, use_counters

T = TypeVar("T")
R = TypeVar("R")


class RunTasks(beam.PTransform, Generic[T, R]):  # type: ignore[misc]
    """Call `function` once per task; its exceptions come out of `run_pipeline` as themselves.

    Each of `workers` takes tasks by turns from `folder` (`pipelines.hands`), its share of `tasks` in their order first
    (`largest_first` makes that even): what the runner deals is who takes them. Exactly one Reshuffle follows `Create`,
    or all would run in one worker.
    """

    def __init__(self, function: Callable[[T], R], tasks: Sequence[T], workers: int, folder: str) -> None:
        super().__init__()
        self._function, self._workers, self._folder = function, workers, folder
        deal_hands(tasks, folder)

    def expand(self, begin: Any) -> Any:
        workers = begin | beam.Create(range(self._workers), reshuffle=False) | beam.Reshuffle()
        return workers | "Call" >> beam.FlatMap(call_taken, self._function, self._workers, self._folder)


def call_taken(worker: int, function: Callable[[T], R], num_workers: int, folder: str) -> Iterator[R]:
    """Yield `function(task)` for each task that worker number `worker` takes."""
    for task in take_tasks(worker, num_workers, folder):
        yield call_noted(task, function)


def call_noted(task: T, function: Callable[[T], R]) -> R:
    """Return `function(task)`, the task noted beside this worker's log meanwhile."""
    payload = task[1] if isinstance(task, tuple) and len(task) == 2 else task  # Numbered by `run_tasks`.
    with noting(describe_task(payload)):
        return call_carried(task, function)


class Fold(beam.CombineFn, Generic[R]):  # type: ignore[misc]
    """Fold results into one with a function of two; each worker folds its own before anything is sent."""

    def __init__(self, combine: Callable[[R, R], R]) -> None:
        self._combine = combine

    def create_accumulator(self) -> tuple[R, ...]:
        return ()

    def add_input(self, accumulator: tuple[R, ...], element: R) -> tuple[R, ...]:
        return (call_carried((accumulator[0], element), self._combine_pair),) if accumulator else (element,)

    def merge_accumulators(self, accumulators: Iterable[tuple[R, ...]]) -> tuple[R, ...]:
        return functools.reduce(self.add_all, accumulators, ())

    def add_all(self, left: tuple[R, ...], right: tuple[R, ...]) -> tuple[R, ...]:
        """Return the fold of two accumulators."""
        return functools.reduce(self.add_input, right, left)

    def _combine_pair(self, pair: tuple[R, R]) -> R:
        return self._combine(*pair)

    def extract_output(self, accumulator: tuple[R, ...]) -> tuple[R, ...]:
        return accumulator


def fold_tasks(pipeline: beam.Pipeline, tasks: RunTasks[T, R], combine: Callable[[R, R], R], path: str) -> None:
    """Put tasks, their results folded by `combine`, at the end of a pipeline, where `path` gets the result."""
    _ = pipeline | tasks | beam.CombineGlobally(Fold(combine)).without_defaults() | beam.Map(write_result, path)


def write_result(result: Any, path: str) -> None:
    """Write the pickled result of a pipeline where its caller reads it."""
    with publish(path) as temporary:
        Path(temporary).write_bytes(pickle.dumps(result))


@functools.cache
def _counter(name: str) -> Any:
    return Metrics.counter(NAMESPACE, name)


use_counters(lambda name, n: _counter(name).inc(n))
