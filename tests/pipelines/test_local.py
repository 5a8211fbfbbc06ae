"""The supervised runner: whatever dies, the run ends with a named error and no process is left behind."""

import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from bertdata.errors import BuildError, InputError
from pipelines.problems import WorkerError
from pipelines.runner import RunOptions, run_pipeline, run_tasks
from pipelines.spawner import warm_spawner

# A C call that holds the GIL for longer than any test lasts: no thread and no signal handler of Python gets a turn.
LONG_C_CALL = 10**11

# The time within which everything that is told to end has to be gone. The bar is a second; a busy machine needs more.
SECONDS_TO_END = 120


def wait_until(condition) -> None:
    end = time.monotonic() + SECONDS_TO_END
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


# --- errors and deaths of workers


@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_ends_the_run_though_the_other_worker_is_busy(failing, tmp_path):
    """Whichever worker is first in Beam's order: the stock runner waits for the first one's work."""

    def work(task: tuple[int, int, str]) -> None:
        import time

        number, failing, folder = task
        (Path(folder) / str(os.getpid())).touch()
        if number == failing:
            while len(list(Path(folder).iterdir())) < 2:
                time.sleep(0.01)
            raise InputError("the source is empty")
        sum(range(LONG_C_CALL))

    with pytest.raises(InputError, match="the source is empty"):
        run_tasks(work, [(number, failing, str(tmp_path)) for number in range(2)], RunOptions(2))
    assert all(gone(int(path.name)) for path in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("death", "message"),
    [
        ("os.kill(os.getpid(), 9)", r"was killed \(SIGKILL\), as happens when memory runs out"),
        ("os._exit(3)", "ended with exit code 3"),
        ("os.abort()", r"crashed \(SIGABRT\)"),
    ],
)
def test_a_death_of_a_worker_is_a_named_error_though_the_other_is_busy(death, message, tmp_path):
    def work(number: int) -> None:
        if number == 1:
            exec(death, {"os": os})
        sum(range(LONG_C_CALL))

    logs = tmp_path / "logs"
    where = rf" \(its log: {logs}/worker_[01].log\)"
    with pytest.raises(
        WorkerError, match=rf"^Worker process \d+ {message}, at work on 1.*{where}. Run the same command again"
    ):
        run_tasks(work, [0, 1], RunOptions(2, log_dir=str(logs)))


def test_a_worker_that_fails_at_its_start_is_a_named_error_that_says_why(monkeypatch):
    monkeypatch.setenv("PIPELINE_OPTIONS_FILE", "/no/such/options")
    with pytest.raises(WorkerError, match=r"ended with exit code 1, saying: FileNotFoundError.*'/no/such/options'"):
        run_tasks(abs, [1, 2], RunOptions(2))


def test_what_workers_can_not_load_is_a_named_error(tmp_path, monkeypatch):
    (tmp_path / "only_here.py").write_text("def work(task): return task")
    with monkeypatch.context() as here:
        here.syspath_prepend(tmp_path)
        import only_here
    with pytest.raises(WorkerError, match=r"can't load what it is to do \(ModuleNotFoundError: No module.*only_here"):
        run_tasks(only_here.work, [1, 2], RunOptions(2))


def test_an_error_of_this_process_stays_what_it_is_though_workers_are_let_go(monkeypatch):
    def fail(*_: object) -> None:
        raise ZeroDivisionError("between two bundles")

    monkeypatch.setattr("pipelines.local.LocalRunner._schedule_ready_bundles", fail)
    with pytest.raises(ZeroDivisionError, match="between two bundles"):
        run_tasks(abs, [1, 2], RunOptions(2))


def test_a_death_of_the_process_that_forks_takes_its_workers_and_the_next_run_starts_another():
    def work(number: int) -> None:
        if number == 1:
            os.kill(os.getppid(), signal.SIGKILL)
        sum(range(LONG_C_CALL))

    with pytest.raises(WorkerError, match="Worker process was killed"):
        run_tasks(work, [0, 1], RunOptions(2))
    wait_until(lambda: not warm_spawner_children())
    assert run_tasks(abs, [-1, -2], RunOptions(2)) == [1, 2]


def warm_spawner_children() -> list[psutil.Process]:
    """The process that forks and its workers; other tests of this process may have left children of their own."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            is_ours = any("pipelines.worker" in word for word in process.cmdline())
            if is_ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def test_a_run_leaves_no_worker_and_no_file(tmp_path):
    run_tasks(abs, [1, 2], RunOptions(2))
    (forker,) = warm_spawner_children()
    assert forker.children() == []
    assert warm_spawner().alive


# --- what workers see


def test_workers_see_the_callers_path_folder_and_environment_as_they_are_now(tmp_path, monkeypatch):
    warm_spawner()
    (tmp_path / "late_module.py").write_text("VALUE = 42")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LATE_VARIABLE", "late")

    def work(_: int) -> tuple[int, str, str, str]:
        import late_module

        return late_module.VALUE, os.environ["LATE_VARIABLE"], str(Path.cwd()), os.environ["OMP_NUM_THREADS"]

    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert run_tasks(work, [0, 1], RunOptions(2)) == [(42, "late", str(tmp_path), "1")] * 2


def test_beam_arguments_reach_the_workers():
    options = RunOptions(2, beam_args=("--max_cache_memory_usage_mb=123",))
    told = run_tasks(lambda _: os.environ["PIPELINE_OPTIONS"], [0, 1], options)
    assert {json.loads(each)["beam:option:max_cache_memory_usage_mb:v1"] for each in told} == {"123"}


def test_a_proxy_in_the_environment_is_not_asked(monkeypatch):
    for name in ("http_proxy", "https_proxy", "grpc_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert run_tasks(abs, [-1, -2], RunOptions(2)) == [1, 2]


def test_what_a_task_prints_and_logs_is_in_the_workers_log(tmp_path, capfd):
    def work(number: int) -> None:
        import logging

        sys.stdout.write(f"printed {number}\n")
        sys.stdout.flush()
        logging.getLogger("mine").warning("logged %s", number)
        os.write(2, b"from C\n")

    run_tasks(work, [0, 1], RunOptions(2, log_dir=str(tmp_path / "new" / "logs")))
    logs = sorted((tmp_path / "new" / "logs").iterdir())
    assert [log.name for log in logs] == ["worker_0.log", "worker_1.log"]
    text = "".join(log.read_text() for log in logs)
    for number in range(2):
        assert f"printed {number}\n" in text and f"WARNING mine: logged {number}\n" in text
    assert text.count("from C\n") == 2
    assert capfd.readouterr() == ("", "")


def test_resource_hints_start_no_more_workers(tmp_path):
    def touch(_: int, folder: str) -> int:
        (Path(folder) / str(os.getpid())).touch()
        return 0

    def build(pipeline):
        import apache_beam as beam

        numbers = pipeline | beam.Create(range(8)) | "first" >> beam.Map(touch, str(tmp_path))
        _ = numbers | beam.Reshuffle() | "second" >> beam.Map(touch, str(tmp_path))
        _ = numbers | "third" >> beam.Map(touch, str(tmp_path)).with_resource_hints(min_ram="1GB")

    run_pipeline(build, RunOptions(2))
    assert len(list(tmp_path.iterdir())) == 2


# --- who can connect


def test_nothing_listens_but_a_unix_socket_in_a_folder_of_ones_own(tmp_path):
    found: list[tuple[list, list[str]]] = []

    def work(folder: str) -> None:
        while not (Path(folder) / "seen").exists():
            time.sleep(0.01)

    def on_progress(_: dict[str, int]) -> None:
        family = [psutil.Process(), *warm_spawner_children()]
        if len(family) == 4 and not found:  # This process, the one that forks, and two workers.
            inet = [c for p in family for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN]
            doors = {c.laddr for p in family for c in p.net_connections("unix") if str(c.laddr).endswith("/runner")}
            found.append((inet, sorted(doors)))
            (tmp_path / "seen").touch()
            for door in doors:
                assert stat.S_IMODE(Path(door).parent.stat().st_mode) == 0o700

    run_tasks(work, [str(tmp_path)] * 2, RunOptions(2, progress_seconds=0.05), on_progress)
    ((inet, doors),) = found
    assert inet == []
    assert len(doors) == 1 and not Path(doors[0]).exists()


def test_a_folder_that_can_not_hold_a_socket_is_a_named_error(tmp_path):
    import apache_beam as beam

    from pipelines.local import LocalRunner

    folder = tmp_path / ("deep" * 30)
    folder.mkdir()
    pipeline = beam.Pipeline(runner=LocalRunner(2, str(folder)))
    _ = pipeline | beam.Create([1])
    with pytest.raises(BuildError, match="can't hold a socket: set TMPDIR to a folder on a local disk"):
        pipeline.run()


# --- signals to the parent

DRIVER = """
import json, os, sys, time
from pathlib import Path
from pipelines.runner import RunOptions, run_tasks

def work(task):
    kind, folder = task
    (Path(folder) / str(os.getpid())).touch()
    if kind == "c":
        sum(range(10**11))
    while kind == "python":
        time.sleep(0.01)

for line in sys.stdin:
    kind, workers, folder = json.loads(line)
    tasks = [(kind, folder)] * 2
    try:
        run_tasks(work, tasks, RunOptions(workers), lambda counters: None)
        end = "done"
    except BaseException as error:
        end = f"{type(error).__name__} {error}".strip()
    print(end, flush=True)
"""


class Driver:
    """A process that runs tasks on command and says how each run ended; a signal must not end it, only the run."""

    def __init__(self, folder: Path) -> None:
        self._errors = (folder / "errors").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-c", DRIVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            start_new_session=True,
        )

    def begin(self, kind: str, workers: int, folder: Path) -> None:
        folder.mkdir()
        print(json.dumps([kind, workers, str(folder)]), file=self.process.stdin, flush=True)

    def begin_and_wait(self, kind: str, workers: int, folder: Path) -> list[int]:
        """Return the pids of those that work, once all do."""
        self.begin(kind, workers, folder)
        wait_until(lambda: len(list(folder.iterdir())) == workers)
        return [int(path.name) for path in folder.iterdir()]

    def end(self) -> str:
        return self.process.stdout.readline().strip()

    def errors(self) -> str:
        self._errors.seek(0)
        return self._errors.read()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        self._errors.close()


@pytest.fixture(scope="module")
def driver(tmp_path_factory) -> Iterator[Driver]:
    driver = Driver(tmp_path_factory.mktemp("driver"))
    yield driver
    driver.close()


def test_ctrl_c_while_workers_start_ends_them(driver, tmp_path):
    """First with this driver, for then the process that forks still imports Beam."""
    driver.begin("c", 2, tmp_path / "run")
    parent = psutil.Process(driver.process.pid)
    wait_until(parent.children)
    (forker,) = parent.children()
    wait_until(lambda: any(word.endswith("/runner") for word in sockets(parent)))
    os.killpg(driver.process.pid, signal.SIGINT)
    assert driver.end() == "KeyboardInterrupt"
    wait_until(lambda: not forker.children())
    assert driver.errors() == ""


def sockets(process: psutil.Process) -> list[str]:
    return [str(connection.laddr) for connection in process.net_connections("unix")]


@pytest.mark.parametrize("kind", ["python", "c"])
@pytest.mark.parametrize("send", [os.kill, os.killpg])
def test_ctrl_c_ends_all_workers_and_comes_out(driver, tmp_path, kind, send):
    pids = driver.begin_and_wait(kind, 2, tmp_path / "run")
    send(driver.process.pid, signal.SIGINT)
    assert driver.end() == "KeyboardInterrupt"
    assert all(gone(pid) for pid in pids)
    assert driver.errors() == ""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.parametrize("send", [os.kill, os.killpg])
def test_termination_unwinds_like_ctrl_c(driver, tmp_path, number, code, send):
    pids = driver.begin_and_wait("c", 2, tmp_path / "run")
    send(driver.process.pid, number)
    assert driver.end() == f"SystemExit {code}"
    assert all(gone(pid) for pid in pids)
    assert driver.errors() == ""


@pytest.mark.parametrize(("number", "end"), [(signal.SIGINT, "KeyboardInterrupt"), (signal.SIGTERM, "SystemExit 143")])
def test_signals_come_out_of_one_process_too(driver, tmp_path, number, end):
    driver.begin_and_wait("python", 1, tmp_path / "run")
    os.killpg(driver.process.pid, number)
    assert driver.end() == end
    assert driver.errors() == ""


def test_ctrl_c_just_after_a_fork_ends_the_workers(driver, tmp_path):
    parent = psutil.Process(driver.process.pid)
    driver.begin("c", 2, tmp_path / "run")
    wait_until(lambda: len(parent.children(recursive=True)) > 1)
    os.killpg(driver.process.pid, signal.SIGINT)
    assert driver.end() == "KeyboardInterrupt"
    wait_until(lambda: len(parent.children(recursive=True)) == 1)
    assert driver.errors() == ""


def test_kill_9_of_the_parent_leaves_no_orphans_even_in_a_long_c_call(driver, tmp_path):
    """Last in this file, for it ends the driver."""
    pids = driver.begin_and_wait("c", 2, tmp_path / "run")
    family = psutil.Process(driver.process.pid).children(recursive=True)
    assert {p.pid for p in family} > set(pids) and len(family) == 3
    driver.process.kill()
    wait_until(lambda: all(gone(process.pid) for process in family))
    assert driver.errors() == ""
