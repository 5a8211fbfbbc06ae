"""What a worker is at, noted in a file beside its log: whoever sees it die, on its machine, can say what it died of."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

# Names the log of a Python worker, on its machine, in its environment.
WORKER_LOG = "BERTDATA_WORKER_LOG"


@contextlib.contextmanager
def noting(words: str) -> Iterator[None]:
    """Keep a note while the block lasts; a process that is no worker keeps none."""
    note = _note_of(os.environ.get(WORKER_LOG, ""))
    if note is None:
        yield
        return
    with contextlib.suppress(OSError):  # A full disk is no reason to fail here.
        note.write_text(words, encoding="utf-8")
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def take_note(log: str) -> str:
    """Return what the worker with this log was at when it ended, and forget it; nothing if it was at nothing."""
    note = _note_of(log)
    with contextlib.suppress(OSError, ValueError):
        if note is not None:
            words = note.read_text(encoding="utf-8")
            note.unlink()
            return words
    return ""


def _note_of(log: str) -> Path | None:
    return Path(f"{log}.task") if log else None


def slice_files(task: Any) -> Sequence[str]:
    """Return the source files that a task reads; none where it reads what an earlier step wrote."""
    files: Sequence[str] = getattr(getattr(task, "payload", task), "files", ())
    return files


def describe_task(task: Any) -> str:
    """Name a task by the files and bytes that it reads."""
    payload, files = getattr(task, "payload", task), slice_files(task)
    if files:
        start, end = payload.start, payload.end
        where = f" from {start:,} to {end:,}" if end > 0 else ""
        return f"{files[0]}{f' and {len(files) - 1} more' if len(files) > 1 else ''}{where}"
    if isinstance(payload, dict) and "path" in payload:
        return str(payload["path"])
    return str(getattr(task, "key", payload))
