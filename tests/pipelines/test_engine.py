"""A job's way through an engine, without one: followed, sent again, cancelled, its problem in words."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from bertdata.errors import BuildError
from pipelines import attempts, engine, engine_submit, engine_tasks
from pipelines.engine_submit import State
from pipelines.flink import FlinkEngine
from pipelines.problems import CarriedError, WorkerError

FLINK = FlinkEngine("h:8081", "java", Path("server.jar"), 2, 1, resubmissions=2)
PROBLEM = "org.apache.flink.runtime.JobException: Connection closed by task-manager-1"


class Job:
    """A job of which the engine says, poll by poll, whether it runs, and what became of it."""

    def __init__(self, *states: State) -> None:
        self._states, self.cancelled = list(states), False

    def state(self) -> State:
        return self._states.pop(0)

    def error(self) -> str:
        return PROBLEM

    def cancel(self) -> None:
        self.cancelled = True


RUNS, FAILED, DONE = State(False, False), State(True, False), State(True, True)


def make_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: list[Job], said: list[str]) -> engine.Session:
    session = engine.Session(FLINK, tmp_path, tmp_path / "logs", said.append, verbose=False)
    monkeypatch.setattr(engine, "_POLL_SECONDS", 0.0)
    server = SimpleNamespace(endpoint=lambda: "localhost:1", returncode=None, log=tmp_path / "flink.log")
    monkeypatch.setattr(session, "_started", lambda *_: server)
    monkeypatch.setattr(engine_submit, "submit", lambda *_: jobs.pop(0))
    return session


def test_a_job_that_failed_is_sent_again_as_often_as_the_engine_needs(tmp_path, monkeypatch):
    jobs, said, seen = [Job(RUNS, FAILED), Job(RUNS, RUNS, DONE)], [], []
    session = make_session(tmp_path, monkeypatch, jobs, said)
    with session.new_folder() as folder:
        (folder / attempts.COUNTERS / "host-1").write_text('{"pages": 3}')
        assert session.run(lambda _: None, (), folder, [1], seen.append) == {"pages": 3}
    assert said == ["Flink lost its job (Connection closed by task-manager-1): sent again for what is left."]
    assert seen == [{"pages": 3}] * 3


def test_an_engine_that_gives_up_every_time_is_the_end(tmp_path, monkeypatch):
    said: list[str] = []
    session = make_session(tmp_path, monkeypatch, [Job(FAILED) for _ in range(3)], said)
    with session.new_folder() as folder, pytest.raises(WorkerError) as caught:
        session.run(lambda _: None, (), folder, [1], None)
    assert str(caught.value).startswith("Flink at h:8081 gave up: Connection closed by task-manager-1 (its log: ")
    assert len(said) == 2


def test_a_job_without_hope_is_cancelled_where_it_would_go_on_alone(tmp_path, monkeypatch):
    for outlives in (True, False):
        job = Job(RUNS)
        session = make_session(tmp_path, monkeypatch, [job], [])
        session._engine = replace(FLINK, outlives_driver=outlives)
        with session.new_folder() as folder:
            (folder / attempts.REFUSALS / "host-1").write_text("The worker on host can't take part: it is old.")
            with pytest.raises(BuildError, match=r"it is old\. Install the same version of bertdata on every worker"):
                session.run(lambda _: None, (), folder, [1], None)
        assert job.cancelled is outlives


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (PROBLEM, "Connection closed by task-manager-1"),
        ("a.b.OuterException: a.b.Inner$Error: no room\n\tat a.b.C", "no room at a.b.C"),
        ("No such file: /data/a.b", "No such file: /data/a.b"),
    ],
)
def test_names_of_java_classes_are_left_out(said, shown):
    assert engine._shortened(said) == shown


def test_results_of_many_tasks_come_back_whole_in_files_of_a_thousand(tmp_path, monkeypatch):
    def work(number: int) -> list[tuple[int, str]]:
        return [(number, f"task {number}")]

    monkeypatch.setattr(engine_tasks, "RESULTS_A_PART", 10)
    engine_tasks.write_work(str(tmp_path), work, range(45), None)
    attempts.make_folders(tmp_path)
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        engine_tasks.run_on_engine(pipeline, str(tmp_path), None, gathers=False)
    assert len(list(tmp_path.glob("result-*"))) == 5
    assert sorted(engine_tasks.read_result(str(tmp_path))) == [(n, f"task {n}") for n in range(45)]


def test_a_function_that_workers_can_not_load_is_an_error_by_its_name(tmp_path, monkeypatch):
    (tmp_path / "only_here.py").write_text("def work(task): return task")
    with monkeypatch.context() as here:
        here.syspath_prepend(tmp_path)
        import only_here

        attempts.make_folders(tmp_path)
        engine_tasks.write_work(str(tmp_path), only_here.work, ["task"], None)
    monkeypatch.delitem(sys.modules, "only_here")
    for _ in range(attempts.MOST_ATTEMPTS):
        assert attempts.find_error(tmp_path) is None
        with pytest.raises(CarriedError, match="No module named 'only_here'"):
            engine_tasks.attempt((0, "task"), str(tmp_path))
    assert isinstance(attempts.find_error(tmp_path), ModuleNotFoundError)
