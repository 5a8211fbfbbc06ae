"""What is wrong with an engine is said before work starts, and in one line; no cluster is needed here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from bertdata.errors import BuildError, OptionError
from bertdata.records import Slice
from bertdata.store import as_path
from pipelines import attempts, engine, engine_boot
from pipelines.java import check_jar, find_java
from pipelines.notes import WORKER_LOG, describe_task
from pipelines.spark import SparkEngine, master_addresses, spark_engine, spark_jars
from pipelines.step import Task

_MAIN = "org.apache.beam.runners.spark.SparkJobServerDriver"


def fake_java(folder: Path, version: str) -> Path:
    """Write a `java` that only tells its version."""
    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    java.chmod(0o755)
    return folder


def job_server(folder: Path, *classes: str) -> str:
    path = folder / "server.jar"
    with zipfile.ZipFile(path, "w") as jar:
        for name in classes:
            jar.writestr(f"{name.replace('.', '/')}.class", b"")
    return str(path)


def spark(where: str = "spark://h:7077") -> SparkEngine:
    return SparkEngine(where, "java", Path("server.jar"), None, "3.5.6", "127.0.0.1")


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("1.8.0_202", "is Java 8, and 11 to 23 will do: install Java 17"),
        ("24.0.1", "is Java 24, and 11 to 23 will do: install Java 17"),
        ("", "is no Java that can say its version: install Java 17"),
    ],
)
def test_a_java_that_will_not_do_is_named_with_its_version(version, message, tmp_path, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(fake_java(tmp_path / "jdk", version)))
    with pytest.raises(OptionError, match=message):
        find_java()


def test_missing_java_is_said_with_what_to_install(monkeypatch):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(OptionError, match=r"No Java: install Java 17 \(Debian: openjdk-17-jre-headless\)"):
        find_java()
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    with pytest.raises(OptionError, match=r"No Java at JAVA_HOME \(/nowhere\)"):
        find_java()


def test_a_jar_that_is_no_job_server_is_refused(tmp_path):
    text = tmp_path / "text.jar"
    text.write_text("not a jar")
    for path, message in (
        (tmp_path / "absent.jar", "absent.jar does not exist"),
        (text, "text.jar is no jar: File is not a zip file"),
        (job_server(tmp_path, "some.Other"), f"server.jar is not Beam's job server: it has no {_MAIN}"),
    ):
        with pytest.raises(OptionError, match=f"--spark-job-server-jar .*{message}"):
            check_jar(str(path), "--spark-job-server-jar", _MAIN)


def test_no_cluster_at_the_address_is_said_before_anything_starts(tmp_path, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(fake_java(tmp_path / "jdk", "17.0.1")))
    jar = job_server(tmp_path, _MAIN, "org.apache.spark.SparkContext")
    monkeypatch.setattr("pipelines.spark.fetch_released_jar", lambda *_: pytest.fail("a jar was fetched"))
    for given in (jar, None):
        with pytest.raises(BuildError, match=r"No Spark master answers at spark://127.0.0.1:1 \(Connection refused\)"):
            spark_engine("spark://127.0.0.1:1", given)
    with pytest.raises(OptionError, match="needs --spark-master spark://HOST:7077"):
        spark_engine(None, jar)


@pytest.mark.parametrize("master", ["local[2]", "spark://host", "spark://host:port", "spark://:7077", "yarn"])
def test_a_master_that_is_no_address_is_refused(master):
    with pytest.raises(OptionError, match="must read spark://HOST:PORT"):
        master_addresses(master)


def test_a_spark_of_another_series_on_this_side_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("SPARK_HOME", str(tmp_path))
    with pytest.raises(OptionError, match=r"No Spark at .*: it has no jars/spark-core_\*.jar"):
        spark_jars()
    (tmp_path / "jars").mkdir()
    (tmp_path / "jars" / "spark-core_2.12-3.4.4.jar").touch()
    with pytest.raises(OptionError, match=r"is Spark 3.4.4, and 3.5 is needed: `pip install 'pyspark==3.5.\*'`"):
        spark_jars()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "ERROR … Application has been killed. Reason: All masters are unresponsive! Giving up.",
            "does not answer as a",
        ),
        ("java.io.InvalidClassException: a.B; local class incompatible: stream classdesc", "runs another version of"),
    ],
)
def test_lines_of_the_driver_that_end_a_run_are_put_in_words(line, message):
    assert message in (spark().problem(line) or "")
    assert spark().problem("INFO All is well") is None


@pytest.mark.parametrize(
    ("properties", "wanted"),
    [
        ([], "a core and 1g"),
        (["-Xmx2g", "-Dspark.executor.memory=3g", "-Dspark.executor.memory=20g"], "a core and 20g"),
        (["-Dspark.executor.cores=4", "-Dspark.executor.memoryOverhead=9g"], "4 cores and 1g"),
    ],
)
def test_who_waits_for_room_is_told_what_an_executor_needs(properties, wanted):
    line = "WARN TaskSchedulerImpl: Initial job has not accepted any resources; check your cluster UI"
    said = replace(spark(), jvm_properties=tuple(properties)).remark(line)
    assert said == f"Waiting for spark://h:7077: it has no free worker with {wanted} of memory."


def test_executors_that_take_work_and_start_nothing_are_told_and_then_given_up(tmp_path, monkeypatch):
    said: list[str] = []
    session = engine.Session(spark(), tmp_path, tmp_path / "logs", said.append, verbose=False)
    with session.new_folder() as folder:
        session._hear("INFO org.apache.spark.scheduler.TaskSetManager - Starting task 0.0 in stage 0.0 (TID 0)")
        session._look(folder, [])
        assert not said
        monkeypatch.setattr(engine, "SECONDS_TO_WORRY", -1.0)
        session._look(folder, [])
        assert said[0].startswith("No executor of spark://h:7077 has started a Python worker yet. A cluster of another")
        monkeypatch.setattr(engine, "SECONDS_TO_GIVE_UP", -1.0)
        with pytest.raises(BuildError, match=r"another Spark version than 3\.5\.6"):
            session._look(folder, [])
        (folder / attempts.LOGS / "host-1").touch()
        session._look(folder, [])


def test_a_worker_without_bertdata_says_so_and_ends(tmp_path):
    attempts.make_folders(tmp_path)
    wanted = json.dumps({"python": "{}.{}".format(*sys.version_info), "bertdata": "0.1.0"})
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(engine_boot.__file__)],
        env={**os.environ, "BERTDATA_RUN": str(tmp_path), "BERTDATA_VERSIONS": wanted},
        timeout=60,
    )
    assert done.returncode == 1
    assert "can't take part: bertdata is not installed there" in (attempts.find_refusal(tmp_path) or "")


def test_a_machine_without_this_python_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python it's")
    session = engine.Session(spark(), tmp_path, tmp_path / "logs", print, verbose=False)
    with session.new_folder() as folder:
        assert subprocess.run([session._boot()], env={"BERTDATA_RUN": str(folder)}, timeout=60).returncode == 1
        refusal = attempts.find_refusal(folder) or ""
    assert "has no /nowhere/python it's as this machine has" in refusal


@pytest.mark.parametrize(
    ("work", "boot", "message"),
    [
        (
            "/data/corpus/.work",
            "/data/corpus/.work/engine-1/boot",
            "can't see /data/corpus: --output must be on",
        ),
        ("s3://b/corpus/.work", "/venv/bin/bertdata-engine-worker", "has no /venv/bin/bertdata-engine-worker: install"),
    ],
)
def test_what_a_worker_cannot_start_is_said(work, boot, message, tmp_path):
    session = engine.Session(spark(), as_path(work), tmp_path, print, verbose=False)
    session._hear(f'java.io.IOException: Cannot run program "{boot}" (in directory "."): error=2, No such file')
    assert f"A Spark worker {message}" in (session._problem or "")


def test_workers_that_end_at_once_are_told_after_the_fourth(tmp_path):
    session = engine.Session(spark(), tmp_path, tmp_path / "logs", print, verbose=False)
    with session.new_folder() as folder:
        for _ in range(attempts.MOST_ATTEMPTS):
            session._look(folder, [])
            session._hear("WARN TaskSetManager - Lost task 0.0 in stage 0.0: Process died with exit code 1")
        with pytest.raises(BuildError, match="Python workers end as soon as Spark starts them, with exit code 1"):
            session._look(folder, [])


def test_an_error_of_our_own_ends_a_run_at_once_and_another_after_four_attempts(tmp_path):
    attempts.make_folders(tmp_path)
    for attempt in range(1, attempts.MOST_ATTEMPTS + 1):
        with pytest.raises(ValueError, match="invalid literal"):
            attempts.Attempt(int, str(tmp_path))((0, "one"))
        assert (attempts.find_error(tmp_path) is None) == (attempt < attempts.MOST_ATTEMPTS)
    assert isinstance(attempts.find_error(tmp_path), ValueError)
    (tmp_path / attempts.ERRORS / "0").unlink()
    with pytest.raises(OptionError):
        attempts.Attempt(master_addresses, str(tmp_path))((1, "yarn"))
    assert isinstance(attempts.find_error(tmp_path), OptionError)


def test_a_slice_that_kills_its_workers_is_named_with_its_file_and_bytes(tmp_path):
    attempts.make_folders(tmp_path)
    poison = Slice(3, "wikipedia", "wiki", ("/data/dump.xml.bz2",), ("dump.xml.bz2",), 4096, 8192)
    tasks = [Task("slice-00003", poison, 4096)]
    for n in range(attempts.MOST_ATTEMPTS + 1):
        assert attempts.find_hopeless(tmp_path) is None
        (tmp_path / attempts.RUNNING / f"0.{n}").write_text(f"host-{n} 1")
    (tmp_path / attempts.LOGS / "host-2").write_text("INFO\nPage 'X' took 60 s, this is a bug: report it\n")
    number, words = attempts.find_hopeless(tmp_path) or (-1, "")
    assert describe_task(tasks[number]) == "/data/dump.xml.bz2 from 4,096 to 8,192"
    assert words == "Page 'X' took 60 s, this is a bug: report it"


def test_in_a_store_attempts_that_did_not_end_are_counted_and_last_words_are_those_of_the_workers_machine(
    tmp_path, monkeypatch
):
    folder, log = as_path("memory://bucket/corpus/.work/engine-1/1"), tmp_path / "host-1"
    note = tmp_path / "host-1.task"
    monkeypatch.setenv(WORKER_LOG, str(log))
    marks: list[str] = []

    def work(task: object) -> int:
        marks.extend(path.name for path in attempts.marks(folder, 2))
        return 5

    assert attempts.Attempt(work, str(folder))((2, "one")) == 5
    assert len(marks) == 1 and not note.exists() and not attempts.marks(folder, 2)
    for attempt in range(1, attempts.MOST_ATTEMPTS + 1):
        with pytest.raises(ValueError, match="invalid literal"):
            attempts.Attempt(int, str(folder))((2, "one"))
        assert (attempts.find_error(folder) is None) == (attempt < attempts.MOST_ATTEMPTS)
    attempts.mark_death(folder, str(log))  # It died between two tasks.
    assert attempts.find_hopeless(folder) is None
    log.write_text("INFO\nPage 'X' took 60 s, this is a bug: report it\n")
    died = [attempts._marked(folder, 3) for _ in range(attempts.MOST_ATTEMPTS + 1)]
    for attempt, each in enumerate(died):
        each.__enter__()  # And never left: most die with who stands for them, for their executor is killed.
        assert note.exists()
        if attempt == 2:
            attempts.mark_death(folder, str(log))
            assert not note.exists()
    poison = Slice(3, "wikipedia", "wiki", ("s3://b/dump.xml.bz2",), ("dump.xml.bz2",), 4096, 8192)
    tasks = [None, None, None, Task("slice-00003", poison, 4096)]
    assert attempts.describe_tries(folder, tasks) == (
        "; 5 attempts at s3://b/dump.xml.bz2 from 4,096 to 8,192 never ended"
    )
    assert attempts.find_hopeless(folder) == (3, "Page 'X' took 60 s, this is a bug: report it")
