"""Dataflow without Dataflow: the jobs that it would get, and whole builds by the same code in this process."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

from bertdata.errors import BuildError, InputError, OptionError
from bertdata.example_options import ExampleOptions
from bertdata.files import files_below, publish
from bertdata.records import Slice
from bertdata.store import as_path
from cli.main import run
from pipelines import dataflow
from pipelines.build_corpus import CorpusOptions, build_corpus
from pipelines.dataflow import DataflowOptions, dataflow_options, describe_job, has_libraries, top_names
from pipelines.engine_tasks import run_on_engine, write_work
from pipelines.runner import Gather, RunOptions
from pipelines.sessions import engine_session
from pipelines.step import Build, Task
from pipelines.vocab import VocabOptions
from tests.corpora import dump_xml, write_books

GIVEN = (
    "--project=my-project",
    "--region=europe-west4",
    "--sdk_container_image=europe-docker.pkg.dev/p/r/bertdata:0.1.0",
)
NUM_FILES = 100_000
needs_google = pytest.mark.skipif(not has_libraries(), reason="`make test-dataflow` has Google's libraries")


def many_tasks() -> list[Task]:
    paths = [f"gs://bucket/dumps/enwiki-20260901-pages-articles{n:06d}.xml.bz2" for n in range(NUM_FILES)]
    return [
        Task(f"slice-{n:05d}", Slice(n, "enwiki", "wikipedia", (path,), (path,), 0, 64_000_000), 64_000_000)
        for n, path in enumerate(paths)
    ]


@pytest.mark.parametrize("gathers", [False, True])
def test_a_graph_of_a_hundred_thousand_files_names_one_file_and_has_stable_names(gathers, tmp_path):
    tasks = many_tasks()
    gather = Gather([task.key for task in tasks], str) if gathers else None
    assert len(write_work(str(tmp_path), repr, tasks, gather)) == NUM_FILES * (1 + gathers)
    assert (tmp_path / "tasks").stat().st_size > 5_000_000
    graphs = []
    for _ in range(2):
        pipeline = beam.Pipeline(runner=FnApiRunner())
        run_on_engine(pipeline, str(tmp_path), None, gathers=gathers)
        graphs.append(pipeline.to_runner_api())
    assert max(graph.ByteSize() for graph in graphs) < 50_000
    assert b"enwiki" not in graphs[0].SerializeToString()
    first, second = ([t.unique_name for t in g.components.transforms.values()] for g in graphs)
    assert first == second
    middle = ("Cut", "GroupByKey", "Gather") if gathers else ("Call",)
    assert top_names(graphs[0]) == (
        "Create",
        "List",
        "Reshuffle",
        *middle,
        "Number",
        "Part",
        "Keep",
    )


@needs_google
@pytest.mark.parametrize(("step", "gathers"), [("extract", False), ("examples", True)])
def test_the_service_would_get_a_small_job_with_the_image_and_nothing_from_this_machine(step, gathers, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")  # Nothing is asked of anybody.
    options = DataflowOptions(GIVEN, as_path("gs://bucket/corpus"))
    job = describe_job(step, NUM_FILES, options, "gs://bucket/corpus/.work/engine-1/1", gathers=gathers)
    assert job == describe_job(step, NUM_FILES, options, "gs://bucket/corpus/.work/engine-1/1", gathers=gathers)
    assert job.name.startswith(f"bertdata-{step}-") and job.name == job.name.lower()
    assert job.num_bytes < 100_000
    assert job.image == "europe-docker.pkg.dev/p/r/bertdata:0.1.0"
    assert job.staged == ("submission_environment_dependencies.txt",)  # A list of packages, for the job's page.


@needs_google
def test_dry_run_prints_the_jobs_and_asks_nobody(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    books = write_books(tmp_path / "books", num=3)
    arguments = ["--books", str(books), "--output", "gs://bucket/corpus", "--runner", "dataflow", "--dry-run"]
    assert run(["build-corpus", *arguments, "--json", "--", *GIVEN]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [job["step"] for job in shown] == ["extract", "vocab", "tokens", "examples-128"]
    assert {job["image"] for job in shown} == {"europe-docker.pkg.dev/p/r/bertdata:0.1.0"}


def test_a_pipeline_leaves_no_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    filled: list[beam.Pipeline] = []
    assert dataflow.make_pipeline(filled.append, ["--runner=FnApiRunner"]) is filled[0]
    assert not list(tmp_path.iterdir())


def test_what_the_service_needs_is_asked_for_before_work_starts(monkeypatch):
    output = as_path("gs://bucket/corpus")
    for n, name in enumerate(("--project", "--region", "--sdk_container_image")):
        with pytest.raises(OptionError, match=f"--runner dataflow needs `-- {name}=…`"):
            DataflowOptions(GIVEN[:n] + GIVEN[n + 1 :], output)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(OptionError, match=r"pip install 'bertdata\[gcp\]'"):
        dataflow_options(GIVEN, output)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    with pytest.raises(BuildError, match="--output /data/corpus: Dataflow's workers write to gs://BUCKET/FOLDER only"):
        dataflow_options(GIVEN, Path("/data/corpus"))


def test_options_of_the_user_win_and_names_of_jobs_follow_from_output_and_step():
    given = ("--project", "my-project", *GIVEN[1:], "--temp_location=gs://other/temp")
    one = DataflowOptions(given, as_path("gs://bucket/corpus")).arguments("1")
    two = DataflowOptions(given, as_path("gs://bucket/other")).arguments("1")
    assert "--temp_location=gs://other/temp" in one
    assert "--staging_location=gs://bucket/corpus/.work/dataflow/staging" in one
    names = [next(word for word in words if word.startswith("--job_name=")) for words in (one, two)]
    assert names[0] != names[1]


class Result:
    """What Dataflow's runner returns, of a pipeline that has run here."""

    def __init__(self, pipeline: beam.Pipeline) -> None:
        self.cancelled = False
        try:
            self._result = FnApiRunner().run_pipeline(pipeline, pipeline.options)
            self.state = "DONE"
        except Exception as error:
            self._error, self.state = error, "FAILED"

    def job_id(self) -> str:
        return "job-1"

    def is_in_terminal_state(self) -> bool:
        return True

    def metrics(self) -> Any:
        return self._result.metrics()

    def wait_until_finish(self) -> None:
        raise self._error


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in this process what Dataflow would get, on a store in its memory."""

    def make(build: Any, arguments: Any) -> Any:
        pipeline = beam.Pipeline(runner=FnApiRunner())
        build(pipeline)
        return SimpleNamespace(run=lambda: Result(pipeline))

    monkeypatch.setattr(dataflow, "make_pipeline", make)
    monkeypatch.setattr(dataflow, "dataflow_options", lambda given, output, **_: DataflowOptions(tuple(given), output))


def make_build(folder: str, runner: str, lines: list[str], shuffle: str = "files") -> Build:
    reporter = SimpleNamespace(
        **dict.fromkeys(("begin", "end", "close", "skip", "update"), lambda *_: None), say=lines.append
    )
    path = as_path(folder)
    options = RunOptions(1, runner, GIVEN, work_dir=f"{path}/.work", say=lines.append, shuffle=shuffle)
    if runner == "direct":
        options = RunOptions(1)
    return Build(path, options, reporter)  # type: ignore[arg-type]


@pytest.mark.parametrize("shuffle", ["files", "engine"])
def test_every_step_runs_on_a_store_as_the_service_would_run_it(shuffle, service, tmp_path, monkeypatch):
    monkeypatch.setenv("BERTDATA_CACHE", str(tmp_path / "cache"))
    books, bucket = write_books(tmp_path / "books", num=6), as_path(f"memory://bucket-{shuffle}")
    options = CorpusOptions(
        {"books": [f"novels={books}"]}, vocab=VocabOptions(150), examples=ExampleOptions((64,), shard_bytes=8000)
    )
    build_corpus(make_build(str(tmp_path / "direct"), "direct", []), options)
    lines: list[str] = []
    build = make_build(f"{bucket}/corpus", "dataflow", lines, shuffle)
    with pytest.raises(OptionError, match=r"book-00\.txt lies on this machine"), engine_session(build.run):
        build_corpus(build, options)
    for path in sorted(books.iterdir()):
        with publish(bucket / "books" / path.name) as temporary:
            temporary.write_bytes(path.read_bytes())
    stored = replace(options, sources={"books": [f"novels={bucket}/books"]})
    build = make_build(f"{bucket}/corpus2", "dataflow", lines, shuffle)
    with engine_session(build.run):
        build_corpus(build, stored)
    assert lines[0] == (
        "Dataflow's own page: https://console.cloud.google.com/dataflow/jobs/europe-west4/job-1?project=my-project"
    )
    made = {p.relative_to(bucket / "corpus2").as_posix(): p.read_bytes() for p in files_below(bucket / "corpus2")}
    assert not [name for name in made if name.startswith(".work")]
    expected = {p.relative_to(tmp_path / "direct"): p.read_bytes() for p in files_below(tmp_path / "direct")}
    compared = [name for name in expected if name.parts[0] in ("documents", "vocab", "tokens", "shards")]
    assert len(compared) > 5
    assert {str(name): expected[name] for name in compared}.items() <= made.items()


def test_a_damaged_source_comes_out_of_the_service_by_its_name(service, tmp_path, monkeypatch):
    monkeypatch.setenv("BERTDATA_CACHE", str(tmp_path / "cache"))
    dump = as_path("memory://bucket-damaged/dump.xml")
    text = dump_xml(20)
    with publish(dump) as temporary:
        temporary.write_text(text[: len(text) // 2], encoding="utf-8")
    build = make_build("memory://bucket-damaged/corpus", "dataflow", [])
    with (
        pytest.raises(InputError, match=r"memory://bucket-damaged/dump\.xml is damaged at byte"),
        engine_session(build.run),
    ):
        build_corpus(build, CorpusOptions({"wikipedia": [str(dump)]}))
