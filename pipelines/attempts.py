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
from bertdata.files import publish, remove_folder
from bertdata.store import StorePath, as_path
from pipelines.notes import describe_task, noting, take_note
from pipelines.problems import carry_error, restore_error
from pipelines.progress import collecting

T = TypeVar("T")
R = TypeVar("R")

# A task that failed this often failed by itself: that the same one meets four lost workers is all but impossible.
MOST_ATTEMPTS = 4
_SECONDS_BETWEEN_COUNTERS, _SECONDS_BETWEEN_PUTS = 1.0, 10.0
RUNNING, ERRORS, REFUSALS, COUNTERS, LOGS = "running", "errors", "refusals", "counters", "logs"


class RunFolders:
    """Folders beside a build that its workers see too, one a run, all in one of this session's own."""

    def __init__(self, work_dir: Path) -> None:
        self._folder = work_dir / f"engine-{os.urandom(4).hex()}"
        self._num_runs = 0

    @contextlib.contextmanager
    def new_folder(self) -> Iterator[Path]:
        """Give a folder for one run."""
        self._num_runs += 1
        folder = self._folder / str(self._num_runs)
        try:
            make_folders(folder)
            yield folder
        finally:
            remove_folder(folder)

    def remove_folders(self) -> None:
        """Remove them all."""
        remove_folder(self._folder)


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
        with _marked(folder, number):
            try:
                result = self.function(task)
            except Exception as error:
                if isinstance(error, BertdataError) or len(marks(folder, number)) >= MOST_ATTEMPTS:
                    write_whole(folder / ERRORS / str(number), f"{carry_error(error)} {error!a}")
                raise
        if _counter_file is not None:
            _counter_file.write()
        return result


@contextlib.contextmanager
def _marked(folder: Path, number: int) -> Iterator[None]:
    """Leave a mark of an attempt, which goes, with those of all earlier ones, where it succeeds.

    In a store only its own goes, for it costs two requests a task so, and not three.
    """
    own = folder / RUNNING / f"{number}.{os.urandom(4).hex()}"
    write_whole(own, f"{worker_name()} {os.environ.get('BERTDATA_ENGINE_PID', '')}")
    if isinstance(folder, StorePath):
        with noting(own.name):  # Who stands for the worker adds its last words, which are on its machine.
            yield
        with contextlib.suppress(OSError, BertdataError):
            own.unlink(missing_ok=True)
        return
    yield
    for each in marks(folder, number):
        each.unlink(missing_ok=True)


def mark_death(folder: Path, log: str) -> None:
    """Add to the mark of the attempt that a worker died in, if it was at one, what its log says of that."""
    if (name := take_note(log)) and (words := _words_of(Path(log))):
        write_whole(folder / RUNNING / name, f"{worker_name()} {os.environ.get('BERTDATA_ENGINE_PID', '')}\n{words}")


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
    number, tries = most_tried(folder)
    if tries <= MOST_ATTEMPTS:  # One more may be running now.
        return None
    return number, last_words(folder, number)


def most_tried(folder: Path) -> tuple[int, int]:
    """Return the number of the task of which most attempts didn't end, and how many those are."""
    names = [path.name for path in (folder / RUNNING).iterdir() if not path.name.startswith(".")]
    tries = Counter(int(name.split(".")[0]) for name in names)
    return max(tries.items(), key=lambda item: item[1], default=(0, 0))


def describe_tries(folder: Path, tasks: Sequence[Any]) -> str:
    """Say of which task several attempts never ended, as the end of a sentence on a run that failed; nothing of one."""
    number, tries = most_tried(folder)
    return f"; {tries} attempts at {describe_task(tasks[number])} never ended" if tries > 1 else ""


def last_words(folder: Path, number: int) -> str:
    """Return what the watch on pages said in the logs of the workers that died on a task."""
    for path in marks(folder, number):
        with contextlib.suppress(OSError):
            who, *said = path.read_text(encoding="utf-8").split("\n")
            if words := "".join(said) or _words_of(folder / LOGS / who.split()[0]):
                return words
    return ""


def _words_of(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line for line in lines if "this is a bug" in line), "")
