"""What a benchmark's watch adds up: every byte once, whoever is reaped when."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.watch import MARK, Seen, Use, Watch, least_pace, tell_as_counted_where_quiet

PARENT, CHILD, GRANDCHILD = (10, 100), (20, 200), (30, 300)


def seen(parent: int, read: float) -> Seen:
    return Seen(parent, Use(0.0, read, 2 * read, 0))


def test_a_child_that_is_reaped_between_two_looks_counts_once():
    watch = Watch("mark")
    watch.note({PARENT: seen(1, 5), CHILD: seen(100, 70)}, set())
    watch.note({PARENT: seen(1, 80)}, {CHILD})  # The child's 70, 3 that it did unseen, and 2 of the parent's own.
    assert (watch.of().read, watch.of().written) == (80, 160)


def test_a_child_that_is_reaped_during_a_look_counts_once_whoever_is_read_first():
    for parent_then in (5, 75):  # Read before it reaped the child, and after.
        watch = Watch("mark")
        watch.note({PARENT: seen(1, 5), CHILD: seen(100, 60)}, set())
        watch.note({PARENT: seen(1, parent_then), CHILD: seen(100, 70)}, {CHILD})
        assert watch.of().read == 75
        watch.note({PARENT: seen(1, 76)}, set())
        assert watch.of().read == 76


def test_a_family_that_goes_at_once_is_taken_off_who_is_left():
    watch = Watch("mark")
    watch.note({PARENT: seen(1, 5), CHILD: seen(100, 20), GRANDCHILD: seen(200, 70)}, set())
    watch.note({PARENT: seen(1, 95)}, {CHILD, GRANDCHILD})
    assert (watch.of().read, watch.of().written) == (95, 190)


def test_bytes_and_steps_of_real_processes(tmp_path: Path, monkeypatch):
    """A process writes 3 MB and its child, which it waits for, 20 MB."""
    child = f"open({str(tmp_path / 'b')!r}, 'wb').write(bytes(20_000_000)); import time; time.sleep(0.4)"
    code = (
        f"import subprocess, sys, time; open({str(tmp_path / 'a')!r}, 'wb').write(bytes(3_000_000)); "
        f"subprocess.run([sys.executable, '-c', {child!r}], check=True); time.sleep(0.4)"
    )
    watch = Watch("of-a-test")
    process = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, MARK: "of-a-test"})
    watch.driver, watch.step = process.pid, "extract"
    end = time.monotonic() + 60
    while process.poll() is None:
        assert time.monotonic() < end, "the process didn't end"
        watch.look()
        time.sleep(0.02)
    assert 23_000_000 <= watch.of("extract").written < 23_100_000


def test_cpu_seconds_are_as_counted_where_nobody_else_was_at_work_beside_any():
    watches = [Watch("a"), Watch("b")]
    for watch in watches:
        watch.uses["extract", "driver"].add(Use(cpu=10.0))
        watch.paces["extract"].append(2 * least_pace())
    assert tell_as_counted_where_quiet(watches) == "as counted: nobody else was at work"
    assert [watch.cost() for watch in watches] == [10.0, 10.0]
    watches[1].others = 0.6
    assert tell_as_counted_where_quiet(watches).startswith("at the pace of this machine alone")
    assert [watch.cost() for watch in watches] == [5.0, 5.0]
