"""The lock on a folder in a store: an object that its holder keeps rewriting, and that nobody rewrites once it died."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator

from bertdata.errors import BuildError
from bertdata.store import StorePath, no_bucket
from bertdata.store_calls import call

# Who waits sees four renewals, or none: no clock but its own is needed, so clocks may differ.
WAIT_SECONDS, _RENEW_SECONDS = 10.0, 2.5
# After taking a dead holder's lock: longer than another one needs to take it too.
_SETTLE_SECONDS = 1.0


@contextlib.contextmanager
def hold(path: StorePath) -> Iterator[None]:
    """Hold the lock object `path`; while it is held, a thread rewrites it every 2.5 seconds.

    Raises BuildError where another holder renews it, or (from inside the block too) where another took it because
    this process couldn't renew it for ten seconds.
    """
    owner = f"{socket.gethostname()} {os.getpid()} {os.urandom(8).hex()}"
    _acquire(path, owner)
    lost, ended = threading.Event(), threading.Event()
    renewal = (path, owner, lost, ended, threading.get_ident())
    thread = threading.Thread(target=_renew, args=renewal, name="bertdata-lock", daemon=True)
    thread.start()
    try:
        yield
        # Where the shell has interrupts ignored (a job in the background of a script), nobody was woken.
        if lost.is_set():
            raise _taken(path)
    except KeyboardInterrupt:
        if lost.is_set():
            raise _taken(path) from None
        raise
    finally:
        ended.set()
        thread.join()
        if not lost.is_set() and _read(path).startswith(owner):
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


def _renew(path: StorePath, owner: str, lost: threading.Event, ended: threading.Event, holder: int) -> None:
    number = 0
    while not ended.wait(_RENEW_SECONDS):
        number += 1
        # A store that doesn't answer is met by the build itself, which says so.
        with contextlib.suppress(Exception):
            now = _read(path)
            if now and not now.startswith(owner):
                lost.set()
                # A signal to the thread: `_thread.interrupt_main` wakes nobody who waits for a worker.
                signal.pthread_kill(holder, signal.SIGINT)
                return
            _write(path, f"{owner} {number}")
