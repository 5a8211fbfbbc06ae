"""End the process, with one line that names the page, where cleaning a page never ends.

Bounds on a page keep cleaning short, so this guards against bugs only. Python can't interrupt C code that holds its
lock, nor run a thread beside it. So a small child process looks twice a second at memory that both share, says which
page hangs, and kills this process. It counts its looks instead of asking a clock, so a build that is suspended and
goes on hours later is left alone.
"""

from __future__ import annotations

import mmap
import os
import struct
import subprocess
import sys
import tempfile
from functools import lru_cache

# Far above what the largest page that is cleaned takes on a slow and busy machine: seconds.
SECONDS = 240.0
_LAYOUT = struct.Struct("<QI")
_MAX_LINE = 2000
_WATCH = """
import mmap, os, select, signal, struct, sys
memory, parent, looks = mmap.mmap(int(sys.argv[1]), 4096), int(sys.argv[2]), int(sys.argv[3])
seen, count = 0, 0
while not select.select([0], [], [], 0.5)[0]:
    page, size = struct.unpack_from("<QI", memory)
    seen, count = page, count + 1 if page and page == seen else 0
    if count >= looks:
        os.write(2, memory[12 : 12 + size])
        if os.getppid() == parent:
            os.kill(parent, signal.SIGKILL)
        break
"""


class PageWatch:
    """Watch one page at a time: `begin` when its cleaning begins (a microsecond), `end` when it is done."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds, self._page = seconds, 0
        with tempfile.TemporaryFile() as file:
            file.truncate(4096)
            self._memory = mmap.mmap(file.fileno(), 4096)
            command = [sys.executable, "-I", "-S", "-c", _WATCH]
            command += [str(file.fileno()), str(os.getpid()), str(int(seconds * 2))]
            # It ends when its standard input does, so with this process.
            self._child = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[file.fileno()])

    def begin(self, what: str) -> None:
        """Note that work on `what` begins now."""
        self._page += 1
        line = f"{what} is not cleaned after {self.seconds:.0f} s: this is a bug; leave that page out, and report it\n"
        data = line.encode("utf-8", "replace")[:_MAX_LINE]
        self._memory[12 : 12 + len(data)] = data
        _LAYOUT.pack_into(self._memory, 0, self._page, len(data))

    def end(self) -> None:
        """Watch no more until the next `begin`."""
        _LAYOUT.pack_into(self._memory, 0, 0, 0)


def page_watch() -> PageWatch:
    """Return this process's watch; a fork makes its own."""
    return _watch_of(os.getpid())


@lru_cache(maxsize=1)
def _watch_of(pid: int) -> PageWatch:
    return PageWatch()
