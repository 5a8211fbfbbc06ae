"""The parent's side of `pipelines.worker`: workers started, killed and watched, by name."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

_SCRIPT = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); import pipelines.worker as w; w.main({}, {})"

# A worker has one core: its libraries' own threads would only compete with the other workers.
ONE_CORE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
ONE_CORE |= {"TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}

OnExit = Callable[[int, int], None]  # called with the worker's pid and return code


class Spawner:
    """A process that forks workers; it and they die with this one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._on_exit: dict[str, OnExit] = {}
        self._ended = False
        self.last_words = ""
        self._connection, self._theirs = socket.socketpair()
        # The kernel ties the process to the thread that starts it, so that thread stays and watches.
        threading.Thread(target=self._run, name="bertdata-spawner", daemon=True).start()

    @property
    def alive(self) -> bool:
        """Whether workers can still be started."""
        return not self._ended

    def start(self, worker: str, environment: dict[str, str], log: str, on_exit: OnExit) -> None:
        """Start a worker; `on_exit(pid, returncode)` is called, in another thread, once it has ended."""
        with self._lock:
            self._on_exit[worker] = on_exit
        everything = {**os.environ, **ONE_CORE, **environment}
        here = {"path": sys.path, "folder": str(Path.cwd())}
        self._send(request="start", worker=worker, log=log, environment=everything, **here)
        if self._ended:
            self._report_end(-signal.SIGKILL)

    def kill(self, worker: str) -> None:
        """Kill a worker that may have ended already."""
        self._send(request="kill", worker=worker)

    def close(self) -> None:
        """End the process, and its workers with it."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def _send(self, **request: Any) -> None:
        with contextlib.suppress(OSError):  # It has died: `_report_end` tells whoever waits.
            self._connection.sendall(json.dumps(request).encode() + b"\n")

    def _run(self) -> None:
        # Blocked signals stay blocked in the child until it ignores them: none can hit it before.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
        script = _SCRIPT.format(self._theirs.fileno(), os.getpid())
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", script, json.dumps(sys.path)],
                env={**os.environ, **ONE_CORE},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[self._theirs.fileno()],
            )
            self._theirs.close()
            with contextlib.suppress(OSError):
                for line in self._connection.makefile("rb"):
                    self._hear(json.loads(line))
            returncode = process.wait()
            self.last_words = last_line(output)
        self._ended = True
        self._report_end(returncode)

    def _hear(self, event: dict[str, Any]) -> None:
        if event["event"] == "exited":
            with self._lock:
                on_exit = self._on_exit.pop(event["worker"], None)
            if on_exit:
                on_exit(event["pid"], event["returncode"])

    def _report_end(self, returncode: int) -> None:
        with self._lock:
            left, self._on_exit = list(self._on_exit.values()), {}
        for on_exit in left:
            on_exit(0, returncode)


def last_line(file: BinaryIO) -> str:
    """Return the last line of text at the end of `file`: of a traceback, the exception."""
    file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
    lines = file.read().decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


_shared: Spawner | None = None
_shared_lock = threading.Lock()


def warm_spawner() -> Spawner:
    """Return the process's spawner, started if need be: it imports Beam while the caller goes on."""
    global _shared
    with _shared_lock:
        if _shared is None or not _shared.alive:
            _shared = Spawner()
        return _shared
