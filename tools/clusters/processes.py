"""Processes of a cluster on this machine: started in a folder, known again by what the folder says, ended by that."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
START_SECONDS = 120
_STATE = "cluster.json"

Process = dict[str, Any]
State = dict[str, Any]


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        return int(sock.getsockname()[1])


def is_taken(port: int) -> bool:
    """Tell whether somebody listens on a port of this machine."""
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=5):
        return True
    return False


def start(folder: Path, name: str, command: Sequence[str], environment: dict[str, str]) -> Process:
    """Start one process, its output in `name`.log, and return what `stop` needs to know it again."""
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return {"name": name, "pid": process.pid, "began": began(process.pid)}


def began(pid: int) -> str:
    """Return when a process started: with its id, what no other process shares."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        return ""


def is_alive(process: Process) -> bool:
    """Tell whether a process of ours runs still: a zombie doesn't, nor does another one that got its id."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(process["pid"], os.WNOHANG)
    return bool(process["began"]) and began(process["pid"]) == process["began"]


def wait_for(ready: Callable[[], bool], processes: Sequence[Process]) -> bool:
    """Wait until `ready`; false where a process ends before, or time runs out."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and all(is_alive(each) for each in processes):
        if ready():
            return True
        time.sleep(0.2)
    return False


def stop(folder: Path) -> int:
    """End the processes that the folder's state names, and return how many there were."""
    state = read_state(folder) or {"processes": []}
    alive = [each for each in state["processes"] if is_alive(each)]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for each in alive:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(each["pid"], number)
        end = time.monotonic() + 10
        while any(is_alive(each) for each in alive) and time.monotonic() < end:
            time.sleep(0.1)
    with contextlib.suppress(FileNotFoundError):
        (folder / _STATE).unlink()
    return len(alive)


def write_state(folder: Path, state: State) -> None:
    """Keep what a cluster consists of."""
    (folder / _STATE).write_text(json.dumps(state))


def read_state(folder: Path) -> State | None:
    """Return what `write_state` wrote, or None."""
    try:
        return dict(json.loads((folder / _STATE).read_text()))
    except (FileNotFoundError, ValueError):
        return None
