"""Python workers forked for an engine's process: ended with what stands for them, gone with the engine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines.nursery import began

SECONDS = 60
# As `engine_boot` does, once it has found the versions to be right.
_STAND_IN = """
import sys
from pipelines.nursery import stand_for_worker
environment = {"BERTDATA_RUN": sys.argv[2], "PATH": "/bin"}
arguments = ["--id=1", "--provision_endpoint=127.0.0.1:9"]
request = {"arguments": arguments, "environment": environment, "log": sys.argv[3]}
sys.exit(stand_for_worker(int(sys.argv[1]), request))
"""


@pytest.fixture
def engine() -> Iterator[subprocess.Popen[bytes]]:
    """A process that stands for an engine's."""
    process = subprocess.Popen(["sleep", str(2 * SECONDS)])
    yield process
    process.kill()
    process.wait(SECONDS)


def stand_in(engine: int, folder: Path, name: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", _STAND_IN, str(engine), str(folder), str(folder / name)]
    return subprocess.Popen(command, env={**os.environ, "TMPDIR": str(folder)})


def wait_for(what: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_nursery_forks_workers_for_one_engine_and_ends_with_it(engine, tmp_path):
    parent = Path("/tmp") if len(str(tmp_path)) > 60 else tmp_path
    folder = parent / f"bertdata-workers-{os.getuid()}-{engine.pid}-{began(engine.pid)}"
    first, second = stand_in(engine.pid, tmp_path, "first"), stand_in(engine.pid, tmp_path, "second")
    wait_for(lambda: (tmp_path / "first").exists() and (tmp_path / "second").exists())
    workers = [int(p.parent.parent.name) for p in Path("/proc").glob("[0-9]*/fd/1") if _is_ours(p, tmp_path)]
    assert len(workers) == 2
    os.kill(workers[0], 9)
    codes = []
    wait_for(lambda: bool(codes.extend(c for c in (first.poll(), second.poll()) if c is not None) or codes))
    assert codes == [256 - 9]
    left = first if first.poll() is None else second
    left.kill()  # As the engine does that wants a worker no more.
    left.wait(SECONDS)
    wait_for(lambda: not began(workers[1]))
    assert folder.exists()
    engine.kill()
    engine.wait(SECONDS)
    wait_for(lambda: not folder.exists())


def _is_ours(path: Path, folder: Path) -> bool:
    try:
        # A fork's own `os.environ` isn't what /proc shows, so it is known by where its output goes.
        return str(path.readlink()) in (str(folder / "first"), str(folder / "second"))
    except OSError:
        return False
