"""The engine of a build: checked before work starts, started with the first pipeline, ended with the build."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bertdata.errors import require
from bertdata.store import as_path
from pipelines.runner import Gather, Numbered, OnProgress, RunOptions, terminating

if TYPE_CHECKING:
    import apache_beam as beam

    from pipelines.dataflow import DataflowSession
    from pipelines.engine import Engine, Session

T = TypeVar("T")
R = TypeVar("R")

_open: list[Session | DataflowSession] = []


@contextlib.contextmanager
def engine_session(options: RunOptions) -> Iterator[None]:
    """Keep one engine for all pipelines in the block; the direct runner needs none.

    Raises OptionError and BuildError for whatever can be known to be wrong before work starts.
    """
    if options.runner == "direct":
        yield
        return
    session = _session(options)
    _open.append(session)
    at_once = True
    try:
        with terminating():
            yield
        at_once = False
    finally:
        _open.remove(session)
        session.close(at_once=at_once)


def _session(options: RunOptions) -> Session | DataflowSession:
    require(options.work_dir, f"--runner {options.runner} needs a folder of the build.")
    work_dir = as_path(str(options.work_dir))
    if options.runner == "dataflow":
        from pipelines.dataflow import DataflowSession, dataflow_options

        return DataflowSession(dataflow_options(options.beam_args, work_dir.parent), options.say)
    from pipelines.engine import Session

    log_dir = Path(options.log_dir) if options.log_dir else None
    return Session(_engine(options), work_dir, log_dir, options.say, options.verbose)


def _engine(options: RunOptions) -> Engine:
    from pipelines.local import parse_beam_args

    given: dict[str, Any] = parse_beam_args(options.beam_args).get_all_options()
    properties = given.get("job_server_jvm_properties") or ()
    if options.runner == "flink":
        from pipelines.flink import flink_engine

        return flink_engine(options.master, options.job_server_jar, options.workers, properties)
    from pipelines.spark import spark_engine

    return spark_engine(options.master, options.job_server_jar, options.workers, properties)


def combine_on_engine(
    function: Callable[..., R],
    tasks: Sequence[T],
    combine: Callable[[R, R], R],
    options: RunOptions,
    on_progress: OnProgress | None = None,
    gather: Gather | None = None,
) -> R:
    """Do as `combine_tasks` does, on the engine of the session that is open, or of one for this run alone."""
    if not _open:
        with engine_session(options):
            return combine_on_engine(function, tasks, combine, options, on_progress, gather)
    from pipelines.engine_tasks import read_result, run_on_engine, write_work

    session = _open[-1]
    with session.new_folder() as folder:
        attempted = write_work(str(folder), function, tasks, gather)
        numbered = isinstance(function, Numbered)
        if numbered:
            attempted[len(attempted) - len(tasks) :] = [task[1] for task in tasks]  # type: ignore[index]

        def build(pipeline: beam.Pipeline) -> None:
            run_on_engine(pipeline, str(folder), None if numbered else combine, gathers=gather is not None)

        step, seconds = options.step, options.seconds
        counters = session.run(build, options.beam_args, folder, attempted, on_progress, step, seconds)
        result: R = read_result(str(folder))
    if on_progress:
        on_progress(counters)
    return result
