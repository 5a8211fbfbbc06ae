"""Memory: keep what was freed, and say what to lower when there is no more."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Iterator

import torch

from trainer.loop import TrainingError

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4


def keep_freed_memory() -> bool:
    """Tell glibc to keep freed blocks for the next tensors; return whether it did.

    By default it gives every block above 32 MB back to the kernel and gets it again page by page, zeroed: on a CPU that
    cost more than a third of a step of the small models.
    """
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_M_MMAP_MAX, 0) and mallopt(_M_TRIM_THRESHOLD, -1) and mallopt(_M_TOP_PAD, 1 << 26))


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
