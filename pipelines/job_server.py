"""Beam's job server for an engine: a Java process that dies with this one, its output under watch."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

# The kernel kills the process when the thread that started it ends; the script becomes Java, and stays tied.
_TIE = """
import ctypes, os, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""
_STARTED = "JobService started on "
_START_SECONDS = 120.0
_SECONDS_TO_LEAVE = 15.0
# A stack of Spark's has some 60 lines; what went wrong stands before the last few of them.
_LINES_KEPT = 400


class JobServer:
    """A job server from its start to its end; its output goes to a file, and line by line to `listen`."""

    def __init__(self, command: Sequence[str], environment: dict[str, str], log: Path, listen: Callable[[str], None]):
        self.log = log
        self.lines: deque[str] = deque(maxlen=_LINES_KEPT)
        self._listen = listen
        self._endpoint = ""
        self._started = threading.Event()
        log.parent.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _TIE, str(os.getpid()), *command],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is this process's business, not Java's.
        )
        self._reader = threading.Thread(target=self._read, name="bertdata-job-server", daemon=True)
        self._reader.start()

    @property
    def returncode(self) -> int | None:
        """How the process ended, or None."""
        return self._process.poll()

    def endpoint(self) -> str | None:
        """Wait for the server to be ready and return its address; None where it ended, or isn't ready in time."""
        end = time.monotonic() + _START_SECONDS
        while not self._started.wait(0.1):
            if self.returncode is not None or time.monotonic() > end:
                return None
        return self._endpoint

    def stop(self, *, at_once: bool = False) -> None:
        """End the process, and so what it runs: with time to take leave of its cluster, or `at_once`."""
        for number in (signal.SIGKILL,) if at_once else (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_SECONDS_TO_LEAVE)
                break
        self._reader.join(_SECONDS_TO_LEAVE)

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        with stream, self.log.open("ab") as log:
            for data in stream:
                with contextlib.suppress(OSError):  # A full disk is told by those who write what matters.
                    log.write(data)
                    log.flush()
                line = data.decode(errors="replace").rstrip()
                self.lines.append(line)
                if _STARTED in line:
                    self._endpoint = line.split(_STARTED)[1].strip()
                    self._started.set()
                self._listen(line)
