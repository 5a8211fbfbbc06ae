"""Whole builds on a real Spark cluster: the same bytes, whatever dies meanwhile."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bertdata.errors import BuildError
from pipelines.problems import WorkerError
from pipelines.runner import RunOptions, run_tasks
from pipelines.sessions import engine_session
from tests.corpora import digests
from tests.pipelines import spark_rig as rig

pytestmark = pytest.mark.cluster
cluster_tool = rig.load_tool("spark_cluster")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, jar: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A cluster of this test's own: a master and two workers."""
    folder = tmp_path_factory.mktemp("cluster")
    try:
        yield folder, cluster_tool.up(folder, port=0)
    finally:
        cluster_tool.down(folder)


@pytest.fixture(scope="module")
def jar() -> str:
    return str(rig.job_server_jar("spark"))


@pytest.fixture(scope="module")
def on_spark(cluster: tuple[Path, dict[str, Any]], jar: str) -> tuple[str, ...]:
    """The options that send a build to the cluster."""
    return ("--runner", "spark", "--spark-master", cluster[1]["master"], "--spark-job-server-jar", jar)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return rig.write_sources(tmp_path_factory.mktemp("sources"))


@pytest.fixture(scope="module")
def expected(sources: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The digests of the same build on this machine."""
    output = tmp_path_factory.mktemp("direct") / "corpus"
    done = rig.build(sources, output, "--workers", "1")
    assert done.returncode == 0, done.stderr
    return digests(output)


def test_spark_builds_the_same_bytes_and_shows_the_same_steps(sources, expected, on_spark, tmp_path):
    done = rig.build(sources, tmp_path / "corpus", *on_spark)
    assert done.returncode == 0, done.stderr
    assert digests(tmp_path / "corpus") == expected
    said = done.stderr.splitlines()
    assert said[0].startswith("Spark's own page: http://127.0.0.1:")
    ends = [line for line in said if line.endswith(" s")]
    assert [line.split(":")[0] for line in ends] == ["extract", "vocab", "tokens", "examples-64"]
    assert not (tmp_path / "corpus" / ".work").exists()


def test_a_build_outlives_the_death_of_every_kind_of_process_in_every_step(
    sources, expected, on_spark, cluster, tmp_path
):
    folder, state = cluster
    with rig.started(rig.build_command(sources, tmp_path / "corpus", *on_spark)) as process:
        _, executor = rig.worker_at_work(process, tmp_path / "corpus", run=1)
        rig.kill(executor)
        python, _ = rig.worker_at_work(process, tmp_path / "corpus", run=2)
        rig.kill(python)
        _, executor = rig.worker_at_work(process, tmp_path / "corpus", run=3)
        rig.kill(rig.parent_of(executor))
        state["processes"].append(cluster_tool.start_worker(folder, 3, state["master"]))
        (folder / "cluster.json").write_text(json.dumps(state))
        _, executor = rig.worker_at_work(process, tmp_path / "corpus", run=4)
        rig.kill(executor)
        python, _ = rig.worker_at_work(process, tmp_path / "corpus", run=4)
        rig.kill(python)
        rig.finish(process)
    assert digests(tmp_path / "corpus") == expected


def test_the_engine_shuffles_to_the_same_bytes_though_an_executor_dies(sources, expected, on_spark, tmp_path):
    output = tmp_path / "corpus"
    rig.extract(sources, output)  # What another runner began.
    with rig.started(rig.build_command(sources, output, *on_spark, "--shuffle", "engine")) as process:
        num_tokens_files = len(list((output / "documents").glob("*.parquet")))
        _, executor = rig.worker_at_work(process, output, run=3, least=num_tokens_files)
        rig.kill(executor)
        assert "extract: done before" in rig.finish(process)
    assert digests(output) == expected


def test_what_a_lost_driver_finished_is_skipped_by_another_runner(sources, expected, on_spark, tmp_path):
    output = tmp_path / "corpus"
    with rig.started(rig.build_command(sources, output, *on_spark)) as process:
        rig.worker_at_work(process, output, run=3)
        process.kill()
        process.wait(30)
    assert (output / "steps" / "vocab.json").exists()
    assert not (output / "manifest.json").exists()
    done = rig.build(sources, output, "--workers", "1")
    assert done.returncode == 0, done.stderr
    assert "extract: done before" in done.stderr
    assert digests(output) == expected


def test_a_damaged_source_is_named_with_its_offset_and_without_a_stack(sources, on_spark, tmp_path):
    shutil.copytree(Path(sources[1]).parent, tmp_path / "sources")
    damaged = tmp_path / "sources" / "dump-3.xml"
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[: len(whole) // 2])
    found = [word.replace(str(Path(sources[1]).parent), str(tmp_path / "sources")) for word in sources]
    done = rig.build(found, tmp_path / "corpus", *on_spark)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"bertdata: {damaged} is damaged at byte ")
    assert "Exception" not in done.stderr and "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def run_options(cluster, jar, tmp_path_factory) -> RunOptions:
    logs = tmp_path_factory.mktemp("runs") / ".work" / "logs"
    return RunOptions(0, "spark", log_dir=str(logs), master=cluster[1]["master"], job_server_jar=jar)


def test_a_session_runs_pipeline_after_pipeline_and_ends_without_traces(run_options):
    seen: list[dict[str, int]] = []
    with engine_session(run_options):
        assert run_tasks(abs, [-3, 2, -5], run_options, seen.append) == [3, 2, 5]
        assert run_tasks(str, list(range(50)), run_options) == [str(n) for n in range(50)]
    assert seen
    assert not list(Path(str(run_options.log_dir)).parent.glob("engine-*"))
    assert not [p for p in Path("/proc").glob("[0-9]*/cmdline") if b"SparkJobServerDriver" in _read(p)]


def test_an_exception_comes_out_as_itself(run_options):
    with pytest.raises(ValueError, match="invalid literal for int"):
        run_tasks(int, ["1", "one"], run_options)


def test_a_task_that_kills_every_worker_is_named(run_options):
    with pytest.raises(WorkerError, match="Every worker that took up 7 died on it"):
        run_tasks(os._exit, [7], run_options)


def test_a_worker_of_another_version_is_refused_before_it_works(run_options, monkeypatch):
    monkeypatch.setattr("pipelines.engine.worker_versions", lambda: {"bertdata": "99.0", "numpy": "1.0"})
    with pytest.raises(BuildError, match=r"can't take part: bertdata is .* there and 99.0 here, numpy is"):
        run_tasks(abs, [1], run_options)


def test_an_output_that_workers_cannot_see_is_said(run_options, monkeypatch):
    monkeypatch.setattr("pipelines.engine.Session._boot", lambda self: Path("/nowhere/corpus/.work/engine-1/boot"))
    with pytest.raises(BuildError, match="A Spark worker can't see /nowhere/corpus: --output must be on"):
        run_tasks(abs, [1], run_options)


def _read(path: Path) -> bytes:
    with contextlib.suppress(OSError):
        return path.read_bytes()
    return b""
