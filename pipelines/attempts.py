"""What an engine's workers tell the driver beside the engine, in files of a folder that both see.

An engine runs a task again wherever its worker was lost, and says of a task that always fails no more than a stack.
So each attempt leaves a mark while it runs, a problem that another attempt wouldn't cure is written down, and so are
the counters. The driver reads these: it shows progress, ends a hopeless run at once, and names the task.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from bertdata.errors import BertdataError
from bertdata.files import publish
from bertdata.store import StorePath, as_path
from pipelines.problems import carry_error, restore_error
from pipelines.progress import collecting

T = TypeVar("T")
R = TypeVar("R")

# A task that failed this often failed by itself: that the same one meets four lost workers is all but impossible.
MOST_ATTEMPTS = 4
_SECONDS_BETWEEN_COUNTERS, _SECONDS_BETWEEN_PUTS = 1.0, 10.0
RUNNING, ERRORS, REFUSALS, COUNTERS, LOGS = "running", "errors", "refusals", "counters", "logs"


def make_folders(folder: Path) -> None:
    """Make the folders that workers of one run write to; nothing in a store, which has none."""
    if isinstance(folder, StorePath):
        return
    for name in (RUNNING, ERRORS, REFUSALS, COUNTERS, LOGS):
        (folder / name).mkdir(parents=True, exist_ok=True)


@dataclass(frozen=True)
class Attempt(Generic[T, R]):
    """A function of numbered tasks that leaves those marks; it is called in the workers."""

    function: Callable[[T], R]
    folder: str

    def __call__(self, numbered: tuple[int, T]) -> R:
        """Return `function(task)`; what it raises is written down where another attempt would raise it again."""
        number, task = numbered
        folder = as_path(self.folder)
        if isinstance(folder, StorePath):
            return self._without_marks(number, task, folder)
        mark = folder / RUNNING / f"{number}.{os.urandom(4).hex()}"
        mark.write_text(f"{worker_name()} {os.environ.get('BERTDATA_ENGINE_PID', '')}", encoding="utf-8")
        try:
            result = self.function(task)
        except Exception as error:
            if isinstance(error, BertdataError) or len(marks(folder, number)) >= MOST_ATTEMPTS:
                write_whole(folder / ERRORS / str(number), f"{carry_error(error)} {error!a}")
            raise
        for each in marks(folder, number):
            each.unlink(missing_ok=True)
        if _counter_file is not None:
            _counter_file.write()
        return result

    def _without_marks(self, number: int, task: T, folder: StorePath) -> R:
        """Do the same where a mark would cost requests to a store: that the last attempt failed its engine knows."""
        try:
            result = self.function(task)
        except BertdataError as error:
            write_whole(folder / ERRORS / str(number), f"{carry_error(error)} {error!a}")
            raise
        if _counter_file is not None:
            _counter_file.write()
        return result


def marks(folder: Path, number: int) -> list[Path]:
    """Return the marks of a task's attempts that have not succeeded."""
    return list((folder / RUNNING).glob(f"{number}.*"))


def worker_name() -> str:
    """Return a name for this process: its machine and its id."""
    return f"{socket.gethostname()}-{os.getpid()}"


def write_whole(path: Path, text: str) -> None:
    """Write a small file that appears whole; one that can't be written is no reason to fail."""
    if isinstance(path, StorePath):
        with contextlib.suppress(OSError, BertdataError), publish(path) as local:
            local.write_text(text, encoding="utf-8")
        return
    temporary = path.with_name(f".{path.name}.{worker_name()}")
    with contextlib.suppress(OSError):
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)


class CounterFile:
    """A worker's counters in a file that the driver reads, written at most once a second, in a store every ten."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / COUNTERS / worker_name()
        self._seconds = _SECONDS_BETWEEN_PUTS if isinstance(folder, StorePath) else _SECONDS_BETWEEN_COUNTERS
        self._counters: dict[str, int] = {}
        self._written = 0.0

    def __call__(self, counters: dict[str, int]) -> None:
        """Take the counters as they are now."""
        self._counters = counters
        if time.monotonic() - self._written >= self._seconds:
            self.write()

    def write(self) -> None:
        """Write the counters."""
        self._written = time.monotonic()
        write_whole(self._path, json.dumps(self._counters))


_counter_file: CounterFile | None = None


@contextlib.contextmanager
def keeping_counters(folder: Path) -> Iterator[None]:
    """Have this worker's counters written to its file in `folder` while the block lasts."""
    global _counter_file
    _counter_file = CounterFile(folder)
    with collecting(_counter_file):
        yield


def read_counters(folder: Path) -> dict[str, int]:
    """Return the counters of all workers of a run so far, added up; a task that ran twice counts twice."""
    total: Counter[str] = Counter()
    for path in (folder / COUNTERS).iterdir():
        with contextlib.suppress(OSError, ValueError):
            if not path.name.startswith("."):
                total.update(json.loads(path.read_text(encoding="utf-8")))
    return dict(total)


def find_error(folder: Path) -> BaseException | None:
    """Return the problem that a task wrote down as its last, as itself."""
    for path in sorted((folder / ERRORS).iterdir()):
        if not path.name.startswith("."):
            return restore_error(RuntimeError(path.read_text(encoding="utf-8")))
    return None


def find_refusal(folder: Path) -> str | None:
    """Return why a worker would not start, in its words."""
    for path in sorted((folder / REFUSALS).iterdir()):
        if not path.name.startswith("."):
            return path.read_text(encoding="utf-8")
    return None


def has_workers(folder: Path) -> bool:
    """Tell whether any worker of a run was started."""
    return any((folder / LOGS).iterdir())


def find_hopeless(folder: Path) -> tuple[int, str] | None:
    """Return the number of a task whose workers all died on it, and what the last of them said of that, if anything."""
    tries: Counter[int] = Counter()
    for path in (folder / RUNNING).iterdir():
        tries[int(path.name.split(".")[0])] += 1
    number, most = max(tries.items(), key=lambda item: item[1], default=(0, 0))
    if most <= MOST_ATTEMPTS:  # One more may be running now.
        return None
    return number, last_words(folder, number)


def last_words(folder: Path, number: int) -> str:
    """Return what the watch on pages said in the logs of the workers that died on a task."""
    for mark in marks(folder, number):
        with contextlib.suppress(OSError):
            name = mark.read_text(encoding="utf-8").split()[0]
            log = (folder / LOGS / name).read_text(encoding="utf-8", errors="replace")
            for line in log.splitlines():
                if "this is a bug" in line:
                    return line
    return ""


def slice_files(task: Any) -> Sequence[str]:
    """Return the source files that a task reads; none where it reads what an earlier step wrote."""
    files: Sequence[str] = getattr(getattr(task, "payload", task), "files", ())
    return files


def describe_task(task: Any) -> str:
    """Name a task by the files and bytes that it reads."""
    payload, files = getattr(task, "payload", task), slice_files(task)
    if files:
        start, end = payload.start, payload.end
        where = f" from {start:,} to {end:,}" if end > 0 else ""
        return f"{files[0]}{f' and {len(files) - 1} more' if len(files) > 1 else ''}{where}"
    if isinstance(payload, dict) and "path" in payload:
        return str(payload["path"])
    return str(getattr(task, "key", payload))
