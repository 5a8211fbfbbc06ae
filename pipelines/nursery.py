"""Python workers of an engine's process, forked from one that holds Beam ready.

An engine wants a new Python worker for every pipeline on every executor, and Beam's import costs 2 CPU seconds each
time. So the first that an executor starts leaves a process behind that has imported all, and forks the worker of each
pipeline; what the engine starts and watches (`engine_boot`) only stands for that fork: it ends when the fork does, and
its end kills the fork. The nursery ends with the executor, and all its forks with it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import socket
import sys
import time
import traceback
from pathlib import Path
from typing import Any, NoReturn

from pipelines.early import import_early
from pipelines.scratch import short_temporary_folder
from pipelines.worker import die_with_parent, ended_children, send_output_to, wake_when_a_child_ends

_SECONDS_TO_GROW = 120.0
_SECONDS_BETWEEN_LOOKS = 0.5


def stand_for_worker(engine: int, request: dict[str, Any]) -> int:
    """Have the nursery of the process `engine` fork a worker, and return how that ended: 0, or what it died of."""
    with connected(engine) as connection:
        connection.sendall(json.dumps(request).encode() + b"\n")
        answer = connection.makefile("rb").readline()
    return int(answer or 1)  # 1 where the nursery went first.


def connected(engine: int) -> socket.socket:
    """Return a connection to the nursery of the process `engine`, which is begun if need be.

    Raises TimeoutError.
    """
    folder = nursery_folder(engine)
    end = time.monotonic() + _SECONDS_TO_GROW
    while time.monotonic() < end:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(folder / "socket"))
            return connection
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
        if not _is_growing(folder) and os.fork() == 0:
            _grow(folder, engine)
        time.sleep(0.02)
    raise TimeoutError(f"{folder} has no nursery after {_SECONDS_TO_GROW:.0f} s")


def nursery_folder(engine: int) -> Path:
    """Return the folder of the nursery of the process `engine`, which is this user's alone, and goes with it.

    Raises PermissionError where somebody else has it.
    """
    folder = short_temporary_folder() / f"bertdata-workers-{os.getuid()}-{engine}-{began(engine)}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else")
    return folder


def began(pid: int) -> str:
    """Return when a process started (in the kernel's ticks): with its id, what no other process shares.

    Elsewhere than on Linux that it is there; nothing where it has ended.
    """
    try:
        if sys.platform != "linux":
            os.kill(pid, 0)
            return "there"
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        return ""


def _is_growing(folder: Path) -> bool:
    """Tell whether a process holds the folder, for it is or becomes the nursery."""
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _grow(folder: Path, engine: int) -> NoReturn:
    try:
        os.setsid()
        lock = (folder / "lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # Raises where another was faster.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        import_early("pipelines.engine_worker")
        Nursery(folder, engine).serve()
    except BlockingIOError:
        pass
    except BaseException:
        traceback.print_exc()
    os._exit(0)


class Nursery:
    """Forks workers on request until its engine is gone."""

    def __init__(self, folder: Path, engine: int) -> None:
        self._folder, self._engine, self._began, self._pid = folder, engine, began(engine), os.getpid()
        self._workers: dict[int, socket.socket] = {}
        self._waiting: dict[socket.socket, bytes] = {}
        path = folder / "socket"
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        self._woken, self._wake = wake_when_a_child_ends()

    def serve(self) -> None:
        """Answer requests; return when the engine's process has ended."""
        while began(self._engine) == self._began:
            sources = [s.fileno() for s in (self._listener, *self._waiting, *self._workers.values())]
            ready, _, _ = select.select([*sources, self._woken], [], [], _SECONDS_BETWEEN_LOOKS)
            if self._woken in ready:
                os.read(self._woken, 4096)
                self._reap()
            for pid, source in self._workers.items():
                if source.fileno() in ready:  # The stand-in has gone: the engine wants this worker no more.
                    os.kill(pid, signal.SIGKILL)
            for source in [s for s in self._waiting if s.fileno() in ready]:
                self._hear(source)
            if self._listener.fileno() in ready:
                self._waiting[self._listener.accept()[0]] = b""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _hear(self, source: socket.socket) -> None:
        data = source.recv(1 << 16)
        self._waiting[source] += data
        if not data:
            del self._waiting[source]
            source.close()
        elif data.endswith(b"\n"):
            request = json.loads(self._waiting.pop(source))
            pid = os.fork()
            if pid == 0:
                self._become_worker(request)
            self._workers[pid] = source

    def _reap(self) -> None:
        for pid, returncode in ended_children():
            source = self._workers.pop(pid, None)
            if source is not None:
                with contextlib.suppress(OSError):
                    source.sendall(b"%d\n" % (returncode & 0xFF))
                source.close()

    def _become_worker(self, request: dict[str, Any]) -> NoReturn:
        code = 1
        try:
            die_with_parent(self._pid)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for source in (self._listener, *self._waiting, *self._workers.values()):
                source.close()
            for fd in (self._woken, self._wake):
                os.close(fd)
            send_output_to(request["log"])
            os.environ.clear()
            os.environ.update(request["environment"])
            from pipelines.engine_worker import work

            work(request["arguments"], request["environment"]["BERTDATA_RUN"])
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            with contextlib.suppress(Exception):
                sys.stderr.flush()
            os._exit(code)
