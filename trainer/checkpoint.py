"""Checkpoints: whole folders `checkpoints/step-NNNNNNNN`, checked by SHA-256 before they are used."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bertdata.errors import BuildError, FormatError
from bertdata.files import sha256_file
from trainer.distributed import World, fill, full_state
from trainer.weights import save_tensors

FORMAT_VERSION = 1
_SLACK_BYTES = 1 << 20


def checkpoint_path(run: Path, step: int) -> Path:
    """Return the folder of the checkpoint that was taken after `step` steps.

    >>> checkpoint_path(Path("run"), 1000).name
    'step-00001000'
    """
    return run / "checkpoints" / f"step-{step:08d}"


def list_checkpoints(run: Path) -> list[Path]:
    """Return the checkpoints of a run, newest first."""
    return sorted((run / "checkpoints").glob("step-" + "[0-9]" * 8), reverse=True)


def optimizer_tensors(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimiser's state by the names of its parameters, as `exp_avg.bert.pooler.dense.bias`."""
    return {
        f"{kind}.{name}": tensor
        for name, parameter in model.named_parameters()
        for kind, tensor in sorted(optimizer.state[parameter].items())
    }


def save_checkpoint(
    run: Path, step: int, model: nn.Module, optimizer: torch.optim.Optimizer, options: dict[str, Any], world: World
) -> Path:
    """Write a checkpoint, whole or not at all; every rank has to call it.

    Raises BuildError where the disk is full; earlier checkpoints stay.
    """
    weights = full_state(model.state_dict())
    moments = full_state(optimizer_tensors(model, optimizer))
    path = checkpoint_path(run, step)
    problem: list[str | None] = [None]
    if world.is_first:
        try:
            _write(path, {"model.safetensors": weights, "optimizer.safetensors": moments}, step, options)
        except BuildError as error:
            problem = [str(error)]
    # The others must not run on while the first rank stops.
    message = next((text for part in world.gather(problem) for text in part if text), None)
    if message:
        raise BuildError(message)
    return path


def _write(path: Path, files: dict[str, dict[str, Tensor]], step: int, options: dict[str, Any]) -> None:
    with _named_problems(path), _whole_folder(path) as folder:
        needed = sum(x.numel() * x.element_size() for tensors in files.values() for x in tensors.values())
        if shutil.disk_usage(folder).free < needed + _SLACK_BYTES:
            raise OSError(errno.ENOSPC, f"{needed:,} bytes are needed")
        described = {}
        for name, tensors in files.items():
            save_tensors(tensors, folder / name)
            described[name] = {"bytes": (folder / name).stat().st_size, "sha256": sha256_file(folder / name)}
        state = {"format_version": FORMAT_VERSION, "step": step, "options": options, "files": described}
        (folder / "state.json").write_text(json.dumps(state, indent=1, sort_keys=True) + "\n", encoding="utf-8")


@contextlib.contextmanager
def _whole_folder(path: Path) -> Iterator[Path]:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.mkdir(parents=True, exist_ok=True)
        yield temporary
        for file in temporary.iterdir():
            with file.open("rb") as opened:
                os.fsync(opened.fileno())
        if path.exists():
            shutil.rmtree(path)
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def _named_problems(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        # safetensors' own errors carry the system's number in their text only.
        if full or any(f"os error {number}" in str(error) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)):
            kept = [other.name for other in list_checkpoints(path.parent.parent)]
            text = f"{kept[0]} is kept" if kept else "no earlier one exists"
            raise BuildError(
                f"No space left on the device for {path} ({text}): free some, then run the same command again."
            ) from error
        if isinstance(error, OSError):
            raise BuildError(f"{path} can't be written ({error.strerror}): change its rights, or --output.") from error
        raise


def remove_old(run: Path, keep: int) -> None:
    """Remove all but the newest `keep` checkpoints, and what a killed process left half-written."""
    for path in [*list_checkpoints(run)[keep:], *(run / "checkpoints").glob(".step-*.tmp")]:
        shutil.rmtree(path, ignore_errors=True)


def read_state(path: Path) -> dict[str, Any]:
    """Return a checkpoint's `state.json` after checking every file's size and SHA-256.

    Raises FormatError that says which file is damaged.
    """
    try:
        state: dict[str, Any] = json.loads((path / "state.json").read_text(encoding="utf-8"))
        version, files = state["format_version"], state["files"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path} is damaged: its state.json is missing or cut off") from error
    if version != FORMAT_VERSION:
        raise FormatError(f"{path} has checkpoint format {version}; this bertdata reads {FORMAT_VERSION}")
    for name, described in files.items():
        file = path / name
        size = file.stat().st_size if file.exists() else -1
        if size != described["bytes"]:
            found = f"{size:,} of {described['bytes']:,} bytes" if size >= 0 else "nothing"
            raise FormatError(f"{path} is damaged: {name} has {found}")
        if sha256_file(file) != described["sha256"]:
            raise FormatError(f"{path} is damaged: {name} has another checksum")
    return state


def newest_state(run: Path) -> tuple[Path | None, dict[str, Any], list[str]]:
    """Return the newest whole checkpoint with its state, and a line for every damaged one that was passed over.

    Raises FormatError where there are checkpoints and all are damaged.
    """
    problems: list[str] = []
    paths = list_checkpoints(run)
    for path in paths:
        try:
            return path, read_state(path), problems
        except FormatError as error:
            problems.append(str(error))
    if paths:
        raise FormatError(f"{problems[0]}; no earlier checkpoint is whole. Use --force to begin again")
    return None, {}, problems


def load_checkpoint(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Load weights and optimiser state, whatever the number of ranks that wrote them."""
    from safetensors.torch import load_file

    own = model.state_dict() | {}
    weights = load_file(path / "model.safetensors")
    moments = load_file(path / "optimizer.safetensors")
    expected = optimizer_tensors(model, optimizer)
    if weights.keys() != own.keys() or moments.keys() != expected.keys():
        raise FormatError(f"{path} is a checkpoint of another model or optimiser: use another --output")
    for target, source in ((own, weights), (expected, moments)):
        for name, tensor in target.items():
            if tensor.shape != source[name].shape:
                raise FormatError(
                    f"{path}: {name} has shape {list(source[name].shape)}, this model needs {list(tensor.shape)}: "
                    "it is a checkpoint of another preset or vocabulary; use another --output"
                )
            fill(tensor, source[name])
