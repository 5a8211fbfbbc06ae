"""Download files whole: resumed where a connection broke, checked by their published checksums."""

from __future__ import annotations

import errno
import hashlib
import ssl
import urllib.error
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from http.client import HTTPException
from pathlib import Path
from threading import Event

from bertdata.errors import BuildError, InputError
from bertdata.extract.published import RemoteFile, open_url, unreachable

# Wikimedia asks for no more than two or three.
MAX_CONNECTIONS = 2
_CHUNK = 1 << 18
# Times a broken transfer is taken up again without a byte gained, and the seconds before each.
_WAITS = (1.0, 4.0, 15.0, 60.0)

_NETWORK = (urllib.error.URLError, HTTPException, ConnectionError, TimeoutError, ssl.SSLError)

# Called with a file's name, its bytes that are here, and its size where that is known; from any thread.
Progress = Callable[[str, int, int | None], None]


def no_progress(name: str, num_bytes: int, total: int | None) -> None:
    """Tell nobody."""


def download_files(
    files: Sequence[RemoteFile],
    folder: Path,
    progress: Progress = no_progress,
    waits: Sequence[float] = _WAITS,
) -> list[Path]:
    """Download files to a folder, two at a time, and return their paths.

    A file that is there with the right checksum is kept; a transfer that broke off, in this run or an earlier one, goes
    on where it stopped (`<name>.part`). A file appears under its name once its checksum is right.

    Raises InputError where a server can't be reached or a checksum stays wrong, BuildError where the disk is full.
    """
    stop = Event()
    pool = ThreadPoolExecutor(MAX_CONNECTIONS)
    try:
        tasks = [pool.submit(_Transfer(file, folder, progress, waits, stop).run) for file in files]
        done, _ = wait(tasks, return_when=FIRST_EXCEPTION)
        for failed in (task for task in done if task.exception()):
            failed.result()
        return [task.result() for task in tasks]
    finally:
        stop.set()  # An error or Ctrl-C in one ends the other too, between two chunks.
        pool.shutdown(wait=True, cancel_futures=True)


class _Transfer:
    def __init__(self, file: RemoteFile, folder: Path, progress: Progress, waits: Sequence[float], stop: Event) -> None:
        self.file, self.progress, self.waits, self.stop = file, progress, waits, stop
        self.path, self.part = folder / file.name, folder / f"{file.name}.part"

    def run(self) -> Path:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.path.exists() and self._digest(self.path) == self.file.digest:
                self.progress(self.file.name, self.path.stat().st_size, self.path.stat().st_size)
                return self.path
            for is_last in (False, True):
                self._transfer()
                if (got := self._digest(self.part)) == self.file.digest:
                    self.part.replace(self.path)
                    return self.path
                self.part.unlink()  # A part from an earlier run may be of another file: once more, from its begin.
                if is_last:
                    raise InputError(
                        f"{self.file.url} has the wrong {self.file.algorithm} ({got}, not {self.file.digest}), twice: "
                        "run the command again later, or take another --mirror"
                    )
        except OSError as error:
            raise _disk_problem(error, self.path) from error
        raise AssertionError("unreachable")

    def _transfer(self) -> None:
        """Fetch until the file is whole; a broken connection is taken up again where it broke."""
        failures = 0
        while True:
            have = self.part.stat().st_size if self.part.exists() else 0
            try:
                if self._fetch(have):
                    return
                failure: Exception = InputError("the connection broke off")
            except urllib.error.HTTPError as error:
                if error.code < 500 and error.code != 429:
                    raise InputError(
                        f"{self.file.url} answers {error.code} {error.reason}: list the dates again"
                    ) from error
                failure = error
            except _NETWORK as error:
                failure = error
            gained = self.part.exists() and self.part.stat().st_size > have
            failures = 0 if gained else failures + 1
            if failures > len(self.waits):
                raise unreachable(self.file.url, failure)
            if self.stop.wait(self.waits[max(0, failures - 1)] if self.waits else 0):
                raise InputError(f"{self.file.name} was stopped: run the same command again to go on")

    def _fetch(self, have: int) -> bool:
        """Append what the server sends from byte `have` on; return whether the file is whole then."""
        if have and have == self.file.num_bytes:
            return True
        headers = [("Range", f"bytes={have}-")] if have else []
        try:
            response = open_url(self.file.url, headers)
        except urllib.error.HTTPError as error:
            if error.code != 416:
                raise
            error.close()
            return True  # Nothing comes after it: the checksum says whether that is right.
        with response:
            resumed = response.status == 206 and _range_start(response.headers.get("Content-Range", "")) == have
            length = response.headers.get("Content-Length")
            have = have if resumed else 0
            total = have + int(length) if length and length.isdecimal() else self.file.num_bytes
            with self.part.open("ab" if resumed else "wb") as out:
                while chunk := response.read(_CHUNK):
                    out.write(chunk)
                    have += len(chunk)
                    self.progress(self.file.name, have, total)
                    if self.stop.is_set():
                        raise InputError(f"{self.file.name} was stopped: run the same command again to go on")
        return total is None or have >= total

    def _digest(self, path: Path) -> str:
        with path.open("rb") as file:
            return hashlib.file_digest(file, self.file.algorithm).hexdigest()


def _range_start(content_range: str) -> int:
    """Return the first byte of a Content-Range.

    >>> _range_start("bytes 100-199/200")
    100
    """
    start = content_range.removeprefix("bytes ").partition("-")[0]
    return int(start) if start.isdecimal() else -1


def _disk_problem(error: OSError, path: Path) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return BuildError(f"No space left on the device for {path}: free some, then run the same command to go on.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR):
        return BuildError(f"{path} can't be written ({error.strerror}): choose another --output, or change its rights.")
    return error
