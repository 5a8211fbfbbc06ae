"""Steps through the runner, in one process and in two: the same results, counters and errors."""

import operator
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertdata.errors import DamagedInputError, InputError, OptionError
from pipelines.hands import deal_hands, take_tasks
from pipelines.progress import count
from pipelines.runner import RunOptions, combine_tasks, largest_first, run_pipeline, run_tasks

both = pytest.mark.parametrize("workers", [1, 2])


# --- options


def test_an_unknown_engine_is_refused_with_those_there_are():
    with pytest.raises(OptionError, match="--runner is 'prism'; it must be one of direct, spark, flink, dataflow"):
        RunOptions(workers=1, runner="prism")


def test_no_worker_is_refused():
    with pytest.raises(OptionError, match="--workers is 0; it must be at least 1"):
        RunOptions(workers=0)


@pytest.mark.parametrize("argument", ["--runner=DirectRunner", "--direct_num_workers=3", "--direct_running_mode"])
def test_what_bertdata_sets_can_not_be_given_to_beam(argument):
    with pytest.raises(OptionError, match=f"{argument.split('=')[0]} can't be given to Beam"):
        RunOptions(workers=1, beam_args=(argument,))


def test_a_mistyped_beam_argument_is_refused_not_ignored():
    with pytest.raises(OptionError, match="Beam has no option --max_cache_memory_usage=3"):
        run_tasks(abs, [1], RunOptions(workers=1, beam_args=("--max_cache_memory_usage=3",)))


def test_a_beam_argument_of_the_wrong_type_is_refused_in_one_line():
    with pytest.raises(OptionError, match=r"Beam refuses the arguments after --: .*invalid int value: 'x'"):
        run_tasks(abs, [1], RunOptions(workers=1, beam_args=("--max_cache_memory_usage_mb=x",)))


# --- dealing


def shares(ordered: list[float], workers: int) -> list[float]:
    return [sum(ordered[worker::workers]) for worker in range(workers)]


def test_even_tasks_stay_even():
    assert shares(largest_first([64] * 7, lambda n: n, 3), 3) == [192, 128, 128]


def test_tasks_of_one_size_go_to_a_worker_with_their_neighbours() -> None:
    slices = [(n, 9 if n == 3 else 4) for n in range(8)]
    ordered = largest_first(slices, lambda task: task[1], 2)
    assert [[n for n, _ in ordered[worker::2]] for worker in (0, 1)] == [[3, 0, 1, 2], [4, 5, 6, 7]]


def test_the_heavy_tail_goes_to_workers_that_get_little_else():
    sizes = [100, 1, 1, 1, 1, 1, 1, 20, 20, 20, 20, 20]
    assert shares(largest_first(sizes, lambda n: n, 2), 2) == [105, 101]


@given(st.lists(st.integers(0, 1000)), st.integers(1, 9))
def test_dealing_loses_and_doubles_no_task(sizes, workers):
    ordered = largest_first(list(enumerate(sizes)), lambda task: task[1], workers)
    assert sorted(ordered) == list(enumerate(sizes))
    for worker in range(workers):
        hand = [size for _, size in ordered[worker::workers]]
        assert hand == sorted(hand, reverse=True)


@given(st.lists(st.integers(1, 1000), min_size=1), st.integers(1, 9))
def test_no_worker_gets_more_than_the_mean_and_two_tasks(sizes, workers):
    ordered = largest_first(sizes, lambda n: n, workers)
    assert max(shares(ordered, workers)) <= sum(sizes) / workers + 2 * max(sizes)


# --- results


@both
def test_results_come_in_the_order_of_the_tasks(workers):
    assert run_tasks(lambda n: (n, n * n), range(10, 0, -1), RunOptions(workers)) == [
        (n, n * n) for n in range(10, 0, -1)
    ]


def test_two_workers_begin_with_a_hand_each(tmp_path):
    def meet(n: int) -> int:
        (tmp_path / str(n)).touch()
        wait_for(tmp_path / str(n ^ 1))  # One worker alone would wait for ever.
        return os.getpid()

    pids = run_tasks(meet, range(6), RunOptions(2))
    assert len(set(pids)) == 2 and os.getpid() not in pids
    assert pids[0::2] == [pids[0]] * 3 and pids[1::2] == [pids[1]] * 3


@pytest.mark.parametrize("slow", [0, 1])
def test_what_a_worker_that_is_held_up_leaves_is_taken_by_the_other(slow, tmp_path):
    def work(n: int) -> int:
        (tmp_path / f"{n} begins").touch()
        if n < 2:  # Or a worker that starts early took all.
            wait_for(tmp_path / f"{1 - n} begins")
        for other in set(range(7)) - {slow} if n == slow else ():
            wait_for(tmp_path / f"{other} ends")
        (tmp_path / f"{n} ends").touch()
        return os.getpid()

    pids = run_tasks(work, range(7), RunOptions(2))
    assert [pids.count(pid) for pid in (pids[slow], pids[1 - slow])] == [1, 6]


@given(st.integers(0, 50), st.integers(1, 9), st.randoms(use_true_random=False))
def test_however_workers_take_turns_each_task_is_taken_once(num_tasks, num_workers, turns):
    with TemporaryDirectory() as folder:
        deal_hands([f"task {n}" for n in range(num_tasks)], folder)
        hands = [take_tasks(worker, num_workers, folder) for worker in range(num_workers)]
        taken = []
        while hands:
            hand = turns.choice(hands)
            if (task := next(hand, None)) is None:
                hands.remove(hand)
            else:
                taken.append(task)
    assert sorted(taken) == sorted(f"task {n}" for n in range(num_tasks))


def test_a_worker_goes_on_with_the_smallest_of_the_others(tmp_path):
    deal_hands("aAbBcC", str(tmp_path))  # Hands of a, b, c and of A, B, C.
    other = take_tasks(1, 2, str(tmp_path))
    assert next(other) == "A"
    assert list(take_tasks(0, 2, str(tmp_path))) == ["a", "b", "c", "C", "B"]
    assert list(other) == []


def test_one_worker_is_this_process_and_so_is_one_task():
    assert run_tasks(lambda _: os.getpid(), [1, 2], RunOptions(1)) == [os.getpid()] * 2
    assert run_tasks(lambda _: os.getpid(), [1], RunOptions(8)) == [os.getpid()]


def test_no_task_gives_no_result():
    assert run_tasks(abs, [], RunOptions(2)) == []


@both
def test_arrays_are_added_up_where_they_are_made(workers):
    def histogram(n: int) -> np.ndarray:
        return np.full((2, 65536), n, np.int64)

    total = combine_tasks(histogram, [1, 2, 3, 4], np.add, RunOptions(workers))
    assert total.shape == (2, 65536) and total.dtype == np.int64
    assert np.unique(total).tolist() == [10]


def test_nothing_to_combine_is_an_error():
    with pytest.raises(ValueError, match="There is no task"):
        combine_tasks(abs, [], operator.add, RunOptions(2))


# --- counters


@both
def test_final_counters_are_exact(workers):
    def work(n: int) -> None:
        for _ in range(n):
            count("bytes", 3)
        count("pages")

    seen: list[dict[str, int]] = []
    run_tasks(work, [10, 20, 30], RunOptions(workers), seen.append)
    assert seen[-1] == {"bytes": 180, "pages": 3}


@both
def test_counters_move_while_a_task_runs(workers, tmp_path):
    """The tasks end only once the caller has seen the bytes that they counted."""

    def work(folder: str) -> None:
        count("bytes", 7)
        wait_for(Path(folder) / "seen")

    def on_progress(counters: dict[str, int]) -> None:
        # One worker runs one task after the other, two run both at once.
        if counters.get("bytes") == 7 * workers:
            (tmp_path / "seen").touch()

    run_tasks(work, [str(tmp_path)] * 2, RunOptions(workers, progress_seconds=0.02), on_progress)


def wait_for(path: Path, seconds: float = 60) -> None:
    import time

    end = time.monotonic() + seconds
    while not path.exists():
        if time.monotonic() > end:
            raise TimeoutError(f"{path} never came")
        time.sleep(0.01)


def test_a_problem_of_the_progress_display_is_raised():
    def on_progress(_: dict[str, int]) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    with pytest.raises(BrokenPipeError):
        run_tasks(abs, [1], RunOptions(1), on_progress)


# --- errors


@both
def test_errors_come_out_as_themselves_with_fields_and_traceback(workers):
    def work(n: int) -> None:
        if n == 3:
            raise DamagedInputError("caf\udce9.bz2", 900_000, "the block's checksum is wrong")

    with pytest.raises(DamagedInputError) as caught:
        run_tasks(work, [1, 2, 3, 4], RunOptions(workers))
    assert (caught.value.path, caught.value.offset) == ("caf\udce9.bz2", 900_000)
    (note,) = caught.value.__notes__
    assert "raised while running RunTasks/Call" in note and "in work" in note


@both
def test_foreign_errors_come_out_as_themselves(workers):
    with pytest.raises(FileNotFoundError) as caught:
        run_tasks(lambda path: Path(path).read_text(), ["/no/such/file"] * 2, RunOptions(workers))
    assert caught.value.filename == "/no/such/file"


@both
def test_errors_in_the_fold_come_out_too(workers):
    def combine(a: int, b: int) -> int:
        raise InputError("the same id twice")

    with pytest.raises(InputError, match="the same id twice"):
        combine_tasks(abs, [1, 2, 3, 4], combine, RunOptions(workers))


def test_what_beam_tells_in_forty_lines_is_one_line_and_a_note():
    def work(n: int) -> None:
        raise SystemExit(3)

    with pytest.raises(RuntimeError) as caught:
        run_tasks(work, [1, 2], RunOptions(2))
    assert str(caught.value) == "RuntimeError: SystemExit: 3 [while running 'RunTasks/Call']"
    assert len(caught.value.__notes__[0].splitlines()) > 20


# --- the pipeline itself


def test_a_step_of_ones_own_runs_and_counts():
    def build(pipeline):
        import apache_beam as beam

        numbers = pipeline | beam.Create([1, 2, 3])
        _ = numbers | beam.Map(lambda n: count("sum", n))

    assert run_pipeline(build, RunOptions(1)) == {"sum": 6}


def test_nothing_is_left_in_the_temporary_folder(tmp_path, monkeypatch):
    import tempfile

    def build(pipeline):
        raise InputError("no source")

    with tempfile.TemporaryDirectory(prefix="t", dir="/tmp") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        with pytest.raises(InputError):
            run_pipeline(build, RunOptions(1))
        assert list(Path(folder).iterdir()) == []
        assert run_tasks(abs, [-1], RunOptions(1)) == [1]
        assert list(Path(folder).iterdir()) == []


def test_beam_is_imported_only_when_a_pipeline_runs():
    script = "import sys, pipelines.runner; print('apache_beam' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", script], text=True) == "False\n"
