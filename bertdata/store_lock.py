"""The lock on a folder in a store: an object that its holder keeps rewriting, and that nobody rewrites once it died."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from bertdata.errors import BuildError
from bertdata.store import StorePath, no_bucket
from bertdata.store_calls import call

# Who waits sees four renewals, or none: no clock but its own is needed, so clocks may differ.
WAIT_SECONDS, _RENEW_SECONDS = 10.0, 2.5
# After taking a dead holder's lock: longer than another one needs to take it too.
_SETTLE_SECONDS = 1.0
# A store whose answers take longer than a lock lasts is asked so often; then the last answer counts.
_MAX_LOOKS = 3
# Goes on while the machine sleeps, where there is such a clock.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
# The locks of this process by their folders: those it holds, and those of the builds whose tasks it does.
_known: dict[StorePath, _Lock] = {}


def _now() -> float:
    return time.clock_gettime(_CLOCK)


class _Lock:
    """A lock as one process knows it: its holder rewrites it, who works for the holder reads it."""

    def __init__(self, path: StorePath, owner: str, is_held: bool) -> None:
        self.path, self.owner, self.is_held = path, owner, is_held
        self.lost, self.seen = threading.Event(), _now() if is_held else -math.inf
        self._number, self._alone = 0, threading.Lock()

    @property
    def is_stale(self) -> bool:
        """Whether it was seen so long ago that another may have taken it; a worker asks more often than it must."""
        return _now() - self.seen > (WAIT_SECONDS if self.is_held else WAIT_SECONDS / 2)

    def look(self) -> bool:
        """Read the lock, rewrite it if it is held, and return whether it turns out to be lost: another's, or gone.

        One that is gone though it was seen of late was removed by hand. After a longer pause, as of a process that was
        stopped, or a laptop that slept, another build may have taken it, and finished.
        """
        with self._alone:
            found, asked = "", -math.inf
            for _ in range(_MAX_LOOKS):
                asked = _now()
                found = _read(self.path)
                if _now() - asked <= WAIT_SECONDS:  # An answer before a pause says nothing after it.
                    break
            if not found.startswith(self.owner) and (found or self.is_stale):
                is_new = not self.lost.is_set()
                self.lost.set()
                return is_new
            if self.is_held:
                self._number += 1
                _write(self.path, f"{self.owner} {self._number}")
            self.seen = asked
            return False


def check_lock(path: StorePath) -> None:
    """Raise BuildError where the build that `path` belongs to lost its lock, which is read if it wasn't seen of late.

    To be called before anything of a build is written: a process that was stopped goes on wherever it was.
    """
    lock = next((_known[folder] for folder in (path, *path.parents) if folder in _known), None)
    if lock is not None:
        if lock.is_stale and not lock.lost.is_set():
            lock.look()
        if lock.lost.is_set():
            raise _taken(lock.path)


def lock_owner(folder: Path) -> str:
    """Return the words by which the lock that this process has on a folder is known; none of a folder on a disk."""
    lock = _known.get(folder) if isinstance(folder, StorePath) else None
    return lock.owner if lock else ""


def work_for(path: Path, owner: str) -> None:
    """Have `check_lock` know whose lock `path` is, in a process that does tasks of the build that holds it."""
    if isinstance(path, StorePath) and owner and lock_owner(path.parents[1]) != owner:
        _known[path.parents[1]] = _Lock(path, owner, is_held=False)


@contextlib.contextmanager
def hold(path: StorePath) -> Iterator[None]:
    """Hold the lock object `path`; while it is held, a thread rewrites it every 2.5 seconds.

    Raises BuildError where another holder renews it, or (from inside the block too) where another took it because
    this process couldn't renew it for ten seconds.
    """
    owner = f"{socket.gethostname()} {os.getpid()} {os.urandom(8).hex()}"
    lock, ended = _Lock(path, owner, is_held=True), threading.Event()
    _acquire(path, owner)
    _known[path.parents[1]] = lock
    thread = threading.Thread(
        target=_renew, args=(lock, ended, threading.get_ident()), name="bertdata-lock", daemon=True
    )
    thread.start()
    try:
        yield
        # Where the shell has interrupts ignored (a job in the background of a script), nobody was woken.
        check_lock(path)
    except KeyboardInterrupt:
        if lock.lost.is_set():
            raise _taken(path) from None
        raise
    finally:
        ended.set()
        thread.join()
        _known.pop(path.parents[1], None)
        if not lock.lost.is_set() and _read(path).startswith(owner):
            path.unlink(missing_ok=True)


def _taken(path: StorePath) -> BuildError:
    return BuildError(
        f"Another build took {path.parents[1]} over, since this one didn't renew its lock for "
        f"{WAIT_SECONDS:.0f} seconds: wait for it to end, then run the same command again."
    )


def _acquire(path: StorePath, owner: str) -> None:
    seen, patience = None, time.monotonic() + WAIT_SECONDS
    while not _create(path, owner):
        now = _read(path)
        if now.startswith(owner):  # The answer to our own PUT was lost, and its driver tried again.
            return
        if seen is not None and now and now != seen:
            raise BuildError(
                f"Another build is at work in {path.parents[1]} ({now.split()[0]}, process {now.split()[1]}): "
                "wait for it to end, or choose another --output."
            )
        seen = now or seen
        if time.monotonic() > patience:
            path.unlink(missing_ok=True)
            if _create(path, owner):
                time.sleep(_SETTLE_SECONDS)
            if not _read(path).startswith(owner):
                raise BuildError(f"Another build began in {path.parents[1]}: wait for it to end.")
            return
        time.sleep(0.5)


def _create(path: StorePath, owner: str) -> bool:
    """Make the lock unless there is one; where a store can't do that in one request, who came first finds out later."""
    if _read(path):
        return False
    try:
        call(path, lambda fs, key: fs.pipe_file(key, f"{owner} 0".encode(), mode="create"))
        return True
    except FileExistsError:
        return False
    except FileNotFoundError as error:
        raise no_bucket(path, error) from error


def _write(path: StorePath, content: str) -> None:
    call(path, lambda fs, key: fs.pipe_file(key, content.encode()))


def _read(path: StorePath) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


def _renew(lock: _Lock, ended: threading.Event, holder: int) -> None:
    while not ended.wait(_RENEW_SECONDS) and not lock.lost.is_set():
        # A store that doesn't answer is met by the build itself, which says so.
        with contextlib.suppress(Exception):
            if lock.look():
                # A signal to the thread: `_thread.interrupt_main` wakes nobody who waits for a worker.
                signal.pthread_kill(holder, signal.SIGINT)
