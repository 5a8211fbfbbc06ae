"""Files in object stores: a path that is a URL (`s3://bucket/key`), read by range, listed in pages, put whole.

Everything that knows a store is here, in `store_calls` (retries, errors, ranges), `store_cache` (files that have to be
local) and `store_lock`. Drivers (s3fs, gcsfs, …) are imported when the first URL is used, and find credentials by their
own habits.
"""

from __future__ import annotations

import contextlib
import fnmatch
import io
import posixpath
import re
from collections.abc import Callable, Generator, Sequence
from pathlib import Path, PosixPath
from types import SimpleNamespace
from typing import Any, NoReturn

from bertdata.errors import BertdataError, BuildError, OptionError, require
from bertdata.store_calls import LARGEST_RANGE, OBJECT_STORES, RangeFile, call

# As text, or as pathlib makes it of text: `Path("s3://b/k")` is `s3:/b/k`.
_URL = re.compile(r"([a-z][a-z0-9+.-]+):(/+)", re.IGNORECASE)
_SCHEMES = "|".join(sorted(OBJECT_STORES | {"hdfs", "webhdfs"}))
_NEARLY_URL = re.compile(rf"({_SCHEMES})(?::|//)(?=\w)", re.IGNORECASE)
# Size and version of objects that a listing told: 100,000 files need no request each.
_listed: dict[str, tuple[int, str]] = {}


class StorePath(PosixPath):
    """A file or folder in a store, with pathlib's names for what may be done with it.

    What has no meaning in a store raises OptionError instead of touching the local disk.

    >>> path = StorePath("s3://bucket/corpus") / "vocab" / "vocab.txt"
    >>> str(path), path.parent.name, path.relative_to(path.parents[1]).as_posix()
    ('s3://bucket/corpus/vocab/vocab.txt', 'vocab', 'vocab/vocab.txt')
    """

    def __str__(self) -> str:
        first, *rest = self.parts or (".",)
        return f"{first}//{'/'.join(rest)}" if first.endswith(":") else "/".join((first, *rest))

    def __fspath__(self) -> NoReturn:
        raise OptionError(f"{self} lies in an object store, which this can't use: name a local path")

    def absolute(self) -> StorePath:
        """Return the path: a URL is absolute."""
        return self

    def resolve(self, strict: bool = False) -> StorePath:
        """Return the path: there are no links in a store."""
        return self

    def expanduser(self) -> StorePath:
        """Return the path: there are no homes in a store."""
        return self

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        """Do nothing: a folder is there when a file in it is."""

    def state(self) -> tuple[int, str]:
        """Return (bytes, version): the store's own checksum of the content where it has one, else its time."""
        return _listed.get(str(self)) or _state(self._info())

    def _info(self) -> dict[str, Any]:
        info = dict(call(self, lambda fs, key: fs.info(key)))
        if str(self) in _listed:
            _listed[str(self)] = _state(info)
        return info

    def _type(self) -> str:
        try:
            return str(self._info()["type"])
        except FileNotFoundError:
            return ""

    def stat(self, *, follow_symlinks: bool = True) -> Any:
        """Return `st_size`, and an `st_mtime_ns` that changes when the content does."""
        size, version = self.state()
        return SimpleNamespace(st_size=size, st_mtime_ns=hash(version))

    def exists(self, *, follow_symlinks: bool = True) -> bool:
        """Say whether there is such a file, or a file below it."""
        return bool(self._type())

    def is_file(self) -> bool:
        """Say whether there is such a file."""
        return self._type() == "file"

    def is_dir(self) -> bool:
        """Say whether there is a file below it."""
        return self._type() == "directory"

    def open(self, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        """Open the file for reading, by ranges; files are written by `bertdata.files.publish` only."""
        require(mode in ("r", "rt", "rb"), f"{self} can't be opened to be written", BuildError)
        file = io.BufferedReader(RangeFile(self), LARGEST_RANGE)
        return file if mode == "rb" else io.TextIOWrapper(file, *args[1:], **kwargs)

    def read_bytes(self) -> bytes:
        """Return the file's bytes, by one request."""
        return bytes(call(self, lambda fs, key: fs.cat_file(key)))

    def read_text(self, encoding: str | None = None, errors: str | None = None, newline: str | None = None) -> str:
        """Return the file's text."""
        return self.read_bytes().decode(encoding or "utf-8", errors or "strict")

    def iterdir(self) -> Generator[StorePath, None, None]:
        """Yield what lies in the folder; nothing where it isn't there."""
        try:
            names = call(self, lambda fs, key: fs.ls(key, detail=False))
        except FileNotFoundError:
            return
        for name in sorted({posixpath.basename(name.rstrip("/")) for name in names}):
            if name and name != self.name:
                yield self / name

    def glob(self, pattern: str, **kwargs: Any) -> Generator[StorePath, None, None]:  # type: ignore[override]
        """Yield what lies in the folder and matches a pattern without folders."""
        return (path for path in self.iterdir() if fnmatch.fnmatchcase(path.name, pattern))

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove the file."""
        try:
            call(self, lambda fs, key: fs.rm_file(key))
        except FileNotFoundError:
            if not missing_ok:
                raise


def as_path(value: str | Path) -> Path:
    """Return a local path, or a StorePath where the value is a URL (also one that went through pathlib).

    Raises OptionError for URLs that paths can't stand for, and for what was probably meant as one.

    >>> as_path("a/b"), as_path("S3://b/k"), as_path(Path("s3://b/k")), as_path("file:///tmp/x")
    (PosixPath('a/b'), StorePath('s3://b/k'), StorePath('s3://b/k'), PosixPath('/tmp/x'))
    """
    if isinstance(value, StorePath):
        return value
    text = str(value)
    match = _URL.match(text)
    if match is None:
        nearly = _NEARLY_URL.match(text)
        if nearly and not Path(Path(text).parts[0]).exists():
            raise OptionError(f"{value} is no URL: did you mean {nearly[1].lower()}://{text[nearly.end() :]}?")
        return value if isinstance(value, Path) else Path(value)
    scheme = match[1].lower()
    if scheme in ("file", "local"):
        return Path("/" + text[match.end() :])
    url = scheme + text[match.end(1) :]
    path, slashes = StorePath(url), len(match[2])
    is_bare = len(path.parts) < 2 or slashes > 2
    if is_bare or ".." in path.parts or (slashes > 1 and str(path) != url.rstrip("/")):
        what = "name its host or bucket" if is_bare else "empty parts, `.` and `..` in a key aren't read"
        raise OptionError(f"{value}: {what} (such as {scheme}://bucket/folder)")
    return path


def _state(info: dict[str, Any]) -> tuple[int, str]:
    names = ("ETag", "md5Hash", "crc32c", "etag", "mtime", "LastModified", "modification_time", "created")
    version = next((str(info[name]) for name in names if info.get(name)), "")
    return int(info["size"] or 0), version.strip('"')


def put_whole(local: Path, path: StorePath) -> None:
    """Put a local file into a store under its name: it appears there whole, or not at all.

    Raises BuildError where its bucket isn't there.
    """

    def put(fs: Any, key: str) -> None:
        if path.parts[0].removesuffix(":") in OBJECT_STORES:
            # Of s3fs' own 50 MB a part ten would be in memory at once.
            bounds = {"chunksize": 16 << 20, "max_concurrency": 4} if "s3" in fs.protocol else {}
            fs.put_file(str(local), key, **bounds)
            return
        # In the folder of temporary files, which goes at the end of a build, whatever a killed process left in it.
        work = next((p / ".work" for p in list(path.parents)[:5] if (p / ".work").is_dir()), path.parent)
        beside = fs._strip_protocol(str(work / f".{path.name}.{local.name.rsplit('.', 2)[-2]}.tmp"))
        fs.makedirs(posixpath.dirname(beside), exist_ok=True)
        fs.makedirs(posixpath.dirname(key), exist_ok=True)
        fs.put_file(str(local), beside)
        if fs.exists(key):
            fs.rm_file(key)
        fs.mv(beside, key)

    try:
        call(path, put)
    except FileNotFoundError as error:
        raise no_bucket(path, error) from error


def is_bucket_missing(path: Path) -> bool:
    """Say whether a path lies in a bucket that isn't there (so nothing below it can be)."""
    return isinstance(path, StorePath) and len(path.parts) > 1 and not StorePath(*path.parts[:2]).exists()


def no_bucket(path: StorePath, error: OSError) -> BuildError:
    """Return the problem that a file can't be put since there is nothing to put it into."""
    return BuildError(f"{path} can't be written: {'//'.join(path.parts[:2])} isn't there ({error.strerror}); create it")


def remove_below(path: StorePath) -> None:
    """Remove a folder of a store and all below it, if it is there."""
    try:
        call(path, lambda fs, key: fs.rm(key, recursive=True))
    except FileNotFoundError:
        return


def remove_empty(path: StorePath) -> None:
    """Remove a folder that is empty, where the store has folders (HDFS has); object stores have none."""
    if path.parts[0].removesuffix(":") not in OBJECT_STORES:
        with contextlib.suppress(FileNotFoundError, BertdataError):
            call(path, lambda fs, key: fs.rmdir(key))


def list_below(folder: StorePath) -> list[Path]:
    """Return all files below a folder, in the order of their keys; the store is asked once a thousand of them."""
    return _list(folder, lambda fs, key: fs.find(key, detail=True))[0]


def list_matching(root: StorePath, pattern: StorePath) -> tuple[list[Path], list[Path]]:
    """Return the files and the folders that match a pattern whose fixed part is `root`, as `glob` has it on a disk."""
    require(len(root.parts) > 1, f"{pattern}: a pattern may stand for keys, not for buckets: name its bucket")
    # One `**` is as many as stand side by side; each would double the ways to match.
    parts = pattern.relative_to(root).parts
    parts = tuple(part for part, before in zip(parts, ("", *parts), strict=False) if not part == before == "**")
    # Drivers refuse `**` but for whole parts; to `glob` it is `*` there.
    asked = root.joinpath(*(part if part == "**" else re.sub(r"\*+", "*", part) for part in parts))
    found = _list(root, lambda fs, key: fs.glob(fs._strip_protocol(str(asked)), detail=True))
    files, folders = ([p for p in paths if _is_match(p.relative_to(root).parts, parts)] for paths in found)
    return files, folders


def _is_match(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Say whether the parts of a path match those of a pattern; hidden ones do where the pattern's has the point.

    >>> [_is_match(path.split("/"), ("**", "*.txt")) for path in ("x.txt", "a/b/x.txt", ".a/x.txt", "a/.x.txt")]
    [True, True, False, False]
    >>> _is_match((".a", "x.txt"), (".*", "*.txt")), _is_match(("a", "b", "x.txt"), ("*", "*.txt"))
    (True, False)
    """
    if not pattern or not parts:
        return not parts and all(part == "**" for part in pattern)
    is_shown = not parts[0].startswith(".") or pattern[0].startswith(".")
    if pattern[0] == "**":
        return _is_match(parts, pattern[1:]) or (is_shown and _is_match(parts[1:], pattern))
    return is_shown and fnmatch.fnmatchcase(parts[0], pattern[0]) and _is_match(parts[1:], pattern[1:])


def _list(root: StorePath, find: Callable[[Any, str], dict[str, Any]]) -> tuple[list[Path], list[Path]]:
    """Return the files and the folders that a driver finds, and keep what it tells of the files."""
    try:
        key, found = call(root, lambda fs, key: (key, find(fs, key)))
    except FileNotFoundError:
        return [], []
    files: list[Path] = []
    folders: list[Path] = []
    for name in sorted(found):
        if found[name]["type"] == "directory":
            folders.append(as_path(f"{root}/{name.removeprefix(key).strip('/')}"))
        elif found[name]["type"] == "file" and not name.endswith("/"):
            path = as_path(f"{root}/{name.removeprefix(key).lstrip('/')}")
            _listed[str(path)] = _state(found[name])
            files.append(path)
    return files, folders


def open_table(path: str | Path) -> Any:
    """Return what pyarrow reads a table from: a local path, or a file of a store, fetched as far as it is read."""
    path = as_path(path)
    return path.open("rb") if isinstance(path, StorePath) else path
