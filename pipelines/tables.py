"""What one step finds of the steps before it: their files, their digest, or a line that says which to run first."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from bertdata.errors import BuildError
from bertdata.steps import complete_record

_FIRST = {
    "extract": "bertdata extract … --output {0}",
    "vocab": "bertdata build-vocab {0}",
    "tokens": "bertdata build-examples {0}",
}


def require_record(folder: Path, step: str) -> dict[str, Any]:
    """Return a complete step's record; raise BuildError, with the command to run first, where there is none."""
    record = complete_record(folder, step)
    if record is None:
        what = "is no folder" if not folder.is_dir() else f"has no finished {step} step"
        raise BuildError(f"{folder} {what}: run `{_FIRST[step].format(folder)}` first.")
    return record


def documents_files(folder: Path) -> list[dict[str, Any]]:
    """Return the descriptions of a folder's documents files."""
    return list(require_record(folder, "extract")["result"]["files"]["documents"])


def files_digest(files: list[dict[str, Any]]) -> str:
    """Return one digest for a list of files: what a later step compares its input by."""
    return hashlib.sha256("\n".join(f"{d['path']} {d['sha256']}" for d in files).encode()).hexdigest()[:32]
