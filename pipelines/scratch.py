"""Folders for one run's sockets and results: nobody else's to open, and gone afterwards, even after a kill -9."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "bertdata-run-"
# A Unix socket's path has at most 107 bytes, so a deep TMPDIR doesn't do.
_LONGEST_PARENT = 60


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give a new folder (mode 0700) that lasts as long as the block; folders that killed processes left are removed.

    Its holder locks it, and a lock dies with its holder: an unlocked folder is nobody's.
    """
    parent = short_temporary_folder()
    _remove_abandoned(parent)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        with _locked(folder) as ours:
            # Between mkdtemp and the lock another process may have taken it for an abandoned one.
            if not ours or not folder.exists():
                continue
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            return


def short_temporary_folder() -> Path:
    """Return the folder for temporary files, /tmp where its path is too long for sockets."""
    folder = Path(tempfile.gettempdir())
    return folder if len(os.fsencode(folder)) <= _LONGEST_PARENT else Path("/tmp")


def _remove_abandoned(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError), _locked(folder) as ours:
            if ours and folder.stat().st_uid == os.getuid():
                shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    fd = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(fd)
