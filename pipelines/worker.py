"""The process that holds Beam ready and forks workers from itself.

Importing Beam costs 1.6 CPU seconds. It is paid once per build, here, instead of by every worker of every step: a
fork takes milliseconds, and the workers share the imported pages. Nothing below starts a thread before the fork, nor
a gRPC object, which starts some (the one that pyarrow's allocator has knows of forks). Both this process and its
workers die with their parent, even inside a long C call.

The parent writes JSON lines on a socket (`start`, `kill`), and is told of every worker's end (`exited`).
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from typing import Any, NoReturn

from pipelines.early import import_early

_IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_PDEATHSIG = 1


def main(fd: int, parent: int) -> NoReturn:
    """Serve the parent on socket `fd` until it closes it or dies."""
    die_with_parent(parent)
    for number in _IGNORED:  # Ctrl-C reaches the whole terminal group; when to stop is the parent's business.
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _IGNORED)
    import_early()
    Forker(socket.socket(fileno=fd)).serve()
    os._exit(0)


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when the thread that started it ends, and end now if `parent` is gone.

    Elsewhere than on Linux a thread looks once in half a second, which a C call that holds the GIL delays.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    else:
        threading.Thread(target=_watch_parent, args=(parent,), daemon=True).start()
    if os.getppid() != parent:
        os._exit(1)


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


class Forker:
    """Forks workers on request, and reports how each ended."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._pid = os.getpid()
        self._workers: dict[int, str] = {}
        self._woken, self._wake = wake_when_a_child_ends()

    def serve(self) -> None:
        """Answer requests until the parent closes the connection; then kill what is left."""
        pending = b""
        while True:
            ready, _, _ = select.select([self._connection.fileno(), self._woken], [], [])
            if self._woken in ready:
                os.read(self._woken, 4096)
                self._reap()
            if self._connection.fileno() in ready:
                data = self._connection.recv(1 << 16)
                if not data:
                    break
                *lines, pending = (pending + data).split(b"\n")
                for line in lines:
                    self._answer(json.loads(line))
        for pid in self._workers:
            os.kill(pid, signal.SIGKILL)

    def _answer(self, request: dict[str, Any]) -> None:
        if request["request"] == "start":
            pid = os.fork()
            if pid == 0:
                self._become_worker(request)
            self._workers[pid] = request["worker"]
            self._report(event="started", worker=request["worker"], pid=pid)
        else:
            for pid, worker in self._workers.items():
                if worker == request["worker"]:
                    os.kill(pid, signal.SIGKILL)

    def _reap(self) -> None:
        for pid, returncode in ended_children():
            if worker := self._workers.pop(pid, None):
                self._report(event="exited", worker=worker, pid=pid, returncode=returncode)

    def _report(self, **event: Any) -> None:
        self._connection.sendall(json.dumps(event).encode() + b"\n")

    def _become_worker(self, request: dict[str, Any]) -> NoReturn:
        """Turn this fork into a Beam worker: own log file, the parent's present environment, path and folder."""
        code = 1
        try:
            die_with_parent(self._pid)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for fd in (self._connection.fileno(), self._woken, self._wake):
                os.close(fd)
            send_output_to(request["log"])
            os.environ.clear()
            os.environ.update(request["environment"])
            sys.path[:] = request["path"]
            os.chdir(request["folder"])
            _run_harness()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            with contextlib.suppress(Exception):
                sys.stderr.flush()
            os._exit(code)


def wake_when_a_child_ends() -> tuple[int, int]:
    """Return the ends of a pipe: the first has something to read when a child of this process has ended."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    return woken, wake


def ended_children() -> Iterator[tuple[int, int]]:
    """Yield the process id and the exit code (negative: the signal) of each child that has ended."""
    with contextlib.suppress(ChildProcessError):
        while (end := os.waitpid(-1, os.WNOHANG))[0]:
            yield end[0], os.waitstatus_to_exitcode(end[1])


def send_output_to(log: str) -> None:
    """Append what this process says to the file `log`."""
    fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    os.close(fd)


def _run_harness() -> None:
    import logging

    from apache_beam.runners.worker import sdk_worker_main

    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr, force=True)
    sdk_worker_main.main([])
