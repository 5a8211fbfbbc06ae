"""Whole builds on a real Spark cluster: the same bytes, whatever dies meanwhile."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bertdata.errors import BuildError
from bertdata.records import Slice
from bertdata.store import as_path
from pipelines.problems import WorkerError
from pipelines.runner import RunOptions, run_tasks
from pipelines.step import Task
from tests.corpora import digests
from tests.object_stores import download, make_bucket, s3_server, upload
from tests.pipelines import spark_rig as rig

# Bounds for a machine that is ten times as slow as ours.
pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1200)]
cluster_tool = rig.load_tool("spark_cluster")


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    """The URL of an S3 bucket; the environment that leads there is set before the cluster starts."""
    with s3_server() as server, pytest.MonkeyPatch.context() as environment:
        for name, value in server.environment.items():
            environment.setenv(name, value)
        make_bucket()
        yield server.url


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, jar: str, store: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A cluster of this test's own: a master and two workers."""
    folder = tmp_path_factory.mktemp("cluster")
    try:
        yield folder, cluster_tool.up(folder, port=0)
    finally:
        cluster_tool.down(folder.resolve())


@pytest.fixture(scope="module")
def jar() -> str:
    return str(rig.job_server_jar("spark"))


@pytest.fixture(scope="module")
def on_spark(cluster: tuple[Path, dict[str, Any]], jar: str) -> tuple[str, ...]:
    """The options that send a build to the cluster."""
    return ("--runner", "spark", "--spark-master", cluster[1]["master"], "--spark-job-server-jar", jar)


def test_spark_builds_the_same_bytes_and_shows_the_same_steps(sources, expected, on_spark, tmp_path):
    done = rig.build(sources, tmp_path / "corpus", *on_spark)
    assert done.returncode == 0, done.stderr
    assert digests(tmp_path / "corpus") == expected
    said = done.stderr.splitlines()
    assert [line for line in said if line.startswith("Spark's own page: http://127.0.0.1:")]
    ends = [line for line in said if line.endswith(" s")]
    assert [line.split(":")[0] for line in ends] == ["extract", "vocab", "tokens", "examples-64"]
    assert not (tmp_path / "corpus" / ".work").exists()
    rig.wait_until_gone(str(tmp_path))


# What dies in each of the four pipelines of a build. BERTDATA_ALL_CLUSTERS=1: each kind of process in each step.
_KILLS = [[["executor"], ["python"], ["worker"], ["executor", "python"]]]
if os.environ.get("BERTDATA_ALL_CLUSTERS"):
    _KILLS += [[[kind]] * 4 for kind in ("executor", "python", "worker")]


@pytest.mark.parametrize("kills", _KILLS, ids=lambda kills: "-".join(kind for some in kills for kind in some))
def test_a_build_outlives_the_death_of_its_processes(sources, expected, on_spark, cluster, tmp_path, kills):
    folder, state = cluster
    with rig.started(rig.build_command(sources, tmp_path / "corpus", *on_spark)) as process:
        for run, kinds in enumerate(kills, 1):
            for kind in kinds:
                python, executor = rig.worker_at_work(process, tmp_path / "corpus", run)
                if kind == "worker":
                    rig.kill(rig.parent_of(executor))
                    number = len(state["processes"])
                    state["processes"].append(cluster_tool.start_worker(folder, number, state["master"]))
                    cluster_tool.write_state(folder.resolve(), state)
                else:
                    rig.kill(python if kind == "python" else executor)
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


@pytest.mark.parametrize("second_runner", ["direct", "spark"][: 2 if os.environ.get("BERTDATA_ALL_CLUSTERS") else 1])
def test_a_second_build_in_one_folder_is_refused_and_what_a_lost_driver_finished_is_skipped(
    sources, expected, on_spark, tmp_path, second_runner
):
    output = tmp_path / "corpus"
    with rig.started(rig.build_command(sources, output, *on_spark)) as process:
        rig.worker_at_work(process, output, run=3)
        process.send_signal(signal.SIGSTOP)
        second = rig.build(sources, output, "--workers", "1")
        assert second.returncode == 1
        assert second.stderr.splitlines()[-1].startswith(f"bertdata: Another build is at work in {output}: wait for it")
        process.kill()
        process.wait(30)
    assert (output / "steps" / "vocab.json").exists()
    finished = {path.stem for path in (output / ".work" / "tokens").glob("*.json")}
    assert not (output / "manifest.json").exists()
    kept = {path.stem: path.stat().st_mtime_ns for path in (output / "tokens").glob("*.arrow")}
    done = rig.build(sources, output, *(on_spark if second_runner == "spark" else ("--workers", "1")))
    assert done.returncode == 0, done.stderr
    assert "extract: done before" in done.stderr and "vocab: done before" in done.stderr
    for task in {path.stem for path in (output / "tokens").glob("*.arrow")} & finished:
        assert (output / "tokens" / f"{task}.arrow").stat().st_mtime_ns == kept[task]
    assert digests(output) == expected


@pytest.mark.skipif(not os.environ.get("BERTDATA_ALL_CLUSTERS"), reason="BERTDATA_ALL_CLUSTERS=1 uses a store too")
def test_a_build_from_a_store_to_a_store_has_the_same_bytes(sources, expected, on_spark, store, tmp_path):
    upload(Path(sources[1]).parent, f"{store}/sources")
    stored = [word.replace(str(Path(sources[1]).parent), f"{store}/sources") for word in sources]
    done = rig.build(stored, as_path(f"{store}/corpus"), *on_spark, "--shuffle", "engine")
    assert done.returncode == 0, done.stderr
    made = digests(download(f"{store}/corpus", tmp_path / "corpus"))
    # These name the sources' checksums, which a store has of another kind.
    differing = {name for name in expected if made.pop(name) != expected[name]}
    assert differing <= {"manifest.json", "ATTRIBUTION.md", "report.html"}
    assert not made
    assert not (tmp_path / "corpus" / ".work").exists()


def test_a_damaged_source_is_named_with_its_offset_and_without_a_stack(sources, on_spark, tmp_path):
    damaged, found = rig.damage_one(sources, tmp_path / "sources")
    done = rig.build(found, tmp_path / "corpus", *on_spark)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"bertdata: {damaged} is damaged at byte ")
    assert "Exception" not in done.stderr and "Traceback" not in done.stderr


@pytest.fixture
def run_options(cluster, jar, tmp_path) -> RunOptions:
    work = str(tmp_path / ".work")
    return RunOptions(
        0, "spark", log_dir=f"{work}/logs", work_dir=work, master=cluster[1]["master"], job_server_jar=jar
    )


_DEATHS = [("a folder", ""), ("a store", ""), ("a folder", "executor"), ("a store", "executor")]


@pytest.mark.parametrize(("where", "death"), _DEATHS[: 4 if os.environ.get("BERTDATA_ALL_CLUSTERS") else 1])
def test_a_slice_that_kills_every_worker_is_named_with_its_file_and_bytes(run_options, store, where, death):
    def die(task: object) -> None:
        if death == "executor":
            os.kill(int(os.environ["BERTDATA_ENGINE_PID"]), 9)
        os._exit(7)

    poison = Slice(0, "wikipedia", "wiki", ("/data/dump.xml.bz2",), ("dump.xml.bz2",), 4096, 8192)
    task = Task("slice-00000", poison, 4096)
    if where == "a store":
        run_options = replace(run_options, work_dir=f"{store}/poison/.work")
    with pytest.raises(
        WorkerError, match=r"took up /data/dump.xml.bz2 from 4,096 to 8,192 died on it, as happens when"
    ):
        run_tasks(die, [task], run_options)


def test_a_worker_of_another_version_is_refused_before_it_works(run_options, monkeypatch):
    monkeypatch.setattr("pipelines.engine.worker_versions", lambda: {"bertdata": "99.0", "numpy": "1.0"})
    with pytest.raises(BuildError, match=r"can't take part: bertdata is .* there and 99.0 here, numpy is"):
        run_tasks(abs, [1], run_options)
