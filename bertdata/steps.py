"""What is finished: the record of each step, the results of its tasks, and the lock on the folder.

A step writes `steps/<step>.json` when it begins and completes it at its end. While it runs, each task that is done
leaves its result in `.work/<step>/`, so that a second run of the same command skips it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertdata.errors import BuildError
from bertdata.files import WORK, publish, remove_folder
from bertdata.store import StorePath, as_path, list_below, remove_empty

# In the order of the flow: rebuilding one rebuilds what follows.
STEPS = ("extract", "vocab", "tokens", "examples")
OUTPUTS = {"extract": ("documents", "rejected"), "vocab": ("vocab",), "tokens": ("tokens",), "examples": ("shards",)}
_LOCK_WAIT_SECONDS = 10


def write_json(path: Path, value: Any) -> None:
    """Publish a value as JSON with sorted keys."""
    with publish(path) as temporary:
        text = json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True)
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Return a JSON file's value, or None where the file isn't there or was cut off."""
    try:
        return json.loads(as_path(path).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


@dataclass(frozen=True)
class Step:
    """One step of a build in one folder.

    `name` is a step of STEPS, or `examples-128`: each length has its record. `options` are the step's own options that
    change bytes, `inputs` map a name to a fingerprint; both are compared when the step is met again.
    """

    folder: Path
    name: str
    options: dict[str, Any]
    inputs: dict[str, str]

    def __post_init__(self) -> None:
        # As they come back from the record: a tuple becomes a list.
        object.__setattr__(self, "options", json.loads(json.dumps(self.options)))

    @property
    def path(self) -> Path:
        """The record's file."""
        return self.folder / "steps" / f"{self.name}.json"

    @property
    def work(self) -> Path:
        """The folder of this step's task results and temporary files."""
        return self.folder / WORK / self.name

    def done(self, *, force: bool = False) -> dict[str, Any] | None:
        """Return the complete record if this step is done already; nothing is written.

        Raises BuildError, with the differences named, where the folder holds the step made (or begun) with other
        options or inputs, unless `force`.
        """
        record = read_json(self.path)
        if record is None:
            return None
        differences = self._differences(record)
        if differences and not force:
            raise BuildError(
                f"{self.folder} holds a build whose {self.name} step differs: {'; '.join(differences)}. "
                "Use another --output, or --force to build this step and what follows again."
            )
        return dict(record) if not differences and record["state"] == "complete" else None

    def begin(self, *, force: bool = False) -> dict[str, Any] | None:
        """Return the complete record if this step is done already; else record that it begins, and return None.

        Raises as `done` does; with `force` the outputs of a step that differs, and of all later ones, are removed.
        """
        if (finished := self.done(force=force)) is not None:
            return finished
        record = read_json(self.path)
        if record is not None and self._differences(record):
            remove_from(self.folder, self.name)
        self.reopen()
        return None

    def reopen(self) -> None:
        """Record that this step is to be made, or made again from the same input: the folder is unfinished then."""
        check_held(self.folder)
        (self.folder / "manifest.json").unlink(missing_ok=True)
        self._write("begun", {})

    def complete(self, result: dict[str, Any]) -> dict[str, Any]:
        """Complete the record with what the step made, drop its task results, and return the record."""
        record = self._write("complete", result)
        remove_folder(self.work)
        return record

    def _write(self, state: str, result: dict[str, Any]) -> dict[str, Any]:
        record = {"step": self.name, "state": state, "options": self.options, "inputs": self.inputs, "result": result}
        write_json(self.path, record)
        return record

    def _differences(self, record: dict[str, Any]) -> list[str]:
        found = [
            f"{flag(key)} was {record['options'].get(key)!r}, now {self.options.get(key)!r}"
            for key in sorted({*record["options"], *self.options})
            if record["options"].get(key) != self.options.get(key)
        ]
        old, new = record["inputs"], self.inputs
        found += [f"input {name} is gone" for name in sorted(set(old) - set(new))]
        found += [f"input {name} is new" for name in sorted(set(new) - set(old))]
        found += [f"input {name} has changed" for name in sorted(set(new) & set(old)) if old[name] != new[name]]
        return found if len(found) <= 4 else [*found[:4], f"and {len(found) - 4} more"]


def flag(name: str) -> str:
    """Return an option's name as the command line has it.

    >>> flag("max_seq_length")
    '--max-seq-length'
    """
    return "--" + name.replace("_", "-")


def complete_record(folder: Path, name: str) -> dict[str, Any] | None:
    """Return a step's record if the step is complete, else None."""
    record = read_json(folder / "steps" / f"{name}.json")
    return record if record is not None and record["state"] == "complete" else None


def missing_files(folder: Path, result: dict[str, Any]) -> list[str]:
    """Return which files that a step's result speaks of aren't in its folder as they were written, by size.

    Of a store names alone are compared: one listing tells a thousand, and an object appears whole.
    """
    splits = (split["files"] for split in result.get("splits", {}).values())
    files = [file for group in (*result.get("files", {}).values(), *splits) for file in group]
    if not isinstance(folder, StorePath):
        return [file["path"] for file in files if not _has_size(folder / file["path"], file["bytes"])]
    outputs = {Path(file["path"]).parts[0] for file in files}
    there = {str(path) for output in outputs for path in list_below(folder / output)}
    return [file["path"] for file in files if str(folder / file["path"]) not in there]


def _has_size(path: Path, num_bytes: int) -> bool:
    try:
        return path.stat().st_size == num_bytes
    except OSError:
        return False


def remove_from(folder: Path, step: str) -> None:
    """Remove a step, all later ones and the manifest from a folder: records, outputs and task results.

    Of `examples-128` only that length goes. The manifest goes first and the records next, so that an interruption
    leaves an unfinished build, never a mixed one.
    """
    check_held(folder)
    (folder / "manifest.json").unlink(missing_ok=True)
    if "-" in step:
        (folder / "steps" / f"{step}.json").unlink(missing_ok=True)
        remove_folder(folder / "shards" / step.split("-")[1])
        remove_folder(folder / WORK / step)
        return
    later = STEPS[STEPS.index(step) :]
    for name in later:
        for record in (folder / "steps").glob(f"{name}*.json"):
            record.unlink()
    for name in later:
        for output in OUTPUTS[name]:
            remove_folder(folder / output)
        for work in (folder / WORK).glob(f"{name}*"):
            remove_folder(work)


def check_held(folder: Path) -> None:
    """Raise BuildError where another build took a folder of a store over while this process stood still."""
    if isinstance(folder, StorePath):
        from bertdata.store_lock import check_lock

        check_lock(folder)


@contextlib.contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Hold the folder for one build: make it and its `.work`, and remove `.work` when the block ends without error.

    After an error `.work` stays if it holds task results, which the same command finds again. The lock dies with its
    holder: a locked file, or in a store an object that is renewed.

    Raises BuildError where another build holds it for more than ten seconds, or where it can't be made.
    """
    if isinstance(folder, StorePath):
        from bertdata.store_lock import hold

        with hold(folder / WORK / "lock"):
            yield
            check_held(folder)
            for left in (folder / WORK).iterdir():
                if left.name != "lock":
                    remove_folder(left)
        remove_empty(folder / WORK)
        return
    try:
        (folder / WORK).mkdir(parents=True, exist_ok=True)
        lock = _acquire(folder)
    except (PermissionError, NotADirectoryError, FileExistsError, OSError) as error:
        raise BuildError(f"{folder} can't be written ({error.strerror}): choose another --output.") from error
    try:
        for leftover in (folder / WORK).glob(".*.tmp"):
            leftover.unlink(missing_ok=True)
        yield
        shutil.rmtree(folder / WORK, ignore_errors=True)
    finally:
        if [path.name for path in (folder / WORK).glob("*")] == ["lock"]:
            shutil.rmtree(folder / WORK, ignore_errors=True)
        os.close(lock)


def _acquire(folder: Path) -> int:
    path, patience = folder / WORK / "lock", time.monotonic() + _LOCK_WAIT_SECONDS
    while True:
        (folder / WORK).mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The last holder may have removed the file between our open and our lock.
            if path.exists() and os.fstat(descriptor).st_ino == path.stat().st_ino:
                return descriptor
        except BlockingIOError:
            if time.monotonic() > patience:
                os.close(descriptor)
                raise BuildError(
                    f"Another build is at work in {folder}: wait for it to end, or choose another --output."
                ) from None
            time.sleep(0.1)
        os.close(descriptor)
