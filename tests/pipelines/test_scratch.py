"""Private folders that don't outlive their process."""

import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pipelines.scratch import scratch_folder


@pytest.fixture
def temporary(tmp_path_factory, monkeypatch):
    with tempfile.TemporaryDirectory(prefix="t", dir="/tmp") as folder:  # Short: a socket's path has 107 bytes.
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def test_nobody_else_can_open_it_and_it_goes(temporary):
    with scratch_folder() as folder:
        assert folder.parent == temporary
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (folder / "file").write_text("x")
    assert list(temporary.iterdir()) == []


def test_it_goes_when_its_block_fails(temporary):
    with pytest.raises(KeyError), scratch_folder():
        raise KeyError
    assert list(temporary.iterdir()) == []


def test_a_folder_left_by_a_killed_process_is_removed_by_the_next(temporary):
    script = (
        "import tempfile, time; from pipelines.scratch import scratch_folder\n"
        f"tempfile.tempdir = {str(temporary)!r}\n"
        "with scratch_folder() as folder: (folder / 'x').touch(); print(folder, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        left = Path(process.stdout.readline().strip())
        with scratch_folder():
            assert left.exists()  # Its holder lives.
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert left.exists()
    with scratch_folder() as folder:
        assert list(temporary.iterdir()) == [folder]


def test_a_deep_temporary_folder_is_passed_over(tmp_path, monkeypatch):
    deep = tmp_path / ("d" * 80)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    with scratch_folder() as folder:
        assert len(str(folder / "runner")) < 107
