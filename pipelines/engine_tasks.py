"""Tasks as a Beam pipeline for engines of other machines: the graph names a file that holds them.

So the graph's size doesn't depend on their number (Dataflow takes 10 MB), and neither does that of the function.
"""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import apache_beam as beam
from apache_beam.internal import pickler

from bertdata.files import publish
from bertdata.store import as_path
from pipelines.attempts import Attempt
from pipelines.problems import call_carried
from pipelines.runner import Gather
from pipelines.tasks import Fold, write_result

R = TypeVar("R")
_FUNCTIONS, _TASKS, _RESULT = "functions", "tasks", "result"
RESULTS_A_PART = 1000


def write_work(folder: str, function: Callable[..., Any], tasks: Sequence[Any], gather: Gather | None) -> list[Any]:
    """Write what workers read of a run, and return all that they attempt, by number: the sources of `gather` first."""
    sources = list(gather.sources) if gather else []
    with publish(as_path(folder) / _FUNCTIONS) as path:
        path.write_bytes(pickler.dumps((function, gather and gather.cut)))
    with publish(as_path(folder) / _TASKS) as path:
        path.write_bytes(pickle.dumps((sources, list(tasks))))
    return [*sources, *tasks]


def read_result(folder: str) -> Any:
    """Return what a run of `run_on_engine` came to: what all results were folded into, or the list of them."""
    path = as_path(folder) / _RESULT
    if path.is_file():
        return pickle.loads(path.read_bytes())[0]
    parts = (pickle.loads(part.read_bytes()) for part in as_path(folder).glob(f"{_RESULT}-*"))
    return [result for part in parts for result in part]


def run_on_engine(pipeline: beam.Pipeline, folder: str, combine: Callable[[R, R], R] | None, *, gathers: bool) -> None:
    """Put the work that was written to `folder` into a pipeline, its results folded by `combine`.

    Without `combine` results are numbered, and go to files of a thousand each: those of a hundred thousand tasks in
    one element would be more than an executor of 1 GB can hand on. With `gathers`, the engine's shuffle brings each
    task the pieces that the sources are cut into. Exactly one Reshuffle, straight after an ordered source: with none,
    or a second one, Spark can't recover its last stage.
    """
    begin = pipeline | beam.Create([folder], reshuffle=False)
    attempted = begin | "List" >> beam.FlatMap(list_work) | beam.Reshuffle()
    if gathers:
        pieces = attempted | "Cut" >> beam.FlatMap(attempt, folder)
        results = pieces | beam.GroupByKey() | "Gather" >> beam.Map(attempt_gathered, folder)
    else:
        results = attempted | "Call" >> beam.Map(attempt, folder)
    if combine is None:
        parts = results | "Number" >> beam.FlatMap(by_part) | "Part" >> beam.GroupByKey()
        _ = parts | "Keep" >> beam.Map(write_part, folder)
    else:
        folded = results | beam.CombineGlobally(Fold(combine)).without_defaults()
        _ = folded | beam.Map(write_result, str(as_path(folder) / _RESULT))


def by_part(results: list[tuple[int, Any]]) -> Iterator[tuple[int, tuple[int, Any]]]:
    """Yield numbered results with the number of the file that they go to.

    >>> list(by_part([(999, "a"), (1000, "b")]))
    [(0, (999, 'a')), (1, (1000, 'b'))]
    """
    return ((number // RESULTS_A_PART, (number, result)) for number, result in results)


def write_part(part: tuple[int, Iterable[tuple[int, Any]]], folder: str) -> None:
    """Write a file of numbered results where the driver reads it; it may be written twice."""
    number, results = part
    with publish(as_path(folder) / f"{_RESULT}-{number:05d}") as path:
        path.write_bytes(pickle.dumps(list(results)))


def list_work(folder: str) -> Iterator[tuple[int, Any]]:
    """Yield what is attempted first, numbered: the sources, or without any the tasks."""
    sources, tasks = _read_tasks(folder)
    yield from enumerate(sources or tasks)


def attempt(numbered: tuple[int, Any], folder: str) -> Any:
    """Return what the function makes of a task, or the numbered pieces of a source."""
    return call_carried(numbered, Attempt(functools.partial(_work, folder), folder))


def _work(folder: str, task: Any) -> Any:
    # Read here, so that what can't be loaded is a problem of the attempt, and is told as one.
    function, cut = _read_functions(folder)
    return _Cut(cut, folder)(task) if cut else function(task)


def attempt_gathered(gathered: tuple[int, Iterable[bytes]], folder: str) -> Any:
    """Return what the function makes of a task and all its pieces."""
    number, pieces = gathered
    sources, tasks = _read_tasks(folder)
    work = functools.partial(_work_on_pieces, folder, pieces)
    return call_carried((len(sources) + number, tasks[number]), Attempt(work, folder))


def _work_on_pieces(folder: str, pieces: Iterable[bytes], task: Any) -> Any:
    return _read_functions(folder)[0](task, [piece for piece in pieces if piece])


class _Cut:
    """Cuts a source into numbered pieces; the first also gives each task an empty one, so that none is missed."""

    def __init__(self, cut: Callable[[Any], Iterable[tuple[int, bytes]]], folder: str) -> None:
        self._cut, self._folder = cut, folder

    def __call__(self, source: Any) -> list[tuple[int, bytes]]:
        sources, tasks = _read_tasks(self._folder)
        empty = [(number, b"") for number in range(len(tasks))] if source == sources[0] else []
        return [*empty, *self._cut(source)]


@functools.lru_cache(maxsize=1)
def _read_functions(folder: str) -> tuple[Callable[..., Any], Callable[[Any], Any] | None]:
    functions: tuple[Callable[..., Any], Any] = pickler.loads((as_path(folder) / _FUNCTIONS).read_bytes())
    return functions


@functools.lru_cache(maxsize=1)
def _read_tasks(folder: str) -> tuple[list[Any], list[Any]]:
    lists: tuple[list[Any], list[Any]] = pickle.loads((as_path(folder) / _TASKS).read_bytes())
    return lists
