"""The engine of a build: checked before work starts, started with the first pipeline, ended with the build."""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bertdata.errors import require
from pipelines.runner import Numbered, OnProgress, RunOptions, terminating

if TYPE_CHECKING:
    import apache_beam as beam

    from pipelines.engine import Engine, Session

T = TypeVar("T")
R = TypeVar("R")

_open: list[Session] = []


@contextlib.contextmanager
def engine_session(options: RunOptions) -> Iterator[None]:
    """Keep one engine for all pipelines in the block; the direct runner needs none.

    Raises OptionError and BuildError for whatever can be known to be wrong before work starts.
    """
    if options.runner == "direct":
        yield
        return
    from pipelines.engine import Session

    require(options.log_dir, "An engine needs a folder for its logs that its workers see too.")
    session = Session(_engine(options), Path(str(options.log_dir)), options.say, options.verbose)
    _open.append(session)
    at_once = True
    try:
        with terminating():
            yield
        at_once = False
    finally:
        _open.remove(session)
        session.close(at_once=at_once)


def _engine(options: RunOptions) -> Engine:
    from pipelines.local import parse_beam_args
    from pipelines.spark import spark_engine

    given: dict[str, Any] = parse_beam_args(options.beam_args).get_all_options()
    return spark_engine(
        options.master, options.job_server_jar, options.workers, given.get("job_server_jvm_properties") or ()
    )


def combine_on_engine(
    function: Callable[[T], R],
    tasks: Sequence[T],
    combine: Callable[[R, R], R],
    options: RunOptions,
    on_progress: OnProgress | None = None,
) -> R:
    """Do as `combine_tasks` does, on the engine of the session that is open, or of one for this run alone."""
    if not _open:
        with engine_session(options):
            return combine_on_engine(function, tasks, combine, replace(options), on_progress)
    from pipelines.attempts import Attempt

    session = _open[-1]
    named = [task[1] for task in tasks] if isinstance(function, Numbered) else tasks  # type: ignore[index]
    with session.new_folder() as folder:
        path = folder / "result"

        def build(pipeline: beam.Pipeline) -> None:
            from pipelines.tasks import fold_tasks

            fold_tasks(pipeline, Attempt(function, str(folder)), list(enumerate(tasks)), combine, str(path))

        counters = session.run(build, options.beam_args, folder, named, on_progress)
        result: tuple[R] = pickle.loads(path.read_bytes())
    if on_progress:
        on_progress(counters)
    return result[0]
