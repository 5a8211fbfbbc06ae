"""Whole builds on Flink, embedded: the same bytes. With BERTDATA_ALL_CLUSTERS=1 on a cluster that loses processes."""

from __future__ import annotations

import http.server
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bertdata.errors import BuildError, OptionError
from pipelines.flink import flink_engine
from pipelines.java import check_jar
from pipelines.runner import RunOptions, run_tasks
from pipelines.sessions import engine_session
from tests.corpora import digests
from tests.pipelines import spark_rig as rig

# Bounds for a machine that is ten times as slow as ours.
_MARKS = (pytest.mark.cluster, pytest.mark.timeout(1200))


def on_a_cluster(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that starts engines."""
    for mark in _MARKS:
        test = mark(test)
    return test


@pytest.fixture(scope="module")
def jar() -> str:
    return str(rig.job_server_jar("flink"))


@on_a_cluster
def test_an_embedded_flink_builds_the_same_bytes_though_python_workers_die(
    sources, expected, jar, tmp_path, monkeypatch
):
    output, temporary = tmp_path / "corpus", tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    options = ("--runner", "flink", "--flink-master", "[local]", "--flink-job-server-jar", jar, "--shuffle", "engine")
    with rig.started(rig.build_command(sources, output, *options)) as process:
        for run in (1, 4):
            rig.kill(rig.worker_at_work(process, output, run)[0])
        said = rig.finish(process)
    assert digests(output) == expected
    assert "Exception" not in said and "Traceback" not in said
    assert not (output / ".work").exists()
    assert not list(temporary.glob("beam-*"))


@on_a_cluster
def test_slots_never_share_a_python_worker(jar, tmp_path):
    def worker_of(_: int) -> int:
        time.sleep(0.02)
        return os.getpid()

    options = RunOptions(2, "flink", work_dir=str(tmp_path / ".work"), master="[local]", job_server_jar=jar)
    (tmp_path / ".work").mkdir()
    with engine_session(options):
        for _ in range(6):  # They would by chance.
            assert set(Counter(run_tasks(worker_of, range(20), options)).values()) == {10}


class Overview(http.server.BaseHTTPRequestHandler):
    """Answers as a Flink does, or as something else."""

    said: object = None

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/overview" else 404)
        self.end_headers()
        self.wfile.write(json.dumps(self.said).encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """The address of what answers as `Overview` says, on a machine that has some Java and a job server."""
    monkeypatch.setattr("pipelines.flink.find_java", lambda: "java")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Overview)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(10)


_FLINK = {"flink-version": "1.19.1", "slots-total": 6, "taskmanagers": 3}


def test_a_cluster_is_asked_for_its_slots_and_its_version_before_work_starts(cluster, monkeypatch, tmp_path):
    path = rig.fake_job_server(tmp_path, "flink", "1.19.0")
    monkeypatch.setattr(Overview, "said", _FLINK)
    engine = flink_engine(cluster, path)
    assert (engine.parallelism, engine.workers_per_process) == (6, 2)
    assert flink_engine(f"http://{cluster}", path, 4).parallelism == 4
    assert engine.page("") == f"http://{cluster}"
    monkeypatch.setattr(Overview, "said", {**_FLINK, "flink-version": "1.18.0"})
    with pytest.raises(BuildError, match=r"is Flink 1\.18\.0, and .* is made for 1\.19\.0: name the job server of the"):
        flink_engine(cluster, path)
    monkeypatch.setattr(Overview, "said", {**_FLINK, "slots-total": 0, "taskmanagers": 0})
    with pytest.raises(BuildError, match="has no TaskManager: start one"):
        flink_engine(cluster, path)
    for other in ([], {"version": 1}, "hello"):
        monkeypatch.setattr(Overview, "said", other)
        with pytest.raises(BuildError, match=f"No Flink answers at {cluster} "):
            flink_engine(cluster, path)


def test_what_is_wrong_with_the_options_is_said(cluster, tmp_path):
    with pytest.raises(OptionError, match="needs --flink-master HOST:PORT"):
        flink_engine(None, "jar")
    with pytest.raises(OptionError, match=r"--flink-master host: it must read HOST:PORT, or \[local\]"):
        flink_engine("host", "jar")
    with pytest.raises(BuildError, match=r"No Flink answers at 127.0.0.1:1 \(Connection refused\)"):
        flink_engine("127.0.0.1:1", "jar")
    with pytest.raises(OptionError, match="holds no Flink"):
        flink_engine("[local]", rig.fake_job_server(tmp_path, "flink", None))
    with pytest.raises(OptionError, match="is not Beam's job server"):
        check_jar(rig.fake_job_server(tmp_path, "spark", None), "--flink-job-server-jar", "org.some.Flink")


flink_tool = rig.load_tool("flink_cluster")


@on_a_cluster
@pytest.mark.skipif(
    not os.environ.get("BERTDATA_ALL_CLUSTERS"), reason="BERTDATA_ALL_CLUSTERS=1 starts a Flink cluster"
)
@pytest.mark.parametrize("shuffle", ["files", "engine"])
def test_a_flink_cluster_builds_the_same_bytes_though_taskmanagers_die(sources, expected, jar, tmp_path, shuffle):
    folder, output = tmp_path / "cluster", tmp_path / "corpus"
    try:
        state = flink_tool.up(folder)
        options = ("--runner", "flink", "--flink-master", state["address"], "--flink-job-server-jar", jar)
        with rig.started(rig.build_command(sources, output, *options, "--shuffle", shuffle)) as process:
            for run in (1, 4):
                _, task_manager = rig.worker_at_work(process, output, run)
                rig.kill(task_manager)
                flink_tool.replace(folder, task_manager)
            said = rig.finish(process)
    finally:
        flink_tool.down(folder.resolve())
    assert digests(output) == expected
    assert f"Flink's own page: http://{state['address']}" in said
