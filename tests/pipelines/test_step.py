"""What an earlier run finished is found again, on a disk and in a store, whatever the number of tasks."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from bertdata.files import publish
from bertdata.steps import write_json
from bertdata.store import as_path
from pipelines import step
from pipelines.runner import RunOptions
from pipelines.step import Task


@pytest.mark.parametrize("where", ["disk", "store"])
def test_results_are_found_where_their_files_are_whole(where: str, tmp_path: Path, monkeypatch) -> None:
    folder = tmp_path if where == "disk" else as_path("memory://bucket-finished/corpus")
    work = folder / ".work" / "tokens"
    if where == "disk":
        work.mkdir(parents=True)
    with publish(folder / "made.arrow") as path:
        path.write_bytes(b"four")
    tasks = [Task(f"{n:05d}", None, 1) for n in range(step._WORTH_READERS + 3)]
    for n, task in enumerate(tasks[:-1]):
        size = 5 if n == 7 else 4  # One file was written in another size since.
        write_json(work / f"{task.key}.json", {"n": n, "files": {"made": {"path": "made.arrow", "bytes": size}}})
    threads = set()
    looked = step._finished
    monkeypatch.setattr(step, "_finished", lambda *given: threads.add(threading.get_ident()) or looked(*given))
    found = step._find_finished(folder, work, tasks)
    assert [found[task.key]["n"] for n, task in enumerate(tasks[:-1]) if n != 7] == [n for n in range(102) if n != 7]
    assert found["00007"] is None
    assert tasks[-1].key not in found
    assert (threading.get_ident() in threads) == (where == "disk")


@pytest.mark.parametrize(
    ("runner", "workers", "hands"),
    [("direct", 3, 3), ("flink", 4, 4), ("flink", 0, 1), ("spark", 2, 40), ("dataflow", 9, 1)],
)
def test_tasks_are_dealt_to_what_a_runner_deals_to(runner: str, workers: int, hands: int) -> None:
    assert step._num_hands(RunOptions(workers, runner, seconds=80.0), 200) == hands
