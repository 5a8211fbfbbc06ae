from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import bertdata.steps
from bertdata.errors import BuildError
from bertdata.files import publish
from bertdata.steps import Step, complete_record, lock_folder, missing_files, read_json, remove_from, write_json
from bertdata.store import as_path


def make(folder: Path, name: str = "vocab", **options: object) -> Step:
    return Step(folder, name, {"vocab_size": 100, **options}, {"documents": "abc"})


def test_a_complete_step_is_met_again_as_done(tmp_path: Path) -> None:
    assert make(tmp_path).begin() is None
    assert complete_record(tmp_path, "vocab") is None
    make(tmp_path).complete({"size": 100})
    record = make(tmp_path).begin()
    assert record is not None
    assert record["result"] == {"size": 100}


def test_a_begun_step_goes_on_and_keeps_its_task_results(tmp_path: Path) -> None:
    step = make(tmp_path)
    step.begin()
    write_json(step.work / "one.json", {"rows": 1})
    assert make(tmp_path).begin() is None
    assert read_json(step.work / "one.json") == {"rows": 1}
    step.complete({})
    assert not step.work.exists()


def test_a_changed_option_is_refused_by_name_and_value(tmp_path: Path) -> None:
    make(tmp_path).begin()
    make(tmp_path).complete({})
    with pytest.raises(BuildError, match=r"--vocab-size was 100, now 200.*--force"):
        make(tmp_path, vocab_size=200).begin()
    changed = Step(tmp_path, "vocab", {"vocab_size": 100}, {"documents": "xyz"})
    with pytest.raises(BuildError, match="input documents has changed"):
        changed.begin()


def test_a_begun_step_with_other_options_is_refused_too(tmp_path: Path) -> None:
    make(tmp_path).begin()
    with pytest.raises(BuildError, match="--vocab-size was 100, now 7"):
        make(tmp_path, vocab_size=7).begin()


def test_force_removes_the_step_and_what_follows_but_not_what_precedes(tmp_path: Path) -> None:
    for name, output in (
        ("extract", "documents"),
        ("vocab", "vocab"),
        ("tokens", "tokens"),
        ("examples-128", "shards"),
    ):
        step = make(tmp_path, name)
        step.begin()
        step.complete({})
        (tmp_path / output).mkdir()
        (tmp_path / output / "file").write_text("x")
    (tmp_path / "manifest.json").write_text("{}")
    assert make(tmp_path, "vocab", vocab_size=200).begin(force=True) is None
    assert (tmp_path / "documents" / "file").exists()
    assert not any((tmp_path / name).exists() for name in ("vocab", "tokens", "shards", "manifest.json"))
    assert complete_record(tmp_path, "extract") is not None
    assert complete_record(tmp_path, "examples-128") is None


def test_force_on_one_length_leaves_the_others(tmp_path: Path) -> None:
    for length in (128, 512):
        make(tmp_path, f"examples-{length}").begin()
        make(tmp_path, f"examples-{length}").complete({})
        (tmp_path / "shards" / str(length)).mkdir(parents=True)
    remove_from(tmp_path, "examples-128")
    assert not (tmp_path / "shards" / "128").exists()
    assert (tmp_path / "shards" / "512").exists()
    assert complete_record(tmp_path, "examples-512") is not None


def test_another_length_unfinishes_the_manifest(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    make(tmp_path, "examples-512").begin()
    assert not (tmp_path / "manifest.json").exists()


def test_a_cut_off_record_counts_as_none(tmp_path: Path) -> None:
    make(tmp_path).begin()
    (tmp_path / "steps" / "vocab.json").write_text('{"state": "comp')
    assert make(tmp_path).begin() is None


def test_work_folder_is_gone_at_the_end_and_kept_after_an_error_if_it_holds_results(tmp_path: Path) -> None:
    with lock_folder(tmp_path / "corpus"):
        assert (tmp_path / "corpus" / ".work").is_dir()
    assert not (tmp_path / "corpus" / ".work").exists()
    with pytest.raises(ValueError, match="stop"), lock_folder(tmp_path / "corpus"):
        raise ValueError("stop")
    assert not (tmp_path / "corpus" / ".work").exists()
    with pytest.raises(ValueError, match="stop"), lock_folder(tmp_path / "corpus"):
        write_json(tmp_path / "corpus" / ".work" / "vocab" / "one.json", {})
        raise ValueError("stop")
    assert (tmp_path / "corpus" / ".work" / "vocab" / "one.json").exists()


def test_leftover_temporary_files_are_removed_when_the_lock_is_taken(tmp_path: Path) -> None:
    (tmp_path / ".work").mkdir()
    (tmp_path / ".work" / ".00001.parquet.123-ab.tmp").write_text("half")
    with lock_folder(tmp_path):
        assert not list((tmp_path / ".work").glob(".*.tmp"))


def test_a_second_build_of_the_same_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bertdata.steps, "_LOCK_WAIT_SECONDS", 0.3)
    with lock_folder(tmp_path), pytest.raises(BuildError, match="Another build is at work"), lock_folder(tmp_path):
        pass


def test_the_lock_dies_with_its_holder(tmp_path: Path) -> None:
    code = textwrap.dedent(
        f"""
        import os, signal
        from pathlib import Path
        from bertdata.steps import lock_folder
        with lock_folder(Path({str(tmp_path)!r})):
            os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    with lock_folder(tmp_path):
        assert (tmp_path / ".work" / "lock").exists()


def test_a_folder_below_a_file_is_a_named_problem(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with (
        pytest.raises(BuildError, match=r"notes.txt/corpus can't be written"),
        lock_folder(tmp_path / "notes.txt/corpus"),
    ):
        pass


@pytest.mark.parametrize("where", ["disk", "store"])
def test_files_that_are_missing_are_told_from_those_there(where: str, tmp_path: Path) -> None:
    folder = tmp_path if where == "disk" else as_path("memory://bucket-missing/corpus")
    for name in ("documents/0.parquet", "shards/64/train/0.arrow"):
        with publish(folder / name) as path:
            path.write_bytes(b"four")
    made = [{"path": "documents/0.parquet", "bytes": 4}, {"path": "documents/1.parquet", "bytes": 4}]
    assert missing_files(folder, {"files": {"documents": made, "rejected": []}}) == ["documents/1.parquet"]
    shards = [{"path": "shards/64/train/0.arrow", "bytes": 4}]
    assert missing_files(folder, {"splits": {"64/train": {"files": shards}}, "threshold": 1}) == []
    assert missing_files(folder, {"rows": 7}) == []


def test_a_step_that_is_opened_again_unfinishes_the_folder(tmp_path: Path) -> None:
    make(tmp_path).begin()
    make(tmp_path).complete({"size": 100})
    write_json(tmp_path / "manifest.json", {})
    make(tmp_path).reopen()
    assert not (tmp_path / "manifest.json").exists()
    assert complete_record(tmp_path, "vocab") is None
    assert make(tmp_path).done() is None
