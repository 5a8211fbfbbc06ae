"""Calls to a store: retried where waiting may help, their errors named, and files read by range."""

from __future__ import annotations

import errno
import io
import logging
import math
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from bertdata.errors import BertdataError, OptionError, UnreadableError

if TYPE_CHECKING:
    from bertdata.store import StorePath

R = TypeVar("R")
# Where a file appears whole once its PUT (or the last part of it) is done; elsewhere it is put beside, and renamed.
OBJECT_STORES = frozenset(("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oss", "oci", "memory"))
# Waits of 0.2, 0.4, … 6.4 seconds between them, a minute in all, and no try begins after two: a store that refuses for
# a while comes back within them, and one that takes requests without an answer costs 15 seconds a try. No wait is as
# long as a lock lasts, or one would be lost after the store has come back.
_ATTEMPTS, _FIRST_WAIT, _DOUBLINGS, _PATIENCE = 14, 0.2, 5, 120.0
_CONNECT_SECONDS, _READ_SECONDS = 5.0, 15.0
# A call that takes longer is told of, so that nobody waits without a word; then not again for some time.
_SLOW_SECONDS, _SECONDS_BETWEEN_WORDS = 10.0, 300.0
# Bytes of a range request: the first is small, since many a reader wants a head only; then it doubles.
_FIRST_RANGE, LARGEST_RANGE = 1 << 16, 1 << 21
_EXTRAS = {"s3": "aws", "s3a": "aws", "gs": "gcp", "gcs": "gcp"}
_NO_CREDENTIALS = (
    "NoCredentialsError",
    "PartialCredentialsError",
    "DefaultCredentialsError",
    "CredentialRetrievalError",
    "RefreshError",
)
_told = -math.inf
# What S3 and Google say to a signature from another time.
_OTHER_CLOCK = re.compile(r"request time and the current time|RequestTimeTooSkewed|reasonable timeframe|Token used too")


def call(path: StorePath, function: Callable[[Any, str], R]) -> R:
    """Return `function(file system, key)` of a path; what may pass is tried again, with longer and longer waits.

    Raises FileNotFoundError and FileExistsError as the local file system does, OptionError where the store's
    driver or its credentials are missing, BertdataError where access is denied or the store doesn't answer.
    """
    began = time.monotonic()
    for attempt in range(_ATTEMPTS):
        try:
            # Never kept: fsspec has an instance for each process and thread, and none survives a fork.
            return function(*_file_system(path))
        except (FileExistsError, BertdataError):
            raise
        except (FileNotFoundError, NotADirectoryError) as error:
            what = _shown(error) if "ucket" in str(error) else "no such file"
            raise FileNotFoundError(errno.ENOENT, what, str(path)) from error
        except Exception as error:
            _raise_lasting(error, path)
            last = error
        wait, waited = _FIRST_WAIT * 2 ** min(attempt, _DOUBLINGS), time.monotonic() - began
        if attempt + 1 == _ATTEMPTS or waited + wait > _PATIENCE:
            break
        _tell_slow(path, waited, last)
        time.sleep(wait)
    raise UnreadableError(
        f"{path}: the store doesn't answer as it should, {attempt + 1} times in {waited:.0f} seconds ({_shown(last)})"
    ) from last


def _tell_slow(path: StorePath, waited: float, error: Exception) -> None:
    global _told
    if waited > _SLOW_SECONDS and time.monotonic() - _told > _SECONDS_BETWEEN_WORDS:
        _told = time.monotonic()
        logging.getLogger(__name__).warning(
            "%s: the store doesn't answer (%s); trying again for up to %.0f seconds", path, _shown(error), _PATIENCE
        )


def _file_system(path: StorePath) -> tuple[Any, str]:
    import fsspec

    scheme = path.parts[0].removesuffix(":")
    try:
        driver = fsspec.get_filesystem_class(scheme)
    except ImportError as error:
        extra = _EXTRAS.get(scheme)
        hint = f"`pip install 'bertdata[{extra}]'` brings it" if extra else "install it"
        raise OptionError(f"{path}: the driver for {scheme}:// isn't installed ({_shown(error)}); {hint}") from error
    except ValueError as error:
        raise OptionError(f"{path}: {scheme}:// is no store that fsspec knows ({_shown(error)})") from error
    # Without the driver's cache of listings: other processes write into the same folders. Drivers of file systems have
    # none, and may take the word for an option of theirs.
    uncached = {"use_listings_cache": False} if scheme in OBJECT_STORES else {}
    fs = driver(**driver._get_kwargs_from_urls(str(path)), **uncached)
    _bound(fs, scheme)
    return fs, driver._strip_protocol(str(path))


def _bound(fs: Any, scheme: str) -> None:
    """Have a driver answer or fail soon, and leave trying again to `call`: their tries multiply ours.

    With both, a read of S3 that hung went on for 38 minutes without a word. gcsfs keeps its six tries, since they renew
    a token that has expired; by itself it would wait five minutes for each.
    """
    if scheme in ("s3", "s3a"):
        fs.retries = 1
        fs.config_kwargs = {"retries": {"total_max_attempts": 1}, **fs.config_kwargs}
    elif scheme in ("gs", "gcs") and fs.requests_timeout is None:
        import aiohttp

        fs.requests_timeout = aiohttp.ClientTimeout(sock_connect=_CONNECT_SECONDS, sock_read=_READ_SECONDS)


def _raise_lasting(error: Exception, path: StorePath) -> None:
    """Raise the named problem that a store's error is, unless waiting may help."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        raise error
    if _OTHER_CLOCK.search(str(error)):
        raise OptionError(
            f"{path}: this machine's clock and the store's differ too much ({_shown(error)}); set this one's right"
        ) from error
    if type(error).__name__ in _NO_CREDENTIALS:
        raise OptionError(
            f"{path}: no credentials were found ({_shown(error)}); set those of the store as its own tools want them"
        ) from error
    code = getattr(error, "code", getattr(error, "status", 0))
    if isinstance(error, PermissionError) or code in (401, 403) or str(error).startswith("Forbidden"):
        raise UnreadableError(
            f"{path}: access is denied ({_shown(error)}); use other credentials, or ask its owner"
        ) from error
    if "libhdfs" in str(error) or "libjvm" in str(error):
        raise OptionError(
            f"{path}: Hadoop's client isn't found ({_shown(error)[:60]}): set HADOOP_HOME, JAVA_HOME, and CLASSPATH to "
            "what `hadoop classpath --glob` prints, or `pip install hdfs-native`, which needs neither"
        ) from error
    if type(error).__name__ == "ParamValidationError":
        raise OptionError(f"{path}: no bucket or key can have that name ({_shown(error)[:80]}…)") from error
    if isinstance(error, (NotImplementedError, TypeError, AttributeError)):
        raise OptionError(f"{path}: this store can't do that ({_shown(error)})") from error


def _shown(error: BaseException) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:200]


class RangeFile(io.RawIOBase):
    """A file of a store, read by range requests that grow while reading goes straight on."""

    def __init__(self, path: StorePath) -> None:
        super().__init__()
        self.name, self.path, self.size = str(path), path, path.state()[0]
        self.at, self.range = 0, _FIRST_RANGE

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        at = offset + (0, self.at, self.size)[whence]
        if at < 0:
            raise OSError(errno.EINVAL, "a place before the file's beginning")
        if at != self.at:
            self.at, self.range = at, _FIRST_RANGE
        return at

    def readinto(self, buffer: Any) -> int:
        end = min(self.size, self.at + min(len(buffer), self.range))
        if end <= self.at:
            return 0
        data = call(self.path, lambda fs, key: _read_range(fs, key, self.at, end))
        buffer[: len(data)] = data
        self.at, self.range = end, min(self.range * 2, LARGEST_RANGE)
        return len(data)


def _read_range(fs: Any, key: str, start: int, end: int) -> bytes:
    data: bytes = fs.cat_file(key, start=start, end=end)
    if len(data) != end - start:
        raise OSError(f"{len(data)} bytes came where {end - start} were asked for")
    return data
