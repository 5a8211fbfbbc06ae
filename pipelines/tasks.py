"""Tasks as a Beam transform: each element once through a function, spread evenly over the workers."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import apache_beam as beam
from apache_beam.metrics import Metrics

from bertdata.files import publish
from pipelines.notes import describe_task, noting
from pipelines.problems import call_carried
from pipelines.progress import NAMESPACE, use_counters

T = TypeVar("T")
R = TypeVar("R")


class RunTasks(beam.PTransform, Generic[T, R]):  # type: ignore[misc]
    """Call `function` once per task; its exceptions come out of `run_pipeline` as themselves.

    Tasks are dealt to the workers in their order, one by one (`largest_first` makes that even). Exactly one Reshuffle
    follows `Create`: without it all tasks run in one worker, and Spark can't recover its last stage.
    """

    def __init__(self, function: Callable[[T], R], tasks: Sequence[T]) -> None:
        super().__init__()
        self._function, self._tasks = function, tasks

    def expand(self, begin: Any) -> Any:
        tasks = begin | beam.Create(self._tasks, reshuffle=False) | beam.Reshuffle()
        return tasks | "Call" >> beam.Map(call_noted, self._function)


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


def fold_tasks(
    pipeline: beam.Pipeline, function: Callable[[T], R], tasks: Sequence[T], combine: Callable[[R, R], R], path: str
) -> None:
    """Put `function` of all tasks, folded by `combine`, at the end of a pipeline, where `path` gets the result."""
    results = pipeline | RunTasks(function, tasks)
    _ = results | beam.CombineGlobally(Fold(combine)).without_defaults() | beam.Map(write_result, path)


def write_result(result: Any, path: str) -> None:
    """Write the pickled result of a pipeline where its caller reads it."""
    with publish(path) as temporary:
        Path(temporary).write_bytes(pickle.dumps(result))


@functools.cache
def _counter(name: str) -> Any:
    return Metrics.counter(NAMESPACE, name)


use_counters(lambda name, n: _counter(name).inc(n))
