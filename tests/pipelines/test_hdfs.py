"""A corpus on a real HDFS, with BERTDATA_ALL_CLUSTERS=1: killed, resumed, looked at, and the same bytes."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bertdata.store import as_path
from cli.main import run
from tests.corpora import digests
from tests.object_stores import download, upload
from tests.pipelines import spark_rig as rig

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(
        not os.environ.get("BERTDATA_ALL_CLUSTERS") or importlib.util.find_spec("hdfs_native") is None,
        reason="BERTDATA_ALL_CLUSTERS=1 starts HDFS, where `pip install hdfs-native` was done",
    ),
]
hdfs_tool = rig.load_tool("hdfs_cluster")


@pytest.fixture(scope="module")
def hdfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("hdfs")
    try:
        yield hdfs_tool.up(folder, Path.home() / ".cache" / "bertdata" / "hadoop")["url"]
    finally:
        hdfs_tool.down(folder.resolve())


def kill_in(step: str, command: list[str], url: str) -> None:
    """Start a build, and kill it and all its processes once a task of a step is finished."""
    process = subprocess.Popen(command, cwd=rig.ROOT, start_new_session=True, stderr=subprocess.DEVNULL)
    end = time.monotonic() + rig.SECONDS
    try:
        while not list(as_path(f"{url}/.work/{step}").glob("*.json")):
            assert process.poll() is None and time.monotonic() < end, f"no task of {step} before the build's end"
            time.sleep(0.02)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)


def test_a_build_on_hdfs_is_killed_in_each_step_resumed_and_has_the_same_bytes(
    hdfs, sources, expected, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("BERTDATA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("BERTDATA_ALWAYS_START_WORKERS", "1")
    before, url = str(Path(sources[1]).parent), f"{hdfs}/corpora/english"
    upload(Path(before), f"{hdfs}/sources")
    stored = [word.replace(before, f"{hdfs}/sources") for word in sources]
    command = rig.build_command(stored, as_path(url), "--workers", "2")
    for step in ("extract", "vocab", "tokens", "examples-64"):
        kill_in(step, command, url)
        assert not as_path(f"{url}/manifest.json").exists()
    assert run(command[command.index("build-corpus") :]) == 0
    assert capsys.readouterr().err.count("done before") >= 3
    made = digests(download(url, tmp_path / "down"))
    # These name the sources' versions, which HDFS tells otherwise than a disk.
    assert {name for name in expected if made.pop(name) != expected[name]} <= {
        *("manifest.json", "ATTRIBUTION.md", "report.html")
    }
    assert not made and not as_path(f"{url}/.work").exists()
    for look in (["verify", url], ["inspect", url], ["report", url, "--output", str(tmp_path / "report.html")]):
        assert run(look) == 0
    assert (tmp_path / "report.html").stat().st_size > 10_000
