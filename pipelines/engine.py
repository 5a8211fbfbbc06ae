"""Pipelines on an engine of other machines, through Beam's job server: what Spark and Flink have in common.

One job server, and so one application of the engine, serves all pipelines of a build: starting one costs seconds.
"""

from __future__ import annotations

import importlib.metadata
import json
import math
import platform
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bertdata.errors import BuildError
from bertdata.files import remove_folder
from bertdata.manifest import versions
from bertdata.store import StorePath
from pipelines import engine_boot
from pipelines.attempts import (
    MOST_ATTEMPTS,
    RunFolders,
    describe_tries,
    find_error,
    find_hopeless,
    find_refusal,
    has_workers,
    read_counters,
)
from pipelines.job_server import JobServer
from pipelines.notes import describe_task
from pipelines.problems import WorkerError
from pipelines.spawner import ONE_CORE

if TYPE_CHECKING:
    import apache_beam as beam

    from pipelines.engine_submit import Job

_POLL_SECONDS, _STORE_POLL_SECONDS = 0.25, 5.0
_STILLBORN = re.compile(r"Lost task.*Process died with exit code (\d+)")
_JAVA_NAME = re.compile(r"(?:[a-z]\w*\.)+[A-Z][\w$]*(?:Exception|Error): ?")
_NO_BOOT = re.compile(r'Cannot run program "([^"]*/(?:boot|bertdata-engine-worker))".*error=\d+')
# From the first task sent to the first Python worker: until the user hears of it, and until the run ends of it.
SECONDS_TO_WORRY, SECONDS_TO_GIVE_UP = 60.0, 600.0


class Engine(Protocol):
    """What one kind of engine says of itself; its constructor has checked all that can be checked beforehand."""

    @property
    def name(self) -> str:
        """Return the engine's name."""

    @property
    def where(self) -> str:
        """Return its address."""

    @property
    def outlives_driver(self) -> bool:
        """Return whether it goes on with a job whose job server is gone."""

    @property
    def resubmissions(self) -> int:
        """Return how often a failed job is worth sending again: not where the engine itself tries tasks again."""

    def command(self, num_bundles: int, folder: Path) -> list[str]:
        """Return the job server's command line, for a build whose first step is best cut into so many bundles.

        What it reads beside its options is written to `folder`.
        """

    def environment(self) -> dict[str, str]:
        """Return what the job server's environment has beside this process's."""

    def pipeline_options(self) -> list[str]:
        """Return Beam's options for this engine."""

    def sends_tasks(self, line: str) -> bool:
        """Tell whether a line says that executors have been sent work."""

    @property
    def when_silent(self) -> str:
        """Return why executors that have work might start no Python worker, as a sentence for the user."""

    def page(self, line: str) -> str | None:
        """Return the address of the engine's page where a line of the job server's output has it."""

    def remark(self, line: str) -> str | None:
        """Return what the user should hear of a line that doesn't end the run."""

    def problem(self, line: str) -> str | None:
        """Return the problem that a line stands for, in one line for the user."""


# What a bundle costs an engine beside its tasks is then lost in them.
_SECONDS_A_BUNDLE = 2.0


def num_bundles(num_tasks: int, seconds: float) -> int:
    """Return how many bundles an engine should make of tasks that take so many seconds, one after the other.

    >>> num_bundles(200, 80.0), num_bundles(20, 80.0), num_bundles(3, 0.0)
    (40, 20, 1)
    """
    return min(num_tasks, max(1, math.ceil(seconds / _SECONDS_A_BUNDLE))) if math.isfinite(seconds) else num_tasks


class Session(RunFolders):
    """One build on an engine: its job server, started with the first pipeline, and its folder beside the build."""

    def __init__(
        self, engine: Engine, work_dir: Path, log_dir: Path | None, say: Callable[[str], None], verbose: bool
    ) -> None:
        super().__init__(work_dir)
        self._engine, self._work_dir, self._say, self._verbose = engine, work_dir, say, verbose
        self._log_dir = log_dir or Path(tempfile.mkdtemp(prefix="bertdata-logs-"))
        self._keeps_logs = log_dir is not None
        self._server: JobServer | None = None
        self._problem: str | None = None
        self._stillborn = 0
        self._sent: float | None = None
        self._heard_of_workers = False
        self._said: set[str] = set()

    def close(self, *, at_once: bool) -> None:
        """End the job server; after a problem `at_once`, which ends what runs on the engine too."""
        if self._server is not None:
            self._server.stop(at_once=at_once)
        self.remove_folders()
        if not self._keeps_logs and not at_once:
            remove_folder(self._log_dir)

    def run(
        self,
        build: Callable[[beam.Pipeline], None],
        beam_args: Sequence[str],
        folder: Path,
        tasks: Sequence[Any],
        on_progress: Callable[[dict[str, int]], None] | None,
        step: str = "tasks",
        seconds: float = math.inf,
    ) -> dict[str, int]:
        """Run a pipeline to its end and return its counters; `tasks` are what its attempts are numbered by.

        They take some `seconds`, one after the other.

        Raises what a task raised; WorkerError where a task's workers always die, or the engine gives up; BuildError
        where the engine can't be reached, or a worker's versions differ.
        """
        server = self._started(num_bundles(len(tasks), seconds), beam_args)
        from pipelines.engine_submit import submit

        arguments = [f"--job_name=bertdata-{step}", *self._engine.pipeline_options(), *beam_args]
        boot, environment = str(self._boot()), self._worker_environment(folder)
        for left in range(self._engine.resubmissions, -1, -1):
            job = submit(build, server.endpoint() or "", arguments, boot, environment)
            if not (problem := self._follow(job, folder, tasks, on_progress)):
                return read_counters(folder)
            if left:
                self._say(f"{self._engine.name} lost its job ({_shortened(problem)}): sent again for what is left.")
        raise self._failure(problem, describe_tries(folder, tasks))

    def _follow(
        self, job: Job, folder: Path, tasks: Sequence[Any], on_progress: Callable[[dict[str, int]], None] | None
    ) -> str:
        """Wait for a job's end, and return the engine's problem with it, if any."""
        try:
            while not (state := job.state()).over:
                self._look(folder, tasks)
                if on_progress:
                    on_progress(read_counters(folder))
                time.sleep(_STORE_POLL_SECONDS if isinstance(folder, StorePath) else _POLL_SECONDS)
        except BaseException:
            if self._engine.outlives_driver:
                job.cancel()
            raise
        if not state.succeeded:
            self._look(folder, tasks)
        return "" if state.succeeded else job.error()

    def _started(self, num_bundles: int, beam_args: Sequence[str]) -> JobServer:
        if self._server is None:
            for left in self._work_dir.glob("engine-*"):
                if left != self._folder:  # Of a driver that was killed: this one holds the lock on the build.
                    remove_folder(left)
            self._log_dir.mkdir(parents=True, exist_ok=True)
            command = self._engine.command(num_bundles, self._log_dir)
            log = self._log_dir / f"{self._engine.name.lower()}.log"
            self._server = JobServer(command, self._engine.environment(), log, self._hear)
            if self._server.endpoint() is None:
                raise self._failure("its job server did not start")
        return self._server

    def _hear(self, line: str) -> None:
        if self._verbose:
            self._say(f"{self._engine.name}: {line}")
        self._problem = self._problem or self._engine.problem(line)
        if match := _NO_BOOT.search(line):
            self._problem = self._problem or self._describe_missing(Path(match[1]))
        if self._sent is None and self._engine.sends_tasks(line):
            self._sent = time.monotonic()
        if match := _STILLBORN.search(line):
            self._stillborn += 1
            if self._stillborn >= MOST_ATTEMPTS:
                self._problem = self._problem or (
                    f"Python workers end as soon as {self._engine.name} starts them, with exit code {match[1]}: "
                    f"what they said is in {self._folder}."
                )
        page = self._engine.page(line)
        self._tell(page and f"{self._engine.name}'s own page: {page}")
        self._tell(self._engine.remark(line))

    def _describe_missing(self, boot: Path) -> str:
        if isinstance(self._folder, StorePath):
            return f"A {self._engine.name} worker has no {boot}: install bertdata there, at the same path as here."
        return (
            f"A {self._engine.name} worker can't see {boot.parent.parent.parent}: --output must be on a file system "
            "that all workers have, at the same path, or in an object store."
        )

    def _tell(self, line: str | None) -> None:
        if line and line not in self._said:
            self._said.add(line)
            self._say(line)

    def _look(self, folder: Path, tasks: Sequence[Any]) -> None:
        """Raise where the run can't succeed any more."""
        if error := find_error(folder):
            raise error
        if refusal := find_refusal(folder):
            raise BuildError(f"{refusal} Install the same version of bertdata on every worker.")
        if self._problem:
            raise BuildError(self._problem)
        self._look_for_workers(folder)
        if hopeless := find_hopeless(folder):
            number, words = hopeless
            what = f": {words}" if words else ", as happens when memory runs out"
            raise WorkerError(f"Every worker that took up {describe_task(tasks[number])} died on it{what}.")
        if self._server is not None and self._server.returncode is not None:
            raise self._failure("its driver process ended")

    def _look_for_workers(self, folder: Path) -> None:
        """Worry, and in the end raise, where work has been sent and no Python worker of the build was ever started."""
        self._heard_of_workers = self._heard_of_workers or has_workers(folder)
        if self._heard_of_workers or self._sent is None:
            return
        seconds = time.monotonic() - self._sent
        line = f"No executor of {self._engine.where} has started a Python worker yet. {self._engine.when_silent}"
        if seconds > SECONDS_TO_GIVE_UP:
            raise BuildError(line)
        if seconds > SECONDS_TO_WORRY:
            self._tell(line)

    def _failure(self, what: str, tries: str = "") -> Exception:
        if self._problem:
            return BuildError(self._problem)
        said = f"{_shortened(what)}{tries}"
        log = self._server.log if self._server else self._log_dir
        return WorkerError(
            f"{self._engine.name} at {self._engine.where} gave up: {said} (its log: {log}). What is finished is kept: "
            "run the same command again."
        )

    def _boot(self) -> Path:
        """Return the executable that an engine starts a Python worker by, written on first use.

        Nothing in a store can be executed: there it is a script that is installed with bertdata.
        """
        if isinstance(self._folder, StorePath):
            return Path(sys.executable).with_name("bertdata-engine-worker")
        boot = self._folder / "boot"
        if not boot.exists():
            script = boot.with_name("engine_boot.py")
            shutil.copyfile(str(engine_boot.__file__), script)
            boot.write_text(_BOOT.format(python=_quoted(sys.executable), script=_quoted(str(script))))
            boot.chmod(0o755)
        return boot

    def _worker_environment(self, folder: Path) -> dict[str, str]:
        here = {"BERTDATA_RUN": str(folder), "BERTDATA_CWD": str(Path.cwd())}
        return {**ONE_CORE, **here, "BERTDATA_VERSIONS": json.dumps(worker_versions()), "no_grpc_proxy": "*"}


def _shortened(text: str) -> str:
    """Return the begin of what Java says, without the names of its classes."""
    return " ".join(_JAVA_NAME.sub("", text).split())[:300]


# Java can start one executable file, so this one starts Python with the script beside it.
_BOOT = """#!/bin/sh
if [ ! -x {python} ]; then
    echo "The worker on $(hostname) has no" {python} "as this machine has." >"$BERTDATA_RUN/refusals/$(hostname)-$$"
    exit 1
fi
exec {python} -P {script} "$@"
"""


def _quoted(path: str) -> str:
    return "'" + path.replace("'", "'\\''") + "'"


def worker_versions() -> dict[str, str]:
    """Return the versions that a worker must have: whatever output bytes depend on, and what the two sides speak."""
    wanted = {
        "bertdata": importlib.metadata.version("bertdata"),
        "apache-beam": importlib.metadata.version("apache-beam"),
    }
    return {**wanted, **versions(), "python": ".".join(platform.python_version_tuple()[:2])}
