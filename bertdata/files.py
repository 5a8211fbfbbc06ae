"""Where files come from and how they appear: whole, under their final name, or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bertdata.errors import BuildError
from bertdata.store import StorePath, as_path, list_below, remove_below

# Buffers of 1 MB: larger ones measured no faster on local disks, smaller ones cost system calls.
_CHUNK = 1 << 20
# Where temporary files of an output folder live; gone at the end of a build.
WORK = ".work"


@contextlib.contextmanager
def publish(path: str | Path) -> Iterator[Path]:
    """Give a temporary path, and rename it to `path` when the block ends without error.

    The temporary file lies in the `.work` of the output folder that `path` is below (beside `path` where there is
    none) and is removed on error. Elements of a pipeline may run twice at once, so its name holds the process and a
    random part, and the last rename wins with the same bytes. A file for a store is put there by one PUT when the block
    ends; its temporary file lies in the cache, and stays there as its copy.

    Raises BuildError where the disk is full or the folder can't be written, or where another build took it over.
    """
    path = as_path(path)
    if isinstance(path, StorePath):
        with _publish_to_store(path) as temporary:
            yield temporary
        return
    temporary = _work_folder(path) / f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}.tmp"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise _named(error, path) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


@contextlib.contextmanager
def _publish_to_store(path: StorePath) -> Iterator[Path]:
    from bertdata.store_cache import cache_folder, put_and_keep, temporary_name
    from bertdata.store_lock import check_lock

    temporary = cache_folder() / temporary_name(path.name)
    try:
        yield temporary
        check_lock(path)
        put_and_keep(temporary, path)
    except OSError as error:
        raise _named(error, temporary) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def scratch_beside(path: Path) -> Path:
    """Return the local folder in which temporary files of a file to publish may lie."""
    from bertdata.store_cache import cache_folder

    return cache_folder() if isinstance(path, StorePath) else path.parent


def _work_folder(path: Path) -> Path:
    # shards/128/train/x.arrow is the deepest file of a corpus, so five folders up is enough.
    for folder in list(path.parents)[:5]:
        if (folder / WORK).is_dir():
            return folder / WORK
    return path.parent


def _named(error: OSError, path: Path) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return BuildError(f"No space left on the device for {path}: free some, then run the same command again.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR):
        return BuildError(f"{path} can't be written ({error.strerror}): choose another --output, or change its rights.")
    return error


def sha256_file(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes as hex digits."""
    digest = hashlib.sha256()
    with as_path(path).open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def fingerprint(path: str | Path) -> str:
    """Return `size-hash`, the hash over the first and the last MB: enough to see that a source was exchanged.

    Of a file in a store it is `size-version`, the version being the store's own checksum where it has one.
    """
    path = as_path(path)
    if isinstance(path, StorePath):
        return "{}-{}".format(*path.state())
    size = path.stat().st_size
    with path.open("rb") as file:
        digest = hashlib.sha256(file.read(_CHUNK))
        if size > _CHUNK:
            file.seek(max(_CHUNK, size - _CHUNK))
            digest.update(file.read(_CHUNK))
    return f"{size}-{digest.hexdigest()[:16]}"


def describe_source(path: str | Path) -> dict[str, Any]:
    """Return a source's bytes and SHA-256; of a file in a store, which isn't read, the store's checksum (`version`)."""
    path = as_path(path)
    if isinstance(path, StorePath):
        return dict(zip(("bytes", "version"), path.state(), strict=True))
    return {"bytes": path.stat().st_size, "sha256": sha256_file(path)}


def files_below(folder: Path) -> list[Path]:
    """Return all files below a folder, sorted; those of a store come a thousand at a request."""
    if isinstance(folder, StorePath):
        return list_below(folder)
    return sorted(path for path in folder.rglob("*") if path.is_file())


def remove_folder(folder: Path) -> None:
    """Remove a folder and all below it, if it is there."""
    if isinstance(folder, StorePath):
        remove_below(folder)
    else:
        shutil.rmtree(folder, ignore_errors=True)
