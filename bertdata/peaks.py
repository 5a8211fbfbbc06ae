"""The largest memory that this process had, and forgetting it, to see the next step's."""

from __future__ import annotations

import contextlib
import re
import resource
import sys
from pathlib import Path


def peak_memory() -> int:
    """Return the largest resident memory in bytes: on Linux since `forget_peak`, elsewhere since the beginning."""
    return _from_status("VmHWM") or _largest_ever()


def forget_peak() -> int:
    """Begin to look for a new peak, where the system lets a process do that, and return the memory now in bytes."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _from_status("VmRSS") or _largest_ever()


def _from_status(name: str) -> int:
    with contextlib.suppress(OSError):
        if found := re.search(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE):
            return int(found[1]) * 1024
    return 0


def _largest_ever() -> int:
    # Linux counts in KiB, macOS in bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
