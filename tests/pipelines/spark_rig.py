"""What the tests of engines share: builds as a user starts them, and processes killed in the middle of one."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.corpora import dump_xml, write_books

ROOT = Path(__file__).resolve().parent.parent.parent
SECONDS = 600


def load_tool(name: str) -> Any:
    """Import a script of tools/clusters, which import each other by name."""
    if str(ROOT / "tools" / "clusters") not in sys.path:
        sys.path.append(str(ROOT / "tools" / "clusters"))
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / "clusters" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def job_server_jar(engine: str) -> Path:
    """Return the job server's jar, built by Maven unless the cache has it; skips where Java or Maven is missing."""
    if shutil.which("java") is None:
        pytest.skip("no Java on this machine: engines are not tested (Debian: openjdk-17-jdk-headless, maven)")
    script = ROOT / "tools" / "clusters" / "job_server_jar.sh"
    done = subprocess.run([script, engine], capture_output=True, text=True, timeout=1000)
    if done.returncode == 3:
        pytest.skip(f"engines are not tested: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def write_sources(folder: Path, num_dumps: int = 6, num_pages: int = 150) -> list[str]:
    """Write dumps and books, each a slice of its own, and return the options that name them."""
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(num_dumps):
        text = dump_xml(num_pages, num_paragraphs=12, first=1 + n * num_pages)
        (folder / f"dump-{n}.xml").write_text(text, encoding="utf-8")
    books = [f"{name}={write_books(folder / name, num=4)}" for name in ("novels", "tales")]
    return ["--wikipedia", *map(str, sorted(folder.glob("dump-*.xml"))), "--books", *books]


OPTIONS = ("--vocab-size", "150", "--max-seq-length", "64", "--shard-size", "200KB", "--validation-fraction", "0.1")


def build_command(sources: list[str], output: Path, *options: str) -> list[str]:
    """Return the command line of a build."""
    return [sys.executable, "-m", "cli.main", "build-corpus", *sources, *OPTIONS, "--output", str(output), *options]


def build(sources: list[str], output: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a build to its end."""
    return subprocess.run(build_command(sources, output, *options), capture_output=True, text=True, timeout=SECONDS)


def extract(sources: list[str], output: Path) -> None:
    """Do a build's first step on this machine."""
    command = [sys.executable, "-m", "cli.main", "extract", *sources, "--output", str(output), "--workers", "1"]
    subprocess.run(command, check=True, capture_output=True, timeout=SECONDS)


@contextmanager
def started(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """Start a build whose processes are to be killed; it is gone when the block ends."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=30)


def damage_one(sources: list[str], folder: Path) -> tuple[Path, list[str]]:
    """Copy the sources to a folder, cut one dump in half, and return its path and the options that name them all."""
    before = Path(sources[1]).parent
    shutil.copytree(before, folder)
    damaged = folder / "dump-3.xml"
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[: len(whole) // 2])
    return damaged, [word.replace(str(before), str(folder)) for word in sources]


def fake_job_server(folder: Path, engine: str, version: str | None) -> str:
    """Write a jar with the names that a job server's has, and the version of the Flink in it."""
    path = folder / f"{engine}-{version}.jar"
    with zipfile.ZipFile(path, "w") as jar:
        jar.writestr(f"org/apache/beam/runners/{engine}/{engine.capitalize()}JobServerDriver.class", b"")
        if version:
            jar.writestr(".flink-runtime.version.properties", f"a=b\nproject.version={version}\n")
    return str(path)


def worker_at_work(process: subprocess.Popen[str], output: Path, run: int, least: int = 0) -> tuple[int, int]:
    """Wait until a Python worker is at work on a task of the build's `run`-th pipeline, its number `least` or above.

    Return its id, and that of the engine's process which it serves.
    """
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, f"the build ended first:\n{process.stdout.read() if process.stdout else ''}"
        for mark in output.glob(f".work/engine-*/{run}/running/[0-9]*"):
            try:
                name, engine = mark.read_text().split()
            except (FileNotFoundError, ValueError):
                continue
            pid = int(name.rsplit("-", 1)[1])
            if int(mark.name.split(".")[0]) >= least and Path(f"/proc/{pid}").exists():
                return pid, int(engine)
        time.sleep(0.002)
    raise AssertionError(f"no worker was at work on pipeline {run} within {SECONDS} s")


def wait_until_gone(word: str) -> None:
    """Wait until no process has `word` in its command line: what an engine was told to end ends a little later."""
    end = time.monotonic() + SECONDS
    while left := [path for path in Path("/proc").glob("[0-9]*/cmdline") if word.encode() in _read(path)]:
        assert time.monotonic() < end, f"left behind: {left}"
        time.sleep(0.1)


def _read(path: Path) -> bytes:
    with contextlib.suppress(OSError):
        return path.read_bytes()
    return b""


def parent_of(pid: int) -> int:
    """Return the id of a process's parent."""
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def kill(pid: int) -> None:
    """Kill a process for good."""
    os.kill(pid, signal.SIGKILL)


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for a build's end and return what it said; it must have succeeded."""
    said, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, said
    return said
