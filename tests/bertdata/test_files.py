from __future__ import annotations

import errno
import hashlib
from pathlib import Path

import pytest

from bertdata.errors import BuildError
from bertdata.files import fingerprint, publish, sha256_file


def test_file_appears_whole_at_the_end_and_not_at_all_after_an_error(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "file"
    with publish(target) as temporary:
        temporary.write_text("whole")
        assert not target.exists()
    assert target.read_text() == "whole"
    with pytest.raises(RuntimeError, match="boom"), publish(tmp_path / "other") as temporary:
        temporary.write_text("half")
        raise RuntimeError("boom")
    assert [p.name for p in tmp_path.iterdir()] == ["deep"]


def test_temporary_files_lie_in_the_work_folder_of_the_output(tmp_path: Path) -> None:
    (tmp_path / ".work").mkdir()
    with publish(tmp_path / "shards" / "128" / "train" / "x.arrow") as temporary:
        assert temporary.parent == tmp_path / ".work"
        temporary.write_text("x")


@pytest.mark.parametrize(
    ("code", "message"), [(errno.ENOSPC, "No space left on the device"), (errno.EROFS, "can't be written")]
)
def test_full_and_read_only_disks_are_named_problems(tmp_path: Path, code: int, message: str) -> None:
    with pytest.raises(BuildError, match=message), publish(tmp_path / "x"):
        raise OSError(code, "device")
    assert not list(tmp_path.iterdir())


def test_other_errors_pass_unchanged(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), publish(tmp_path / "x"):
        (tmp_path / "missing").read_text()


def test_fingerprint_sees_the_size_and_both_ends(tmp_path: Path) -> None:
    a = tmp_path / "a"
    a.write_bytes(b"x" * 3_000_000)
    first = fingerprint(a)
    assert first.startswith("3000000-")
    a.write_bytes(b"x" * 2_999_999 + b"y")
    assert fingerprint(a) != first
    a.write_bytes(b"y" + b"x" * 2_999_999)
    assert fingerprint(a) != first
    assert sha256_file(a) == hashlib.sha256(b"y" + b"x" * 2_999_999).hexdigest()
