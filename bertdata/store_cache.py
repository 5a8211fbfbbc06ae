"""Copies on this machine of files in a store, for those who map files into memory; bounded, and checked.

A copy whose SHA-256 is known is named by it: it is found without asking the store. Files that this machine made and
put into a store stay here as copies, so the steps of a build on one machine download nothing of their own.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bertdata.errors import BuildError, FormatError, OptionError
from bertdata.store import StorePath, as_path, list_below, put_whole
from bertdata.store_calls import call

_CHUNK = 1 << 20
_DEFAULT_BYTES = 50_000_000_000
# A copy is opened at once by whoever asked for it; after that it may be removed, mapped or not.
_GRACE_SECONDS = 60
# A temporary file that nobody wrote to for a day: its process was killed.
_LEFT_SECONDS = 86_400
# The names of copies and of temporary files; the folder may hold jars, or whatever else its owner keeps in it.
_COPY = re.compile(r"[0-9a-f]{64}")
_TEMPORARY = re.compile(r"\..+\.\d+-[0-9a-f]{8}(-\d+)?\.(tmp|spill|merged)")
# Downloads at once: one connection to an object store gives some 50 MB/s.
_DOWNLOADS = 8
# What this process put into a store: bytes and SHA-256, for the step's record.
_put: dict[str, tuple[int, str]] = {}


def cache_folder() -> Path:
    """Return the folder of the copies: BERTDATA_CACHE, else bertdata's in the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    folder = Path(os.environ.get("BERTDATA_CACHE") or Path(home) / "bertdata")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OptionError(
            f"The cache {folder} can't be made ({error.strerror}): set BERTDATA_CACHE to a folder on a local disk"
        ) from error
    return folder


def cache_bytes() -> int:
    """Return the bytes that copies may take: BERTDATA_CACHE_BYTES, else 50 GB."""
    given = os.environ.get("BERTDATA_CACHE_BYTES", str(_DEFAULT_BYTES))
    if not given.isdecimal() or not int(given):
        raise OptionError(f"BERTDATA_CACHE_BYTES is {given!r}: a number of bytes above 0")
    return int(given)


def local_copy(path: str | Path, sha256: str = "") -> Path:
    """Return a local file with the content of `path`: a local path itself, of a file in a store a copy.

    Raises FormatError where the store's file isn't the one that `sha256` speaks of; FileNotFoundError.
    """
    path = as_path(path)
    if not isinstance(path, StorePath):
        return path
    name = sha256 or hashlib.sha256(f"{path} {path.state()}".encode()).hexdigest()
    copy = cache_folder() / name
    if _use(copy):
        return copy
    with _locked(copy):
        if not _use(copy):
            temporary = copy.with_name(temporary_name(name))
            try:
                _download(path, temporary, sha256)
                temporary.replace(copy)
            finally:
                temporary.unlink(missing_ok=True)
    make_room()
    return copy


def _download(path: StorePath, temporary: Path, sha256: str) -> None:
    try:
        call(path, lambda fs, key: fs.get_file(key, str(temporary)))
    except OSError as error:
        raise _full(error) from error
    if sha256 and (found := digest_file(temporary)) != sha256:
        raise FormatError(
            f"{path} isn't the file that was written (SHA-256 {found[:12]}…, not {sha256[:12]}…): build it again."
        )


def _full(error: OSError) -> Exception:
    if error.errno is None or isinstance(error, FileNotFoundError):
        return error
    return BuildError(f"The cache {cache_folder()} can't be written ({error.strerror}): set BERTDATA_CACHE elsewhere")


@contextlib.contextmanager
def _locked(copy: Path) -> Iterator[None]:
    """Let one process at a time download a file: the ranks of a training run all begin at once."""
    descriptor = os.open(copy.with_name(f".{copy.name[:2]}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _use(copy: Path) -> bool:
    try:
        os.utime(copy)
        return True
    except FileNotFoundError:
        return False


def has_copy(sha256: str) -> bool:
    """Say whether there is a copy of a file of this content."""
    return bool(sha256) and _use(cache_folder() / sha256)


def temporary_name(name: str) -> str:
    """Return a name that nobody else uses, also not another run of the same task."""
    return f".{name}.{os.getpid()}-{os.urandom(4).hex()}.tmp"


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a local file's bytes as hex digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def put_and_keep(temporary: Path, path: StorePath) -> None:
    """Put a file of the cache folder into a store, and keep it as its copy."""
    size, sha256 = temporary.stat().st_size, digest_file(temporary)
    put_whole(temporary, path)
    _put[str(path)] = size, sha256
    temporary.replace(cache_folder() / sha256)
    make_room()


def put_before(path: StorePath) -> tuple[int, str]:
    """Return bytes and SHA-256 of a file of a store, without reading it where this process put it there."""
    if found := _put.get(str(path)):
        return found
    copy = local_copy(path)
    return copy.stat().st_size, digest_file(copy)


def make_room() -> None:
    """Remove the copies that weren't used for longest, until the rest is within bounds; other files aren't touched."""
    limit, now, total = cache_bytes(), time.time(), 0
    found: list[tuple[float, int, str]] = []
    for entry in os.scandir(cache_folder()):
        is_copy = bool(_COPY.fullmatch(entry.name))
        with contextlib.suppress(FileNotFoundError):
            if (is_copy or _TEMPORARY.fullmatch(entry.name)) and entry.is_file(follow_symlinks=False):
                status = entry.stat()
                total += status.st_size
                if status.st_mtime <= now - (_GRACE_SECONDS if is_copy else _LEFT_SECONDS):
                    found.append((status.st_mtime, status.st_size, entry.path))
    for _, size, path in sorted(found):
        if total <= limit:
            break
        Path(path).unlink(missing_ok=True)
        total -= size


def fetch_copies(paths: Sequence[Path], checksums: Sequence[str]) -> None:
    """Make the copies of files in one folder of a store, eight at a time; of local files nothing.

    Raises OptionError where they are more than the cache holds, and what `local_copy` raises.
    """
    if not isinstance(paths[0], StorePath):
        return
    known = {str(path): path.state()[0] for path in list_below(paths[0].parent) if isinstance(path, StorePath)}
    needed, limit = sum(known.get(str(path), 0) for path in paths), cache_bytes()
    if needed > limit:
        raise OptionError(
            f"{paths[0].parent} has {needed:,} bytes, and the cache {cache_folder()} takes {limit:,}: set "
            "BERTDATA_CACHE_BYTES higher (BERTDATA_CACHE names another folder), or copy the corpus to a disk."
        )
    with ThreadPoolExecutor(_DOWNLOADS) as pool:
        for _ in pool.map(local_copy, paths, checksums):
            pass
