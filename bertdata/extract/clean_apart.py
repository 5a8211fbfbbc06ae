"""Clean pages in a process of their own, for builds that go on past errors (`--on-error skip`).

A page whose cleaning never ends, or ends its process, costs that process and is rejected; the pages around it are not
touched. Pages travel there and back as pickles, in batches: a few per cent of the time that cleaning takes.

`python -m bertdata.extract.clean_apart` is that process.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import pickle
import select
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any

from bertdata.errors import BuildError
from bertdata.extract.options import ExtractOptions
from bertdata.extract.watch import SECONDS
from bertdata.extract.wikitext import Cleaned
from bertdata.records import Page, SiteInfo

HUNG, CRASHED = "error-hung", "error-crashed"
_CLEANER = "bertdata.extract.wikitext:Cleaner"
_PR_SET_PDEATHSIG = 1
_SIZE = struct.Struct("<I")


class CleanerProcess:
    """Cleans pages in another process, which is replaced where it doesn't answer for `seconds`.

    `cleaner` names the class that is made there from siteinfo and options, as `module:Class`.
    """

    def __init__(
        self, siteinfo: SiteInfo, options: ExtractOptions, seconds: float = SECONDS, cleaner: str = _CLEANER
    ) -> None:
        self.seconds = seconds
        self._greeting = (cleaner, siteinfo, options)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> CleanerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def clean(self, pages: Sequence[Page]) -> Iterator[Cleaned]:
        """Yield what became of each page, in order; the lost ones are rejected as `error-hung` or `error-crashed`."""
        done = 0
        while done < len(pages):
            process = self._send([(page.title, page.text, page.redirect) for page in pages[done:]])
            while done < len(pages):
                answer = self._receive(process, self.seconds)
                done += 1
                yield Cleaned("", rejected=answer) if isinstance(answer, str) else answer
                if isinstance(answer, str):
                    self._end()
                    break

    def _send(self, batch: list[tuple[str, str, bool]]) -> subprocess.Popen[bytes]:
        if self._process is None:
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
                start_new_session=True,
            )
            with contextlib.suppress(OSError):
                _write(self._process.stdin, self._greeting)
            # A busy machine takes seconds to start it: that is no page's fault.
            if isinstance(self._receive(self._process, SECONDS), str):
                raise BuildError("the process that cleans pages doesn't start; run the build without --on-error skip")
        with contextlib.suppress(OSError):  # It has crashed: no answer will say so.
            _write(self._process.stdin, batch)
        return self._process

    def _receive(self, process: subprocess.Popen[bytes], seconds: float) -> Cleaned | str:
        """Return the next answer, or the reason why there is none."""
        assert process.stdout is not None
        fd = process.stdout.fileno()
        # Looks are counted, no clock is asked: a build that is suspended and goes on hours later loses no page.
        if not any(select.select([fd], [], [], 0.5)[0] for _ in range(max(1, int(seconds * 2)))):
            return HUNG
        size = _read_bytes(fd, _SIZE.size)
        data = _read_bytes(fd, _SIZE.unpack(size)[0]) if size else b""
        if not data:
            return CRASHED
        cleaned: Cleaned = pickle.loads(data)
        return cleaned

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _read_bytes(fd: int, size: int) -> bytes:
    """Return so many bytes of a pipe, or nothing where it ends before."""
    parts = []
    while size:
        part = os.read(fd, min(size, 1 << 20))
        if not part:
            return b""
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _write(stream: IO[bytes] | None, message: object) -> None:
    assert stream is not None
    pickle.dump(message, stream, protocol=pickle.HIGHEST_PROTOCOL)
    stream.flush()


def _answer(stream: IO[bytes], cleaned: Cleaned) -> None:
    data = pickle.dumps(cleaned, pickle.HIGHEST_PROTOCOL)
    stream.write(_SIZE.pack(len(data)) + data)
    stream.flush()


def serve(source: IO[bytes], answers: IO[bytes]) -> None:
    """Answer batches of pages until `source` ends."""
    from bertdata.extract.wikipedia import clean_text

    name, siteinfo, options = pickle.load(source)
    module, _, class_name = name.partition(":")
    make: Callable[[SiteInfo, ExtractOptions], Any] = getattr(importlib.import_module(module), class_name)
    cleaner = make(siteinfo, options)
    _answer(answers, Cleaned(""))
    with contextlib.suppress(EOFError):
        while True:
            for title, text, redirect in pickle.load(source):
                _answer(answers, clean_text(cleaner, title, text, redirect))


def main() -> None:
    """Serve standard input and output; end when the parent does."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
