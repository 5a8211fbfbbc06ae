"""Memory: keep what was freed, and say what to lower when there is no more."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import sys
from collections.abc import Iterator

import torch

from trainer.loop import TrainingError

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
# A heap of so much of the machine's memory may have huge pages; none of it is used before it is needed.
_HUGE_SHARE = 0.5


def keep_freed_memory() -> bool:
    """Tell glibc to keep freed blocks for the next tensors; return whether it did.

    By default it gives every block above 32 MB back to the kernel and gets it again page by page, zeroed: on a CPU that
    cost more than a third of a step of the small models.
    """
    if sys.platform != "linux":
        return False
    try:
        libc = ctypes.CDLL(None)
        mallopt = libc.mallopt
    except (OSError, AttributeError):
        return False
    kept = mallopt(_M_MMAP_MAX, 0) and mallopt(_M_TRIM_THRESHOLD, -1) and mallopt(_M_TOP_PAD, 1 << 26)
    if kept:
        _ask_for_huge_pages(libc)
    return bool(kept)


def _ask_for_huge_pages(libc: ctypes.CDLL) -> None:
    """Let the heap grow once, untouched, and have the kernel give it pages of 2 MB where it gives them on request.

    Products of 30 MB matrices miss the tables of small pages often: a step of `mini` costs a sixtieth less.
    """
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    size = int(os.sysconf("SC_PHYS_PAGES") * mmap.PAGESIZE * _HUGE_SHARE)
    block = libc.malloc(size)
    if block:
        start = -(-block // mmap.PAGESIZE) * mmap.PAGESIZE
        libc.madvise(start, size - mmap.PAGESIZE, mmap.MADV_HUGEPAGE)
        libc.free(block)


@contextlib.contextmanager
def named_shortage(micro_batch_size: int) -> Iterator[None]:
    """Turn "out of memory" inside this block into a TrainingError that says which setting to lower."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        text = str(error)
        known = isinstance(error, torch.OutOfMemoryError | MemoryError) or "allocate memory" in text
        if not known:
            raise
        raise TrainingError(
            f"Out of memory with {micro_batch_size} examples at once: run the same command with --micro-batch-size "
            f"{max(1, micro_batch_size // 2)} or below (the result stays the same), or take a smaller --preset"
        ) from error
